/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/msg_stream.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/base/clock.h"

#define PIECE (64u << 10)

/* Forgets the bytes before `from`, once they are half of what is kept. */
static void forget(struct buf *b, size_t *from)
{
	if (*from == b->n) {
		if (b->cap > PIECE * 4)
			buf_release(b);
		else
			buf_reset(b);
		*from = 0;
	} else if (*from > b->n / 2) {
		memmove(b->p, b->p + *from, b->n - *from);
		b->n -= *from;
		*from = 0;
	}
}

int msg_stream_read(struct msg_stream *s, struct err *e)
{
	char piece[PIECE];
	ssize_t n;

	do
		n = recv(s->sock, piece, sizeof(piece), MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return -EAGAIN;
	if (n < 0 && errno != ECONNRESET)
		return err_sys(e, "receive a message");
	if (n <= 0)
		return s->in.n == s->taken ? 0 : err_set(e, EPIPE, "message cut short");
	forget(&s->in, &s->taken);
	s->in.max = MSG_MAX + PIECE + s->taken;
	buf_put(&s->in, piece, (size_t)n);
	return buf_check(&s->in, "message", e) < 0 ? -e->code : 1;
}

int msg_stream_next(struct msg_stream *s, struct msg *out, struct err *e)
{
	size_t used = 0;
	int r;

	if (s->in.n == s->taken)
		return 0;
	r = msg_parse(s->in.p + s->taken, s->in.n - s->taken, out, &used, e);
	if (r == 1) {
		s->taken += used;
		forget(&s->in, &s->taken);
	}
	return r;
}

int msg_stream_put(struct msg_stream *s, uint16_t type, const json_t *body, size_t most,
		   struct err *e)
{
	const size_t had = s->out.n;
	int r;

	s->out.max = most + s->sent;
	r = msg_frame(type, body, NULL, 0, &s->out, e);
	if (r < 0 && s->out.p) { /* half a frame would spoil those behind it */
		s->out.n = had;
		s->out.p[had] = '\0';
		s->out.failed = 0;
	}
	return r;
}

int msg_stream_flush(struct msg_stream *s, struct err *e)
{
	while (s->sent < s->out.n) {
		const ssize_t n = send(s->sock, s->out.p + s->sent, s->out.n - s->sent,
				       MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0)
			return err_sys(e, "send a message");
		s->sent += (size_t)n;
	}
	forget(&s->out, &s->sent);
	return 0;
}

int msg_stream_drain(struct msg_stream *s, int timeout_ms, struct err *e)
{
	const uint64_t until = clock_mono_ns() + (uint64_t)timeout_ms * 1000000;
	struct pollfd p = { .fd = s->sock, .events = POLLOUT };
	int r = msg_stream_flush(s, e);

	while (r == 0 && msg_stream_waiting(s)) {
		const uint64_t now = clock_mono_ns();

		if (now >= until)
			return err_set(e, ETIMEDOUT, "the peer does not read");
		if (poll(&p, 1, (int)((until - now) / 1000000 + 1)) < 0 && errno != EINTR)
			return err_sys(e, "wait to send a message");
		r = msg_stream_flush(s, e);
	}
	return r;
}

size_t msg_stream_waiting(const struct msg_stream *s)
{
	return s->out.n - s->sent;
}

void msg_stream_release(struct msg_stream *s)
{
	buf_release(&s->in);
	buf_release(&s->out);
	s->taken = s->sent = 0;
}
