/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proto/http.h"
#include "tests/tap.h"

static int parse(const char *text, struct http_request *q, enum http_fault *why)
{
	*why = HTTP_FINE;
	return http_parse(text, strlen(text), q, why);
}

static void a_request_is_read(void)
{
	const char *text = "POST /v1/orders?x=1 HTTP/1.1\r\nHost: tax:80\r\nAccept: text/html;q=1, "
			   "text/plain\r\ncontent-LENGTH:  12 \r\n\r\n{}";
	struct http_request q;
	enum http_fault why;

	CHECK_INT(parse(text, &q, &why), (long long)strlen(text) - 2);
	CHECK_STR(q.method, "POST");
	CHECK_STR(q.target, "/v1/orders?x=1");
	CHECK_INT(q.length, 12);
	CHECK(q.keep && !q.chunked);
	CHECK_INT(q.n_fields, 3);
	CHECK(http_value_is(http_find(&q, "HOST"), "tax:80"));
	CHECK(http_value_has(http_find(&q, "accept"), "text/html"));
	CHECK(http_value_has(http_find(&q, "accept"), "text/plain"));
	CHECK(!http_value_has(http_find(&q, "accept"), "text"));
	CHECK(!http_find(&q, "expect"));
	CHECK(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", &q, &why) > 0);
	CHECK(!q.keep);
	CHECK(parse("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", &q, &why) > 0);
	CHECK(parse("GET / HTTP/1.0\r\n\r\n", &q, &why) > 0);
	CHECK(!q.keep);
	CHECK(parse("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", &q, &why) >
	      0);
	CHECK(q.chunked);
}

static void an_incomplete_head_is_waited_for(void)
{
	const char *text = "GET / HTTP/1.1\r\nHost: tax\r\n\r\n";
	struct http_request q;
	enum http_fault why;

	for (size_t n = 0; n < strlen(text); n++)
		CHECK_INT(http_parse(text, n, &q, &why), 0);
}

#define GET  "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

static void what_could_be_read_in_two_ways_is_refused(void)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "GET /\r\n\r\n", "bad-request-line" },
		{ "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "bad-request-line" },
		{ "G ET / HTTP/1.1\r\nHost: a\r\n\r\n", "bad-request-line" },
		{ "G@T / HTTP/1.1\r\nHost: a\r\n\r\n", "bad-method" },
		{ "GETGETGETGETGETGET / HTTP/1.1\r\nHost: a\r\n\r\n", "bad-method" },
		{ "\x16\x03\x01", "bad-method" },
		{ "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target" },
		{ "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target" },
		{ "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target" },
		{ "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target" },
		{ "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "bad-target" },
		{ "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "bad-request-line" },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http2" },
		{ "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "http2" },
		{ "GET / HTTP/1.2\r\nHost: a\r\n\r\n", "bad-version" },
		{ "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "bad-request-line" },
		{ "GET / HTTP/1.1\nHost: a\r\n\r\n", "bad-byte" },
		{ "GET / HTTP/1.1\r\nHost: a\n\n", "bad-byte" },
		{ GET "X: a\rb\r\n\r\n", "bad-byte" },
		{ "GET / HTTP/1.1\r\n\r\n", "bad-host" },
		{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", "bad-host" },
		{ "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", "bad-host" },
		{ "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "bad-host" },
		{ "GET / HTTP/1.1\r\nHost: a:x\r\n\r\n", "bad-host" },
		{ "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "bad-host" },
		{ GET "Host: b\r\n\r\n", "duplicate-field" },
		{ GET "\tfolded\r\n\r\n", "folded-field" },
		{ "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "bad-field" },
		{ GET ": nameless\r\n\r\n", "bad-field" },
		{ GET "colonless\r\n\r\n", "bad-field" },
		{ GET "X: a\x0b\r\n\r\n", "bad-field-value" },
		{ POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", "duplicate-field" },
		{ POST "Content-Length: 1, 1\r\n\r\n", "bad-length" },
		{ POST "Content-Length: -1\r\n\r\n", "bad-length" },
		{ POST "Content-Length: +1\r\n\r\n", "bad-length" },
		{ POST "Content-Length: 0x1\r\n\r\n", "bad-length" },
		{ POST "Content-Length:\r\n\r\n", "bad-length" },
		{ POST "Content-Length: 99999999\r\n\r\n", "body-too-long" },
		{ POST "Content-Length: 99999999999999999999999999\r\n\r\n", "body-too-long" },
		{ POST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
		  "length-and-coding" },
		{ POST "Transfer-Encoding: gzip, chunked\r\n\r\n", "bad-coding" },
		{ POST "Transfer-Encoding: chunked, chunked\r\n\r\n", "bad-coding" },
		{ POST "Transfer-Encoding: identity\r\n\r\n", "bad-coding" },
		{ POST "Transfer-Encoding:\r\n\r\n", "bad-coding" },
		{ POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
		  "duplicate-field" },
		{ "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "bad-coding" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_request q;
		enum http_fault why;

		CHECK_INT(parse(rows[i].text, &q, &why), -1);
		CHECK_STR(http_faults[why].name, rows[i].why);
	}
}

static void a_nul_is_refused_where_it_stands(void)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\0b";
	struct http_request q;
	enum http_fault why;

	CHECK_INT(http_parse(text, sizeof(text) - 1, &q, &why), -1);
	CHECK_STR(http_faults[why].name, "bad-byte");
}

static void an_endless_head_is_refused(void)
{
	static char text[HTTP_HEAD_MAX];
	AUTO_BUF struct buf many = BUF_INIT(HTTP_HEAD_MAX);
	struct http_request q;
	enum http_fault why;

	memset(text, 'a', sizeof(text));
	CHECK_INT(http_parse(text, sizeof(text), &q, &why), -1);
	CHECK_STR(http_faults[why].name, "head-too-long");
	buf_puts(&many, GET);
	for (int i = 0; i < HTTP_FIELDS_MAX; i++)
		buf_puts(&many, "X: y\r\n");
	buf_puts(&many, "\r\n");
	CHECK_INT(http_parse(many.p, many.n, &q, &why), -1);
	CHECK_STR(http_faults[why].name, "too-many-fields");
	buf_reset(&many);
	buf_printf(&many, "GET /%.*s HTTP/1.1\r\n\r\n", 2047, text);
	CHECK_INT(http_parse(many.p, many.n, &q, &why), -1);
	CHECK_STR(http_faults[why].name, "target-too-long");
}

/* In one piece, and byte by byte. */
static int take_chunks(const char *text, size_t step, struct buf *body, size_t *used,
		       enum http_fault *why)
{
	struct http_chunks c = { 0 };
	const size_t n = strlen(text);
	int r = 0;

	*why = HTTP_FINE;
	*used = 0;
	buf_reset(body);
	while (r == 0 && *used < n) {
		size_t took = 0;

		r = http_chunks(&c, text + *used, n - *used < step ? n - *used : step, &took, body,
				why);
		*used += took;
	}
	return r;
}

static void a_chunked_body_is_put_together(void)
{
	const char *text =
		"4\r\nWiki\r\n5;name=value\r\npedia\r\n0\r\nX-Trailer: dropped\r\n\r\nGET";
	AUTO_BUF struct buf body = BUF_INIT(HTTP_BODY_MAX);
	enum http_fault why;
	size_t used;

	for (size_t step = 1; step < 80; step += 7) {
		CHECK_INT(take_chunks(text, step, &body, &used, &why), 1);
		CHECK_INT(used, strlen(text) - 3);
		CHECK_STR(body.p, "Wikipedia");
	}
	CHECK_INT(take_chunks("0\r\n\r\n", 99, &body, &used, &why), 1);
	CHECK_INT(body.n, 0);
	CHECK_INT(take_chunks("4\r\nWi", 99, &body, &used, &why), 0);
}

static void a_chunk_that_is_none_is_refused(void)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "\r\n", "bad-chunk" },
		{ ";x\r\n", "bad-chunk" },
		{ "-1\r\n", "bad-chunk" },
		{ "+1\r\n", "bad-chunk" },
		{ "0x1\r\n", "bad-chunk" },
		{ " 1\r\n", "bad-chunk" },
		{ "1 \r\na\r\n", "bad-chunk" },
		{ "1\na\r\n", "bad-chunk" },
		{ "1\r\nab\r\n", "bad-chunk" },
		{ "1\r\na\n", "bad-chunk" },
		{ "1;\n\r\n", "bad-chunk" },
		{ "800001\r\n", "body-too-long" },
		{ "ffffffffffffffff1\r\n", "body-too-long" },
		{ "1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
		  "chunk-line-too-long" },
		{ "00000000000000000000000000000000000000000000000000000000000000000000001\r\n",
		  "chunk-line-too-long" },
		{ "0\r\nX: y\n\r\n", "bad-trailer" },
		{ "0\r\n\rX", "bad-trailer" },
	};
	AUTO_BUF struct buf body = BUF_INIT(HTTP_BODY_MAX);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum http_fault why;
		size_t used;

		CHECK_INT(take_chunks(rows[i].text, 99, &body, &used, &why), -1);
		CHECK_STR(http_faults[why].name, rows[i].why);
	}
}

TAP_MAIN(TEST(a_request_is_read), TEST(an_incomplete_head_is_waited_for),
	 TEST(what_could_be_read_in_two_ways_is_refused), TEST(a_nul_is_refused_where_it_stands),
	 TEST(an_endless_head_is_refused), TEST(a_chunked_body_is_put_together),
	 TEST(a_chunk_that_is_none_is_refused))
