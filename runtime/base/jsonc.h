/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "runtime/base/err.h"

/*
 * Strict JSON text, with or without comments and trailing commas, and where
 * each value stands.  RFC 8259 with these refusals: duplicate keys, NUL bytes,
 * invalid UTF-8, nesting deeper than 64, numbers out of range, a root that is
 * not an object or array.  Errors read "NAME:LINE:COLUMN: reason".
 * Comments are blanked in a copy of the same length, so positions stay true.
 */
enum jsonc_flags {
	JSONC_STRICT = 0,
	JSONC_COMMENTS = 1, /* line and block comments, trailing commas: operator's files */
};

struct jsonc_pos {
	unsigned line, column; /* 1-based; column counts bytes */
};

struct jsonc; /* a parsed text with its positions */

int jsonc_parse(const char *name, const char *text, size_t n, unsigned flags, struct jsonc **out,
		struct err *e);
const json_t *jsonc_root(const struct jsonc *j);
const char *jsonc_name(const struct jsonc *j);
/* Where the value at this JSON pointer (RFC 6901) begins; for a member, where its KEY begins. */
struct jsonc_pos jsonc_where(const struct jsonc *j, const char *pointer);
/* Turns "/a/b: reason" (as jmap_read() says it) into "NAME:LINE:COLUMN: reason". */
int jsonc_locate(const struct jsonc *j, struct err *e);
void jsonc_free(struct jsonc *j);
