/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>

#include "tests/unit/front/rig.h"

/* What a front hears that is no honest client: refused by a name, and the next one is served. */

#ifdef __SANITIZE_ADDRESS__ /* such a build has no filter */
#define FILTER false
#else
#define FILTER true
#endif
#define CONFINED (FILTER && geteuid() == 0) /* an ordinary user keeps his own id and root */

#define HOST "Host: localhost\r\n"
#define JSON "Content-Type: application/json\r\n"
#define ASK  "POST /v1/chat/completions HTTP/1.1\r\n" HOST JSON

static const struct front_setup usual = { .name = (char[]){ "agent" } };
static const struct front_setup hasty = { .name = (char[]){ "agent" },
					  .head_ms = 500,
					  .body_ms = 500,
					  .idle_ms = 1500,
					  .write_ms = 500 };

/* An honest request is answered as it should. */
static void is_served(const struct rig *r)
{
	AUTO_HEARD struct heard h = { 0 };
	AUTO_MSG struct msg m = MSG_INIT;
	const int fd = rig_connect(r);

	rig_post(fd, "/v1/chat/completions", "", "{\"messages\":[]}");
	CHECK_INT(rig_gate(r, &m), GATE_MODEL);
	rig_answer(r, GATE_MODEL_END,
		   json_pack("{s:I,s:s,s:{}}", "id", rig_id(&m), "kind", "ok", "body"));
	CHECK_INT(rig_hear(fd, &h), 200);
	(void)close(fd);
}

struct row {
	const char *text;
	int status;
	const char *why;
};

static void check_rows(const struct rig *r, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO_HEARD struct heard h = { 0 };
		const int fd = rig_connect(r);

		rig_text(fd, rows[i].text);
		CHECK_INT(rig_hear(fd, &h), rows[i].status);
		CHECK_STR(heard_reason(&h), rows[i].why);
		(void)close(fd);
	}
}

static void smuggled_and_malformed_requests_are_refused_by_name(void)
{
	static const struct row rows[] = {
		{ ASK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
		  "length-and-coding" },
		{ ASK "Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}", 400, "duplicate-field" },
		{ ASK "Transfer-Encoding: xchunked\r\n\r\n", 501, "bad-coding" },
		{ ASK "Transfer-Encoding : chunked\r\n\r\n", 400, "bad-field" },
		{ ASK "X: y\r\n Transfer-Encoding: chunked\r\n\r\n", 400, "folded-field" },
		{ ASK "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "bad-chunk" },
		{ ASK "Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n", 400, "bad-chunk" },
		{ ASK "Transfer-Encoding: chunked\r\n\r\n900000\r\n", 413, "body-too-long" },
		{ ASK "Content-Length: 99999999\r\n\r\n", 413, "body-too-long" },
		{ ASK "Content-Length: 2\n\n{}", 400, "bad-byte" },
		{ "POST http://localhost/v1/chat/completions HTTP/1.1\r\n" HOST "\r\n", 400,
		  "bad-target" },
		{ "GET / HTTP/1.0\r\n" HOST "\r\n", 505, "bad-version" },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "http2" },
		{ "\x16\x03\x01\x02", 400, "bad-method" },
		{ "GET / HTTP/1.1\r\nHost: models.example\r\n\r\n", 421, "foreign-host" },
		{ "GET / HTTP/1.1\r\nHost: 127.0.0.1.example\r\n\r\n", 421, "foreign-host" },
		{ "GET / HTTP/1.1\r\n" HOST "Origin: http://evil.example\r\n\r\n", 403,
		  "foreign-origin" },
		{ "GET / HTTP/1.1\r\n" HOST "Upgrade: h2c\r\n\r\n", 400, "upgrade" },
		{ ASK "Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}", 417, "bad-expect" },
		{ ASK "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", 415,
		  "content-encoding" },
		{ ASK "Content-Encoding: zstd\r\nContent-Length: 2\r\n\r\n{}", 415,
		  "content-encoding" },
		{ "POST /v1/chat/completions HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}", 415,
		  "bad-content-type" },
		{ "GET /v1/files HTTP/1.1\r\n" HOST "\r\n", 404, "no-route" },
		{ "GET /v1/../mcp HTTP/1.1\r\n" HOST "\r\n", 404, "no-route" },
		{ "GET /v1/chat%2fcompletions HTTP/1.1\r\n" HOST "\r\n", 404, "no-route" },
		{ "PUT /mcp HTTP/1.1\r\n" HOST "\r\n", 405, "no-method" },
		{ "GET /v1/models?x=1 HTTP/1.1\r\n" HOST "\r\n", 400, "bad-query" },
	};
	struct rig r;

	rig_open_with(&r, rig_task("patch", MODEL_CHAT), &usual);
	check_rows(&r, rows, sizeof(rows) / sizeof(rows[0]));
	is_served(&r);
	rig_close(&r);
}

static void bodies_that_are_no_json_are_refused_by_name(void)
{
	static const struct row rows[] = {
		{ "", 400, "bad-json" },
		{ "[]", 400, "bad-json" },
		{ "{\"a\":1,\"a\":2}", 400, "bad-json" },
		{ "{\"a\":1} {}", 400, "bad-json" },
		{ "{\"a\":\"\\u0000\"}", 400, "bad-json" },
		{ "{\"a\":\"\\ud800\"}", 400, "bad-json" },
		{ "{\"a\":\"\xff\"}", 400, "bad-json" },
		{ "{\"a\":99999999999999999999}", 400, "bad-json" },
		{ "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]}", 400,
		  "json-too-deep" },
		{ "{\"model\":7}", 400, "bad-model" },
		{ "{\"model\":\"\"}", 400, "bad-model" },
		{ "{\"stream\":1}", 400, "bad-stream" },
	};
	AUTO_BUF struct buf big = BUF_INIT(4u << 20);
	AUTO_HEARD struct heard h = { 0 };
	struct rig r;
	int fd;

	rig_open_with(&r, rig_task("patch", MODEL_CHAT), &usual);
	fd = rig_connect(&r); /* one connection: what was read to its end spoils nothing */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rig_post(fd, "/v1/chat/completions", "", rows[i].text);
		CHECK_INT(rig_hear(fd, &h), rows[i].status);
		CHECK_STR(heard_reason(&h), rows[i].why);
		CHECK(heard_has(&h, "x-should-retry: false"));
	}
	buf_puts(&big, "{\"a\":[0");
	for (int i = 0; i < 200000; i++)
		buf_puts(&big, ",0");
	buf_puts(&big, "]}");
	rig_post(fd, "/v1/chat/completions", "", big.p);
	CHECK_INT(rig_hear(fd, &h), 413);
	CHECK_STR(heard_reason(&h), "json-too-large");
	(void)close(fd);
	is_served(&r);
	rig_close(&r);
}

static void the_gate_is_told_of_each_kind_of_refusal_once(void)
{
	struct rig r;
	AUTO_MSG struct msg m = MSG_INIT;
	struct err e = ERR_INIT;
	static const struct row twice[] = {
		{ "G@T / HTTP/1.1\r\n\r\n", 400, "bad-method" },
		{ "G@T / HTTP/1.1\r\n\r\n", 400, "bad-method" },
		{ "GET /x HTTP/1.1\r\n" HOST "\r\n", 404, "no-route" },
	};

	rig_open_with(&r, rig_task("patch", MODEL_CHAT), &usual);
	check_rows(&r, twice, 3);
	CHECK_INT(msg_recv(r.front.gate, RIG_MS, &m, &e), 1);
	CHECK_INT(m.type, GATE_NOTE);
	CHECK_STR(json_string_value(json_object_get(m.body, "text")),
		  "front: bad-method: the method is no token");
	CHECK_INT(msg_recv(r.front.gate, RIG_MS, &m, &e), 1);
	CHECK_STR(json_string_value(json_object_get(m.body, "text")),
		  "front: no-route: a request was refused");
	rig_close(&r);
}

static void slow_clients_are_ended_in_time(void)
{
	struct rig r;
	AUTO_HEARD struct heard h = { 0 };
	int head, body, idle;

	rig_open_with(&r, rig_task("patch", MODEL_CHAT), &hasty);
	head = rig_connect(&r);
	body = rig_connect(&r);
	idle = rig_connect(&r);
	rig_text(head, "GET / HT");
	rig_text(body, ASK "Content-Length: 9\r\n\r\n{");
	CHECK_INT(rig_hear(head, &h), 408);
	CHECK_STR(heard_reason(&h), "head-timeout");
	CHECK_INT(rig_hear(body, &h), 408);
	CHECK_STR(heard_reason(&h), "body-timeout");
	CHECK_INT(rig_hear(idle, &h), 0);
	CHECK(h.closed);
	(void)close(head);
	(void)close(body);
	(void)close(idle);
	is_served(&r);
	rig_close(&r);
}

static void a_request_that_is_cut_short_is_named(void)
{
	static const char *const parts[] = { "GET / HTT", ASK "Content-Length: 9\r\n\r\n{",
					     ASK "Transfer-Encoding: chunked\r\n\r\n5\r\n{" };
	struct rig r;

	rig_open_with(&r, rig_task("patch", MODEL_CHAT), &usual);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		AUTO_HEARD struct heard h = { 0 };
		const int fd = rig_connect(&r);

		rig_text(fd, parts[i]);
		CHECK_INT(shutdown(fd, SHUT_WR), 0);
		CHECK_INT(rig_hear(fd, &h), 400);
		CHECK_STR(heard_reason(&h), "cut-short");
		(void)close(fd);
	}
	is_served(&r);
	rig_close(&r);
}

static void a_client_that_goes_away_cancels_its_call(void)
{
	struct rig r;
	AUTO_MSG struct msg asked = MSG_INIT;
	AUTO_MSG struct msg m = MSG_INIT;
	int fd;

	rig_open_with(&r, rig_task("patch", MODEL_CHAT), &usual);
	for (int streams = 0; streams < 2; streams++) {
		fd = rig_connect(&r);
		rig_post(fd, "/v1/chat/completions", "", "{\"stream\":true}");
		CHECK_INT(rig_gate(&r, &asked), GATE_MODEL);
		if (streams)
			rig_answer(&r, GATE_EVENT,
				   json_pack("{s:I,s:{}}", "id", rig_id(&asked), "data"));
		(void)close(fd);
		CHECK_INT(rig_gate(&r, &m), GATE_CANCEL);
		CHECK_INT(rig_id(&m), rig_id(&asked));
		rig_answer(&r, GATE_MODEL_END,
			   json_pack("{s:I,s:s}", "id", rig_id(&asked), "kind", "cancelled"));
	}
	is_served(&r);
	rig_close(&r);
}

static void pipelined_requests_are_answered_in_order(void)
{
	struct rig r;
	AUTO_BUF struct buf b = BUF_INIT(1u << 16);
	AUTO_BUF struct buf got = BUF_INIT(1u << 16);
	AUTO_MSG struct msg m = MSG_INIT;
	struct pollfd p;
	int fd;

	rig_open_with(&r, rig_task("patch", MODEL_CHAT), &usual);
	fd = rig_connect(&r);
	for (int i = 0; i < 3; i++)
		buf_printf(&b, ASK "Content-Length: 13\r\n\r\n{\"model\":\"%d\"}", i);
	buf_puts(&b, "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
	rig_say(fd, b.p, b.n);
	for (int i = 0; i < 3; i++) {
		CHECK_INT(rig_gate(&r, &m), GATE_MODEL);
		CHECK_STR(json_string_value(json_object_get(m.body, "model")), i == 0	? "0"
									       : i == 1 ? "1"
											: "2");
		rig_answer(&r, GATE_MODEL_END,
			   json_pack("{s:I,s:s,s:{s:i}}", "id", rig_id(&m), "kind", "ok", "body",
				     "was", i));
	}
	p = (struct pollfd){ .fd = fd, .events = POLLIN };
	while (poll(&p, 1, RIG_MS) > 0) {
		char piece[4096];
		const ssize_t n = recv(fd, piece, sizeof(piece), 0);

		if (n <= 0)
			break;
		buf_put(&got, piece, (size_t)n);
	}
	CHECK(got.p && strstr(got.p, "{\"was\":0}") && strstr(got.p, "{\"was\":1}") &&
	      strstr(strstr(got.p, "{\"was\":1}"), "{\"was\":2}") &&
	      strstr(strstr(got.p, "{\"was\":2}"), "sickbay-front"));
	(void)close(fd);
	rig_close(&r);
}

static void a_client_that_waits_to_be_told_is_told_to_go_on(void)
{
	struct rig r;
	AUTO_HEARD struct heard h = { 0 };
	AUTO_MSG struct msg m = MSG_INIT;
	int fd;

	rig_open_with(&r, rig_task("patch", MODEL_CHAT), &usual);
	fd = rig_connect(&r);
	rig_text(fd, ASK "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	CHECK_INT(rig_hear(fd, &h), 100);
	rig_text(fd, "{}");
	CHECK_INT(rig_gate(&r, &m), GATE_MODEL);
	(void)close(fd);
	rig_close(&r);
}

static void two_hundred_clients_at_a_time_are_all_served(void)
{
	enum { N = 200 };
	struct rig r;
	AUTO_MSG struct msg m = MSG_INIT;
	AUTO_HEARD struct heard h = { 0 };
	int fds[N], served = 0;

	rig_open_with(&r, rig_task("patch", MODEL_CHAT), &usual);
	for (int i = 0; i < N; i++) {
		fds[i] = rig_connect(&r);
		rig_post(fds[i], "/v1/chat/completions", "", "{}");
	}
	for (int i = 0; i < N; i++) {
		CHECK_INT(rig_gate(&r, &m), GATE_MODEL);
		rig_answer(&r, GATE_MODEL_END,
			   json_pack("{s:I,s:s,s:{}}", "id", rig_id(&m), "kind", "ok", "body"));
	}
	for (int i = 0; i < N; i++) {
		served += rig_hear(fds[i], &h) == 200;
		(void)close(fds[i]);
	}
	CHECK_INT(served, N);
	is_served(&r);
	rig_close(&r);
}

/* Bytes of memory that the program has in use, KiB. */
static long resident(const struct rig *r)
{
	char path[64];
	AUTO_BUF struct buf text = BUF_INIT(65536);
	struct err e = ERR_INIT;
	const char *line;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)r->front.pid);
	CHECK_INT(file_read_at(AT_FDCWD, path, 65536, &text, &e), 0);
	line = text.p ? strstr(text.p, "VmHWM:") : NULL;
	return line ? strtol(line + 6, NULL, 10) : -1;
}

static json_t *large_answer(const struct msg *m)
{
	static char text[(3u << 20) + 1];

	memset(text, 'x', sizeof(text) - 1);
	return json_pack("{s:I,s:s,s:{s:s}}", "id", rig_id(m), "kind", "ok", "body", "text", text);
}

static void clients_that_never_read_are_bounded_and_dropped(void)
{
	enum { N = 40 };
	struct rig r;
	AUTO_MSG struct msg m = MSG_INIT;
	int fds[N];

	rig_open_with(&r, rig_task("patch", MODEL_CHAT), &usual);
	for (int i = 0; i < N; i++) {
		const int small = 4096;

		fds[i] = rig_connect(&r);
		(void)setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
		rig_post(fds[i], "/v1/chat/completions", "", "{}");
		CHECK_INT(rig_gate(&r, &m), GATE_MODEL);
		rig_answer(&r, GATE_MODEL_END, large_answer(&m)); /* 120 MiB in all */
	}
	is_served(&r);
	CHECK(!FILTER || resident(&r) < 200 << 10);
	for (int i = 0; i < N; i++)
		(void)close(fds[i]);
	is_served(&r);
	rig_close(&r);
}

static void bodies_wait_for_room(void)
{
	enum { N = 12 };
	struct rig r;
	AUTO_HEARD struct heard h = { 0 };
	int fds[N], late;

	rig_open_with(&r, rig_task("patch", MODEL_CHAT), &hasty);
	for (int i = 0; i < N; i++) { /* eight of them take all the room there is */
		fds[i] = rig_connect(&r);
		rig_text(fds[i], ASK "Content-Length: 8388608\r\n\r\n{");
	}
	late = rig_connect(&r);
	rig_post(late, "/v1/chat/completions", "", "{]");
	CHECK_INT(rig_hear(late, &h), 400); /* once those before it are out of time */
	CHECK_STR(heard_reason(&h), "bad-json");
	for (int i = 0; i < N; i++)
		(void)close(fds[i]);
	(void)close(late);
	is_served(&r);
	rig_close(&r);
}

/* What the kernel says of it. */
static void it_has_no_user_no_capability_no_files(void)
{
	static const char *const lines[] = {
		"Uid:\t60804\t60804\t60804\t60804",
		"Gid:\t60804\t60804\t60804\t60804",
		"Groups:\t \n",
		"CapPrm:\t0000000000000000",
		"NoNewPrivs:\t1",
		"Seccomp:\t2",
	};
	AUTO_BUF struct buf status = BUF_INIT(65536);
	struct err e = ERR_INIT;
	struct rig r;
	char path[64];
	DIR *root;
	int n = 0;

	rig_open_with(&r, rig_task("patch", MODEL_CHAT), &usual);
	is_served(&r);
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)r.front.pid);
	CHECK_INT(file_read_at(AT_FDCWD, path, 65536, &status, &e), 0);
	for (size_t i = 0; CONFINED && i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(status.p ? status.p : "", lines[i]))
			CHECK_STR("not in the status", lines[i]);
	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)r.front.pid);
	root = opendir(path);
	while (root && readdir(root))
		n++;
	CHECK(!CONFINED || n == 2); /* "." and ".." */
	if (root)
		(void)closedir(root);
	rig_close(&r);
}

TAP_MAIN(TEST(it_has_no_user_no_capability_no_files),
	 TEST(smuggled_and_malformed_requests_are_refused_by_name),
	 TEST(bodies_that_are_no_json_are_refused_by_name),
	 TEST(the_gate_is_told_of_each_kind_of_refusal_once), TEST(slow_clients_are_ended_in_time),
	 TEST(a_request_that_is_cut_short_is_named), TEST(a_client_that_goes_away_cancels_its_call),
	 TEST(pipelined_requests_are_answered_in_order),
	 TEST(a_client_that_waits_to_be_told_is_told_to_go_on),
	 TEST(two_hundred_clients_at_a_time_are_all_served),
	 TEST(clients_that_never_read_are_bounded_and_dropped), TEST(bodies_wait_for_room))
