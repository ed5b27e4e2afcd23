/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/syntax/ops.h"

/* Operators at a caller: the place that handed the value, or the function that met it, over. */

/* In a helper that calls what it is handed this would change all its users: another place is
 * likelier. */
static void call_passthrough(const struct site *site, struct candidates *out)
{
	const struct source *s = site->src;
	const TSNode parent = node_parent(site->call);
	AUTO_BUF struct buf test = BUF_INIT(4096), text = BUF_INIT(1u << 16);
	struct splice sp = { 0 };

	if (!site->name || !expression_pure(s, site->subject) ||
	    node_is(s, parent, C_EXPR_STATEMENT | C_MEMBER | C_CALL))
		return;

	AUTO_FREE char *call = node_text(s, site->call);
	const bool brackets = node_is(s, parent, C_BINARY | C_NOT | C_TERNARY);

	render_null_test(site->style, site->name, true, false, &test);
	if (!call || !test.p)
		return;
	buf_puts(&text, brackets ? "(" : "");
	render_ternary(site->style, test.p, site->name, call, &text);
	buf_puts(&text, brackets ? ")" : "");
	if (buf_check(&text, "call", &out->failed) == 0 &&
	    splice_add(&sp, ts_node_start_byte(site->call), ts_node_end_byte(site->call), text.p,
		       &out->failed) == 0)
		candidate_add(out, site, &sp, CAND_GENERAL | (site->helper ? 4 : 0),
			      "passes '%s' on without the call when it is %s", site->name,
			      null_words(s->lang));
	splice_release(&sp);
}

/* A name for the wrapper's parameter: what the file calls it where it wraps for the same callee. */
struct wrapper_name {
	const struct source *src;
	TSNode callee;
	char *name;
};

static enum walk find_wrapper(const struct source *s, TSNode node, void *ctx)
{
	struct wrapper_name *w = ctx;
	TSNode param, name, arg;

	if (!node_is(s, node, C_CALL) || !node_same(s, node_field(node, "function"), w->callee))
		return WALK_ON;
	for (unsigned i = 0; !ts_node_is_null(arg = call_argument(s, node, i)); i++) {
		if (!node_is(s, arg, C_FUNCTION) || !function_param(s, arg, 0, &param, &name))
			continue;
		w->name = node_text(s, name);
		return WALK_STOP;
	}
	return WALK_ON;
}

static char *wrapper_parameter(const struct site *site)
{
	struct wrapper_name w = { .src = site->src, .callee = node_field(site->call, "function") };
	const char *const names[] = { "value", "v", "item", "element" };
	AUTO_FREE char *function = node_text(site->src, site->call);

	source_walk(site->src, site->src->root, find_wrapper, &w);
	if (w.name)
		return w.name;
	for (size_t i = 0; function && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strstr(function, names[i]))
			return strdup(names[i]);
	return NULL;
}

static void put_wrapper(const struct site *site, const char *param, const char *expr,
			struct buf *out)
{
	const char *end = site->style->semicolons ? ";" : "";
	char indent[128];

	line_indent(site->src, ts_node_start_byte(site->call), indent, sizeof(indent));
	if (!site->src->lang->braces)
		buf_printf(out, "lambda %s: %s", param, expr);
	else if (site->style->arrows)
		buf_printf(out, "(%s) => (%s)", param, expr);
	else
		buf_printf(out, "function (%s) {\n%s%sreturn %s%s\n%s}", param, indent,
			   site->style->indent, expr, end, indent);
}

/* map(list, f) -> map(list, function (v) { return v is null ? v : f(v); }) */
static void callback_passthrough(const struct site *site, struct candidates *out)
{
	const struct source *s = site->src;
	AUTO_BUF struct buf test = BUF_INIT(4096), expr = BUF_INIT(1u << 14),
			    text = BUF_INIT(1u << 16), call = BUF_INIT(4096);
	struct splice sp = { 0 };

	/* a wrapper hands one argument on: right only where one is handed over */
	if (!site->name || site->passed != 1 || !expression_pure(s, site->subject))
		return;

	AUTO_FREE char *param = wrapper_parameter(site);

	if (!param)
		return;
	buf_printf(&call, "%s(%s)", site->name, param);
	render_null_test(site->style, param, true, false, &test);
	if (!call.p || !test.p)
		return;
	render_ternary(site->style, test.p, param, call.p, &expr);
	if (!expr.p)
		return;
	put_wrapper(site, param, expr.p, &text);
	if (buf_check(&text, "callback", &out->failed) == 0 &&
	    splice_add(&sp, ts_node_start_byte(site->subject), ts_node_end_byte(site->subject),
		       text.p, &out->failed) == 0)
		candidate_add(out, site, &sp, CAND_GENERAL,
			      "lets elements that are %s pass '%s' by", null_words(s->lang),
			      site->name);
	splice_release(&sp);
}

const struct op ops_call[] = {
	{ "call-passthrough", NULL, FAULT_NULL, 1u << SITE_CALLER, 22, call_passthrough },
	{ "callback-passthrough", "javascript python", FAULT_NULL, 1u << SITE_CALLBACK, 10,
	  callback_passthrough },
	{ 0 },
};
