/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/idrange.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/sys.h"
#include "runtime/sandbox/net.h"

/* Above what the distributions' tools hand out (subordinate ids, container managers). */
#define FIRST_BASE 0x70000000u
#define SLOTS	   2048u
#define RUN_DIR	   "/run/sickbay"

/*
 * A new user namespace takes its maps from a process outside it, and needs a
 * process inside it until somebody holds it.  This one also makes the network
 * namespace, the slowest single step of a start, on another cpu while we go on.
 * It shares our memory and runs at the same time: it has a stack of its own,
 * touches `holder` only, and its calls leave errno alone.
 */
static char holder_stack[16384] __attribute__((aligned(16)));
static struct {
	int state; /* 0: at work, 1: ready, or -errno */
	int parent;
} holder;

static void holder_main(void *arg)
{
	long r;

	(void)arg;
	(void)sys_quiet(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0);
	if (sys_quiet(SYS_getppid, 0, 0, 0) != holder.parent)
		sys_exit(0);
	r = sys_quiet(SYS_unshare, CLONE_NEWNET, 0, 0);
	__atomic_store_n(&holder.state, r < 0 ? (int)r : 1, __ATOMIC_RELEASE);
	(void)sys_quiet(SYS_futex, (long)&holder.state, FUTEX_WAKE, 1);
	for (;;)
		(void)sys_quiet(SYS_pause, 0, 0, 0);
}

static int write_map(pid_t pid, const char *which, uint32_t base, struct err *e)
{
	char path[64], map[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, which);
	(void)snprintf(map, sizeof(map), "0 %u %u\n", base, IDRANGE_LEN);

	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, map, strlen(map)) < 0)
		return err_sys(e, "write '%s'", path);
	return 0;
}

static int userns_of(pid_t pid, uint32_t base, int *out, struct err *e)
{
	char path[64];
	int r = write_map(pid, "uid_map", base, e);

	if (r == 0)
		r = write_map(pid, "gid_map", base, e);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	*out = open(path, O_RDONLY | O_CLOEXEC);
	return *out < 0 ? err_sys(e, "open '%s'", path) : 0;
}

static int holder_start(struct idrange *r, struct err *e)
{
	struct clone_args args = {
		.flags = CLONE_NEWUSER | CLONE_VM | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
		.pidfd = (uintptr_t)&r->holder_pidfd,
		.stack = (uintptr_t)holder_stack,
		.stack_size = sizeof(holder_stack),
	};

	holder.state = 0;
	holder.parent = getpid();
	r->holder = sys_clone3(&args, holder_main, NULL);
	if (r->holder < 0)
		return err_set(e, -r->holder, "make a user namespace: %s", strerror(-r->holder));
	return userns_of(r->holder, r->base, &r->userns, e);
}

static void holder_end(struct idrange *r)
{
	if (r->holder > 0) {
		(void)sys_pidfd_signal(r->holder_pidfd, SIGKILL);
		while (waitpid(r->holder, NULL, __WALL) < 0 && errno == EINTR)
			;
	}
	cleanup_close(&r->holder_pidfd);
	r->holder_pidfd = r->holder = -1;
}

int idrange_settle(struct idrange *r, bool loopback, struct err *e)
{
	int state, err;

	if (r->netns >= 0)
		return 0;
	while ((state = __atomic_load_n(&holder.state, __ATOMIC_ACQUIRE)) == 0)
		(void)syscall(SYS_futex, &holder.state, FUTEX_WAIT, 0, NULL, NULL, 0);
	err = state < 0 ? err_set(e, -state, "make a network namespace: %s", strerror(-state))
			: net_open(r->holder, &r->netns, e);
	holder_end(r);
	return err == 0 && loopback ? net_loopback_up(r->netns, e) : err;
}

static int locks_open(const char *state, int *out, struct err *e)
{
	char path[512];

	if (dir_make(RUN_DIR "/ids", 0711, e) < 0) {
		(void)snprintf(path, sizeof(path), "%s/ids", state);
		if (dir_make(path, 0700, e) < 0)
			return err_wrap(e, "directory of id ranges");
	} else {
		(void)snprintf(path, sizeof(path), RUN_DIR "/ids");
	}
	*out = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *out < 0 ? err_sys(e, "open '%s'", path) : 0;
}

/* 1 and the lock, 0 when somebody holds it, or -errno.  A file that its owner removed meanwhile
 * is no lock any more. */
static int slot_lock(int dir, const char *name, int flags, int *out)
{
	struct stat held, named;

	for (;;) {
		AUTO_CLOSE int fd =
			openat(dir, name, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0)
			return errno == EWOULDBLOCK ? 0 : -errno;
		if (fstat(fd, &held) < 0)
			return -errno;
		if (fstatat(dir, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
		    named.st_ino == held.st_ino) {
			*out = take_fd(&fd);
			return 1;
		}
		if (!(flags & O_CREAT))
			return 0;
	}
}

static int slot_take(struct idrange *r, struct err *e)
{
	char name[16];

	for (unsigned i = 0; i < SLOTS; i++) {
		(void)snprintf(name, sizeof(name), "%u", i);

		const int got = slot_lock(r->dir, name, O_CREAT, &r->lock);

		if (got < 0)
			return err_set(e, -got, "lock id range %u: %s", i, strerror(-got));
		if (got > 0) {
			r->slot = i;
			r->base = FIRST_BASE + i * IDRANGE_LEN;
			return 0;
		}
	}
	return err_set(e, EAGAIN, "all %u id ranges are in use", SLOTS);
}

int idrange_take(const char *state, struct idrange **out, struct err *e)
{
	struct idrange *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return err_set(e, ENOMEM, "no memory for an id range");
	r->userns = r->netns = r->lock = r->dir = r->holder = r->holder_pidfd = -1;
	r->users = 1;
	err = locks_open(state, &r->dir, e);
	if (err == 0)
		err = slot_take(r, e);
	if (err == 0)
		err = holder_start(r, e);
	if (err < 0) {
		idrange_drop(r);
		return err;
	}
	*out = r;
	return 0;
}

struct idrange *idrange_ref(struct idrange *r)
{
	r->users++;
	return r;
}

void idrange_drop(struct idrange *r)
{
	const int saved = errno;
	char name[16];

	if (!r || --r->users > 0)
		return;
	if (r->lock >= 0) { /* the name goes first: nobody may lock a file that is going away */
		(void)snprintf(name, sizeof(name), "%u", r->slot);
		(void)unlinkat(r->dir, name, 0);
	}
	holder_end(r);
	cleanup_close(&r->netns);
	cleanup_close(&r->lock);
	cleanup_close(&r->dir);
	cleanup_close(&r->userns);
	free(r);
	errno = saved;
}

int idrange_sweep(const char *state, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	int n = 0;

	if (locks_open(state, &dir, e) < 0)
		return -e->code;

	const int listed = dup(dir);
	DIR *d CLEANUP(cleanup_closedir) = listed < 0 ? NULL : fdopendir(listed);

	if (!d) {
		cleanup_close(&listed);
		return err_sys(e, "list the id ranges");
	}
	for (const struct dirent *de; (de = readdir(d));) {
		AUTO_CLOSE int lock = -1;

		if (de->d_name[0] == '.' || slot_lock(dir, de->d_name, 0, &lock) <= 0)
			continue;
		n += unlinkat(dir, de->d_name, 0) == 0;
	}
	return n;
}
