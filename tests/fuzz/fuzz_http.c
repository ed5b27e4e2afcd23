/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inside/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const char *text, size_t n, int want, const struct http_request *first)
{
	struct http_request q;
	struct err e = ERR_INIT;

	if (http_parse(text, n, &q, &e) != want || strcmp(q.method, first->method) != 0 ||
	    strcmp(q.target, first->target) != 0 || q.body != first->body || q.keep != first->keep)
		__builtin_trap();
}

/* A refusal says why; an accepted head is within its bounds, and is the same whatever follows it.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1); /* of its own size: a byte too far is seen */
	struct http_request q;
	struct err e = ERR_INIT;
	int r;

	if (!text)
		return 0;
	memcpy(text, data, size);
	r = http_parse(text, size, &q, &e);
	if (r < 0 && (e.code != -r || e.msg[0] == '\0'))
		__builtin_trap();
	if (r == 0 && size >= HTTP_HEAD_MAX)
		__builtin_trap();
	if (r > 0) {
		if ((size_t)r > size || r > HTTP_HEAD_MAX || q.target[0] != '/' ||
		    q.body > HTTP_BODY_MAX || e.code)
			__builtin_trap();
		same(text, (size_t)r, r, &q);
	}
	free(text);
	return 0;
}
