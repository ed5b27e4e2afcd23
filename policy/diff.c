/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/diff.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EDITS_MAX 2000 /* the trace takes EDITS_MAX^2 integers at the most: 16 MiB */

static int split(const char *p, size_t n, struct line **out, size_t *count)
{
	const char *const end = p + n;
	size_t lines = 0, i = 0;

	for (const char *c = p; c < end; c++)
		lines += *c == '\n';
	lines += n && end[-1] != '\n';
	*out = calloc(lines + 1, sizeof(**out));
	if (!*out)
		return -1;
	while (p < end) {
		const char *const nl = memchr(p, '\n', (size_t)(end - p));
		const char *const next = nl ? nl + 1 : end;
		uint32_t h = 2166136261u;

		for (const char *c = p; c < next; c++)
			h = (h ^ (unsigned char)*c) * 16777619u;
		(*out)[i++] = (struct line){ .p = p, .n = (size_t)(next - p), .hash = h };
		p = next;
	}
	*count = lines;
	return 0;
}

static bool same(const struct line *x, const struct line *y)
{
	return x->hash == y->hash && x->n == y->n && x->p && y->p && memcmp(x->p, y->p, x->n) == 0;
}

/* The lines between the common head and tail. */
struct middle {
	const struct line *a, *b;
	bool *removed, *added;
	int na, nb;
};

static int furthest(const struct middle *m, const int *v, int d, int k)
{
	int x;

	if (k == -d || (k != d && v[k - 1] < v[k + 1]))
		x = v[k + 1];
	else
		x = v[k - 1] + 1;
	while (x < m->na && x - k < m->nb && same(&m->a[x], &m->b[x - k]))
		x++;
	return x;
}

/* Row d of the trace holds v[-d-1 .. d+1] as it was before round d. */
static int *trace_row(int **trace, int d)
{
	return trace[d] + d + 1;
}

static void walk_back(const struct middle *m, int **trace, int d)
{
	int x = m->na, y = m->nb;

	for (; d > 0; d--) {
		const int *const v = trace_row(trace, d);
		const int k = x - y;
		const int from = k == -d || (k != d && v[k - 1] < v[k + 1]) ? k + 1 : k - 1;
		const int px = v[from];

		for (const int start = from == k + 1 ? px : px + 1; x > start; x--)
			y--;
		if (from == k + 1)
			m->added[--y] = true;
		else
			m->removed[--x] = true;
	}
}

static bool save(int **trace, int d, const int *v)
{
	trace[d] = malloc(sizeof(int) * (size_t)(2 * d + 3));
	if (!trace[d])
		return false;
	memcpy(trace[d], v - d - 1, sizeof(int) * (size_t)(2 * d + 3));
	return true;
}

/* 1: marked; 0: too many edits; -1: out of memory. */
static int myers(const struct middle *m)
{
	const int most = m->na + m->nb < EDITS_MAX ? m->na + m->nb : EDITS_MAX;
	int **const trace = calloc((size_t)most + 1, sizeof(*trace));
	int *const room = calloc((size_t)(2 * most) + 3, sizeof(*room));
	int *const v = room ? room + most + 1 : NULL;
	int r = trace && room ? 0 : -1;

	for (int d = 0; r == 0 && d <= most; d++) {
		if (!save(trace, d, v)) {
			r = -1;
			break;
		}
		for (int k = -d; r == 0 && k <= d; k += 2) {
			v[k] = furthest(m, v, d, k);
			if (v[k] != m->na || v[k] - k != m->nb)
				continue;
			walk_back(m, trace, d);
			r = 1;
		}
	}
	for (int d = 0; trace && d <= most; d++)
		free(trace[d]);
	free(trace);
	free(room);
	return r;
}

static void replace_whole(const struct middle *m)
{
	memset(m->removed, 1, sizeof(bool) * (size_t)m->na);
	memset(m->added, 1, sizeof(bool) * (size_t)m->nb);
}

int diff_lines(const char *a, size_t na, const char *b, size_t nb, struct diff *out, struct err *e)
{
	struct diff d = { 0 };
	struct middle m;
	size_t head = 0, tail = 0;
	int r = 0;

	if (split(a ? a : "", na, &d.a, &d.na) < 0 || split(b ? b : "", nb, &d.b, &d.nb) < 0)
		goto no_memory;
	d.removed = calloc(d.na + 1, sizeof(bool));
	d.added = calloc(d.nb + 1, sizeof(bool));
	if (!d.removed || !d.added || d.na > INT32_MAX / 4 || d.nb > INT32_MAX / 4)
		goto no_memory;
	while (head < d.na && head < d.nb && same(&d.a[head], &d.b[head]))
		head++;
	while (tail < d.na - head && tail < d.nb - head &&
	       same(&d.a[d.na - 1 - tail], &d.b[d.nb - 1 - tail]))
		tail++;
	m = (struct middle){
		.a = d.a + head,
		.b = d.b + head,
		.removed = d.removed + head,
		.added = d.added + head,
		.na = (int)(d.na - head - tail),
		.nb = (int)(d.nb - head - tail),
	};
	r = m.na && m.nb ? myers(&m) : 0;
	if (r < 0)
		goto no_memory;
	if (r == 0)
		replace_whole(&m);
	*out = d;
	return 0;
no_memory:
	diff_release(&d);
	return err_set(e, ENOMEM, "out of memory");
}

void diff_release(struct diff *d)
{
	free(d->a);
	free(d->b);
	free(d->removed);
	free(d->added);
	memset(d, 0, sizeof(*d));
}
