/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/git.h"
#include "images/store.h"

/*
 * The source layer of a replica: the tree of one commit, written file by file
 * from git's objects (no attributes, filters or export rules), checked against
 * the tree's hashes, never with a .git.  Made once per commit and place.
 */
struct source {
	char commit[65];
	char layer[80]; /* layer id in the store */
	size_t files;
	struct strlist missing; /* submodules and LFS pointers: reported, not fetched */
};

#define SOURCE_UID 1000 /* the payload's user owns the tree */

/* `place`: absolute directory of the tree inside the replica ("/app"). */
int source_make(struct store *s, struct git *g, const char *commit, const char *root,
		const char *place, struct source *out, struct err *e);
void source_release(struct source *s);
/* The folders above place/path in a layer, owned as the tree is: a merged folder takes the owner of
 * its top-most layer. */
int source_put_parents(int dir, const char *place, const char *path, struct err *e);

/* One file of the layer; -ENOENT when it has none. */
int source_read_file(struct store *s, const struct source *src, const char *place, const char *path,
		     struct buf *out, struct err *e);
/*
 * What a frozen upper changed against the source layer, beneath `place`: read with openat2, no git.
 * Names that a repository may not hold (.git, control bytes) are entries of type CHANGE_OTHER.
 * `beneath` (may be NULL): changes that already lay over the source when the upper was written.
 */
int source_diff(struct store *s, const struct source *src, const char *place, int upper,
		const struct changes *beneath, struct changes *out, struct err *e);
