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
/* The same, and any status but 0 is a failure. */
int git_must(struct git *g, const struct git_run *with, struct buf *out, struct err *e);
/* Of a command that prints one object id. */
int git_print_oid(struct git *g, const struct git_run *with, char oid[65], struct err *e);
/* One process at a time writes to a repository of ours; end hands r on. */
int git_writing_begin(struct git *g, struct err *e);
int git_writing_end(struct git *g, int r);
/* The index of runs with private_index. */
void git_index_drop(struct git *g);
