/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/utf8.h"

#include "tests/tap.h"

#define GONE "\xef\xbf\xbd"

static void what_is_no_text_is_replaced_byte_by_byte(void)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *want;
	} rows[] = {
		{ "", 0, "" },
		{ "plain", 5, "plain" },
		{ "a\0b", 3, "a" GONE "b" },
		{ "\xff\xfe", 2, GONE GONE },
		{ "\xc3\xa9t\xc3", 4, "\xc3\xa9t" GONE },
		{ "\xed\xa0\x80", 3, GONE GONE GONE },
		{ "\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80" },
		{ "\xc0\xaf/", 3, GONE GONE "/" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF struct buf out = BUF_INIT(64);

		utf8_clean(rows[i].bytes, rows[i].n, &out);
		CHECK_STR(out.p ? out.p : "", rows[i].want);
	}
}

static void a_part_of_a_text_ends_between_characters(void)
{
	static const char text[] = "a\xc3\xa9z"; /* 4 bytes */
	static const char *const heads[] = { "", "a", "a", "a\xc3\xa9", text, text };
	static const char *const tails[] = { "", "z", "z", "\xc3\xa9z", text, text };

	for (size_t max = 0; max < 6; max++) {
		AUTO_BUF struct buf head = BUF_INIT(64), tail = BUF_INIT(64);

		utf8_head(text, max, &head);
		utf8_tail(text, max, &tail);
		CHECK_STR(head.p ? head.p : "", heads[max]);
		CHECK_STR(tail.p ? tail.p : "", tails[max]);
	}
}

TAP_MAIN({ "what is no text is replaced, byte by byte", what_is_no_text_is_replaced_byte_by_byte },
	 { "a part of a text ends between characters", a_part_of_a_text_ends_between_characters })
