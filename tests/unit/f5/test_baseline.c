/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/testrun/testrun.h"
#include "tests/tap.h"

static json_t *results(const char *text)
{
	json_t *v = json_loads(text, 0, NULL);

	CHECK(v != NULL);
	return v;
}

static void tests_that_passed_and_do_not_now_are_broken(void)
{
	struct baseline b = { .status = results(
				      "{\"z\":\"pass\",\"fails\":\"pass\",\"gone\":\"pass\","
				      "\"skipped\":\"pass\",\"ok\":\"pass\",\"red\":\"fail\","
				      "\"todo\":\"todo\",\"off\":\"skip\"}"),
			      .flaky = results("{\"flaky\":\"passed 1 of 3\"}") };
	const struct test_report now = {
		.status = results("{\"z\":\"todo\",\"fails\":\"fail\",\"skipped\":\"skip\","
				  "\"ok\":\"pass\",\"red\":\"pass\",\"off\":\"fail\","
				  "\"flaky\":\"fail\",\"new\":\"fail\"}")
	};
	struct strlist named = { 0 };
	struct err e = ERR_INIT;
	size_t count = 0;

	CHECK_INT(baseline_broken(&b, &now, 10, &named, &count, &e), 0);
	CHECK_INT((long long)count, 4);
	CHECK_INT((long long)named.n, 4);
	if (named.n == 4) {
		CHECK_STR(named.v[0], "fails");
		CHECK_STR(named.v[1], "gone");
		CHECK_STR(named.v[2], "skipped");
		CHECK_STR(named.v[3], "z");
	}
	strlist_release(&named);
	/* all are counted, however few are named */
	CHECK_INT(baseline_broken(&b, &now, 2, &named, &count, &e), 0);
	CHECK_INT((long long)count, 4);
	CHECK_INT((long long)named.n, 2);
	strlist_release(&named);
	json_decref(now.status);
	baseline_release(&b);
}

static void a_run_without_results_breaks_everything(void)
{
	struct baseline b = { .status = results("{\"a\":\"pass\",\"b\":\"pass\"}"),
			      .flaky = results("{}") };
	const struct test_report now = { .status = results("{}") };
	struct strlist named = { 0 };
	struct err e = ERR_INIT;
	size_t count = 0;

	CHECK_INT(baseline_broken(&b, &now, 10, &named, &count, &e), 0);
	CHECK_INT((long long)count, 2);
	strlist_release(&named);
	json_decref(now.status);
	baseline_release(&b);
}

static void a_baseline_survives_its_record(void)
{
	struct baseline b = { .status = results("{\"a\":\"pass\",\"b\":\"fail\",\"c\":\"skip\"}"),
			      .flaky = results("{\"d\":\"passed 1 of 3\"}"),
			      .runs = 3,
			      .complete = true,
			      .wall_us = 12,
			      .cpu_us = 7 };
	json_t *v = baseline_write(&b);
	struct baseline again = { 0 };
	struct err e = ERR_INIT;

	CHECK_INT(baseline_read(v, &again, &e), 0);
	CHECK(json_equal(again.status, b.status) && json_equal(again.flaky, b.flaky));
	CHECK_INT((long long)again.runs, 3);
	CHECK_INT(again.complete, 1);
	CHECK_INT((long long)again.wall_us, 12);
	CHECK_INT((long long)again.cpu_us, 7);
	CHECK_INT((long long)again.tests, 3);
	CHECK_INT((long long)again.passed, 1);
	CHECK_INT((long long)again.failed, 1);
	CHECK_INT((long long)again.skipped, 1);
	baseline_release(&again);
	json_decref(v);
	v = json_pack("{s:[]}", "status");
	CHECK_INT(baseline_read(v, &again, &e), -EBADMSG);
	CHECK_STR(e.msg, "baseline: not as it was written");
	json_decref(v);
	baseline_release(&b);
}

/* Green is a run that went well from end to end and in which something passed. */
static void green_needs_all_of_it(void)
{
	const struct test_report good = {
		.exit = { .kind = EXIT_EXITED }, .built = true, .complete = true, .passed = 1
	};
	struct test_report r[6];

	for (size_t i = 0; i < 6; i++)
		r[i] = good;
	r[0].built = false;
	r[1].complete = false;
	r[2].exit.code = 1;
	r[3].exit.kind = EXIT_SIGNALLED;
	r[4].passed = 0;
	r[5].failed = 1;
	CHECK(test_report_green(&good));
	for (size_t i = 0; i < 6; i++)
		CHECK(!test_report_green(&r[i]));
}

TAP_MAIN({ "tests that passed and do not now are broken",
	   tests_that_passed_and_do_not_now_are_broken },
	 { "a run without results breaks everything", a_run_without_results_breaks_everything },
	 { "a baseline survives its record", a_baseline_survives_its_record },
	 { "green needs all of it", green_needs_all_of_it })
