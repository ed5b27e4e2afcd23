/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/base/sha256.h"

/*
 * The Merkle tree of RFC 6962 over the records of the log.  Appending keeps
 * only the frontier (one hash a level); every complete node is also written,
 * in post-order, to a flat file of 32-byte hashes, so that any root and any
 * proof is at most 64 short reads.  That file is a cache: it can be rebuilt from the records,
 * is never synced, and nothing believes it that a signed root did not confirm.
 */
#define TREE_LEVELS 64

struct tree {
	uint64_t size;
	uint8_t node[TREE_LEVELS][SHA256_LEN]; /* valid where size has the bit */
};

struct tree_path {
	uint8_t hash[TREE_LEVELS][SHA256_LEN];
	unsigned n;
};

void tree_leaf(const void *data, size_t n, uint8_t out[SHA256_LEN]);
void tree_add(struct tree *t, const uint8_t leaf[SHA256_LEN],
	      struct buf *stored); /* stored may be NULL */
void tree_root(const struct tree *t, uint8_t out[SHA256_LEN]);

/* How many hashes the flat file has once the tree has size leaves. */
uint64_t tree_stored_count(uint64_t size);
/* The readers of the flat file: -ENODATA when it is too short. */
int tree_stored_leaf(int fd, uint64_t seq, uint8_t out[SHA256_LEN], struct err *e);
int tree_stored_frontier(int fd, uint64_t size, struct tree *out, struct err *e);
int tree_prove(int fd, uint64_t seq, uint64_t size, struct tree_path *out, struct err *e);
/* The root that this path gives for the leaf; -EBADMSG when its length is wrong for seq and size.
 */
int tree_path_root(const struct tree_path *p, uint64_t seq, uint64_t size, uint8_t node[SHA256_LEN],
		   struct err *e);
/* RFC 6962, 2.1.2: that the tree of `size` begins with the one of `earlier` (1 or more). */
int tree_prove_consistent(int fd, uint64_t earlier, uint64_t size, struct tree_path *out,
			  struct err *e);
/* -EBADMSG when the path does not lead from one root to the other. */
int tree_check_consistent(const struct tree_path *p, uint64_t earlier,
			  const uint8_t earlier_root[SHA256_LEN], uint64_t size,
			  const uint8_t root[SHA256_LEN], struct err *e);
