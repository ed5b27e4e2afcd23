/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/format.h"

#include <string.h>

#include "policy/format_impl.h"
#include "policy/source.h"

#define COLUMNS	 100
#define TEXT_MAX (1u << 20)

/* ---- order ---- */

static size_t row_of(const struct jmap *map, const struct value *v)
{
	size_t i = 0;

	while (map[i].name && !(strlen(map[i].name) + 2 == v->n_key &&
				memcmp(map[i].name, v->key + 1, v->n_key - 2) == 0))
		i++;
	return i;
}

static void sort_member(struct value *v, const struct jmap *row)
{
	if (row->kind == JMAP_OBJECT && v->open == '{')
		value_sort(v, row->sub);
	for (size_t i = 0; row->kind == JMAP_LIST && v->open == '[' && i < v->n; i++)
		if (v->v[i].open == '{')
			value_sort(&v->v[i], row->sub);
}

/* By insertion: few members, and equal ones keep their order. */
void value_sort(struct value *v, const struct jmap *map)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct value one = v->v[i];
		const size_t row = row_of(map, &one);
		size_t k = i;

		for (; k > 0 && row_of(map, &v->v[k - 1]) > row; k--)
			v->v[k] = v->v[k - 1];
		v->v[k] = one;
		if (map[row].name)
			sort_member(&v->v[k], &map[row]);
	}
}

/* ---- text ---- */

static bool has_remarks(const struct value *v)
{
	if (v->inside.n)
		return true;
	for (size_t i = 0; i < v->n; i++)
		if (v->v[i].before.n || v->v[i].after.n || has_remarks(&v->v[i]))
			return true;
	return false;
}

static void write_flat(const struct value *v, struct buf *out)
{
	const char *const space = v->open == '{' ? " " : "";

	if (v->key) {
		buf_put(out, v->key, v->n_key);
		buf_puts(out, ": ");
	}
	if (!v->open) {
		buf_put(out, v->text, v->n_text);
		return;
	}
	buf_putc(out, v->open);
	for (size_t i = 0; i < v->n; i++) {
		buf_puts(out, i ? ", " : space);
		write_flat(&v->v[i], out);
	}
	if (v->n)
		buf_puts(out, space);
	buf_putc(out, v->open == '{' ? '}' : ']');
}

static bool fits(const struct value *v, unsigned depth)
{
	AUTO_BUF struct buf flat = BUF_INIT(COLUMNS + 1);

	if (!v->open)
		return true;
	if (has_remarks(v))
		return false;
	write_flat(v, &flat);
	return !flat.failed && flat.n + 2 * (size_t)depth + 1 <= COLUMNS;
}

static void indent(struct buf *out, unsigned depth)
{
	while (depth--)
		buf_puts(out, "  ");
}

static void write_remarks(const struct remarks *l, unsigned depth, bool first, struct buf *out)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].blank && !(first && i == 0))
			buf_putc(out, '\n');
		indent(out, depth);
		buf_put(out, l->v[i].text, l->v[i].n);
		buf_putc(out, '\n');
	}
}

/* On the value's line, as far as that goes: a line comment ends it. */
static void write_after(const struct remarks *l, unsigned depth, struct buf *out)
{
	bool ended = false;

	for (size_t i = 0; i < l->n; i++) {
		if (ended) {
			buf_putc(out, '\n');
			indent(out, depth);
		} else {
			buf_putc(out, ' ');
		}
		buf_put(out, l->v[i].text, l->v[i].n);
		ended = ended || l->v[i].text[1] == '/';
	}
}

static void write_value(const struct value *v, unsigned depth, struct buf *out);

static void write_children(const struct value *v, unsigned depth, struct buf *out)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct value *const c = &v->v[i];

		write_remarks(&c->before, depth, i == 0, out);
		if (c->blank && (i || c->before.n))
			buf_putc(out, '\n');
		indent(out, depth);
		write_value(c, depth, out);
		buf_putc(out, ',');
		write_after(&c->after, depth, out);
		buf_putc(out, '\n');
	}
	write_remarks(&v->inside, depth, v->n == 0, out);
}

static void write_value(const struct value *v, unsigned depth, struct buf *out)
{
	if (depth && fits(v, depth)) {
		write_flat(v, out);
		return;
	}
	if (v->key) {
		buf_put(out, v->key, v->n_key);
		buf_puts(out, ": ");
	}
	buf_putc(out, v->open);
	buf_putc(out, '\n');
	write_children(v, depth + 1, out);
	indent(out, depth);
	buf_putc(out, v->open == '{' ? '}' : ']');
}

void format_write(const struct text_tree *t, struct buf *out)
{
	write_remarks(&t->root.before, 0, true, out);
	write_value(&t->root, 0, out);
	buf_putc(out, '\n');
	write_remarks(&t->behind, 0, false, out);
}

static int format_once(const char *text, struct buf *out, struct err *e)
{
	struct text_tree t = { 0 };
	int r = format_read(text, &t, e);

	if (r == 0) {
		value_sort(&t.root, policy_map);
		format_write(&t, out);
		r = buf_check(out, "the formatted policy", e);
	}
	text_tree_release(&t);
	return r;
}

/* Reads both: whatever the two functions above do, a policy is not changed by its formatting. */
static int check_same(const char *name, const char *text, size_t n, const struct buf *out,
		      struct err *e)
{
	AUTO_BUF struct buf again = BUF_INIT(TEXT_MAX);
	struct policy *before = NULL, *after = NULL;
	int r = policy_parse_file(name, text, n, &before, e);

	if (r == 0 && policy_parse_file(name, out->p, out->n, &after, e) < 0)
		r = err_wrap(e, "the formatted text is not the same policy");
	if (r == 0 && strcmp(policy_digest(before), policy_digest(after)) != 0)
		r = err_set(e, EPROTO, "%s: the formatted text is another policy", name);
	if (r == 0)
		r = format_once(out->p, &again, e);
	if (r == 0 && (again.n != out->n || memcmp(again.p, out->p, out->n) != 0))
		r = err_set(e, EPROTO, "%s: formatting it twice changes it again", name);
	policy_free(before);
	policy_free(after);
	return r;
}

int policy_format(const char *name, const char *text, size_t n, struct buf *out, struct err *e)
{
	AUTO_BUF struct buf made = BUF_INIT(TEXT_MAX);
	struct policy *p = NULL;
	int r = policy_parse_file(name, text, n, &p, e);

	policy_free(p);
	if (r == 0)
		r = format_once(text, &made, e);
	if (r == 0)
		r = check_same(name, text, n, &made, e);
	if (r == 0)
		buf_put(out, made.p, made.n);
	return r < 0 ? r : buf_check(out, name, e);
}
