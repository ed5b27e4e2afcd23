/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/queue/rate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/tap.h"

static struct rate steady(uint64_t count, size_t minutes)
{
	struct rate r = { 0 };

	for (size_t i = 0; i < minutes; i++)
		rate_minute(&r, count);
	return r;
}

/* Minutes of `count` until it is said, at most 100. */
static int minutes_until(struct rate r, uint64_t count)
{
	for (int i = 1; i <= 100; i++) {
		rate_minute(&r, count);
		if (r.spike)
			return i;
	}
	return 0;
}

/*
 * By hand: m0 = 10, m1 = 20, k = 10 / ln 2 = 14.43, h = ln(1e6) / ln 2 = 19.93.  A minute of 20
 * adds 5.57: above h with the fourth; one of 30 adds 15.57: with the second; one of 35 at once.
 */
static void test_known(void)
{
	const struct rate r = steady(10, 60);

	CHECK(fabs(rate_mean(&r) - 10) < 1e-9);
	CHECK_INT(minutes_until(r, 20), 4);
	CHECK_INT(minutes_until(r, 30), 2);
	CHECK_INT(minutes_until(r, 35), 1);
	CHECK_INT(minutes_until(r, 14), 0);
}

/* m0 = 0.1, m1 = 1.1, k = 1 / ln 11 = 0.417, h = 13.82 / 2.398 = 5.76: a minute of seven, or four
 * of two. */
static void test_silent(void)
{
	const struct rate r = steady(0, 60);

	CHECK_INT(minutes_until(r, 5), 2);
	CHECK_INT(minutes_until(r, 7), 1);
	CHECK_INT(minutes_until(r, 2), 4);
}

static void test_too_young(void)
{
	struct rate r = steady(1, RATE_MIN - 1);

	CHECK_INT(rate_mean(&r) > 0, 0);
	rate_minute(&r, 1000000);
	CHECK(!r.spike);
}

/* Knuth's way to a Poisson number, over a fixed generator. */
static unsigned poisson(uint64_t *state, double mean)
{
	const double limit = exp(-mean);
	double p = 1;
	unsigned k = 0;

	do {
		*state = (*state * 6364136223846793005ull) + 1442695040888963407ull;
		p *= (double)(*state >> 11) / 9007199254740992.0;
		k++;
	} while (p > limit);
	return k - 1;
}

static void test_noise(void)
{
	static const double means[] = { 0.5, 3, 12, 60 };

	for (size_t m = 0; m < sizeof(means) / sizeof(means[0]); m++) {
		struct rate r = { 0 };
		uint64_t state = 7 + m;
		unsigned alarms = 0;
		bool before = false;

		for (int i = 0; i < 20000; i++) {
			rate_minute(&r, poisson(&state, means[m]));
			alarms += r.spike && !before;
			before = r.spike;
		}
		/* two weeks of noise */
		CHECK(alarms <= 3);
		/* three times as many, within eight minutes */
		for (int i = 0; i < 8 && !r.spike; i++)
			rate_minute(&r, poisson(&state, fmax(3 * means[m], 4)));
		CHECK(r.spike);
	}
}

static void test_recovery(void)
{
	struct rate r = steady(10, 60);
	int quiet = 0;

	for (int i = 0; i < 120; i++)
		rate_minute(&r, 500);
	CHECK(r.spike);
	CHECK(fabs(rate_mean(&r) - 10) < 1e-9); /* it did not become what is normal */
	for (; r.spike && quiet < 60; quiet++)
		rate_minute(&r, 10);
	CHECK(quiet <= 8);
}

static void test_minutes(void)
{
	struct rate r = { 0 };

	for (uint64_t m = 1000; m < 1030; m++)
		CHECK(!rate_add(&r, m, 2));
	CHECK(!rate_add(&r, 1030, 100)); /* its minute is not over */
	CHECK(rate_add(&r, 1031, 0));
	CHECK(!rate_add(&r, 1032, 0));	/* it is said once */
	CHECK(!rate_add(&r, 90000, 1)); /* a long silence ends it */
	CHECK(!r.spike);
	CHECK_INT(r.minute, 90000);
}

/* An hour of two a minute that waited, and is looked at within one: as even as it came. */
static void test_backlog(void)
{
	char state[] = "/tmp/sickbay-rate.XXXXXX", command[64];
	const struct queue q = { .state = state };
	const uint64_t minute_ns = 60000000000ull, start = 29000000 * minute_ns;
	struct rate r = { 0 };
	struct err e = ERR_INIT;

	CHECK(mkdtemp(state) != NULL);
	for (uint64_t m = 0; m < 60; m++)
		CHECK_INT(rate_count(&q, "shop", start + m * minute_ns, 2, &e), 0);
	CHECK_INT(rate_load(state, "shop", &r, &e), 0);
	CHECK(!r.spike);
	CHECK(fabs(rate_mean(&r) - 2) < 1e-9);
	/* of a clock that was set back: counted, and no hour of silence */
	CHECK_INT(rate_count(&q, "shop", start, 200, &e), 0);
	CHECK_INT(rate_count(&q, "shop", start + 60 * minute_ns, 2, &e), 0);
	CHECK_INT(rate_load(state, "shop", &r, &e), 0);
	CHECK(r.spike);
	(void)snprintf(command, sizeof(command), "rm -r %s", state);
	CHECK_INT(system(command), 0);
}

/* What a person sees, also when nothing comes any more. */
static void test_seen(void)
{
	char state[] = "/tmp/sickbay-rate.XXXXXX", command[64];
	struct queue q = { .state = state };
	const uint64_t minute_ns = 60000000000ull, start = 29000000 * minute_ns;
	AUTO_JSON json_t *list = NULL;
	AUTO_JSON json_t *later = NULL;
	const json_t *one;
	struct err e = ERR_INIT;

	CHECK(mkdtemp(state) != NULL);
	CHECK_INT(rate_list(state, start, &list, &e), 0);
	CHECK_INT(json_array_size(list), 0);
	json_decref(list);
	for (uint64_t m = 0; m < 60; m++)
		CHECK_INT(rate_count(&q, "till", start + m * minute_ns, 2, &e), 0);
	CHECK_INT(rate_count(&q, "till", start + 60 * minute_ns, 50, &e), 0);
	CHECK_INT(rate_count(&q, "till", start + 60 * minute_ns, 51, &e), 0);
	q.now_ns = start + 60 * minute_ns + 1;
	CHECK_INT(rate_tick(&q, true, &e), 0); /* the 51, too */
	CHECK_INT(rate_list(state, start + 61 * minute_ns, &list, &e), 0);
	one = json_array_get(list, 0);
	CHECK_STR(json_string_value(json_object_get(one, "service")), "till");
	CHECK_INT(json_integer_value(json_object_get(one, "last_minute")), 101);
	CHECK(fabs(json_real_value(json_object_get(one, "usual")) - 2) < 1e-9);
	CHECK(json_is_true(json_object_get(one, "spike")));
	CHECK_STR(json_string_value(json_object_get(one, "since")),
		  "2025-02-19T22:20:00.000000000Z");
	/* an hour later it is over, whoever has told the file or not */
	CHECK_INT(rate_list(state, start + 130 * minute_ns, &later, &e), 0);
	one = json_array_get(later, 0);
	CHECK(json_is_false(json_object_get(one, "spike")));
	CHECK(json_is_null(json_object_get(one, "since")));
	CHECK_INT(json_integer_value(json_object_get(one, "last_minute")), 0);
	(void)snprintf(command, sizeof(command), "rm -r %s", state);
	CHECK_INT(system(command), 0);
}

TAP_MAIN({ "a series of ten a minute is judged as computed by hand", test_known },
	 { "so is one of silence", test_silent },
	 { "nothing is said of a service that is too young", test_too_young },
	 { "two weeks of noise are no spike, three times as much is one", test_noise },
	 { "a spike does not become normal, and ends", test_recovery },
	 { "minutes without reports count, too", test_minutes },
	 { "a report counts for the minute that it was received in", test_backlog },
	 { "a spike that runs is shown, and its end", test_seen })
