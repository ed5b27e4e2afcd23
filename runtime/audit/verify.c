/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/audit/verify.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "runtime/audit/judge.h"
#include "runtime/audit/keys.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"

#define CHECKPOINTS_MAX (1u << 20)

const char *verdict_name(enum verdict v)
{
	static const char *const names[VERDICT_N] = {
		"ok",	      "unsigned",  "torn-tail", "edited", "removed",	   "reordered",
		"duplicated", "truncated", "rewound",	"forked", "bad-signature", "unknown-key",
	};

	return names[v];
}

int say(struct verify_result *out, enum verdict v, uint64_t seq, const char *fmt, ...)
{
	va_list ap;

	out->verdict = v;
	out->seq = seq;
	va_start(ap, fmt);
	(void)vsnprintf(out->text, sizeof(out->text), fmt, ap);
	va_end(ap);
	for (char *p = out->text; *p; p++) /* names of files may stand in it */
		if (*p < ' ' || *p > '~' || *p == '"' || *p == '\\')
			*p = '?';
	return 0;
}

/* ---- the checkpoints ---- */

struct signed_root {
	struct checkpoint c;
	char name[40]; /* its file */
};

struct roots {
	struct signed_root *v;
	size_t n;
};

static void roots_release(struct roots *r)
{
	free(r->v);
}

static int add_root(struct roots *roots, const struct checkpoint *c, const char *name,
		    struct err *e)
{
	struct signed_root *more;

	if (roots->n == CHECKPOINTS_MAX)
		return err_set(e, E2BIG, "more than %u checkpoints", CHECKPOINTS_MAX);
	more = reallocarray(roots->v, roots->n + 1, sizeof(*more));
	if (!more)
		return err_set(e, ENOMEM, "out of memory");
	roots->v = more;
	more[roots->n].c = *c;
	(void)snprintf(more[roots->n].name, sizeof(more->name), "%s", name);
	roots->n++;
	return 0;
}

/* 1: a verdict stands in out. */
static int take_checkpoint(struct roots *roots, const char *name, const struct buf *text,
			   const struct key_list *keys, struct verify_result *out, struct err *e)
{
	struct err why = ERR_INIT;
	struct checkpoint c;
	const int r = key_list_open(keys, text->p ? text->p : "", text->n, &c, &why);

	if (r == 0)
		return add_root(roots, &c, name, e);
	(void)say(out, r == -ENOKEY ? VERDICT_UNKNOWN_KEY : VERDICT_BAD_SIGNATURE, 0, "%s: %s",
		  name, why.msg);
	return 1;
}

static int take_file(struct roots *roots, int dir, const char *name, const struct key_list *keys,
		     struct verify_result *out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(NOTE_MAX);
	const int r = file_read_at(dir, name, NOTE_MAX, &text, e);

	return r < 0 ? r : take_checkpoint(roots, name, &text, keys, out, e);
}

static int take_history(struct roots *roots, int dir, const struct key_list *keys,
			struct verify_result *out, struct err *e)
{
	CLEANUP(cleanup_closedir) DIR *d = NULL;
	const int fd = openat(dir, "checkpoints", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const struct dirent *ent;
	char name[300];
	int r = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, "checkpoints");
	d = fdopendir(fd);
	if (!d) {
		(void)close(fd);
		return err_sys(e, "checkpoints");
	}
	while (r == 0 && (ent = readdir(d)) != NULL) {
		if (ent->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof(name), "checkpoints/%s", ent->d_name);
		r = take_file(roots, dir, name, keys, out, e);
	}
	return r;
}

static int by_size(const void *a, const void *b)
{
	const struct signed_root *x = a, *y = b;

	return x->c.size < y->c.size ? -1 : x->c.size > y->c.size;
}

/* Two roots for one size, or a newest checkpoint that is not the largest. */
static int compare_roots(const struct roots *roots, bool published, uint64_t newest,
			 struct verify_result *out)
{
	for (size_t i = 1; i < roots->n; i++)
		if (roots->v[i].c.size == roots->v[i - 1].c.size &&
		    memcmp(roots->v[i].c.root, roots->v[i - 1].c.root, SHA256_LEN) != 0)
			return 1 + say(out, VERDICT_FORKED, roots->v[i].c.size,
				       "'%s' and '%s' sign different records", roots->v[i - 1].name,
				       roots->v[i].name);
	if (roots->n && (!published || roots->v[roots->n - 1].c.size > newest))
		return 1 +
		       say(out, VERDICT_REWOUND, newest,
			   "the log's newest checkpoint signs %llu records, but '%s' signs %llu",
			   (unsigned long long)newest, roots->v[roots->n - 1].name,
			   (unsigned long long)roots->v[roots->n - 1].c.size);
	return 0;
}

static int load_roots(int dir, const struct verify_options *o, const struct key_list *keys,
		      struct roots *roots, struct verify_result *out, struct err *e)
{
	const bool published = faccessat(dir, "checkpoint", F_OK, 0) == 0;
	uint64_t newest = 0;
	int r = 0;

	if (published)
		r = take_file(roots, dir, "checkpoint", keys, out, e);
	if (r == 0 && roots->n)
		newest = roots->v[0].c.size;
	if (r == 0)
		r = take_history(roots, dir, keys, out, e);
	if (r == 0 && o->witness) {
		AUTO_BUF struct buf text = BUF_INIT(NOTE_MAX);

		buf_put(&text, o->witness, o->witness_len);
		r = take_checkpoint(roots, "the given checkpoint", &text, keys, out, e);
	}
	if (r != 0 || !roots->n)
		return r;
	qsort(roots->v, roots->n, sizeof(*roots->v), by_size);
	out->newest = roots->v[roots->n - 1].c;
	return compare_roots(roots, published, newest, out);
}

/* ---- the records ---- */

/* Reads every record; *bad: something does not fit at record out->records. */
static int read_records(struct scan *s, const struct roots *roots, struct verify_result *out,
			bool *bad, struct err *e)
{
	uint8_t last[SHA256_LEN] = { 0 }, root[SHA256_LEN];
	struct tree tree = { 0 };
	const char *line;
	size_t n, next = 0;
	int r;

	while (next < roots->n && roots->v[next].c.size == 0)
		next++;
	while ((r = scan_next(s, &line, &n, e)) == 1) {
		*bad = chain_check(line, n, tree.size, last) != CHAIN_OK ||
		       (s->offset == n + 1 && s->seg[s->at].first != tree.size);
		if (*bad)
			return 0;
		tree_leaf(line, n, last);
		tree_add(&tree, last, NULL);
		for (; next < roots->n && roots->v[next].c.size == tree.size; next++) {
			tree_root(&tree, root);
			*bad = *bad || memcmp(root, roots->v[next].c.root, SHA256_LEN) != 0;
		}
		if (*bad)
			return 0;
		out->records = tree.size;
	}
	*bad = r == -EBADMSG || out->records < out->newest.size;
	return r == -EBADMSG ? 0 : r;
}

static int verify_records(int dir, const struct roots *roots, struct verify_result *out,
			  struct err *e)
{
	AUTO_CLOSE int events =
		openat(dir, "events", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct err why = ERR_INIT;
	struct scan s;
	bool bad = false;
	int r;

	if (events < 0)
		return err_sys(e, "the log has no records");
	r = scan_open(events, &s, e);
	if (r < 0)
		return r;
	r = read_records(&s, roots, out, &bad, &why);
	if (r == 0 && bad)
		r = judge(dir, &s, roots->n ? &out->newest : NULL, out, &why);
	else if (r == 0 && roots->n == 0)
		r = say(out, VERDICT_UNSIGNED, 0, "%llu records are chained, none is signed yet",
			(unsigned long long)out->records);
	else if (r == 0)
		r = say(out, VERDICT_OK, 0, "%llu records, %llu of them signed",
			(unsigned long long)out->records, (unsigned long long)out->newest.size);
	scan_release(&s);
	if (r < 0) /* a line without an end is a verdict, not a failure */
		*e = why;
	return r;
}

static int unknown(struct verify_result *out, const char *why)
{
	return 1 + say(out, VERDICT_UNKNOWN_KEY, 0, "%s", why);
}

/* The keys of all epochs; the operator's own, where one is given, must be one of them. */
static int load_keys(int dir, const struct verify_options *o, struct key_list *keys,
		     struct verify_result *out, struct err *e)
{
	const bool epochs = faccessat(dir, "keys/00000001", F_OK, 0) == 0;
	struct err why = ERR_INIT;
	struct note_key key;
	int r;

	if (o->key && note_key_parse(o->key, &key, &why) < 0)
		return unknown(out, why.msg);
	if (o->key && !epochs)
		return key_list_begin(keys, o->key, e);
	r = key_list_load(dir, keys, &why);
	if (r == -EBADMSG || r == -EKEYREJECTED || r == -ENOKEY)
		return unknown(out, why.msg);
	if (r < 0)
		*e = why;
	else if (o->key && key_list_find(keys, &key) < 0)
		return unknown(out, "the key that was given is none of this log's");
	return r;
}

/* ---- the witness ---- */

/* Where the note that begins here ends; NULL when it is cut short. */
static const char *note_end(const char *p, const char *end)
{
	static const char dash[] = "\xe2\x80\x94 ";
	const char *nl = memmem(p, (size_t)(end - p), "\n\n", 2);

	for (p = nl ? nl + 2 : NULL; p && (size_t)(end - p) >= sizeof(dash) - 1 &&
				     memcmp(p, dash, sizeof(dash) - 1) == 0;) {
		nl = memchr(p, '\n', (size_t)(end - p));
		p = nl ? nl + 1 : NULL;
	}
	return p;
}

/* Notes one behind the other; the last may have been cut short by a crash. */
static int read_witness(const struct verify_options *o, const struct key_list *keys,
			struct roots *roots, struct verify_result *out, struct err *e)
{
	const char *p = o->against, *end = p + o->against_len, *next;
	char name[40];
	int r = 0;

	for (size_t i = 1; r == 0 && p < end && (next = note_end(p, end)); i++, p = next) {
		const struct buf note = { .p = (char *)(uintptr_t)p, .n = (size_t)(next - p) };

		(void)snprintf(name, sizeof(name), "the witness, checkpoint %zu", i);
		r = take_checkpoint(roots, name, &note, keys, out, e);
	}
	if (r == 0 && roots->n == 0)
		r = err_set(e, EBADMSG, "the witness holds no checkpoint");
	if (r == 0)
		qsort(roots->v, roots->n, sizeof(*roots->v), by_size);
	return r;
}

/* Names the first checkpoint that these records do not give. */
static int compare_witness(struct scan *s, const struct roots *roots, struct verify_result *out,
			   struct err *e)
{
	struct tree tree = { 0 };
	uint8_t h[SHA256_LEN];
	const char *line;
	size_t n, i = 0;
	int r = 1;

	for (; i < roots->n; i++) {
		while (tree.size < roots->v[i].c.size && (r = scan_next(s, &line, &n, e)) == 1) {
			tree_leaf(line, n, h);
			tree_add(&tree, h, NULL);
		}
		if (r < 0 && r != -EBADMSG)
			return r;
		tree_root(&tree, h);
		if (tree.size < roots->v[i].c.size)
			return say(out, VERDICT_TRUNCATED, tree.size,
				   "%s signs %llu records, but the log ends with %llu: it was cut",
				   roots->v[i].name, (unsigned long long)roots->v[i].c.size,
				   (unsigned long long)tree.size);
		if (memcmp(h, roots->v[i].c.root, SHA256_LEN) != 0)
			return say(out, VERDICT_FORKED, roots->v[i].c.size,
				   "%s signs %llu other records: the log was rewritten%s",
				   roots->v[i].name, (unsigned long long)roots->v[i].c.size,
				   i ? " behind the checkpoint before it" : "");
	}
	return 0;
}

static int verify_witness(int dir, const struct verify_options *o, const struct key_list *keys,
			  struct verify_result *out, struct err *e)
{
	AUTO_CLOSE int events =
		openat(dir, "events", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP(roots_release) struct roots roots = { 0 };
	struct scan s;
	int r;

	if (events < 0)
		return err_sys(e, "the log has no records");
	r = read_witness(o, keys, &roots, out, e);
	if (r == 0)
		r = scan_open(events, &s, e);
	if (r != 0)
		return r;
	r = compare_witness(&s, &roots, out, e);
	scan_release(&s);
	out->witnessed = roots.n;
	return r;
}

int verify(int dir, const struct verify_options *o, struct verify_result *out, struct err *e)
{
	AUTO_CLOSE int lock = openat(dir, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP(roots_release) struct roots roots = { 0 };
	CLEANUP(key_list_release) struct key_list keys = { 0 };
	int r;

	*out = (struct verify_result){ 0 };
	if (lock < 0)
		return err_set(e, ENOENT, "there is no audit log here yet");
	if (flock(lock, LOCK_SH) < 0) /* no batch is half-written while we read */
		return err_sys(e, "cannot lock the audit log");
	r = load_keys(dir, o, &keys, out, e);
	if (r == 0)
		r = load_roots(dir, o, &keys, &roots, out, e);
	if (r == 0)
		r = verify_records(dir, &roots, out, e);
	if (r == 0 && o->against &&
	    (out->verdict == VERDICT_OK || out->verdict == VERDICT_UNSIGNED))
		r = verify_witness(dir, o, &keys, out, e);
	return r < 0 ? r : 0;
}
