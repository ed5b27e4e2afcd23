/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/sys.h"
#include "runtime/sandbox/mount.h"

/*
 * Cloning a mount that lies nowhere.  Before 6.15 the kernel clones only what is
 * attached in the caller's mount namespace, so a helper attaches it in one of
 * its own and clones it twice: one for the caller, one to take the place of the
 * original, which goes with the helper's namespace.
 */
struct helper { /* shared with the child, as is the table of descriptors */
	int mnt, out, err;
	unsigned flags;
	char place[64];
};

static bool forced;

void mount_tree_force(bool by_helper)
{
	forced = by_helper;
}

static int clone_twice(struct helper *h)
{
	int again, r = sys_unshare(CLONE_NEWNS);

	if (r >= 0)
		r = sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	if (r >= 0)
		r = sys_move_mount(h->mnt, AT_FDCWD, "/proc");
	if (r < 0)
		return r;
	again = sys_open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | AT_RECURSIVE);
	if (again < 0)
		return again;
	h->out = sys_open_tree(AT_FDCWD, h->place, h->flags);
	r = sys_dup3(again, h->mnt, O_CLOEXEC);
	(void)close(again);
	return h->out < 0 ? h->out : r;
}

static void helper_main(void *arg)
{
	struct helper *h = arg;

	h->err = clone_twice(h);
	sys_exit(0);
}

static int by_helper(int mnt, const char *sub, unsigned flags)
{
	static char stack[65536] __attribute__((aligned(16)));
	struct helper h = { .mnt = mnt, .out = -1, .err = -ECANCELED, .flags = flags };
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_CLEAR_SIGHAND,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)stack,
		.stack_size = sizeof(stack),
	};
	int pid;

	if (snprintf(h.place, sizeof(h.place), "/proc/%s", sub) >= (int)sizeof(h.place))
		return -ENAMETOOLONG;
	pid = sys_clone3(&args, helper_main, &h);
	if (pid < 0)
		return pid;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (h.err < 0 && h.out >= 0)
		(void)close(h.out);
	return h.err < 0 ? h.err : h.out;
}

int mount_tree(int mnt, const char *sub, bool recursive, struct err *e)
{
	const unsigned flags =
		OPEN_TREE_CLONE | AT_SYMLINK_NOFOLLOW | (recursive ? AT_RECURSIVE : 0);
	int r = forced ? by_helper(mnt, sub, flags) : -EINVAL;

	if (r < 0)
		r = sys_open_tree(mnt, sub, flags | (*sub ? 0 : AT_EMPTY_PATH));
	if (r == -EINVAL && !forced)
		r = by_helper(mnt, sub, flags);
	return r < 0 ? err_set(e, -r, "clone a mount: %s", strerror(-r)) : r;
}
