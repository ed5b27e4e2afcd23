/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/draft.h"

/* Shared by the files that write a draft; nobody else includes it. */
struct drafting {
	const struct draft_input *in;
	struct buf *b;
	const char *language; /* NULL: not recognised */
	char *cwd, *module;   /* module: of Python, as it is imported; may be NULL */
	struct strlist in_app, open;
	char *recipe;
	bool npm, no_lock; /* no_lock: dependencies that nothing pins */
	int failed;	   /* out of memory on the way */
};

void put_json(struct buf *b, const char *s);
/* A comment line; and one that a person has to complete, also listed in d->open. */
void note(struct drafting *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void fill_in(struct drafting *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

int draft_find_module(struct drafting *d);
void draft_put_tests(struct drafting *d);
/* d->recipe, where dependencies were found. */
int draft_recipe(struct drafting *d, struct err *e);
