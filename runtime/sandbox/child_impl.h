/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/sandbox/child.h"

/* What the steps between clone and exec share; only the files of the new process include it. */
struct child {
	const struct child_plan *plan;
	int root; /* the overlay, attached */
	int proc;
	int init; /* its program, where step_descriptors put it */
	int pidfd, pid;
	const char *step;
	int code;
};

/* Steps that build the file system, in the order in which they are taken. */
int step_mounts_private(struct child *c);
int step_root(struct child *c);
int step_proc(struct child *c);
int step_sys(struct child *c);
int step_dev(struct child *c);
int step_pts(struct child *c);
int step_mounts(struct child *c);
int step_proc_rules(struct child *c);
int step_sys_rules(struct child *c);
int step_hidden(struct child *c);
int step_pivot(struct child *c);
int step_old_root(struct child *c);
