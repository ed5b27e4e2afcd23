/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/syntax/op.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/syntax/ops.h"

static const struct op *const tables[] = {
	ops_null, ops_call, ops_catch, ops_index, ops_number, ops_key, ops_type,
};
#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

const struct op *operator_at(size_t i)
{
	for (size_t t = 0; t < N_TABLES; t++)
		for (const struct op *op = tables[t]; op->name; op++)
			if (i-- == 0)
				return op;
	return NULL;
}

void operators_run(const struct site *site, struct candidates *out)
{
	const struct op *op;

	for (size_t i = 0; (op = operator_at(i)); i++)
		if ((op->faults & site->fault->classes) && (op->roles & 1u << site->role) &&
		    lang_listed(op->langs, site->src->lang->name)) {
			out->by = op;
			op->generate(site, out);
		}
}

static void candidate_release(struct candidate *c)
{
	splice_release(&c->splice);
	free(c->summary);
	free(c->subject);
	free(c->after);
}

void candidates_release(struct candidates *c)
{
	for (size_t i = 0; i < c->n; i++)
		candidate_release(&c->v[i]);
	free(c->v);
	*c = (struct candidates){ 0 };
}

static enum walk count_errors(const struct source *s, TSNode node, void *ctx)
{
	(void)s;
	if (!ts_node_has_error(node))
		return WALK_SKIP;
	*(unsigned *)ctx += ts_node_is_missing(node) || node_is_type(node, "ERROR");
	return WALK_ON;
}

/* A change must not leave a text that the grammar reads worse than the original. */
static bool parses_worse(const struct source *before, const char *after)
{
	AUTO_SOURCE struct source *s = NULL;
	struct err e = ERR_INIT;
	unsigned was = 0, is = 0;

	if (source_open(before->path, before->lang, after, strlen(after), &s, &e) < 0)
		return true;
	if (!ts_node_has_error(s->root))
		return false;
	source_walk(before, before->root, count_errors, &was);
	source_walk(s, s->root, count_errors, &is);
	return is > was;
}

static bool already_there(const struct candidates *c, const struct candidate *new)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].src == new->src && strcmp(c->v[i].after, new->after) == 0)
			return true;
	return strcmp(new->after, new->src->text) == 0;
}

static int candidate_build(struct candidates *c, struct candidate *new, struct err *e)
{
	AUTO_BUF struct buf after = BUF_INIT(SOURCE_MAX);

	if (splice_apply(&new->splice, new->src->text, new->src->n, &after, e) < 0)
		return -e->code;
	new->after = buf_take(&after);
	if (!new->after || already_there(c, new) || parses_worse(new->src, new->after))
		return new->after ? -EEXIST : err_set(e, ENOMEM, "out of memory");
	if (c->n == c->cap) {
		const size_t cap = c->cap ? c->cap * 2 : 32;
		struct candidate *v = realloc(c->v, cap * sizeof(*v));

		if (!v)
			return err_set(e, ENOMEM, "out of memory");
		c->v = v;
		c->cap = cap;
	}
	c->v[c->n++] = *new;
	return 0;
}

/* Where a reviewer finds the change: the line of its first edit. */
static unsigned first_line(const struct source *s, const struct splice *splice)
{
	unsigned line = 1;

	for (size_t i = 0; splice->n > 0 && i < splice->v[0].start && i < s->n; i++)
		line += s->text[i] == '\n';
	return line;
}

void candidate_add(struct candidates *c, const struct site *site, struct splice *splice,
		   unsigned flags, const char *summary, ...)
{
	struct candidate new = {
		.op = c->by,
		.src = site->src,
		.splice = *splice,
		.subject = strdup(site->name ? site->name : ""),
		.role = site->role,
		.distance = site->distance,
		.line = first_line(site->src, splice),
		.order = flags & 0xffu,
		.general = (flags & CAND_GENERAL) != 0,
		.deletes = (flags & CAND_DELETES) != 0,
	};
	struct err e = ERR_INIT;
	va_list ap;

	*splice = (struct splice){ 0 };
	va_start(ap, summary);
	if (vasprintf(&new.summary, summary, ap) < 0)
		new.summary = NULL;
	va_end(ap);
	if (new.summary &&new.subject &&new.splice.n > 0 && c->n < c->max &&
	    candidate_build(c, &new, &e) == 0)
		return;
	if (e.code && !c->failed.code)
		c->failed = e;
	candidate_release(&new);
}
