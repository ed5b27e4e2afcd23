/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * bench DIR PROGRAMS ROUNDS: every row once in each round, so that whatever
 * else the machine does meets all of them alike.  Nothing is asserted.
 */
#define WARM_UP	 3
#define ROWS_MAX 32

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double at(const struct sample *s, unsigned n, bool total, unsigned percent)
{
	uint64_t *v = calloc(n, sizeof(*v)), r;

	if (!v)
		abort();
	for (unsigned i = 0; i < n; i++)
		v[i] = total ? s[i].total : s[i].start;
	qsort(v, n, sizeof(*v), by_value);
	r = v[(n - 1) * percent / 100];
	free(v);
	return (double)r / 1e6;
}

static void print_row(const struct row *r, const struct sample *s, unsigned n, double floor,
		      double bwrap)
{
	const double start = at(s, n, false, 50), total = at(s, n, true, 50);

	if (start > 0)
		(void)printf("%-52s %8.2f %8.2f", r->name, start, total - start);
	else
		(void)printf("%-52s %8s %8s", r->name, "", "");
	(void)printf(" %8.2f %8.2f %8.2f", total, at(s, n, true, 95), at(s, n, true, 0));
	if (r->shares_unit)
		(void)printf(" %7.2f %7.2f", total / floor, total / bwrap);
	(void)printf("\n");
}

static void print_all(struct sample *const *s, unsigned n)
{
	const double floor = at(s[ROW_FLOOR], n, true, 50), bwrap = at(s[ROW_BWRAP], n, true, 50);

	(void)printf("%-52s %8s %8s %8s %8s %8s %7s %7s\n", "milliseconds; medians", "start", "end",
		     "both", "p95", "least", "/floor", "/bwrap");
	for (unsigned i = 0; i < bench_n_rows; i++)
		print_row(&bench_rows[i], s[i], n, floor, bwrap);
}

static int run_all(struct world *w, struct sample **s, unsigned n, struct err *e)
{
	struct sample warm;

	for (unsigned round = 0; round < WARM_UP + n; round++)
		for (unsigned i = 0; i < bench_n_rows; i++) {
			struct sample *out = round < WARM_UP ? &warm : &s[i][round - WARM_UP];

			*out = (struct sample){ 0 };
			if (bench_rows[i].run(w, out, e) < 0)
				return err_wrap(e, "%s", bench_rows[i].name);
		}
	return 0;
}

int main(int argc, char **argv)
{
	const unsigned n = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
	struct sample *s[ROWS_MAX] = { 0 };
	struct err e = ERR_INIT;
	struct world *w = NULL;

	if (n < 1 || n > 100000) {
		(void)fprintf(stderr, "usage: bench DIR PROGRAMS ROUNDS\n");
		return 2;
	}
	for (unsigned i = 0; i < bench_n_rows; i++) {
		s[i] = calloc(n, sizeof(struct sample));
		if (!s[i])
			return 1;
	}
	if (world_open(argv[1], argv[2], &w, &e) == 0 && run_all(w, s, n, &e) == 0)
		print_all(s, n);
	world_close(w);
	for (unsigned i = 0; i < bench_n_rows; i++)
		free(s[i]);
	if (e.code)
		(void)fprintf(stderr, "bench: %s\n", e.msg);
	return e.code ? 1 : 0;
}
