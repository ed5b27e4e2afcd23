/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/host/proof/steps.h"
#include "tests/tap.h"

#define MIB 1048576ull

static struct step_result judged(struct suite_cost before, struct suite_cost after)
{
	struct step_result r = { 0 };
	struct err e = ERR_INIT;

	CHECK_INT(step_cost_judge(&before, &after, &r, &e), 0);
	CHECK_INT(
		json_integer_value(json_object_get(json_object_get(r.measured, "after"), "cpu_us")),
		(json_int_t)after.least[COST_CPU]);
	json_decref(r.measured);
	return r;
}

static struct suite_cost cost(uint64_t cpu_ms, uint64_t wall_ms, uint64_t mib)
{
	return (struct suite_cost){ .least = { [COST_CPU] = cpu_ms * 1000,
					       [COST_WALL] = wall_ms * 1000,
					       [COST_MEMORY] = mib * MIB },
				    .runs = 3 };
}

static void the_least_counts(void)
{
	struct suite_cost c = { 0 };
	const struct test_report runs[] = {
		{ .exit = { .cpu_us = 5, .wall_us = 70, .peak_memory = 900 },
		  .built = true,
		  .complete = true },
		{ .exit = { .cpu_us = 7, .wall_us = 60, .peak_memory = 800 },
		  .built = true,
		  .complete = true },
	};

	suite_cost_add(&c, &runs[0], true);
	suite_cost_add(&c, &runs[1], true);
	CHECK_INT(c.least[COST_CPU], 5);
	CHECK_INT(c.least[COST_WALL], 60);
	CHECK_INT(c.least[COST_MEMORY], 800);
	CHECK_INT(c.runs, 2);
}

/* A patch that ends a run now and then would be cheap. */
static void what_did_not_end_does_not_count(void)
{
	const struct test_report early = { .exit = { .cpu_us = 1 }, .built = true };
	const struct test_report broken = { .exit = { .cpu_us = 1 }, .complete = true };
	struct suite_cost c = { 0 };
	struct step_result r;

	suite_cost_add(&c, &early, true);
	suite_cost_add(&c, &broken, true);
	CHECK_INT(c.runs, 0);
	r = judged(cost(1000, 1000, 100), c);
	CHECK(!r.holds);
	CHECK_STR(r.says, "with the patch no run of the suite came to its end");
	suite_cost_add(&c, &early, false); /* of a suite whose end nobody sees */
	CHECK_INT(c.runs, 1);
}

static void as_much_holds(void)
{
	const struct step_result r = judged(cost(5000, 6000, 100), cost(7000, 8000, 140));

	CHECK(r.holds);
	CHECK_INT(r.risk, 0);
	CHECK(strstr(r.says, "no more than half as much again"));
}

/* Ten times nothing is nothing. */
static void what_is_the_hosts_is_not_the_patchs(void)
{
	const struct step_result r = judged(cost(20, 30, 2), cost(200, 900, 30));

	CHECK(r.holds);
	CHECK_INT(r.risk, 0);
}

static void twice_is_a_risk(void)
{
	const struct step_result r = judged(cost(5000, 6000, 100), cost(5000, 6000, 210));

	CHECK(r.holds);
	CHECK_INT(r.risk, 2);
	CHECK_STR(r.risk_reason, "the suite takes 2.1 times the base's memory at its peak: "
				 "210.0 MiB against 100.0");
	CHECK(!strpbrk(r.says, "0123456789")); /* another run says the same */
}

static void three_times_refuses(void)
{
	const struct step_result r = judged(cost(1000, 6000, 100), cost(3500, 7000, 100));

	CHECK(!r.holds);
	CHECK_STR(r.says, "the suite takes 3.5 times the base's processor time: 3.5 s against 1.0");
}

static void what_was_not_measured_is_not_judged(void)
{
	const struct step_result r = judged(cost(1000, 1000, 0), cost(1000, 1000, 4000));

	CHECK(r.holds);
	CHECK_INT(r.risk, 0);
}

TAP_MAIN(TEST(the_least_counts), TEST(what_did_not_end_does_not_count), TEST(as_much_holds),
	 TEST(what_is_the_hosts_is_not_the_patchs), TEST(twice_is_a_risk),
	 TEST(three_times_refuses), TEST(what_was_not_measured_is_not_judged))
