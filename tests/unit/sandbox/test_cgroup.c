/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "runtime/base/sys.h"
#include "runtime/sandbox/cgroup.h"
#include "tests/tap.h"
#include "tests/unit/sandbox/groups.h"

/* Needs root and control groups; each test runs in every mode that the host has. */
#define MIB (1ull << 20)

static const struct sandbox_limits small = { .memory = 64 * MIB, .pids = 16, .cpu_milli = 500 };
static struct err e;

static const char *why(void)
{
	return e.code ? e.msg : "";
}

#define OK(call)                                                                       \
	do {                                                                           \
		e = (struct err)ERR_INIT;                                              \
		const int r_ = (call);                                                 \
		if (r_ < 0)                                                            \
			printf("# %s:%d: %s: %s\n", __FILE__, __LINE__, #call, why()); \
		CHECK(r_ >= 0);                                                        \
	} while (0)

/* A child inside the group that runs fn once it was placed there. */
static pid_t inside(struct cgroup *cg, void (*fn)(void))
{
	const int into = cgroup_clone_fd(cg);
	struct clone_args args = { .exit_signal = SIGCHLD };
	int gate[2];
	char go = 0;
	pid_t pid;

	CHECK(pipe2(gate, O_CLOEXEC) == 0);
	if (into >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)into;
	}
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		(void)close(gate[1]);
		if (read(gate[0], &go, 1) == 1)
			fn();
		_exit(0);
	}
	CHECK(pid > 0);
	OK(cgroup_attach(cg, pid, into >= 0, &e));
	CHECK(write(gate[1], "x", 1) == 1);
	(void)close(gate[0]);
	(void)close(gate[1]);
	return pid;
}

static int status_of(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static void in_each_mode(void (*test)(void))
{
	for (int mode = CGROUP_V2; mode <= CGROUP_V1; mode++) {
		int got;

		cgroup_force(mode);
		e = (struct err)ERR_INIT;
		if (cgroup_detect(&got, &e) < 0) {
			printf("# mode %s: %s\n", cgroup_mode_name(mode), e.msg);
			continue;
		}
		printf("# mode %s\n", cgroup_mode_name(mode));
		CHECK_INT(got, mode);
		test();
	}
	cgroup_force(CGROUP_AUTO);
}

static void sleep_long(void)
{
	for (;;)
		(void)pause();
}

static int report_fd = -1;

/* As after an exec: nothing of the owner's descriptors is left; that is said by reporting the pid.
 */
static void sleep_alone(void)
{
	const pid_t self = getpid();

	(void)dup2(report_fd, 3);
	(void)syscall(SYS_close_range, 4, ~0u, 0);
	(void)!write(3, &self, sizeof(self));
	sleep_long();
}

static void eat_memory(void)
{
	const size_t n = 256 * MIB;
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p != MAP_FAILED)
		memset(p, 1, n);
}

static void fork_bomb(void)
{
	for (int i = 0; i < 64; i++)
		if (fork() == 0)
			sleep_long();
	sleep_long();
}

static void fork_for_ever(void)
{
	for (;;)
		(void)fork();
}

static void burn(void)
{
	volatile unsigned long n = 0;

	while (n < 50000000ul)
		n = n + 1;
}

static void group_is_made_and_removed(void)
{
	struct cgroup *cg = NULL;
	const struct cg_host *host = NULL;
	char path[PATH_MAX + 256];

	OK(cgroup_create("unit", &small, &cg, &e));
	OK(cg_host(&host, &e));
	if (!cg || !host)
		return;
	for (size_t i = 0; i < host->n; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s/%s", host->hier[i].base, CG_PARENT,
			       cg->name);
		CHECK_INT(access(path, F_OK), 0);
	}
	CHECK_INT(cgroup_populated(cg, &e), 0);
	(void)snprintf(path, sizeof(path), "%s/%s/%s", host->hier[0].base, CG_PARENT, cg->name);
	cgroup_close(cg);
	CHECK_INT(access(path, F_OK), -1);
}

static void kill_ends_every_process(void)
{
	struct cgroup *cg = NULL;
	pid_t pid;

	OK(cgroup_create("unit", &small, &cg, &e));
	if (!cg)
		return;
	pid = inside(cg, fork_bomb);
	while (cgroup_populated(cg, &e) == 0)
		;
	OK(cgroup_kill(cg, &e));
	CHECK_INT(cgroup_populated(cg, &e), 0);
	CHECK(WIFSIGNALED(status_of(pid)));
	cgroup_close(cg);
}

static void kill_ends_a_fork_bomb(void)
{
	struct cgroup *cg = NULL;
	struct cgroup_stats st = { 0 };
	pid_t pid;

	OK(cgroup_create("unit", &small, &cg, &e));
	if (!cg)
		return;
	pid = inside(cg, fork_for_ever);
	for (int i = 0; i < 5000 && st.pids_refused == 0; i++) {
		OK(cgroup_stats(cg, &st, &e));
		(void)usleep(1000);
	}
	CHECK(st.pids_refused > 0);
	OK(cgroup_kill(cg, &e));
	CHECK(WIFSIGNALED(status_of(pid)));
	cgroup_close(cg);
}

static void frozen_group_is_killed(void)
{
	struct cgroup *cg = NULL;
	pid_t pid;

	OK(cgroup_create("unit", &small, &cg, &e));
	if (!cg)
		return;
	pid = inside(cg, fork_bomb);
	OK(cgroup_freeze(cg, true, &e));
	OK(cgroup_kill(cg, &e));
	CHECK_INT(WTERMSIG(status_of(pid)), SIGKILL);
	cgroup_close(cg);

	OK(cgroup_create("unit", &small, &cg, &e));
	pid = inside(cg, sleep_long);
	OK(cgroup_freeze(cg, true, &e));
	cgroup_close(cg);
	CHECK_INT(WTERMSIG(status_of(pid)), SIGKILL);
}

static void freeze_stops_and_thaw_continues(void)
{
	struct cgroup *cg = NULL;
	pid_t pid;
	int status;

	OK(cgroup_create("unit", &small, &cg, &e));
	if (!cg)
		return;
	pid = inside(cg, burn);
	OK(cgroup_freeze(cg, true, &e));
	CHECK_INT(waitpid(pid, &status, WNOHANG), 0);
	OK(cgroup_freeze(cg, false, &e));
	CHECK_INT(status_of(pid), 0);
	cgroup_close(cg);
}

static void memory_limit_kills_and_is_counted(void)
{
	struct cgroup *cg = NULL;
	struct cgroup_stats st = { 0 };

	OK(cgroup_create("unit", &small, &cg, &e));
	if (!cg)
		return;
	CHECK_INT(WTERMSIG(status_of(inside(cg, eat_memory))), SIGKILL);
	OK(cgroup_stats(cg, &st, &e));
	CHECK(st.oom_kills >= 1);
	CHECK(st.peak_memory > 48 * MIB && st.peak_memory <= small.memory);
	cgroup_close(cg);
}

static void cpu_time_is_counted(void)
{
	struct cgroup *cg = NULL;
	struct cgroup_stats st = { 0 };

	OK(cgroup_create("unit", &small, &cg, &e));
	if (!cg)
		return;
	CHECK_INT(status_of(inside(cg, burn)), 0);
	OK(cgroup_stats(cg, &st, &e));
	CHECK(st.cpu_us > 0);
	CHECK_INT(st.oom_kills, 0);
	CHECK_INT(st.pids_refused, 0);
	cgroup_close(cg);
}

/* Other programs have groups beside ours at the same time, and sweep as well: only names of this
 * process tell anything. */
static size_t left_of(const char *prefix)
{
	const struct cg_host *host = NULL;
	size_t n = 0;

	OK(cg_host(&host, &e));
	for (size_t h = 0; host && h < host->n; h++) {
		char path[PATH_MAX + 64];
		DIR *d;

		(void)snprintf(path, sizeof(path), "%s/%s", host->hier[h].base, CG_PARENT);
		d = opendir(path);
		for (const struct dirent *ent; d && (ent = readdir(d));)
			n += strncmp(ent->d_name, prefix, strlen(prefix)) == 0;
		if (d)
			(void)closedir(d);
	}
	return n;
}

static void own_name(const char *what, char out[32])
{
	(void)snprintf(out, 32, "%s-%d", what, (int)getpid());
}

/* The owner of a group is killed; the process inside and the directories stay. */
static pid_t orphan(const char *name)
{
	int ready[2];
	pid_t owner, child = -1;

	CHECK(pipe2(ready, O_CLOEXEC) == 0);
	owner = fork();
	if (owner == 0) {
		struct cgroup *cg = NULL;

		if (cgroup_create(name, &small, &cg, &e) < 0)
			_exit(1);
		report_fd = ready[1];
		(void)inside(cg, sleep_alone);
		sleep_long();
	}
	CHECK(read(ready[0], &child, sizeof(child)) == sizeof(child));
	(void)close(ready[0]);
	(void)close(ready[1]);
	/* While the owner lives its group is left alone. */
	OK(cgroup_sweep(&e));
	CHECK_INT(kill(child, 0), 0);
	CHECK(left_of(name) > 0);
	(void)kill(owner, SIGKILL);
	(void)status_of(owner);
	return child;
}

static void sweep_removes_what_a_dead_owner_left(void)
{
	struct cgroup *mine = NULL;
	char dead[32], alive[32];
	pid_t child;

	own_name("dead", dead);
	own_name("alive", alive);
	/* The orphan becomes ours to reap. */
	CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	OK(cgroup_create(alive, &small, &mine, &e));
	child = orphan(dead);
	OK(cgroup_sweep(&e));
	CHECK_INT(WTERMSIG(status_of(child)), SIGKILL);
	/* whoever swept first may still be at it */
	for (int i = 0; i < 2000 && left_of(dead); i++)
		(void)usleep(1000);
	CHECK_INT((int)left_of(dead), 0);
	CHECK(left_of(alive) > 0);
	CHECK_INT(cgroup_populated(mine, &e), 0);
	cgroup_close(mine);
}

#ifdef SYS_FAULTS
#define FAULTS 1
#define arm    sys_fault_arm
#else
#define FAULTS 0
static void arm(const char *call, int nth, int code)
{
	(void)call;
	(void)nth;
	(void)code;
}
#endif

static void failed_step_is_named_and_leaves_nothing(void)
{
	static const struct {
		const char *call;
		int nth, code;
		const char *text;
	} rows[] = {
		{ "mkdirat", 1, EROFS, "sickbay': Read-only file system" },
		{ "mkdirat", 2, ENOSPC, "No space left on device" },
		{ "mkdirat", 4, EACCES, "Permission denied" },
		{ "write", 1, EINVAL, "memory.limit_in_bytes: write" },
		{ "write", 3, EIO, "pids.max: write '16': Input/output error" },
	};
	const struct cg_host *host = NULL;
	char name[32];

	own_name("unit", name);
	cgroup_force(CGROUP_HYBRID);
	e = (struct err)ERR_INIT;
	if (!FAULTS || cg_host(&host, &e) < 0) {
		printf("# not run: %s\n", FAULTS ? e.msg : "built without fault injection");
		return;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cgroup *cg = NULL;
		int r;

		e = (struct err)ERR_INIT;
		arm(rows[i].call, rows[i].nth, rows[i].code);
		r = cgroup_create(name, &small, &cg, &e);
		arm(NULL, 0, 0);
		CHECK_INT(r, -rows[i].code);
		CHECK(cg == NULL);
		if (!strstr(e.msg, rows[i].text) || strncmp(e.msg, "control group (", 15) != 0)
			CHECK_STR(e.msg, rows[i].text);
		CHECK_INT((int)left_of(name), 0);
	}
	cgroup_force(CGROUP_AUTO);
}

static int join(const char *group)
{
	char path[2 * PATH_MAX];
	int fd, r;

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	r = fd >= 0 && write(fd, "0", 1) == 1 ? 0 : -1;
	(void)close(fd);
	return r;
}

/* In a process of its own, which lives in the delegated group. */
static int create_in(const char *group, const char *top)
{
	const struct cg_host *host = NULL;
	struct cgroup *cg = NULL;
	char path[2 * PATH_MAX];
	int r = 0;

	if (join(group) < 0)
		return 1;
	cgroup_force(CGROUP_AUTO);
	if (cgroup_create("unit", &small, &cg, &e) < 0 || cg_host(&host, &e) < 0)
		r = 2;
	else if (strcmp(host->hier[0].base, group) != 0)
		r = 3;
	(void)snprintf(path, sizeof(path), "%s/%s/%s", group, CG_PARENT, cg ? cg->name : "");
	if (r == 0 && access(path, F_OK) < 0)
		r = 4;
	if (r != 0)
		printf("# %d %s\n", r, e.msg);
	cgroup_close(cg);
	(void)fflush(stdout);
	return join(top) < 0 ? 5 : r;
}

/* cgroup2: a group that was delegated to us is used, and our processes in it make way. */
static void delegated_group_is_used(void)
{
	const struct cg_host *host = NULL;
	char top[PATH_MAX], group[PATH_MAX + 64], leaf[PATH_MAX + 128];
	pid_t pid;

	cgroup_force(CGROUP_AUTO);
	OK(cg_host(&host, &e));
	if (!host || host->mode != CGROUP_V2) {
		printf("# not run: control groups are not v2 alone\n");
		return;
	}
	(void)snprintf(top, sizeof(top), "%s", host->hier[0].base);
	(void)snprintf(group, sizeof(group), "%s/delegated-%d", top, (int)getpid());
	(void)snprintf(leaf, sizeof(leaf), "%s/%s", group, CG_HOST_LEAF);
	CHECK_INT(mkdir(group, 0755), 0);
	CHECK_INT(setxattr(group, "trusted.delegate", "1", 1, 0), 0);
	pid = fork();
	if (pid == 0)
		_exit(create_in(group, top));
	CHECK_INT(status_of(pid), 0);
	CHECK_INT(rmdir(leaf), 0);
	CHECK_INT(rmdir(group), 0);
}

static void unsafe_name_is_refused(void)
{
	struct cgroup *cg = NULL;

	e = (struct err)ERR_INIT;
	CHECK_INT(cgroup_create("../escape", &small, &cg, &e), -EINVAL);
	CHECK_STR(e.msg, "control group: '../escape' is not a safe name");
}

static void mode_the_host_lacks_is_said(void)
{
	int mode, absent;

	cgroup_force(CGROUP_AUTO);
	OK(cgroup_detect(&mode, &e));
	absent = mode == CGROUP_V2 ? CGROUP_V1 : CGROUP_V2;
	cgroup_force(absent);
	if (cgroup_detect(&mode, &e) < 0)
		CHECK(strncmp(e.msg, "control groups: ", 16) == 0);
	cgroup_force(CGROUP_AUTO);
}

#define EACH(fn)                    \
	static void each_##fn(void) \
	{                           \
		in_each_mode(fn);   \
	}
EACH(group_is_made_and_removed)
EACH(kill_ends_every_process)
EACH(kill_ends_a_fork_bomb)
EACH(frozen_group_is_killed)
EACH(freeze_stops_and_thaw_continues)
EACH(memory_limit_kills_and_is_counted)
EACH(cpu_time_is_counted)
EACH(sweep_removes_what_a_dead_owner_left)

TAP_MAIN({ "a group is made in every hierarchy and removed", each_group_is_made_and_removed },
	 { "kill ends every process of the group", each_kill_ends_every_process },
	 { "kill ends a fork bomb, and refused forks are counted", each_kill_ends_a_fork_bomb },
	 { "a frozen group is killed", each_frozen_group_is_killed },
	 { "freeze stops, thaw continues", each_freeze_stops_and_thaw_continues },
	 { "the memory limit kills, and that is counted", each_memory_limit_kills_and_is_counted },
	 { "cpu time is counted", each_cpu_time_is_counted },
	 { "the sweep removes what a dead owner left, and nothing else",
	   each_sweep_removes_what_a_dead_owner_left },
	 { "each failed step is named and leaves nothing",
	   failed_step_is_named_and_leaves_nothing },
	 { "a delegated group is used, and its processes make way", delegated_group_is_used },
	 { "a mode that the host lacks is said", mode_the_host_lacks_is_said },
	 { "an unsafe name is refused", unsafe_name_is_refused })
