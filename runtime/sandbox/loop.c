/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/sys.h"
#include "runtime/sandbox/net.h"
#include "runtime/sandbox/sandbox_impl.h"

/*
 * A running member, from the host's side: its pipes, its pid 1, one timer and
 * the filter's listener behind one epoll descriptor.  Whatever ends it, the
 * way is the same: everything in the control group is killed and reaped, the
 * pipes are drained, the record is completed, and only then is it "ended".
 *
 * pid 1 reports the payload's end and ends itself, with all that is left in its
 * pid namespace: only the latter wakes us, and then there is nothing to kill.
 */
enum tag { TAG_PIDFD, TAG_TIMER, TAG_NOTIFY, TAG_HOLD, TAG_STREAM };

#define NS_PER_MS UINT64_C(1000000)

int sandbox_hear(struct sandbox *s, struct init_msg *m, struct err *e)
{
	const ssize_t n = recv(s->sock, m, sizeof(*m), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (n < 0)
		return err_sys(e, "listen to pid 1");
	if (n != (ssize_t)sizeof(*m))
		return err_set(e, EPROTO, "a malformed message from pid 1");
	return 1;
}

static int watch_fd(struct sandbox *s, int fd, enum tag tag, size_t index, struct err *e)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = (uint64_t)tag + index };

	if (fd >= 0 && epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		return err_sys(e, "watch a descriptor");
	return 0;
}

/* The nearer of the two ends; absolute, so that it needs setting anew only when it is reached. */
int sandbox_arm(struct sandbox *s, struct err *e)
{
	const uint64_t wall = s->started_ns + s->limits.wall_ms * NS_PER_MS;
	const uint64_t idle =
		s->limits.idle_ms ? s->heard_ns + s->limits.idle_ms * NS_PER_MS : UINT64_MAX;
	const uint64_t at = wall < idle ? wall : idle;
	const struct itimerspec t = {
		.it_value = { .tv_sec = (time_t)(at / 1000000000u),
			      .tv_nsec = (long)(at % 1000000000u) },
	};

	if (timerfd_settime(s->timer, TFD_TIMER_ABSTIME, &t, NULL) < 0)
		return err_sys(e, "set the timer");
	return 0;
}

int sandbox_watch(struct sandbox *s, struct err *e)
{
	int r;

	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->epoll < 0 || s->timer < 0)
		return err_sys(e, "make the loop's descriptors");
	s->started_ns = s->heard_ns = clock_mono_ns();
	r = watch_fd(s, s->pidfd, TAG_PIDFD, 0, e);
	if (r == 0)
		r = watch_fd(s, s->timer, TAG_TIMER, 0, e);
	if (r == 0 && s->notify)
		r = watch_fd(s, notify_fd(s->notify), TAG_NOTIFY, 0, e);
	if (r == 0)
		r = watch_fd(s, hold_fd(), TAG_HOLD, 0, e);
	for (size_t i = 0; r == 0 && i < s->n_streams; i++)
		r = watch_fd(s, s->streams[i].fd, TAG_STREAM, i, e);
	return r == 0 ? sandbox_arm(s, e) : r;
}

static void end_for(struct sandbox *s, int why)
{
	if (s->why == EXIT_RUNNING && !s->reported)
		s->why = why;
}

/* What a program wrote before it hit the bound is kept, what is beyond is not. */
static void took(struct sandbox *s, struct stream *st, const char *data, size_t n)
{
	const uint64_t room = st->max - st->total;
	const size_t keep = n > room ? (size_t)room : n;

	st->total += keep;
	if (keep && s->on_output)
		s->on_output(s->ctx, st->to, data, keep);
	else if (keep)
		buf_put(&st->out, data, keep);
	if (keep < n || st->out.failed)
		end_for(s, EXIT_OUTPUT_LIMIT);
}

static void stream_drain(struct sandbox *s, struct stream *st)
{
	static char piece[65536];
	ssize_t n;

	while (st->fd >= 0 && (n = read(st->fd, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return; /* nothing more now */
		s->heard_ns = clock_mono_ns();
		took(s, st, piece, (size_t)n);
		if (s->why == EXIT_OUTPUT_LIMIT)
			break;
	}
	cleanup_close(&st->fd);
	st->fd = -1;
}

static void report(struct sandbox *s, const struct init_msg *m)
{
	const int status = m->code;

	if (m->type != INIT_ENDED || s->reported)
		return;
	s->reported = true;
	s->record.cpu_us = m->cpu_us;
	s->record.peak_memory = m->max_rss;
	if (WIFEXITED(status)) {
		s->record.kind = EXIT_EXITED;
		s->record.code = WEXITSTATUS(status);
	} else {
		s->record.kind = EXIT_SIGNALLED;
		s->record.code = WTERMSIG(status);
	}
}

static int hear_all(struct sandbox *s, struct err *e)
{
	struct init_msg m;
	int r = 0;

	while (s->sock >= 0 && (r = sandbox_hear(s, &m, e)) > 0)
		report(s, &m);
	return s->sock < 0 || r == 0 || r == -EAGAIN ? 0 : r;
}

static void reap(struct sandbox *s)
{
	while (s->pid > 0) {
		if (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
		s->pid = 0;
	}
}

/* Of several reasons, the one that caused the others. */
static void settle(struct sandbox *s, const struct cgroup_stats *st)
{
	struct exit_record *r = &s->record;

	if (!s->reported) {
		r->kind = EXIT_SIGNALLED;
		r->code = SIGKILL;
	}
	if (st->cpu_us)
		r->cpu_us = st->cpu_us;
	if (st->peak_memory)
		r->peak_memory = st->peak_memory;
	r->oom_kills = st->oom_kills;
	r->pids_refused = st->pids_refused;
	r->notified = s->notify ? notify_count(s->notify) : 0;
	if (s->why != EXIT_RUNNING) {
		r->kind = s->why;
		r->code = 0;
	} else if (r->kind == EXIT_SIGNALLED && r->code == SIGSYS) {
		r->kind = EXIT_KILLED_SYSCALL;
		r->code = -1;
	} else if (r->oom_kills && !(r->kind == EXIT_EXITED && r->code == 0)) {
		r->kind = EXIT_OOM;
	} else if (r->pids_refused && !(r->kind == EXIT_EXITED && r->code == 0)) {
		r->kind = EXIT_PIDS_LIMIT;
	}
}

/* Ends the member whatever state it is in; returns once no process of it is left. */
static int finish(struct sandbox *s, struct err *e)
{
	struct cgroup_stats st = { 0 };
	int r;

	if (s->pidfd >= 0 && s->pid > 0)
		(void)sys_pidfd_signal(s->pidfd, SIGKILL);
	r = s->cgroup ? cgroup_kill(s->cgroup, e) : 0;
	reap(s);
	if (hear_all(s, e) < 0)
		r = -e->code;
	for (size_t i = 0; i < s->n_streams; i++)
		stream_drain(s, &s->streams[i]);
	if (r == 0 && s->cgroup)
		r = cgroup_stats(s->cgroup, &st, e);
	s->record.wall_us = (clock_mono_ns() - s->started_ns) / 1000;
	settle(s, &st);
	s->ended = true;
	return r;
}

static int on_timer(struct sandbox *s, struct err *e)
{
	const uint64_t now = clock_mono_ns();
	uint64_t ticks;

	(void)!read(s->timer, &ticks, sizeof(ticks));
	if (hear_all(s, e) < 0)
		return -e->code;
	if (now >= s->started_ns + s->limits.wall_ms * NS_PER_MS)
		end_for(s, EXIT_TIMEOUT);
	else if (s->limits.idle_ms && now >= s->heard_ns + s->limits.idle_ms * NS_PER_MS)
		end_for(s, EXIT_IDLE);
	else
		return sandbox_arm(s, e);
	return 0;
}

static int on_event(struct sandbox *s, uint64_t what, bool *gone, struct err *e)
{
	switch (what < TAG_STREAM ? (enum tag)what : TAG_STREAM) {
	case TAG_PIDFD:
		*gone = true;
		return 0;
	case TAG_TIMER:
		return on_timer(s, e);
	case TAG_NOTIFY:
		return notify_step(s->notify, e);
	case TAG_HOLD:
		return hold_step(e);
	case TAG_STREAM:
		stream_drain(s, &s->streams[what - TAG_STREAM]);
		return 0;
	}
	return 0;
}

static int step(struct sandbox *s, int timeout, struct err *e)
{
	struct epoll_event ev[16];
	bool gone = false;
	int n, r = 0;

	if (s->ended)
		return 1;
	n = epoll_wait(s->epoll, ev, 16, timeout);
	if (n < 0 && errno != EINTR)
		r = err_sys(e, "wait for the replica");
	for (int i = 0; r == 0 && i < n; i++)
		r = on_event(s, ev[i].data.u64, &gone, e);
	if (r < 0) {
		struct err ignored = ERR_INIT;

		end_for(s, EXIT_CANCELLED);
		if (!s->ended)
			(void)finish(s, &ignored);
		return r;
	}
	if (!gone && !s->reported && s->why == EXIT_RUNNING)
		return 0;
	r = finish(s, e);
	return r < 0 ? r : 1;
}

int sandbox_step(struct sandbox *s, struct err *e)
{
	return step(s, 0, e);
}

int sandbox_wait(struct sandbox *s, struct exit_record *out, struct err *e)
{
	int r;

	do
		r = step(s, -1, e);
	while (r == 0);
	if (r < 0)
		return r;
	*out = s->record;
	return 0;
}

int sandbox_fd(const struct sandbox *s)
{
	return s->epoll;
}

uint64_t sandbox_left_ms(const struct sandbox *s)
{
	const uint64_t end = s->started_ns + s->limits.wall_ms * NS_PER_MS, now = clock_mono_ns();

	return end > now ? (end - now) / NS_PER_MS : 0;
}

const struct exit_record *sandbox_exit(const struct sandbox *s)
{
	return &s->record;
}

int sandbox_kill(struct sandbox *s, struct err *e)
{
	if (s->ended)
		return 0;
	end_for(s, EXIT_CANCELLED);
	return finish(s, e);
}

int sandbox_pause(struct sandbox *s, bool frozen, struct err *e)
{
	if (s->ended)
		return err_set(e, ESRCH, "the replica has ended");
	return cgroup_freeze(s->cgroup, frozen, e);
}

const struct buf *sandbox_output(const struct sandbox *s, int fd)
{
	for (size_t i = 0; i < s->n_streams; i++)
		if (s->streams[i].to == fd)
			return &s->streams[i].out;
	return NULL;
}

json_t *sandbox_notified(struct sandbox *s)
{
	return s->notify ? notify_take(s->notify) : NULL;
}

int sandbox_socket(const struct sandbox *s, int domain, int type, struct err *e)
{
	return net_socket(s->ids->netns, domain, type, e);
}

const struct sandbox_timing *sandbox_timings(const struct sandbox *s, size_t *n)
{
	*n = s->n_timings;
	return s->timings;
}

int sandbox_freeze(struct sandbox *s, int *layer, struct err *e)
{
	if (!s->ended)
		return err_set(e, EBUSY, "freeze: the replica still runs");
	return root_freeze(&s->root, layer, e);
}

void sandbox_close(struct sandbox *s)
{
	const int saved = errno;
	struct err ignored = ERR_INIT;

	if (!s)
		return;
	hold_remove(s);
	if (!s->ended)
		(void)finish(s, &ignored);
	for (size_t i = 0; i < s->n_streams; i++) {
		cleanup_close(&s->streams[i].fd);
		buf_release(&s->streams[i].out);
	}
	notify_close(s->notify);
	cgroup_close(s->cgroup);
	for (size_t i = 0; i < sizeof(s->held) / sizeof(s->held[0]); i++)
		root_spend(&s->root, &s->held[i]);
	root_release(&s->root);
	cleanup_close(&s->pidfd);
	cleanup_close(&s->sock);
	cleanup_close(&s->timer);
	cleanup_close(&s->epoll);
	idrange_drop(s->ids);
	free(s);
	errno = saved;
}
