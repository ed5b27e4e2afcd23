/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"

/*
 * A set of values, and texts that must not hold them.  A value is found as it
 * is, in another case, with other white space, escaped, percent-encoded, cut
 * into literals that are joined, as hexadecimal, as a list of bytes and as
 * base64, also one in the other.  Knows nothing of incidents.  Time is bounded
 * by the text, not by the number of values.
 */
#define REDACT_VALUES_MAX 65536u
#define REDACT_BYTES_MAX  (16u << 20) /* of all values */
#define REDACT_TEXT_MAX	  (16u << 20) /* of one text */
#define REDACT_LEAST	  2	      /* bytes; what is shorter is no value */
#define REDACT_MASK	  "[masked]"

struct redact;

enum redact_flags {
	REDACT_PERSONAL = 1, /* a value even where a text that was learned holds it */
};

struct redact_hit {
	size_t at, end;	  /* bytes of the text */
	size_t line;	  /* from 1 */
	const char *form; /* "as it is", "base64", ... */
};

int redact_new(struct redact **out, struct err *e);
void redact_free(struct redact *r); /* NULL is fine */
/* A copy of the value is kept, its first 256 bytes. -E2BIG beyond the bounds: a caller that cannot
 * hold all values must let nothing out. */
int redact_add(struct redact *r, const char *value, size_t n, unsigned flags, struct err *e);
/* Numbers of four digits and more; those of any program (limits, powers of ten...) are none. */
int redact_add_integer(struct redact *r, long long value, unsigned flags, struct err *e);
/* After the last value and before the first text. */
int redact_build(struct redact *r, struct err *e);

/* Values that stand in this text as they are, as whole words, are known: no secret of anyone. */
int redact_learn(struct redact *r, const char *text, size_t n, struct err *e);
/* Call it once after the last text was learned: values made of known words are known as well. */
void redact_settle(struct redact *r);
size_t redact_size(const struct redact *r); /* values that are not known */

/* 1 and *hit: the text holds a value; 0: it does not; <0: it could not be looked through. `strict`:
 * personal values count even where they are known. */
int redact_find(const struct redact *r, bool strict, const char *text, size_t n,
		struct redact_hit *hit, struct err *e);
/* The text with REDACT_MASK in place of each value, in whatever form; *n_masked may be NULL. */
int redact_mask(const struct redact *r, bool strict, const char *text, size_t n, struct buf *out,
		size_t *n_masked, struct err *e);
