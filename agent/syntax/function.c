/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/syntax/source.h"

/* Functions, parameters, statements: where in a file a line is. */

struct at_line {
	uint32_t line;
	unsigned classes;
	TSNode best;
	bool found;
};

static enum walk narrow(const struct source *s, TSNode node, void *ctx)
{
	struct at_line *a = ctx;

	if (node_line_end(node) < a->line || node_line(node) > a->line)
		return WALK_SKIP;
	if (node_is(s, node, a->classes)) {
		a->best = node;
		a->found = true;
	}
	return WALK_ON;
}

TSNode function_at_line(const struct source *s, uint32_t line)
{
	struct at_line a = { .line = line, .classes = C_FUNCTION };

	source_walk(s, s->root, narrow, &a);
	return a.found ? a.best : NODE_NONE;
}

TSNode statement_at_line(const struct source *s, uint32_t line)
{
	size_t at = line_start(s, line);

	while (at < s->n && (s->text[at] == ' ' || s->text[at] == '\t'))
		at++;
	if (at >= s->n || s->text[at] == '\n')
		return NODE_NONE;

	const uint32_t byte = (uint32_t)at;

	return node_enclosing(s, ts_node_named_descendant_for_byte_range(s->root, byte, byte + 1),
			      C_STATEMENT);
}

/* C hides the name below pointer and function declarators. */
static TSNode declared_name(const struct source *s, TSNode node)
{
	for (int depth = 0; depth < 16 && !ts_node_is_null(node); depth++) {
		TSNode next = node_field(node, "declarator");

		if (ts_node_is_null(next) && node_is_type(node, "parenthesized_declarator"))
			next = ts_node_named_child(node, 0);
		if (ts_node_is_null(next))
			return node_is(s, node, C_NAME) ? node : NODE_NONE;
		node = next;
	}
	return node;
}

/* The node in `function_definition` that holds the parameters. */
static TSNode parameters_of(const struct source *s, TSNode function)
{
	TSNode p = node_field(function, "parameters");
	TSNode d = node_field(function, "declarator");

	if (ts_node_is_null(p))
		p = node_field(function, "parameter");
	for (int depth = 0; ts_node_is_null(p) && depth < 16 && !ts_node_is_null(d); depth++) {
		p = node_field(d, "parameters");
		d = node_field(d, "declarator");
	}
	(void)s;
	return p;
}

/*
 * MACRO(type) name(args) { ... }: the grammar reads the macro call as a type
 * or as the declarator and leaves the rest as an error.  The name is the last
 * identifier before the parameter list.
 */
static char *name_before_parameters(const struct source *s, TSNode function)
{
	const TSNode body = node_field(function, "body");
	size_t at = ts_node_is_null(body) ? 0 : ts_node_start_byte(body);
	const size_t first = ts_node_start_byte(function);
	int depth = 0;

	while (at > first) {
		const char c = s->text[--at];

		depth += c == ')';
		depth -= c == '(';
		if (c == '(' && depth == 0)
			break;
	}
	while (at > first && (s->text[at - 1] == ' ' || s->text[at - 1] == '\n'))
		at--;

	size_t from = at;

	while (from > first &&
	       (s->text[from - 1] == '_' ||
		(s->text[from - 1] >= '0' && s->text[from - 1] <= '9') ||
		((s->text[from - 1] | 32) >= 'a' && (s->text[from - 1] | 32) <= 'z')))
		from--;
	return strndup(s->text + from, at - from);
}

char *function_name(const struct source *s, TSNode function)
{
	TSNode name = node_field(function, "name");

	if (ts_node_is_null(name) && !ts_node_is_null(node_field(function, "declarator"))) {
		char *last = name_before_parameters(s, function);

		if (last && *last)
			return last;
		free(last);
		name = declared_name(s, node_field(function, "declarator"));
	}
	if (!ts_node_is_null(name))
		return node_text(s, name);

	const TSNode parent = node_parent(function);

	if (ts_node_is_null(parent))
		return strdup("");
	name = node_field(parent, "name");
	if (ts_node_is_null(name))
		name = node_field(parent, "key");
	if (ts_node_is_null(name))
		name = node_field(parent, "left");
	if (node_is(s, name, C_MEMBER))
		name = node_field(name, s->lang->member_name);
	return node_text(s, name);
}

static bool param_name(const struct source *s, TSNode param, TSNode *name)
{
	const char *const fields[] = { "name", "left", "declarator" };

	*name = param;
	for (size_t i = 0; i < 3 && !node_is(s, *name, C_NAME); i++) {
		const TSNode inner = node_field(param, fields[i]);

		if (!ts_node_is_null(inner))
			*name = declared_name(s, inner);
	}
	if (!node_is(s, *name, C_NAME) && ts_node_named_child_count(param) > 0 &&
	    node_is_type(param, "typed_parameter"))
		*name = ts_node_named_child(param, 0);
	return node_is(s, *name, C_NAME);
}

bool function_param(const struct source *s, TSNode function, unsigned i, TSNode *param,
		    TSNode *name)
{
	const TSNode list = parameters_of(s, function);
	unsigned seen = 0;

	if (ts_node_is_null(list))
		return false;
	if (node_is(s, list, C_NAME)) { /* x => ... */
		*param = *name = list;
		return i == 0;
	}
	for (uint32_t k = 0; k < ts_node_named_child_count(list); k++) {
		const TSNode child = ts_node_named_child(list, k);

		if (node_is(s, child, C_COMMENT) || seen++ < i)
			continue;
		*param = child;
		if (!param_name(s, child, name))
			*name = child;
		return true;
	}
	return false;
}

TSNode call_argument(const struct source *s, TSNode call, unsigned i)
{
	const TSNode args = node_field(call, "arguments");
	unsigned seen = 0;

	for (uint32_t k = 0; !ts_node_is_null(args) && k < ts_node_named_child_count(args); k++) {
		const TSNode child = ts_node_named_child(args, k);

		if (!node_is(s, child, C_COMMENT) && seen++ == i)
			return child;
	}
	return NODE_NONE;
}
