/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"

/*
 * Text from production as lines: what is not UTF-8 becomes U+FFFD, colours and
 * control bytes go, so that every string made from it may enter a message.
 */
struct text {
	char *p;	   /* owned; lines end in NUL inside it */
	const char **line; /* n lines, without their ends */
	size_t n;
};

int text_read(const char *name, const char *raw, size_t n, struct text *out, struct err *e);
void text_release(struct text *t);

static inline void cleanup_text(struct text *t)
{
	text_release(t);
}
#define AUTO_TEXT CLEANUP(cleanup_text)

size_t text_indent(const char *line);	 /* leading spaces and tabs */
const char *text_skip(const char *line); /* past them */
bool text_starts(const char *s, const char *prefix);
bool text_ends(const char *s, const char *suffix);
/* A decimal number of at most 9 digits at *s, which moves past it. */
bool text_number(const char **s, unsigned long *out);
/*
 * Splits "FILE:LINE:COLUMN" or "FILE:LINE" from its end: *file_len is the
 * length of FILE, line and column are 0 where absent.
 */
void text_place(const char *s, size_t n, size_t *file_len, unsigned long *line,
		unsigned long *column);
