/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/syntax/op.h"

/* What operators share: donors from the function itself, guards, small questions. */

struct impure {
	bool found;
	unsigned classes;
};

static enum walk find_class(const struct source *s, TSNode node, void *ctx)
{
	struct impure *i = ctx;

	if (node_is(s, node, i->classes) || node_is_type(node, "update_expression") ||
	    node_is_type(node, "await_expression") || node_is_type(node, "yield")) {
		i->found = true;
		return WALK_STOP;
	}
	return WALK_ON;
}

static bool contains_class(const struct source *s, TSNode node, unsigned classes)
{
	struct impure i = { .classes = classes };

	source_walk(s, node, find_class, &i);
	return i.found;
}

bool expression_pure(const struct source *s, TSNode node)
{
	return !ts_node_is_null(node) && !contains_class(s, node, C_CALL | C_ASSIGN | C_FUNCTION);
}

int parameter_index(const struct source *s, TSNode function, const char *name)
{
	TSNode param, node;

	for (unsigned i = 0; i < 64 && function_param(s, function, i, &param, &node); i++)
		if (node_eq(s, node, name))
			return (int)i;
	return -1;
}

const char *null_words(const struct lang *lang)
{
	if (strcmp(lang->name, "javascript") == 0)
		return "null or undefined";
	return lang->null;
}

/* ---- donors ---- */

struct first_use {
	const char *name;
	TSNode node;
	bool found;
};

static enum walk find_name(const struct source *s, TSNode node, void *ctx)
{
	struct first_use *f = ctx;

	if (!node_is(s, node, C_NAME) || !node_eq(s, node, f->name))
		return WALK_ON;
	f->node = node;
	f->found = true;
	return WALK_STOP;
}

static bool declares(const struct source *s, TSNode name)
{
	const TSNode parent = node_parent(name);
	const char *const fields[] = { "name", "left", "declarator" };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const TSNode f = node_field(parent, fields[i]);

		if (!ts_node_is_null(f) && ts_node_eq(f, name))
			return node_is(s, parent, C_ASSIGN | C_DECLARATION | C_LOOP) ||
			       strstr(ts_node_type(parent), "declarator");
	}
	return false;
}

struct scope {
	const struct site *site;
	size_t at;
	bool ok;
};

static enum walk in_scope(const struct source *s, TSNode node, void *ctx)
{
	struct scope *sc = ctx;

	if (!node_is(s, node, C_NAME))
		return WALK_ON;

	char *name = node_text(s, node);
	struct first_use f = { .name = name };
	const TSNode body = node_field(sc->site->function, "body");

	if (name && parameter_index(s, sc->site->function, name) < 0) {
		if (!ts_node_is_null(body))
			source_walk(s, body, find_name, &f);
		if (f.found && ts_node_end_byte(f.node) > sc->at)
			sc->ok = sc->ok && !declares(s, f.node);
		else if (f.found && declares(s, f.node)) {
			const TSNode block = node_enclosing(s, f.node, C_BLOCK);

			sc->ok = sc->ok && ts_node_start_byte(block) <= sc->at &&
				 ts_node_end_byte(block) > sc->at;
		}
	}
	free(name);
	return sc->ok ? WALK_ON : WALK_STOP;
}

struct donor_search {
	const struct site *site;
	size_t at;
	struct {
		TSNode node;
		long away;
	} best[DONORS_MAX];
	size_t n;
};

static bool donor_usable(const struct source *s, const struct donor_search *d, TSNode ret)
{
	struct scope sc = { .site = d->site, .at = d->at, .ok = true };

	if (contains_class(s, ret, C_CALL | C_ASSIGN | C_FUNCTION | C_INDEX | C_DEREF | C_BINARY) ||
	    (node_line_end(ret) != node_line(ret)))
		return false;
	source_walk(s, ret, in_scope, &sc);
	return sc.ok;
}

static enum walk find_donor(const struct source *s, TSNode node, void *ctx)
{
	struct donor_search *d = ctx;

	if (node_is(s, node, C_FUNCTION) && !ts_node_eq(node, d->site->function))
		return WALK_SKIP;
	if (!node_is(s, node, C_RETURN))
		return WALK_ON;
	for (size_t i = 0; i < d->n; i++)
		if (node_same(s, d->best[i].node, node))
			return WALK_SKIP;
	if (!donor_usable(s, d, node))
		return WALK_SKIP;

	const bool early = !ts_node_is_null(node_enclosing(s, node, C_IF)) &&
			   node_within(node_enclosing(s, node, C_IF), d->site->function);
	long away = (long)node_line(node) - (long)d->site->line;
	size_t at = d->n;

	away = (away < 0 ? -away : away) + (early ? 0 : 10000);
	while (at > 0 && d->best[at - 1].away > away)
		at--;
	if (at >= DONORS_MAX)
		return WALK_SKIP;
	if (d->n < DONORS_MAX)
		d->n++;
	for (size_t i = d->n - 1; i > at; i--)
		d->best[i] = d->best[i - 1];
	d->best[at].node = node;
	d->best[at].away = away;
	return WALK_SKIP;
}

struct returns {
	TSNode function;
	bool valued, any;
};

static enum walk find_returns(const struct source *s, TSNode node, void *ctx)
{
	struct returns *r = ctx;

	if (node_is(s, node, C_FUNCTION) && !ts_node_eq(node, r->function))
		return WALK_SKIP;
	if (node_is(s, node, C_RETURN)) {
		r->any = true;
		r->valued = r->valued || ts_node_named_child_count(node) > 0;
	}
	return WALK_ON;
}

/* What a function without a usable early return may leave with. */
static const char *donor_by_convention(const struct site *site)
{
	const struct source *s = site->src;
	struct returns r = { .function = site->function };

	source_walk(s, site->function, find_returns, &r);
	if (!r.valued)
		return "return";
	if (strcmp(s->lang->name, "c") != 0)
		return NULL;

	/* the text before the name: the type, macros included */
	AUTO_FREE char *head = node_text(s, site->function);
	AUTO_FREE char *name = function_name(s, site->function);
	char *at = head && name && *name ? strstr(head, name) : NULL;

	if (!at)
		return NULL;
	*at = '\0';
	if (strchr(head, '*'))
		return "return NULL";
	return strstr(head, "bool") ? "return false" : NULL;
}

void donors_of(const struct site *site, size_t at, struct donors *out)
{
	struct donor_search d = { .site = site, .at = at };
	const char *convention;

	*out = (struct donors){ 0 };
	if (ts_node_is_null(site->function))
		return;
	source_walk(site->src, site->function, find_donor, &d);
	for (size_t i = 0; i < d.n; i++) {
		char *text = node_text(site->src, d.best[i].node);
		const size_t n = text ? strlen(text) : 0;

		if (n > 0 && text[n - 1] == ';')
			text[n - 1] = '\0';
		if (text)
			out->v[out->n++] = text;
	}
	convention = donor_by_convention(site);
	if (out->n == 0 && convention && (out->v[0] = strdup(convention)))
		out->n = 1;
}

void donors_release(struct donors *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->v[i]);
	d->n = 0;
}

/* ---- guards ---- */

static TSNode only_statement(const struct source *s, TSNode body)
{
	TSNode only = body;
	unsigned n = 0;

	if (!node_is(s, body, C_BLOCK))
		return body;
	for (uint32_t i = 0; i < ts_node_named_child_count(body); i++) {
		const TSNode child = ts_node_named_child(body, i);

		if (!node_is(s, child, C_COMMENT)) {
			only = child;
			n++;
		}
	}
	return n == 1 ? only : body;
}

TSNode guard_condition(const struct source *s, TSNode statement)
{
	TSNode cond = node_field(statement, "condition");

	if (!node_is(s, statement, C_IF) ||
	    !ts_node_is_null(node_field(statement, "alternative")) ||
	    !node_is(s, only_statement(s, node_field(statement, "consequence")), C_LEAVE))
		return NODE_NONE;
	if (s->lang->braces && node_is_type(cond, "parenthesized_expression"))
		cond = ts_node_named_child(cond, 0);
	return cond;
}

void add_guard(const struct site *site, struct candidates *out, const char *cond, const char *body,
	       unsigned flags, const char *what)
{
	struct splice sp = { 0 };
	AUTO_BUF struct buf text = BUF_INIT(1u << 16);
	char indent[128];

	if (ts_node_is_null(site->statement))
		return;

	const size_t at = before_statement(site->src, site->statement);

	line_indent(site->src, at, indent, sizeof(indent));
	render_guard(site->style, indent, cond, body, &text);
	if (buf_check(&text, "guard", &out->failed) == 0 &&
	    splice_add(&sp, at, at, text.p, &out->failed) == 0)
		candidate_add(out, site, &sp, flags, "%s", what);
	splice_release(&sp);
}

void add_guards(const struct site *site, struct candidates *out, const char *cond, unsigned flags,
		const char *why)
{
	struct donors d;

	if (ts_node_is_null(site->statement))
		return;
	donors_of(site, before_statement(site->src, site->statement), &d);
	for (size_t i = 0; i < d.n; i++) {
		AUTO_BUF struct buf what = BUF_INIT(2048);

		buf_printf(&what, "leaves with '%s' when %s", d.v[i], why);
		if (what.p)
			add_guard(site, out, cond, d.v[i], flags + (unsigned)i, what.p);
	}
	donors_release(&d);
}

void add_rewrite(const struct site *site, struct candidates *out, TSNode node, const char *text,
		 unsigned flags, const char *what)
{
	struct splice sp = { 0 };

	if (splice_add(&sp, ts_node_start_byte(node), ts_node_end_byte(node), text, &out->failed) ==
	    0)
		candidate_add(out, site, &sp, flags, "%s", what);
	splice_release(&sp);
}

struct targets {
	const struct site *site;
	unsigned classes, left;
	target_fn fn;
	struct candidates *out;
};

static enum walk visit_target(const struct source *s, TSNode node, void *ctx)
{
	struct targets *t = ctx;

	if (node_line_end(node) < t->site->line || node_line(node) > t->site->line)
		return WALK_SKIP;
	if (node_line(node) == t->site->line && node_is(s, node, t->classes) && t->left > 0) {
		t->left--;
		t->fn(t->site, node, t->out);
	}
	return t->left > 0 ? WALK_ON : WALK_STOP;
}

void each_target(const struct site *site, unsigned classes, unsigned max, target_fn fn,
		 struct candidates *out)
{
	struct targets t = { site, classes, max, fn, out };

	/* the site without a subject stands for the line as a whole */
	if (!site->name)
		source_walk(site->src, site->src->root, visit_target, &t);
}
