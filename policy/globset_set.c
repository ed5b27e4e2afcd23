/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/globset_impl.h"

/*
 * The states that one set can be in.  Those that add nothing are dropped, or
 * the points of a search would multiply: all of them once a set matches
 * whatever comes (GS_ALL), and those that end within this component once it
 * matches the rest of the component anyway (GS_REST).
 */

void set_enter(struct set_state *t, uint32_t stamp, uint32_t q)
{
	const struct gs_node *const node = &t->s->node[q];
	bool letters = false;

	if (t->stamp[q] == stamp)
		return;
	t->stamp[q] = stamp;
	for (uint32_t k = node->first; k != GS_NONE; k = t->s->edge[k].next) {
		if (t->s->edge[k].kind == EDGE_EMPTY)
			set_enter(t, stamp, t->s->edge[k].to);
		else
			letters = true;
	}
	t->all = t->all || (node->loop == LOOP_ANY && node->accept);
	t->rest = t->rest || (node->loop == LOOP_COMPONENT && node->accept);
	if (letters || node->accept || node->loop != LOOP_NONE)
		t->v[t->n++] = (uint16_t)q;
}

void set_step(struct set_state *t, uint32_t stamp, uint32_t q, char c)
{
	const struct gs_node *const node = &t->s->node[q];

	for (uint32_t k = node->first; k != GS_NONE; k = t->s->edge[k].next) {
		const struct gs_edge *const edge = &t->s->edge[k];

		if ((edge->kind == EDGE_CHAR && edge->c == c) ||
		    (edge->kind == EDGE_ONE && c != '/'))
			set_enter(t, stamp, edge->to);
	}
	if (node->loop == LOOP_ANY || (node->loop == LOOP_COMPONENT && c != '/'))
		set_enter(t, stamp, q);
}

static int by_number(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* The shortest list of states with the same futures. */
void set_normalise(struct set_state *t)
{
	size_t n = 0;

	if (t->all) {
		t->v[0] = GS_ALL;
		t->n = 1;
		return;
	}
	for (size_t i = 0; i < t->n; i++)
		if (!t->rest || !t->inner[t->v[i]])
			t->v[n++] = t->v[i];
	if (t->rest)
		t->v[n++] = GS_REST;
	t->n = n;
	qsort(t->v, t->n, sizeof(*t->v), by_number);
}

bool set_matches(const struct set_state *t)
{
	if (t->all || t->rest)
		return true;
	for (size_t i = 0; i < t->n; i++)
		if (t->s->node[t->v[i]].accept)
			return true;
	return false;
}

/* No slash can be read from here: assumed, until an edge says otherwise. */
static bool is_inner(const struct set_state *t, size_t q)
{
	for (uint32_t k = t->s->node[q].first; k != GS_NONE; k = t->s->edge[k].next) {
		const struct gs_edge *const edge = &t->s->edge[k];

		if ((edge->kind == EDGE_CHAR && edge->c == '/') || !t->inner[edge->to])
			return false;
	}
	return true;
}

int set_open(struct set_state *t, const struct globset *s)
{
	bool changed = true;

	t->s = s;
	t->inner = malloc(s->n);
	t->stamp = calloc(s->n, sizeof(*t->stamp));
	t->v = calloc(s->n + 2, sizeof(*t->v));
	if (!t->inner || !t->stamp || !t->v)
		return -ENOMEM;
	for (size_t q = 0; q < s->n; q++)
		t->inner[q] = s->node[q].loop != LOOP_ANY;
	while (changed) {
		changed = false;
		for (size_t q = 0; q < s->n; q++) {
			if (!t->inner[q] || is_inner(t, q))
				continue;
			t->inner[q] = false;
			changed = true;
		}
	}
	return 0;
}

void set_close(struct set_state *t)
{
	free(t->inner);
	free(t->stamp);
	free(t->v);
}
