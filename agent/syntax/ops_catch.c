/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/syntax/ops.h"

/*
 * Operators for an exception that a handler nearby was meant to meet: a
 * handler that catches its siblings is widened by one type; where another
 * statement of the file makes the same call under a handler, that handler is
 * copied.  Never a handler for everything.
 */

/* ---- except (A, B): -> except (A, B, C): ---- */

/* The types a clause names: its first child, below an `as` if it has one. */
static TSNode caught_types(TSNode clause)
{
	TSNode types = ts_node_named_child(clause, 0);

	if (!ts_node_is_null(types) && node_is_type(types, "as_pattern"))
		types = ts_node_named_child(types, 0);
	return types;
}

static bool names_types(const struct source *s, TSNode types)
{
	const char *type = ts_node_is_null(types) ? "" : ts_node_type(types);

	return strcmp(type, "tuple") == 0 || node_is(s, types, C_NAME | C_MEMBER);
}

/* The reported type as one writes it: builtins have no module. */
static const char *plain_type(const struct fault *f)
{
	const char *dot = strrchr(f->type, '.');

	return strncmp(f->type, "builtins.", 9) == 0 ? dot + 1 : f->type;
}

/* Classes that catch so much that another type beside them means nothing. */
static bool catches_already(const struct source *s, TSNode types, const char *type)
{
	const char *const broad[] = { "Exception", "BaseException" };
	const uint32_t n = node_is_type(types, "tuple") ? ts_node_named_child_count(types) : 1;

	for (uint32_t i = 0; i < n; i++) {
		const TSNode t = n == 1 && !node_is_type(types, "tuple")
					 ? types
					 : ts_node_named_child(types, i);

		if (node_eq(s, t, type) || node_eq(s, t, broad[0]) || node_eq(s, t, broad[1]))
			return true;
	}
	return false;
}

/* Sorted lists stay sorted. */
static void put_widened(const struct source *s, TSNode types, const char *type, struct buf *out)
{
	const bool tuple = node_is_type(types, "tuple");
	const uint32_t n = tuple ? ts_node_named_child_count(types) : 1;
	bool sorted = n > 1, placed = false;

	for (uint32_t i = 1; i < n; i++) {
		AUTO_FREE char *a = node_text(s, ts_node_named_child(types, i - 1));
		AUTO_FREE char *b = node_text(s, ts_node_named_child(types, i));

		sorted = sorted && a && b && strcmp(a, b) < 0;
	}
	buf_putc(out, '(');
	for (uint32_t i = 0; i < n; i++) {
		AUTO_FREE char *t = node_text(s, tuple ? ts_node_named_child(types, i) : types);

		if (sorted && !placed && t && strcmp(type, t) < 0) {
			buf_printf(out, "%s, ", type);
			placed = true;
		}
		buf_printf(out, "%s%s", t ? t : "", i + 1 < n ? ", " : "");
	}
	buf_printf(out, placed ? ")" : ", %s)", type);
}

static bool widen(const struct site *site, TSNode clause, struct splice *sp, struct err *e)
{
	const struct source *s = site->src;
	const TSNode types = caught_types(clause);
	const char *type = plain_type(site->fault);
	AUTO_BUF struct buf text = BUF_INIT(4096);

	if (!names_types(s, types) || strchr(type, '.') || catches_already(s, types, type))
		return false;
	put_widened(s, types, type, &text);
	return buf_check(&text, "clause", e) == 0 &&
	       splice_add(sp, ts_node_start_byte(types), ts_node_end_byte(types), text.p, e) == 0;
}

/* The clauses of the nearest try statement whose body (not handlers) holds the line. */
static TSNode guarding_try(const struct site *site)
{
	const struct source *s = site->src;
	TSNode t = node_enclosing(s, statement_at_line(s, site->line), C_TRY);

	while (!ts_node_is_null(t) && node_within(t, site->function)) {
		const TSNode body = node_field(t, "body");

		if (node_line(body) <= site->line && node_line_end(body) >= site->line)
			return t;
		t = node_enclosing(s, node_parent(t), C_TRY);
	}
	return NODE_NONE;
}

struct alike {
	const struct site *site;
	TSNode types;
	struct splice *sp;
	struct err *e;
	unsigned n;
};

static enum walk widen_alike(const struct source *s, TSNode node, void *ctx)
{
	struct alike *a = ctx;

	if (node_is(s, node, C_CATCH) && node_same(s, caught_types(node), a->types) &&
	    widen(a->site, node, a->sp, a->e))
		a->n++;
	return WALK_ON;
}

static void catch_widen(const struct site *site, struct candidates *out)
{
	const struct source *s = site->src;
	const TSNode try = guarding_try(site);

	for (uint32_t i = 0; !ts_node_is_null(try) && i < ts_node_named_child_count(try); i++) {
		const TSNode clause = ts_node_named_child(try, i);
		struct splice one = { 0 }, all = { 0 };

		if (!node_is(s, clause, C_CATCH))
			continue;

		struct alike a = {
			.site = site, .types = caught_types(clause), .sp = &all, .e = &out->failed
		};

		source_walk(s, site->function, widen_alike, &a);
		if (a.n > 1)
			candidate_add(out, site, &all, CAND_GENERAL,
				      "lets the %u like handlers of this function also catch %s",
				      a.n, plain_type(site->fault));
		if (widen(site, clause, &one, &out->failed))
			candidate_add(out, site, &one, 0,
				      "lets the handler at line %u also catch %s",
				      node_line(clause), plain_type(site->fault));
		splice_release(&one);
		splice_release(&all);
	}
}

/* ---- a handler that the file has for the same call elsewhere ---- */

struct same_call {
	const struct site *site;
	TSNode callee;	/* of a call at the faulting line */
	TSNode handler; /* found */
	bool found;
};

static enum walk find_call(const struct source *s, TSNode node, void *ctx)
{
	struct same_call *c = ctx;

	if (node_is(s, node, C_FUNCTION))
		return WALK_SKIP;
	if (!node_is(s, node, C_CALL) || !node_same(s, node_field(node, "function"), c->callee))
		return WALK_ON;
	c->found = true;
	return WALK_STOP;
}

static enum walk find_handler(const struct source *s, TSNode node, void *ctx)
{
	struct same_call *c = ctx;
	struct same_call inner = *c;

	if (!node_is(s, node, C_TRY) || node_within(c->site->statement, node))
		return WALK_ON;
	source_walk(s, node_field(node, "body"), find_call, &inner);
	if (!inner.found)
		return WALK_ON;
	for (uint32_t i = 0; i < ts_node_named_child_count(node); i++) {
		const TSNode clause = ts_node_named_child(node, i);

		if (!node_is(s, clause, C_CATCH))
			continue;
		c->handler = clause;
		c->found = true;
		return WALK_STOP;
	}
	return WALK_ON;
}

/* What the handler leaves with, when it only leaves: its return expression. */
static TSNode handler_leave(const struct source *s, TSNode handler)
{
	TSNode body = node_field(handler, "body");

	for (uint32_t i = 0; ts_node_is_null(body) && i < ts_node_named_child_count(handler); i++)
		if (node_is(s, ts_node_named_child(handler, i), C_BLOCK))
			body = ts_node_named_child(handler, i);
	if (ts_node_is_null(body) || ts_node_named_child_count(body) != 1 ||
	    !node_is(s, ts_node_named_child(body, 0), C_RETURN))
		return NODE_NONE;
	return ts_node_named_child(ts_node_named_child(body, 0), 0);
}

/* The handler meets this type by name: one for everything is not a donor. */
static bool catches(const struct source *s, TSNode types, const struct fault *f)
{
	return names_types(s, types) && catches_already(s, types, plain_type(f)) &&
	       !catches_already(s, types, "Exception");
}

/* `caught`: Python's types, or JavaScript's parameter ("" for none). */
static void put_try(const struct site *site, const char *caught, const char *body,
		    const char *leave, struct buf *out)
{
	const struct style *st = site->style;
	const char *unit = st->indent;
	char indent[128];

	line_indent(site->src, ts_node_start_byte(site->statement), indent, sizeof(indent));
	if (!site->src->lang->braces) {
		buf_printf(out, "try:\n%s%s%s\n", indent, unit, body);
		buf_printf(out, "%sexcept %s:\n%s%s%s", indent, caught, indent, unit, leave);
		return;
	}
	buf_printf(out, "try {\n%s%s%s\n%s} catch ", indent, unit, body, indent);
	if (*caught)
		buf_printf(out, "(%s) ", caught);
	buf_printf(out, "{\n%s%s%s%s\n%s}", indent, unit, leave, st->semicolons ? ";" : "", indent);
}

/* The handler elsewhere returns the text it was asked to convert, or a literal: so does the copy.
 */
static void catch_copy_at(const struct site *site, TSNode call, struct candidates *out)
{
	const struct source *s = site->src;
	struct same_call c = { .site = site, .callee = node_field(call, "function") };
	const TSNode argument = call_argument(s, call, 0);
	struct donors d;

	source_walk(s, s->root, find_handler, &c);
	if (!c.found || (!s->lang->braces && !catches(s, caught_types(c.handler), site->fault)))
		return;

	const TSNode value = handler_leave(s, c.handler);
	AUTO_FREE char *body = node_text(s, site->statement);
	AUTO_FREE char *caught = node_text(s, s->lang->braces ? node_field(c.handler, "parameter")
							      : caught_types(c.handler));
	AUTO_BUF struct buf text = BUF_INIT(1u << 16), own = BUF_INIT(4096);
	struct splice sp = { 0 };

	if (ts_node_is_null(value) || !body)
		return;
	donors_of(site, before_statement(s, site->statement), &d);
	if (node_is(s, value, C_LITERAL) || ts_node_is_null(argument)) {
		AUTO_FREE char *lit = node_text(s, value);

		buf_printf(&own, "return %s", lit ? lit : "");
	} else if (expression_pure(s, argument)) {
		AUTO_FREE char *arg = node_text(s, argument);

		buf_printf(&own, "return %s", arg ? arg : "");
	} else if (d.n > 0) {
		buf_puts(&own, d.v[0]);
	}
	donors_release(&d);
	if (own.n == 0)
		return;
	put_try(site, caught ? caught : "", body, own.p, &text);
	if (buf_check(&text, "handler", &out->failed) == 0 &&
	    splice_add(&sp, ts_node_start_byte(site->statement), ts_node_end_byte(site->statement),
		       text.p, &out->failed) == 0)
		candidate_add(out, site, &sp, CAND_GENERAL,
			      "handles the failure as line %u does for the same call",
			      node_line(c.handler));
	splice_release(&sp);
}

struct calls {
	const struct site *site;
	struct candidates *out;
	unsigned n;
};

static enum walk each_call(const struct source *s, TSNode node, void *ctx)
{
	struct calls *c = ctx;

	if (node_is(s, node, C_FUNCTION))
		return WALK_SKIP;
	if (node_is(s, node, C_CALL) && c->n++ < 4)
		catch_copy_at(c->site, node, c->out);
	return WALK_ON;
}

static void catch_copy(const struct site *site, struct candidates *out)
{
	struct calls c = { .site = site, .out = out };
	const TSNode st = site->statement;

	/* one line, so that its indentation is easily right */
	if (ts_node_is_null(st) || node_line(st) != node_line_end(st) ||
	    !node_is(site->src, st, C_RETURN))
		return;
	source_walk(site->src, st, each_call, &c);
}

/* ---- a handler for just this type, leaving as the function already does ---- */

static void catch_leave(const struct site *site, struct candidates *out)
{
	const struct source *s = site->src;
	const TSNode st = site->statement;
	const char *type = plain_type(site->fault);
	AUTO_FREE char *body = node_text(s, st);
	struct donors d;

	if (site->name || ts_node_is_null(st) || node_line(st) != node_line_end(st) || !body ||
	    strchr(type, '.') || !node_is(s, st, C_RETURN | C_EXPR_STATEMENT))
		return;
	donors_of(site, before_statement(s, st), &d);
	for (size_t i = 0; i < d.n; i++) {
		AUTO_BUF struct buf text = BUF_INIT(1u << 16), what = BUF_INIT(1024);

		put_try(site, type, body, d.v[i], &text);
		buf_printf(&what, "leaves with '%s' on %s", d.v[i], type);
		if (text.p && what.p && !text.failed)
			add_rewrite(site, out, st, text.p, (unsigned)i, what.p);
	}
	donors_release(&d);
}

#define RAISED                                                                                  \
	(FAULT_TYPE | FAULT_KEY | FAULT_INDEX | FAULT_DIVIDE | FAULT_CONVERT | FAULT_OVERFLOW | \
	 FAULT_NULL)

const struct op ops_catch[] = {
	{ "catch-widen", "python", RAISED, 1u << SITE_FAULT, 10, catch_widen },
	{ "catch-like-sibling", "javascript python", FAULT_CONVERT | FAULT_OVERFLOW,
	  1u << SITE_FAULT, 18, catch_copy },
	{ "catch-leave", "python", RAISED & ~FAULT_NULL, 1u << SITE_FAULT, 30, catch_leave },
	{ 0 },
};
