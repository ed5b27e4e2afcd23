/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/jmap.h"
#include "runtime/base/sys.h"
#include "runtime/sandbox/notify.h"
#include "runtime/sandbox/seccomp.h"
#include "tests/tap.h"

static struct err e;

struct guest {
	pid_t pid;
	struct notify *n;
};

/* The hand-over as the header asks for it: number out, wait, go on. */
static struct guest start(const char *word, size_t max, void (*fn)(void))
{
	char *words[] = { (char *)(uintptr_t)word, NULL };
	const struct seccomp_spec spec = { .preset = SECCOMP_BUILD, .notify = { words, 1 } };
	struct seccomp_prog p = { 0 };
	struct guest g = { .pid = -1 };
	int up[2], down[2], number = -1, listener;

	CHECK_INT(seccomp_compile(&spec, NULL, &p, &e), 0);
	CHECK(p.notify);
	CHECK(pipe2(up, O_CLOEXEC) == 0 && pipe2(down, O_CLOEXEC) == 0);
	g.pid = fork();
	if (g.pid == 0) {
		char go;

		(void)sys_no_new_privs();
		number = seccomp_install(&p);
		(void)!write(up[1], &number, sizeof(number));
		if (number < 0 || read(down[0], &go, 1) != 1)
			_exit(126);
		(void)close(number);
		fn();
		_exit(0);
	}
	CHECK(read(up[0], &number, sizeof(number)) == sizeof(number));
	{
		const int pidfd = (int)syscall(SYS_pidfd_open, g.pid, 0);

		listener = notify_take_listener(pidfd, number, &e);
		(void)close(pidfd);
	}
	CHECK(listener >= 0);
	CHECK_INT(notify_open(listener, max, &g.n, &e), 0);
	CHECK(write(down[1], "x", 1) == 1);
	(void)close(up[0]);
	(void)close(up[1]);
	(void)close(down[0]);
	(void)close(down[1]);
	seccomp_prog_release(&p);
	return g;
}

/* Until nobody is left at the other end; before 6.11 a process counts until it is reaped. */
static int finish(const struct guest *g)
{
	bool reaped = false;
	int status = -1;

	for (int i = 0; i < 3000 && notify_fd(g->n) >= 0; i++) {
		struct pollfd p = { .fd = notify_fd(g->n), .events = POLLIN };

		(void)poll(&p, 1, 10);
		if (notify_step(g->n, &e) < 0) {
			printf("# %s\n", e.msg);
			break;
		}
		reaped = reaped || waitpid(g->pid, &status, WNOHANG) == g->pid;
	}
	CHECK_INT(notify_fd(g->n), -1);
	if (!reaped)
		CHECK(waitpid(g->pid, &status, 0) == g->pid);
	return status;
}

static void connect_twice(void)
{
	const struct sockaddr a = { .sa_family = AF_UNIX };

	(void)prctl(PR_SET_NAME, "caller\n\x1b[31m");
	for (int i = 0; i < 2; i++) {
		const int s = socket(AF_UNIX, SOCK_STREAM, 0);

		/* It continued: the kernel's own answer, not the filter's. */
		if (connect(s, &a, sizeof(a)) == 0 || errno == EPERM || errno == ENOSYS)
			_exit(1);
	}
}

static void calls_are_recorded_and_continue(void)
{
	struct guest g = start("connect", 16, connect_twice);
	AUTO_JSON json_t *rows = NULL;

	CHECK_INT(finish(&g), 0);
	CHECK_INT(notify_count(g.n), 2);
	rows = notify_take(g.n);
	CHECK_INT((long long)json_array_size(rows), 2);
	CHECK_STR(json_string_value(json_object_get(json_array_get(rows, 0), "syscall")),
		  "connect");
	CHECK_INT(json_integer_value(json_object_get(json_array_get(rows, 0), "pid")), g.pid);
	/* A name that a program chose cannot forge a line. */
	CHECK_STR(json_string_value(json_object_get(json_array_get(rows, 0), "comm")),
		  "caller??[31m");
	CHECK(notify_take(g.n) == NULL);
	notify_close(g.n);
}

static void open_many(void)
{
	for (int i = 0; i < 1000; i++) {
		const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			_exit(1);
		(void)close(fd);
	}
}

static void records_are_bounded_and_the_rest_counted(void)
{
	struct guest g = start("openat", 10, open_many);
	AUTO_JSON json_t *rows = NULL;

	CHECK_INT(finish(&g), 0);
	CHECK_INT(notify_count(g.n), 1000);
	rows = notify_take(g.n);
	CHECK_INT((long long)json_array_size(rows), 10);
	notify_close(g.n);
}

static void die_in_call(void)
{
	(void)open("/dev/null", O_RDONLY | O_CLOEXEC);
	(void)pause();
}

static void a_caller_that_dies_is_no_error(void)
{
	struct guest g = start("openat", 10, die_in_call);
	struct pollfd p = { .fd = notify_fd(g.n), .events = POLLIN };

	CHECK_INT(poll(&p, 1, 5000), 1);
	(void)kill(g.pid, SIGKILL);
	CHECK_INT(WTERMSIG(finish(&g)), SIGKILL);
	notify_close(g.n);
}

static void closing_lets_the_callers_go(void)
{
	struct guest g = start("connect", 16, connect_twice);
	int status = -1;

	/* Nobody answers any more: the call fails, and the process is not held for ever. */
	notify_close(g.n);
	CHECK(waitpid(g.pid, &status, 0) == g.pid);
	CHECK(WIFEXITED(status));
	notify_close(NULL);
}

TAP_MAIN({ "calls are recorded and continue", calls_are_recorded_and_continue },
	 { "records are bounded and the rest counted", records_are_bounded_and_the_rest_counted },
	 { "a caller that dies is no error", a_caller_that_dies_is_no_error },
	 { "closing lets the callers go", closing_lets_the_callers_go })
