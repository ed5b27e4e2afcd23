/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"

/* One round of one row, in nanoseconds; start 0: not told apart. */
struct sample {
	uint64_t start, total;
};

struct world; /* what the rows share */

struct row {
	const char *name;
	int (*run)(struct world *w, struct sample *out, struct err *e);
	bool shares_unit; /* compared with the floor and with bubblewrap */
};

extern const struct row bench_rows[];
extern const unsigned bench_n_rows;
/* Rows that the others are compared with. */
#define ROW_FLOOR 0
#define ROW_BWRAP 1

int world_open(const char *dir, const char *programs, struct world **out, struct err *e);
void world_close(struct world *w);
