/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/rank.h"

#include <stdlib.h>
#include <string.h>

#define PER_FRAME   12 /* one frame further out weighs as much as this many steps of prior */
#define PER_ORDER   3
#define GENERALITY  6
#define IF_DELETING 1000

unsigned rank_score(const struct candidate *c)
{
	return GENERALITY + c->op->prior + PER_FRAME * c->distance + PER_ORDER * c->order +
	       (c->deletes ? IF_DELETING : 0) - (c->general ? GENERALITY : 0);
}

static int by_score(const void *pa, const void *pb)
{
	const struct candidate *a = pa, *b = pb;
	const unsigned sa = rank_score(a), sb = rank_score(b);
	const size_t na = splice_size(&a->splice), nb = splice_size(&b->splice);

	if (sa != sb)
		return sa < sb ? -1 : 1;
	if (na != nb)
		return na < nb ? -1 : 1;

	const int path = strcmp(a->src->path, b->src->path);

	return path ? path : strcmp(a->after, b->after);
}

void rank_sort(struct candidates *c)
{
	if (c->n > 1)
		qsort(c->v, c->n, sizeof(c->v[0]), by_score);
}
