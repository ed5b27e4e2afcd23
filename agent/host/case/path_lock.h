/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "policy/change.h"
#include "runtime/base/err.h"

/*
 * Leases of paths: two repairs that are being worked on never hold paths of one
 * repository that overlap, that is, are equal or one above the other.  A lease
 * is a file STATE/paths/CASE.json that its holder keeps locked (flock): the end
 * of the process ends it.
 */
struct path_lock;

struct path_claim {
	const char *repository, *root; /* paths are relative to root, "" for all of it */
	const char *case_id;
	const struct changes *changes;
};

/* -EBUSY: another case holds an overlapping path; e names both. Never waits for a lease. */
int path_lock_take(const char *state, const struct path_claim *c, struct path_lock **out,
		   struct err *e);
void path_lock_release(struct path_lock *l); /* NULL is fine */
