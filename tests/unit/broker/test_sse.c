/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/sse.h"
#include "runtime/base/buf.h"
#include "tests/tap.h"

/* What was dispatched, as "name=data|". */
static struct buf seen = BUF_INIT(1u << 20);

static int note(void *arg, const char *name, const char *data, size_t n, struct err *e)
{
	(void)arg;
	buf_printf(&seen, "%s=", name ? name : "-");
	buf_put(&seen, data, n);
	buf_putc(&seen, '|');
	return strcmp(data, "stop") == 0 ? err_set(e, ECANCELED, "stopped") : 0;
}

/* Fed in pieces of `step` bytes. */
static const char *feed_n(const char *text, size_t n, size_t step, struct err *e)
{
	struct sse s;

	sse_init(&s, 64);
	buf_reset(&seen);
	for (size_t i = 0; i < n && !e->code; i += step)
		(void)sse_feed(&s, text + i, n - i < step ? n - i : step, note, NULL, e);
	if (!e->code)
		(void)sse_end(&s, note, NULL, e);
	sse_release(&s);
	return seen.p ? seen.p : "";
}

static void same(const char *text, const char *want)
{
	for (size_t step = 1; step <= strlen(text); step++) {
		struct err e = ERR_INIT;

		CHECK_STR(feed_n(text, strlen(text), step, &e), want);
		CHECK_INT(e.code, 0);
	}
}

static void refused(const char *text, size_t n, const char *why)
{
	struct err e = ERR_INIT;

	(void)feed_n(text, n, n, &e);
	CHECK_STR(e.msg, why);
}

static void lines_end_with_lf_crlf_and_cr_at_any_cut(void)
{
	same("event: a\ndata: 1\n\n", "a=1|");
	same("event: a\r\ndata: 1\r\n\r\n", "a=1|");
	same("event: a\rdata: 1\r\r", "a=1|");
	same("data: 1\r\n\ndata: 2\n\r\n", "-=1|-=2|");
}

static void fields_are_read_as_the_standard_says(void)
{
	same("data:1\ndata: 2\ndata:  3\n\n", "-=1\n2\n 3|");
	same("data\n\n", "-=|");
	same(": a comment\nid: 7\nretry: 10\nunknown: x\ndata: 1\n\n", "-=1|");
	same("event: lost\n\ndata: 1\n\n", "-=1|");
	same("\xef\xbb\xbf"
	     "data: 1\n\n",
	     "-=1|");
	same("\n\n\n", "");
	same("event: a\ndata: 1\n\ndata: 2\n\n", "a=1|-=2|");
}

static void an_event_without_its_empty_line_counts_where_its_lines_are_whole(void)
{
	same("data: [DONE]\n", "-=[DONE]|");
	same("data: [DON", "");
}

static void what_is_too_large_or_no_text_is_refused(void)
{
	struct err e = ERR_INIT;
	char text[256];

	memset(text, 'x', sizeof(text));
	refused(text, sizeof(text), "a line of its stream is larger than 64 bytes");
	for (size_t i = 0; i + 32 <= sizeof(text); i += 32)
		/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): a text has a length */
		memcpy(text + i, "data: xxxxxxxxxxxxxxxxxxxxxxxxx\n", 32);
	refused(text, sizeof(text), "an event is larger than 64 bytes");
	refused("data: a\0b\n\n", 11, "a line of its stream is not UTF-8");
	refused("data: \xff\n\n", 9, "a line of its stream is not UTF-8");
	memset(text, 'x', sizeof(text));
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): a text has a length */
	memcpy(text, "event:", 6);
	text[63] = '\n';
	CHECK_STR(feed_n(text, 64, 64, &e), "");
	CHECK_INT(e.code, 0);
}

static void a_reader_that_refuses_an_event_ends_the_feeding(void)
{
	struct err e = ERR_INIT;

	CHECK_STR(feed_n("data: stop\n\ndata: more\n\n", 24, 24, &e), "-=stop|");
	CHECK_STR(e.msg, "stopped");
	buf_release(&seen);
}

TAP_MAIN(TEST(lines_end_with_lf_crlf_and_cr_at_any_cut), TEST(fields_are_read_as_the_standard_says),
	 TEST(an_event_without_its_empty_line_counts_where_its_lines_are_whole),
	 TEST(what_is_too_large_or_no_text_is_refused),
	 TEST(a_reader_that_refuses_an_event_ends_the_feeding))
