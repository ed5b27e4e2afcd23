/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/change.h"
#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/base/jmap.h"

/*
 * Git on the trusted side: only plumbing, only in a bare repository of
 * sickbay's own (STATE/repos/NAME.git) with its own configuration; never in a
 * tree that an agent, or a checkout, has touched.  No hook, filter, attribute,
 * alias, pager, helper or submodule of anyone else's is ever consulted.
 */
struct git;

/* Makes the repository when needed and fetches all branches and tags of url (a path) into
 * refs/origin/. */
int git_open(const char *state, const char *name, const char *url, struct git **out, struct err *e);
void git_close(struct git *g);

/* A branch, tag or (abbreviated) commit of the service's repository -> full id; fetched when it is
 * not there yet. */
int git_resolve(struct git *g, const char *rev, char oid[65], struct err *e);
/* 1 when `ancestor` is an ancestor of `of` (or the same), 0 when not. */
int git_is_ancestor(struct git *g, const char *ancestor, const char *of, struct err *e);

/*
 * The commits of of's first-parent line that descend from `from` (without it), oldest first; none
 * when it is no ancestor or when there are more than max of them (*more is set).
 */
int git_line(struct git *g, const char *from, const char *of, size_t max, struct strlist *out,
	     bool *more, struct err *e);
/*
 * What was changed from `was` to `theirs`, brought to `ours`, line by line, by git's own merge of
 * files: 1 and the result; 0 when the changes overlap, or a text is not one of lines.
 */
struct git_merge {
	const char *scratch; /* a directory of our own, absolute */
	struct git_text {
		const char *p;
		size_t n;
	} ours, was, theirs;
};
int git_merge_text(struct git *g, const struct git_merge *m, struct buf *out, struct err *e);
/* The branch that HEAD of the service's repository names: *branch to be freed; -ENOENT when it
 * names none. */
int git_head(struct git *g, char **branch, struct err *e);

struct git_entry {
	unsigned mode; /* 0100644, 0100755, 0120000, 0160000 */
	char oid[65];
	char *path; /* relative to the listed tree */
};
struct git_tree {
	struct git_entry *v;
	size_t n;
	char *text; /* owns the paths */
};
/* The whole tree of commit:root, recursively; paths that are not clean are an error. */
int git_tree_read(struct git *g, const char *commit, const char *root, struct git_tree *out,
		  struct err *e);
void git_tree_release(struct git_tree *t);

/* Calls each() for every blob in order; data is valid during the call. */
typedef int git_blob_fn(void *ctx, size_t index, const char *data, size_t n, struct err *e);
int git_blobs(struct git *g, const struct git_tree *t, git_blob_fn *each, void *ctx, struct err *e);
/* Object ids of files beneath dir (an fd), hashed without filters, in order. */
int git_hash_files(struct git *g, int dir, const struct strlist *paths, struct strlist *oids,
		   struct err *e);

/* "commit date subject" and the patch of the last n commits that touched the paths, up to commit;
 * at most max bytes. */
int git_history(struct git *g, const char *commit, const struct strlist *paths, size_t max,
		struct buf *out, struct err *e);

struct git_commit {
	const char *parent, *root, *message;
	const char *author; /* "Name <mail>" */
	const char *date;   /* RFC 3339: a pure function of the records */
};
/* A commit with the changes on top of parent; nothing else is touched. */
int git_commit_changes(struct git *g, const struct git_commit *c, const struct changes *ch,
		       char oid[65], struct err *e);
/* refs/heads/BRANCH of the service's repository; -EEXIST when it is there with another commit. */
int git_push(struct git *g, const char *oid, const char *branch, struct err *e);
