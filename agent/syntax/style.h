/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/syntax/source.h"

/*
 * How a file is written, counted from its own tree, and text rendered in that
 * manner: a patch should look as if the file's authors had written it.
 */
struct style {
	const struct lang *lang;
	char indent[17];     /* one level */
	bool brace_own_line; /* if (x)\n{ */
	bool bare_single;    /* single statements stand without braces */
	bool semicolons;
	bool eq_null;		/* x == null for both null and undefined */
	bool undefined_literal; /* x === undefined rather than typeof x === 'undefined' */
	bool bang_null;		/* C: !x rather than x == NULL */
	bool paren_logic;	/* (a == b) || (c == d) */
	bool optional_chain, nullish, arrows;
	char quote;
};

void style_of(const struct source *s, struct style *out);

/* "x is null" in the file's manner.  atom: in brackets where it would need them beside others. */
void render_null_test(const struct style *st, const char *x, bool is_null, bool atom,
		      struct buf *out);
/* An if statement with one line as body; ends with a newline and `indent`, ready for what follows.
 */
void render_guard(const struct style *st, const char *indent, const char *condition,
		  const char *body, struct buf *out);
void render_ternary(const struct style *st, const char *cond, const char *then_text,
		    const char *else_text, struct buf *out);
