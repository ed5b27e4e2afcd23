/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/err.h"

/*
 * Sets of path patterns as one automaton each, and an exact search over
 * several of them: is there a path that satisfies all of these clauses?  The
 * product of the automata is walked breadth first, so the path that is found
 * is a shortest one, and when none is found there is none.
 */
struct globset;

/* Owns nothing of the patterns, which passed glob_check(). NULL when out of memory. */
struct globset *globset_new(void);
int globset_add(struct globset *s, const char *pattern); /* 0, -ENOMEM or -E2BIG */
void globset_free(struct globset *s);

/* Holds where `no` does not match or `yes` does; NULL: that half is not there. */
struct globset_clause {
	const struct globset *no, *yes;
};

enum globset_domain {
	GLOBSET_CODE,	 /* a path of the repository, path_is_clean() */
	GLOBSET_REPLICA, /* an absolute path, or one that begins with @repo, @build or @tmp */
};

#define GLOBSET_PATH_MAX 2048

/* 1: *path is one; 0: there is none; -E2BIG when the patterns are too many to tell. */
int globset_search(const struct globset_clause *clauses, size_t n, int domain,
		   char path[GLOBSET_PATH_MAX], struct err *e);
