/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/inside/inspect_parts.h"
#include "runtime/base/jmap.h"

/*
 * What a text checks, as a list of constructs; a construct of the old text
 * that the new one lacks is a finding, and so is a handler of the new text
 * that catches everything or swallows and was not there before.  A handler
 * that names one more type is a note: it is how such code is mended.  White
 * space does not count.
 */
#define CONSTRUCTS_MAX 8000
#define FINDINGS_MAX   200

enum construct_kind { RAISE, ASSERTION, CHECK, CATCH, CATCH_ALL, SWALLOW };

static const struct kind {
	const char *removed, *added; /* the finding's name; NULL: none */
	bool note;
} kinds[] = {
	[RAISE] = { "raise-removed", NULL },	   [ASSERTION] = { "assertion-removed", NULL },
	[CHECK] = { "check-removed", NULL },	   [CATCH] = { NULL, "catch-widened", true },
	[CATCH_ALL] = { NULL, "catch-all-added" }, [SWALLOW] = { NULL, "swallow-added" },
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

static void on_call(const struct source *s, TSNode node, struct constructs *c)
{
	TSNode callee = node_field(node, "function");
	AUTO_FREE char *whole = node_text(s, callee);

	if (node_is(s, callee, C_MEMBER))
		callee = node_field(callee, s->lang->member_name);

	AUTO_FREE char *name = node_text(s, callee);

	if (!whole || !name)
		c->failed = true;
	else if (starts_with_one(whole, s->lang->asserting))
		keep(c, ASSERTION, node_line(node), node_text(s, node));
	else if (has_part(name, s->lang->guarding))
		keep(c, CHECK, node_line(node),
		     take_ptr(whole)); /* with what it is called may change */
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
