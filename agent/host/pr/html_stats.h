/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/pr/html.h"

/* Parts of the page of figures, one file each, and what they share. */
#define STATS_WIDTH 900.0

void html_drift(const struct html_stats *in, struct buf *b);
void html_exposure(const struct html_stats *in, struct buf *b);

/* Members of an object, those with the largest figure first, by name where they have the same. */
struct ranked {
	const char *name;
	const json_t *v;
	double by;
};
/* free() it; NULL: out of memory. */
struct ranked *rank_members(const json_t *object, double (*figure)(const json_t *v), size_t *n);
