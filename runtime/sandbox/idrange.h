/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"

/*
 * 65,536 host ids for one live replica, the user namespace that maps them to
 * 0..65535, and the replica's network namespace.  The range is held by a lock
 * on a file, so it is free again the moment its owner is gone, however it
 * went.  Counted: members of one replica share it.  Costs one short-lived process.
 */
#define IDRANGE_LEN 65536u

struct idrange {
	uint32_t base;
	int userns, netns; /* owned; netns is -1 until idrange_settle() */
	int lock, dir;
	unsigned slot, users;
	int holder, holder_pidfd; /* the process in the namespaces, until they are held by us */
};

/* state: where the locks lie when /run cannot hold them.  The network namespace is made meanwhile.
 */
int idrange_take(const char *state, struct idrange **out, struct err *e);
/* Waits for the network namespace, brings its loopback up when asked, once. */
int idrange_settle(struct idrange *r, bool loopback, struct err *e);
struct idrange *idrange_ref(struct idrange *r);
void idrange_drop(struct idrange *r); /* NULL is fine; keeps errno */
/* Removes lock files of owners that are gone; the number. */
int idrange_sweep(const char *state, struct err *e);
