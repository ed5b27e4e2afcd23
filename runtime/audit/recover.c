/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/audit/auditlog.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/base/log.h"
#include "runtime/base/sys.h"

/*
 * Following the log.  On opening, reading starts a little before the newest
 * checkpoint, with the tree's state there taken from the cache; when reading
 * reaches the checkpoint's size, the root must be the signed one, which proves
 * the cache and the lines in between at once.  When it is not, everything is
 * read again from the first record; when it still is not, the log was changed.
 */
#define RECHECK 1024 /* records before the checkpoint that each opening reads again */

static int tampered(const struct auditlog *l, struct err *e)
{
	return err_set(e, EBADMSG,
		       "the audit log was changed: record %llu of the %llu that were signed does "
		       "not fit; 'sickbay audit verify' names it, nothing more is appended",
		       (unsigned long long)l->tree.size, (unsigned long long)l->newest.size);
}

static void put_cache(int fd, const struct buf *b, uint64_t at)
{
	if (b->n && pwrite(fd, b->p, b->n, (off_t)at) != (ssize_t)b->n)
		log_warn("the audit log's cache could not be written: it will be made again");
}

void auditlog_flush_cache(struct auditlog *l)
{
	const uint64_t at = tree_stored_count(l->stored_from) * SHA256_LEN;

	/* a cache: what is missing or wrong in it is found on the next opening */
	put_cache(l->hashes, &l->stored, at);
	put_cache(l->offsets, &l->starts, l->stored_from * sizeof(uint64_t));
	buf_reset(&l->stored);
	buf_reset(&l->starts);
	l->stored_from = l->tree.size;
}

static void admit(struct auditlog *l, const char *line, size_t n, uint64_t offset)
{
	if (l->stored_from + 4096 <= l->tree.size)
		auditlog_flush_cache(l);
	tree_leaf(line, n, l->last);
	tree_add(&l->tree, l->last, &l->stored);
	buf_put(&l->starts, &offset, sizeof(offset));
}

/* 0: the end, everything fits; 1: s stands at the first line that does not; <0 error. */
static int read_on(struct auditlog *l, struct scan *s, struct err *e)
{
	const char *line;
	size_t n;
	int r;

	while ((r = scan_next(s, &line, &n, e)) == 1) {
		const uint64_t offset = s->offset - n - 1;
		uint8_t root[SHA256_LEN];

		if (chain_check(line, n, l->tree.size, l->last) != CHAIN_OK ||
		    (offset == 0 && s->seg[s->at].first != l->tree.size)) {
			s->offset = offset;
			return 1;
		}
		admit(l, line, n, offset);
		if (l->tree.size != l->newest.size)
			continue;
		tree_root(&l->tree, root);
		if (memcmp(root, l->newest.root, SHA256_LEN) != 0)
			return tampered(l, e);
	}
	if (r == 0 && s->n_seg && s->offset == 0 && s->seg[s->at].first != l->tree.size)
		return 1; /* an empty segment of the wrong name */
	if (r != -EBADMSG)
		return r;
	*e = (struct err)ERR_INIT; /* a line without an end is not a failure yet */
	return 1;
}

static int open_tail(struct auditlog *l, struct err *e)
{
	char name[SEGMENT_NAME];

	cleanup_close(&l->seg);
	segment_name(l->seg_first, name);
	l->allocated = 0;
	l->seg = openat(l->events, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (l->seg < 0 && errno != ENOENT)
		return err_sys(e, "cannot open '%s'", name);
	return 0;
}

static int torn_name(struct auditlog *l, char out[64], struct err *e)
{
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(out, 64, "%020llu.%u.torn", (unsigned long long)l->tree.size, i);
		if (faccessat(l->events, out, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
			return 0;
	}
	return err_set(e, EEXIST, "too many torn tails at record %llu",
		       (unsigned long long)l->tree.size);
}

static int copy_tail(int from, uint64_t offset, int to, struct err *e)
{
	char chunk[16384];
	ssize_t r;

	while ((r = pread(from, chunk, sizeof(chunk), (off_t)offset)) > 0) {
		if (fd_write_all(to, chunk, (size_t)r, "torn tail", e) < 0)
			return -e->code;
		offset += (uint64_t)r;
	}
	return r < 0 ? err_sys(e, "cannot read the torn tail") : 0;
}

/* Moves the end of one segment into a file of its own. */
static int cut_segment(struct auditlog *l, const struct scan *s, size_t at, uint64_t offset,
		       const char *torn, struct err *e)
{
	char name[SEGMENT_NAME];
	AUTO_CLOSE int from = -1;
	AUTO_CLOSE int to = -1;
	int r;

	segment_name(s->seg[at].first, name);
	if (at > 0 && offset == 0) {
		r = sys_rename(l->events, name, l->events, torn, 0);
		return r < 0 ? err_set(e, -r, "cannot set '%s' aside: %s", name, strerror(-r)) : 0;
	}
	from = openat(l->events, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	to = openat(l->events, torn, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (from < 0 || to < 0)
		return err_sys(e, "cannot set the torn tail aside");
	r = copy_tail(from, offset, to, e);
	if (r < 0)
		return r;
	r = sys_fsync(to); /* the copy is durable before the original goes */
	if (r == 0 && ftruncate(from, (off_t)offset) < 0)
		r = -errno;
	if (r == 0)
		r = sys_fsync(from);
	return r < 0 ? err_set(e, -r, "cannot cut the torn tail: %s", strerror(-r)) : 0;
}

static int cut(struct auditlog *l, struct scan *s, struct err *e)
{
	AUTO_JSON json_t *events = NULL;
	char torn[64] = "";
	uint64_t bytes = 0;

	if (s->at == 0 && s->offset == 0 && s->seg[0].first != 0)
		return err_set(e, EBADMSG, "the audit log's first segment is missing");
	for (size_t i = s->n_seg; i-- > s->at;) {
		const uint64_t offset = i == s->at ? s->offset : 0;

		if (torn_name(l, torn, e) < 0 || cut_segment(l, s, i, offset, torn, e) < 0)
			return -e->code;
		bytes += s->seg[i].size - offset;
	}
	if (s->at > 0 && s->offset == 0) {
		s->at--;
		s->offset = s->seg[s->at].size;
	}
	l->seg_first = s->seg[s->at].first;
	l->seg_size = s->offset;
	if (open_tail(l, e) < 0)
		return -e->code;
	events = json_pack("[{s:s,s:s,s:I}]", "type", "log.recovered", "torn", torn, "bytes",
			   (json_int_t)bytes);
	if (!events)
		return err_set(e, ENOMEM, "out of memory");
	return auditlog_write(l, events, true, e);
}

/* Reads to the end from where s stands. */
static int follow_from(struct auditlog *l, struct scan *s, struct err *e)
{
	int r = read_on(l, s, e);

	if (r < 0)
		return r;
	if (l->tree.size < l->newest.size)
		return tampered(l, e);
	auditlog_flush_cache(l);
	if (r == 1)
		return cut(l, s, e);
	if (s->n_seg) {
		l->seg_first = s->seg[s->at].first;
		l->seg_size = s->offset;
	}
	return open_tail(l, e);
}

static bool is_current(const struct auditlog *l)
{
	char next[SEGMENT_NAME];
	struct stat st;

	segment_name(l->tree.size, next);
	return l->seg >= 0 && fstat(l->seg, &st) == 0 && (uint64_t)st.st_size == l->seg_size &&
	       (l->tree.size == l->seg_first || faccessat(l->events, next, F_OK, 0) < 0);
}

int auditlog_follow(struct auditlog *l, struct err *e)
{
	struct scan s;
	size_t at = 0;
	int r;

	if (is_current(l))
		return 0;
	r = scan_open(l->events, &s, e);
	if (r < 0)
		return r;
	while (at + 1 < s.n_seg && s.seg[at].first < l->seg_first)
		at++;
	scan_seek(&s, at, l->seg_size);
	if (l->seg >= 0 &&
	    (at >= s.n_seg || s.seg[at].first != l->seg_first || s.seg[at].size < l->seg_size))
		r = err_set(e, EBADMSG, "the audit log was changed: it became shorter");
	else
		r = follow_from(l, &s, e);
	scan_release(&s);
	return r;
}

/* Begins at record n with what the cache says about it. */
static int start_at(struct auditlog *l, struct scan *s, uint64_t n, struct err *e)
{
	uint64_t offset;
	size_t at = s->n_seg;
	int r;

	while (at > 0 && s->seg[at - 1].first > n)
		at--;
	if (at == 0 || pread(l->offsets, &offset, sizeof(offset), (off_t)(n * sizeof(offset))) !=
			       (ssize_t)sizeof(offset))
		return err_set(e, ENODATA, "no cache");
	r = tree_stored_frontier(l->hashes, n, &l->tree, e);
	if (r == 0)
		r = tree_stored_leaf(l->hashes, n - 1, l->last, e);
	l->stored_from = n;
	scan_seek(s, at - 1, offset);
	return r;
}

static void start_over(struct auditlog *l, struct scan *s)
{
	buf_reset(&l->stored);
	buf_reset(&l->starts);
	l->tree = (struct tree){ 0 };
	l->stored_from = 0;
	memset(l->last, 0, sizeof(l->last));
	scan_seek(s, 0, 0);
}

int auditlog_start(struct auditlog *l, struct err *e)
{
	struct err cached = ERR_INIT;
	struct scan s;
	int r;

	r = scan_open(l->events, &s, e);
	if (r < 0)
		return r;
	if (l->newest.size > RECHECK && start_at(l, &s, l->newest.size - RECHECK, &cached) == 0 &&
	    follow_from(l, &s, &cached) == 0) {
		scan_release(&s);
		return 0;
	}
	start_over(l, &s);
	r = follow_from(l, &s, e);
	scan_release(&s);
	return r;
}
