/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "runtime/base/err.h"
#include "runtime/sandbox/cgroup.h"
#include "runtime/sandbox/landlock.h"
#include "runtime/sandbox/sandbox.h"

/*
 * Everything between clone() and the execution of pid 1.  The host builds the
 * plan; the new process walks it with system calls only and reports the step
 * that failed as a number.  Costs the same whatever the size of the caller.
 */
struct child_mount { /* a detached mount and where it goes */
	int fd;
	const char *target;
	bool file;
};

struct child_fd {
	int from, to;
};

struct child_plan {
	const struct sandbox_spec *spec;
	struct cgroup *cgroup;
	int userns, netns;
	int overlay, dev; /* detached; the /dev of devfs_make() */
	const struct child_mount *mounts;
	size_t n_mounts;
	const struct landlock_plan *landlock;
	cpu_set_t cpus;
	struct rlimit files;
	const struct child_fd *fds; /* final descriptors; the last is the host's socket */
	size_t n_fds;
	int init; /* the program of pid 1 */
	char *const *argv, *const *envp;
	struct sandbox_timing *timings; /* a row for each step is added */
	size_t *n_timings, max_timings;
};

/* Returns once pid 1 executes; *pidfd is the caller's. */
int child_spawn(const struct child_plan *plan, pid_t *pid, int *pidfd, struct err *e);
