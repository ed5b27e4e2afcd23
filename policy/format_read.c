/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "policy/format_impl.h"

/*
 * The text is known to be well formed.  A comment on the line of a value and
 * after it is about that value; any other is about the value that follows, or,
 * where none does, stays at the end of its list.
 */
struct reader {
	const char *p; /* what is left; ends with a NUL */
	int failed;
};

static void value_release(struct value *v)
{
	for (size_t i = 0; i < v->n; i++)
		value_release(&v->v[i]);
	free(v->v);
	free(v->before.v);
	free(v->after.v);
	free(v->inside.v);
	*v = (struct value){ 0 };
}

void text_tree_release(struct text_tree *t)
{
	value_release(&t->root);
	free(t->behind.v);
}

static void remark_add(struct reader *r, struct remarks *l, const struct remark *one)
{
	struct remark *const v = reallocarray(l->v, l->n + 1, sizeof(*v));

	if (!v) {
		r->failed = -ENOMEM;
		return;
	}
	l->v = v;
	l->v[l->n++] = *one;
}

static void remarks_move(struct reader *r, struct remarks *to, struct remarks *from)
{
	for (size_t i = 0; i < from->n; i++)
		remark_add(r, to, &from->v[i]);
	free(from->v);
	*from = (struct remarks){ 0 };
}

static bool at_comment(const char *p)
{
	return p[0] == '/' && (p[1] == '/' || p[1] == '*');
}

static const char *after_comment(const char *p)
{
	const char *end;

	if (p[1] == '/')
		return p + strcspn(p, "\n");
	end = strstr(p + 2, "*/");
	return end ? end + 2 : p + strlen(p);
}

static struct remark take_comment(struct reader *r)
{
	struct remark one = { .text = r->p };

	r->p = after_comment(r->p);
	one.n = (size_t)(r->p - one.text);
	while (one.n && isspace((unsigned char)one.text[one.n - 1]))
		one.n--;
	return one;
}

/* Space and comments; *blank: an empty line stands right before what follows. */
static void skip(struct reader *r, struct remarks *l, bool *blank)
{
	unsigned lines = 0;

	for (;;) {
		while (isspace((unsigned char)*r->p))
			lines += *r->p++ == '\n';
		if (!at_comment(r->p))
			break;
		{
			struct remark one = take_comment(r);

			one.blank = lines > 1;
			remark_add(r, l, &one);
		}
		lines = 0;
	}
	*blank = lines > 1;
}

/* Comments up to the end of this line are about the value before them, unless another follows. */
static void take_trailing(struct reader *r, struct value *v)
{
	const char *p = r->p;

	for (;;) {
		while (*p == ' ' || *p == '\t' || *p == '\r')
			p++;
		if (!at_comment(p))
			break;
		p = after_comment(p);
	}
	if (*p && !strchr("\n}]", *p))
		return;
	while (r->p < p) {
		if (at_comment(r->p)) {
			const struct remark one = take_comment(r);

			remark_add(r, &v->after, &one);
		} else {
			r->p++;
		}
	}
}

static size_t string_length(const char *p)
{
	const char *q = p + 1;

	while (*q && *q != '"')
		q += q[0] == '\\' && q[1] ? 2 : 1;
	return (size_t)(q - p) + (*q == '"');
}

static void read_value(struct reader *r, struct value *v);

static struct value *add_child(struct reader *r, struct value *v)
{
	struct value *const list = reallocarray(v->v, v->n + 1, sizeof(*list));

	if (!list) {
		r->failed = -ENOMEM;
		return NULL;
	}
	v->v = list;
	list[v->n] = (struct value){ 0 };
	return &list[v->n++];
}

/* One member or element, its comma, and what stands behind it on its line. */
static void read_child(struct reader *r, struct value *parent, struct remarks *before, bool blank)
{
	struct value *const c = add_child(r, parent);
	bool ignored;

	if (!c)
		return;
	c->blank = blank;
	remarks_move(r, &c->before, before);
	if (parent->open == '{') {
		c->key = r->p;
		c->n_key = string_length(r->p);
		r->p += c->n_key;
		skip(r, &c->before, &ignored);
		r->p += *r->p == ':';
		skip(r, &c->before, &ignored);
	}
	read_value(r, c);
	/* up to the comma, wherever it stands */
	{
		const char *const here = r->p;
		struct remarks between = { 0 };

		skip(r, &between, &ignored);
		if (*r->p == ',') {
			r->p++;
			remarks_move(r, &c->after, &between);
		} else {
			r->p = here;
		}
		free(between.v);
	}
	take_trailing(r, c);
}

static void read_container(struct reader *r, struct value *v)
{
	v->open = *r->p++;
	while (r->failed == 0) {
		struct remarks before = { 0 };
		bool blank;

		skip(r, &before, &blank);
		if (*r->p == '\0' || *r->p == '}' || *r->p == ']') {
			remarks_move(r, &v->inside, &before);
			break;
		}
		read_child(r, v, &before, blank);
		free(before.v);
	}
	r->p += *r->p != '\0';
}

static void read_value(struct reader *r, struct value *v)
{
	if (*r->p == '{' || *r->p == '[') {
		read_container(r, v);
		return;
	}
	v->text = r->p;
	v->n_text = *r->p == '"' ? string_length(r->p) : strcspn(r->p, " \t\r\n,]}/");
	r->p += v->n_text;
}

int format_read(const char *text, struct text_tree *out, struct err *e)
{
	struct reader r = { .p = text };
	bool ignored;

	*out = (struct text_tree){ 0 };
	skip(&r, &out->root.before, &ignored);
	read_value(&r, &out->root);
	skip(&r, &out->behind, &ignored);
	return r.failed ? err_set(e, -r.failed, "out of memory") : 0;
}
