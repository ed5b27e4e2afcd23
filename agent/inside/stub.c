/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/stub.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/proto/http.h"
#include "runtime/proto/stub.h"

#define FILE_MAX    (16u << 20)
#define CONNS_MAX   64
#define ANSWER_MAX  (16u << 20)
#define REQUEST_MAX (HTTP_HEAD_MAX + HTTP_BODY_MAX)

struct conn {
	int fd; /* -1: free */
	struct buf in;
};

struct server {
	struct stub stub;
	int sock;
	struct conn conns[CONNS_MAX];
};

/* ---- answers ---- */

static const struct stub_answer *find(const struct stub *s, const struct http_request *q)
{
	const struct stub_answer *a = s->answers.v;
	const size_t path = strcspn(q->target, "?");

	for (size_t i = 0; i < s->answers.n; i++) {
		const bool whole = strchr(a[i].path, '?') != NULL;
		const size_t n = whole ? strlen(q->target) : path;

		if (strcmp(a[i].method ? a[i].method : "GET", q->method) == 0 &&
		    strlen(a[i].path) == n && strncmp(a[i].path, q->target, n) == 0)
			return &a[i];
	}
	return NULL;
}

static void put_answer(const struct stub_answer *a, bool keep, struct buf *out)
{
	AUTO_FREE char *json = a->json ? json_dumps(a->json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	const char *body = json ? json : a->body ? a->body : "";
	bool typed = false;

	buf_printf(out, "HTTP/1.1 %d Recorded\r\n", (int)(a->status ? a->status : 200));
	for (size_t i = 0; i < a->headers.n; i++) {
		buf_printf(out, "%s: %s\r\n", a->headers.v[i].key, a->headers.v[i].value);
		typed = typed || strcasecmp(a->headers.v[i].key, "content-type") == 0;
	}
	if (!typed)
		buf_printf(out, "Content-Type: %s\r\n", json ? "application/json" : "text/plain");
	buf_printf(out, "Content-Length: %zu\r\nConnection: %s\r\n\r\n%s", strlen(body),
		   keep ? "keep-alive" : "close", body);
}

static int send_all(int fd, const struct buf *out)
{
	for (size_t done = 0; done < out->n;) {
		const ssize_t n = send(fd, out->p + done, out->n - done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

/* false: the connection is over. */
static bool reply(const struct server *s, int fd, const struct http_request *q)
{
	static char unknown[] = "no answer was recorded for this request\n";
	const struct stub_answer none = { .status = 501, .body = unknown };
	const struct stub_answer *a = find(&s->stub, q);
	AUTO_BUF struct buf out = BUF_INIT(ANSWER_MAX);

	if (!a)
		(void)fprintf(stderr, "stub: no answer was recorded for %s %s\n", q->method,
			      q->target);
	put_answer(a ? a : &none, q->keep, &out);
	return !out.failed && send_all(fd, &out) == 0 && q->keep;
}

static void refuse(int fd, enum http_fault why)
{
	const struct http_fault_row *f = &http_faults[why];
	const struct stub_answer bad = { .status = (uint64_t)f->status,
					 .body = (char *)(uintptr_t)f->text };
	AUTO_BUF struct buf out = BUF_INIT(HTTP_HEAD_MAX);

	(void)fprintf(stderr, "stub: a request was refused: %s: %s\n", f->name, f->text);
	put_answer(&bad, false, &out);
	(void)send_all(fd, &out);
}

/* ---- connections ---- */

static void drop(struct conn *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
	buf_release(&c->in);
}

/* Answers every whole request that came. false: the connection is over. */
static bool answer(const struct server *s, struct conn *c)
{
	while (c->in.n) {
		struct http_request q;
		enum http_fault why = HTTP_CODING; /* a chunked body is not taken apart here */
		const int head = http_parse(c->in.p, c->in.n, &q, &why);
		size_t used;

		if (head < 0 || (head > 0 && q.chunked)) {
			refuse(c->fd, why);
			return false;
		}
		if (head == 0 || c->in.n - (size_t)head < q.length)
			return true;
		if (!reply(s, c->fd, &q))
			return false;
		used = (size_t)head + q.length;
		memmove(c->in.p, c->in.p + used, c->in.n - used);
		c->in.n -= used;
	}
	return true;
}

static void on_data(const struct server *s, struct conn *c)
{
	char chunk[16384];
	const ssize_t n = recv(c->fd, chunk, sizeof(chunk), 0);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0)
		buf_put(&c->in, chunk, (size_t)n);
	if (n <= 0 || c->in.failed || !answer(s, c))
		drop(c);
}

/* One too many takes the place of the first: a client may leave idle ones open. */
static void on_connection(struct server *s)
{
	const struct timeval patience = { .tv_sec = 10 };
	const int fd = accept4(s->sock, NULL, NULL, SOCK_CLOEXEC);
	size_t at = 0;

	if (fd < 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	while (at < CONNS_MAX && s->conns[at].fd >= 0)
		at++;
	if (at == CONNS_MAX) {
		at = 0;
		drop(&s->conns[0]);
	}
	s->conns[at] = (struct conn){ .fd = fd, .in = BUF_INIT(REQUEST_MAX) };
}

static int serve(struct server *s, struct err *e)
{
	struct pollfd p[CONNS_MAX + 1];

	for (;;) {
		for (size_t i = 0; i < CONNS_MAX; i++)
			p[i] = (struct pollfd){ .fd = s->conns[i].fd, .events = POLLIN };
		p[CONNS_MAX] = (struct pollfd){ .fd = s->sock, .events = POLLIN };
		if (poll(p, CONNS_MAX + 1, -1) < 0) {
			if (errno == EINTR)
				continue;
			return err_sys(e, "wait for requests");
		}
		for (size_t i = 0; i < CONNS_MAX; i++)
			if (p[i].revents)
				on_data(s, &s->conns[i]);
		if (p[CONNS_MAX].revents)
			on_connection(s);
	}
}

/* ---- start ---- */

static int listen_at(const char *address, const char *port, struct err *e)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	const unsigned long number = strtoul(port, NULL, 10);
	const int one = 1;
	int s;

	if (inet_pton(AF_INET, address, &in.sin_addr) != 1 || number == 0 || number > 65535)
		return err_set(e, EINVAL, "'%s' port '%s' is no address", address, port);
	in.sin_port = htons((uint16_t)number);
	s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(s, (void *)&in, sizeof(in)) < 0 || listen(s, 64) < 0) {
		(void)err_sys(e, "listen at %s port %lu", address, number);
		if (s >= 0)
			(void)close(s);
		return -e->code;
	}
	return s;
}

int stub_run(const char *address, const char *port, const char *file, struct err *e)
{
	AUTO_FREE struct server *s = calloc(1, sizeof(*s));
	AUTO_BUF struct buf text = BUF_INIT(FILE_MAX);
	int r;

	if (!s)
		return err_set(e, ENOMEM, "stub: out of memory");
	for (size_t i = 0; i < CONNS_MAX; i++)
		s->conns[i].fd = -1;
	r = file_read_at(AT_FDCWD, file, FILE_MAX, &text, e);
	if (r == 0)
		r = stub_parse(file, text.p ? text.p : "", text.n, &s->stub, e);
	if (r == 0) {
		s->sock = listen_at(address, port, e);
		r = s->sock < 0 ? s->sock : serve(s, e);
	}
	stub_release(&s->stub);
	return r;
}
