/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "images/layer.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/proto/decode.h"

/*
 * An archive's entries, as sickbay-decode reports them, written into a layer.
 * The decoder may have been taken over by what it read: so each entry is
 * checked here as if the archive's author had sent it.
 */
#define DEFAULT_BYTES	(32ULL << 30)
#define DEFAULT_ENTRIES (2ULL << 20)
#define FILE_TIME_MAX	((1LL << 33) - 1)

enum kind { KIND_FILE, KIND_DIR, KIND_SYMLINK, KIND_HARDLINK };

static const char *const kinds[] = { "file",  "dir",  "symlink", "hardlink", "char",
				     "block", "fifo", "socket",	 "unknown",  NULL };

struct entry {
	char *path, *link;
	int kind;
	uint64_t mode;
	int64_t uid, gid, mtime, size;
};

static const struct jmap entry_map[] = {
	{ .name = "path",
	  .kind = JMAP_STR,
	  .offset = offsetof(struct entry, path),
	  .required = 1,
	  .max = 4096 },
	{ .name = "type",
	  .kind = JMAP_ENUM,
	  .offset = offsetof(struct entry, kind),
	  .required = 1,
	  .words = kinds },
	{ .name = "mode",
	  .kind = JMAP_U64,
	  .offset = offsetof(struct entry, mode),
	  .required = 1,
	  .max = 07777 },
	{ .name = "uid", .kind = JMAP_I64, .offset = offsetof(struct entry, uid), .required = 1 },
	{ .name = "gid", .kind = JMAP_I64, .offset = offsetof(struct entry, gid), .required = 1 },
	{ .name = "size", .kind = JMAP_I64, .offset = offsetof(struct entry, size), .required = 1 },
	{ .name = "link", .kind = JMAP_STR, .offset = offsetof(struct entry, link), .max = 4096 },
	{ .name = "mtime", .kind = JMAP_I64, .offset = offsetof(struct entry, mtime) },
	{ 0 },
};

struct job {
	int dir;
	const char *name;
	const struct unpack *how;
	struct err *e;
	uint64_t bytes, entries;
	/* the file that data messages belong to */
	int fd;
	struct layer_meta meta;
	uint64_t size;
	char path[LAYER_PATH_MAX + 1];
};

static int fail(struct job *j, int code, const char *path, const char *why)
{
	return err_set(j->e, code, "%s: entry '%s': %s", j->name, path, why);
}

/* Puts the archive's name in front of what the layer functions say about an entry. */
static int blame(struct job *j)
{
	const struct err why = *j->e;

	return err_set(j->e, why.code, "%s: entry %s", j->name, why.msg);
}

/* ---- names ---- */

/* "./a/b/" -> "a/b"; "" for the root itself. */
static void trim(char *path)
{
	size_t n;

	while (path[0] == '.' && (path[1] == '/' || path[1] == '\0'))
		memmove(path, path + (path[1] ? 2 : 1), strlen(path + (path[1] ? 2 : 1)) + 1);
	for (n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
}

static bool is_wanted(const struct job *j, const char *path)
{
	const size_t n = j->how->only ? strlen(j->how->only) : 0;

	return n == 0 || (strncmp(path, j->how->only, n) == 0 && (path[n] == '/' || !path[n]));
}

static int prefixed(struct job *j, const char *path, char out[LAYER_PATH_MAX + 1])
{
	const char *prefix = j->how->prefix ? j->how->prefix : "";
	const int n = snprintf(out, LAYER_PATH_MAX + 1, "%s%s%s", prefix, *prefix ? "/" : "", path);

	if (n > (int)LAYER_PATH_MAX)
		return fail(j, ENAMETOOLONG, path, "the path is too long");
	return 0;
}

/* ---- entries ---- */

static int finish_file(struct job *j)
{
	int r = 0;

	if (j->fd < 0)
		return 0;
	if (ftruncate(j->fd, (off_t)j->size) < 0)
		r = err_sys(j->e, "%s: entry '%s': set the size", j->name, j->path);
	else if (layer_set_meta(j->fd, &j->meta, j->e) < 0)
		r = err_wrap(j->e, "%s: entry '%s'", j->name, j->path);
	(void)close(take_fd(&j->fd));
	return r;
}

static int put_data(struct job *j, const struct msg *m)
{
	const json_t *at = json_object_get(m->body, "at");
	const json_int_t offset = json_integer_value(at);

	if (j->fd < 0) /* an entry that was left out */
		return 0;
	if (!json_is_integer(at) || offset < 0 || (uint64_t)offset > j->size ||
	    m->blob.n > j->size - (uint64_t)offset)
		return fail(j, EPROTO, j->path, "more data than its header says");
	for (size_t done = 0; done < m->blob.n;) {
		const ssize_t n = pwrite(j->fd, m->blob.p + done, m->blob.n - done,
					 (off_t)((uint64_t)offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(j->e, "%s: entry '%s': write", j->name, j->path);
		done += (size_t)n;
	}
	return 0;
}

static int charge(struct job *j, const struct entry *n)
{
	const struct layer_limits *l = &j->how->limits;
	const uint64_t most = l->bytes ? l->bytes : DEFAULT_BYTES;

	if (n->size < 0)
		return fail(j, EINVAL, n->path, "its size is negative");
	if (n->kind == KIND_FILE && (uint64_t)n->size > most - j->bytes)
		return fail(j, EFBIG, n->path, "the archive holds more bytes than a layer may");
	if (n->kind == KIND_FILE)
		j->bytes += (uint64_t)n->size;
	if (++j->entries > (l->entries ? l->entries : DEFAULT_ENTRIES))
		return fail(j, EFBIG, n->path, "the archive holds more entries than a layer may");
	return 0;
}

static int check_owner(struct job *j, const struct entry *n, struct layer_meta *m)
{
	if (!j->how->force_owner &&
	    (n->uid < 0 || n->uid > LAYER_ID_MAX || n->gid < 0 || n->gid > LAYER_ID_MAX))
		return err_set(j->e, EOVERFLOW,
			       "%s: entry '%s': owner %lld:%lld is not within 0..%u", j->name,
			       n->path, (long long)n->uid, (long long)n->gid, LAYER_ID_MAX);
	m->mode = (unsigned)n->mode;
	m->uid = j->how->force_owner ? j->how->uid : (unsigned)n->uid;
	m->gid = j->how->force_owner ? j->how->gid : (unsigned)n->gid;
	m->mtime = n->mtime < 0 ? 0 : n->mtime > FILE_TIME_MAX ? FILE_TIME_MAX : n->mtime;
	return 0;
}

/*
 * ".wh.NAME" hides NAME of the layers below, ".wh..wh..opq" all of its directory.
 * It says nothing about an entry of this layer, whichever of the two came first.
 */
static int put_whiteout(struct job *j, const char *path, const char *name)
{
	const char *hidden = name + strlen(".wh.");
	char target[LAYER_PATH_MAX + 1];
	struct stat st;

	(void)snprintf(target, sizeof(target), "%.*s%s", (int)(name - path), path, hidden);
	if (strcmp(hidden, ".wh..opq") == 0) {
		const size_t parent = name > path ? (size_t)(name - path - 1) : 0;

		target[parent] = '\0';
		return layer_put_opaque(j->dir, target, j->e) < 0 ? blame(j) : 0;
	}
	if (strncmp(hidden, ".wh.", 4) == 0)
		return fail(j, EINVAL, path, "a whiteout of a kind that images may not hold");
	if (layer_path_check(target, j->e) < 0)
		return blame(j);
	if (layer_stat(j->dir, target, &st) < 0)
		return layer_put_whiteout(j->dir, target, j->e) < 0 ? blame(j) : 0;
	if (S_ISDIR(st.st_mode))
		return layer_put_opaque(j->dir, target, j->e) < 0 ? blame(j) : 0;
	return 0;
}

static int hardlink_refused(struct job *j, const struct entry *n)
{
	const struct err why = *j->e;

	return err_set(j->e, why.code, "%s: entry '%s': hard link to %s", j->name, n->path,
		       why.msg);
}

static int put_hardlink(struct job *j, struct entry *n, const char *path)
{
	char target[LAYER_PATH_MAX + 1];

	trim(n->link);
	if (layer_path_check(n->link, j->e) < 0)
		return hardlink_refused(j, n);
	if (prefixed(j, n->link, target) < 0)
		return -j->e->code;
	return layer_put_hardlink(j->dir, path, target, j->e) < 0 ? blame(j) : 0;
}

static int put_file(struct job *j, const struct entry *n, const char *path,
		    const struct layer_meta *m)
{
	if (layer_create(j->dir, path, &j->fd, j->e) < 0)
		return blame(j);
	j->meta = *m;
	j->size = (uint64_t)n->size;
	(void)snprintf(j->path, sizeof(j->path), "%s", path);
	return 0;
}

static int put_kind(struct job *j, struct entry *n, const char *path)
{
	struct layer_meta m = { 0 };
	int r;

	if (check_owner(j, n, &m) < 0)
		return -j->e->code;
	switch (n->kind) {
	case KIND_FILE:
		return put_file(j, n, path, &m);
	case KIND_DIR:
		r = layer_put_dir(j->dir, path, m.mode, m.uid, m.gid, j->e);
		break;
	case KIND_SYMLINK:
		r = layer_put_link(j->dir, path, n->link ? n->link : "", m.uid, m.gid, j->e);
		break;
	case KIND_HARDLINK:
		return put_hardlink(j, n, path);
	default:
		return err_set(j->e, EINVAL, "%s: entry '%s': a %s entry; images may not hold any",
			       j->name, n->path, kinds[n->kind]);
	}
	return r < 0 ? blame(j) : 0;
}

/* The archive's own root: its owner and mode become the layer's, where there is no prefix. */
static int put_root(struct job *j, const struct entry *n)
{
	struct layer_meta m = { 0 };

	if (n->kind != KIND_DIR)
		return fail(j, EINVAL, n->path, "names the root but is not a directory");
	if (check_owner(j, n, &m) < 0)
		return -j->e->code;
	m.mtime = -1;
	if (j->how->prefix)
		return 0;
	return layer_set_meta(j->dir, &m, j->e) < 0 ? blame(j) : 0;
}

static int put_entry(struct job *j, struct entry *n)
{
	char path[LAYER_PATH_MAX + 1];
	const char *name;

	if (charge(j, n) < 0)
		return -j->e->code;
	trim(n->path);
	if (!*n->path)
		return put_root(j, n);
	if (layer_path_check(n->path, j->e) < 0)
		return blame(j);
	if (!is_wanted(j, n->path))
		return 0;
	if (prefixed(j, n->path, path) < 0)
		return -j->e->code;
	name = strrchr(path, '/');
	name = name ? name + 1 : path;
	if (j->how->whiteouts && strncmp(name, ".wh.", 4) == 0)
		return put_whiteout(j, path, name);
	return put_kind(j, n, path);
}

static int put_message(struct job *j, const struct msg *m)
{
	struct entry n = { 0 };
	int r;

	if (m->type == DECODE_MSG_DATA)
		return put_data(j, m);
	if (m->type != DECODE_MSG_ENTRY)
		return err_set(j->e, EPROTO, "%s: the decoder sent message %u", j->name, m->type);
	r = finish_file(j);
	if (r == 0 && jmap_read(entry_map, m->body, &n, "", j->e) < 0)
		r = err_wrap(j->e, "%s: entry", j->name);
	if (r == 0)
		r = put_entry(j, &n);
	jmap_release(entry_map, &n);
	return r;
}

DEFINE_CLEANUP(struct decode, decode_close);

static int take_digest(const struct job *j, const struct msg *m, char sha256[SHA256_HEX])
{
	const char *hex = json_string_value(json_object_get(m->body, "sha256"));

	if (!hex || strlen(hex) != SHA256_HEX - 1)
		return err_set(j->e, EPROTO, "%s: the decoder sent no digest", j->name);
	(void)snprintf(sha256, SHA256_HEX, "%s", hex);
	return 0;
}

int layer_unpack(int dir, int archive, const char *name, const struct unpack *how,
		 char sha256[SHA256_HEX], struct err *e)
{
	struct job j = { .dir = dir, .name = name, .how = how, .e = e, .fd = -1 };
	json_t AUTO_JSON *options = json_pack("{s:b}", "deb", how->deb);
	struct decode CLEANUP(cleanup_decode_close) *d = NULL;
	int r, more = 1;

	if (!options)
		return err_set(e, ENOMEM, "%s: out of memory", name);
	r = decode_open(DECODE_ARCHIVE, archive, name, options, &d, e);
	while (r == 0 && more) {
		AUTO_MSG struct msg m = MSG_INIT;

		more = decode_next(d, &m, e);
		if (more < 0)
			r = more;
		else if (more > 0)
			r = put_message(&j, &m);
		else if (sha256)
			r = take_digest(&j, &m, sha256);
	}
	if (r == 0)
		r = finish_file(&j);
	cleanup_close(&j.fd);
	return r;
}
