/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/syntax/ops.h"

/* Operators for a value that is absent: null, undefined, None, NULL. */

#define AT_FAULT	 (1u << SITE_FAULT)
#define AT_FAULT_OR_CALL (AT_FAULT | 1u << SITE_CALLER)

static char *null_test(const struct site *site, bool is_null, bool atom)
{
	AUTO_BUF struct buf b = BUF_INIT(4096);

	render_null_test(site->style, site->name, is_null, atom, &b);
	return buf_take(&b);
}

static bool subject_usable(const struct site *site)
{
	return site->name && expression_pure(site->src, site->subject);
}

static TSNode body_of_leave(const struct source *s, TSNode guard)
{
	TSNode body = node_field(guard, "consequence");

	while (node_is(s, body, C_BLOCK) && ts_node_named_child_count(body) > 0)
		body = ts_node_named_child(body, ts_node_named_child_count(body) - 1);
	return body;
}

struct assigned {
	const char *name;
	bool found;
};

static enum walk find_assignment(const struct source *s, TSNode node, void *ctx)
{
	struct assigned *a = ctx;
	const char *const fields[] = { "left", "name", "declarator" };

	for (size_t i = 0; node_is(s, node, C_ASSIGN) && i < 3; i++) {
		const TSNode left = node_field(node, fields[i]);
		AUTO_FREE char *text = node_text(s, left);

		if (text && strcmp(text[0] == '*' ? text + 1 : text, a->name) == 0)
			a->found = true;
	}
	return a->found ? WALK_STOP : WALK_ON;
}

/*
 * The guard that may be widened: the faulting statement itself when the fault
 * is in its condition, else one above it in the same block with nothing between
 * that gives the subject its value.
 */
static bool guard_for(const struct site *site, TSNode *guard, TSNode *cond, bool *own)
{
	const struct source *s = site->src;
	TSNode st = site->statement;

	*cond = guard_condition(s, st);
	*own = true;
	if (!ts_node_is_null(*cond)) {
		*guard = st;
		return node_within(site->subject, *cond);
	}
	*own = false;
	for (int back = 0; back < 8; back++) {
		struct assigned a = { .name = site->name };

		st = ts_node_prev_named_sibling(st);
		if (ts_node_is_null(st))
			return false;
		source_walk(s, st, find_assignment, &a);
		if (a.found)
			return false;
		*cond = guard_condition(s, st);
		if (ts_node_is_null(*cond) || !node_is(s, body_of_leave(s, st), C_RETURN) ||
		    !expression_pure(s, body_of_leave(s, st)))
			continue;
		*guard = st;
		return true;
	}
	return false;
}

struct mention {
	const char *name;
	bool found;
};

static enum walk find_mention(const struct source *s, TSNode node, void *ctx)
{
	struct mention *m = ctx;

	m->found = m->found || node_eq(s, node, m->name);
	return m->found ? WALK_STOP : WALK_ON;
}

static bool mentions(const struct source *s, TSNode node, const char *name)
{
	struct mention m = { .name = name };

	source_walk(s, node, find_mention, &m);
	return m.found;
}

/* Text of a condition as one operand of `or`. */
static void put_operand(const struct site *site, TSNode cond, struct buf *out)
{
	AUTO_FREE char *text = node_text(site->src, cond);
	const TSNode op = node_field(cond, "operator");
	const bool logic_or = node_eq(site->src, op, site->src->lang->or);
	const bool binary = node_is(site->src, cond, C_BINARY);
	const bool brackets = node_is(site->src, cond, C_TERNARY | C_ASSIGN) ||
			      (binary && node_eq(site->src, op, site->src->lang->and)) ||
			      (binary && !logic_or && site->style->paren_logic);

	buf_printf(out, brackets ? "(%s)" : "%s", text ? text : "");
}

static void null_widen(const struct site *site, struct candidates *out)
{
	TSNode guard, cond;
	bool first; /* the test has to come before what the condition does with the subject */

	if (!subject_usable(site) || ts_node_is_null(site->statement) ||
	    !guard_for(site, &guard, &cond, &first))
		return;
	first = first || mentions(site->src, cond, site->name);

	AUTO_FREE char *test = null_test(site, true, site->style->paren_logic);
	AUTO_BUF struct buf text = BUF_INIT(1u << 16);
	struct splice sp = { 0 };

	if (!test)
		return;
	if (first)
		buf_printf(&text, "%s %s ", test, site->src->lang->or);
	put_operand(site, cond, &text);
	if (!first)
		buf_printf(&text, " %s %s", site->src->lang->or, test);
	if (buf_check(&text, "condition", &out->failed) == 0 &&
	    splice_add(&sp, ts_node_start_byte(cond), ts_node_end_byte(cond), text.p,
		       &out->failed) == 0)
		candidate_add(out, site, &sp, CAND_GENERAL,
			      "lets the check at line %u also leave when '%s' is %s",
			      node_line(guard), site->name, null_words(site->src->lang));
	splice_release(&sp);
}

static bool in_loop(const struct site *site)
{
	const TSNode loop = node_enclosing(site->src, site->statement, C_LOOP);

	return node_within(loop, site->function) &&
	       node_within(site->statement, node_field(loop, "body"));
}

static void null_guard(const struct site *site, struct candidates *out)
{
	const unsigned later = in_loop(site) ? 4 : 0; /* going on with the next one is likelier */

	if (!subject_usable(site))
		return;

	AUTO_FREE char *test = null_test(site, true, false);
	AUTO_BUF struct buf why = BUF_INIT(1024);

	buf_printf(&why, "'%s' is %s", site->name, null_words(site->src->lang));
	if (test && why.p)
		add_guards(site, out, test, CAND_GENERAL | later, why.p);
}

/* ---- every pointer parameter that is used unchecked up to the faulting line ---- */

struct unchecked {
	const struct site *site;
	const char *name;
	uint32_t first; /* line of the first use through the pointer; 0: none */
	bool checked;
};

static enum walk find_unchecked(const struct source *s, TSNode node, void *ctx)
{
	struct unchecked *u = ctx;
	const TSNode parent = node_parent(node);

	if (node_line(node) > u->site->line)
		return WALK_SKIP;
	if (!node_is(s, node, C_NAME) || !node_eq(s, node, u->name))
		return WALK_ON;
	if (node_is(s, parent, C_DEREF) && !node_eq(s, node_field(parent, "operator"), "&") &&
	    u->first == 0)
		u->first = node_line(node);
	if ((node_is(s, parent, C_BINARY) && (node_is(s, node_field(parent, "right"), C_NULL) ||
					      node_is(s, node_field(parent, "left"), C_NULL))) ||
	    (node_is(s, parent, C_NOT) && node_eq(s, node_field(parent, "operator"), "!")))
		u->checked = true;
	return WALK_ON;
}

struct parameters {
	struct buf cond, names;
	uint32_t first; /* line of the first unchecked use */
	unsigned n;
};

/* The subject, and each other parameter that is used unchecked before the fault. */
static bool unchecked_parameters(const struct site *site, struct parameters *p)
{
	TSNode param, name;

	for (unsigned i = 0; i < 32 && function_param(site->src, site->function, i, &param, &name);
	     i++) {
		AUTO_FREE char *text = node_text(site->src, name);
		struct unchecked u = { .site = site, .name = text };

		if (!text)
			return false;
		source_walk(site->src, node_field(site->function, "body"), find_unchecked, &u);
		if (strcmp(text, site->name) != 0 && (u.first == 0 || u.checked))
			continue;
		if (u.first && u.first < p->first)
			p->first = u.first;
		buf_puts(&p->cond, p->n ? " || " : "");
		render_null_test(site->style, text, true, true, &p->cond);
		buf_printf(&p->names, "%s'%s'", p->n++ ? " or " : "", text);
	}
	return p->n > 1 && p->cond.p && p->names.p && !p->cond.failed;
}

/* The statement of the function's own block that a line belongs to. */
static TSNode outermost_statement(const struct site *site, uint32_t line)
{
	const TSNode body = node_field(site->function, "body");
	TSNode st = statement_at_line(site->src, line);

	while (!ts_node_is_null(st) && !ts_node_eq(node_parent(st), body))
		st = node_enclosing(site->src, node_parent(st), C_STATEMENT);
	return st;
}

static void null_parameters(const struct site *site, struct candidates *out)
{
	struct parameters p = { .cond = BUF_INIT(4096),
				.names = BUF_INIT(1024),
				.first = site->line };
	AUTO_BUF struct buf why = BUF_INIT(1024);
	struct site wide = *site;

	if (subject_usable(site) && parameter_index(site->src, site->function, site->name) >= 0 &&
	    unchecked_parameters(site, &p)) {
		wide.line = p.first;
		wide.statement = outermost_statement(site, p.first);
		buf_printf(&why, "%s is %s", p.names.p, null_words(site->src->lang));
		if (why.p)
			add_guards(&wide, out, p.cond.p, CAND_GENERAL, why.p);
	}
	buf_release(&p.cond);
	buf_release(&p.names);
}

/* ---- weaker forms ---- */

static void null_skip(const struct site *site, struct candidates *out)
{
	if (!subject_usable(site) || !in_loop(site))
		return;

	AUTO_FREE char *test = null_test(site, true, false);
	AUTO_BUF struct buf what = BUF_INIT(1024);

	buf_printf(&what, "goes on with the next one when '%s' is %s", site->name,
		   null_words(site->src->lang));
	if (test && what.p)
		add_guard(site, out, test, "continue", CAND_GENERAL, what.p);
}

/* The condition, without brackets, in which the subject stands. */
static TSNode enclosing_condition(const struct site *site)
{
	const struct source *s = site->src;
	TSNode owner = node_enclosing(s, site->subject, C_IF | C_TERNARY | C_LOOP | C_STATEMENT);
	TSNode cond = node_field(owner, "condition");

	if (ts_node_is_null(cond) && node_is_type(owner, "conditional_expression"))
		cond = ts_node_named_child(owner, 1);
	if (!node_within(site->subject, cond))
		return NODE_NONE;
	if (s->lang->braces && node_is_type(cond, "parenthesized_expression"))
		cond = ts_node_named_child(cond, 0);
	return cond;
}

static void null_condition(const struct site *site, struct candidates *out)
{
	const TSNode cond = enclosing_condition(site);
	struct splice sp = { 0 };

	if (!subject_usable(site) || ts_node_is_null(cond))
		return;

	AUTO_FREE char *test = null_test(site, false, site->style->paren_logic);
	AUTO_FREE char *old = node_text(site->src, cond);
	AUTO_BUF struct buf text = BUF_INIT(1u << 16);
	const bool brackets = node_is(site->src, cond, C_TERNARY | C_ASSIGN) ||
			      node_eq(site->src, node_field(cond, "operator"), site->src->lang->or);

	buf_printf(&text, brackets ? "%s %s (%s)" : "%s %s %s", test ? test : "",
		   site->src->lang->and, old ? old : "");
	if (test && old && text.p &&
	    splice_add(&sp, ts_node_start_byte(cond), ts_node_end_byte(cond), text.p,
		       &out->failed) == 0)
		candidate_add(out, site, &sp, CAND_GENERAL,
			      "takes the condition at line %u as false when '%s' is %s",
			      node_line(cond), site->name, null_words(site->src->lang));
	splice_release(&sp);
}

static void null_wrap(const struct site *site, struct candidates *out)
{
	const struct source *s = site->src;
	const TSNode st = site->statement;
	struct splice sp = { 0 };
	char indent[128];

	if (!subject_usable(site) || !node_is(s, st, C_EXPR_STATEMENT) ||
	    node_line(st) != node_line_end(st))
		return;

	AUTO_FREE char *test = null_test(site, false, false);
	AUTO_FREE char *old = node_text(s, st);
	AUTO_BUF struct buf text = BUF_INIT(1u << 16);
	const size_t n = old ? strlen(old) : 0;

	if (!test || n == 0)
		return;
	if (old[n - 1] == ';')
		old[n - 1] = '\0';
	line_indent(s, ts_node_start_byte(st), indent, sizeof(indent));
	render_guard(site->style, indent, test, old, &text);
	if (buf_check(&text, "guard", &out->failed) < 0)
		return;
	text.p[text.n - strlen(indent) - 1] = '\0'; /* the line goes on as it did */
	if (splice_add(&sp, ts_node_start_byte(st), ts_node_end_byte(st), text.p, &out->failed) ==
	    0)
		candidate_add(out, site, &sp, CAND_GENERAL | CAND_DELETES,
			      "skips the statement when '%s' is %s", site->name,
			      null_words(s->lang));
	splice_release(&sp);
}

/* What stands for "none of these" where a member of this name is used. */
static const struct {
	const char *lang, *members, *value;
} empties[] = {
	{ "javascript",
	  " length charAt charCodeAt replace split trim toLowerCase toUpperCase slice "
	  "indexOf substring startsWith endsWith match ",
	  "''" },
	{ "javascript", " map forEach filter reduce join concat push some every find ", "[]" },
	{ "javascript", " ", "{}" },
	{ "python", " split strip lower upper replace startswith endswith encode format join ",
	  "\"\"" },
	{ "python", " get items keys values ", "{}" },
	{ "python", " append extend ", "[]" },
};

/*
 * The value where nothing is; not by "or", which would take the place of false,
 * zero and the empty text as well.  What calls something is not written twice.
 */
static void put_default(const struct site *site, const char *value, struct buf *out)
{
	const struct lang *lang = site->src->lang;
	AUTO_FREE char *test = null_test(site, true, false);

	if (site->style->nullish || !test || strchr(site->name, '('))
		buf_printf(out, "%s %s %s", site->name, site->style->nullish ? "??" : lang->or,
			   value);
	else if (lang->braces)
		buf_printf(out, "%s ? %s : %s", test, value, site->name);
	else
		buf_printf(out, "%s if %s else %s", value, test, site->name);
}

static void null_default(const struct site *site, struct candidates *out)
{
	const struct source *s = site->src;
	const TSNode parent = node_parent(site->subject);
	const bool member = node_is(s, parent, C_MEMBER);
	AUTO_FREE char *name = node_text(s, node_field(parent, s->lang->member_name));
	AUTO_BUF struct buf padded = BUF_INIT(256);
	const bool alone = site->role == SITE_CALLER;

	buf_printf(&padded, " %s ", member && name ? name : "");
	if (!site->name || !padded.p || !name || (!member && !alone))
		return;
	for (size_t i = 0, order = 0; i < sizeof(empties) / sizeof(empties[0]); i++) {
		struct splice sp = { 0 };
		AUTO_BUF struct buf text = BUF_INIT(4096);

		if (strcmp(empties[i].lang, s->lang->name) != 0 ||
		    (member && empties[i].members[1] && !strstr(empties[i].members, padded.p)))
			continue;
		buf_puts(&text, alone ? "" : "(");
		put_default(site, empties[i].value, &text);
		buf_puts(&text, alone ? "" : ")");
		if (text.p &&
		    splice_add(&sp, ts_node_start_byte(site->subject),
			       ts_node_end_byte(site->subject), text.p, &out->failed) == 0)
			candidate_add(out, site, &sp, CAND_GENERAL | (unsigned)order++,
				      "takes %s in place of '%s' when that is %s", empties[i].value,
				      site->name, null_words(s->lang));
		splice_release(&sp);
	}
}

static void optional_chain(const struct site *site, struct candidates *out)
{
	const struct source *s = site->src;
	const TSNode parent = node_parent(site->subject);
	const TSNode above = node_parent(parent);
	struct splice sp = { 0 };

	if (!site->style->optional_chain || !node_is(s, parent, C_MEMBER) ||
	    (node_is(s, above, C_ASSIGN) && ts_node_eq(node_field(above, "left"), parent)))
		return;

	const size_t at = ts_node_end_byte(site->subject);

	if (splice_add(&sp, at, at, "?", &out->failed) == 0)
		candidate_add(out, site, &sp, CAND_GENERAL,
			      "reads nothing through '%s' when it is %s", site->name,
			      null_words(s->lang));
	splice_release(&sp);
}

const struct op ops_null[] = {
	{ "null-guard-parameters", "c", FAULT_NULL, AT_FAULT, 10, null_parameters },
	{ "null-guard-widen", NULL, FAULT_NULL, AT_FAULT_OR_CALL, 12, null_widen },
	{ "null-guard", NULL, FAULT_NULL, AT_FAULT_OR_CALL, 14, null_guard },
	{ "null-skip", NULL, FAULT_NULL, AT_FAULT, 24, null_skip },
	{ "null-condition", NULL, FAULT_NULL, AT_FAULT, 26, null_condition },
	{ "optional-chain", "javascript", FAULT_NULL, AT_FAULT, 30, optional_chain },
	{ "null-default", "javascript python", FAULT_NULL, AT_FAULT_OR_CALL, 34, null_default },
	{ "null-wrap", NULL, FAULT_NULL, AT_FAULT, 50, null_wrap },
	{ 0 },
};
