/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"

/*
 * A growing byte buffer with a hard maximum.  It owns its memory; the text is
 * always followed by a NUL that does not count.  Writing past the maximum or
 * out of memory makes the buffer "full": later writes are ignored and
 * buf_check() says so once, so that builders need no test after each call.
 */
struct buf {
	char *p;    /* never NULL after a successful write; NUL-terminated */
	size_t n;   /* bytes in use, without the NUL */
	size_t cap; /* bytes allocated */
	size_t max; /* most bytes it may hold */
	int failed; /* 0, or the errno value that made it full */
};

#define BUF_INIT(limit)        \
	{                      \
		.max = (limit) \
	}

void buf_release(struct buf *b);
void buf_reset(struct buf *b); /* empty, keep the memory */
void buf_put(struct buf *b, const void *data, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* 0, or -ENOMEM / -E2BIG with "what: ..." in e. */
int buf_check(const struct buf *b, const char *what, struct err *e);
/* Hands the text to the caller (free() it) and empties the buffer; NULL if it failed. */
char *buf_take(struct buf *b);

static inline void cleanup_buf(struct buf *b)
{
	buf_release(b);
}
#define AUTO_BUF CLEANUP(cleanup_buf)
