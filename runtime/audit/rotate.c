/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/audit/auditlog.h"
#include "runtime/audit/keys.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/base/sys.h"

/*
 * Theory of operation.  A new key waits in key.next; the note in keys/EPOCH,
 * published at once and for good, is what makes it the log's key.  Before it
 * nothing happened; behind it whoever opens the log next ends what was begun:
 * key.next becomes key, and key.pub follows.  The old key's bytes are then gone.
 */
#define NEXT	     "key.next"
#define KEY_FILE_MAX 1024

static void epoch_name(size_t epoch, char out[32])
{
	(void)snprintf(out, 32, "keys/%08zu", epoch);
}

static bool is_there(const struct auditlog *l, const char *name)
{
	return faccessat(l->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int read_signer(const struct auditlog *l, const char *name, struct note_signer *out,
		       struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(KEY_FILE_MAX);
	int r = file_read_at(l->dir, name, KEY_FILE_MAX, &text, e);

	if (r == 0)
		r = note_signer_parse(text.p ? text.p : "", out, e);
	if (text.p)
		explicit_bzero(text.p, text.n);
	return r;
}

/* key.next is the log's key now. */
static int take_next(struct auditlog *l, const struct note_signer *next, struct err *e)
{
	AUTO_BUF struct buf pub = BUF_INIT(KEY_FILE_MAX);
	int r = sys_rename(l->dir, NEXT, l->dir, "key", 0);

	if (r == 0)
		r = sys_fsync(l->dir);
	if (r < 0)
		return err_set(e, -r, "cannot put the new key in its place: %s", strerror(-r));
	note_key_format(&next->key, &pub);
	return file_publish_at(l->dir, "key.pub", pub.p, pub.n, 0644, e);
}

/* The key with which the newest epoch began; 0 also when key.next is no epoch's. */
static int mend(struct auditlog *l, struct err *e)
{
	AUTO_BUF struct buf note = BUF_INIT(KEY_ROTATION_MAX);
	struct note_signer next = { 0 };
	struct err none = ERR_INIT;
	char name[32];
	int r;

	epoch_name(l->epoch, name);
	r = read_signer(l, NEXT, &next, &none);
	if (r < 0 && r != -EBADMSG) /* it may be the only copy */
		return err_set(e, none.code, "%s", none.msg);
	if (r == 0 && l->epoch > 0)
		r = file_read_at(l->dir, name, KEY_ROTATION_MAX, &note, e);
	if (r == 0 && l->epoch > 0 &&
	    note_check(note.p ? note.p : "", note.n, &next.key, &none) == 0)
		r = take_next(l, &next, e);
	else if (unlinkat(l->dir, NEXT, 0) < 0)
		r = err_sys(e, "cannot remove '" NEXT "'");
	else
		r = 0;
	explicit_bzero(&next, sizeof(next));
	return r;
}

int auditlog_mend_keys(struct auditlog *l, struct err *e)
{
	char name[32];

	l->epoch = 0;
	for (;; l->epoch++) {
		epoch_name(l->epoch + 1, name);
		if (!is_there(l, name))
			break;
	}
	return is_there(l, NEXT) ? mend(l, e) : 0;
}

int auditlog_renew_key(struct auditlog *l, struct err *e)
{
	char name[32];

	epoch_name(l->epoch + 1, name);
	return is_there(l, name) ? auditlog_load_keys(l, e) : 0;
}

static int append_one(struct auditlog *l, json_t *event, struct err *e)
{
	AUTO_JSON json_t *events = json_pack("[o]", event);

	return events ? auditlog_write(l, events, true, e) : err_set(e, ENOMEM, "out of memory");
}

/* The log says what is about to happen, and the old key signs that. */
static int announce(struct auditlog *l, const struct note_signer *next, struct checkpoint *out,
		    struct err *e)
{
	AUTO_BUF struct buf note = BUF_INIT(NOTE_MAX);
	AUTO_BUF struct buf old = BUF_INIT(KEY_FILE_MAX);
	AUTO_BUF struct buf new_one = BUF_INIT(KEY_FILE_MAX);
	int r = auditlog_follow(l, e);

	note_key_format(&l->signer.key, &old);
	note_key_format(&next->key, &new_one);
	if (r == 0 && (buf_check(&old, "key", e) < 0 || buf_check(&new_one, "key", e) < 0))
		r = -e->code;
	if (r < 0)
		return r;
	old.p[old.n - 1] = new_one.p[new_one.n - 1] = '\0'; /* without their newlines */
	r = append_one(l,
		       json_pack("{s:s,s:I,s:s,s:s}", "type", "log.key", "epoch",
				 (json_int_t)l->epoch + 1, "old", old.p, "new", new_one.p),
		       e);
	return r < 0 ? r : auditlog_checkpoint_locked(l, out, &note, e);
}

static int write_next(struct auditlog *l, const struct note_signer *next, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(KEY_FILE_MAX);
	int r;

	note_signer_format(next, &text);
	r = file_publish_at(l->dir, NEXT, text.p, text.n, 0600, e);
	if (text.p)
		explicit_bzero(text.p, text.n);
	return r;
}

static int begin_epoch(struct auditlog *l, const struct note_signer *next, uint64_t after,
		       struct err *e)
{
	AUTO_BUF struct buf note = BUF_INIT(KEY_ROTATION_MAX);
	AUTO_CLOSE int keys = -1;
	char name[32];
	int r = key_rotation(&l->signer, next, l->epoch + 1, after, &note, e);

	if (r == 0)
		r = write_next(l, next, e);
	if (r < 0)
		return r;
	if (mkdirat(l->dir, "keys", 0700) < 0 && errno != EEXIST)
		return err_sys(e, "cannot make 'keys'");
	keys = openat(l->dir, "keys", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (keys < 0)
		return err_sys(e, "cannot open 'keys'");
	epoch_name(l->epoch + 1, name);
	r = file_publish_once_at(keys, name + strlen("keys/"), note.p, note.n, 0644, e);
	return r < 0 ? r : take_next(l, next, e);
}

static int rotate_locked(struct auditlog *l, struct checkpoint *out, struct buf *note,
			 struct err *e)
{
	struct note_signer next = { 0 };
	struct checkpoint last;
	int r = auditlog_renew_key(l, e);

	if (r == 0 && l->epoch + 2 > KEY_EPOCHS_MAX)
		r = err_set(e, E2BIG, "more than %d epochs of keys", KEY_EPOCHS_MAX);
	if (r == 0)
		r = note_signer_make(l->signer.key.name, &next, e);
	if (r == 0)
		r = announce(l, &next, &last, e);
	if (r == 0)
		r = begin_epoch(l, &next, last.size, e);
	if (r == 0) {
		l->signer = next;
		l->epoch++;
		r = append_one(l,
			       json_pack("{s:s,s:I}", "type", "log.key-begin", "epoch",
					 (json_int_t)l->epoch),
			       e);
	}
	explicit_bzero(&next, sizeof(next));
	return r < 0 ? r : auditlog_checkpoint_locked(l, out, note, e);
}

int auditlog_rotate(struct auditlog *l, struct checkpoint *out, struct buf *note, struct err *e)
{
	int r = auditlog_lock(l, e);

	if (r < 0)
		return r;
	r = rotate_locked(l, out, note, e);
	auditlog_unlock(l);
	return r < 0 ? err_wrap(e, "the log's key is not changed") : 0;
}
