/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz floor: f4 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/incident/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * VALUES, one a line, an empty line, a text.  What is masked holds none of the values any more, and
 * a text into which a value was put as it is, in hexadecimal or percent-encoded is never let
 * through.
 */
static struct redact *set(const char *values, size_t n)
{
	struct err e = ERR_INIT;
	struct redact *r = NULL;

	if (redact_new(&r, &e) < 0)
		abort();
	while (n) {
		const char *nl = memchr(values, '\n', n);
		const size_t line = nl ? (size_t)(nl - values) : n;

		if (redact_add(r, values, line, 0, &e) < 0)
			break;
		values += line + (nl != NULL);
		n -= line + (nl != NULL);
	}
	if (redact_build(r, &e) < 0) {
		redact_free(r);
		return NULL;
	}
	return r;
}

static void must_find(const struct redact *r, const char *value, size_t n, const char *form)
{
	AUTO_BUF struct buf text = BUF_INIT(1u << 20);
	struct redact_hit hit;
	struct err e = ERR_INIT;

	buf_puts(&text, "( ");
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, form, (unsigned char)value[i]);
	buf_puts(&text, " )");
	if (redact_find(r, false, text.p, text.n, &hit, &e) != 1)
		__builtin_trap();
}

/* A value that may be told apart from its neighbours: letters and digits. */
static size_t plain(const char *s, size_t n)
{
	size_t m = 0;

	while (m < n && m < 100 && ((s[m] >= 'a' && s[m] <= 'z') || (s[m] >= '0' && s[m] <= '9')))
		m++;
	return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *const values = (const char *)data;
	const char *const gap = size ? memmem(values, size, "\n\n", 2) : NULL;
	const size_t n = gap ? (size_t)(gap - values) : 0;
	const char *const text = gap ? gap + 2 : values;
	const size_t rest = size - n - (gap ? 2 : 0), first = plain(values, n);
	AUTO_BUF struct buf out = BUF_INIT(16u << 20);
	struct redact *r;
	struct redact_hit hit;
	struct err e = ERR_INIT;
	int k;

	if (size > 4096)
		return 0;
	r = set(values, n);
	if (!r)
		return 0;
	k = redact_find(r, true, text, rest, &hit, &e);
	if (k == 1 && (hit.at >= hit.end || hit.end > rest))
		__builtin_trap();
	if (k >= 0 && redact_mask(r, true, text, rest, &out, NULL, &e) == 0 && k == 0 &&
	    (out.n != rest || (rest && memcmp(out.p, text, rest) != 0)))
		__builtin_trap();
	if (first >= 5 && (first == n || values[first] == '\n')) {
		must_find(r, values, first, "%c");
		must_find(r, values, first, "%02x");
		must_find(r, values, first, "%%%02X");
		must_find(r, values, first, "\\x%02x");
		must_find(r, values, first, "%u, ");
	}
	if (redact_learn(r, text, rest, &e) == 0)
		redact_settle(r);
	redact_free(r);
	return 0;
}
