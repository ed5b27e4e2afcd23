/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "runtime/base/err.h"

/*
 * 65,536 host ids for one live replica, and the user namespace that maps them
 * to 0..65535.  The range is held by a lock on a file, so it is free again the
 * moment its owner is gone, however it went.  Counted: members of one replica
 * share it.  Costs one short-lived process.
 */
#define IDRANGE_LEN 65536u

struct idrange {
	uint32_t base;
	int userns; /* the namespace, owned */
	int lock, dir;
	unsigned slot, users;
};

/* state: where the locks lie when /run cannot hold them. */
int idrange_take(const char *state, struct idrange **out, struct err *e);
struct idrange *idrange_ref(struct idrange *r);
void idrange_drop(struct idrange *r); /* NULL is fine; keeps errno */
/* Removes lock files of owners that are gone; the number. */
int idrange_sweep(const char *state, struct err *e);
