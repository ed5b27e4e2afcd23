/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/incident/redact.h"

#include <time.h>

#include "tests/tap.h"

static struct redact *set(const char *const *values, size_t n)
{
	struct err e = ERR_INIT;
	struct redact *r = NULL;

	CHECK_INT(redact_new(&r, &e), 0);
	for (size_t i = 0; i < n; i++)
		CHECK_INT(redact_add(r, values[i], strlen(values[i]), 0, &e), 0);
	CHECK_INT(redact_build(r, &e), 0);
	return r;
}

/* The form that it is found in, "" where it is not. */
static const char *form(const struct redact *r, const char *text)
{
	struct redact_hit hit = { .form = "" };
	struct err e = ERR_INIT;

	CHECK(redact_find(r, false, text, strlen(text), &hit, &e) >= 0);
	return hit.form;
}

static void a_value_is_found_in_every_form(void)
{
	static const char *const values[] = { "canary.7f3a@example.org", "Jane", "48151623" };
	static const struct {
		const char *text, *form;
	} rows[] = {
		{ "mail canary.7f3a@example.org now", "as it is" },
		{ "mail CANARY.7F3A@EXAMPLE.ORG now", "as it is" },
		{ "hello Jane", "as it is" },
		{ "getJaneName", "as it is" },
		{ "test_jane_x", "as it is" },
		{ "Janet", "" },
		{ "canary.7f3a%40example.org", "escaped" },
		{ "canary.7f3a&#64;example.org", "escaped" },
		{ "canary.7f3a\\u0040example.org", "escaped" },
		{ "canary.7f3a\\x40example.org", "escaped" },
		{ "canary.7f3a\\100example.org", "escaped" },
		{ "\\u{63}anary.7f3a@example.org", "escaped" },
		{ "'canary.7f3a' + '@example.org'", "in joined literals" },
		{ "\"canary.7f3a\" \"@example.org\"", "in joined literals" },
		{ "['c','anary.7f3a@example.org'].join('')", "in joined literals" },
		{ "n = 48_151_623", "in joined literals" },
		{ "n = 48151623.0", "as it is" },
		{ "n = 148151623", "" },
		{ "63616e6172792e37663361406578616d706c652e6f7267", "hexadecimal" },
		{ "x63616E6172792E37663361406578616D706C652E6F7267", "hexadecimal" },
		{ "063616e6172792e37663361406578616d706c652e6f7267", "hexadecimal" },
		{ "63:61:6e:61:72:79:2e:37:66:33:61:40:65:78:61:6d:70:6c:65:2e:6f:72:67",
		  "a list of bytes" },
		{ "[99, 97, 110, 97, 114, 121, 46, 55, 102, 51, 97, 64, 101, 120, 97, 109, 112, "
		  "108, 101, 46, 111, 114, 103]",
		  "a list of bytes" },
		{ "0x63, 0x61, 0x6e, 0x61, 0x72, 0x79, 0x2e, 0x37, 0x66, 0x33, 0x61, 0x40, 0x65, "
		  "0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0x2e, 0x6f, 0x72, 0x67",
		  "a list of bytes" },
		{ "Y2FuYXJ5LjdmM2FAZXhhbXBsZS5vcmc=", "base64" },
		{ "eGNhbmFyeS43ZjNhQGV4YW1wbGUub3Jn", "base64" },
		{ "eHhjYW5hcnkuN2YzYUBleGFtcGxlLm9yZw==", "base64" },
		{ "%59%32%46%75%59%58%4a%35LjdmM2FAZXhhbXBsZS5vcmc", "base64" },
		{ "nothing of the kind", "" },
		{ "", "" },
	};
	struct redact *r = set(values, 3);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_STR(form(r, rows[i].text), rows[i].form);
	redact_free(r);
}

static void a_hit_says_its_line(void)
{
	static const char *const values[] = { "canary" };
	struct redact *r = set(values, 1);
	struct redact_hit hit = { 0 };
	struct err e = ERR_INIT;
	const char *text = "a\nb\n  canary\n";

	CHECK_INT(redact_find(r, false, text, strlen(text), &hit, &e), 1);
	CHECK_INT(hit.line, 3);
	CHECK_INT(hit.at, 6);
	CHECK_INT(hit.end, 12);
	redact_free(r);
}

static void white_space_is_white_space(void)
{
	static const char *const values[] = { "12 Elm Road" };
	struct redact *r = set(values, 1);

	CHECK_STR(form(r, "at 12\n   Elm\tRoad"), "as it is");
	redact_free(r);
}

static void masks_take_the_place_of_values(void)
{
	static const char *const values[] = { "canary", "Jane Doe" };
	AUTO_BUF struct buf out = BUF_INIT(4096);
	struct redact *r = set(values, 2);
	struct err e = ERR_INIT;
	const char *text = "for Jane Doe: 'can' + 'ary', Y2FuYXJ5! and canary";
	size_t n = 0;

	CHECK_INT(redact_mask(r, true, text, strlen(text), &out, &n, &e), 0);
	CHECK_STR(out.p, "for [masked]: '[masked]', [masked]! and [masked]");
	CHECK_INT(n, 4);
	redact_free(r);
}

static void what_the_repository_has_is_known(void)
{
	static const char *const values[] = { "stringify",  "Price", "canary",	   "price list",
					      "price 1234", "in nr", "canary list" };
	struct redact *r = set(values, 7);
	struct err e = ERR_INIT;
	const char *text = "function stringify(price) { return [list]; }";

	CHECK_INT(redact_learn(r, text, strlen(text), &e), 0);
	redact_settle(r);
	CHECK_STR(form(r, "stringify"), "");
	CHECK_STR(form(r, "canary"), "as it is");
	CHECK_STR(form(r, "Price"), "as it is");  /* a name */
	CHECK_STR(form(r, "price"), "");	  /* the word of the repository */
	CHECK_STR(form(r, "the price list"), ""); /* words that anyone has */
	CHECK_STR(form(r, "my canary list"), "as it is");
	CHECK_STR(form(r, "price 1234"), "as it is");
	CHECK_STR(form(r, "in nr"), "as it is");
	redact_free(r);
}

static void personal_values_are_never_known(void)
{
	struct redact_hit hit;
	struct err e = ERR_INIT;
	struct redact *r = NULL;

	CHECK_INT(redact_new(&r, &e), 0);
	CHECK_INT(redact_add(r, "stringify", 9, REDACT_PERSONAL, &e), 0);
	CHECK_INT(redact_build(r, &e), 0);
	CHECK_INT(redact_learn(r, "stringify", 9, &e), 0);
	redact_settle(r);
	CHECK_INT(redact_find(r, false, "stringify", 9, &hit, &e), 0);
	CHECK_INT(redact_find(r, true, "stringify", 9, &hit, &e), 1);
	redact_free(r);
}

static void numbers_of_any_program_are_none(void)
{
	static const long long common[] = { 0,	   -1,	 999,	 1000,	    1024,      4095,
					    65537, 9999, 100000, 86400 * 0, 4294967296 };
	struct err e = ERR_INIT;
	struct redact *r = NULL;

	CHECK_INT(redact_new(&r, &e), 0);
	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		CHECK_INT(redact_add_integer(r, common[i], 0, &e), 0);
	CHECK_INT(redact_build(r, &e), 0);
	CHECK_INT(redact_size(r), 0);
	CHECK_INT(redact_add_integer(r, -4711, 0, &e), 0);
	CHECK_INT(redact_add_integer(r, 7, REDACT_PERSONAL, &e), 0); /* one digit tells nothing */
	CHECK_INT(redact_add_integer(r, 42, REDACT_PERSONAL, &e), 0);
	CHECK_INT(redact_build(r, &e), 0);
	CHECK_INT(redact_size(r), 2);
	redact_free(r);
}

static void more_than_can_be_looked_for_is_an_error(void)
{
	struct err e = ERR_INIT;
	struct redact *r = NULL;
	int k = 0;

	CHECK_INT(redact_new(&r, &e), 0);
	for (unsigned i = 0; k == 0 && i <= REDACT_VALUES_MAX; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "value-%u", i);
		k = redact_add(r, text, strlen(text), 0, &e);
	}
	CHECK_INT(k, 0);
	CHECK_INT(redact_build(r, &e), -E2BIG);
	redact_free(r);
}

static void many_values_and_a_long_text(void)
{
	struct err e = ERR_INIT;
	struct redact *r = NULL;
	struct redact_hit hit;
	AUTO_BUF struct buf text = BUF_INIT(2u << 20);

	CHECK_INT(redact_new(&r, &e), 0);
	for (unsigned i = 0; i < 10000; i++) {
		char value[32];

		(void)snprintf(value, sizeof(value), "user%05u@example", i);
		CHECK_INT(redact_add(r, value, strlen(value), 0, &e), 0);
	}
	CHECK_INT(redact_build(r, &e), 0);
	while (text.n < 1u << 20)
		buf_puts(&text, "the user of this program is user00 and no one else; ");
	CHECK_INT(redact_find(r, false, text.p, text.n, &hit, &e), 0);
	buf_puts(&text, "user09999@example");
	CHECK_INT(redact_find(r, false, text.p, text.n, &hit, &e), 1);
	redact_free(r);
}

TAP_MAIN(TEST(a_value_is_found_in_every_form), TEST(a_hit_says_its_line),
	 TEST(white_space_is_white_space), TEST(masks_take_the_place_of_values),
	 TEST(what_the_repository_has_is_known), TEST(personal_values_are_never_known),
	 TEST(numbers_of_any_program_are_none), TEST(more_than_can_be_looked_for_is_an_error),
	 TEST(many_values_and_a_long_text))
