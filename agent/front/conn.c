/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/front/front.h"
#include "runtime/base/msg.h"

#define PIECE 16384
#define DRAIN_MS                                                                         \
	2000 /* for a client to hear the last answer: closing at once would take it back \
	      */
#define MS 1000000ull

static void set_state(struct front_state *f, struct conn *c, int state)
{
	c->state = state;
	c->since = f->now;
}

void conn_open(struct front_state *f, struct conn *c, int fd)
{
	*c = (struct conn){ .fd = fd };
	c->in.max = HTTP_HEAD_MAX + PIECE;
	c->body.max = HTTP_BODY_MAX;
	c->out.max = FRONT_OUT_MAX;
	c->progress = f->now;
	set_state(f, c, CONN_HEAD);
}

static void give_back(struct front_state *f, struct conn *c)
{
	buf_release(&c->body);
	f->bodies -= c->granted;
	c->granted = 0;
}

/* Nobody waits for its calls any more. */
static void orphan(struct front_state *f, const struct conn *c)
{
	for (size_t i = 0; i < FRONT_CALLS_MAX; i++) {
		struct call *k = &f->calls[i];
		struct err ignored = ERR_INIT; /* without memory the call just goes on */

		if (!k->id || k->conn != c)
			continue;
		k->conn = NULL;
		if (k->type == GATE_MODEL)
			(void)front_send(f, GATE_CANCEL,
					 json_pack("{s:I}", "id", (json_int_t)k->id), &ignored);
	}
}

void conn_close(struct front_state *f, struct conn *c)
{
	orphan(f, c);
	give_back(f, c);
	(void)close(c->fd);
	buf_release(&c->in);
	buf_release(&c->out);
	json_decref(c->answers);
	*c = (struct conn){ .fd = -1 };
}

size_t conn_unread(const struct conn *c)
{
	return c->out.n - c->sent;
}

short conn_wants(const struct conn *c)
{
	const short out = conn_unread(c) ? POLLOUT : 0;

	switch (c->state) {
	case CONN_HEAD:
		return (short)(out ? out : POLLIN);
	case CONN_BODY:
		return (short)(out | POLLIN);
	case CONN_BUSY:
		return (short)(out | POLLRDHUP);
	case CONN_CLOSING:
		return (short)(c->draining ? POLLIN : out);
	default:
		return out;
	}
}

/* ---- reading ---- */

static void cut_short(struct front_state *f, struct conn *c)
{
	static const struct refusal why = {
		.status = 400,
		.name = "cut-short",
		.text = "the client closed in the middle of a request"
	};

	if (c->state == CONN_HEAD && c->in.n == 0)
		conn_close(f, c);
	else
		refuse(f, c, front_protocol(f), &why);
}

void conn_read(struct front_state *f, struct conn *c)
{
	char piece[PIECE];
	ssize_t n;

	if (c->state != CONN_HEAD && c->state != CONN_BODY && !c->draining) {
		conn_close(f, c); /* it went away while it should have waited */
		return;
	}
	n = recv(c->fd, piece, sizeof(piece), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 || (n == 0 && c->draining))
		conn_close(f, c);
	else if (n == 0)
		cut_short(f, c);
	else if (!c->draining) {
		if (c->in.n == 0 && c->state == CONN_HEAD)
			c->since = f->now;
		buf_put(&c->in, piece, (size_t)n);
	}
}

static void drop_front(struct buf *b, size_t n)
{
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

static void keep_head(struct conn *c, const struct http_request *q)
{
	const size_t path = strcspn(q->target, "?");
	const struct http_field *version = http_find(q, "mcp-protocol-version");

	c->q = (struct request){
		.length = q->length,
		.chunked = q->chunked,
		.keep = q->keep,
		.wants_events = http_value_has(http_find(q, "accept"), "text/event-stream"),
		.expects = http_find(q, "expect") != NULL,
	};
	memcpy(c->q.method, q->method, sizeof(c->q.method));
	memcpy(c->q.path, q->target, path);
	if (q->target[path])
		(void)snprintf(c->q.query, sizeof(c->q.query), "%s", q->target + path + 1);
	if (version)
		(void)snprintf(c->q.version, sizeof(c->q.version), "%.*s",
			       (int)(version->value_n < 31 ? version->value_n : 31),
			       version->value);
}

/* true: it can go on. */
static bool step_head(struct front_state *f, struct conn *c)
{
	struct http_request q;
	enum http_fault why = HTTP_FINE;
	int n;

	if (c->in.n == 0 || conn_unread(c))
		return false;
	n = http_parse(c->in.p, c->in.n, &q, &why);
	if (n == 0)
		return false;
	if (n < 0) {
		refuse_fault(f, c, why);
		return true;
	}
	keep_head(c, &q);
	if (route_head(f, c, &q) < 0)
		return true;
	drop_front(&c->in, (size_t)n);
	set_state(f, c, c->q.chunked || c->q.length ? CONN_ROOM : CONN_READY);
	return true;
}

void conn_grant(struct front_state *f, struct conn *c, size_t room)
{
	c->granted = room;
	c->chunks = (struct http_chunks){ 0 };
	set_state(f, c, CONN_BODY);
	if (c->q.expects && c->in.n == 0)
		buf_puts(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
}

static bool step_body(struct front_state *f, struct conn *c)
{
	enum http_fault why = HTTP_FINE;
	size_t used;
	int whole;

	if (c->q.chunked) {
		whole = http_chunks(&c->chunks, c->in.p, c->in.n, &used, &c->body, &why);
		if (whole < 0) {
			refuse_fault(f, c, why);
			return true;
		}
	} else {
		used = c->q.length - c->body.n;
		used = used < c->in.n ? used : c->in.n;
		buf_put(&c->body, c->in.p, used);
		whole = c->body.n == c->q.length;
	}
	drop_front(&c->in, used);
	if (c->body.failed)
		conn_close(f, c);
	else if (whole)
		set_state(f, c, CONN_READY);
	return whole && c->fd >= 0;
}

/* The gate is asked no faster than it listens. */
static bool step_ready(struct front_state *f, struct conn *c)
{
	if (f->gate_out.n - f->gate_sent > FRONT_GATE_MAX)
		return false;
	set_state(f, c, CONN_BUSY);
	route(f, c);
	if (c->fd >= 0)
		give_back(f, c);
	return true;
}

static bool step(struct front_state *f, struct conn *c)
{
	switch (c->state) {
	case CONN_HEAD:
		return step_head(f, c);
	case CONN_BODY:
		return c->in.n && step_body(f, c);
	case CONN_READY:
		return step_ready(f, c);
	default:
		return false;
	}
}

void conn_step(struct front_state *f, struct conn *c)
{
	bool moved = true;

	while (moved && c->fd >= 0 && !c->out.failed) {
		moved = step(f, c);
		if (c->fd >= 0 && conn_unread(c)) {
			conn_write(f, c);
			moved = moved || c->state == CONN_HEAD; /* the next one may be there */
		}
		moved = moved && (c->fd < 0 || conn_unread(c) == 0);
	}
	if (c->fd >= 0 && c->out.failed) {
		front_note(f, "answer-too-long", "an answer did not fit into its bound");
		conn_close(f, c);
	}
}

/* ---- writing ---- */

static void all_sent(struct front_state *f, struct conn *c)
{
	buf_release(&c->out);
	c->sent = 0;
	if (c->state != CONN_CLOSING)
		return;
	(void)shutdown(c->fd, SHUT_WR);
	c->draining = true;
	c->since = f->now;
}

void conn_write(struct front_state *f, struct conn *c)
{
	const ssize_t n =
		conn_unread(c) ? send(c->fd, c->out.p + c->sent, conn_unread(c), MSG_NOSIGNAL) : 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		conn_close(f, c);
		return;
	}
	c->sent += (size_t)n;
	c->progress = f->now;
	if (conn_unread(c) == 0) {
		all_sent(f, c);
	} else if (c->sent >= FRONT_OUT_MAX / 4) {
		drop_front(&c->out, c->sent);
		c->sent = 0;
	}
}

/* ---- time ---- */

static bool late(const struct front_state *f, uint64_t since, uint64_t ms)
{
	return f->now > since + ms * MS;
}

void conn_time(struct front_state *f, struct conn *c)
{
	static const struct refusal head = { .status = 408,
					     .name = "head-timeout",
					     .text = "the request's head did not come in time" };
	static const struct refusal body = { .status = 408,
					     .name = "body-timeout",
					     .text = "the request's body did not come in time" };

	const bool spent =
		(c->draining && late(f, c->since, DRAIN_MS)) ||
		(c->state == CONN_HEAD && !c->in.n && late(f, c->since, f->setup.idle_ms));

	if (conn_unread(c) && late(f, c->progress, f->setup.write_ms)) {
		front_note(f, "unread-answer", "a client read nothing for too long");
		conn_close(f, c);
	} else if (spent) {
		conn_close(f, c);
	} else if (c->state == CONN_HEAD && c->in.n && !conn_unread(c) &&
		   late(f, c->since, f->setup.head_ms)) {
		refuse(f, c, front_protocol(f), &head);
	} else if (c->state == CONN_BODY && late(f, c->since, f->setup.body_ms)) {
		refuse(f, c, front_protocol(f), &body);
	} else if (c->state == CONN_BUSY && c->beat && f->now > c->beat) {
		mcp_beat(f, c);
	}
}
