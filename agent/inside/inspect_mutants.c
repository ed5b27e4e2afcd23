/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/inside/inspect_parts.h"
#include "agent/syntax/hunks.h"
#include "agent/syntax/splice.h"
#include "runtime/base/jmap.h"

/*
 * Small changes of the patched lines that a test of the patch should notice.
 * "essential" marks those that take the patch away: a test that lets one of
 * them live tests nothing.  The others may be equivalent for the one input
 * that was reported (half of a guard for two values), so that they count as
 * evidence, not as proof.
 */
#define MUTANTS_MAX 60

struct mutants {
	const struct source *now;
	unsigned first, last;
	json_t *list;
	struct err failed;
};

static void add(struct mutants *m, size_t start, size_t end, const char *text, bool essential,
		const char *what)
{
	char id[16];
	const size_t n = json_array_size(m->list);
	AUTO_FREE char *old = strndup(m->now->text + start, end - start);
	json_t *one;

	if (n >= MUTANTS_MAX || m->failed.code || !old || strcmp(old, text) == 0)
		return;
	(void)snprintf(id, sizeof(id), "m%02zu", n + 1);
	one = json_pack("{s:s, s:s, s:I, s:I, s:s, s:b}", "id", id, "what", what, "start",
			(json_int_t)start, "end", (json_int_t)end, "text", text, "essential",
			essential);
	if (!one || json_array_append_new(m->list, one) < 0)
		(void)err_set(&m->failed, EILSEQ, "a mutant's text is not UTF-8");
}

static void replace(struct mutants *m, TSNode node, const char *text, const char *what)
{
	AUTO_BUF struct buf b = BUF_INIT(4096);

	buf_printf(&b, "%s at line %u", what, node_line(node));
	if (b.p && text)
		add(m, ts_node_start_byte(node), ts_node_end_byte(node), text, false, b.p);
}

static void on_binary(struct mutants *m, TSNode node)
{
	static const char *const swaps[][2] = {
		{ "==", "!=" },	    { "!=", "==" },	{ "===", "!==" },   { "!==", "===" },
		{ "<", "<=" },	    { "<=", "<" },	{ ">", ">=" },	    { ">=", ">" },
		{ "is", "is not" }, { "is not", "is" }, { "in", "not in" }, { "not in", "in" }
	};
	const struct source *s = m->now;
	const TSNode left = node_field(node, "left"), right = node_field(node, "right");
	TSNode op = node_field(node, "operator");

	if (ts_node_is_null(op))
		op = node_field(node, "operators");
	if (node_eq(s, op, s->lang->and) || node_eq(s, op, s->lang->or)) {
		AUTO_FREE char *a = node_text(s, left), *b = node_text(s, right);

		replace(m, node, a, "drop the right operand");
		replace(m, node, b, "drop the left operand");
		return;
	}
	for (size_t i = 0; i < sizeof(swaps) / sizeof(swaps[0]); i++)
		if (node_eq(s, op, swaps[i][0]))
			replace(m, op, swaps[i][1], "change the comparison");
}

static void on_condition(struct mutants *m, TSNode cond)
{
	const struct source *s = m->now;
	AUTO_BUF struct buf b = BUF_INIT(1u << 16);
	const bool c_like = s->lang->braces;

	if (ts_node_is_null(cond) || node_line(cond) < m->first || node_line(cond) > m->last)
		return;
	if (node_is_type(cond, "parenthesized_expression"))
		cond = ts_node_named_child(cond, 0);

	AUTO_FREE char *text = node_text(s, cond);

	buf_printf(&b, c_like ? "!(%s)" : "not (%s)", text ? text : "");
	if (text && b.p)
		replace(m, cond, b.p, "negate the condition");
	replace(m, cond, c_like ? "0" : "False", "make the condition false");
	replace(m, cond, c_like ? "1" : "True", "make the condition true");
}

static void on_return(struct mutants *m, TSNode node)
{
	const TSNode value = ts_node_named_child(node, 0);

	if (ts_node_is_null(value))
		return;
	if (node_is(m->now, value, C_NULL))
		replace(m, value, "1", "return another value");
	else
		replace(m, value, strcmp(m->now->lang->name, "c") == 0 ? "0" : m->now->lang->null,
			"return another value");
}

/* except (A, B): without A, without B */
static void on_catch(struct mutants *m, TSNode node)
{
	TSNode types = ts_node_named_child(node, 0);

	if (node_is_type(types, "as_pattern"))
		types = ts_node_named_child(types, 0);
	if (!node_is_type(types, "tuple"))
		return;
	for (uint32_t drop = 0; drop < ts_node_named_child_count(types); drop++) {
		AUTO_BUF struct buf b = BUF_INIT(4096), what = BUF_INIT(512);
		AUTO_FREE char *gone = node_text(m->now, ts_node_named_child(types, drop));

		buf_putc(&b, '(');
		for (uint32_t i = 0; i < ts_node_named_child_count(types); i++) {
			AUTO_FREE char *t = node_text(m->now, ts_node_named_child(types, i));

			if (i != drop && t)
				buf_printf(&b, "%s, ", t);
		}
		buf_putc(&b, ')');
		buf_printf(&what, "no longer catch %s", gone ? gone : "");
		replace(m, types, b.p, what.p ? what.p : "");
	}
}

static void on_statement(struct mutants *m, TSNode node, unsigned classes)
{
	if (classes & C_DECLARATION || node_line_end(node) > m->last)
		return;
	replace(m, node, m->now->lang->braces ? ";" : "pass", "delete the statement");
}

static enum walk each(const struct source *s, TSNode node, void *ctx)
{
	struct mutants *m = ctx;
	const unsigned classes = lang_classes(s->lang, node);

	if (node_line(node) > m->last || node_line_end(node) < m->first)
		return WALK_SKIP;
	if (classes & (C_IF | C_LOOP))
		on_condition(m, node_field(node, "condition"));
	if (node_line(node) < m->first)
		return WALK_ON;
	if (classes & C_BINARY)
		on_binary(m, node);
	if (classes & C_TERNARY) {
		AUTO_FREE char *a = node_text(s, ts_node_named_child(node, 0));
		AUTO_FREE char *c = node_text(s, ts_node_named_child(node, 2));
		AUTO_FREE char *b = node_text(s, ts_node_named_child(node, 1));

		replace(m, node, s->lang->braces ? b : a, "always take the first choice");
		replace(m, node, c, "always take the last choice");
	}
	if (classes & C_RETURN)
		on_return(m, node);
	if (classes & C_CATCH)
		on_catch(m, node);
	if (classes & C_STATEMENT)
		on_statement(m, node, classes);
	return WALK_ON;
}

static void add_reverts(struct mutants *m, const struct source *was, const struct hunks *h)
{
	const size_t a = h->v[0].a, b = h->v[0].b;
	const size_t a_end = h->v[h->n - 1].a_end, b_end = h->v[h->n - 1].b_end;
	AUTO_FREE char *all = strndup(was->text + a, a_end - a);

	if (all)
		add(m, b, b_end, all, true, "revert the change of this file");
	for (size_t i = 0; h->n > 1 && i < h->n; i++) {
		AUTO_FREE char *one = strndup(was->text + h->v[i].a, h->v[i].a_end - h->v[i].a);
		AUTO_BUF struct buf what = BUF_INIT(128);

		buf_printf(&what, "revert part %zu of %zu of the change", i + 1, h->n);
		if (one && what.p)
			add(m, h->v[i].b, h->v[i].b_end, one, false, what.p);
	}
}

int mutants_of(const struct source *now, const struct source *was, unsigned first, unsigned last,
	       json_t **out, struct err *e)
{
	struct mutants m = { .now = now, .first = first, .last = last, .list = json_array() };
	struct hunks h;

	if (!m.list || hunks_between(was->text, was->n, now->text, now->n, &h, e) < 0) {
		json_decref(m.list);
		return e->code ? -e->code : err_set(e, ENOMEM, "out of memory");
	}
	if (h.n > 0)
		add_reverts(&m, was, &h);
	source_walk(now, now->root, each, &m);
	if (m.failed.code) {
		json_decref(m.list);
		*e = m.failed;
		return -e->code;
	}
	*out = json_pack("{s:s, s:o}", "language", now->lang->name, "mutants", m.list);
	return *out ? 0 : err_set(e, ENOMEM, "out of memory");
}
