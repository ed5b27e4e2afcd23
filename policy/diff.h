/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/err.h"

/*
 * Which lines of one text became which of another: Myers' algorithm with a
 * bound on its work.  Past the bound the middle that differs counts as
 * replaced whole: still a correct edit, only not the shortest one.
 */
struct line {
	const char *p;
	size_t n; /* with the newline, where there is one */
	unsigned hash;
};

struct diff {
	struct line *a, *b;
	size_t na, nb;
	bool *removed, *added; /* one flag a line of a, of b */
};

/* The texts must live as long as *out. */
int diff_lines(const char *a, size_t na, const char *b, size_t nb, struct diff *out, struct err *e);
void diff_release(struct diff *d);
