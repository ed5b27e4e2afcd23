/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/init/init.h"

/*
 * Pid 1 of a member.  The host started it inside finished namespaces with
 * three capabilities (setuid, setgid, kill) and every descriptor of the payload
 * in place.  It starts the payload as the payload's user with the filter on,
 * then keeps only the right to signal it, reaps, forwards signals, and ends
 * with the payload or with the host: the kernel then kills what is left.
 * It is not dumpable, so nothing inside can look into it or trace it.
 */
#define KEEP_KILL (1u << CAP_KILL)

struct start { /* shared with the payload's process until it executes */
	const struct init_plan *plan;
	char **argv;
	int sock;
	uint32_t step;
	int listener;
	int code;
};

static void say(int sock, const struct init_msg *m)
{
	ssize_t n;

	do
		n = send(sock, m, sizeof(*m), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
}

static int capset_to(uint32_t mask)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct d[2] = { { mask, mask, 0 }, { 0, 0, 0 } };

	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return (int)syscall(SYS_capset, &h, d);
}

static int step_session(struct start *s)
{
	sigset_t none;

	(void)s;
	(void)sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return -1;
	return setsid() < 0 ? -1 : 0;
}

static int step_ids(struct start *s)
{
	const struct init_plan *p = s->plan;

	if (syscall(SYS_setgroups, 0, NULL) < 0 ||
	    syscall(SYS_setresgid, p->gid, p->gid, p->gid) < 0)
		return -1;
	return (int)syscall(SYS_setresuid, p->uid, p->uid, p->uid);
}

static int step_cwd(struct start *s)
{
	(void)umask((mode_t)s->plan->umask);
	return chdir(s->plan->cwd);
}

static int step_caps(struct start *s)
{
	(void)s;
	return capset_to(0);
}

/* The filter lies behind the plan in the same message. */
static int step_filter(struct start *s)
{
	struct sock_filter *insns = (struct sock_filter *)(uintptr_t)(s->plan + 1);
	struct sock_fprog prog = { (unsigned short)s->plan->n_insns, insns };
	long r;

	if (s->plan->n_insns == 0)
		return 0;
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		    s->plan->notify ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0, &prog);
	if (r < 0)
		return -1;
	if (s->plan->notify)
		s->listener = (int)r;
	return 0;
}

/* The descriptor table is shared with pid 1, where the host takes the listener from.  Only read()
 * and write() here: the filter is on, and a notified call would wait for the host. */
static int step_listener(struct start *s)
{
	const struct init_msg m = { .type = INIT_LISTENER, .code = s->listener };
	char ok;

	if (s->listener < 0)
		return 0;
	if (write(s->sock, &m, sizeof(m)) != (ssize_t)sizeof(m))
		return -1;
	if (read(s->sock, &ok, 1) == 1)
		return 0;
	errno = EPIPE;
	return -1;
}

static const char *path_of(char **env)
{
	for (; *env; env++)
		if (strncmp(*env, "PATH=", 5) == 0)
			return *env + 5;
	return "/usr/local/bin:/usr/bin:/bin";
}

static int step_exec(struct start *s)
{
	const char *name = s->argv[0];
	const size_t len = strlen(name);
	char file[4096];
	int found = ENOENT;

	if (strchr(name, '/')) {
		(void)execve(name, s->argv, environ);
		return -1;
	}
	for (const char *p = path_of(environ), *end; p; p = *end ? end + 1 : NULL) {
		end = p + strcspn(p, ":");
		const size_t n = (size_t)(end - p);

		if (n == 0 || n + len + 2 > sizeof(file))
			continue;
		memcpy(file, p, n);
		file[n] = '/';
		memcpy(file + n + 1, name, len + 1);
		(void)execve(file, s->argv, environ);
		if (errno != ENOENT && errno != ENOTDIR)
			found = errno;
	}
	errno = found;
	return -1;
}

static const struct {
	enum init_step step;
	int (*run)(struct start *s);
} steps[] = {
	{ INIT_STEP_SESSION, step_session }, { INIT_STEP_IDS, step_ids },
	{ INIT_STEP_CWD, step_cwd },	     { INIT_STEP_CAPS, step_caps },
	{ INIT_STEP_FILTER, step_filter },   { INIT_STEP_LISTENER, step_listener },
	{ INIT_STEP_EXEC, step_exec },
};

static int payload_main(void *arg)
{
	struct start *s = arg;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		s->step = steps[i].step;
		if (steps[i].run(s) < 0) {
			s->code = errno ? errno : EIO;
			break;
		}
	}
	_exit(127);
}

/* Memory and descriptors are shared until the payload executes; pid 1 sleeps meanwhile. */
static pid_t payload_start(struct start *s)
{
	static char stack[65536] __attribute__((aligned(16)));
	const int flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD;
	const pid_t pid = clone(payload_main, stack + sizeof(stack), flags, s);

	if (pid < 0) {
		s->step = INIT_STEP_SPAWN;
		s->code = errno;
	}
	return pid;
}

static _Noreturn void finish(int sock, const struct init_msg *m)
{
	say(sock, m);
	_exit(0);
}

static uint64_t micros(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_usec;
}

/* Reaps everything; ends with the payload. */
static void reap(int sock, pid_t payload)
{
	struct rusage use;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != payload)
			continue;
		(void)getrusage(RUSAGE_CHILDREN, &use);
		const struct init_msg m = {
			.type = INIT_ENDED,
			.code = status,
			.cpu_us = micros(use.ru_utime) + micros(use.ru_stime),
			.max_rss = (uint64_t)use.ru_maxrss * 1024u,
		};
		finish(sock, &m);
	}
}

static void watch(int sock, int signals, pid_t payload)
{
	struct pollfd p[2] = { { .fd = sock, .events = POLLIN },
			       { .fd = signals, .events = POLLIN } };
	struct signalfd_siginfo info;

	for (;;) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents)
			_exit(1); /* the host never speaks again: it is gone */
		if (!p[1].revents || read(signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
			continue;
		if (info.ssi_signo == SIGCHLD)
			reap(sock, payload);
		else if (info.ssi_pid == 0) /* from outside; the payload may not use us */
			(void)kill(payload, (int)info.ssi_signo);
	}
}

static int signals_open(void)
{
	static const int forwarded[] = { SIGCHLD, SIGTERM, SIGINT,  SIGHUP,
					 SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH };
	sigset_t set;

	(void)sigemptyset(&set);
	for (int sig = 1; sig < 32; sig++) /* what the host ignored would stay ignored */
		(void)signal(sig, SIG_DFL);
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
		(void)sigaddset(&set, forwarded[i]);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static const struct init_plan *plan_receive(int sock)
{
	static union {
		struct init_plan plan;
		char space[sizeof(struct init_plan) + INIT_MAX_INSNS * sizeof(struct sock_filter)];
	} in;
	const ssize_t n = recv(sock, &in, sizeof(in), 0);
	char go;

	if (n < (ssize_t)sizeof(in.plan) || in.plan.n_insns > INIT_MAX_INSNS ||
	    (size_t)n != sizeof(in.plan) + in.plan.n_insns * sizeof(struct sock_filter) ||
	    in.plan.cwd[INIT_CWD_MAX - 1] != '\0' || recv(sock, &go, 1, 0) != 1)
		return NULL;
	return &in.plan;
}

int main(int argc, char **argv)
{
	const int sock = argc > 2 ? (int)strtol(argv[1], NULL, 10) : -1;
	struct start s = { .argv = argv + 2, .sock = sock, .listener = -1 };
	pid_t pid;
	int signals;

	if (sock < 0 || getpid() != 1)
		return 2;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)fcntl(sock, F_SETFD, FD_CLOEXEC);
	signals = signals_open();
	s.plan = plan_receive(sock);
	if (!s.plan || signals < 0)
		finish(sock, &(struct init_msg){ .type = INIT_FAILED,
						 .step = INIT_STEP_PLAN,
						 .code = s.plan ? errno : EPROTO });
	pid = payload_start(&s);
	if (pid < 0 || s.code)
		finish(sock,
		       &(struct init_msg){ .type = INIT_FAILED, .step = s.step, .code = s.code });
	say(sock, &(struct init_msg){ .type = INIT_STARTED });
	/* the payload has its own table since it executed: these copies go */
	for (int fd = 0; fd < sock; fd++)
		if (fd != signals)
			(void)close(fd);
	if (s.listener >= 0)
		(void)close(s.listener);
	(void)capset_to(KEEP_KILL);
	watch(sock, signals, pid);
	return 0;
}
