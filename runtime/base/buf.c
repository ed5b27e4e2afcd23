/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_release(struct buf *b)
{
	free(b->p);
	b->p = NULL;
	b->n = b->cap = 0;
	b->failed = 0;
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->failed = 0;
	if (b->p)
		b->p[0] = '\0';
}

/* Room for n more bytes and the NUL. */
static int reserve(struct buf *b, size_t n)
{
	size_t want;
	char *p;

	if (b->failed)
		return -1;
	if (n > b->max || b->n > b->max - n) {
		b->failed = E2BIG;
		return -1;
	}
	if (b->p && b->n + n < b->cap)
		return 0;
	want = b->cap ? b->cap : 64;
	while (want <= b->n + n)
		want = want < SIZE_MAX / 2 ? want * 2 : b->n + n + 1;
	p = realloc(b->p, want);
	if (!p) {
		b->failed = ENOMEM;
		return -1;
	}
	b->p = p;
	b->cap = want;
	return 0;
}

void buf_put(struct buf *b, const void *data, size_t n)
{
	if (reserve(b, n) < 0)
		return;
	if (n)
		memcpy(b->p + b->n, data, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = EINVAL;
		return;
	}
	if (reserve(b, (size_t)n) < 0)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

int buf_check(const struct buf *b, const char *what, struct err *e)
{
	if (b->failed == E2BIG)
		return err_set(e, E2BIG, "%s: larger than %zu bytes", what, b->max);
	if (b->failed)
		return err_set(e, b->failed, "%s: %s", what, strerror(b->failed));
	return 0;
}

char *buf_take(struct buf *b)
{
	char *p;

	if (!b->failed && !b->p)
		(void)reserve(b, 0);
	if (b->failed) {
		buf_release(b);
		return NULL;
	}
	p = b->p;
	p[b->n] = '\0';
	b->p = NULL;
	b->n = b->cap = 0;
	return p;
}
