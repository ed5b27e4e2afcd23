/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/syntax/source.h"
#include "runtime/base/buf.h"
#include "runtime/base/err.h"

/*
 * Edits of a source text as byte ranges of the original: formatting that is
 * not touched stays as it was, so diffs are minimal.  A splice owns its texts.
 */
#define SPLICE_MAX 16

struct edit {
	size_t start, end; /* of the original text; equal: an insertion */
	char *text;
};

struct splice {
	struct edit v[SPLICE_MAX]; /* kept in order of start */
	size_t n;
};

/* Copies text.  Overlapping edits are refused: -EINVAL; a full splice is -E2BIG. */
int splice_add(struct splice *s, size_t start, size_t end, const char *text, struct err *e);
int splice_apply(const struct splice *s, const char *text, size_t n, struct buf *out,
		 struct err *e);
/* Bytes written plus bytes removed: what a reviewer has to read. */
size_t splice_size(const struct splice *s);
void splice_release(struct splice *s);

/* Where to insert a line before a statement: after its indentation, above comments that belong to
 * it. */
size_t before_statement(const struct source *s, TSNode statement);
