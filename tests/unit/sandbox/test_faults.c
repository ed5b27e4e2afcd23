/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "runtime/base/sys.h"
#include "tests/unit/sandbox/box.h"
#include "tests/unit/sandbox/groups.h"

/*
 * Every system call of a start is made to fail, one at a time, with an error
 * that none of them gives by itself.  The start then fails with that error and
 * says at which step; and nothing is left: no descriptor, mount, process,
 * control group or file.
 */
#ifdef SYS_FAULTS
#define FAULTS 1
#define arm    sys_fault_arm
#define hit    sys_fault_hit
#else
#define FAULTS 0
static void arm(const char *call, int nth, int code)
{
	(void)call;
	(void)nth;
	(void)code;
}
static int hit(void)
{
	return 0;
}
#endif

#define FAULT_CODE EXDEV
#define FAULT_TEXT "Invalid cross-device link"

/* Mounts are counted: what others on this host mount meanwhile must not show. */
__attribute__((constructor)) static void be_alone(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		perror("# a mount namespace of its own");
}

static int entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		(void)closedir(d);
	return n;
}

static int lines(const char *path)
{
	FILE *f = fopen(path, "r");
	int n = 0;

	for (int c; f && (c = fgetc(f)) != EOF;)
		n += c == '\n';
	if (f)
		(void)fclose(f);
	return n;
}

struct world {
	int fds, mounts, state, ids;
};

static struct world look(const struct box *b)
{
	char path[128];
	struct world w = { .fds = entries("/proc/self/fd"),
			   .mounts = lines("/proc/self/mountinfo"),
			   .state = entries(b->dir) };

	(void)snprintf(path, sizeof(path), "%s/run", b->dir);
	w.ids = entries(path);
	return w;
}

/* Nothing is left where nothing was. */
static int unchanged(const struct box *b, const struct world *before, const char *call, int nth)
{
	const struct world now = look(b);

	if (memcmp(&now, before, sizeof(now)) != 0) {
		printf("# %s %d: descriptors %d was %d, mounts %d was %d, state %d was %d, ids %d "
		       "was "
		       "%d\n",
		       call, nth, now.fds, before->fds, now.mounts, before->mounts, now.state,
		       before->state, now.ids, before->ids);
		return 0;
	}
	if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD) {
		printf("# %s %d: a process is left\n", call, nth);
		return 0;
	}
	if (groups_of(b->spec.name) == 0)
		return 1;
	printf("# %s %d: a control group is left\n", call, nth);
	return 0;
}

/* Failures that do not end the start, because there is another way that is as good. */
static int tolerated(const char *call, int nth)
{
	static const struct {
		const char *call, *why;
		int nth;
	} rows[] = {
		{ "openat2", "standard input without a null device is a pipe that ended", 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (strcmp(rows[i].call, call) == 0 && rows[i].nth == nth)
			return 1;
	return 0;
}

static int try_one(struct box *b, const struct world *before, const char *call, int nth)
{
	static const char *const argv[] = { "/bin/true", NULL };
	struct sandbox *s = NULL;
	struct err e = ERR_INIT;
	int r, fired;

	b->spec.argv = (char *const *)(uintptr_t)argv;
	arm(call, nth, FAULT_CODE);
	r = sandbox_start(&b->spec, &s, &e);
	fired = hit();
	arm(NULL, 0, 0);
	if (r == 0)
		sandbox_close(s);
	if (!fired) {
		CHECK_INT(r, 0);
		return 0;
	}
	if (r == 0) {
		printf("# %s %d: start succeeded\n", call, nth);
		CHECK(tolerated(call, nth));
	} else if (e.code != FAULT_CODE || !strstr(e.msg, ": " FAULT_TEXT)) {
		printf("# %s %d: %s\n", call, nth, e.msg);
		CHECK(0);
	}
	CHECK(unchanged(b, before, call, nth));
	return 1;
}

static void a_frozen_replica_is_torn_down(void)
{
	static const char *const argv[] = { "/bin/sh", "-c", "sleep 100 & sleep 100", NULL };
	struct sandbox *s = NULL;
	struct err e = ERR_INIT;
	struct world before;
	struct box b;
	struct ran ran;
	char name[32];

	box_make(&b);
	(void)snprintf(name, sizeof(name), "frozen-%d", (int)getpid());
	b.spec.name = name;
	box_sh(&b, "true", &ran);
	before = look(&b);
	b.spec.argv = (char *const *)(uintptr_t)argv;
	CHECK_INT(sandbox_start(&b.spec, &s, &e), 0);
	if (!s) {
		printf("# %s\n", e.msg);
		box_remove(&b);
		return;
	}
	CHECK_INT(sandbox_pause(s, true, &e), 0);
	sandbox_close(s);
	CHECK(unchanged(&b, &before, "close while frozen", 1));

	CHECK_INT(sandbox_start(&b.spec, &s, &e), 0);
	CHECK_INT(sandbox_pause(s, true, &e), 0);
	CHECK_INT(sandbox_kill(s, &e), 0);
	CHECK_INT(sandbox_exit(s)->kind, EXIT_CANCELLED);
	sandbox_close(s);
	CHECK(unchanged(&b, &before, "kill while frozen", 1));
	box_remove(&b);
}

/* The owner of a replica, to be killed; says over fd when the replica runs. */
static _Noreturn void own_a_replica(struct box *b, int fd)
{
	static const char *const argv[] = { "/bin/sh", "-c", "sleep 100 & exec sleep 100", NULL };
	struct sandbox *s = NULL;
	struct err e = ERR_INIT;

	b->spec.argv = (char *const *)(uintptr_t)argv;
	(void)!write(fd, sandbox_start(&b->spec, &s, &e) == 0 ? "y" : "n", 1);
	for (;;)
		(void)pause();
}

static void a_killed_owner_takes_its_replica_with_it(void)
{
	struct err e = ERR_INIT;
	struct box b;
	char name[32], up = 0;
	int said[2];
	pid_t owner;

	box_make(&b);
	(void)snprintf(name, sizeof(name), "killed-%d", (int)getpid());
	b.spec.name = name;
	CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1),
		  0); /* what is orphaned becomes ours to see end */
	CHECK_INT(pipe2(said, O_CLOEXEC), 0);
	owner = fork();
	if (owner == 0)
		own_a_replica(&b, said[1]);
	CHECK(read(said[0], &up, 1) == 1 && up == 'y');
	CHECK(groups_of(name) > 0);
	(void)kill(owner, SIGKILL);
	/* Returns once the owner and all that it orphaned are gone. */
	while (waitpid(-1, NULL, __WALL) > 0)
		;
	CHECK_INT(errno, ECHILD);
	CHECK(cgroup_sweep(&e) >= 1);
	CHECK_INT(groups_of(name), 0);
	(void)close(said[0]);
	(void)close(said[1]);
	box_remove(&b);
}

static void every_failed_call_is_named_and_leaves_nothing(void)
{
	/* All but pidfd_signal: SIGKILL to a child of ours cannot fail. */
	static const char *const calls[] = {
		"capbset_drop",
		"capget",
		"capset",
		"clone3",
		"close_range",
		"dup3",
		"dup_above",
		"fchdir",
		"fexec",
		"fsconfig",
		"fsmount",
		"fsopen",

		"landlock_add_rule",
		"landlock_create_ruleset",
		"landlock_restrict_self",

		"mkdirat",
		"mknodat",
		"mount",
		"mount_setattr",
		"move_mount",
		"no_new_privs",
		"open_tree",
		"openat2",
		"pivot_root",
		"prctl",

		"setaffinity",
		"setfsids",
		"sethostname",
		"setids",
		"setns",
		"setrlimit",
		"setsid",
		"umount2",

		"write",
	};
	const struct sandbox_path_rule rule = { (char *)(uintptr_t) "/usr",
						SANDBOX_READ | SANDBOX_EXEC };
	struct box b;
	struct world before;
	int tried = 0;
	struct ran ran;
	char name[32];

	if (!FAULTS) {
		printf("# not run: built without fault injection\n");
		return;
	}
	box_make(&b);
	(void)snprintf(name, sizeof(name), "faults-%d", (int)getpid());
	b.spec.name = name;
	b.spec.limits.cpu_milli = 500;
	b.spec.rules = &rule;
	b.spec.n_rules = 1;
	box_sh(&b, "true", &ran); /* what is kept for later starts is there now */
	before = look(&b);
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		int nth = 1;

		/* The second setns() leads back to the host's network; a process that cannot go
		 * back ends. */
		const int most = strcmp(calls[i], "setns") == 0 ? 1 : 400;

		while (nth <= most && try_one(&b, &before, calls[i], nth))
			nth++;
		tried += nth - 1;
		if (nth == 1)
			printf("# %s: not reached\n", calls[i]);
		CHECK(nth > 1);
	}
	printf("# %d calls failed in turn\n", tried);
	box_remove(&b);
}

TAP_MAIN({ "every failed call is named and leaves nothing",
	   every_failed_call_is_named_and_leaves_nothing },
	 { "a frozen replica is torn down", a_frozen_replica_is_torn_down },
	 { "a killed owner takes its replica with it, and the sweep finds the rest",
	   a_killed_owner_takes_its_replica_with_it })
