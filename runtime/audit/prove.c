/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/audit/prove.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>

#include "runtime/audit/keys.h"
#include "runtime/audit/scan.h"
#include "runtime/audit/tree.h"
#include "runtime/base/base64.h"
#include "runtime/base/fd.h"

#define HEAD "c2sp.org/tlog-proof@v1\n"

struct proof {
	uint64_t seq;
	uint8_t leaf[SHA256_LEN];
	struct tree_path path;
	struct checkpoint at;
};

static bool holds(const struct proof *p, struct err *e)
{
	uint8_t root[SHA256_LEN];

	memcpy(root, p->leaf, SHA256_LEN);
	return tree_path_root(&p->path, p->seq, p->at.size, root, e) == 0 &&
	       memcmp(root, p->at.root, SHA256_LEN) == 0;
}

/* Reads the records up to the checkpoint: the line wanted, and every hash into a file. */
static int read_lines(int events, const struct proof *p, int hashes, struct buf *line,
		      struct err *e)
{
	AUTO_BUF struct buf stored = BUF_INIT(1u << 20);
	struct tree tree = { 0 };
	struct scan s;
	const char *text;
	size_t n;
	int r = scan_open(events, &s, e);

	while (r >= 0 && tree.size < p->at.size && (r = scan_next(&s, &text, &n, e)) == 1) {
		uint8_t leaf[SHA256_LEN];

		if (tree.size == p->seq)
			buf_put(line, text, n);
		tree_leaf(text, n, leaf);
		tree_add(&tree, leaf, &stored);
		if (stored.n < 1u << 19 && tree.size < p->at.size)
			continue;
		r = fd_write_all(hashes, stored.p, stored.n, "the tree's hashes", e);
		buf_reset(&stored);
	}
	scan_release(&s);
	if (r >= 0 && tree.size < p->at.size)
		r = err_set(e, EBADMSG, "the log is shorter than what was signed");
	return r < 0 ? r : buf_check(line, "record", e);
}

/* From the records themselves: reads all of the log. */
static int prove_slowly(int dir, struct proof *p, struct buf *line, struct err *e)
{
	AUTO_CLOSE int events =
		openat(dir, "events", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_CLOSE int hashes = memfd_create("hashes", MFD_CLOEXEC);
	int r;

	if (events < 0 || hashes < 0)
		return err_sys(e, "cannot read the log's records");
	buf_reset(line);
	r = read_lines(events, p, hashes, line, e);
	if (r == 0)
		r = tree_prove(hashes, p->seq, p->at.size, &p->path, e);
	if (r < 0)
		return r;
	tree_leaf(line->p, line->n, p->leaf);
	if (!holds(p, e))
		return err_set(e, EBADMSG,
			       "the log was changed: 'sickbay audit verify' names where");
	return 0;
}

static int seek_record(int dir, struct scan *s, uint64_t seq, struct err *e)
{
	AUTO_CLOSE int offsets = openat(dir, "cache/offsets", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	size_t at = s->n_seg;
	uint64_t offset;

	while (at > 0 && s->seg[at - 1].first > seq)
		at--;
	if (at == 0 || pread(offsets, &offset, sizeof(offset), (off_t)(seq * sizeof(offset))) !=
			       (ssize_t)sizeof(offset))
		return err_set(e, ENODATA, "no cache");
	scan_seek(s, at - 1, offset);
	return 0;
}

/* From the cache, in a handful of short reads; it may be missing or wrong. */
static bool prove_quickly(int dir, struct proof *p, struct buf *line)
{
	AUTO_CLOSE int events =
		openat(dir, "events", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_CLOSE int hashes = openat(dir, "cache/hashes", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct err ignored = ERR_INIT;
	const char *text;
	struct scan s;
	size_t n;
	bool ok;

	if (events < 0 || hashes < 0 || scan_open(events, &s, &ignored) < 0)
		return false;
	ok = seek_record(dir, &s, p->seq, &ignored) == 0 &&
	     scan_next(&s, &text, &n, &ignored) == 1 &&
	     tree_prove(hashes, p->seq, p->at.size, &p->path, &ignored) == 0;
	if (ok) {
		tree_leaf(text, n, p->leaf);
		buf_put(line, text, n);
	}
	scan_release(&s);
	return ok && holds(p, &ignored);
}

static void write_proof(const struct proof *p, const struct buf *line, const struct buf *note,
			struct buf *out)
{
	buf_puts(out, HEAD "extra ");
	base64_put(out, line->p, line->n);
	buf_printf(out, "\nindex %llu\n", (unsigned long long)p->seq);
	for (unsigned i = 0; i < p->path.n; i++) {
		base64_put(out, p->path.hash[i], SHA256_LEN);
		buf_putc(out, '\n');
	}
	buf_putc(out, '\n');
	buf_put(out, note->p, note->n);
}

static int load_note(int dir, struct buf *note, struct checkpoint *c, struct err *e)
{
	CLEANUP(key_list_release) struct key_list keys = { 0 };
	int r;

	if (faccessat(dir, "checkpoint", F_OK, 0) < 0 && errno == ENOENT)
		return err_set(e, ENOENT, "nothing is signed in this log yet");
	r = key_list_load(dir, &keys, e);
	if (r == 0)
		r = file_read_at(dir, "checkpoint", NOTE_MAX, note, e);
	return r < 0 ? r : key_list_open(&keys, note->p ? note->p : "", note->n, c, e);
}

int prove(int dir, uint64_t seq, struct buf *out, struct err *e)
{
	AUTO_CLOSE int lock = openat(dir, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_BUF struct buf line = BUF_INIT(CHAIN_LINE_MAX + 1);
	AUTO_BUF struct buf note = BUF_INIT(NOTE_MAX);
	struct proof p = { .seq = seq };
	int r;

	if (lock < 0)
		return err_set(e, ENOENT, "there is no audit log here yet");
	if (flock(lock, LOCK_SH) < 0)
		return err_sys(e, "cannot lock the audit log");
	r = load_note(dir, &note, &p.at, e);
	if (r < 0)
		return r;
	if (seq >= p.at.size)
		return err_set(e, ERANGE, "record %llu is not among the %llu that are signed",
			       (unsigned long long)seq, (unsigned long long)p.at.size);
	if (!prove_quickly(dir, &p, &line)) {
		r = prove_slowly(dir, &p, &line, e);
		if (r < 0)
			return r;
	}
	write_proof(&p, &line, &note, out);
	return buf_check(out, "proof", e);
}

/* The next line of the proof, or NULL. */
static const char *next_line(const char **p, const char *end, size_t *n)
{
	const char *from = *p;
	const char *nl = from < end ? memchr(from, '\n', (size_t)(end - from)) : NULL;

	if (!nl)
		return NULL;
	*n = (size_t)(nl - from);
	*p = nl + 1;
	return from;
}

static int read_extra(const char *line, size_t n, struct buf *record)
{
	const size_t b64 = n - 6;
	size_t bytes = b64 / 4 * 3;
	AUTO_FREE char *raw = NULL;

	if (n < 6 + 4 || memcmp(line, "extra ", 6) != 0)
		return -EINVAL;
	bytes -= (size_t)(line[n - 1] == '=') + (size_t)(line[n - 2] == '=');
	raw = malloc(bytes + 1);
	if (!raw || base64_get(line + 6, b64, raw, bytes) < 0)
		return -EINVAL;
	buf_put(record, raw, bytes);
	return 0;
}

static int read_index(const char *line, size_t n, uint64_t *seq)
{
	char text[24] = "", again[24];

	if (n < 7 || n - 6 >= sizeof(text) || memcmp(line, "index ", 6) != 0)
		return -EINVAL;
	memcpy(text, line + 6, n - 6);
	*seq = strtoull(text, NULL, 10);
	(void)snprintf(again, sizeof(again), "%llu", (unsigned long long)*seq);
	return strcmp(text, again) == 0 ? 0 : -EINVAL;
}

/* Everything before the checkpoint; *p then stands at it. */
static int read_proof(const char **p, const char *end, struct proof *out, struct buf *record)
{
	const char *line;
	size_t n;

	line = next_line(p, end, &n);
	if (!line || n != sizeof(HEAD) - 2 || memcmp(line, HEAD, n) != 0)
		return -EINVAL;
	line = next_line(p, end, &n);
	if (!line || read_extra(line, n, record) < 0)
		return -EINVAL;
	line = next_line(p, end, &n);
	if (!line || read_index(line, n, &out->seq) < 0)
		return -EINVAL;
	for (line = next_line(p, end, &n); line && n; line = next_line(p, end, &n)) {
		if (out->path.n == TREE_LEVELS ||
		    base64_get(line, n, out->path.hash[out->path.n++], SHA256_LEN) < 0)
			return -EINVAL;
	}
	return line ? 0 : -EINVAL;
}

int proof_check(const char *text, size_t n, const struct note_key *key, uint64_t *seq,
		struct buf *record, struct err *e)
{
	const char *p = text, *end = text + n;
	struct proof proof = { 0 };
	const size_t from = record->n;
	uint8_t prev[SHA256_LEN];
	uint64_t own;
	int r;

	if (n > PROOF_MAX || read_proof(&p, end, &proof, record) < 0)
		return err_set(e, EBADMSG, "not a proof of the form c2sp.org/tlog-proof@v1");
	r = checkpoint_open(p, (size_t)(end - p), key, &proof.at, e);
	if (r < 0)
		return r;
	if (buf_check(record, "record", e) < 0)
		return -e->code;
	tree_leaf(record->p + from, record->n - from, proof.leaf);
	if (chain_read(record->p + from, record->n - from, &own, prev) < 0 || own != proof.seq)
		return err_set(e, EBADMSG, "the proof does not hold a record of that number");
	if (proof.seq >= proof.at.size || !holds(&proof, e))
		return err_set(e, EBADMSG, "the record is not in the tree that was signed");
	*seq = proof.seq;
	return 0;
}
