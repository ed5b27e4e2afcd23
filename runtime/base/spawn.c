/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/sys.h"

#define FDS_MAX 16

static char *const default_env[] = {
	(char[]){ "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
	(char[]){ "LANG=C.UTF-8" }, NULL
};

static void close_unwanted(const struct spawn *s, int top)
{
	for (int fd = 3; fd < top; fd++) {
		bool wanted = false;

		for (size_t i = 0; i < s->n_fds; i++)
			wanted = wanted || s->fds[i][1] == fd;
		if (!wanted)
			(void)close(fd);
	}
}

/*
 * The child of vfork-like fork(): moves the wanted descriptors out of the way,
 * puts them into place, closes the rest.  Returns the name of the step that failed.
 */
static const char *place_fds(const struct spawn *s, int report, int *kept_report)
{
	int moved[FDS_MAX], top = 3;
	bool std[3] = { false, false, false };

	for (size_t i = 0; i < s->n_fds; i++)
		if (s->fds[i][1] >= top)
			top = s->fds[i][1] + 1;
	for (size_t i = 0; i < s->n_fds; i++) {
		moved[i] = fcntl(s->fds[i][0], F_DUPFD_CLOEXEC, top);
		if (moved[i] < 0)
			return "duplicate a descriptor";
	}
	*kept_report = fcntl(report, F_DUPFD_CLOEXEC, top);
	for (size_t i = 0; i < s->n_fds; i++) {
		if (dup2(moved[i], s->fds[i][1]) < 0)
			return "place a descriptor";
		if (s->fds[i][1] < 3)
			std[s->fds[i][1]] = true;
	}
	for (int fd = 0; fd < 2; fd++) {
		const int null = std[fd] ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);

		if (!std[fd] && (null < 0 || dup2(null, fd) < 0))
			return "open /dev/null";
		if (null > 2)
			(void)close(null);
	}
	close_unwanted(s, top);
	(void)close_range((unsigned)top, ~0U, CLOSE_RANGE_CLOEXEC);
	return NULL;
}

static const char *become(const struct spawn *s)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)setsid();
	if (s->uid && (setgroups(0, NULL) < 0 || setresgid(s->gid, s->gid, s->gid) < 0 ||
		       setresuid(s->uid, s->uid, s->uid) < 0))
		return "change to its user";
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return "tie to the parent";
	return NULL;
}

/* A program that lies where its user cannot look (a checkout in root's home) is opened before. */
static int find_program(const struct spawn *s)
{
	return strchr(s->path, '/') ? open(s->path, O_PATH | O_CLOEXEC) : -1;
}

static void execute(const struct spawn *s, int program)
{
	char *const *env = s->envp ? s->envp : default_env;

	if (program >= 0)
		errno = -sys_fexec(program, s->argv, env);
	if (program < 0 || errno == ENOENT) /* of scripts: their interpreter wants a name */
		(void)execvpe(s->path, s->argv, env);
}

struct report {
	int code;
	char step[32];
};

static _Noreturn void child(const struct spawn *s, int report_fd, pid_t parent)
{
	struct report rep = { 0 };
	int fd = report_fd, program = -1;
	const char *step = place_fds(s, report_fd, &fd);

	if (!step) {
		program = find_program(s);
		step = chdir(s->cwd ? s->cwd : "/") < 0 ? "change directory" : become(s);
	}
	if (!step && getppid() != parent)
		_exit(127); /* the parent died before the tie was made */
	if (!step) {
		execute(s, program);
		step = "execute";
	}
	rep.code = errno;
	(void)snprintf(rep.step, sizeof(rep.step), "%s", step);
	(void)!write(fd, &rep, sizeof(rep));
	_exit(127);
}

int spawn_start(const struct spawn *s, pid_t *pid, struct err *e)
{
	const pid_t self = getpid();
	struct report rep;
	int pipefd[2];
	ssize_t n;
	pid_t p;

	if (s->n_fds > FDS_MAX)
		return err_set(e, EINVAL, "start '%s': too many descriptors", s->path);
	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return err_sys(e, "create a pipe");

	AUTO_CLOSE int read_fd = pipefd[0];
	AUTO_CLOSE int write_fd = pipefd[1];

	p = fork();
	if (p < 0)
		return err_sys(e, "fork");
	if (p == 0)
		child(s, write_fd, self);
	(void)close(take_fd(&write_fd));
	do
		n = read(read_fd, &rep, sizeof(rep));
	while (n < 0 && errno == EINTR);
	if (n == 0) {
		*pid = p;
		return 0;
	}
	(void)waitpid(p, NULL, 0);
	if (n != (ssize_t)sizeof(rep) || rep.code <= 0)
		return err_set(e, EPROTO, "start '%s': it died before it reported", s->path);
	return err_set(e, rep.code, "start '%s': %.31s: %s", s->path, rep.step, strerror(rep.code));
}

int spawn_wait(pid_t pid, int *status, struct err *e)
{
	int st;
	pid_t p;

	do
		p = waitpid(pid, &st, 0);
	while (p < 0 && errno == EINTR);
	if (p < 0)
		return err_sys(e, "wait for process %d", (int)pid);
	*status = WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
	return 0;
}

/* Beside this program (a build tree), else in the installed place. */
int spawn_sibling(const char *name, char *out, size_t n, struct err *e)
{
	char self[PATH_MAX];
	const ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[len < 0 ? 0 : len] = '\0'; /* a root without /proc can still check an export */
	for (slash = strrchr(self, '/'); slash && slash != self; slash = strrchr(self, '/')) {
		*slash = '\0'; /* unit tests live some folders below the programs */
		if ((size_t)snprintf(out, n, "%s/%s", self, name) < n && access(out, X_OK) == 0)
			return 0;
#ifndef SYS_FAULTS
		break;
#endif
	}
	if ((size_t)snprintf(out, n, "%s/%s", SICKBAY_LIBEXEC, name) < n && access(out, X_OK) == 0)
		return 0;
	return err_set(e, ENOENT, "'%s' is neither beside this program nor in '%s': install it",
		       name, SICKBAY_LIBEXEC);
}

struct feed {
	int in, out;
	const char *data;
	size_t left;
};

static void feed_more(struct feed *f)
{
	const ssize_t n = write(f->in, f->data, f->left < 4096 ? f->left : 4096);

	if (n < 0 && errno != EINTR && errno != EAGAIN)
		f->left = 0; /* it reads no more */
	else if (n > 0)
		f->data += n, f->left -= (size_t)n;
}

/* Feeds stdin and drains stdout together, so that neither side can block the other. */
static int pump(struct feed *f, size_t max, struct buf *out, struct err *e)
{
	char piece[65536];

	buf_release(out);
	out->max = max;
	for (;;) {
		struct pollfd p[2] = { { .fd = f->out, .events = POLLIN },
				       { .fd = f->in, .events = POLLOUT } };
		ssize_t n;

		if (f->left == 0 && f->in >= 0)
			(void)close(take_fd(&f->in));
		p[1].fd = f->in;
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return err_sys(e, "poll");
		if (p[1].revents)
			feed_more(f);
		if (!p[0].revents)
			continue;
		n = read(f->out, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read its output");
		if (n == 0)
			return 0;
		buf_put(out, piece, (size_t)n);
		if (out->failed)
			return err_set(e, EFBIG, "its output is larger than %zu bytes", max);
	}
}

int spawn_capture(const struct spawn *s, const void *in, size_t in_len, size_t max, struct buf *out,
		  int *status, struct err *e)
{
	int to[2], from[2], fds[FDS_MAX][2], r;
	struct spawn with = *s;
	struct feed f;
	pid_t pid;

	if (s->n_fds + 2 > FDS_MAX)
		return err_set(e, EINVAL, "start '%s': too many descriptors", s->path);
	if (pipe2(to, O_CLOEXEC) < 0)
		return err_sys(e, "create a pipe");
	if (pipe2(from, O_CLOEXEC) < 0) {
		(void)close(to[0]);
		(void)close(to[1]);
		return err_sys(e, "create a pipe");
	}
	if (s->n_fds)
		memcpy(fds, s->fds, s->n_fds * sizeof(fds[0]));
	fds[s->n_fds][0] = to[0], fds[s->n_fds][1] = 0;
	fds[s->n_fds + 1][0] = from[1], fds[s->n_fds + 1][1] = 1;
	with.fds = (const int(*)[2])fds;
	with.n_fds = s->n_fds + 2;
	r = spawn_start(&with, &pid, e);
	(void)close(to[0]);
	(void)close(from[1]);
	f = (struct feed){ .in = to[1], .out = from[0], .data = in, .left = in ? in_len : 0 };
	if (r == 0) {
		struct err late = ERR_INIT;

		(void)fcntl(f.in, F_SETFL, O_NONBLOCK);
		r = pump(&f, max, out, e);
		if (r < 0)
			(void)kill(pid, SIGKILL);
		if (spawn_wait(pid, status, r < 0 ? &late : e) < 0 && r == 0)
			r = -e->code;
		if (r < 0)
			(void)err_wrap(e, "run '%s'", s->path);
	}
	if (f.in >= 0)
		(void)close(f.in);
	(void)close(f.out);
	return r;
}
