/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/inside/inspect_parts.h"
#include "agent/inside/weakening.h"
#include "runtime/base/jmap.h"

/*
 * What a text checks, as a list of constructs; a construct of the old text
 * that the new one lacks is a finding, and so is a handler of the new text
 * that catches everything or swallows and was not there before.  A handler
 * that names one more type is a note: it is how such code is mended.  So is a
 * condition in front of a raise that has one more part: it applies to fewer
 * values.  White space does not count.
 */
#define CONSTRUCTS_MAX 8000
#define FINDINGS_MAX   200

static const struct kind {
	const char *removed, *added; /* the finding's name; NULL: none */
	bool note;
} kinds[] = {
	[RAISE] = { "raise-removed", NULL },	       [ASSERTION] = { "assertion-removed", NULL },
	[CHECK] = { "check-removed", NULL },	       [GUARD] = { "guard-changed", NULL },
	[NARROWED] = { "guard-narrowed", NULL, true }, [CATCH] = { NULL, "catch-widened", true },
	[CATCH_ALL] = { NULL, "catch-all-added" },     [SWALLOW] = { NULL, "swallow-added" },
	[SWITCH] = { NULL, "check-disabled" },	       [SILENCED] = { NULL, "checker-silenced" },
};

struct construct {
	enum construct_kind kind;
	unsigned line;
	char *text;
	bool matched;
};

struct constructs {
	struct construct *v;
	size_t n, cap;
	bool failed;
};

static void squeeze(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++)
		if (!strchr(" \t\r\n;", *from))
			*to++ = *from;
	*to = '\0';
}

static void keep(struct constructs *c, enum construct_kind kind, unsigned line, char *text)
{
	if (c->n == c->cap) {
		const size_t cap = c->cap ? c->cap * 2 : 64;
		struct construct *v =
			cap <= CONSTRUCTS_MAX ? realloc(c->v, cap * sizeof(*v)) : NULL;

		if (v) {
			c->v = v;
			c->cap = cap;
		}
	}
	if (c->n == c->cap || !text) {
		c->failed = true;
		free(text);
		return;
	}
	squeeze(text);
	c->v[c->n++] = (struct construct){ .kind = kind, .line = line, .text = text };
}

static bool starts_with_one(const char *name, const char *const *words)
{
	for (; *words; words++)
		if (strncmp(name, *words, strlen(*words)) == 0)
			return true;
	return false;
}

static bool has_part(const char *name, const char *const *parts)
{
	for (; *parts; parts++)
		if (strcasestr(name, *parts))
			return true;
	return false;
}

static TSNode handler_body(const struct source *s, TSNode handler)
{
	TSNode body = node_field(handler, "body");

	for (uint32_t i = 0; ts_node_is_null(body) && i < ts_node_named_child_count(handler); i++)
		if (node_is(s, ts_node_named_child(handler, i), C_BLOCK))
			body = ts_node_named_child(handler, i);
	return body;
}

/* Nothing in it, or nothing but pass. */
static bool body_is_empty(const struct source *s, TSNode body)
{
	for (uint32_t i = 0; !ts_node_is_null(body) && i < ts_node_named_child_count(body); i++) {
		const TSNode child = ts_node_named_child(body, i);

		if (!node_is(s, child, C_COMMENT) && !node_is_type(child, "pass_statement"))
			return false;
	}
	return true;
}

/* suppress(A, B): a handler that does nothing. */
static void on_suppress(const struct source *s, TSNode call, struct constructs *c)
{
	const TSNode arguments = node_field(call, "arguments");
	AUTO_FREE char *types = node_text(s, arguments);

	if (!types)
		c->failed = true;
	else if (strstr(types, "BaseException") || strstr(types, "(Exception"))
		keep(c, CATCH_ALL, node_line(call), take_ptr(types));
	else
		keep(c, CATCH, node_line(call), take_ptr(types));
}

/* promise.catch(() => {}): a function with an empty body. */
static bool hands_nothing_on(const struct source *s, TSNode call)
{
	const TSNode handler = ts_node_named_child(node_field(call, "arguments"), 0);
	const TSNode body = node_field(handler, "body");

	return node_is(s, handler, C_FUNCTION) && node_is(s, body, C_BLOCK) &&
	       body_is_empty(s, body);
}

static void on_call(const struct source *s, TSNode node, struct constructs *c)
{
	TSNode callee = node_field(node, "function");
	enum construct_kind known;
	AUTO_FREE char *whole = node_text(s, callee);

	if (node_is(s, callee, C_MEMBER))
		callee = node_field(callee, s->lang->member_name);

	AUTO_FREE char *name = node_text(s, callee);

	if (!whole || !name) {
		c->failed = true;
		return;
	}
	known = weakening_call(s->lang, whole, name);
	if (strcmp(name, "suppress") == 0)
		on_suppress(s, node, c);
	else if (strcmp(name, "catch") == 0 && hands_nothing_on(s, node))
		keep(c, SWALLOW, node_line(node), node_text(s, node));
	else if (known == CHECK)
		keep(c, CHECK, node_line(node), take_ptr(whole));
	else if (known != NOTHING)
		keep(c, known, node_line(node), node_text(s, node));
	else if (starts_with_one(whole, s->lang->asserting) ||
		 starts_with_one(name, s->lang->asserting))
		keep(c, ASSERTION, node_line(node), node_text(s, node));
	else if (has_part(name, s->lang->guarding))
		keep(c, CHECK, node_line(node),
		     take_ptr(whole)); /* with what it is called may change */
}

/* Python names what is caught before the body; JavaScript catches everything always. */
static void on_catch(const struct source *s, TSNode node, struct constructs *c)
{
	const TSNode body = handler_body(s, node);
	const TSNode first = ts_node_named_child(node, 0);
	const bool bare = ts_node_is_null(first) || ts_node_eq(first, body);
	AUTO_FREE char *types = bare ? strdup("") : node_text(s, first);

	if (!types) {
		c->failed = true;
		return;
	}
	if (body_is_empty(s, body))
		keep(c, SWALLOW, node_line(node), node_text(s, node_parent(node)));
	if (s->lang->braces || bare || strstr(types, "BaseException") ||
	    strncmp(types, "Exception", 9) == 0)
		keep(c, CATCH_ALL, node_line(node), node_text(s, node));
	else
		keep(c, CATCH, node_line(node), take_ptr(types));
}

/* The statement that an if leads to raises: at once, or as one of its block. */
static bool leads_to_raise(const struct source *s, TSNode body)
{
	if (node_is(s, body, C_THROW))
		return true;
	for (uint32_t i = 0; node_is(s, body, C_BLOCK) && i < ts_node_named_child_count(body); i++)
		if (node_is(s, ts_node_named_child(body, i), C_THROW))
			return true;
	return false;
}

static void on_if(const struct source *s, TSNode node, struct constructs *c)
{
	const TSNode condition = node_field(node, "condition");

	if (!ts_node_is_null(condition) && leads_to_raise(s, node_field(node, "consequence")))
		keep(c, GUARD, node_line(condition), node_text(s, condition));
}

/* "return -EPERM;": in C this is how a function refuses. */
static void on_return(const struct source *s, TSNode node, struct constructs *c)
{
	AUTO_FREE char *text = strcmp(s->lang->name, "c") == 0 ? node_text(s, node) : NULL;
	const char *value = text ? strchr(text, '-') : NULL;

	if (value && value[1] == 'E' && value[2] >= 'A' && value[2] <= 'Z')
		keep(c, RAISE, node_line(node), take_ptr(text));
}

/* name=value, name: value, and x.name = value; each grammar names the parts in its own way. */
static void on_switch(const struct source *s, TSNode node, struct constructs *c)
{
	static const char *const names[] = { "name", "key", "left" };
	static const char *const values[] = { "value", "value", "right" };
	AUTO_FREE char *name = NULL, *value = NULL;
	const char *own;

	for (size_t i = 0; !name && i < sizeof(names) / sizeof(names[0]); i++)
		if (!ts_node_is_null(node_field(node, names[i])) &&
		    !ts_node_is_null(node_field(node, values[i]))) {
			name = node_text(s, node_field(node, names[i]));
			value = node_text(s, node_field(node, values[i]));
		}
	if (!name || !value)
		return;
	own = strrchr(name, '.') ? strrchr(name, '.') + 1 : name;
	if (weakening_switch(s->lang, own, value))
		keep(c, SWITCH, node_line(node), node_text(s, node));
}

static void on_comment(const struct source *s, TSNode node, struct constructs *c)
{
	AUTO_FREE char *text = node_text(s, node);

	if (text && weakening_remark(s->lang, text))
		keep(c, SILENCED, node_line(node), take_ptr(text));
}

/* @login_required; one with arguments is a call, and found as such */
static void on_decorator(const struct source *s, TSNode node, struct constructs *c)
{
	const TSNode what = ts_node_named_child(node, 0);
	AUTO_FREE char *name = node_is(s, what, C_CALL) ? NULL : node_text(s, what);

	if (name && has_part(name, s->lang->guarding))
		keep(c, CHECK, node_line(node), take_ptr(name));
}

static bool is_switch(TSNode node)
{
	return node_is_type(node, "keyword_argument") || node_is_type(node, "pair") ||
	       node_is_type(node, "assignment") || node_is_type(node, "assignment_expression");
}

static enum walk each(const struct source *s, TSNode node, void *ctx)
{
	struct constructs *c = ctx;
	const unsigned classes = lang_classes(s->lang, node);

	if (classes & C_THROW)
		keep(c, RAISE, node_line(node), node_text(s, node));
	if (classes & C_ASSERT)
		keep(c, ASSERTION, node_line(node), node_text(s, node));
	if (classes & C_CALL)
		on_call(s, node, c);
	if (classes & C_CATCH)
		on_catch(s, node, c);
	if (classes & C_IF)
		on_if(s, node, c);
	if (classes & C_RETURN)
		on_return(s, node, c);
	if (classes & C_COMMENT)
		on_comment(s, node, c);
	if (is_switch(node))
		on_switch(s, node, c);
	if (node_is_type(node, "decorator"))
		on_decorator(s, node, c);
	return c->failed ? WALK_STOP : WALK_ON;
}

static void constructs_release(struct constructs *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->v[i].text);
	free(c->v);
}

/* Pairs equal constructs off, each with one of the other side. */
static void match(struct constructs *a, struct constructs *b)
{
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++) {
			if (b->v[k].matched || a->v[i].kind != b->v[k].kind ||
			    strcmp(a->v[i].text, b->v[k].text) != 0)
				continue;
			a->v[i].matched = b->v[k].matched = true;
			break;
		}
}

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* 1: the new condition holds for no less than the old one; 0: for fewer values; -1: who knows. */
static int compare_guards(const struct lang *l, const char *was, const char *now)
{
	const bool paren = *was == '(' && *now == '(';
	const size_t n = strlen(was) - (paren ? 2 : 0), m = strlen(now) - (paren ? 2 : 0);
	const char *a = was + paren, *b = now + paren;
	const char *before = b + m - n, *joint;

	if (m <= n)
		return -1;
	if (memcmp(a, b, n) == 0) {
		joint = b + n;
		return begins(joint, l->or) ? 1 : begins(joint, l->and) ? 0 : -1;
	}
	if (memcmp(a, before, n) != 0)
		return -1;
	joint = before - strlen(l->and);
	if (joint > b && begins(joint, l->and))
		return 0;
	joint = before - strlen(l->or);
	return joint > b && begins(joint, l->or) ? 1 : -1;
}

static struct construct *open_guard(struct constructs *c)
{
	for (size_t k = 0; k < c->n; k++)
		if (c->v[k].kind == GUARD && !c->v[k].matched)
			return &c->v[k];
	return NULL;
}

/*
 * A condition that is part of a new one is stronger, which is nothing to report,
 * or narrower.  One that is gone is reported with its raise, or that is raised
 * always by now; one that another stands for was changed.
 */
static void match_guards(const struct lang *l, struct constructs *a, struct constructs *b)
{
	for (size_t i = 0; i < a->n; i++) {
		if (a->v[i].kind != GUARD || a->v[i].matched)
			continue;
		for (size_t k = 0; k < b->n; k++) {
			const int how = b->v[k].kind == GUARD && !b->v[k].matched
						? compare_guards(l, a->v[i].text, b->v[k].text)
						: -1;

			if (how < 0)
				continue;
			b->v[k].matched = true;
			a->v[i].matched = how == 1;
			a->v[i].kind = how == 1 ? GUARD : NARROWED;
			break;
		}
	}
	for (size_t i = 0; i < a->n; i++) {
		struct construct *other = open_guard(b);

		if (a->v[i].kind != GUARD || a->v[i].matched)
			continue;
		a->v[i].matched = !other;
		if (other)
			other->matched = true;
	}
}

struct report {
	json_t *findings, *notes;
	struct err *e;
};

static int report(struct report *r, const struct constructs *c, bool removed)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct kind *k = &kinds[c->v[i].kind];
		const char *name = removed ? k->removed : k->added;
		json_t *list = k->note ? r->notes : r->findings, *one;

		if (c->v[i].matched || !name || json_array_size(list) == FINDINGS_MAX)
			continue;
		/* text that is not UTF-8 is reported without it */
		one = json_pack("{s:s, s:i, s:o*}", "kind", name, "line", (int)c->v[i].line, "what",
				json_stringn(c->v[i].text, strnlen(c->v[i].text, 200)));
		if (!one || json_array_append_new(list, one) < 0)
			return err_set(r->e, ENOMEM, "out of memory");
	}
	return 0;
}

int weakening_of(const struct source *was, const struct source *now, json_t **out, struct err *e)
{
	struct constructs a = { 0 }, b = { 0 };
	struct report rep = { json_array(), json_array(), e };
	int r = 0;

	source_walk(was, was->root, each, &a);
	source_walk(now, now->root, each, &b);
	match(&a, &b);
	match_guards(was->lang, &a, &b);
	if (!rep.findings || !rep.notes || a.failed || b.failed)
		r = err_set(e, E2BIG, "too much to compare");
	if (r == 0)
		r = report(&rep, &a, true);
	if (r == 0)
		r = report(&rep, &b, false);
	if (r == 0) {
		*out = json_pack("{s:O, s:O}", "findings", rep.findings, "notes", rep.notes);
		r = *out ? 0 : err_set(e, ENOMEM, "out of memory");
	}
	json_decref(rep.findings);
	json_decref(rep.notes);
	constructs_release(&a);
	constructs_release(&b);
	return r;
}
