/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/syntax/export.h"

#include <stdlib.h>
#include <string.h>

/* ---- under which name ---- */

/* "exports.x" and "module.exports.x" are "x", "module.exports" is ""; NULL: something else. */
static char *exported_place(const struct source *s, TSNode left)
{
	static const char *const holders[] = { "exports", "module.exports" };
	const TSNode object = node_field(left, "object");

	if (node_eq(s, left, "module.exports"))
		return strdup("");
	for (size_t i = 0; node_is_type(left, "member_expression") && i < 2; i++)
		if (node_eq(s, object, holders[i]))
			return node_text(s, node_field(left, "property"));
	return NULL;
}

/* Of "exports.a = module.exports = f", whichever of the two says it. */
static char *assigned_export(const struct source *s, TSNode assignment)
{
	char *name = NULL;

	for (int depth = 0; depth < 4 && !name && node_is_type(assignment, "assignment_expression");
	     depth++) {
		name = exported_place(s, node_field(assignment, "left"));
		assignment = node_parent(assignment);
	}
	return name;
}

struct search {
	const char *name;
	char *found;
};

/* { name } or { other: name } */
static char *listed_in(const struct source *s, TSNode object, const char *name)
{
	for (uint32_t k = 0; k < ts_node_named_child_count(object); k++) {
		const TSNode member = ts_node_named_child(object, k);

		if (node_is_type(member, "shorthand_property_identifier") &&
		    node_eq(s, member, name))
			return strdup(name);
		if (node_is_type(member, "pair") && node_eq(s, node_field(member, "value"), name))
			return node_text(s, node_field(member, "key"));
	}
	return NULL;
}

static char *exported_by(const struct source *s, TSNode assignment, const char *name)
{
	const TSNode right = node_field(assignment, "right");
	char *place = assigned_export(s, assignment);

	if (place && node_eq(s, right, name))
		return place;
	if (place && !*place && node_is_type(right, "object")) {
		free(place);
		return listed_in(s, right, name);
	}
	free(place);
	return NULL;
}

/* export { name }, export { name as other }, export default name */
static char *clause_of(const struct source *s, TSNode statement, const char *name)
{
	if (node_eq(s, node_field(statement, "value"), name))
		return strdup("default");
	for (uint32_t k = 0; k < ts_node_named_child_count(statement); k++) {
		const TSNode clause = ts_node_named_child(statement, k);

		for (uint32_t i = 0; i < ts_node_named_child_count(clause); i++) {
			const TSNode one = ts_node_named_child(clause, i);
			const TSNode alias = node_field(one, "alias");

			if (node_is_type(one, "export_specifier") &&
			    node_eq(s, node_field(one, "name"), name))
				return ts_node_is_null(alias) ? strdup(name) : node_text(s, alias);
		}
	}
	return NULL;
}

static enum walk look_for_export(const struct source *s, TSNode node, void *ctx)
{
	struct search *q = ctx;

	if (node_is_type(node, "assignment_expression"))
		q->found = exported_by(s, node, q->name);
	else if (node_is_type(node, "export_statement"))
		q->found = clause_of(s, node, q->name);
	else if (node_is(s, node, C_FUNCTION))
		return WALK_SKIP;
	return q->found ? WALK_STOP : WALK_ON;
}

static bool is_default(TSNode statement)
{
	for (uint32_t k = 0; k < ts_node_child_count(statement); k++)
		if (node_is_type(ts_node_child(statement, k), "default"))
			return true;
	return false;
}

/* A declaration of the module: exported where it stands, or by name elsewhere. */
static char *declared_export(const struct source *s, TSNode declaration, const char *name)
{
	const TSNode above = node_parent(declaration);
	struct search q = { .name = name };

	if (node_is_type(above, "export_statement"))
		return strdup(is_default(above) ? "default" : name);
	if (!node_is_type(above, "program"))
		return NULL;
	source_walk(s, s->root, look_for_export, &q);
	return q.found;
}

static char *javascript_export(const struct source *s, TSNode function)
{
	const TSNode parent = node_parent(function);
	char *name, *out = NULL;

	if (node_is_type(parent, "assignment_expression"))
		return assigned_export(s, parent);
	if (node_is_type(parent, "export_statement") &&
	    !node_is_type(function, "function_declaration"))
		return strdup("default");
	name = function_name(s, function);
	if (!name || !*name) {
		free(name);
		return NULL;
	}
	if (node_is_type(parent, "variable_declarator")) {
		out = declared_export(s, node_parent(parent), name);
	} else if (node_is_type(parent, "pair") || node_is_type(function, "method_definition")) {
		const TSNode object = node_is_type(parent, "pair") ? node_parent(parent) : parent;
		char *place = node_is_type(object, "object")
				      ? assigned_export(s, node_parent(object))
				      : NULL;

		out = place && !*place ? strdup(name) : NULL;
		free(place);
	} else {
		out = declared_export(s, function, name);
	}
	free(name);
	return out;
}

static char *python_export(const struct source *s, TSNode function)
{
	TSNode above = node_parent(function);

	if (node_is_type(above, "decorated_definition"))
		above = node_parent(above);
	if (!node_is_type(function, "function_definition") || !node_is_type(above, "module"))
		return NULL;
	return function_name(s, function);
}

char *function_export(const struct source *s, TSNode function)
{
	if (ts_node_is_null(function))
		return NULL;
	if (strcmp(s->lang->name, "javascript") == 0)
		return javascript_export(s, function);
	return strcmp(s->lang->name, "python") == 0 ? python_export(s, function) : NULL;
}

/* ---- what it takes ---- */

static const struct {
	const char *type;
	enum param_kind kind;
} param_kinds[] = {
	{ "rest_pattern", PARAM_REST },
	{ "list_splat_pattern", PARAM_REST },
	{ "dictionary_splat_pattern", PARAM_KEYWORDS },
	{ "keyword_separator", PARAM_SEPARATOR },
	{ "positional_separator", PARAM_SEPARATOR },
	{ "object_pattern", PARAM_PATTERN },
	{ "array_pattern", PARAM_PATTERN },
};

static enum param_kind kind_of(TSNode param)
{
	for (size_t i = 0; i < sizeof(param_kinds) / sizeof(param_kinds[0]); i++)
		if (node_is_type(param, param_kinds[i].type))
			return param_kinds[i].kind;
	return PARAM_POSITIONAL;
}

/* After "*" or "*args" there are names only. */
static bool is_by_name(const struct source *s, TSNode function, unsigned i)
{
	TSNode param = NODE_NONE, name;

	for (unsigned k = 0; k < i && function_param(s, function, k, &param, &name); k++) {
		const TSNode inner = node_is_type(param, "typed_parameter")
					     ? ts_node_named_child(param, 0)
					     : param;

		if (node_is_type(inner, "keyword_separator") ||
		    node_is_type(inner, "list_splat_pattern"))
			return true;
	}
	return false;
}

bool function_takes(const struct source *s, TSNode function, unsigned i, enum param_kind *kind,
		    char **out)
{
	TSNode param, name;

	*out = NULL;
	if (!function_param(s, function, i, &param, &name))
		return false;
	if (node_is_type(param, "typed_parameter"))
		param = ts_node_named_child(param, 0);
	*kind = kind_of(param);
	if (*kind == PARAM_REST || *kind == PARAM_KEYWORDS)
		name = ts_node_named_child(param, 0);
	else if (*kind == PARAM_POSITIONAL && is_by_name(s, function, i))
		*kind = PARAM_KEYWORD;
	if (*kind == PARAM_SEPARATOR || *kind == PARAM_PATTERN)
		return true;
	if (node_is(s, name, C_NAME))
		*out = node_text(s, name);
	else
		*kind = PARAM_PATTERN;
	return true;
}

/* ---- whether it keeps it ---- */

struct use {
	const char *name;
	bool assigned;
};

static bool is_given(const struct source *s, TSNode node)
{
	static const char *const whole[] = { "update_expression", "pattern_list",
					     "tuple_pattern",	  "list_pattern",
					     "array_pattern",	  "as_pattern_target",
					     "rest_pattern",	  "delete_statement" };
	static const char *const fields[] = { "left", "name", "declarator" };
	const TSNode parent = node_parent(node);

	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if (node_is_type(parent, whole[i]))
			return true;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const TSNode at = node_field(parent, fields[i]);

		if (!ts_node_is_null(at) && ts_node_eq(at, node))
			return node_is(s, parent, C_ASSIGN | C_LOOP) ||
			       node_is_type(parent, "named_expression");
	}
	return false;
}

static enum walk look_for_use(const struct source *s, TSNode node, void *ctx)
{
	struct use *u = ctx;

	if (!node_is(s, node, C_NAME) || !node_eq(s, node, u->name) || !is_given(s, node))
		return WALK_ON;
	u->assigned = true;
	return WALK_STOP;
}

bool function_reassigns(const struct source *s, TSNode function, const char *name)
{
	const TSNode body = node_field(function, "body");
	struct use u = { .name = name };

	if (!ts_node_is_null(body))
		source_walk(s, body, look_for_use, &u);
	return u.assigned;
}
