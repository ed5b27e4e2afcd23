/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/child.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/sys.h"
#include "runtime/sandbox/caps.h"
#include "runtime/sandbox/child_impl.h"

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
 * The steps allocate nothing and take no lock.
 */
#define STACK_SIZE 65536

static char stacks[2][STACK_SIZE] __attribute__((aligned(16)));

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
	/* no file can be so small, and by 1 (not by 0) the kernel hands no core to a program either
	 */
	const struct rlimit core = { 1, 1 };
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
	sys_exit(127);
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
	sys_exit(0);
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
