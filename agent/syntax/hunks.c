/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/syntax/hunks.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/cleanup.h"

#define LINES_MAX 200000
#define CELLS_MAX (4u << 20)

struct lines {
	const char *text;
	size_t *at; /* n + 1 offsets */
	size_t n;
};

static int split(const char *text, size_t n, struct lines *out, struct err *e)
{
	size_t count = 1;

	for (size_t i = 0; i < n; i++)
		count += text[i] == '\n';
	if (count > LINES_MAX)
		return err_set(e, EFBIG, "more than %d lines", LINES_MAX);
	out->text = text;
	out->at = calloc(count + 2, sizeof(*out->at));
	if (!out->at)
		return err_set(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < n;) {
		const char *nl = memchr(text + i, '\n', n - i);

		i = nl ? (size_t)(nl - text) + 1 : n;
		out->at[++out->n] = i;
	}
	return 0;
}

static bool same(const struct lines *a, size_t i, const struct lines *b, size_t k)
{
	const size_t na = a->at[i + 1] - a->at[i], nb = b->at[k + 1] - b->at[k];

	return na == nb && memcmp(a->text + a->at[i], b->text + b->at[k], na) == 0;
}

/* Two texts, and how far they have been compared: lines before i and k are accounted for. */
struct pair {
	struct lines a, b;
	size_t i, k;
	struct hunks *out;
};

/* What stands between the last common line and these ends differs. */
static void differ(struct pair *p, size_t i_end, size_t k_end)
{
	struct hunks *h = p->out;

	if (p->i == i_end && p->k == k_end)
		return;
	if (h->n == HUNKS_MAX) { /* what is left joins the last one */
		h->v[h->n - 1].a_end = p->a.at[i_end];
		h->v[h->n - 1].b_end = p->b.at[k_end];
		return;
	}
	h->v[h->n++] = (struct hunk){ .a = p->a.at[p->i],
				      .a_end = p->a.at[i_end],
				      .b = p->b.at[p->k],
				      .b_end = p->b.at[k_end] };
}

/* Lengths of the longest common subsequences of the tails: (na + 1) rows of nb + 1. */
static uint32_t *common_lengths(const struct pair *p, size_t na, size_t nb)
{
	const size_t width = nb + 1;
	uint32_t *common = calloc((na + 1) * width, sizeof(*common));

	for (size_t x = na; common && x-- > 0;)
		for (size_t y = nb; y-- > 0;) {
			const uint32_t down = common[(x + 1) * width + y];
			const uint32_t right = common[x * width + y + 1];
			uint32_t best = down > right ? down : right;

			if (same(&p->a, p->i + x, &p->b, p->k + y))
				best = common[(x + 1) * width + y + 1] + 1;
			common[x * width + y] = best;
		}
	return common;
}

/* Lines up to a_end against lines up to b_end. */
static int compare(struct pair *p, size_t a_end, size_t b_end, struct err *e)
{
	const size_t a0 = p->i, b0 = p->k;
	const size_t na = a_end - a0, nb = b_end - b0, width = nb + 1;
	AUTO_FREE uint32_t *common = NULL;
	size_t x = 0, y = 0;

	if (na > 0 && nb > 0 && na <= CELLS_MAX / width) {
		common = common_lengths(p, na, nb);
		if (!common)
			return err_set(e, ENOMEM, "out of memory");
	}
	while (common && x < na && y < nb) {
		if (same(&p->a, a0 + x, &p->b, b0 + y)) {
			differ(p, a0 + x, b0 + y);
			p->i = a0 + ++x;
			p->k = b0 + ++y;
		} else if (common[(x + 1) * width + y] >= common[x * width + y + 1]) {
			x++;
		} else {
			y++;
		}
	}
	differ(p, a_end, b_end);
	return 0;
}

int hunks_between(const char *a, size_t na, const char *b, size_t nb, struct hunks *out,
		  struct err *e)
{
	struct pair p = { .out = out };
	size_t from = 0, back = 0;
	int r;

	*out = (struct hunks){ 0 };
	r = split(a, na, &p.a, e);
	if (r == 0)
		r = split(b, nb, &p.b, e);
	if (r == 0) {
		while (from < p.a.n && from < p.b.n && same(&p.a, from, &p.b, from))
			from++;
		while (from + back < p.a.n && from + back < p.b.n &&
		       same(&p.a, p.a.n - 1 - back, &p.b, p.b.n - 1 - back))
			back++;
		p.i = p.k = from;
		r = compare(&p, p.a.n - back, p.b.n - back, e);
	}
	free(p.a.at);
	free(p.b.at);
	return r;
}
