/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/loop.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/broker/call.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"

#define EVENTS 64
#define UP_MAX \
	(128u << 20) /* bytes for the orchestrator; answers that are whole go beyond LOOP_FULL */
#define ORCHESTRATOR UINT64_MAX
#define RESOLVER     (UINT64_MAX - 1)

void loop_send(struct loop *l, uint16_t type, json_t *body)
{
	AUTO_JSON json_t *owned = body;

	if (!owned)
		(void)err_set(&l->failed, ENOMEM, "out of memory");
	else if (msg_stream_put(&l->up, type, owned, UP_MAX, &l->failed) == 0 &&
		 msg_stream_flush(&l->up, &l->failed) == 0 &&
		 msg_stream_waiting(&l->up) > LOOP_FULL)
		l->full = true;
}

bool loop_is_full(struct loop *l)
{
	return l->full;
}

static int watch(const struct loop *l, int fd, uint64_t tag, uint32_t events, int op, struct err *e)
{
	struct epoll_event ev = { .events = events, .data.u64 = tag };

	return epoll_ctl(l->epoll, op, fd, &ev) < 0 ? err_sys(e, "watch a socket") : 0;
}

int loop_open(struct loop *l, struct setup *s, int resolver, struct err *e)
{
	*l = (struct loop){ .resolver = resolver, .up = MSG_STREAM_INIT(BROKER_FD), .setup = s };
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0)
		return err_sys(e, "make an epoll");
	l->sites = calloc(l->setup->n ? l->setup->n : 1, sizeof(*l->sites));
	if (!l->sites)
		return err_set(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < l->setup->n; i++) {
		l->sites[i].at = &l->setup->v[i];
		if (pool_open(l->epoll, (uint32_t)i, &l->sites[i].pool, e) < 0)
			return -e->code;
	}
	if (watch(l, BROKER_FD, ORCHESTRATOR, EPOLLIN, EPOLL_CTL_ADD, e) < 0)
		return -e->code;
	return watch(l, l->resolver, RESOLVER, EPOLLIN, EPOLL_CTL_ADD, e);
}

/* 0: the orchestrator closed its end. */
static int read_orchestrator(struct loop *l, struct err *e)
{
	int more = msg_stream_read(&l->up, e);

	if (more == -EAGAIN)
		return 1;
	while (more == 1) {
		AUTO_MSG struct msg m = MSG_INIT;

		more = msg_stream_next(&l->up, &m, e);
		if (more == 1 && call_message(l, &m, e) < 0)
			return -e->code;
		if (more == 0)
			return 1;
	}
	return more;
}

static int on_orchestrator(struct loop *l, uint32_t events, struct err *e)
{
	int r = 1;

	if (events & EPOLLOUT)
		r = msg_stream_flush(&l->up, e) < 0 ? -e->code : 1;
	if (r == 1 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		r = read_orchestrator(l, e);
	return r;
}

static int on_resolver(struct loop *l, struct err *e)
{
	struct resolve_answer a;
	int r;

	while ((r = resolve_take(l->resolver, &a, e)) == 1)
		call_resolved(l, &a);
	return r < 0 ? r : 1;
}

static int on_event(struct loop *l, const struct epoll_event *ev, struct err *e)
{
	if (ev->data.u64 == ORCHESTRATOR)
		return on_orchestrator(l, ev->events, e);
	if (ev->data.u64 == RESOLVER)
		return on_resolver(l, e);
	return pool_event(l->sites[ev->data.u64 >> 32].pool, (int)(ev->data.u64 & UINT32_MAX),
			  ev->events, e) < 0
		       ? -e->code
		       : 1;
}

static int step(struct loop *l, struct err *e)
{
	for (size_t i = 0; i < l->setup->n; i++) {
		CURLcode code;
		CURL *easy;

		if (pool_step(l->sites[i].pool, clock_mono_ns(), e) < 0)
			return -e->code;
		while ((easy = pool_done(l->sites[i].pool, &code)))
			call_finished(easy, code);
	}
	if (l->full && msg_stream_waiting(&l->up) <= LOOP_AGAIN) {
		l->full = false;
		calls_resume(l);
	}
	calls_step(l, clock_mono_ns());
	if (l->failed.code)
		*e = l->failed;
	return -l->failed.code;
}

static int wait_ms(const struct loop *l)
{
	const uint64_t now = clock_mono_ns();
	uint64_t due = calls_due(l);

	for (size_t i = 0; i < l->setup->n; i++)
		if (pool_due(l->sites[i].pool) < due)
			due = pool_due(l->sites[i].pool);
	if (due == UINT64_MAX)
		return -1;
	due = due > now ? (due - now + 999999) / 1000000 : 0;
	return due < INT_MAX ? (int)due : INT_MAX;
}

/* 1: go on; 0: the orchestrator is gone. */
static int turn(struct loop *l, struct err *e)
{
	struct epoll_event ev[EVENTS];
	const uint32_t want = msg_stream_waiting(&l->up) ? EPOLLIN | EPOLLOUT : EPOLLIN;
	int n, r = 1;

	if (watch(l, BROKER_FD, ORCHESTRATOR, want, EPOLL_CTL_MOD, e) < 0)
		return -e->code;
	n = epoll_wait(l->epoll, ev, EVENTS, wait_ms(l));
	if (n < 0 && errno != EINTR)
		return err_sys(e, "wait for sockets");
	for (int i = 0; i < n && r == 1; i++)
		r = on_event(l, &ev[i], e);
	if (r == 1 && step(l, e) < 0)
		r = -e->code;
	return r;
}

int loop_run(struct loop *l, struct err *e)
{
	int r = 1;

	while (r == 1)
		r = turn(l, e);
	if (r == -EPIPE) { /* the orchestrator went while something was on its way to it */
		*e = (struct err)ERR_INIT;
		r = 0;
	}
	return r;
}

void loop_close(struct loop *l)
{
	if (!l->setup)
		return;
	calls_close(l);
	for (size_t i = 0; l->sites && i < l->setup->n; i++)
		pool_close(l->sites[i].pool);
	free(l->sites);
	msg_stream_release(&l->up);
	cleanup_close(&l->epoll);
	l->setup = NULL;
}
