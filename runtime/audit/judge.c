/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/audit/judge.h"

#include <fcntl.h>
#include <string.h>

#include "runtime/base/cleanup.h"

/*
 * Naming the first wrong record.  The chain alone cannot always say whether a
 * record or the one after it was changed.  But the cache holds the hash of
 * every record, and where those hashes make up the signed root they are as
 * good as signed: then each line is compared with its own hash.  Without that
 * (no checkpoint, no cache, or behind the newest checkpoint), the chain decides.
 */
struct witness {
	int fd;	       /* the cache's hashes, -1: not to be believed */
	uint64_t size; /* of the signed tree */
};

static bool hashes_are_signed(int fd, const struct checkpoint *c)
{
	struct tree t = { 0 };
	struct err ignored = ERR_INIT;
	uint8_t h[SHA256_LEN];

	while (t.size < c->size) {
		if (tree_stored_leaf(fd, t.size, h, &ignored) < 0)
			return false;
		tree_add(&t, h, NULL);
	}
	tree_root(&t, h);
	return memcmp(h, c->root, SHA256_LEN) == 0;
}

static bool same_leaf(const struct witness *w, uint64_t seq, const uint8_t leaf[SHA256_LEN])
{
	struct err ignored = ERR_INIT;
	uint8_t want[SHA256_LEN];

	return seq < w->size && tree_stored_leaf(w->fd, seq, want, &ignored) == 0 &&
	       memcmp(want, leaf, SHA256_LEN) == 0;
}

/* Is this record further back in the file? */
static bool follows(struct scan *s, const struct witness *w, uint64_t seq)
{
	struct err ignored = ERR_INIT;
	uint8_t leaf[SHA256_LEN];
	const char *line;
	size_t n;

	while (scan_next(s, &line, &n, &ignored) == 1) {
		tree_leaf(line, n, leaf);
		if (same_leaf(w, seq, leaf))
			return true;
	}
	return false;
}

/* The line at place i is not the record that was signed there. */
static int misplaced(struct scan *s, const struct witness *w, uint64_t i, uint64_t seq,
		     struct verify_result *out)
{
	if (seq < i)
		return say(out, VERDICT_DUPLICATED, i,
			   "in the place of record %llu stands a copy of record %llu",
			   (unsigned long long)i, (unsigned long long)seq);
	if (follows(s, w, i))
		return say(out, VERDICT_REORDERED, i,
			   "record %llu stands further back; record %llu is in its place",
			   (unsigned long long)i, (unsigned long long)seq);
	return say(out, VERDICT_REMOVED, i, "record %llu was removed; record %llu is in its place",
		   (unsigned long long)i, (unsigned long long)seq);
}

static int edited(struct verify_result *out, const struct scan *s, uint64_t i)
{
	return say(out, VERDICT_EDITED, i,
		   "record %llu was changed (line %llu of events/%020llu.ndjson)",
		   (unsigned long long)i,
		   (unsigned long long)(i >= s->seg[s->at].first ? i - s->seg[s->at].first + 1 : 1),
		   (unsigned long long)s->seg[s->at].first);
}

static int truncated(struct verify_result *out, const struct witness *w, uint64_t i)
{
	return say(out, VERDICT_TRUNCATED, i,
		   "record %llu is missing: the log ends there, but %llu records were signed",
		   (unsigned long long)i, (unsigned long long)w->size);
}

static int cut_short(struct verify_result *out, const struct witness *w, uint64_t i)
{
	return say(out, VERDICT_TRUNCATED, i,
		   "the log ends within record %llu, but %llu records were signed",
		   (unsigned long long)i, (unsigned long long)w->size);
}

/* Each line against its own signed hash.  1: a verdict; 0: all signed records are there. */
static int compare_hashes(struct scan *s, const struct witness *w, struct verify_result *out,
			  struct err *e)
{
	uint8_t leaf[SHA256_LEN], prev[SHA256_LEN];
	const char *line;
	uint64_t seq;
	size_t n;

	for (uint64_t i = 0; i < w->size; i++) {
		const int r = scan_next(s, &line, &n, e);

		if (r == 0)
			return 1 + truncated(out, w, i);
		if (r == -EBADMSG)
			return 1 +
			       (s->at + 1 == s->n_seg ? cut_short(out, w, i) : edited(out, s, i));
		if (r < 0)
			return r;
		tree_leaf(line, n, leaf);
		if (same_leaf(w, i, leaf))
			continue;
		if (chain_read(line, n, &seq, prev) == 0 && seq != i && same_leaf(w, seq, leaf))
			return 1 + misplaced(s, w, i, seq, out);
		return 1 + edited(out, s, i);
	}
	return 0;
}

struct step { /* one line, as the chain sees it */
	uint64_t seq;
	uint8_t prev[SHA256_LEN], leaf[SHA256_LEN];
	bool readable;
};

static void take_step(const char *line, size_t n, struct step *st)
{
	st->readable = chain_read(line, n, &st->seq, st->prev) == 0;
	tree_leaf(line, n, st->leaf);
}

/* The line at place i does not follow `last`: which of the two was changed? */
static int judge_link(struct scan *s, uint64_t i, const uint8_t last[SHA256_LEN],
		      const struct step *st, struct verify_result *out)
{
	struct err ignored = ERR_INIT;
	struct step next = { 0 };
	const char *line;
	size_t n;

	if (!st->readable || memcmp(st->prev, last, SHA256_LEN) == 0)
		return edited(out, s, i);
	if (st->seq < i)
		return say(out, VERDICT_DUPLICATED, i,
			   "in the place of record %llu stands a copy of record %llu",
			   (unsigned long long)i, (unsigned long long)st->seq);
	if (st->seq > i) {
		while (scan_next(s, &line, &n, &ignored) == 1) {
			take_step(line, n, &next);
			if (next.readable && next.seq == i)
				return say(out, VERDICT_REORDERED, i,
					   "record %llu stands further back; record %llu is in its "
					   "place",
					   (unsigned long long)i, (unsigned long long)st->seq);
		}
		return say(out, VERDICT_REMOVED, i,
			   "record %llu was removed; record %llu is in its place",
			   (unsigned long long)i, (unsigned long long)st->seq);
	}
	/* its prev is wrong: by itself, if what follows does not fit it either */
	if (i == 0)
		return edited(out, s, i);
	if (scan_next(s, &line, &n, &ignored) == 1) {
		take_step(line, n, &next);
		if (!next.readable || memcmp(next.prev, st->leaf, SHA256_LEN) != 0)
			return edited(out, s, i);
	}
	return edited(out, s, i - 1);
}

static int judge_chain(struct scan *s, uint64_t signed_size, struct verify_result *out,
		       struct err *e)
{
	uint8_t last[SHA256_LEN] = { 0 };
	const char *line;
	size_t n;
	int r;

	for (uint64_t i = 0;; i++) {
		struct step st;

		r = scan_next(s, &line, &n, e);
		if (r != 1)
			break;
		take_step(line, n, &st);
		if (!st.readable || st.seq != i || memcmp(st.prev, last, SHA256_LEN) != 0)
			return judge_link(s, i, last, &st, out);
		if (s->offset == n + 1 && s->seg[s->at].first != i)
			return say(
				out, VERDICT_EDITED, i,
				"the segment that begins with record %llu is named %020llu.ndjson",
				(unsigned long long)i, (unsigned long long)s->seg[s->at].first);
		memcpy(last, st.leaf, SHA256_LEN);
		out->records = i + 1;
	}
	if (r < 0 && r != -EBADMSG)
		return r;
	if (out->records < signed_size)
		return truncated(out, &(struct witness){ -1, signed_size }, out->records);
	if (r == -EBADMSG && s->at + 1 == s->n_seg)
		return say(out, VERDICT_TORN_TAIL, out->records,
			   "the last record is half-written, as a crash leaves it: the next "
			   "command cuts it off and records that");
	if (r == -EBADMSG)
		return edited(out, s, out->records);
	return say(out, VERDICT_FORKED, 0,
		   "the records form a chain, but not the one that was signed");
}

int judge(int dir, struct scan *s, const struct checkpoint *newest, struct verify_result *out,
	  struct err *e)
{
	AUTO_CLOSE int fd = openat(dir, "cache/hashes", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	const struct witness w = { fd, newest ? newest->size : 0 };
	int r = 0;

	if (newest && fd >= 0 && hashes_are_signed(fd, newest)) {
		scan_seek(s, 0, 0);
		r = compare_hashes(s, &w, out, e);
	}
	if (r != 0)
		return r < 0 ? r : 0;
	scan_seek(s, 0, 0);
	out->records = 0;
	return judge_chain(s, w.size, out, e);
}
