/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>

#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/decode/decode_formats.h"
#include "tests/tap.h"

typedef int decoder(const struct source *in, json_t **out, struct err *e);

/* "id=status ..." and what is said about the whole. */
static void summary_of(const json_t *value, char *out, size_t n)
{
	const json_t *t;
	size_t i, at = 0;

	json_array_foreach(json_object_get(value, "tests"), i, t)
		at += (size_t)snprintf(out + at, n - at, "%s=%s; ",
				       json_string_value(json_object_get(t, "id")),
				       json_string_value(json_object_get(t, "status")));
	(void)snprintf(out + at, n - at, "plan %lld%s",
		       json_object_get(value, "plan")
			       ? (long long)json_integer_value(json_object_get(value, "plan"))
			       : -1LL,
		       json_is_true(json_object_get(value, "ended")) ? " ended" : "");
}

static void check_text(decoder *decode, const char *text, const json_t *options, const char *want)
{
	const struct source in = {
		.name = "r", .text = text, .n = strlen(text), .options = options
	};
	AUTO_JSON json_t *v = NULL;
	struct err e = ERR_INIT;
	char got[2048] = "";

	if (decode(&in, &v, &e) == 0)
		summary_of(v, got, sizeof(got));
	else
		(void)snprintf(got, sizeof(got), "%s", e.msg);
	CHECK_STR(got, want);
}

static void check_file(decoder *decode, const char *path, const json_t *options, const char *want)
{
	AUTO_BUF struct buf text = BUF_INIT(1u << 20);
	struct err e = ERR_INIT;

	CHECK_INT(file_read_at(AT_FDCWD, path, 1u << 20, &text, &e), 0);
	if (text.p)
		check_text(decode, text.p, options, want);
}

static void tap_gives_the_path_of_each_subtest(void)
{
	check_file(tap_decode, "tests/fuzz/corpus/tap/node.txt", NULL,
		   "outer > passes=pass; outer > fails # 1=fail; outer > skipped=skip; "
		   "outer > later=todo; outer > deep > x=pass; outer > deep=pass; outer=fail; "
		   "top=pass; top#2=pass; plan 3 ended");
}

static void tap_of_a_flat_runner_is_counted_against_its_plan(void)
{
	AUTO_JSON json_t *options = json_pack("{s:s}", "prefix", "test/a.js");

	check_file(tap_decode, "tests/fuzz/corpus/tap/tape.txt", options,
		   "test/a.js::a > b=pass; test/a.js::should be equal=fail; test/a.js::x=skip; "
		   "plan 3 ended");
}

static void tap_that_bails_out_or_stops_short_has_not_ended(void)
{
	check_file(tap_decode, "tests/fuzz/corpus/tap/bail.txt", NULL, "(no name)=pass; plan 3");
	check_text(tap_decode, "ok 1 - a\n", NULL, "a=pass; plan -1");
	check_text(tap_decode, "1..2\nok 1 - a\n", NULL, "a=pass; plan 2");
	check_text(tap_decode, "1..1\nok 1 - a\nok 2 - b\n", NULL, "a=pass; b=pass; plan 1");
}

static void junit_gives_class_and_name(void)
{
	check_file(junit_decode, "tests/fuzz/corpus/junit/pytest.xml", NULL,
		   "tests.test_a.TestX::test_ok[1<2]=pass; tests.test_a::test_bad=fail; "
		   "tests.test_a::test_skip=skip; tests.test_broken=fail; plan -1 ended");
}

static void junit_refuses_what_is_not_a_report(void)
{
	check_text(junit_decode, "<a><b></a>", NULL, "r:1:9: mismatched tag");
	check_text(junit_decode, "<!DOCTYPE a [<!ENTITY x \"y\">]><a/>", NULL,
		   "r:1:13: a document type is not allowed");
	check_text(junit_decode, "<a><testcase/></a>", NULL, "r:1:4: a <testcase> without a name");
	check_text(junit_decode, "<testcase name=\"a\">\n<testcase name=\"b\"/></testcase>", NULL,
		   "r:2:1: a <testcase> inside another");
	check_text(junit_decode, "", NULL, "r:1:1: no element found");
}

static void reporter_lines_are_strict(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "", "plan -1" },
		{ "{\"e\":\"end\"}", "plan -1" }, /* cut off: not ended */
		{ "{\"e\":\"end\"}\nx", "r:2:1: something follows the 'end' event" },
		{ "{\"e\":\"test\",\"id\":\"a\",\"status\":\"maybe\"}\n",
		  "r:1:1: 'status' is none of pass, fail, skip, todo" },
		{ "{\"e\":\"test\",\"status\":\"pass\"}\n",
		  "r:1:1: a test needs 'id', 'status' and perhaps a number 'ms'" },
		{ "{\"e\":\"plan\",\"n\":-1}\n", "r:1:1: a plan needs a number 'n'" },
		{ "{\"e\":\"fault\",\"lang\":\"perl\",\"stack\":\"\"}\n",
		  "r:1:1: a fault needs 'test', 'lang' (node, python, sanitizer) and 'stack'" },
		{ "{\"e\":\"value\",\"id\":\"v\",\"outcome\":\"perhaps\"}\n",
		  "r:1:1: a value needs 'id' and 'outcome' (value or throw)" },
		{ "{\"e\":\"test\",\"id\":\"a\",\"status\":\"pass\"}\n{\"e\":\"end\"}\n",
		  "a=pass; plan -1 ended" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_text(results_decode, rows[i].text, NULL, rows[i].want);
}

static void ids_stay_unique_whatever_the_tests_are_called(void)
{
	check_text(results_decode,
		   "{\"e\":\"test\",\"id\":\"a\",\"status\":\"pass\"}\n"
		   "{\"e\":\"test\",\"id\":\"a\",\"status\":\"pass\"}\n"
		   "{\"e\":\"test\",\"id\":\"a#2\",\"status\":\"pass\"}\n"
		   "{\"e\":\"test\",\"id\":\"a\",\"status\":\"fail\"}\n"
		   "{\"e\":\"test\",\"id\":\"a\",\"status\":\"skip\"}\n",
		   NULL, "a=pass; a#2=pass; a#2#2=pass; a#3=fail; a#4=skip; plan -1");
}

static void a_fault_without_a_readable_trace_has_no_chain(void)
{
	static const char text[] =
		"{\"e\":\"fault\",\"test\":null,\"lang\":\"python\",\"stack\":\"what?\"}\n";
	const struct source in = { .name = "r", .text = text, .n = sizeof(text) - 1 };
	AUTO_JSON json_t *v = NULL;
	struct err e = ERR_INIT;
	const json_t *fault;

	CHECK_INT(results_decode(&in, &v, &e), 0);
	fault = json_array_get(json_object_get(v, "faults"), 0);
	CHECK(json_is_null(json_object_get(fault, "test")));
	CHECK_INT((long long)json_array_size(json_object_get(fault, "chain")), 0);
}

TAP_MAIN(TEST(tap_gives_the_path_of_each_subtest),
	 TEST(tap_of_a_flat_runner_is_counted_against_its_plan),
	 TEST(tap_that_bails_out_or_stops_short_has_not_ended), TEST(junit_gives_class_and_name),
	 TEST(junit_refuses_what_is_not_a_report), TEST(reporter_lines_are_strict),
	 TEST(ids_stay_unique_whatever_the_tests_are_called),
	 TEST(a_fault_without_a_readable_trace_has_no_chain))
