/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/audit/tree.h"
#include "tests/tap.h"

/* The published test vectors of Certificate Transparency (RFC 6962 implementations share them). */
static const struct {
	const char *leaf;
	size_t n;
	const char *root; /* of the leaves so far */
} known[] = {
	{ "", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" },
	{ "\x00", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125" },
	{ "\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77" },
	{ "\x20\x21", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7" },
	{ "\x30\x31", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4" },
	{ "\x40\x41\x42\x43", 4,
	  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef" },
	{ "\x50\x51\x52\x53\x54\x55\x56\x57", 8,
	  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c" },
	{ "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16,
	  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328" },
};
#define N_KNOWN (sizeof(known) / sizeof(known[0]))

static void roots_are_those_that_others_compute(void)
{
	uint8_t h[SHA256_LEN];
	char hex[SHA256_HEX];
	struct tree t = { 0 };

	tree_root(&t, h);
	sha256_hex(h, hex);
	CHECK_STR(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	for (size_t i = 0; i < N_KNOWN; i++) {
		tree_leaf(known[i].leaf, known[i].n, h);
		tree_add(&t, h, NULL);
		tree_root(&t, h);
		sha256_hex(h, hex);
		CHECK_STR(hex, known[i].root);
	}
}

static void leaf_of(uint64_t i, uint8_t out[SHA256_LEN])
{
	tree_leaf(&i, sizeof(i), out);
}

/* Hashes of a tree of n leaves in a file; *t is its frontier. */
static int stored(uint64_t n, struct tree *t)
{
	struct buf b = BUF_INIT(1u << 20);
	const int fd = memfd_create("hashes", MFD_CLOEXEC);
	uint8_t h[SHA256_LEN];

	*t = (struct tree){ 0 };
	for (uint64_t i = 0; i < n; i++) {
		leaf_of(i, h);
		tree_add(t, h, &b);
	}
	CHECK_INT(b.n, tree_stored_count(n) * SHA256_LEN);
	if (b.n)
		CHECK_INT(write(fd, b.p, b.n), b.n);
	buf_release(&b);
	return fd;
}

static void every_record_of_every_tree_is_provable(void)
{
	for (uint64_t size = 1; size <= 70; size++) {
		struct tree t;
		const int fd = stored(size, &t);
		uint8_t root[SHA256_LEN], h[SHA256_LEN];
		struct tree_path p;
		struct err e = ERR_INIT;
		int bad = 0;

		tree_root(&t, root);
		for (uint64_t seq = 0; seq < size; seq++) {
			bad += tree_prove(fd, seq, size, &p, &e) < 0;
			leaf_of(seq, h);
			bad += tree_path_root(&p, seq, size, h, &e) < 0 ||
			       memcmp(h, root, sizeof(h)) != 0;
			leaf_of(seq + 1, h); /* another record does not give the root */
			bad += tree_path_root(&p, seq, size, h, &e) < 0 ||
			       memcmp(h, root, sizeof(h)) == 0;
			p.n++;
			leaf_of(seq, h);
			bad += tree_path_root(&p, seq, size, h, &e) != -EBADMSG;
			p.n -= 2;
			leaf_of(seq, h);
			bad += size > 1 && tree_path_root(&p, seq, size, h, &e) != -EBADMSG;
		}
		CHECK_INT(bad, 0);
		CHECK_INT(tree_prove(fd, size, size, &p, &e), -ERANGE);
		close(fd);
	}
}

static void the_stored_hashes_hold_the_tree_at_every_earlier_size(void)
{
	struct tree t, then = { 0 }, back;
	const int fd = stored(70, &t);
	uint8_t want[SHA256_LEN], got[SHA256_LEN], leaf[SHA256_LEN];
	struct err e = ERR_INIT;

	for (uint64_t size = 0; size <= 70; size++) {
		CHECK_INT(tree_stored_frontier(fd, size, &back, &e), 0);
		tree_root(&then, want);
		tree_root(&back, got);
		CHECK(memcmp(want, got, sizeof(got)) == 0);
		leaf_of(size, leaf);
		tree_add(&then, leaf, NULL);
	}
	CHECK_INT(tree_stored_frontier(fd, 1u << 20, &back, &e), -ENODATA);
	close(fd);
}

/* One hash more, one less, or one changed: none of them leads from one root to the other. */
static int wrong_paths_pass(const struct tree_path *p, uint64_t m, const uint8_t *from, uint64_t n,
			    const uint8_t *to)
{
	struct tree_path q = *p;
	struct err e = ERR_INIT;
	int bad = 0;

	memset(q.hash[q.n++], 7, SHA256_LEN);
	bad += tree_check_consistent(&q, m, from, n, to, &e) == 0;
	for (unsigned i = 0; i < p->n; i++) {
		q = *p;
		q.hash[i][5] ^= 1;
		bad += tree_check_consistent(&q, m, from, n, to, &e) == 0;
	}
	q = *p;
	if (q.n > 0) {
		q.n--;
		bad += tree_check_consistent(&q, m, from, n, to, &e) == 0;
	}
	return bad;
}

static void every_tree_begins_with_every_earlier_one(void)
{
	uint8_t roots[41][SHA256_LEN];
	struct tree t;
	const int fd = stored(40, &t);
	struct err e = ERR_INIT;
	struct tree_path p;
	int bad = 0;

	for (uint64_t m = 1; m <= 40; m++) {
		CHECK_INT(tree_stored_frontier(fd, m, &t, &e), 0);
		tree_root(&t, roots[m]);
	}
	for (uint64_t n = 1; n <= 40; n++)
		for (uint64_t m = 1; m <= n; m++) {
			bad += tree_prove_consistent(fd, m, n, &p, &e) != 0;
			bad += tree_check_consistent(&p, m, roots[m], n, roots[n], &e) != 0;
			bad += wrong_paths_pass(&p, m, roots[m], n, roots[n]);
			if (m < n) /* another history */
				bad += tree_check_consistent(&p, m, roots[n], n, roots[n], &e) == 0;
		}
	CHECK_INT(bad, 0);
	CHECK_INT(tree_prove_consistent(fd, 0, 3, &p, &e), -ERANGE);
	CHECK_INT(tree_prove_consistent(fd, 4, 3, &p, &e), -ERANGE);
	(void)close(fd);
}

TAP_MAIN(TEST(roots_are_those_that_others_compute), TEST(every_record_of_every_tree_is_provable),
	 TEST(the_stored_hashes_hold_the_tree_at_every_earlier_size),
	 TEST(every_tree_begins_with_every_earlier_one))
