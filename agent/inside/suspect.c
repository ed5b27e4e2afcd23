/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/suspect.h"

#include <stdlib.h>
#include <string.h>

#include "agent/syntax/op.h"

struct search {
	const struct fault *fault;
	uint32_t line, column;
	bool library_on_top;
	struct suspects *out;
};

static void consider(const struct source *s, struct search *q, TSNode node, int weight)
{
	struct suspects *o = q->out;
	size_t at;

	if (ts_node_is_null(node) || node_is(s, node, C_LITERAL | C_FUNCTION | C_STRING))
		return;

	AUTO_FREE char *text = node_text(s, node);

	for (size_t i = 0; i < o->n; i++)
		if (node_same(s, o->v[i], node))
			return;
	if (!text || strcmp(text, "this") == 0 || strcmp(text, "self") == 0)
		return;
	if (parameter_index(s, node_enclosing(s, node, C_FUNCTION), text) >= 0)
		weight += 10;
	if (expression_pure(s, node))
		weight += 5;
	for (at = o->n; at > 0 && o->weight[at - 1] < weight; at--)
		;
	if (at == SUSPECTS_MAX)
		return;
	if (o->n < SUSPECTS_MAX)
		o->n++;
	for (size_t i = o->n - 1; i > at; i--) {
		o->v[i] = o->v[i - 1];
		o->weight[i] = o->weight[i - 1];
	}
	o->v[at] = node;
	o->weight[at] = weight;
}

/* x in x.y, x[y], *x: when the message names y, only that y. */
static void consider_access(const struct source *s, struct search *q, TSNode node)
{
	const struct lang *l = s->lang;
	TSNode object = node_field(node, l->member_object), key = node_field(node, l->member_name);
	int weight = 20;

	if (ts_node_is_null(key)) {
		object = node_field(node, l->index_object);
		key = node_field(node, l->index_key);
	}
	if (node_eq(s, node_field(node, "operator"), "&") ||
	    node_eq(s, node_field(node, "operator"), "."))
		return;
	if (ts_node_is_null(object))
		object = node_field(node, "argument");
	if (q->fault->member[0] && node_is(s, node, C_MEMBER) && !node_eq(s, key, q->fault->member))
		return;
	if (!ts_node_is_null(key) && node_line(key) != q->line)
		return;
	if (q->column && !ts_node_is_null(key) && ts_node_start_point(key).column + 1 == q->column)
		weight += 100;
	consider(s, q, object, weight);
}

static enum walk each_node(const struct source *s, TSNode node, void *ctx)
{
	struct search *q = ctx;
	TSNode arg;

	if (node_line_end(node) < q->line || node_line(node) > q->line)
		return WALK_SKIP;
	if (node_is(s, node, C_MEMBER | C_INDEX | C_DEREF))
		consider_access(s, q, node);
	if (q->fault->subject[0] && node_eq(s, node, q->fault->subject))
		consider(s, q, node, 200);
	if (node_line(node) != q->line || q->fault->member[0])
		return WALK_ON;
	if (node_is(s, node, C_CALL))
		for (unsigned i = 0; !ts_node_is_null(arg = call_argument(s, node, i)); i++)
			consider(s, q, arg, q->library_on_top ? 30 : 0);
	if (node_is(s, node, C_LOOP))
		consider(s, q, node_field(node, "right"), 15);
	return WALK_ON;
}

void suspects_at(const struct source *s, const struct fault *fault, uint32_t line, uint32_t column,
		 bool library_on_top, struct suspects *out)
{
	struct search q = { .fault = fault,
			    .line = line,
			    .column = column,
			    .library_on_top = library_on_top,
			    .out = out };

	*out = (struct suspects){ 0 };
	if (fault->classes & (FAULT_NULL | FAULT_TYPE))
		source_walk(s, s->root, each_node, &q);
}

struct call_search {
	uint32_t line;
	const char *callee;
	struct call_found *out;
	bool found;
};

static enum walk each_call(const struct source *s, TSNode node, void *ctx)
{
	struct call_search *c = ctx;

	if (node_line_end(node) < c->line || node_line(node) > c->line)
		return WALK_SKIP;
	if (!node_is(s, node, C_CALL))
		return WALK_ON;

	TSNode callee = node_field(node, "function");
	const TSNode function = node_enclosing(s, node, C_FUNCTION);
	AUTO_FREE char *name = node_text(s, callee);

	if (ts_node_is_null(callee))
		callee = node_field(node, "constructor");
	if (node_is(s, callee, C_MEMBER))
		callee = node_field(callee, s->lang->member_name);
	if (c->callee && node_eq(s, callee, c->callee)) {
		*c->out = (struct call_found){ .call = node };
		c->found = true;
		return WALK_STOP;
	}
	if (!c->found && name && !ts_node_is_null(function) &&
	    parameter_index(s, function, name) >= 0) {
		*c->out = (struct call_found){ .call = node, .through_parameter = true };
		c->found = true;
	}
	return WALK_ON;
}

bool call_at(const struct source *s, uint32_t line, const char *callee, struct call_found *out)
{
	struct call_search c = { .line = line, .callee = callee, .out = out };

	source_walk(s, s->root, each_call, &c);
	return c.found;
}
