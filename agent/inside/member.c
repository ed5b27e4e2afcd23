/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/member.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/msg.h"
#include "runtime/proto/member.h"

/*
 * Theory of operation.  Single-threaded; SIGCHLD comes through a descriptor.
 * A question is answered to its end before the next one is read, and whatever
 * is waited for, the end of the service's program is noticed at once: then
 * the member ends with its status, and the host sees that.
 */
#define READ_MS 10000

struct member {
	int sock, children; /* children: a signalfd for SIGCHLD */
	pid_t main;	    /* the service's program; 0: none */
	bool over;	    /* it ended, or the host wants no more */
	int status;	    /* to exit with */
};

static uint64_t now_ms(void)
{
	return clock_mono_ns() / 1000000;
}

static int shell_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Reaps; the status of `wanted` goes to *status. true: it was among them. */
static bool reap(struct member *m, pid_t wanted, int *status)
{
	struct signalfd_siginfo info;
	bool found = false;
	pid_t pid;
	int st;

	while (read(m->children, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &st, WNOHANG)) > 0) {
		if (pid == wanted) {
			*status = shell_status(st);
			found = true;
		} else if (pid == m->main) {
			m->over = true;
			m->main = 0;
			m->status = shell_status(st);
		}
	}
	return found;
}

/* Sleeps until a child ends or the time is there. */
static void wait_children(const struct member *m, uint64_t until)
{
	struct pollfd p = { .fd = m->children, .events = POLLIN };
	const uint64_t now = now_ms();

	if (now < until)
		(void)poll(&p, 1, (int)(until - now));
}

/* ---- commands ---- */

static int input_file(const struct buf *input)
{
	struct err ignored = ERR_INIT;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (input && input->n) {
		if (fd >= 0)
			(void)close(fd);
		fd = memfd_create("input", MFD_CLOEXEC);
		if (fd >= 0 && (fd_write_all(fd, input->p, input->n, "input", &ignored) < 0 ||
				lseek(fd, 0, SEEK_SET) < 0)) {
			(void)close(fd);
			fd = -1;
		}
	}
	return fd;
}

/* A process group of its own, so that a command that takes too long ends with all that it started.
 */
static pid_t spawn(char **argv, const struct buf *input)
{
	const int in = input_file(input);
	sigset_t none;
	pid_t pid;

	(void)sigemptyset(&none);
	pid = in < 0 ? -1 : fork();
	if (pid == 0) {
		(void)setpgid(0, 0);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		if (dup2(in, 0) == 0)
			(void)execvp(argv[0], argv);
		(void)fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	if (in >= 0)
		(void)close(in);
	return pid;
}

/* 0: it exited with 0; else why not. */
static int run_command(struct member *m, char **argv, const struct buf *input, uint64_t until,
		       char why[400])
{
	const pid_t pid = spawn(argv, input);
	int status = 0;

	if (pid < 0) {
		(void)snprintf(why, 400, "'%s': %s", argv[0], strerror(errno));
		return -1;
	}
	while (!m->over) {
		wait_children(m, until);
		if (reap(m, pid, &status)) {
			(void)snprintf(why, 400, "'%s' ended with status %d", argv[0], status);
			return status ? -1 : 0;
		}
		if (now_ms() >= until)
			break;
	}
	(void)kill(-pid, SIGKILL);
	if (!m->over)
		(void)snprintf(why, 400, "'%s' took too long", argv[0]);
	return -1;
}

static int answer(const struct member *m, bool ok, const char *why, struct err *e)
{
	AUTO_JSON json_t *body = json_pack("{s:b,s:s*}", "ok", ok, "why", ok ? NULL : why);

	if (!body)
		return err_set(e, ENOMEM, "member: out of memory");
	return msg_send(m->sock, MEMBER_RESULT, body, NULL, 0, -1, e);
}

static int on_run(struct member *m, const struct msg *msg, struct err *e)
{
	struct member_command c = { 0 };
	char why[400] = "";
	int r = jmap_read(member_command_map, msg->body, &c, "", e);

	if (r == 0) {
		const int ok = run_command(m, c.argv.v, &msg->blob, now_ms() + c.timeout_ms, why);

		r = m->over ? 0 : answer(m, ok == 0, why, e);
	}
	jmap_release(member_command_map, &c);
	return r;
}

static int on_start(struct member *m, const struct msg *msg, struct err *e)
{
	struct member_command c = { 0 };
	int r = jmap_read(member_command_map, msg->body, &c, "", e);

	if (r == 0 && m->main)
		r = err_set(e, EPROTO, "the service's program runs already");
	if (r == 0) {
		m->main = spawn(c.argv.v, NULL);
		r = m->main < 0 ? err_sys(e, "start '%s'", c.argv.v[0]) : answer(m, true, "", e);
	}
	jmap_release(member_command_map, &c);
	return r;
}

/* ---- is it ready? ---- */

static int try_connect(const struct member_probe *p, char why[400])
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)p->port) };
	const struct sockaddr *to = p->path ? (void *)&un : (void *)&in;
	AUTO_CLOSE int s = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (p->path)
		(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", p->path);
	else if (!p->address || inet_pton(AF_INET, p->address, &in.sin_addr) != 1)
		in.sin_port = 0; /* nobody takes a connection there */
	/* on the loopback a connection stands, or is refused, at once */
	if (s >= 0 && connect(s, to, p->path ? sizeof(un) : sizeof(in)) == 0)
		return 0;
	if (p->path)
		(void)snprintf(why, 400, "connect to '%s': %s", p->path, strerror(errno));
	else
		(void)snprintf(why, 400, "connect to port %d: %s", (int)p->port, strerror(errno));
	return -1;
}

static int on_probe(struct member *m, const struct msg *msg, struct err *e)
{
	struct member_probe p = { 0 };
	char why[400] = "", last[400];
	int r = jmap_read(member_probe_map, msg->body, &p, "", e);
	const uint64_t until = now_ms() + p.timeout_ms;
	int ready = -1, unused;

	while (r == 0 && !m->over) {
		ready = p.argv.n ? run_command(m, p.argv.v, NULL, until, last)
				 : try_connect(&p, last);
		/* that time was up in the middle of it says less than how it ended before */
		if (!*why || now_ms() < until)
			memcpy(why, last, sizeof(why));
		if (ready == 0 || now_ms() >= until)
			break;
		wait_children(m, now_ms() + p.interval_ms);
		(void)reap(m, 0, &unused);
	}
	if (r == 0 && !m->over)
		r = answer(m, ready == 0, why, e);
	jmap_release(member_probe_map, &p);
	return r;
}

/* ---- the end ---- */

static int on_stop(struct member *m, const struct msg *msg, struct err *e)
{
	struct member_stop s = { 0 };
	int r = jmap_read(member_stop_map, msg->body, &s, "", e), unused;
	const uint64_t until = now_ms() + s.timeout_ms;
	const pid_t told = m->main;

	if (r < 0)
		return r;
	if (told)
		(void)kill(told, (int)s.signal);
	while (m->main && now_ms() < until) {
		wait_children(m, until);
		(void)reap(m, 0, &unused);
	}
	if (m->main)
		return answer(m, false, "it still runs after its stop signal", e);
	m->over = true;
	m->status = 0; /* a stop that was asked for, whatever the program makes of it */
	return answer(m, true, "", e);
}

static const struct {
	uint16_t type;
	int (*run)(struct member *m, const struct msg *msg, struct err *e);
} questions[] = {
	{ MEMBER_RUN, on_run },
	{ MEMBER_START, on_start },
	{ MEMBER_PROBE, on_probe },
	{ MEMBER_STOP, on_stop },
};

static int on_question(struct member *m, struct err *e)
{
	AUTO_MSG struct msg msg = MSG_INIT;
	const int r = msg_recv(m->sock, READ_MS, &msg, e);

	if (r <= 0) {
		m->over = true; /* the host is gone, and with it the reason to run */
		return r;
	}
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (questions[i].type == msg.type)
			return questions[i].run(m, &msg, e);
	return err_set(e, EPROTO, "a question of unknown type");
}

static int turn(struct member *m, struct err *e)
{
	struct pollfd p[2] = { { .fd = m->sock, .events = POLLIN },
			       { .fd = m->children, .events = POLLIN } };
	int unused;

	if (poll(p, 2, -1) < 0 && errno != EINTR)
		return err_sys(e, "wait for the host");
	if (p[1].revents)
		(void)reap(m, 0, &unused);
	return p[0].revents && !m->over ? on_question(m, e) : 0;
}

int member_loop(int fd, int *status, struct err *e)
{
	struct member m = { .sock = fd };
	sigset_t set;
	int r = 0;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_sys(e, "the host's socket");
	m.children = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (m.children < 0)
		return err_sys(e, "watch children");
	while (r == 0 && !m.over)
		r = turn(&m, e);
	(void)close(m.children);
	*status = m.status;
	return r;
}
