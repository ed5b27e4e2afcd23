/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/bury.h"

#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/sys.h"

/*
 * The undertaker shares our memory (no copy of it, whatever its size) and has a
 * copy of our descriptor table.  It first gives up everything but what it is to
 * bury, waits until we closed our copies of that, and closes: the last close is
 * its.  A slot is used again once its undertaker was reaped.
 */
struct slot {
	char stack[8192] __attribute__((aligned(16)));
	int fds[BURY_MAX]; /* ascending */
	size_t n;
	int pid, parent;
	int go;
};

static struct slot slots[4];

static void undertake(void *arg)
{
	struct slot *s = arg;
	long from = 0;

	(void)sys_quiet(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0);
	if (sys_quiet(SYS_getppid, 0, 0, 0) != s->parent)
		sys_exit(0);
	for (size_t i = 0; i < s->n; i++) {
		if (s->fds[i] > from)
			(void)sys_quiet(SYS_close_range, from, s->fds[i] - 1, 0);
		from = s->fds[i] + 1;
	}
	(void)sys_quiet(SYS_close_range, from, (long)UINT32_MAX, 0);
	while (!__atomic_load_n(&s->go, __ATOMIC_ACQUIRE))
		(void)sys_quiet(SYS_futex, (long)&s->go, FUTEX_WAIT, 0);
	sys_exit(0);
}

static struct slot *free_slot(void)
{
	for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
		if (slots[i].pid <= 0 || waitpid(slots[i].pid, NULL, WNOHANG | __WALL) != 0)
			return &slots[i];
	return NULL;
}

static int ascending(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static bool start(struct slot *s, const int *fds, size_t n)
{
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_CLEAR_SIGHAND,
		.stack = (uintptr_t)s->stack,
		.stack_size = sizeof(s->stack),
	};

	s->n = 0;
	for (size_t i = 0; i < n; i++)
		if (fds[i] >= 0)
			s->fds[s->n++] = fds[i];
	qsort(s->fds, s->n, sizeof(s->fds[0]), ascending);
	s->go = 0;
	s->parent = getpid();
	s->pid = sys_clone3(&args, undertake, s);
	return s->pid > 0;
}

void bury(int *fds, size_t n)
{
	struct slot *s = free_slot();
	const bool helped = s && n <= BURY_MAX && start(s, fds, n);

	for (size_t i = 0; i < n; i++) {
		cleanup_close(&fds[i]);
		fds[i] = -1;
	}
	if (helped) {
		__atomic_store_n(&s->go, 1, __ATOMIC_RELEASE);
		(void)syscall(SYS_futex, &s->go, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
}
