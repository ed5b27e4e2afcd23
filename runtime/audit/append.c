/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "runtime/audit/auditlog.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/base/sys.h"

/*
 * A failed sync is final: the kernel drops the dirty pages and the next sync
 * would succeed without them.  So the batch is taken back, the log is closed to
 * this process, and what waited for it does not happen.
 */
static int sync_fd(struct auditlog *l, int fd, struct err *e)
{
	const int r = sys_fsync(fd);

	if (r == 0)
		return 0;
	l->failed = true;
	return err_set(e, -r, "the audit log cannot be made durable: %s", strerror(-r));
}

static int sync_records(struct auditlog *l, struct err *e)
{
	const int r = sync_fd(l, l->seg, e);

	if (r == 0)
		l->synced = l->tree.size;
	return r;
}

static int new_segment(struct auditlog *l, struct err *e)
{
	char name[SEGMENT_NAME];
	int fd;

	if (l->seg >= 0 && sync_fd(l, l->seg, e) < 0)
		return -e->code;
	segment_name(l->tree.size, name);
	fd = openat(l->events, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "cannot make segment '%s'", name);
	cleanup_close(&l->seg);
	l->seg = fd;
	l->seg_first = l->tree.size;
	l->seg_size = 0;
	l->allocated = 0;
	if (sync_fd(l, l->events, e) < 0)
		return -e->code;
	return sync_fd(l, l->dir, e);
}

/*
 * Room for what has to be said when there is no room: the segment owns blocks
 * beyond its end, so that "stopped: the disk is full" can be written on a full
 * disk.  Where they cannot be had the log goes on without.
 */
static void keep_room(struct auditlog *l, size_t more)
{
	if (l->seg_size + more + ROOM_BYTES / 2 <= l->allocated)
		return;
	if (fallocate(l->seg, FALLOC_FL_KEEP_SIZE, (off_t)l->seg_size,
		      (off_t)(more + ROOM_BYTES)) == 0)
		l->allocated = l->seg_size + more + ROOM_BYTES;
}

static int write_at(int fd, const struct buf *b, uint64_t at, struct err *e)
{
	size_t done = 0;

	while (done < b->n) {
		const ssize_t r = pwrite(fd, b->p + done, b->n - done, (off_t)(at + done));

		if (r < 0 && errno != EINTR)
			return err_sys(e, "cannot write the audit log");
		done += r > 0 ? (size_t)r : 0;
	}
	return 0;
}

/* A new segment wants an inode: on a disk without any the old one grows on. */
static int next_segment(struct auditlog *l, struct err *e)
{
	const int r = new_segment(l, e);

	if (r != -ENOSPC || l->seg < 0 || l->failed)
		return r;
	*e = (struct err)ERR_INIT;
	return 0;
}

/* Lines for the events; advances the tree. */
static int build(struct auditlog *l, const json_t *events, struct buf *lines, struct err *e)
{
	const size_t n = json_array_size(events);
	const uint64_t now = clock_real_ns();

	for (size_t i = 0; i < n; i++) {
		const size_t from = lines->n;
		const uint64_t offset = l->seg_size + from;
		const int r = chain_write(lines, json_array_get(events, i), l->tree.size, now,
					  l->last, e);

		if (r < 0)
			return r;
		tree_leaf(lines->p + from, lines->n - from, l->last);
		tree_add(&l->tree, l->last, &l->stored);
		buf_put(&l->starts, &offset, sizeof(offset));
		buf_putc(lines, '\n');
	}
	return buf_check(lines, "audit records", e);
}

static int put_lines(struct auditlog *l, const struct buf *lines, bool sync, struct err *e)
{
	int r;

	keep_room(l, lines->n);
	r = write_at(l->seg, lines, l->seg_size, e);
	if (r == 0 && sync)
		r = sync_records(l, e);
	if (r < 0) {
		l->allocated = 0; /* cutting gives back what lies beyond the end */
		if (ftruncate(l->seg, (off_t)l->seg_size) < 0)
			l->failed = true; /* the next opening cuts it */
		return r;
	}
	l->seg_size += lines->n;
	auditlog_flush_cache(l);
	return 0;
}

int auditlog_write(struct auditlog *l, const json_t *events, bool sync, struct err *e)
{
	AUTO_BUF struct buf lines = BUF_INIT(SEGMENT_BYTES);
	const struct tree tree = l->tree;
	uint8_t last[SHA256_LEN];
	int r = 0;

	memcpy(last, l->last, sizeof(last));
	if (l->seg < 0 || l->seg_size >= l->segment_bytes)
		r = next_segment(l, e);
	if (r == 0)
		r = build(l, events, &lines, e);
	if (r == 0)
		r = put_lines(l, &lines, sync, e);
	if (r < 0) {
		l->tree = tree;
		memcpy(l->last, last, sizeof(last));
		buf_reset(&l->stored);
		buf_reset(&l->starts);
	}
	return r;
}

static int write_first(struct auditlog *l, struct err *e)
{
	AUTO_JSON json_t *events =
		json_pack("[{s:s,s:s,s:s}]", "type", "log.open", "origin", l->signer.key.name,
			  "tool", "sickbay " SICKBAY_VERSION);

	if (!events)
		return err_set(e, ENOMEM, "out of memory");
	return auditlog_write(l, events, false, e);
}

static int append_locked(struct auditlog *l, const json_t *events, bool sync, uint64_t *first,
			 struct err *e)
{
	int r = auditlog_follow(l, e);

	if (r == 0 && l->tree.size == 0)
		r = write_first(l, e);
	if (r < 0)
		return r;
	const uint64_t at = l->tree.size;

	if (json_array_size(events))
		r = auditlog_write(l, events, sync, e);
	else if (sync && l->synced != l->tree.size)
		r = sync_records(l, e);
	if (r == 0)
		*first = at;
	return r;
}

static int usable(const struct auditlog *l, struct err *e)
{
	if (l->failed)
		return err_set(e, EIO,
			       "the audit log could not be made durable before; it stays "
			       "closed until sickbay is started again");
	return 0;
}

int auditlog_append(struct auditlog *l, const json_t *events, bool sync, uint64_t *first,
		    struct err *e)
{
	int r = usable(l, e);

	if (r == 0 && json_array_size(events) > BATCH_EVENTS)
		r = err_set(e, E2BIG, "more than %d events at once", BATCH_EVENTS);
	if (r == 0)
		r = auditlog_lock(l, e);
	if (r < 0)
		return r;
	r = append_locked(l, events, sync, first, e);
	auditlog_unlock(l);
	return r;
}

/* What depends on the witness asks for l->unwitnessed; the log itself goes on without it. */
static void tell_witness(struct auditlog *l, const struct checkpoint *c, const char *note, size_t n)
{
	int r;

	if (l->witness < 0 || (!l->unwitnessed.code && l->witnessed == c->size))
		return;
	l->unwitnessed = (struct err)ERR_INIT;
	r = fd_write_all(l->witness, note, n, "the witness", &l->unwitnessed);
	if (r == 0)
		r = sys_fsync(l->witness);
	if (r < 0 && !l->unwitnessed.code)
		(void)err_set(&l->unwitnessed, -r, "cannot make the witness durable: %s",
			      strerror(-r));
	if (r == 0)
		l->witnessed = c->size;
}

static int publish(struct auditlog *l, const struct checkpoint *c, struct buf *note, struct err *e)
{
	const size_t from = note->n;
	char name[64];
	int r;

	r = checkpoint_sign(&l->signer, c, note, e);
	if (r == 0)
		r = file_publish_at(l->dir, "checkpoint", note->p + from, note->n - from, 0644, e);
	if (r < 0)
		return err_wrap(e, "cannot publish the audit log's checkpoint");
	(void)snprintf(name, sizeof(name), "checkpoints/%020llu", (unsigned long long)c->size);
	if (linkat(l->dir, "checkpoint", l->dir, name, 0) < 0 && errno != EEXIST)
		return err_sys(e, "cannot keep '%s'", name);
	l->newest = *c;
	tell_witness(l, c, note->p + from, note->n - from);
	return 0;
}

int auditlog_checkpoint_locked(struct auditlog *l, struct checkpoint *out, struct buf *note,
			       struct err *e)
{
	uint64_t first;
	int r = append_locked(l, NULL, true, &first, e);

	if (r == 0)
		r = auditlog_renew_key(l, e);
	if (r < 0)
		return r;
	out->size = l->tree.size;
	tree_root(&l->tree, out->root);
	return publish(l, out, note, e);
}

int auditlog_checkpoint(struct auditlog *l, struct checkpoint *out, struct buf *note, struct err *e)
{
	int r = usable(l, e);

	if (r == 0)
		r = auditlog_lock(l, e);
	if (r < 0)
		return r;
	r = auditlog_checkpoint_locked(l, out, note, e);
	auditlog_unlock(l);
	return r;
}
