/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/money.h"

#include <errno.h>

#include "tests/tap.h"

static char *S(const char *s)
{
	return (char *)(uintptr_t)s;
}

static const char *exact(money m)
{
	static char out[MONEY_TEXT];

	money_text(m, out);
	return out;
}

static const char *cents(money m)
{
	static char out[MONEY_TEXT];

	money_cents(m, out);
	return out;
}

static money of(const char *text)
{
	money m = MONEY_MAX;

	CHECK_INT(money_parse(text, &m), 0);
	return m;
}

static void an_amount_is_read_and_written_exactly(void)
{
	static const struct {
		const char *in, *exact, *cents;
	} rows[] = {
		{ "0", "0.00", "0.00" },
		{ "4", "4.00", "4.00" },
		{ "4.00", "4.00", "4.00" },
		{ "0.1", "0.10", "0.10" },
		{ "0.000001", "0.000001", "0.01" },
		{ "0.000000000001", "0.000000000001", "0.01" },
		{ "0.01", "0.01", "0.01" },
		{ "0.010000000001", "0.010000000001", "0.02" },
		{ "1.999999999999", "1.999999999999", "2.00" },
		{ "999999999999.999999999999", "999999999999.999999999999", "1000000000000.00" },
		{ "12.34", "12.34", "12.34" },
		{ "10.0500", "10.05", "10.05" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_STR(exact(of(rows[i].in)), rows[i].exact);
		CHECK_STR(cents(of(rows[i].in)), rows[i].cents);
	}
}

static void what_is_no_amount_is_refused(void)
{
	static const char *const rows[] = { "",
					    ".",
					    ".5",
					    "1.",
					    "-1",
					    "+1",
					    "1e3",
					    " 1",
					    "1 ",
					    "1,0",
					    "0x1",
					    "1.2.3",
					    "1234567890123",
					    "0.1234567890123",
					    "NaN" };
	money m;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_INT(money_parse(rows[i], &m), -EINVAL);
	CHECK_INT(money_price("0.0000001", &m), -EINVAL);
	CHECK_INT(money_price("1000000", &m), -EINVAL);
}

/* Known answers of bc(1), scale=12. */
static void tokens_cost_what_the_table_says(void)
{
	const struct model_price p = { .input = S("3.00"),
				       .output = S("15.00"),
				       .cached = S("0.30"),
				       .cache_write = S("3.75") };
	const struct model_price odd = { .input = S("0.000001"), .output = S("0.1") };
	struct model_usage u = { .known = true, .input = 123457, .output = 7919 };
	struct money_rates r;

	CHECK_INT(money_rates(&p, &r), 0);
	CHECK_STR(exact(money_used(&r, &u)), "0.489156");
	u.cached = 100000;
	CHECK_STR(exact(money_used(&r, &u)), "0.219156");
	u.cache_write = 20000;
	CHECK_STR(exact(money_used(&r, &u)), "0.234156");
	u.cache_write = 200000; /* more than was read: nothing is taken off for it */
	CHECK_STR(exact(money_used(&r, &u)), "0.898785");
	CHECK_STR(exact(money_most(&r, 1000, 100)), "0.00525");
	CHECK_INT(money_rates(&odd, &r), 0);
	u = (struct model_usage){ .input = 1, .output = 1 };
	CHECK_STR(exact(money_used(&r, &u)), "0.000000100001");
	CHECK_STR(cents(money_used(&r, &u)), "0.01");
}

static void a_hundred_thousand_small_sums_are_one_large_one(void)
{
	money sum = 0, one;

	CHECK_INT(money_price("0.07", &one), 0);
	for (int i = 0; i < 100000; i++)
		sum = money_add(sum, one);
	CHECK_STR(exact(sum), "0.007");
	CHECK(sum == money_times(one, 100000));
}

static void what_would_overflow_is_held(void)
{
	CHECK(money_add(MONEY_MAX, 1) == MONEY_MAX);
	CHECK(money_times(MONEY_MAX, 2) == MONEY_MAX);
	CHECK(money_times(MONEY_MAX / 2 + 1, UINT64_MAX) == MONEY_MAX);
	CHECK(money_times(7, 0) == 0);
	CHECK(money_sub(1, 2) == 0);
	CHECK_STR(exact(MONEY_MAX), "340282366920938463463374607.431768211455");
	CHECK_STR(cents(MONEY_MAX), "340282366920938463463374607.44");
}

TAP_MAIN(TEST(an_amount_is_read_and_written_exactly), TEST(what_is_no_amount_is_refused),
	 TEST(tokens_cost_what_the_table_says),
	 TEST(a_hundred_thousand_small_sums_are_one_large_one), TEST(what_would_overflow_is_held))
