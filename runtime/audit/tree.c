/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/audit/tree.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static void node_hash(const uint8_t *left, const uint8_t *right, uint8_t out[SHA256_LEN])
{
	struct sha256 s;

	sha256_init(&s);
	sha256_update(&s, "\x01", 1);
	sha256_update(&s, left, SHA256_LEN);
	sha256_update(&s, right, SHA256_LEN);
	sha256_final(&s, out);
}

void tree_leaf(const void *data, size_t n, uint8_t out[SHA256_LEN])
{
	struct sha256 s;

	sha256_init(&s);
	sha256_update(&s, "\0", 1);
	sha256_update(&s, data, n);
	sha256_final(&s, out);
}

void tree_add(struct tree *t, const uint8_t leaf[SHA256_LEN], struct buf *stored)
{
	uint8_t h[SHA256_LEN];
	unsigned level = 0;

	memcpy(h, leaf, SHA256_LEN);
	for (;; level++) {
		if (stored)
			buf_put(stored, h, SHA256_LEN);
		if (!(t->size >> level & 1))
			break;
		node_hash(t->node[level], h, h);
	}
	memcpy(t->node[level], h, SHA256_LEN);
	t->size++;
}

void tree_root(const struct tree *t, uint8_t out[SHA256_LEN])
{
	int have = 0;

	for (unsigned level = 0; level < TREE_LEVELS; level++) {
		if (!(t->size >> level & 1))
			continue;
		if (have)
			node_hash(t->node[level], out, out);
		else
			memcpy(out, t->node[level], SHA256_LEN);
		have = 1;
	}
	if (!have)
		sha256_of("", 0, out);
}

/*
 * Post-order: the leaf n is followed by every node it completes.  So leaf n
 * stands after n leaves and the n/2 + n/4 + ... nodes completed before it, and
 * the node (level, n) stands `level` places after its last leaf.
 */
static uint64_t stored_index(unsigned level, uint64_t n)
{
	uint64_t i = 0;

	for (unsigned l = level; l > 0; l--)
		n = 2 * n + 1;
	for (; n > 0; n >>= 1)
		i += n;
	return i + level;
}

uint64_t tree_stored_count(uint64_t size)
{
	uint64_t count;

	if (size == 0)
		return 0;
	count = stored_index(0, size - 1) + 1;
	for (uint64_t i = size - 1; i & 1; i >>= 1)
		count++;
	return count;
}

static int stored_node(int fd, unsigned level, uint64_t n, uint8_t out[SHA256_LEN], struct err *e)
{
	const uint64_t at = stored_index(level, n) * SHA256_LEN;
	const ssize_t r = pread(fd, out, SHA256_LEN, (off_t)at);

	if (r < 0)
		return err_sys(e, "cannot read the tree's hashes");
	if (r != SHA256_LEN)
		return err_set(e, ENODATA, "the tree's hashes end before node %u/%llu", level,
			       (unsigned long long)n);
	return 0;
}

int tree_stored_leaf(int fd, uint64_t seq, uint8_t out[SHA256_LEN], struct err *e)
{
	return stored_node(fd, 0, seq, out, e);
}

int tree_stored_frontier(int fd, uint64_t size, struct tree *out, struct err *e)
{
	struct tree t = { .size = size };

	for (unsigned level = 0; level < TREE_LEVELS; level++) {
		if (!(size >> level & 1))
			continue;
		const int r = stored_node(fd, level, (size >> level) - 1, t.node[level], e);

		if (r < 0)
			return r;
	}
	*out = t;
	return 0;
}

static uint64_t split(uint64_t n) /* the largest power of two below n */
{
	uint64_t k = 1;

	while (k < n - k)
		k <<= 1;
	return k;
}

/* The hash of the leaves [from, from + n); `from` is a multiple of every complete part's size. */
static int range_hash(int fd, uint64_t from, uint64_t n, uint8_t out[SHA256_LEN], struct err *e)
{
	uint8_t right[SHA256_LEN];
	int r;

	if ((n & (n - 1)) == 0) {
		const unsigned level = (unsigned)__builtin_ctzll(n);

		return stored_node(fd, level, from >> level, out, e);
	}
	r = range_hash(fd, from, split(n), out, e);
	if (r == 0)
		r = range_hash(fd, from + split(n), n - split(n), right, e);
	if (r == 0)
		node_hash(out, right, out);
	return r;
}

/* RFC 6962, 2.1.1: from the root down, the sibling of each subtree that holds the leaf. */
int tree_prove(int fd, uint64_t seq, uint64_t size, struct tree_path *out, struct err *e)
{
	uint8_t down[TREE_LEVELS][SHA256_LEN];
	uint64_t from = 0, n = size;
	unsigned depth = 0;

	if (seq >= size)
		return err_set(e, ERANGE, "record %llu is not in a tree of %llu",
			       (unsigned long long)seq, (unsigned long long)size);
	while (n > 1) {
		const uint64_t k = split(n);
		const int left = seq - from < k;
		const int r = left ? range_hash(fd, from + k, n - k, down[depth], e)
				   : range_hash(fd, from, k, down[depth], e);

		if (r < 0)
			return r;
		depth++;
		from += left ? 0 : k;
		n = left ? k : n - k;
	}
	out->n = depth;
	for (unsigned i = 0; i < depth; i++)
		memcpy(out->hash[i], down[depth - 1 - i], SHA256_LEN);
	return 0;
}

/* RFC 9162, 2.1.3.2. */
int tree_path_root(const struct tree_path *p, uint64_t seq, uint64_t size, uint8_t node[SHA256_LEN],
		   struct err *e)
{
	uint64_t fn = seq, sn = size - 1;

	if (seq >= size)
		return err_set(e, EBADMSG, "record %llu is not in a tree of %llu",
			       (unsigned long long)seq, (unsigned long long)size);
	for (unsigned i = 0; i < p->n; i++) {
		if (sn == 0)
			return err_set(e, EBADMSG, "the proof is too long");
		if ((fn & 1) || fn == sn) {
			node_hash(p->hash[i], node, node);
			for (; !(fn & 1) && fn != 0; fn >>= 1)
				sn >>= 1;
		} else {
			node_hash(node, p->hash[i], node);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 ? 0 : err_set(e, EBADMSG, "the proof is too short");
}

static int push_range(int fd, uint64_t from, uint64_t n, struct tree_path *out, struct err *e)
{
	if (out->n == TREE_LEVELS)
		return err_set(e, E2BIG, "the proof is too long");
	return range_hash(fd, from, n, out->hash[out->n++], e);
}

int tree_prove_consistent(int fd, uint64_t earlier, uint64_t size, struct tree_path *out,
			  struct err *e)
{
	struct {
		uint64_t from, n;
	} rest[TREE_LEVELS];
	uint64_t m = earlier, from = 0, n = size;
	bool known = true; /* the earlier tree's own root: whoever checks has it */
	unsigned depth = 0;
	int r = 0;

	if (earlier == 0 || earlier > size)
		return err_set(e, ERANGE, "a tree of %llu does not begin with one of %llu",
			       (unsigned long long)size, (unsigned long long)earlier);
	while (m != n) {
		const uint64_t k = split(n);

		if (m <= k) {
			rest[depth].from = from + k;
			rest[depth++].n = n - k;
			n = k;
		} else {
			rest[depth].from = from;
			rest[depth++].n = k;
			known = false;
			from += k;
			m -= k;
			n -= k;
		}
	}
	out->n = 0;
	if (!known)
		r = push_range(fd, from, n, out, e);
	while (r == 0 && depth-- > 0)
		r = push_range(fd, rest[depth].from, rest[depth].n, out, e);
	return r;
}

/* RFC 9162, 2.1.4.2. */
int tree_check_consistent(const struct tree_path *p, uint64_t earlier,
			  const uint8_t earlier_root[SHA256_LEN], uint64_t size,
			  const uint8_t root[SHA256_LEN], struct err *e)
{
	uint64_t fn = earlier - 1, sn = size - 1;
	uint8_t fr[SHA256_LEN], sr[SHA256_LEN];
	unsigned i = 0;

	if (earlier == 0 || earlier > size)
		return err_set(e, EBADMSG, "a tree of %llu does not begin with one of %llu",
			       (unsigned long long)size, (unsigned long long)earlier);
	if (earlier == size)
		return p->n == 0 && memcmp(earlier_root, root, SHA256_LEN) == 0
			       ? 0
			       : err_set(e, EBADMSG, "two trees of %llu differ",
					 (unsigned long long)size);
	if ((earlier & (earlier - 1)) == 0)
		memcpy(fr, earlier_root, SHA256_LEN);
	else if (p->n > 0)
		memcpy(fr, p->hash[i++], SHA256_LEN);
	else
		return err_set(e, EBADMSG, "the proof is too short");
	memcpy(sr, fr, SHA256_LEN);
	for (; fn & 1; fn >>= 1)
		sn >>= 1;
	for (; i < p->n; i++) {
		if (sn == 0)
			return err_set(e, EBADMSG, "the proof is too long");
		if ((fn & 1) || fn == sn) {
			node_hash(p->hash[i], fr, fr);
			node_hash(p->hash[i], sr, sr);
			for (; !(fn & 1) && fn != 0; fn >>= 1)
				sn >>= 1;
		} else {
			node_hash(sr, p->hash[i], sr);
		}
		fn >>= 1;
		sn >>= 1;
	}
	if (sn != 0 || memcmp(fr, earlier_root, SHA256_LEN) != 0 ||
	    memcmp(sr, root, SHA256_LEN) != 0)
		return err_set(e, EBADMSG, "the tree of %llu does not begin with the one of %llu",
			       (unsigned long long)size, (unsigned long long)earlier);
	return 0;
}
