/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "runtime/base/err.h"

/*
 * Which members of a provider's JSON are passed on.  A tree goes through a
 * table and a new one comes out: named members of the named types, everything
 * else left out, and what must not reach a provider refused with its reason.
 * Unlike jmap, which reads our own formats, an unknown member is no error:
 * these formats are other people's and grow.
 */
enum keep_type {
	KEEP_BOOL = 1,
	KEEP_INT = 2,
	KEEP_NUM = 4, /* an integer or a real */
	KEEP_STR = 8,
	KEEP_OBJ = 16,
	KEEP_LIST = 32,
	KEEP_INLINE = 64, /* with KEEP_STR: a "data:" URL, nothing that has to be fetched */
};
#define KEEP_ANY (KEEP_BOOL | KEEP_NUM | KEEP_STR | KEEP_OBJ | KEEP_LIST)

struct keep_kind;

/* A member; a table ends with a row without a name.  A member that is not required may be null. */
struct keep {
	const char *name;
	unsigned types;		       /* of enum keep_type */
	unsigned each;		       /* types of a list's elements; 0: the list as it is */
	bool required;		       /* must be there, and not null */
	const struct keep *sub;	       /* members of the object, or of a list's objects */
	const struct keep_kind *kinds; /* the same, chosen by their "type" */
	const char *refuse;	       /* why a value here (not null, false or empty) is refused */
};

/* One kind of object, by its "type": a text, or the begin of one and a '*'; "" where it has none.
 * Ends with a row without one.  An element of a list that has neither members nor a reason is left
 * out. */
struct keep_kind {
	const char *type;
	const struct keep *members;
	const char *refuse;
};

/* *out: a new tree, which shares what was kept as it is.  -code with "/place: reason" in e. */
int keep(const struct keep *table, const json_t *in, int code, json_t **out, struct err *e);
int keep_by_kind(const struct keep_kind *kinds, const json_t *in, int code, json_t **out,
		 struct err *e);

/* Whether a value that stands at this depth nests no deeper than MODEL_MAX_DEPTH. */
bool keep_within(const json_t *v, unsigned depth);
