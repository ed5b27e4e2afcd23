/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"

/*
 * A set of changes to a source tree, as data: what an agent submits, what the
 * policy checks, what a fork is given as a layer, what becomes a commit.
 * Paths are relative to the repository root and path_is_clean().  Sorted by path, one entry a path.
 */
enum change_kind { CHANGE_ADD, CHANGE_MODIFY, CHANGE_DELETE };
enum change_type {
	CHANGE_FILE,
	CHANGE_EXECUTABLE,
	CHANGE_SYMLINK,
	CHANGE_OTHER
}; /* OTHER: device, fifo, gitlink ...: always refused */

struct change {
	char *path;
	int kind;	/* enum change_kind */
	int type;	/* enum change_type, after the change */
	int old_type;	/* before; for ADD: -1 */
	char *old_data; /* content before (NULL for ADD); NUL-terminated, may hold NUL bytes */
	size_t old_len;
	char *new_data; /* content after (NULL for DELETE); a link's target for SYMLINK */
	size_t new_len;
};

struct changes {
	struct change *v;
	size_t n;
};

void changes_release(struct changes *c);
/* Bytes of its contents, old and new. */
size_t changes_bytes(const struct changes *c);
/* Appends or replaces (same path); copies nothing: takes ownership of the strings in *item. 0 or
 * -ENOMEM. */
int changes_put(struct changes *c, struct change *item);
const struct change *changes_find(const struct changes *c, const char *path);
/* Added and removed lines of one change (Myers / LCS by line, bounded). */
void change_line_counts(const struct change *ch, size_t *added, size_t *removed);
/* Unified diff text of the whole set, git style ("a/", "b/"), 3 lines of context. */
int changes_unified(const struct changes *c, struct buf *out, struct err *e);
/* SHA-256 over the canonical form: the identity of a candidate. */
void changes_digest(const struct changes *c, char hex[65]);
