/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/globset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/globset_impl.h"

/*
 * One automaton a set: a tree of tokens, so that patterns that begin alike
 * share their states.  A state stays while its loop lets it, is left by its
 * edges, and an edge without a letter is followed at once.
 */

static int new_node(struct globset *s, int loop)
{
	if (s->n == GS_MAX)
		return -E2BIG;
	if (s->n == s->cap) {
		const size_t cap = s->cap ? 2 * s->cap : 64;
		struct gs_node *const v = reallocarray(s->node, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		s->node = v;
		s->cap = cap;
	}
	s->node[s->n] = (struct gs_node){ .loop = (uint8_t)loop, .first = GS_NONE };
	return (int)s->n++;
}

static int new_edge(struct globset *s, int from, int kind, char c, int to)
{
	if (s->n_edges == s->edge_cap) {
		const size_t cap = s->edge_cap ? 2 * s->edge_cap : 64;
		struct gs_edge *const v = reallocarray(s->edge, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		s->edge = v;
		s->edge_cap = cap;
	}
	s->edge[s->n_edges] = (struct gs_edge){
		.kind = (uint8_t)kind, .c = c, .to = (uint32_t)to, .next = s->node[from].first
	};
	s->node[from].first = (uint32_t)s->n_edges++;
	return to;
}

struct globset *globset_new(void)
{
	struct globset *s = calloc(1, sizeof(*s));

	if (s && new_node(s, LOOP_NONE) < 0) {
		globset_free(s);
		return NULL;
	}
	return s;
}

void globset_free(struct globset *s)
{
	if (!s)
		return;
	free(s->node);
	free(s->edge);
	free(s);
}

static int find(const struct globset *s, int from, int kind, char c, int loop)
{
	for (uint32_t k = s->node[from].first; k != GS_NONE; k = s->edge[k].next)
		if (s->edge[k].kind == kind && s->edge[k].c == c &&
		    s->node[s->edge[k].to].loop == loop)
			return (int)s->edge[k].to;
	return -1;
}

/* The state behind an edge of this kind; made where it is not there yet. */
static int follow(struct globset *s, int from, int kind, char c, int loop)
{
	int to = find(s, from, kind, c, loop);

	if (to >= 0)
		return to;
	to = new_node(s, loop);
	return to < 0 ? to : new_edge(s, from, kind, c, to);
}

/* "**" and its slash: no directory, or whatever ends in a slash; both lead to the same rest. */
static int add_dirs(struct globset *s, int at)
{
	int rest = find(s, at, EDGE_EMPTY, '/', LOOP_NONE), inside;

	if (rest >= 0)
		return rest;
	rest = follow(s, at, EDGE_EMPTY, '/', LOOP_NONE);
	inside = rest < 0 ? rest : new_node(s, LOOP_ANY);
	if (inside >= 0)
		inside = new_edge(s, at, EDGE_EMPTY, '*', inside);
	if (inside >= 0)
		inside = new_edge(s, inside, EDGE_CHAR, '/', rest);
	return inside < 0 ? inside : rest;
}

/* A final slash and "**": the end here, or a slash and anything. */
static int add_tree(struct globset *s, int at)
{
	const int below = follow(s, at, EDGE_CHAR, '/', LOOP_ANY);

	if (below < 0)
		return below;
	s->node[at].accept = true;
	s->node[below].accept = true;
	return 0;
}

static int add_token(struct globset *s, int at, const char *p, bool at_component, size_t *used)
{
	*used = 1;
	if (at_component && strncmp(p, "**/", 3) == 0) {
		*used = 3;
		return add_dirs(s, at);
	}
	if (strncmp(p, "**", 2) == 0) {
		*used = strspn(p, "*");
		return follow(s, at, EDGE_EMPTY, 'a', LOOP_ANY);
	}
	if (*p == '*')
		return follow(s, at, EDGE_EMPTY, 'c', LOOP_COMPONENT);
	return follow(s, at, *p == '?' ? EDGE_ONE : EDGE_CHAR, *p, LOOP_NONE);
}

int globset_add(struct globset *s, const char *pattern)
{
	const char *p = pattern;
	int at = 0;

	while (*p) {
		size_t used;

		if (strcmp(p, "/**") == 0)
			return add_tree(s, at);
		at = add_token(s, at, p, p == pattern || p[-1] == '/', &used);
		if (at < 0)
			return at;
		p += used;
	}
	s->node[at].accept = true;
	return 0;
}
