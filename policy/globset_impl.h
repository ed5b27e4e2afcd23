/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "policy/globset.h"

/* Inside globset*.c: the automaton of a set of patterns, as a tree of tokens. */
enum { LOOP_NONE, LOOP_COMPONENT, LOOP_ANY }; /* while which bytes come a state stays */
enum { EDGE_CHAR, EDGE_ONE, EDGE_EMPTY };     /* ONE: any byte but a slash */
#define GS_NONE UINT32_MAX
#define GS_MAX	60000 /* states of one set */

struct gs_node {
	uint8_t loop;
	bool accept;
	uint32_t first; /* edge, or GS_NONE */
};

struct gs_edge {
	uint8_t kind;
	char c;
	uint32_t to, next;
};

struct globset {
	struct gs_node *node; /* [0] is where it starts */
	struct gs_edge *edge;
	size_t n, cap, n_edges, edge_cap;
};

/* ---- globset_set.c: which states a set can be in, while a point of a search is made ---- */
#define GS_ALL	0xffff /* it matches whatever comes */
#define GS_REST 0xfffe /* it matches the rest of this component */

struct set_state { /* states of one set while a point is made */
	const struct globset *s;
	bool *inner;	 /* ends within this component */
	uint32_t *stamp; /* when a state was last added */
	uint16_t *v;
	size_t n;
	bool all, rest;
};

int set_open(struct set_state *t, const struct globset *s); /* 0 or -ENOMEM; close it */
void set_close(struct set_state *t);
/* Adds a state and what follows it without a byte; the stamp is new for each point. */
void set_enter(struct set_state *t, uint32_t stamp, uint32_t q);
/* Adds what a state leads to by one byte. */
void set_step(struct set_state *t, uint32_t stamp, uint32_t q, char c);
/* The shortest list of states with the same futures. */
void set_normalise(struct set_state *t);
bool set_matches(const struct set_state *t);
