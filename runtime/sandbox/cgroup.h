/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"
#include "runtime/sandbox/spec.h"

/*
 * One control group for one member of a replica, whatever the host offers: the
 * unified hierarchy, the legacy ones, or both; the caller need not know which.
 * Owns the directories it made (beneath one parent "sickbay") and nothing
 * else; closing kills what is left inside and removes them.  Not thread-safe.
 */
enum cgroup_mode {
	CGROUP_AUTO,
	CGROUP_V2,     /* limits, kill and freeze by cgroup2 */
	CGROUP_HYBRID, /* limits by the legacy hierarchies, kill and freeze by cgroup2 */
	CGROUP_V1,     /* legacy only: freezer and signals */
};

struct cgroup;

struct cgroup_stats {
	uint64_t cpu_us, peak_memory; /* bytes; 0 where the kernel does not say */
	uint32_t oom_kills, pids_refused;
};

const char *cgroup_mode_name(int mode);
/* What this host offers, looked up once; -ENOTSUP with the reason where memory or pids cannot be
 * limited. */
int cgroup_detect(int *mode, struct err *e);
/* For tests: use this mode from now on (CGROUP_AUTO: look again); one that the host lacks fails at
 * create. */
void cgroup_force(int mode);

/* `name`: name_is_safe(); a random suffix is added.  Reads memory, swap, pids, cpu_milli of lim (0
 * cpu_milli: no limit). */
int cgroup_create(const char *name, const struct sandbox_limits *lim, struct cgroup **out,
		  struct err *e);
/* Directory fd for CLONE_INTO_CGROUP, owned by cg; -1 on a legacy-only host. */
int cgroup_clone_fd(const struct cgroup *cg);
/*
 * Puts a process (not its children) where CLONE_INTO_CGROUP could not: call it for the blocked
 * child before that forks or execs, or in it (far cheaper; it must have one thread). `cloned_into`:
 * it was started with cgroup_clone_fd().
 * pid may be the caller itself when it has one thread: cheaper by far on a legacy hierarchy.
 */
int cgroup_attach(struct cgroup *cg, pid_t pid, bool cloned_into, struct err *e);
/* Thaws, kills every process, returns once no live one is left (zombies of the caller may remain).
 */
int cgroup_kill(struct cgroup *cg, struct err *e);
/* Returns once the state is reached. */
int cgroup_freeze(struct cgroup *cg, bool frozen, struct err *e);
/* 1 when a live process is inside, 0 when none is. */
int cgroup_populated(struct cgroup *cg, struct err *e);
int cgroup_stats(struct cgroup *cg, struct cgroup_stats *out, struct err *e);
void cgroup_close(struct cgroup *cg); /* NULL is fine; keeps errno */

/* 1 when the process runs in a replica, 0 when not; -ENOENT: there is no such process. */
int cgroup_holds(uint64_t pid, struct err *e);
/* Removes groups whose owner is gone (their lock is free), killing what is inside.  The number
 * removed or -errno. */
int cgroup_sweep(struct err *e);
