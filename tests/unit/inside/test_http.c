/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/http.h"
#include "tests/tap.h"

static int parse(const char *text, struct http_request *q, struct err *e)
{
	*e = (struct err)ERR_INIT;
	return http_parse(text, strlen(text), q, e);
}

static void a_request_is_read(void)
{
	const char *text =
		"POST /v1/orders?x=1 HTTP/1.1\r\nHost: tax\r\ncontent-LENGTH:  12 \r\n\r\n{}";
	struct http_request q;
	struct err e;

	CHECK_INT(parse(text, &q, &e), (long long)strlen(text) - 2);
	CHECK_STR(q.method, "POST");
	CHECK_STR(q.target, "/v1/orders?x=1");
	CHECK_INT(q.body, 12);
	CHECK(q.keep);
	CHECK(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", &q, &e) > 0);
	CHECK(!q.keep);
	CHECK(parse("GET / HTTP/1.0\r\n\r\n", &q, &e) > 0);
	CHECK(!q.keep);
}

static void an_incomplete_head_is_waited_for(void)
{
	const char *text = "GET / HTTP/1.1\r\nHost: tax\r\n\r\n";
	struct http_request q;
	struct err e = ERR_INIT;

	for (size_t n = 0; n < strlen(text); n++)
		CHECK_INT(http_parse(text, n, &q, &e), 0);
}

static void what_could_be_read_in_two_ways_is_refused(void)
{
	static const struct {
		const char *text;
		int code;
		const char *why;
	} rows[] = {
		{ "GET /\r\n\r\n", EBADMSG, "no request line" },
		{ "G ET / HTTP/1.1\r\nHost: a\r\n\r\n", EBADMSG, "the target is no path" },
		{ "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", EBADMSG, "the target is no path" },
		{ "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", EBADMSG, "the target is no path" },
		{ "GET / HTTP/2.0\r\nHost: a\r\n\r\n", ENOTSUP, "not HTTP/1.0 or HTTP/1.1" },
		{ "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", ENOTSUP, "not HTTP/1.0 or HTTP/1.1" },
		{ "GET / HTTP/1.1\nHost: a\r\n\r\n", EBADMSG, "a line that does not end in CR LF" },
		{ "GET / HTTP/1.1\r\n\r\n", EBADMSG, "no host" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", EBADMSG, "more than one host" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", EBADMSG,
		  "a field without a name" },
		{ "GET / HTTP/1.1\r\nHost : a\r\n\r\n", EBADMSG, "a field without a name" },
		{ "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", EBADMSG, "a control byte in a field" },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
		  EBADMSG, "more than one length, or none" },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", EBADMSG,
		  "the length is no number" },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", EBADMSG,
		  "the length is no number" },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", E2BIG,
		  "the body is too long" },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", ENOTSUP,
		  "a transfer coding" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_request q;
		struct err e;

		CHECK_INT(parse(rows[i].text, &q, &e), -rows[i].code);
		CHECK_STR(e.msg, rows[i].why);
	}
}

static void an_endless_head_is_refused(void)
{
	static char text[HTTP_HEAD_MAX];
	struct http_request q;
	struct err e = ERR_INIT;

	memset(text, 'a', sizeof(text));
	CHECK_INT(http_parse(text, sizeof(text), &q, &e), -E2BIG);
	CHECK_STR(e.msg, "the head is too long");
}

TAP_MAIN(TEST(a_request_is_read), TEST(an_incomplete_head_is_waited_for),
	 TEST(what_could_be_read_in_two_ways_is_refused), TEST(an_endless_head_is_refused))
