/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/syntax/lang.h"
#include "runtime/base/buf.h"
#include "runtime/base/err.h"

/*
 * One parsed source file and the questions that operators ask about it.  Owns
 * its text and tree; nodes are values that live as long as it does.  A text
 * with syntax errors is still a tree: where a macro confuses the grammar, the
 * nodes around it stay usable.
 */
#define SOURCE_MAX (4u << 20) /* bytes of one file */

struct source {
	const struct lang *lang;
	char *path, *text;
	size_t n;
	TSTree *tree;
	TSNode root;
};

int source_open(const char *path, const struct lang *lang, const char *text, size_t n,
		struct source **out, struct err *e);
void source_close(struct source *s); /* NULL is fine */

/* The text of a node: a copy to free, or compared in place. */
char *node_text(const struct source *s, TSNode node);
bool node_is(const struct source *s, TSNode node, unsigned classes);
bool node_is_type(TSNode node, const char *type); /* as the grammar calls it */
bool node_eq(const struct source *s, TSNode node, const char *text);
bool node_same(const struct source *s, TSNode a, TSNode b); /* the same text */
/* These take a null node as well, and give one where there is nothing. */
TSNode node_field(TSNode node, const char *name);
TSNode node_parent(TSNode node);
#define NODE_NONE ((TSNode){ 0 })
uint32_t node_line(TSNode node); /* 1-based */
uint32_t node_line_end(TSNode node);

/* Where a line (1-based) starts; n when there is no such line. */
size_t line_start(const struct source *s, uint32_t line);
/* The white space that begins the line of a byte. */
size_t line_indent(const struct source *s, size_t byte, char *out, size_t cap);

/* Nearest enclosing node (itself included) of one of the classes; null node when none. */
TSNode node_enclosing(const struct source *s, TSNode node, unsigned classes);
bool node_within(TSNode inner, TSNode outer);

/* Calls fn for each named node below root in document order; fn returns one of these. */
enum walk { WALK_ON, WALK_SKIP, WALK_STOP };
typedef enum walk (*walk_fn)(const struct source *s, TSNode node, void *ctx);
void source_walk(const struct source *s, TSNode root, walk_fn fn, void *ctx);

/* The smallest statement that covers the first code of a line; null node when the line has none. */
TSNode statement_at_line(const struct source *s, uint32_t line);
/* Innermost function around a line; null node outside of all. */
TSNode function_at_line(const struct source *s, uint32_t line);
/* The name a function is known by ("" for one without): own name, variable, property or method. */
char *function_name(const struct source *s, TSNode function);
/* Its parameter list and its i-th parameter's name; false past the last. */
bool function_param(const struct source *s, TSNode function, unsigned i, TSNode *param,
		    TSNode *name);
/* The i-th argument of a call; null node past the last. */
TSNode call_argument(const struct source *s, TSNode call, unsigned i);

static inline void cleanup_source(struct source **s)
{
	source_close(*s);
	*s = NULL;
}
#define AUTO_SOURCE CLEANUP(cleanup_source)
