/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/syntax/ops.h"

/* Operators for an index, a bound or a size that is off. */

#define AT_FAULT (1u << SITE_FAULT)

/* "if (x is shorter than i) leave", where the language knows how long x is. */
static void guard_index(const struct site *site, TSNode access, struct candidates *out)
{
	const struct source *s = site->src;
	const TSNode object = node_field(access, s->lang->index_object);
	const TSNode key = node_field(access, s->lang->index_key);
	AUTO_FREE char *x = node_text(s, object), *i = node_text(s, key);
	AUTO_BUF struct buf cond = BUF_INIT(4096), why = BUF_INIT(1024), length = BUF_INIT(1024);

	if (!x || !i || !*i || !s->lang->length || !expression_pure(s, object) ||
	    !expression_pure(s, key) || node_is_type(key, "slice"))
		return;
	if (strcmp(i, "0") == 0 || strcmp(i, "-1") == 0) {
		if (s->lang->braces)
			buf_printf(&cond, "%s.length === 0", x);
		else
			buf_printf(&cond, "not %s", x);
		buf_printf(&why, "'%s' is empty", x);
	} else {
		buf_puts(&length, s->lang->braces ? x : "len(");
		buf_printf(&length, s->lang->braces ? ".length" : "%s)", x);
		buf_printf(&cond, "%s >= %s", i, length.p ? length.p : "");
		buf_printf(&why, "'%s' is past the end of '%s'", i, x);
	}
	if (cond.p && why.p && !cond.failed)
		add_guards(site, out, cond.p, CAND_GENERAL, why.p);
}

static void index_guard(const struct site *site, struct candidates *out)
{
	each_target(site, C_INDEX, 4, guard_index, out);
}

/* <= becomes <, >= becomes >: one step less. */
static void relax(const struct site *site, TSNode node, struct candidates *out)
{
	const struct source *s = site->src;
	TSNode operation = node_field(node, "operator");
	AUTO_BUF struct buf what = BUF_INIT(256);
	const char *to;

	if (ts_node_is_null(operation))
		operation = node_field(node, "operators");
	to = node_eq(s, operation, "<=") ? "<" : node_eq(s, operation, ">=") ? ">" : NULL;
	buf_printf(&what, "stops one earlier at line %u", node_line(node));
	if (to && what.p)
		add_rewrite(site, out, operation, to, 0, what.p);
}

struct relaxing {
	const struct site *site;
	struct candidates *out;
};

static enum walk relax_each(const struct source *s, TSNode node, void *ctx)
{
	const struct relaxing *r = ctx;

	if (node_is(s, node, C_BLOCK | C_FUNCTION))
		return WALK_SKIP;
	if (node_is(s, node, C_BINARY))
		relax(r->site, node, r->out);
	return WALK_ON;
}

/* The heads of the loops and conditions around the line, innermost first. */
static void bound_relax(const struct site *site, struct candidates *out)
{
	const struct source *s = site->src;
	struct relaxing r = { site, out };
	TSNode at = statement_at_line(s, site->line);

	if (site->name)
		return;
	for (int depth = 0; depth < 6 && node_within(at, site->function); depth++) {
		if (node_is(s, at, C_LOOP | C_IF))
			for (uint32_t i = 0; i < ts_node_named_child_count(at); i++)
				source_walk(s, ts_node_named_child(at, i), relax_each, &r);
		else if (depth == 0)
			source_walk(s, at, relax_each, &r);
		at = node_enclosing(s, node_parent(at), C_LOOP | C_IF);
	}
}

static void shift_index(const struct site *site, TSNode access, struct candidates *out)
{
	const struct source *s = site->src;
	const TSNode key = node_field(access, s->lang->index_key);
	AUTO_FREE char *i = node_text(s, key);
	const char *const steps[] = { " - 1", " + 1" };

	for (unsigned k = 0; k < 2; k++) {
		AUTO_BUF struct buf text = BUF_INIT(1024), what = BUF_INIT(1024);

		if (!i || !node_is(s, key, C_NAME | C_MEMBER | C_CALL))
			return;
		buf_printf(&text, "%s%s", i, steps[k]);
		buf_printf(&what, "uses '%s%s' as the index", i, steps[k]);
		if (text.p && what.p)
			add_rewrite(site, out, key, text.p, k, what.p);
	}
}

static void index_shift(const struct site *site, struct candidates *out)
{
	each_target(site, C_INDEX, 4, shift_index, out);
}

/* ---- C: room for the terminating NUL, the size of what is pointed at ---- */

static void room_for_nul(const struct site *site, TSNode call, struct candidates *out)
{
	const struct source *s = site->src;
	const TSNode size = call_argument(s, call, 0);
	AUTO_FREE char *callee = node_text(s, node_field(call, "function"));
	AUTO_FREE char *n = node_text(s, size);
	AUTO_BUF struct buf text = BUF_INIT(1024);

	if (!callee || !n || ts_node_is_null(size) || !strstr(callee, "alloc"))
		return;
	buf_printf(&text, "%s + 1", n);
	if (text.p)
		add_rewrite(site, out, size, text.p, 0,
			    "makes room for one more element, as a terminator needs");
}

struct allocations {
	const struct site *site;
	struct candidates *out;
};

static enum walk each_allocation(const struct source *s, TSNode node, void *ctx)
{
	const struct allocations *a = ctx;

	if (node_is(s, node, C_CALL) && node_line(node) <= a->site->line)
		room_for_nul(a->site, node, a->out);
	return WALK_ON;
}

static void terminator_room(const struct site *site, struct candidates *out)
{
	struct allocations a = { site, out };

	if (!site->name)
		source_walk(site->src, site->function, each_allocation, &a);
}

const struct op ops_index[] = {
	{ "bound-relax", NULL, FAULT_INDEX, AT_FAULT, 12, bound_relax },
	{ "index-guard", "javascript python", FAULT_INDEX, AT_FAULT, 14, index_guard },
	{ "terminator-room", "c", FAULT_INDEX, AT_FAULT, 20, terminator_room },
	{ "index-shift", NULL, FAULT_INDEX, AT_FAULT, 28, index_shift },
	{ 0 },
};
