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
