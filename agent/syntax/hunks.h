/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "runtime/base/err.h"

/*
 * Where two texts differ, by lines.  Exact (longest common subsequence) for
 * differences of moderate size; one hunk over all of it beyond that.
 */
#define HUNKS_MAX 64

struct hunk {
	size_t a, a_end; /* bytes in the first text */
	size_t b, b_end; /* bytes in the second */
};

struct hunks {
	struct hunk v[HUNKS_MAX];
	size_t n;
};

int hunks_between(const char *a, size_t na, const char *b, size_t nb, struct hunks *out,
		  struct err *e);
