/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/base/jmap.h"

/*
 * What an agent does to the source tree it was given: read, list, search.
 * Everything is bounded; links are not followed; nothing is ever written here,
 * changes travel through the gate.
 */

/* Opens the tree named by the task. */
int tools_open(const char *repo, int *dir, struct err *e);
/* One file of the repository. */
int tools_read(int dir, const char *path, struct buf *out, struct err *e);
/* Names of the regular files directly in a directory that end in suffix, sorted; a missing
 * directory has none. */
int tools_list(int dir, const char *path, const char *suffix, struct strlist *out, struct err *e);
/* Whether a directory of this name is looked into: no dependencies, build output, hidden ones. */
bool tools_is_source(const char *name);
/* Paths of the regular files beneath a directory ("": the tree), sorted, at most max; *more: there
 * are others. */
int tools_files(int dir, const char *path, size_t max, struct strlist *out, bool *more,
		struct err *e);
/* All text of the repository, for "is this in the repository already?". */
struct corpus {
	struct buf text; /* files one after the other, separated by NUL */
	bool complete;	 /* false: the tree is larger than the bound */
};
int corpus_load(int dir, struct corpus *out, struct err *e);
void corpus_release(struct corpus *c);
bool corpus_has(const struct corpus *c, const char *text, size_t n);
/* As a whole word: not inside a longer identifier. */
bool corpus_has_word(const struct corpus *c, const char *word, size_t n);
