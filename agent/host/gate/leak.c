/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/gate/leak.h"

#include <stdlib.h>
#include <string.h>

#include "agent/host/incident/values.h"
#include "policy/policy.h"

#define ADDED_MAX (16u << 20)
#define LINES_MAX (1u << 20)

struct line {
	const char *p;
	size_t n;
};

static int by_text(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	const int c = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return c ? c : (x->n > y->n) - (x->n < y->n);
}

static struct line next_line(const char *p, const char *end)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));

	return (struct line){ p, (size_t)((nl ? nl + 1 : end) - p) };
}

static struct line *sorted_lines(const char *p, size_t n, size_t *count)
{
	const char *const end = p + n;
	size_t lines = 1;
	struct line *v;

	for (const char *s = p; s < end; s++)
		lines += *s == '\n';
	*count = 0;
	v = lines <= LINES_MAX ? calloc(lines + 1, sizeof(*v)) : NULL;
	if (!v)
		return NULL;
	while (p < end) {
		v[*count] = next_line(p, end);
		p += v[(*count)++].n;
	}
	qsort(v, *count, sizeof(*v), by_text);
	return v;
}

/* The new text with an empty line for each that was there before: line numbers stay. */
static int added_lines(const struct change *ch, struct buf *out, struct err *e)
{
	const char *p = ch->new_data, *const end = p ? p + ch->new_len : NULL;
	AUTO_FREE struct line *old = NULL;
	size_t n = 0;

	if (ch->old_data)
		old = sorted_lines(ch->old_data, ch->old_len, &n);
	while (p && p < end) {
		const struct line l = next_line(p, end);

		if (old && bsearch(&l, old, n, sizeof(*old), by_text))
			buf_putc(out, '\n');
		else
			buf_put(out, l.p, l.n);
		p += l.n;
	}
	return buf_check(out, "added lines", e);
}

static int in_text(const struct redact *values, const char *text, size_t n, const char *where,
		   char where_out[256], char why[256], struct err *e)
{
	struct redact_hit hit;
	const int k = redact_find(values, true, text, n, &hit, e);

	if (k != 1)
		return k;
	(void)snprintf(where_out, 256, "%.180s, line %zu", where, hit.line);
	(void)snprintf(why, 256,
		       "a value of the report stands here (%s): put a made-up one in its place",
		       hit.form);
	return 1;
}

static int in_change(const struct redact *values, const struct change *ch, size_t index,
		     char where[256], char why[256], struct err *e)
{
	AUTO_BUF struct buf added = BUF_INIT(ADDED_MAX);
	char place[200];
	int k;

	(void)snprintf(place, sizeof(place), "the path of change %zu", index + 1);
	k = in_text(values, ch->path, strlen(ch->path), place, where, why, e);
	if (k != 0)
		return k;
	k = added_lines(ch, &added, e);
	if (k < 0)
		return k;
	(void)snprintf(place, sizeof(place), "'%.180s'", ch->path);
	return in_text(values, added.p ? added.p : "", added.n, place, where, why, e);
}

static int in_prose(const struct redact *values, const struct gate_submit *s, char where[256],
		    char why[256], struct err *e)
{
	const struct {
		const char *name, *text;
	} rows[] = { { "title", s->title },
		     { "cause", s->cause },
		     { "change", s->change },
		     { "test_name", s->test_name },
		     { "input_from", s->input_from } };
	int k = 0;

	for (size_t i = 0; k == 0 && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].text)
			k = in_text(values, rows[i].text, strlen(rows[i].text), rows[i].name, where,
				    why, e);
	return k;
}

int leak_find(const struct redact *values, const struct changes *c, const struct gate_submit *prose,
	      char where[256], char why[256], struct err *e)
{
	int k = 0;

	if (!values)
		return 0;
	for (size_t i = 0; k == 0 && i < c->n; i++)
		k = in_change(values, &c->v[i], i, where, why, e);
	return k == 0 && prose ? in_prose(values, prose, where, why, e) : k;
}

int leak_mask(const struct redact *values, char **text, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(2u * REDACT_TEXT_MAX);
	char *masked;
	int k;

	if (!values || !*text)
		return 0;
	k = redact_mask(values, true, *text, strlen(*text), &out, NULL, e);
	if (k < 0)
		return k;
	masked = out.p ? buf_take(&out) : strdup("");
	if (!masked)
		return err_set(e, ENOMEM, "out of memory");
	free(*text);
	*text = masked;
	return 0;
}

json_t *leak_incident(const struct redact *values, int role, const struct incident *i,
		      struct err *e)
{
	const struct exception *x = i->chain.v;
	AUTO_JSON json_t *o = NULL;
	const json_t *chain;

	if (!values || role != ROLE_PATCH)
		return incident_write(i);
	o = values_shape(i);
	chain = json_object_get(o, "chain");
	for (size_t n = 0; n < json_array_size(chain) && n < i->chain.n; n++) {
		AUTO_BUF struct buf out = BUF_INIT(2u * REDACT_TEXT_MAX);

		if (!x[n].message)
			continue;
		if (values_words(values, x[n].message, &out) < 0) {
			(void)err_set(e, ENOMEM, "out of memory");
			return NULL;
		}
		if (json_object_set_new(json_array_get(chain, n), "message",
					json_string(out.p ? out.p : "")) < 0)
			return NULL;
	}
	return take_ptr(o);
}
