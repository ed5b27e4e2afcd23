/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/git.h"

/*
 * What a repository says of itself at one commit: the files that its tools
 * read, as sickbay-decode found them, and the names of all files.  Blobs are
 * read from git's objects; nothing is checked out and nothing is run.  Hints
 * for a draft that a person completes, never a decision.
 */
struct manifest {
	/* of one file, as decoded */
	char *kind, *name, *main, *from, *workdir;
	uint64_t lock;
	bool pytest;
	struct strlist needs, dev, testpaths, targets, packages, lines;
	struct strmap scripts, env, labels;
	/* added here */
	char *path;
	char *text; /* the file itself, for package.json and its lock file; else NULL */
	size_t n;
};

struct manifests {
	char commit[65];
	char *branch; /* NULL: HEAD is no branch */
	struct git_tree tree;
	struct manifest *v; /* in the order of the tree */
	size_t n;
	struct strlist unread; /* "PATH: why" */
};

/* HEAD of the repository of g. */
int manifests_read(struct git *g, struct manifests *out, struct err *e);
void manifests_release(struct manifests *m);
/* The first of a kind, at the top of the repository if there is one; NULL: none. */
const struct manifest *manifest_of(const struct manifests *m, const char *kind);
/* Any of the files needs it, to run or for development. */
bool manifests_need(const struct manifests *m, const char *kind, const char *name);
/* Files whose path ends so, and begins so. */
size_t manifests_count(const struct manifests *m, const char *begin, const char *end);
