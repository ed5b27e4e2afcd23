/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/syntax/ops.h"

/* Operators for arithmetic that the values do not allow. */

#define AT_FAULT (1u << SITE_FAULT)

static bool divides(const struct source *s, TSNode node)
{
	const TSNode op = node_field(node, "operator");

	return node_eq(s, op, "/") || node_eq(s, op, "%") || node_eq(s, op, "//");
}

/* What may be zero: the divisor without its brackets; null node when it is a number. */
static TSNode divisor_of(const struct source *s, TSNode node)
{
	TSNode d = node_field(node, "right");

	if (node_is_type(d, "parenthesized_expression"))
		d = ts_node_named_child(d, 0);
	return node_is(s, d, C_LITERAL) || !expression_pure(s, d) ? NODE_NONE : d;
}

static bool is_length_call(const struct source *s, TSNode call)
{
	return node_is(s, call, C_CALL) && node_eq(s, node_field(call, "function"), "len");
}

static char *zero_test(const struct source *s, TSNode divisor, struct buf *why)
{
	AUTO_FREE char *d = node_text(s, divisor);
	AUTO_BUF struct buf cond = BUF_INIT(4096);
	const char *eq = strcmp(s->lang->name, "javascript") == 0 ? "===" : "==";

	if (!d)
		return NULL;
	if (is_length_call(s, divisor)) {
		AUTO_FREE char *x = node_text(s, call_argument(s, divisor, 0));

		buf_printf(&cond, "not %s", x ? x : "");
		buf_printf(why, "'%s' is empty", x ? x : "");
	} else {
		buf_printf(&cond, node_is(s, divisor, C_BINARY) ? "(%s) %s 0" : "%s %s 0", d, eq);
		buf_printf(why, "'%s' is 0", d);
	}
	return buf_take(&cond);
}

static void guard_divisor(const struct site *site, TSNode node, struct candidates *out)
{
	const struct source *s = site->src;
	TSNode d = node_field(node, "right");
	AUTO_BUF struct buf why = BUF_INIT(1024);

	if (!divides(s, node))
		return;
	if (!is_length_call(s, d))
		d = divisor_of(s, node);

	AUTO_FREE char *cond = ts_node_is_null(d) ? NULL : zero_test(s, d, &why);

	if (cond && why.p)
		add_guards(site, out, cond, CAND_GENERAL, why.p);
}

static void divide_guard(const struct site *site, struct candidates *out)
{
	each_target(site, C_BINARY, 8, guard_divisor, out);
}

static void default_quotient(const struct site *site, TSNode node, struct candidates *out)
{
	const struct source *s = site->src;
	TSNode d = node_field(node, "right");
	AUTO_FREE char *all = node_text(s, node), *by = node_text(s, d);
	AUTO_BUF struct buf text = BUF_INIT(4096), inner = BUF_INIT(4096);

	if (!divides(s, node) || !all || !by || node_is(s, d, C_LITERAL) ||
	    (!expression_pure(s, d) && !is_length_call(s, d)))
		return;
	render_ternary(site->style, by, all, "0", &inner);
	buf_printf(&text, "(%s)", inner.p ? inner.p : "");
	if (text.p && inner.p)
		add_rewrite(site, out, node, text.p, 0, "takes 0 when the divisor is 0");
}

static void divide_default(const struct site *site, struct candidates *out)
{
	each_target(site, C_BINARY, 8, default_quotient, out);
}

/* a * b -> (long long)a * b: the arithmetic in a type that holds the result. */
static void widen_operand(const struct site *site, TSNode node, struct candidates *out)
{
	const struct source *s = site->src;
	const TSNode o = node_field(node, "operator"), left = node_field(node, "left");
	AUTO_FREE char *a = node_text(s, left);
	AUTO_BUF struct buf text = BUF_INIT(4096);
	const char *const types[] = { "long long", "size_t" };

	if (!a || !(node_eq(s, o, "+") || node_eq(s, o, "-") || node_eq(s, o, "*") ||
		    node_eq(s, o, "<<")))
		return;
	for (unsigned i = 0; i < 2; i++) {
		AUTO_BUF struct buf what = BUF_INIT(256);

		buf_reset(&text);
		buf_printf(&text, node_is(s, left, C_BINARY) ? "(%s)(%s)" : "(%s)%s", types[i], a);
		buf_printf(&what, "computes in '%s'", types[i]);
		if (text.p && what.p)
			add_rewrite(site, out, left, text.p, i, what.p);
	}
}

static void overflow_widen(const struct site *site, struct candidates *out)
{
	each_target(site, C_BINARY, 6, widen_operand, out);
}

const struct op ops_number[] = {
	{ "divide-guard", NULL, FAULT_DIVIDE, AT_FAULT, 12, divide_guard },
	{ "divide-default", NULL, FAULT_DIVIDE, AT_FAULT, 22, divide_default },
	{ "overflow-widen", "c", FAULT_OVERFLOW, AT_FAULT, 16, overflow_widen },
	{ 0 },
};
