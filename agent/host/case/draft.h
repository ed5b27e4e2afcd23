/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/manifest.h"

/*
 * A first service file, and a recipe of its toolchain, from what a repository
 * says of itself.  What could not be told stands in it as a comment that begins
 * with FILL IN.  Text only: the caller writes it.
 */
struct draft {
	char *service;	     /* the file, with comments */
	char *recipe;	     /* the recipe; NULL: no dependencies were found */
	bool npm;	     /* it wants package.json and package-lock.json beside it */
	struct strlist open; /* what is left to fill in, one line each */
};

struct draft_input {
	const char *name, *repository; /* an absolute path */
	const char *recipe;	       /* its path as the service file is to name it */
	const struct manifests *found;
};

int draft_make(const struct draft_input *in, struct draft *out, struct err *e);
void draft_release(struct draft *d);
