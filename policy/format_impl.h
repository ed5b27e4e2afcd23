/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/base/jmap.h"

/* Inside format*.c: a text as a tree of values, each with the comments that are about it. */
struct remark {
	const char *text; /* borrowed from the document */
	size_t n;
	bool blank; /* an empty line before it */
};

struct remarks {
	struct remark *v;
	size_t n;
};

struct value {
	const char *key, *text; /* as they stand, quotes and all; key NULL: an element */
	size_t n_key, n_text;	/* text: of a scalar */
	char open;		/* '{', '[', or 0: a scalar */
	bool blank;		/* an empty line before it */
	struct remarks before, after, inside; /* inside: after the last member */
	struct value *v;
	size_t n;
};

struct text_tree {
	struct value root;
	struct remarks behind; /* after the last brace */
};

/* The text is well-formed JSON with comments. Release *out, also on failure. */
int format_read(const char *text, struct text_tree *out, struct err *e);
void format_write(const struct text_tree *t, struct buf *out);
void text_tree_release(struct text_tree *t);
/* Members in the order of the table. */
void value_sort(struct value *v, const struct jmap *map);
