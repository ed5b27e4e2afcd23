/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/audit/chain.h"
#include "runtime/base/jmap.h"
#include "tests/tap.h"

static const uint8_t zero[SHA256_LEN];
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static char *line_of(const char *event, struct err *e)
{
	AUTO_JSON json_t *v = json_loads(event, 0, NULL);
	struct buf b = BUF_INIT(1u << 20);

	CHECK(v != NULL);
	if (chain_write(&b, v, 7, 1795329660001000001u, zero, e) < 0) {
		buf_release(&b);
		return NULL;
	}
	return buf_take(&b);
}

static void keys_stand_in_a_fixed_order(void)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *line =
		line_of("{\"b\":1,\"actor\":\"agent\",\"a\":[\"x\",\"y\"],\"case\":\"c\","
			"\"t\":true,\"z\":null,\"type\":\"replica.start\"}",
			&e);

	CHECK_STR(e.msg, "");
	if (line)
		CHECK_STR(line,
			  "{\"v\":1,\"seq\":7,\"ts\":\"2026-11-22T06:41:00.001000001Z\","
			  "\"type\":\"replica.start\",\"case\":\"c\",\"actor\":\"agent\",\"b\":1,"
			  "\"a\":[\"x\",\"y\"],\"t\":true,\"z\":null,\"prev\":\"" ZEROS "\"}");
}

static void text_cannot_drive_a_terminal_or_a_viewer(void)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "\x1b[2J", "\\u001b[2J" },
		{ "a\nb", "a\\u000ab" },
		{ "\x7f", "\\u007f" },
		{ "\xc2\x9b"
		  "31m",
		  "\\u009b31m" },
		{ "\xe2\x80\xae"
		  "txt",
		  "\\u202etxt" },
		{ "\xe2\x81\xa6", "\\u2066" },
		{ "\xe2\x80\xa8", "\\u2028" },
		{ "\xef\xbb\xbf", "\\ufeff" },
		{ "\xf3\xa0\x81\x81", "\\udb40\\udc41" },
		{ "\"\\", "\\\"\\\\" },
		{ "gr\xc3\xbc\xc3\x9f"
		  "e",
		  "gr\xc3\xbc\xc3\x9f"
		  "e" },
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_JSON json_t *v = json_string(rows[i].in);
		AUTO_BUF struct buf b = BUF_INIT(1024);
		struct err e = ERR_INIT;
		char want[64];

		(void)snprintf(want, sizeof(want), "\"%s\"", rows[i].out);
		CHECK_INT(chain_put_value(&b, "k", v, &e), 0);
		CHECK_STR(b.p, want);
		AUTO_JSON json_t *back = json_loads(b.p, JSON_DECODE_ANY, NULL);

		CHECK(json_equal(back, v)); /* nothing is lost */
	}
}

static void events_that_cannot_be_recorded_are_refused(void)
{
	static const struct {
		const char *event, *text;
	} rows[] = {
		{ "{}", "an event needs a type of [a-z0-9.-]" },
		{ "{\"type\":\"A b\"}", "an event needs a type of [a-z0-9.-]" },
		{ "{\"type\":\"t\",\"prev\":\"x\"}",
		  "event 't': field 'prev': the name is not allowed" },
		{ "{\"type\":\"t\",\"seq\":1}", "event 't': field 'seq': the name is not allowed" },
		{ "{\"type\":\"t\",\"A\":1}", "event 't': field 'A': the name is not allowed" },
		{ "{\"type\":\"t\",\"a\\u001b\":1}",
		  "event 't': field 'a?': the name is not allowed" },
		{ "{\"type\":\"t\",\"case\":1}", "event 't': field 'case' must be a string" },
		{ "{\"type\":\"t\",\"a\":{}}",
		  "event 't': field 'a': only strings, integers, booleans, "
		  "null and arrays of strings" },
		{ "{\"type\":\"t\",\"a\":[1]}",
		  "event 't': field 'a': an array may hold only strings" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = ERR_INIT;
		AUTO_FREE char *line = line_of(rows[i].event, &e);

		CHECK(line == NULL);
		CHECK_STR(e.msg, rows[i].text);
	}
}

static void a_record_is_at_most_65535_bytes(void)
{
	AUTO_JSON json_t *v = json_object();
	AUTO_BUF struct buf b = BUF_INIT(1u << 20);
	struct err e = ERR_INIT;
	char text[70000];
	size_t fixed;

	memset(text, 'x', sizeof(text));
	text[0] = '\0';
	json_object_set_new(v, "type", json_string("t"));
	json_object_set_new(v, "a", json_string(text));
	CHECK_INT(chain_write(&b, v, 0, 0, zero, &e), 0);
	fixed = b.n;
	text[0] = 'x';
	text[CHAIN_LINE_MAX - fixed] = '\0';
	json_object_set_new(v, "a", json_string(text));
	buf_reset(&b);
	CHECK_INT(chain_write(&b, v, 0, 0, zero, &e), 0);
	CHECK_INT(b.n, CHAIN_LINE_MAX);
	text[CHAIN_LINE_MAX - fixed] = 'x';
	text[CHAIN_LINE_MAX - fixed + 1] = '\0';
	json_object_set_new(v, "a", json_string(text));
	buf_reset(&b);
	CHECK_INT(chain_write(&b, v, 0, 0, zero, &e), -E2BIG);
	CHECK_STR(e.msg, "event 't': the record has 65536 bytes, the most is 65535");
}

static void a_line_that_is_no_record_is_not_read(void)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *line = line_of("{\"type\":\"t\"}", &e);
	uint8_t prev[SHA256_LEN];
	uint64_t seq;
	size_t n;

	if (!line)
		return;
	n = strlen(line);
	CHECK_INT(chain_read(line, n, &seq, prev), 0);
	CHECK_INT(seq, 7);
	CHECK(memcmp(prev, zero, sizeof(prev)) == 0);
	CHECK_INT(chain_check(line, n, 7, zero), CHAIN_OK);
	CHECK_INT(chain_check(line, n, 8, zero), CHAIN_SEQ);
	prev[0] = 1;
	CHECK_INT(chain_check(line, n, 7, prev), CHAIN_PREV);
	for (size_t cut = 0; cut < n; cut++)
		CHECK_INT(chain_check(line, cut, 7, zero), CHAIN_MALFORMED);
	AUTO_FREE char *zeros = malloc(n + 2);

	(void)snprintf(zeros, n + 2, "%.13s0%s", line, line + 13); /* "seq":07 */
	CHECK(chain_read(zeros, n + 1, &seq, prev) < 0);
}

TAP_MAIN(TEST(keys_stand_in_a_fixed_order), TEST(text_cannot_drive_a_terminal_or_a_viewer),
	 TEST(events_that_cannot_be_recorded_are_refused), TEST(a_record_is_at_most_65535_bytes),
	 TEST(a_line_that_is_no_record_is_not_read))
