/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/sandbox/child.h"
#include "runtime/sandbox/sandbox_impl.h"
#include "runtime/sandbox/seccomp.h"

/* What a start needs only until the payload runs. */
#define START_MAX_MOUNTS 128
#define START_ARGV_MAX	 4096

struct start {
	struct sandbox_spec spec; /* with defaults */
	struct sandbox *s;
	struct seccomp_prog filter;
	struct landlock_plan landlock;
	int dev, init, inner;			     /* inner: pid 1's end of the socket */
	struct child_mount mounts[START_MAX_MOUNTS]; /* owned */
	size_t n_mounts;
	struct child_fd fds[SANDBOX_MAX_FDS * 2 + 4];
	size_t n_fds;
	int ends[4 + SANDBOX_MAX_FDS]; /* of pipes, to close here once the member has them */
	size_t n_ends;
};

/* -EINVAL naming the member of the spec that is out of range. */
int start_check(const struct sandbox_spec *spec, struct err *e);
/* Detached mounts of the spec: binds, tmpfs, the host's /usr. */
int start_mounts(struct start *st, struct err *e);
/* Pipes, standard input, inherited descriptors, the socket to pid 1. */
int start_fds(struct start *st, struct err *e);
void start_release(struct start *st);
