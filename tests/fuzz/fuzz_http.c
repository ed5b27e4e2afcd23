/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/proto/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void trap_unless(int fine)
{
	if (!fine)
		__builtin_trap();
}

static void same(const char *text, size_t n, const struct http_request *first)
{
	struct http_request q;
	enum http_fault why = HTTP_FINE;

	trap_unless(http_parse(text, n, &q, &why) == (int)n &&
		    strcmp(q.method, first->method) == 0 && strcmp(q.target, first->target) == 0 &&
		    q.length == first->length && q.chunked == first->chunked &&
		    q.keep == first->keep && q.n_fields == first->n_fields);
}

/* The body is the same in one piece and byte by byte, and within its bound. */
static void fuzz_chunks(const char *text, size_t n)
{
	AUTO_BUF struct buf one = BUF_INIT(HTTP_BODY_MAX);
	AUTO_BUF struct buf two = BUF_INIT(HTTP_BODY_MAX);
	struct http_chunks a = { 0 }, b = { 0 };
	enum http_fault why_a = HTTP_FINE, why_b = HTTP_FINE;
	size_t used = 0, all = 0, took;
	const int r = http_chunks(&a, text, n, &used, &one, &why_a);
	int s = 0;

	for (size_t i = 0; s == 0 && i < n; i++) {
		s = http_chunks(&b, text + i, 1, &took, &two, &why_b);
		all += s >= 0 ? took : 0;
	}
	trap_unless(r == s && why_a == why_b && (r < 0) == (why_a != HTTP_FINE));
	if (r >= 0)
		trap_unless(used == all && one.n == two.n && !one.failed &&
			    (one.n == 0 || memcmp(one.p, two.p, one.n) == 0));
}

/* A refusal has a name; an accepted head is within its bounds, and is the same whatever follows it.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1); /* of its own size: a byte too far is seen */
	struct http_request q;
	enum http_fault why = HTTP_FINE;
	int r;

	if (!text)
		return 0;
	memcpy(text, data, size);
	r = http_parse(text, size, &q, &why);
	trap_unless((r < 0) == (why != HTTP_FINE) && why < HTTP_FAULT_N);
	trap_unless(r != 0 || size < HTTP_HEAD_MAX);
	if (r > 0) {
		trap_unless((size_t)r <= size && r <= HTTP_HEAD_MAX && q.target[0] == '/' &&
			    q.length <= HTTP_BODY_MAX && !(q.chunked && q.length));
		for (size_t i = 0; i < q.n_fields; i++)
			trap_unless(q.fields[i].name >= text && q.fields[i].value >= text &&
				    q.fields[i].value + q.fields[i].value_n <= text + r);
		same(text, (size_t)r, &q);
		fuzz_chunks(text + r, size - (size_t)r);
	}
	fuzz_chunks(text, size);
	free(text);
	return 0;
}
