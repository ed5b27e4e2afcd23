/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/err.h"

/*
 * A table that maps the members of one JSON object onto one C struct, both
 * ways: files, records and messages are described once.  Unknown members are
 * errors with the nearest known name: a misspelled policy key must never be
 * silently weaker than the operator meant.
 *
 * C types per kind:
 *   BOOL bool | U64 uint64_t | I64 int64_t | REAL double | ENUM int
 *   STR char * (owned, NULL when absent) | JSON json_t * (owned, any value)
 *   BYTES uint64_t from "4GiB" | DURATION uint64_t milliseconds from "30m"
 *   OBJECT the sub-struct itself, in place
 *   STRS struct strlist | LIST struct objlist of sub-structs of `size` bytes
 *   MAP  struct strmap of string to string, in file order
 */
enum jmap_kind {
	JMAP_BOOL,
	JMAP_U64,
	JMAP_I64,
	JMAP_REAL,
	JMAP_STR,
	JMAP_ENUM,
	JMAP_BYTES,
	JMAP_DURATION,
	JMAP_OBJECT,
	JMAP_STRS,
	JMAP_LIST,
	JMAP_MAP,
	JMAP_JSON,
};

struct strlist {
	char **v; /* NULL-terminated when n > 0: usable as argv */
	size_t n;
};

struct objlist {
	void *v; /* array of n structs; cast to the element type */
	size_t n;
};

struct strmap {
	struct strpair {
		char *key, *value;
	} * v;
	size_t n;
};

struct jmap {
	const char *name;
	enum jmap_kind kind;
	size_t offset;
	unsigned required : 1;
	unsigned secret : 1; /* never printed by explain or in errors */
	unsigned long long min,
		max; /* numbers; for STR/STRS/LIST the length; max 0: a default bound */
	const char *const *words; /* ENUM: NULL-terminated, the index is the value */
	const struct jmap *sub;	  /* OBJECT, LIST */
	size_t size;		  /* LIST: sizeof one element */
	size_t present;		  /* offset + 1 of a bool set when the member was there; 0: none */
	const char *help;	  /* one line, used by explain and the manual */
};

/*
 * Reads obj into the zeroed struct `out`.  `at` is the JSON pointer of obj
 * ("" for the root).  On failure e names the pointer of the wrong value
 * ("/limits/pids: ...") and *out must still be released.  A table ends with a row without a name.
 */
int jmap_read(const struct jmap *map, const json_t *obj, void *out, const char *at, struct err *e);
/* The object again, which jmap_read() takes: absent strings are left out, and empty lists that are
 * not required; NULL when out of memory. */
json_t *jmap_write(const struct jmap *map, const void *in);
void jmap_release(const struct jmap *map, void *out);

/* Whether a record has the format that is read here ("schema"); -EBADMSG names it and both. */
int record_is(const json_t *record, const char *schema, const char *name, struct err *e);

void strlist_release(struct strlist *l);
int strlist_add(struct strlist *l, const char *s); /* copies; 0 or -ENOMEM */
bool strlist_has(const struct strlist *l, const char *s);

/* The known word nearest to `got` by edit distance, or NULL when none is near. */
const char *word_nearest(const char *got, const char *const *words, size_t n);
int parse_bytes(const char *s, uint64_t *out);	  /* "16MiB" -> 16777216; 0 or -EINVAL/-ERANGE */
int parse_duration(const char *s, uint64_t *out); /* "30m" -> 1800000 (ms) */

DEFINE_CLEANUP(json_t, json_decref);
#define AUTO_JSON CLEANUP(cleanup_json_decref)
