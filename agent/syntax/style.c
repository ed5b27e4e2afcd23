/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/syntax/style.h"

#include <string.h>

/* Pairs of counts: which of two manners the file uses more. */
struct counts {
	unsigned tab, space[9];
	unsigned brace_own, brace_same, bare, braced;
	unsigned eq_null, typeof_undefined, undefined_literal;
	unsigned cmp_null, bang;
	unsigned paren, no_paren;
	unsigned chain, nullish, arrow, function;
	unsigned single, twin;
	unsigned with_end, without_end;
};

/* How far a body stands in from what it belongs to. */
static void count_indent(const struct source *s, TSNode outer, TSNode body, struct counts *c)
{
	const TSNode first = node_is(s, body, C_BLOCK) ? ts_node_named_child(body, 0) : body;
	char a[64], b[64];

	if (ts_node_is_null(first) || node_line(first) == node_line(outer))
		return;

	const size_t na = line_indent(s, ts_node_start_byte(outer), a, sizeof(a));
	const size_t nb = line_indent(s, ts_node_start_byte(first), b, sizeof(b));

	if (nb <= na)
		return;
	if (b[na] == '\t')
		c->tab++;
	else if (nb - na < sizeof(c->space) / sizeof(c->space[0]))
		c->space[nb - na]++;
}

static void count_if(const struct source *s, TSNode node, struct counts *c)
{
	const TSNode cond = node_field(node, "condition"), then = node_field(node, "consequence");

	if (ts_node_is_null(cond) || ts_node_is_null(then))
		return;
	count_indent(s, node, then, c);
	if (!node_is(s, then, C_BLOCK)) {
		c->bare++;
		return;
	}
	c->braced += ts_node_named_child_count(then) == 1;
	if (node_line(then) > node_line_end(cond))
		c->brace_own++;
	else
		c->brace_same++;
}

static bool is_comparison(const struct source *s, TSNode node)
{
	const TSNode op = node_field(node, "operator");
	const char *const words[] = { "==", "!=", "===", "!==", "<", ">", "<=", ">=" };

	for (size_t i = 0; !ts_node_is_null(op) && i < sizeof(words) / sizeof(words[0]); i++)
		if (node_eq(s, op, words[i]))
			return true;
	return false;
}

static void count_binary(const struct source *s, TSNode node, struct counts *c)
{
	const TSNode op = node_field(node, "operator");
	const TSNode left = node_field(node, "left"), right = node_field(node, "right");

	if (ts_node_is_null(op) || ts_node_is_null(left) || ts_node_is_null(right))
		return;
	if (node_eq(s, op, s->lang->or) || node_eq(s, op, s->lang->and)) {
		const bool bracketed = node_is_type(right, "parenthesized_expression");

		c->paren += bracketed && is_comparison(s, ts_node_named_child(right, 0));
		c->no_paren += is_comparison(s, right);
	}
	c->nullish += node_eq(s, op, "??");
	if (node_eq(s, right, s->lang->null)) {
		c->eq_null += node_eq(s, op, "==") || node_eq(s, op, "!=");
		c->cmp_null++;
	}
	if (node_eq(s, right, "undefined"))
		c->undefined_literal++;
	if (node_eq(s, right, "'undefined'") || node_eq(s, right, "\"undefined\""))
		c->typeof_undefined++;
}

static void count_not(const struct source *s, TSNode node, struct counts *c)
{
	const TSNode arg = node_field(node, "argument"), op = node_field(node, "operator");

	c->bang += node_eq(s, op, "!") && node_is(s, arg, C_NAME | C_MEMBER);
}

static enum walk count_node(const struct source *s, TSNode node, void *ctx)
{
	struct counts *c = ctx;
	const unsigned classes = lang_classes(s->lang, node);
	const char first = s->text[ts_node_start_byte(node)];
	const char *type = ts_node_type(node);

	if (classes & C_IF)
		count_if(s, node, c);
	if (classes & C_FUNCTION)
		count_indent(s, node, node_field(node, "body"), c);
	if (classes & C_BINARY)
		count_binary(s, node, c);
	if (classes & C_NOT)
		count_not(s, node, c);
	if (classes & C_STRING) {
		c->single += first == '\'';
		c->twin += first == '"';
	}
	if (classes & (C_EXPR_STATEMENT | C_RETURN)) {
		const bool ends = s->text[ts_node_end_byte(node) - 1] == ';';

		c->with_end += ends;
		c->without_end += !ends;
	}
	c->chain += strcmp(type, "optional_chain") == 0;
	c->arrow += strcmp(type, "arrow_function") == 0;
	c->function += strcmp(type, "function_expression") == 0;
	return WALK_ON;
}

void style_of(const struct source *s, struct style *out)
{
	struct counts c = { 0 };
	unsigned width = 4, most = 0;

	source_walk(s, s->root, count_node, &c);
	for (unsigned i = 1; i < sizeof(c.space) / sizeof(c.space[0]); i++) {
		if (c.space[i] <= most)
			continue;
		width = i;
		most = c.space[i];
	}
	*out = (struct style){
		.lang = s->lang,
		.brace_own_line = c.brace_own > c.brace_same,
		.bare_single = c.bare > c.braced,
		.semicolons = s->lang->terminator[0] && c.with_end >= c.without_end,
		.eq_null = c.eq_null > 0,
		.undefined_literal = c.undefined_literal > c.typeof_undefined,
		.bang_null = c.bang > c.cmp_null,
		.paren_logic = c.paren > c.no_paren,
		.optional_chain = c.chain > 0,
		.nullish = c.nullish > 0,
		.arrows = c.arrow > c.function,
		.quote = c.twin > c.single ? '"' : '\'',
	};
	if (c.tab > most)
		out->indent[0] = '\t';
	else
		memset(out->indent, ' ', width);
}

static void null_test_javascript(const struct style *st, const char *x, bool is_null, bool atom,
				 struct buf *out)
{
	const char *eq = is_null ? "===" : "!==";

	if (st->eq_null) {
		buf_printf(out, "%s %s null", x, is_null ? "==" : "!=");
		return;
	}
	buf_puts(out, atom ? "(" : "");
	buf_printf(out, "%s %s null %s ", x, eq, is_null ? "||" : "&&");
	if (st->undefined_literal)
		buf_printf(out, "%s %s undefined", x, eq);
	else
		buf_printf(out, "typeof %s %s %cundefined%c", x, eq, st->quote, st->quote);
	buf_puts(out, atom ? ")" : "");
}

void render_null_test(const struct style *st, const char *x, bool is_null, bool atom,
		      struct buf *out)
{
	if (strcmp(st->lang->name, "javascript") == 0)
		null_test_javascript(st, x, is_null, atom, out);
	else if (strcmp(st->lang->name, "python") == 0)
		buf_printf(out, "%s is %sNone", x, is_null ? "" : "not ");
	else if (st->bang_null)
		buf_printf(out, "%s%s", is_null ? "!" : "", x);
	else if (atom && st->paren_logic)
		buf_printf(out, "(%s %s NULL)", x, is_null ? "==" : "!=");
	else
		buf_printf(out, "%s %s NULL", x, is_null ? "==" : "!=");
}

void render_guard(const struct style *st, const char *indent, const char *condition,
		  const char *body, struct buf *out)
{
	const char *end = st->semicolons ? ";" : "";

	if (!st->lang->braces)
		buf_printf(out, "if %s:\n%s%s%s\n%s", condition, indent, st->indent, body, indent);
	else if (st->bare_single)
		buf_printf(out, "if (%s)\n%s%s%s%s\n%s", condition, indent, st->indent, body, end,
			   indent);
	else
		buf_printf(out, "if (%s)%s%s{\n%s%s%s%s\n%s}\n%s", condition,
			   st->brace_own_line ? "\n" : " ", st->brace_own_line ? indent : "",
			   indent, st->indent, body, end, indent, indent);
}

void render_ternary(const struct style *st, const char *cond, const char *then_text,
		    const char *else_text, struct buf *out)
{
	const char *const parts[] = { cond, then_text, else_text };
	const int *order = st->lang->ternary_order;
	const char *format = st->lang->ternary;
	int next = 0;

	for (; *format; format++) {
		if (format[0] == '%' && format[1] == 's') {
			buf_puts(out, parts[order[next++]]);
			format++;
		} else {
			buf_putc(out, *format);
		}
	}
}
