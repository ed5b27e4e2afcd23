/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/git.h"

/* Shared by the files that run git; see git.c for what such a process sees. */
#define GIT_ARGS_MAX 48

struct git_run {
	const char *args[GIT_ARGS_MAX];
	const void *in;
	size_t in_len, max;
	bool private_index;
	const char *cwd;
	const char *const *env; /* extra, NULL-terminated */
};

/* Runs git and returns its exit status, or -errno. */
int git_status(struct git *g, const struct git_run *with, struct buf *out, struct err *e);
