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

static void add(struct hunks *h, const struct lines *a, const struct lines *b, size_t i,
		size_t i_end, size_t k, size_t k_end)
{
	if (i == i_end && k == k_end)
		return;
	if (h->n == HUNKS_MAX) { /* what is left joins the last one */
		h->v[h->n - 1].a_end = a->at[i_end];
		h->v[h->n - 1].b_end = b->at[k_end];
		return;
	}
	h->v[h->n++] = (struct hunk){
		.a = a->at[i], .a_end = a->at[i_end], .b = b->at[k], .b_end = b->at[k_end]
	};
}

/* Lines [from, a_end) against [from, b_end) by the table of common lengths. */
static int compare(const struct lines *a, const struct lines *b, size_t from, size_t a_end,
		   size_t b_end, struct hunks *out, struct err *e)
{
	const size_t na = a_end - from, nb = b_end - from, width = nb + 1;
	AUTO_FREE uint32_t *common = NULL;
	size_t i = 0, k = 0, i0 = 0, k0 = 0;

	if (na == 0 || nb == 0 || na > CELLS_MAX / width) {
		add(out, a, b, from, a_end, from, b_end);
		return 0;
	}
	common = calloc((na + 1) * width, sizeof(*common));
	if (!common)
		return err_set(e, ENOMEM, "out of memory");
	for (size_t x = na; x-- > 0;)
		for (size_t y = nb; y-- > 0;) {
			const uint32_t down = common[(x + 1) * width + y];
			const uint32_t right = common[x * width + y + 1];

			common[x * width + y] = same(a, from + x, b, from + y)
							? common[(x + 1) * width + y + 1] + 1
						: down > right ? down
							       : right;
		}
	while (i < na && k < nb) {
		if (same(a, from + i, b, from + k)) {
			add(out, a, b, from + i0, from + i, from + k0, from + k);
			i0 = ++i;
			k0 = ++k;
		} else if (common[(i + 1) * width + k] >= common[i * width + k + 1]) {
			i++;
		} else {
			k++;
		}
	}
	add(out, a, b, from + i0, a_end, from + k0, b_end);
	return 0;
}

int hunks_between(const char *a, size_t na, const char *b, size_t nb, struct hunks *out,
		  struct err *e)
{
	struct lines la = { 0 }, lb = { 0 };
	size_t from = 0, back = 0;
	int r;

	*out = (struct hunks){ 0 };
	r = split(a, na, &la, e);
	if (r == 0)
		r = split(b, nb, &lb, e);
	if (r == 0) {
		while (from < la.n && from < lb.n && same(&la, from, &lb, from))
			from++;
		while (from + back < la.n && from + back < lb.n &&
		       same(&la, la.n - 1 - back, &lb, lb.n - 1 - back))
			back++;
		r = compare(&la, &lb, from, la.n - back, lb.n - back, out, e);
	}
	free(la.at);
	free(lb.at);
	return r;
}
