/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/audit/slice.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>

#include "runtime/audit/scan.h"
#include "runtime/audit/tree.h"
#include "runtime/base/base64.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"

#define STORED_BATCH (1u << 20)

struct found { /* a record of the case */
	uint64_t seq;
	size_t at, n; /* its line in `lines` */
};

struct making {
	const struct slice_options *o;
	int hashes; /* of the whole tree, as the cache has them */
	struct tree tree;
	struct buf stored, lines;
	struct found *v;
	size_t n;
	size_t end; /* records up to the case's last end; 0: it has not ended */
	struct key_list keys;
	struct checkpoint at;
	struct buf note;
};

static void making_release(struct making *m)
{
	cleanup_close(&m->hashes);
	buf_release(&m->stored);
	buf_release(&m->lines);
	buf_release(&m->note);
	free(m->v);
	key_list_release(&m->keys);
}

/* Is this a record of the case?  2: its end. */
static int belongs(const char *line, size_t n, const char *case_id)
{
	AUTO_JSON json_t *record = NULL;
	const char *id, *type;

	if (!case_id || !memmem(line, n, case_id, strlen(case_id)))
		return 0;
	record = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
	id = json_string_value(json_object_get(record, "case"));
	type = json_string_value(json_object_get(record, "type"));
	if (!id || !type || strcmp(id, case_id) != 0)
		return 0;
	return strcmp(type, "case.end") == 0 ? 2 : 1;
}

static int keep_line(struct making *m, const char *line, size_t n, int kind, struct err *e)
{
	struct found *more = reallocarray(m->v, m->n + 1, sizeof(*more));

	if (!more)
		return err_set(e, ENOMEM, "out of memory");
	m->v = more;
	more[m->n++] = (struct found){ m->tree.size, m->lines.n, n };
	buf_put(&m->lines, line, n);
	if (kind == 2)
		m->end = m->n;
	return buf_check(&m->lines, "the case's records", e);
}

static int flush(struct making *m, struct err *e)
{
	const int r = m->stored.n ? fd_write_all(m->hashes, m->stored.p, m->stored.n,
						 "the tree's hashes", e)
				  : 0;

	buf_reset(&m->stored);
	return r;
}

static int read_log(int dir, struct making *m, struct err *e)
{
	AUTO_CLOSE int events =
		openat(dir, "events", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	uint8_t leaf[SHA256_LEN];
	const char *line;
	struct scan s;
	size_t n;
	int r;

	if (events < 0)
		return err_sys(e, "cannot read the log's records");
	r = scan_open(events, &s, e);
	while (r >= 0 && (r = scan_next(&s, &line, &n, e)) == 1) {
		const int kind = belongs(line, n, m->o->case_id);

		if (kind && keep_line(m, line, n, kind, e) < 0)
			r = -e->code;
		tree_leaf(line, n, leaf);
		tree_add(&m->tree, leaf, &m->stored);
		if (m->stored.n > STORED_BATCH / 2 && flush(m, e) < 0)
			r = -e->code;
	}
	scan_release(&s);
	return r < 0 ? r : flush(m, e);
}

/* The name of the first checkpoint that is at least this large. */
static int choose(int dir, uint64_t least, char name[64], struct err *e)
{
	CLEANUP(cleanup_closedir) DIR *d = NULL;
	AUTO_CLOSE int fd =
		openat(dir, "checkpoints", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	uint64_t best = UINT64_MAX;
	const struct dirent *ent;

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_sys(e, "cannot list the log's checkpoints");
	(void)take_fd(&fd);
	while ((ent = readdir(d)) != NULL) {
		char *end;
		const uint64_t size = strtoull(ent->d_name, &end, 10);

		if (end != ent->d_name && !*end && size >= least && size < best)
			best = size;
	}
	if (best == UINT64_MAX)
		return err_set(e, ENODATA, "what is asked for is not signed in this log yet");
	(void)snprintf(name, 64, "checkpoints/%020llu", (unsigned long long)best);
	return 0;
}

static int load_checkpoint(int dir, struct making *m, struct err *e)
{
	const uint64_t least = m->n ? m->v[m->n - 1].seq + 1 : m->tree.size;
	uint8_t root[SHA256_LEN];
	struct tree then;
	char name[64];
	int r = m->o->case_id ? choose(dir, least, name, e) : 0;

	if (!m->o->case_id)
		(void)snprintf(name, sizeof(name), "checkpoint");
	if (r == 0)
		r = file_read_at(dir, name, NOTE_MAX, &m->note, e);
	if (r == 0)
		r = key_list_open(&m->keys, m->note.p ? m->note.p : "", m->note.n, &m->at, e);
	if (r < 0)
		return r;
	if (m->at.size > m->tree.size || tree_stored_frontier(m->hashes, m->at.size, &then, e) < 0)
		return err_set(e, EBADMSG, "the log is shorter than what was signed");
	tree_root(&then, root);
	if (memcmp(root, m->at.root, SHA256_LEN) != 0)
		return err_set(e, EBADMSG,
			       "the log was changed: 'sickbay audit verify' names where");
	return 0;
}

static void put_block(struct buf *out, const char *word, const char *data, size_t n)
{
	buf_printf(out, "%s %zu\n", word, n);
	buf_put(out, data, n);
}

static void put_path(struct buf *out, const struct tree_path *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		buf_puts(out, "path ");
		base64_put(out, p->hash[i], SHA256_LEN);
		buf_putc(out, '\n');
	}
}

static int put_earlier(const struct making *m, struct buf *out, struct err *e)
{
	struct checkpoint before = { 0 };
	struct tree_path path = { .n = 0 };
	int r;

	if (!m->o->earlier)
		return 0;
	r = key_list_open(&m->keys, m->o->earlier, m->o->earlier_n, &before, e);
	if (r == 0)
		r = tree_prove_consistent(m->hashes, before.size, m->at.size, &path, e);
	if (r == 0)
		r = tree_check_consistent(&path, before.size, before.root, m->at.size, m->at.root,
					  e);
	if (r < 0)
		return err_wrap(e, "the earlier checkpoint");
	put_block(out, "earlier", m->o->earlier, m->o->earlier_n);
	put_path(out, &path);
	return 0;
}

static int write_slice(const struct making *m, struct buf *out, struct err *e)
{
	int r;

	buf_puts(out, "sickbay.slice/1\n");
	if (m->o->case_id)
		buf_printf(out, "case %s\n", m->o->case_id);
	buf_puts(out, "key ");
	note_key_format(&m->keys.v[0].key, out);
	for (size_t i = 1; i < m->keys.n; i++)
		put_block(out, "rotation", m->keys.v[i].note, m->keys.v[i].note_n);
	put_block(out, "checkpoint", m->note.p, m->note.n);
	r = put_earlier(m, out, e);
	for (size_t i = 0; r == 0 && i < m->n; i++) {
		struct tree_path path = { .n = 0 };

		r = tree_prove(m->hashes, m->v[i].seq, m->at.size, &path, e);
		buf_printf(out, "record %llu\n", (unsigned long long)m->v[i].seq);
		buf_put(out, m->lines.p + m->v[i].at, m->v[i].n);
		buf_putc(out, '\n');
		put_path(out, &path);
	}
	buf_puts(out, "end\n");
	return r < 0 ? r : buf_check(out, "slice of the log", e);
}

int slice_make(int dir, const struct slice_options *o, struct buf *out, struct err *e)
{
	AUTO_CLOSE int lock = openat(dir, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP(making_release)
	struct making m = { .o = o,
			    .hashes = memfd_create("hashes", MFD_CLOEXEC),
			    .stored = BUF_INIT(4 * STORED_BATCH),
			    .lines = BUF_INIT(SLICE_MAX),
			    .note = BUF_INIT(NOTE_MAX) };
	int r;

	if (lock < 0)
		return err_set(e, ENOENT, "there is no audit log here yet");
	if (m.hashes < 0 || flock(lock, LOCK_SH) < 0)
		return err_sys(e, "cannot lock the audit log");
	r = key_list_load(dir, &m.keys, e);
	if (r == 0)
		r = read_log(dir, &m, e);
	if (r == 0 && o->case_id && m.n == 0)
		r = err_set(e, ENOENT, "the log has no record of case '%s'", o->case_id);
	if (r < 0)
		return r;
	if (m.end)
		m.n = m.end;
	r = load_checkpoint(dir, &m, e);
	return r < 0 ? r : write_slice(&m, out, e);
}
