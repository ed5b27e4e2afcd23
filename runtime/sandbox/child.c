/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/child.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/sys.h"
#include "runtime/sandbox/caps.h"

/*
 * Two processes are made, both on stacks of their own in the caller's memory
 * while the caller sleeps (CLONE_VM | CLONE_VFORK), so a start costs the same
 * whatever the caller holds, and a failure is one store into the struct that
 * the caller reads:
 *
 *   caller -> door: joins the control groups with the host's rights, enters
 *             the user namespace, clones the member as the CALLER's child
 *          -> member: all other namespaces, owned by that user namespace
 *
 * The door cannot be left out: entering a user namespace is a one-way street,
 * and the maps of one made by clone() would have to be written by a caller
 * that sleeps.  The descriptor table is shared with the door (it receives the
 * member's pidfd), and copied for the member, which arranges its own.
 *
 * The steps allocate nothing, take no lock, and follow no link of the image:
 * every place is opened beneath the root and mounted upon by descriptor.
 */
#define STACK_SIZE 65536

struct child {
	const struct child_plan *plan;
	int root; /* the overlay, attached */
	int proc;
	int sock, init; /* where arrange_descriptors put them */
	int pidfd, pid;
	const char *step;
	int code;
};

static char stacks[2][STACK_SIZE] __attribute__((aligned(16)));

/* ---- mounts ---- */

static int make_file(int dir, const char *path)
{
	const int fd = sys_openat2(dir, path, O_CREAT | O_EXCL | O_WRONLY, 0644, RESOLVE_IN_ROOT);

	if (fd < 0)
		return fd == -EEXIST ? 0 : fd;
	(void)close(fd);
	return 0;
}

/* mkdir -p within the root: each part is opened beneath the one before, so a link of the image
 * leads nowhere but into the image. */
static int make_parts(int root, const char *path, bool file)
{
	char part[PATH_MAX];
	const char *p = path;

	for (;;) {
		p += strspn(p, "/");
		p += strcspn(p, "/");

		const size_t n = (size_t)(p - path);
		const bool last = p[strspn(p, "/")] == '\0';
		int dir, r;

		if (n == 0)
			return 0;
		if (n >= sizeof(part))
			return -ENAMETOOLONG;
		memcpy(part, path, n);
		part[n] = '\0';
		if (last && file)
			return make_file(root, part);

		char *base = strrchr(part, '/');
		const char *name = base ? base + 1 : part;

		if (base)
			*base = '\0';
		dir = sys_openat2(root, base && *part ? part : ".", O_PATH, 0, RESOLVE_IN_ROOT);
		if (dir < 0)
			return dir;
		r = sys_mkdirat(dir, name, 0755);
		(void)close(dir);
		if (r < 0 && r != -EEXIST)
			return r;
		if (last)
			return 0;
	}
}

static int place(int root, const char *path, bool file)
{
	int fd = sys_openat2(root, path, O_PATH, 0, RESOLVE_IN_ROOT);
	int r;

	if (fd != -ENOENT)
		return fd;
	r = make_parts(root, path, file);
	return r < 0 ? r : sys_openat2(root, path, O_PATH, 0, RESOLVE_IN_ROOT);
}

static int attach(const struct child *c, int mnt, const char *path, bool file)
{
	const int at = place(c->root, path, file);
	int r;

	if (at < 0)
		return at;
	r = sys_move_mount(mnt, at, "");
	(void)close(at);
	return r;
}

/* One of the directories that the kernel's own file systems go to: where the image has a link, or a
 * file, its upper gets a directory instead. */
static int kernel_dir(const struct child *c, const char *name)
{
	int fd = sys_openat2(c->root, name, O_PATH | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS);
	int r;

	if (fd == -ELOOP || fd == -ENOTDIR) {
		if (unlinkat(c->root, name, 0) < 0)
			return -errno;
		fd = -ENOENT;
	}
	if (fd != -ENOENT)
		return fd;
	r = sys_mkdirat(c->root, name, 0755);
	return r < 0 ? r : sys_openat2(c->root, name, O_PATH | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS);
}

static int attach_kernel(const struct child *c, int mnt, const char *name)
{
	AUTO_CLOSE int at = kernel_dir(c, name);

	return at < 0 ? at : sys_move_mount(mnt, at, "");
}

static int fs_mount(const char *type, const char *const options[][2], unsigned attrs)
{
	AUTO_CLOSE int fs = sys_fsopen(type);
	int r = fs < 0 ? fs : 0;

	for (; r >= 0 && options && (*options)[0]; options++)
		r = sys_fsconfig(fs, FSCONFIG_SET_STRING, (*options)[0], (*options)[1], 0);
	if (r >= 0)
		r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	return r < 0 ? r : sys_fsmount(fs, attrs | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
}

static int step_mounts_private(struct child *c)
{
	(void)c;
	return sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int step_root(struct child *c)
{
	c->root = c->plan->overlay;
	return sys_move_mount(c->root, AT_FDCWD, "/");
}

static int step_proc(struct child *c)
{
	c->proc = fs_mount("proc", NULL, MOUNT_ATTR_NODEV);
	return c->proc < 0 ? c->proc : attach_kernel(c, c->proc, "proc");
}

static int step_sys(struct child *c)
{
	AUTO_CLOSE int sys = fs_mount("sysfs", NULL, MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY);

	return sys < 0 ? sys : attach_kernel(c, sys, "sys");
}

static int step_dev(struct child *c)
{
	return attach_kernel(c, c->plan->dev, "dev");
}

static int step_pts(struct child *c)
{
	static const char *const options[][2] = { { "ptmxmode", "0666" },
						  { "mode", "0620" },
						  { 0 } };
	AUTO_CLOSE int pts = fs_mount("devpts", options, 0);
	AUTO_CLOSE int at = sys_openat2(c->plan->dev, "pts", O_PATH, 0, RESOLVE_NO_SYMLINKS);

	if (pts < 0)
		return pts;
	return at < 0 ? at : sys_move_mount(pts, at, "");
}

static int step_mounts(struct child *c)
{
	const struct child_plan *p = c->plan;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < p->n_mounts; i++)
		r = attach(c, p->mounts[i].fd, p->mounts[i].target, p->mounts[i].file);
	return r;
}

/* Hides a file or directory behind one that nobody can read. */
static int mask(const struct child *c, int target)
{
	struct stat st;
	int m, r;

	if (fstat(target, &st) < 0)
		return -errno;
	m = sys_open_tree(c->plan->dev, S_ISDIR(st.st_mode) ? ".masked/d" : ".masked/f",
			  OPEN_TREE_CLONE);
	if (m < 0)
		return m;
	r = sys_move_mount(m, target, "");
	(void)close(m);
	return r;
}

static int read_only(int dir, const char *name, int target)
{
	struct mount_attr a = { .attr_set = MOUNT_ATTR_RDONLY };
	AUTO_CLOSE int m = sys_open_tree(dir, name, OPEN_TREE_CLONE);
	int r = m < 0 ? m : sys_mount_setattr(m, 0, &a);

	return r < 0 ? r : sys_move_mount(m, target, "");
}

static const struct {
	const char *name;
	bool hide; /* else: read-only */
} proc_rules[] = {
	{ "kcore", true },	   { "keys", true },	   { "key-users", true },
	{ "kmsg", true },	   { "timer_list", true }, { "sched_debug", true },
	{ "latency_stats", true }, { "kallsyms", true },   { "modules", true },
	{ "sysrq-trigger", true }, { "acpi", true },	   { "scsi", true },
	{ "asound", true },	   { "sys", false },	   { "bus", false },
	{ "fs", false },	   { "irq", false },
};

static int step_proc_rules(struct child *c)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(proc_rules) / sizeof(proc_rules[0]); i++) {
		const int at =
			sys_openat2(c->proc, proc_rules[i].name, O_PATH, 0, RESOLVE_NO_SYMLINKS);

		if (at == -ENOENT)
			continue;
		if (at < 0)
			return at;
		r = proc_rules[i].hide ? mask(c, at) : read_only(c->proc, proc_rules[i].name, at);
		(void)close(at);
	}
	return r < 0 ? r : 0;
}

static int step_sys_rules(struct child *c)
{
	AUTO_CLOSE int at = sys_openat2(c->root, "sys/firmware", O_PATH, 0, RESOLVE_NO_SYMLINKS);

	if (at < 0)
		return at == -ENOENT ? 0 : at;
	return mask(c, at);
}

static int step_hidden(struct child *c)
{
	const char *const *h = c->plan->spec->hidden;

	for (; h && *h; h++) {
		AUTO_CLOSE int at = sys_openat2(c->root, *h, O_PATH, 0, RESOLVE_IN_ROOT);
		int r;

		if (at == -ENOENT || at == -ENOTDIR)
			continue;
		r = at < 0 ? at : mask(c, at);
		if (r < 0)
			return r;
	}
	return 0;
}

static int step_pivot(struct child *c)
{
	const int r = sys_fchdir(c->root);

	return r < 0 ? r : sys_pivot_root(".", ".");
}

static int step_old_root(struct child *c)
{
	int r = sys_umount2(".", MNT_DETACH);

	(void)c;
	if (r >= 0 && chdir("/") < 0)
		r = -errno;
	return r;
}

/* ---- identity, limits, descriptors ---- */

static int step_ids(struct child *c)
{
	(void)c;
	return sys_setids(0, 0);
}

static int step_die_with_host(struct child *c)
{
	(void)c;
	return sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0);
}

static int step_hostname(struct child *c)
{
	const char *h = c->plan->spec->hostname;

	return sys_sethostname(h, strlen(h));
}

static int step_cpus(struct child *c)
{
	return CPU_COUNT(&c->plan->cpus) ? sys_setaffinity(&c->plan->cpus, sizeof(cpu_set_t)) : 0;
}

static int step_files(struct child *c)
{
	const struct rlimit core = { 0, 0 };
	const int r = sys_setrlimit(RLIMIT_NOFILE, &c->plan->files);

	return r < 0 ? r : sys_setrlimit(RLIMIT_CORE, &core);
}

static int step_session(struct child *c)
{
	(void)c;
	return sys_setsid();
}

/* First above all targets, then into place: no source is overwritten before it was copied.  What is
 * between and above is closed. */
static int step_descriptors(struct child *c)
{
	const struct child_plan *p = c->plan;
	const int last = p->fds[p->n_fds - 1].to;
	int moved[2 * 64 + 8];
	int r = 0;

	for (size_t i = 0; i < p->n_fds; i++) {
		moved[i] = sys_dup_above(p->fds[i].from, last + 2);
		if (moved[i] < 0)
			return moved[i];
	}
	c->init = sys_dup_above(p->init, last + 2);
	if (c->init < 0)
		return c->init;
	for (int fd = 0; r >= 0 && fd <= last; fd++) {
		size_t i = 0;

		while (i < p->n_fds && p->fds[i].to != fd)
			i++;
		if (i < p->n_fds)
			r = sys_dup3(moved[i], fd, 0);
		else
			(void)close(fd);
	}
	if (r >= 0)
		r = sys_dup3(c->init, last + 1, O_CLOEXEC);
	c->init = last + 1;
	return r < 0 ? r : sys_close_range((unsigned)last + 2, ~0u);
}

static int step_caps(struct child *c)
{
	(void)c;
	return caps_drop();
}

static int step_no_new_privs(struct child *c)
{
	(void)c;
	return sys_no_new_privs();
}

static int step_landlock(struct child *c)
{
	return landlock_apply(c->plan->landlock);
}

static int step_exec(struct child *c)
{
	return sys_fexec(c->init, c->plan->argv, c->plan->envp);
}

struct step {
	const char *what;
	int (*run)(struct child *c);
};

static const struct step member_steps[] = {
	{ "become root of the replica", step_ids },
	{ "make mounts private", step_mounts_private },
	{ "attach the root", step_root },
	{ "mount /proc", step_proc },
	{ "mount /sys", step_sys },
	{ "attach /dev", step_dev },
	{ "mount /dev/pts", step_pts },
	{ "attach the mounts of the specification", step_mounts },
	{ "restrict /proc", step_proc_rules },
	{ "restrict /sys", step_sys_rules },
	{ "hide paths", step_hidden },
	{ "change the root", step_pivot },
	{ "leave the host's root", step_old_root },
	{ "set the host name", step_hostname },
	{ "set the cpus", step_cpus },
	{ "start a session", step_session },
	{ "arrange the descriptors", step_descriptors },
	{ "limit open files", step_files },
	{ "give up capabilities", step_caps },
	{ "set no_new_privs", step_no_new_privs },
	{ "die with the host", step_die_with_host },
	{ "apply Landlock", step_landlock },
	{ "execute pid 1", step_exec },
};

static void walk(struct child *c, const struct step *steps, size_t n)
{
	const struct child_plan *p = c->plan;

	for (size_t i = 0; i < n; i++) {
		const uint64_t before = clock_mono_ns();

		c->step = steps[i].what;
		c->code = steps[i].run(c);
		if (*p->n_timings < p->max_timings)
			p->timings[(*p->n_timings)++] =
				(struct sandbox_timing){ steps[i].what,
							 (clock_mono_ns() - before) / 1000 };
		if (c->code < 0)
			return;
	}
}

static void member_main(void *arg)
{
	struct child *c = arg;

	walk(c, member_steps, sizeof(member_steps) / sizeof(member_steps[0]));
	_exit(127);
}

/* ---- the door ---- */

static int step_cgroup(struct child *c)
{
	struct err e = ERR_INIT;

	return cgroup_attach(c->plan->cgroup, getpid(), cgroup_clone_fd(c->plan->cgroup) >= 0, &e);
}

static int step_userns(struct child *c)
{
	const int r = sys_setns(c->plan->userns, CLONE_NEWUSER);

	return r < 0 ? r : sys_setns(c->plan->netns, CLONE_NEWNET);
}

static int step_clone(struct child *c)
{
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_PARENT | CLONE_PIDFD | CLONE_CLEAR_SIGHAND |
			 CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP,
		.pidfd = (uintptr_t)&c->pidfd,
		.stack = (uintptr_t)stacks[1],
		.stack_size = STACK_SIZE,
	};

	c->pid = sys_clone3(&args, member_main, c);
	if (c->pid < 0)
		return c->pid;
	return c->code; /* the member has executed, or left its step and code */
}

static const struct step door_steps[] = {
	{ "join the control groups", step_cgroup },
	{ "enter the user and network namespaces", step_userns },
	{ "make the namespaces", step_clone },
};

static void door_main(void *arg)
{
	walk(arg, door_steps, sizeof(door_steps) / sizeof(door_steps[0]));
	_exit(0);
}

static int open_door(struct child *c, struct err *e)
{
	const int cg = cgroup_clone_fd(c->plan->cgroup);
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_CLEAR_SIGHAND |
			 (cg >= 0 ? CLONE_INTO_CGROUP : 0),
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)stacks[0],
		.stack_size = STACK_SIZE,
		.cgroup = cg >= 0 ? (uint64_t)cg : 0,
	};
	const int door = sys_clone3(&args, door_main, c);

	if (door < 0)
		return err_set(e, -door, "start the new process: %s", strerror(-door));
	while (waitpid(door, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}

int child_spawn(const struct child_plan *plan, pid_t *pid, int *pidfd, struct err *e)
{
	struct child c = { .plan = plan, .root = -1, .proc = -1, .pidfd = -1, .step = "start" };
	sigset_t all, before;
	int r;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	r = open_door(&c, e);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (r < 0)
		return r;
	if (c.code < 0 || c.pid <= 0) {
		if (c.pid > 0)
			while (waitpid(c.pid, NULL, __WALL) < 0 && errno == EINTR)
				;
		cleanup_close(&c.pidfd);
		return err_set(e, c.code < 0 ? -c.code : EPROTO, "%s: %s", c.step,
			       c.code < 0 ? strerror(-c.code) : "the new process died");
	}
	*pid = c.pid;
	*pidfd = c.pidfd;
	return 0;
}
