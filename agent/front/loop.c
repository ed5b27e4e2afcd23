/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/front/front.h"
#include "runtime/base/clock.h"
#include "runtime/base/msg.h"

#define PATIENCE_MS 10000	  /* for the set-up, which is there already */
#define SPARE_NS    1000000000ull /* an unused connection may go for another after that */
#define TICK_MS	    250		  /* how exact times are kept while there is a connection */

static const struct front_setup usual = {
	.head_ms = 30000, .body_ms = 60000, .idle_ms = 120000, .write_ms = 60000, .beat_ms = 5000
};

static int read_setup(struct front_state *f, struct err *e)
{
	AUTO_MSG struct msg m = MSG_INIT;
	struct front_setup *s = &f->setup;
	int r = msg_recv(f->gate, PATIENCE_MS, &m, e);

	if (r == 0 || (r > 0 && m.type != FRONT_SETUP))
		r = err_set(e, EPROTO, "no set-up came; sickbay starts this program");
	if (r > 0)
		r = jmap_read(front_setup_map, m.body, s, "", e);
	s->head_ms = s->head_ms ? s->head_ms : usual.head_ms;
	s->body_ms = s->body_ms ? s->body_ms : usual.body_ms;
	s->idle_ms = s->idle_ms ? s->idle_ms : usual.idle_ms;
	s->write_ms = s->write_ms ? s->write_ms : usual.write_ms;
	s->beat_ms = s->beat_ms ? s->beat_ms : usual.beat_ms;
	return r;
}

static int say_hello(struct front_state *f, struct err *e)
{
	const struct gate_hello hello = { .version = GATE_VERSION, .name = f->setup.name };

	return front_send(f, GATE_HELLO, jmap_write(gate_hello_map, &hello), e);
}

static int not_blocking(int fd, struct err *e)
{
	const int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_sys(e, "descriptor %d that it was given", fd);
	return 0;
}

int front_open(int gate, struct front_state **out, struct err *e)
{
	struct front_state *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return err_set(e, ENOMEM, "out of memory");
	f->gate = gate;
	f->gate_in.max = f->gate_out.max = 2 * FRONT_GATE_MAX;
	for (size_t i = 0; i < FRONT_MAX_CONNS; i++)
		f->conns[i].fd = -1;
	r = read_setup(f, e);
	if (r == 0)
		r = not_blocking(gate, e);
	for (size_t i = 0; r == 0 && i < f->setup.listen; i++) {
		f->listen[i] = FRONT_LISTEN_FD + (int)i;
		r = not_blocking(f->listen[i], e);
	}
	if (r == 0)
		r = say_hello(f, e);
	if (r < 0) {
		front_close(f);
		return r;
	}
	*out = f;
	return 0;
}

void front_close(struct front_state *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < FRONT_MAX_CONNS; i++)
		if (f->conns[i].fd >= 0)
			conn_close(f, &f->conns[i]);
	for (size_t i = 0; i < FRONT_CALLS_MAX; i++)
		front_call_done(&f->calls[i]);
	jmap_release(gate_task_map, &f->task);
	jmap_release(front_setup_map, &f->setup);
	strlist_release(&f->kinds);
	buf_release(&f->gate_in);
	buf_release(&f->gate_out);
	free(f);
}

/* ---- connections ---- */

/* One that may go for another: its client has had an answer, or has asked nothing for a while. */
static bool is_idle(const struct front_state *f, const struct conn *c)
{
	if (c->fd < 0 || conn_unread(c))
		return false;
	return c->draining || (c->state == CONN_HEAD && c->in.n == 0 &&
			       (c->served || f->now > c->since + SPARE_NS));
}

/* A free place, or where there is none that of the connection which has been unused for longest. */
static struct conn *find_place(struct front_state *f)
{
	struct conn *oldest = NULL;

	for (size_t i = 0; i < FRONT_MAX_CONNS; i++) {
		struct conn *c = &f->conns[i];

		if (c->fd < 0)
			return c;
		if (is_idle(f, c) && (!oldest || c->since < oldest->since))
			oldest = c;
	}
	return oldest;
}

static void admit(struct front_state *f, int sock)
{
	for (int i = 0; i < FRONT_MAX_CONNS; i++) {
		struct conn *c = find_place(f);
		int fd;

		if (!c)
			return; /* they wait in the socket's own queue */
		fd = accept4(sock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		if (c->fd >= 0)
			conn_close(f, c);
		conn_open(f, c, fd);
	}
}

/* Room for bodies goes to whoever has waited for longest. */
static bool grant(struct front_state *f)
{
	struct conn *first = NULL;
	size_t need;

	for (size_t i = 0; i < FRONT_MAX_CONNS; i++) {
		struct conn *c = &f->conns[i];

		if (c->fd >= 0 && c->state == CONN_ROOM && (!first || c->since < first->since))
			first = c;
	}
	if (!first)
		return false;
	need = first->q.chunked ? HTTP_BODY_MAX : first->q.length;
	if (f->bodies + need > FRONT_BODIES_MAX)
		return false;
	f->bodies += need;
	conn_grant(f, first, need);
	return true;
}

static void bound_unread(struct front_state *f)
{
	for (;;) {
		struct conn *most = &f->conns[0];
		size_t all = 0;

		for (size_t i = 0; i < FRONT_MAX_CONNS; i++) {
			all += conn_unread(&f->conns[i]);
			if (conn_unread(&f->conns[i]) > conn_unread(most))
				most = &f->conns[i];
		}
		if (all <= FRONT_UNREAD_MAX)
			return;
		front_note(f, "unread-answers",
			   "a client that did not read its answer was dropped");
		conn_close(f, most);
	}
}

/* ---- the loop ---- */

#define FIRST_CONN (1 + FRONT_MAX_LISTEN)

/* How long to wait: for ever where there is no connection. */
static int set_polls(struct front_state *f, struct pollfd *p)
{
	const bool listen = f->ready && find_place(f);
	int timeout = -1;

	p[0] = (struct pollfd){ .fd = f->gate,
				.events = (short)(POLLIN | (f->gate_out.n ? POLLOUT : 0)) };
	for (size_t i = 0; i < FRONT_MAX_LISTEN; i++)
		p[1 + i] = (struct pollfd){ .fd = listen && i < f->setup.listen ? f->listen[i] : -1,
					    .events = POLLIN };
	for (size_t i = 0; i < FRONT_MAX_CONNS; i++) {
		p[FIRST_CONN + i] =
			(struct pollfd){ .fd = f->conns[i].fd, .events = conn_wants(&f->conns[i]) };
		timeout = f->conns[i].fd >= 0 ? TICK_MS : timeout;
	}
	return timeout;
}

static void serve_conn(struct front_state *f, struct conn *c, short revents)
{
	if (c->fd >= 0 && (revents & POLLOUT))
		conn_write(f, c);
	if (c->fd >= 0 && (revents & (POLLIN | POLLHUP | POLLERR | POLLRDHUP)))
		conn_read(f, c);
}

static void serve_conns(struct front_state *f, const struct pollfd *p)
{
	for (size_t i = 0; i < FRONT_MAX_CONNS; i++)
		if (f->conns[i].fd == p[FIRST_CONN + i].fd)
			serve_conn(f, &f->conns[i], p[FIRST_CONN + i].revents);
	for (size_t i = 0; i < FRONT_MAX_LISTEN; i++)
		if (p[1 + i].revents)
			admit(f, p[1 + i].fd);
	do
		for (size_t i = 0; i < FRONT_MAX_CONNS; i++)
			if (f->conns[i].fd >= 0)
				conn_step(f, &f->conns[i]);
	while (grant(f));
	for (size_t i = 0; i < FRONT_MAX_CONNS; i++)
		if (f->conns[i].fd >= 0)
			conn_time(f, &f->conns[i]);
	bound_unread(f);
}

int front_run(struct front_state *f, struct err *e)
{
	struct pollfd p[FIRST_CONN + FRONT_MAX_CONNS];
	int r = 1;

	while (r > 0) {
		const int timeout = set_polls(f, p);

		if (poll(p, FIRST_CONN + FRONT_MAX_CONNS, timeout) < 0 && errno != EINTR)
			return err_sys(e, "wait for clients");
		f->now = clock_mono_ns();
		if (p[0].revents & (POLLIN | POLLHUP | POLLERR))
			r = front_hear(f, e);
		if (r > 0)
			serve_conns(f, p);
		if (r > 0 && f->gate_out.n && front_speak(f, e) < 0)
			r = -e->code;
	}
	return r;
}
