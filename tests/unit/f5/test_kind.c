/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/proof/kind.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/cleanup.h"
#include "tests/tap.h"

static bool agree(const char *a, const char *b, bool members)
{
	AUTO_FREE char *x = failure_kind(a, members);
	AUTO_FREE char *y = failure_kind(b, members);

	return x && y && strcmp(x, y) == 0;
}

static bool same(const char *a, const char *b)
{
	return agree(a, b, true);
}

static void every_way_of_having_nothing_is_one_kind(void)
{
	CHECK(same("Cannot read properties of null (reading 'length')",
		   "Cannot read properties of undefined (reading 'length')"));
}

static void a_value_of_another_type_is_another_kind(void)
{
	CHECK(!same("Cannot read properties of null (reading 'trim')",
		    "item.name.trim is not a function"));
	CHECK(!same("'NoneType' object has no attribute 'strip'",
		    "'int' object has no attribute 'strip'"));
}

static void another_member_is_another_expression(void)
{
	CHECK(!same("Cannot read properties of undefined (reading 'name')",
		    "Cannot read properties of undefined (reading 'trim')"));
}

static void values_in_a_message_make_no_difference(void)
{
	CHECK(same("'alpha'", "'beta'"));
	CHECK(same("index 7 is out of range for 3", "index 12 is out of range for 0"));
	CHECK(same("invalid literal for int() with base 10: 'x'",
		   "invalid literal for int() with base 16: 'yz'"));
}

static void what_has_no_message_is_of_one_kind(void)
{
	CHECK(same(NULL, ""));
	CHECK(!same(NULL, "anything"));
}

TAP_MAIN(TEST(every_way_of_having_nothing_is_one_kind),
	 TEST(a_value_of_another_type_is_another_kind), TEST(another_member_is_another_expression),
	 TEST(values_in_a_message_make_no_difference), TEST(what_has_no_message_is_of_one_kind))
