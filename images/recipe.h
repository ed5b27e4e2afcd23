/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/jmap.h"
#include "runtime/base/sha256.h"

/*
 * A recipe of `image prepare`: an operator's file, strict, with comments.
 * Files that it names are relative to its own folder.
 */
struct recipe_npm {
	char *manifest, *lock; /* package.json and package-lock.json */
	char *at;	       /* its node_modules go below this directory */
};

#define PACKAGES_MAX 512

struct recipe_debian {
	struct strlist packages; /* NAME or NAME=VERSION; what they depend on is not added */
	struct strmap sha256;	 /* NAME: digest of the package file */
	char *at;
};

struct recipe_file {
	char *from, *to;
	bool executable;
};

struct recipe_build {
	struct strlist run; /* argv */
	char *cwd;	    /* given to that user: what it may write to */
	uint64_t uid;	    /* who runs it, inside */
	uint64_t timeout;   /* ms; 0: the sandbox's default */
};

struct recipe {
	char *name, *image;
	bool has_npm, has_debian, has_build;
	struct recipe_npm npm;
	struct recipe_debian debian;
	struct objlist files; /* struct recipe_file */
	struct recipe_build build;
	int dir; /* the recipe's folder */
};

int recipe_read(const char *path, struct recipe *out, struct err *e);
void recipe_release(struct recipe *r);
/* Hashes the recipe and every file that it names. */
int recipe_digest(const struct recipe *r, struct sha256 *h, struct err *e);
/* A file that the recipe names, opened beneath its folder, or absolute as the operator wrote it. */
int recipe_open(const struct recipe *r, const char *path, struct err *e);
/* "/opt/x" -> "opt/x", checked when the recipe was read; "" for "/". */
const char *recipe_place(const char *at);
