/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "runtime/base/err.h"

/*
 * One run of the distribution's own npm, apt-get or tar: as a user of its own,
 * without the operator's environment, keys or home, in a mount namespace where
 * /tmp holds /tmp/work (and /tmp/cache) and nothing else of the store can be
 * reached.  What it leaves in /tmp/work is untrusted and read as such.
 */
#define FETCH_UID \
	2147352578u /* and group; beside the decoder's, far above every range that people get */

struct fetch {
	const char *work, *cache; /* directories of the store; cache may be NULL */
	char *const *argv;
	int out; /* its standard output; -1: none */
};

struct fetch_run {
	pid_t pid;
	int words; /* what it said on standard error */
};

int fetch_start(const struct fetch *f, struct fetch_run *out, struct err *e);
/* Fails with what it said when its exit status is not 0. */
int fetch_wait(struct fetch_run *r, const char *what, struct err *e);
/* Makes a directory beneath `dir` that the fetcher may write to. */
int fetch_own(int dir, const char *path, struct err *e);
