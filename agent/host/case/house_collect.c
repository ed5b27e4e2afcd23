/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/house_collect.h"

#include <dirent.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "agent/host/case/bodies.h"
#include "agent/host/case/house.h"
#include "images/collect.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"

/*
 * First everything that can go is found, then the log hears of it, then it
 * goes: what a killed collection left is found by the next one.
 */
#define RECORD_MAX (64u << 20)

DEFINE_CLEANUP(struct store, store_close);
#define AUTO_STORE CLEANUP(cleanup_store_close)

struct finding {
	const struct house_collection *c;
	json_t *rows;
};

static int put(struct finding *f, const char *what, const char *path, struct err *e)
{
	AUTO_FREE char *full = NULL;
	uint64_t bytes = 0, files;
	json_t *row;

	if (asprintf(&full, "%s/%s", f->c->state, path) < 0)
		return err_set(e, ENOMEM, "out of memory");
	if (house_size(full, &bytes, &files, e) < 0)
		return -e->code;
	row = json_pack("{s:s,s:s,s:I,s:b}", "what", what, "path", path, "bytes", (json_int_t)bytes,
			"removed", 0);
	if (!row || json_array_append_new(f->rows, row) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return 0;
}

static bool is_older(const struct stat *st, uint64_t age_ms)
{
	const uint64_t changed =
		(uint64_t)st->st_ctim.tv_sec * 1000 + (uint64_t)st->st_ctim.tv_nsec / 1000000;

	return changed + age_ms <= clock_real_ns() / 1000000;
}

/* ---- layers ---- */

static int name_from(int dir, const char *path, struct strlist *ids, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(RECORD_MAX);
	int r = file_read_at(dir, path, RECORD_MAX, &text, e);

	if (r == -ENOENT) {
		*e = (struct err)ERR_INIT;
		return 0;
	}
	if (r == 0 && store_ids_in(text.p ? text.p : "", ids) < 0)
		r = err_set(e, ENOMEM, "out of memory");
	return r;
}

/* A case that has not ended goes on with the very layers that it began with. */
static int name_from_case(int cases, const char *id, struct strlist *ids, struct err *e)
{
	char path[NAME_MAX + 32];

	(void)snprintf(path, sizeof(path), "%s/7-outcome.json", id);
	if (faccessat(cases, path, F_OK, 0) == 0)
		return 0;
	(void)snprintf(path, sizeof(path), "%s/2-replica.json", id);
	return name_from(cases, path, ids, e);
}

static int name_from_service(int services, const char *id, struct strlist *ids, struct err *e)
{
	char path[NAME_MAX + 32];

	(void)snprintf(path, sizeof(path), "%s/check.json", id);
	return name_from(services, path, ids, e);
}

typedef int entry_fn(int dir, const char *name, struct strlist *ids, struct err *e);

static int each_entry(const char *state, const char *folder, entry_fn *fn, struct strlist *ids,
		      struct err *e)
{
	AUTO_FREE char *path = NULL;
	CLEANUP(cleanup_closedir) DIR *d = NULL;
	int r = 0;

	if (asprintf(&path, "%s/%s", state, folder) < 0)
		return err_set(e, ENOMEM, "out of memory");
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, "list '%s'", path);
	for (const struct dirent *one = readdir(d); r == 0 && one; one = readdir(d))
		if (one->d_name[0] != '.')
			r = fn(dirfd(d), one->d_name, ids, e);
	return r;
}

static int put_layer(void *ctx, const char *name, struct err *e)
{
	struct finding *const f = ctx;
	char path[NAME_MAX + 32];

	(void)snprintf(path, sizeof(path), "images/layers/%s", name);
	return put(f, name[0] == '.' ? "draft of a layer" : "layer", path, e);
}

static int find_layers(struct finding *f, struct store *s, struct err *e)
{
	struct strlist named = { 0 };
	int r = store_named(s, &named, e);

	if (r == 0)
		r = each_entry(f->c->state, "cases", name_from_case, &named, e);
	if (r == 0)
		r = each_entry(f->c->state, "services", name_from_service, &named, e);
	if (r == 0)
		r = store_unused(s, &named, f->c->age_ms, put_layer, f, e);
	strlist_release(&named);
	return r;
}

/* ---- temporary files and change layers of killed runs ---- */

static bool is_left_alone(const char *path)
{
	static const char *const kept[] = { "cases", "audit", "images/layers", "kept", "tmp" };
	const size_t n = strlen(path);

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (strcmp(path, kept[i]) == 0)
			return true;
	/* git's own: it has its own rules for what it leaves */
	return n > 4 && strncmp(path, "repos/", 6) == 0 && strcmp(path + n - 4, ".git") == 0;
}

static int find_temporary(struct finding *f, struct err *e)
{
	char *const roots[] = { (char *)(uintptr_t)f->c->state, NULL };
	const size_t skip = strlen(f->c->state) + 1;
	FTS *t = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	int r = 0;

	if (!t)
		return err_sys(e, "'%s'", f->c->state);
	for (FTSENT *one = fts_read(t); r == 0 && one; one = fts_read(t)) {
		if (one->fts_info == FTS_D && one->fts_level > 0 &&
		    is_left_alone(one->fts_path + skip))
			(void)fts_set(t, one, FTS_SKIP);
		else if (one->fts_info == FTS_F && strncmp(one->fts_name, ".tmp-", 5) == 0 &&
			 is_older(one->fts_statp, f->c->age_ms))
			r = put(f, "temporary file", one->fts_path + skip, e);
	}
	(void)fts_close(t);
	return r;
}

/* Change layers of one process; it holds the lock as long as it lives. */
static bool is_scratch(int dir, const char *name, uint64_t age_ms)
{
	AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 &&
	       is_older(&st, age_ms);
}

static bool is_kept_long(int dir, const char *name, uint64_t age_ms)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_older(&st, age_ms);
}

struct folder {
	const char *name, *what;
	bool (*goes)(int dir, const char *name, uint64_t age_ms);
	uint64_t age_ms;
};

static int find_in(struct finding *f, const struct folder *in, struct err *e)
{
	AUTO_FREE char *path = NULL;
	CLEANUP(cleanup_closedir) DIR *d = NULL;
	int r = 0;

	if (asprintf(&path, "%s/%s", f->c->state, in->name) < 0)
		return err_set(e, ENOMEM, "out of memory");
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, "list '%s'", path);
	for (const struct dirent *one = readdir(d); r == 0 && one; one = readdir(d)) {
		char below[NAME_MAX + 32];

		if (one->d_name[0] == '.' || !in->goes(dirfd(d), one->d_name, in->age_ms))
			continue;
		(void)snprintf(below, sizeof(below), "%s/%s", in->name, one->d_name);
		r = put(f, in->what, below, e);
	}
	return r;
}

/* What models were asked and answered: one folder for each first byte of a digest. */
static int find_bodies(struct finding *f, struct err *e)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < 256; i++) {
		char name[32];
		const struct folder in = { name, "what models were asked, past its retention",
					   is_kept_long, f->c->config->retention.raw_ms };

		(void)snprintf(name, sizeof(name), BODIES_DIR "/%02x", i);
		r = find_in(f, &in, e);
	}
	return r;
}

/* ---- removing ---- */

static int announce(const struct house_collection *c, const json_t *rows, struct err *e)
{
	const json_t *row;
	json_int_t bytes = 0;
	size_t i;

	json_array_foreach(rows, i, row)
		bytes += json_integer_value(json_object_get(row, "bytes"));
	return audit_commit(
		c->audit, "house.collect",
		json_pack("{s:I,s:I}", "things", (json_int_t)json_array_size(rows), "bytes", bytes),
		e);
}

static int remove_one(struct store *s, int state, const char *path, struct err *e)
{
	static const char layers[] = "images/layers/";

	if (strncmp(path, layers, strlen(layers)) == 0)
		return store_drop(s, path + strlen(layers), e);
	return tree_remove_at(state, path, e);
}

static int remove_all(const struct house_collection *c, struct store *s, json_t *rows,
		      struct err *e)
{
	AUTO_CLOSE int state = fd_open_dir(c->state, e);
	json_t *row;
	size_t i;
	int r = state < 0 ? state : 0;

	json_array_foreach(rows, i, row) {
		struct err why = ERR_INIT;

		if (r < 0)
			break;
		r = remove_one(s, state, json_string_value(json_object_get(row, "path")), &why);
		if (r == 0)
			(void)json_object_set_new(row, "removed", json_true());
		else if (r == -EBUSY || r == -ENOENT) /* somebody was faster, either way */
			r = 0;
		else
			r = err_set(e, why.code, "%s", why.msg);
	}
	return r;
}

int house_collect(const struct house_collection *c, json_t **out, struct err *e)
{
	const struct folder folders[] = {
		{ "tmp", "changes of a killed run", is_scratch, c->age_ms },
		{ "images/pulls", "interrupted pull", is_scratch, c->age_ms },
		{ "kept", "kept past its retention", is_kept_long, c->config->retention.kept_ms },
	};
	AUTO_JSON json_t *rows = json_array();
	AUTO_STORE struct store *s = NULL;
	struct finding f = { .c = c, .rows = rows };
	int r = rows ? store_open(c->state, &s, e) : err_set(e, ENOMEM, "out of memory");

	if (r == 0)
		r = find_layers(&f, s, e);
	if (r == 0)
		r = find_temporary(&f, e);
	for (size_t i = 0; r == 0 && i < sizeof(folders) / sizeof(folders[0]); i++)
		r = find_in(&f, &folders[i], e);
	if (r == 0)
		r = find_bodies(&f, e);
	if (r == 0 && c->audit && json_array_size(rows) > 0) {
		r = announce(c, rows, e);
		if (r == 0)
			r = remove_all(c, s, rows, e);
	}
	if (r == 0)
		*out = take_ptr(rows);
	return r;
}
