/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/syntax/op.h"
#include "runtime/base/err.h"
#include "runtime/proto/gate.h"

/*
 * From an incident to places in the source.  The innermost in-app frame comes
 * first, then its callers: the argument from which a value came, the function
 * that was handed over.  Owns the parsed files; sites point into them.
 */
#define LOCATE_FILES 12
#define LOCATE_SITES 64
#define LOCATE_HOPS  6

struct place {
	struct source *src;
	struct style style;
};

struct locate {
	const struct lang *lang;
	struct fault fault;
	struct place *places[LOCATE_FILES];
	size_t n_places;
	struct site sites[LOCATE_SITES];
	size_t n_sites;
	char *hops[LOCATE_HOPS]; /* prose, innermost first: where the value goes and comes from */
	size_t n_hops;
	bool suspected; /* the first hop names the expression that held the value */
};

/* -ENOENT when no frame of the incident leads to a source file that can be read. */
int locate(const struct gate_task *task, struct locate *out, struct err *e);
void locate_release(struct locate *l);
