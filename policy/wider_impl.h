/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/source.h"
#include "policy/wider.h"

/* Inside wider*.c: one comparison, and the rows that it found. */
struct comparison {
	const struct policy *a, *b;
	json_t *rows;
};

int wider_row(const struct comparison *c, struct err *e, const char *what, const char *witness,
	      const char *in_a, const char *in_b);
/* The same, with the rules that decide. */
int wider_verdicts(const struct comparison *c, struct err *e, const char *what, const char *witness,
		   const struct policy_verdict *in_a, const struct policy_verdict *in_b);
/* How far an answer goes: refused 0, recorded 1, silent 2. */
int wider_rank(const struct policy_verdict *v);

/* wider_paths.c: files of the replica, changes of the code by path, masks. */
int wider_paths(const struct comparison *c, struct err *e);
/* wider_commands.c */
int wider_commands(const struct comparison *c, struct err *e);
/* wider_values.c: names and numbers. */
int wider_values(const struct comparison *c, struct err *e);
