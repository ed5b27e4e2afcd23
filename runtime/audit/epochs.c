/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/audit/epochs.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "runtime/audit/keys.h"
#include "runtime/audit/scan.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/jmap.h"

struct reading {
	struct key_list keys;
	int lock, events;
	struct scan s;
	bool scanning;
};

static void reading_release(struct reading *r)
{
	key_list_release(&r->keys);
	if (r->scanning)
		scan_release(&r->s);
	cleanup_close(&r->lock);
	cleanup_close(&r->events);
}

static int reading_open(int dir, struct reading *r, struct err *e)
{
	int k;

	r->lock = openat(dir, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	r->events = openat(dir, "events", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (r->lock < 0 || r->events < 0)
		return err_set(e, ENOENT, "there is no audit log here yet");
	if (flock(r->lock, LOCK_SH) < 0)
		return err_sys(e, "cannot lock the audit log");
	k = key_list_load(dir, &r->keys, e);
	if (k == 0)
		k = scan_open(r->events, &r->s, e);
	r->scanning = k == 0;
	return k;
}

#define READING_INIT                      \
	{                                 \
		.lock = -1, .events = -1, \
	}

/* ---- the list ---- */

/* What the log says of revoked keys: {"0": {"since","reason"}}. */
static int read_revoked(struct reading *r, json_t *revoked, struct err *e)
{
	static const char type[] = "\"type\":\"log.key-revoked\"";
	const char *line;
	size_t n;
	int k;

	while ((k = scan_next(&r->s, &line, &n, e)) == 1) {
		AUTO_JSON json_t *event = NULL;
		char epoch[24];

		if (!memmem(line, n, type, sizeof(type) - 1))
			continue;
		event = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
		(void)snprintf(epoch, sizeof(epoch), "%lld",
			       (long long)json_integer_value(json_object_get(event, "epoch")));
		if (json_object_set_new(revoked, epoch,
					json_pack("{s:O,s:O}", "since",
						  json_object_get(event, "since"), "reason",
						  json_object_get(event, "reason"))) < 0)
			return err_set(e, EBADMSG, "a record of a revoked key is malformed");
	}
	return k;
}

static json_t *epoch_row(const struct reading *r, size_t i, const json_t *revoked)
{
	AUTO_BUF struct buf key = BUF_INIT(KEY_TEXT_MAX);
	char epoch[24];

	note_key_format(&r->keys.v[i].key, &key);
	(void)snprintf(epoch, sizeof(epoch), "%zu", i);
	return key.n ? json_pack("{s:I,s:s#,s:I,s:O*}", "epoch", (json_int_t)i, "key", key.p,
				 (int)key.n - 1, "after", (json_int_t)r->keys.v[i].after, "revoked",
				 json_object_get(revoked, epoch))
		     : NULL;
}

static void print_row(const json_t *row, FILE *to)
{
	const json_t *revoked = json_object_get(row, "revoked");

	(void)fprintf(to, "%lld  %s  after %lld records",
		      (long long)json_integer_value(json_object_get(row, "epoch")),
		      json_string_value(json_object_get(row, "key")),
		      (long long)json_integer_value(json_object_get(row, "after")));
	if (revoked)
		(void)fprintf(to, "  REVOKED since %s: %s",
			      json_string_value(json_object_get(revoked, "since")),
			      json_string_value(json_object_get(revoked, "reason")));
	(void)fputc('\n', to);
}

int epochs_show(int dir, bool json, FILE *to, struct err *e)
{
	CLEANUP(reading_release) struct reading r = READING_INIT;
	AUTO_JSON json_t *revoked = json_object();
	AUTO_JSON json_t *rows = json_array();
	int k = reading_open(dir, &r, e);

	if (k == 0)
		k = read_revoked(&r, revoked, e);
	if (k < 0)
		return k;
	for (size_t i = 0; i < r.keys.n; i++)
		if (json_array_append_new(rows, epoch_row(&r, i, revoked)) < 0)
			return err_set(e, ENOMEM, "out of memory");
	for (size_t i = 0; !json && i < r.keys.n; i++)
		print_row(json_array_get(rows, i), to);
	if (json && (json_dumpf(rows, to, JSON_INDENT(1)) < 0 || fputc('\n', to) == EOF))
		return err_sys(e, "cannot write");
	return 0;
}

/* ---- the cases ---- */

struct sizes { /* of the checkpoints there are, ascending */
	uint64_t *v;
	size_t n;
};

static void sizes_release(struct sizes *s)
{
	free(s->v);
}

static int ascending(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int read_sizes(int dir, struct sizes *out, struct err *e)
{
	CLEANUP(cleanup_closedir) DIR *d = NULL;
	AUTO_CLOSE int fd =
		openat(dir, "checkpoints", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const struct dirent *ent;

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_sys(e, "cannot list the log's checkpoints");
	(void)take_fd(&fd);
	while ((ent = readdir(d)) != NULL) {
		uint64_t *more = reallocarray(out->v, out->n + 1, sizeof(*more));

		if (!more)
			return err_set(e, ENOMEM, "out of memory");
		out->v = more;
		if (ent->d_name[0] != '.')
			more[out->n++] = strtoull(ent->d_name, NULL, 10);
	}
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), ascending);
	return 0;
}

/* The case of a record of that time or later, or NULL. */
static const char *case_of(const json_t *record, uint64_t since_ns)
{
	const char *ts = json_string_value(json_object_get(record, "ts"));
	uint64_t at;

	if (!ts || clock_parse_rfc3339(ts, &at) < 0 || at < since_ns)
		return NULL;
	return json_string_value(json_object_get(record, "case"));
}

static int collect(struct reading *r, const struct sizes *sizes, uint64_t epoch, uint64_t since_ns,
		   json_t *ids, struct err *e)
{
	size_t n, i = 0;
	const char *line;
	int k;

	for (uint64_t seq = 0; (k = scan_next(&r->s, &line, &n, e)) == 1; seq++) {
		AUTO_JSON json_t *record = NULL;
		const char *id;

		while (i < sizes->n && sizes->v[i] <= seq)
			i++;
		if (i == sizes->n || key_list_epoch(&r->keys, sizes->v[i]) != epoch)
			continue;
		record = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
		id = case_of(record, since_ns);
		if (id && json_object_set_new(ids, id, json_true()) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	return k;
}

int epochs_cases(int dir, uint64_t epoch, uint64_t since_ns, FILE *to, struct err *e)
{
	CLEANUP(reading_release) struct reading r = READING_INIT;
	CLEANUP(sizes_release) struct sizes sizes = { 0 };
	AUTO_JSON json_t *ids = json_object();
	const char *id;
	json_t *v;
	int k = reading_open(dir, &r, e);

	if (k == 0 && epoch >= r.keys.n)
		k = err_set(e, ENOENT,
			    "the log has no key epoch %llu (see 'sickbay audit key --all')",
			    (unsigned long long)epoch);
	if (k == 0 && epoch == r.keys.n - 1)
		k = err_set(e, EBUSY,
			    "key epoch %llu is the one in use: 'sickbay audit rotate-key' first",
			    (unsigned long long)epoch);
	if (k == 0)
		k = read_sizes(dir, &sizes, e);
	if (k == 0)
		k = collect(&r, &sizes, epoch, since_ns, ids, e);
	if (k < 0)
		return k;
	json_object_foreach(ids, id, v)
		(void)fprintf(to, "%s\n", id);
	return 0;
}
