/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "runtime/audit/auditlog.h"
#include "runtime/audit/keys.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"

#define KEY_FILE_MAX 1024
#define CACHE_BATCH  (1u << 20)

int auditlog_lock(struct auditlog *l, struct err *e)
{
	while (flock(l->lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_sys(e, "cannot lock the audit log");
	return 0;
}

void auditlog_unlock(struct auditlog *l)
{
	(void)flock(l->lock, LOCK_UN);
}

static int make_dir(int dir, const char *name, struct err *e)
{
	if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "cannot make '%s'", name);
	return 0;
}

static int open_file(int dir, const char *name, struct err *e)
{
	const int fd = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? err_sys(e, "cannot open '%s'", name) : fd;
}

static int open_files(struct auditlog *l, struct err *e)
{
	static const char *const dirs[] = { "events", "checkpoints", "cache" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (make_dir(l->dir, dirs[i], e) < 0)
			return -e->code;
	l->events = openat(l->dir, "events", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (l->events < 0)
		return err_sys(e, "cannot open 'events'");
	l->lock = open_file(l->dir, "lock", e);
	if (l->lock >= 0)
		l->hashes = open_file(l->dir, "cache/hashes", e);
	if (l->hashes >= 0)
		l->offsets = open_file(l->dir, "cache/offsets", e);
	return l->offsets >= 0 ? 0 : -e->code;
}

static int origin(char *out, size_t n)
{
	char host[65] = "";

	if (gethostname(host, sizeof(host) - 1) < 0 || !*host)
		(void)snprintf(host, sizeof(host), "localhost");
	for (char *p = host; *p; p++)
		if (*p <= ' ' || *p > '~' || *p == '+')
			*p = '-';
	return snprintf(out, n, "%s/sickbay/audit", host);
}

static int make_keys(struct auditlog *l, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(KEY_FILE_MAX);
	char name[NOTE_NAME_MAX + 1];
	int r;

	if (faccessat(l->dir, "checkpoint", F_OK, 0) == 0)
		return err_set(e, ENOKEY, "the log has checkpoints but its signing key is gone");
	(void)origin(name, sizeof(name));
	r = note_signer_make(name, &l->signer, e);
	if (r < 0)
		return r;
	note_signer_format(&l->signer, &text);
	r = file_publish_at(l->dir, "key", text.p, text.n, 0600, e);
	if (text.p)
		explicit_bzero(text.p, text.n);
	return r;
}

/* After a change of key that was cut short, key.pub may still be the old one. */
static int publish_key(struct auditlog *l, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(KEY_FILE_MAX);
	AUTO_BUF struct buf had = BUF_INIT(KEY_FILE_MAX);
	int r;

	if (faccessat(l->dir, "key.pub", F_OK, 0) == 0) {
		r = l->epoch ? file_read_at(l->dir, "key.pub", KEY_FILE_MAX, &had, e) : 0;
		if (r < 0 || l->epoch == 0)
			return r;
	}
	note_key_format(&l->signer.key, &text);
	if (had.n == text.n && memcmp(had.p, text.p, had.n) == 0)
		return 0;
	return file_publish_at(l->dir, "key.pub", text.p, text.n, 0644, e);
}

int auditlog_load_keys(struct auditlog *l, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(KEY_FILE_MAX);
	int r = auditlog_mend_keys(l, e);

	if (r < 0)
		return err_wrap(e, "the log's key");
	if (faccessat(l->dir, "key", F_OK, 0) < 0 && errno == ENOENT)
		r = make_keys(l, e);
	else
		r = file_read_at(l->dir, "key", KEY_FILE_MAX, &text, e);
	if (r == 0 && text.n)
		r = note_signer_parse(text.p, &l->signer, e);
	if (text.p)
		explicit_bzero(text.p, text.n);
	if (r < 0)
		return err_wrap(e, "the log's key");
	return publish_key(l, e);
}

/* The newest checkpoint may still be the old key's. */
static int open_by_epoch(struct auditlog *l, const struct buf *text, struct err *e)
{
	CLEANUP(key_list_release) struct key_list keys = { 0 };
	const int r = key_list_load(l->dir, &keys, e);

	return r < 0 ? r : key_list_open(&keys, text->p, text->n, &l->newest, e);
}

static int load_checkpoint(struct auditlog *l, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(NOTE_MAX);
	int r;

	if (faccessat(l->dir, "checkpoint", F_OK, 0) < 0 && errno == ENOENT)
		return 0;
	r = file_read_at(l->dir, "checkpoint", NOTE_MAX, &text, e);
	if (r == 0)
		r = l->epoch ? open_by_epoch(l, &text, e)
			     : checkpoint_open(text.p, text.n, &l->signer.key, &l->newest, e);
	return r < 0 ? err_wrap(e, "the audit log was changed: its newest checkpoint") : 0;
}

static int open_locked(struct auditlog *l, struct err *e)
{
	int r;

	file_sweep_at(l->dir, ".");
	r = auditlog_load_keys(l, e);
	if (r == 0)
		r = load_checkpoint(l, e);
	if (r == 0)
		r = auditlog_start(l, e);
	return r;
}

int auditlog_open(int dir, struct auditlog **out, struct err *e)
{
	struct auditlog *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return err_set(e, ENOMEM, "out of memory");
	*l = (struct auditlog){ .dir = dir,
				.events = -1,
				.lock = -1,
				.hashes = -1,
				.offsets = -1,
				.seg = -1,
				.witness = -1,
				.segment_bytes = SEGMENT_BYTES,
				.stored = BUF_INIT(CACHE_BATCH * 4),
				.starts = BUF_INIT(CACHE_BATCH) };
	r = open_files(l, e);
	if (r == 0)
		r = auditlog_lock(l, e);
	if (r == 0) {
		r = open_locked(l, e);
		auditlog_unlock(l);
	}
	if (r < 0)
		auditlog_close(l);
	else
		*out = l;
	return r;
}

void auditlog_close(struct auditlog *l)
{
	if (!l)
		return;
	const int *fds[] = { &l->events, &l->lock, &l->hashes, &l->offsets, &l->seg };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		cleanup_close(fds[i]);
	buf_release(&l->stored);
	buf_release(&l->starts);
	explicit_bzero(&l->signer, sizeof(l->signer));
	free(l);
}
