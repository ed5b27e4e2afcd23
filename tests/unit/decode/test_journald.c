/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/jmap.h"
#include "runtime/decode/decode_formats.h"
#include "tests/tap.h"

/* "UNIT/PID@TIME CURSOR: TEXT|" for each entry, then how many lines were none. */
static const char *entries(const char *text)
{
	static char got[4096];
	const struct source in = { .name = "journal", .text = text, .n = strlen(text) };
	AUTO_JSON json_t *v = NULL;
	struct err e = ERR_INIT;
	const json_t *one;
	size_t i, n = 0;

	CHECK_INT(journald_decode(&in, &v, &e), 0);
	json_array_foreach(json_object_get(v, "entries"), i, one) {
		const char *said = json_string_value(json_object_get(one, "text"));

		n += (size_t)snprintf(
			got + n, sizeof(got) - n, "%s/%s@%lld %s: %s|",
			json_string_value(json_object_get(one, "unit")),
			json_string_value(json_object_get(one, "pid")),
			(long long)json_integer_value(json_object_get(one, "time_us")),
			json_string_value(json_object_get(one, "cursor")), said ? said : "(none)");
	}
	(void)snprintf(got + n, sizeof(got) - n, " %lld",
		       (long long)json_integer_value(json_object_get(v, "malformed")));
	return got;
}

#define HEAD "{\"__CURSOR\":\"s=1;i=2\",\"_SYSTEMD_UNIT\":\"a.service\",\"_PID\":\"7\","

static void an_entry_is_read(void)
{
	CHECK_STR(
		entries(HEAD "\"__REALTIME_TIMESTAMP\":\"1763792803000001\",\"MESSAGE\":\"x\"}\n"),
		"a.service/7@1763792803000001 s=1;i=2: x\n| 0");
	CHECK_STR(entries(HEAD "\"MESSAGE\":\"a\\nb\"}"), "a.service/7@0 s=1;i=2: a\nb\n| 0");
	CHECK_STR(entries("{\"__CURSOR\":\"s=1\",\"MESSAGE\":\"x\"}"), "/@0 s=1: x\n| 0");
}

static void a_message_of_bytes_is_text(void)
{
	CHECK_STR(entries(HEAD "\"MESSAGE\":[97,10,98,255,27,91,51,49,109,99]}"),
		  "a.service/7@0 s=1;i=2: a\nb\xef\xbf\xbd"
		  "c\n| 0");
	CHECK_STR(entries(HEAD "\"MESSAGE\":[\"first\",\"second\"]}"),
		  "a.service/7@0 s=1;i=2: first\n| 0");
	CHECK_STR(entries(HEAD "\"MESSAGE\":[[97,98],[99]]}"), "a.service/7@0 s=1;i=2: ab\n| 0");
}

static void one_without_a_message_still_has_its_cursor(void)
{
	static const char *const none[] = { "null", "[]", "7", "[1.5]", "[[[1]]]", "{}", "\"\"" };

	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		char text[256];

		(void)snprintf(text, sizeof(text), HEAD "\"MESSAGE\":%s}", none[i]);
		CHECK_STR(entries(text), "a.service/7@0 s=1;i=2: (none)| 0");
	}
}

static void what_is_no_entry_is_counted(void)
{
	CHECK_STR(entries("-- No entries --\n\n{\"MESSAGE\":\"x\"}\n[]\n{\n"), " 4");
	/* it would come to a command line */
	CHECK_STR(entries("{\"__CURSOR\":\"$(id)\",\"MESSAGE\":\"x\"}"), " 1");
	CHECK_STR(entries("{\"__CURSOR\":\"\",\"MESSAGE\":\"x\"}"), " 1");
	/* the reader would end with it, and meet it again */
	CHECK_STR(entries(HEAD "\"__REALTIME_TIMESTAMP\":\"-1\",\"MESSAGE\":\"x\"}"), " 1");
}

TAP_MAIN(TEST(an_entry_is_read), TEST(a_message_of_bytes_is_text),
	 TEST(one_without_a_message_still_has_its_cursor), TEST(what_is_no_entry_is_counted))
