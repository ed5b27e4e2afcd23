/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "images/layer.h"
#include "runtime/base/buf.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"

/*
 * Walks a tree in the order of its names, without following links and without
 * leaving its file system, and copies it into a layer, or only lists it.  The
 * listing (path, type, mode, owner, size and digest of content) is hashed: the
 * digest of a tree, whatever the order in which a file system returns names.
 */
#define DEFAULT_BYTES	(32ULL << 30)
#define DEFAULT_ENTRIES (2ULL << 20)
#define CHUNK		(256u << 10)
#define LINKS		1024u /* buckets */

struct seen { /* a file with several names: the first one under which it was met */
	struct seen *next;
	dev_t dev;
	ino_t ino;
	char path[];
};

struct walk {
	int out; /* -1: only listed */
	const char *name;
	const struct tree_copy *how;
	struct err *e;
	struct sha256 listing;
	uint64_t bytes, entries;
	dev_t dev;
	char *chunk;
	struct seen *seen[LINKS];
	char path[LAYER_PATH_MAX + 1];
};

static int fail(struct walk *w, int code, const char *why)
{
	return err_set(w->e, code, "%s: '%s': %s", w->name, w->path, why);
}

static int fail_sys(struct walk *w, const char *why)
{
	return err_sys(w->e, "%s: '%s': %s", w->name, w->path, why);
}

static void list(struct walk *w, char type, const struct stat *st, const char *content)
{
	char text[128];
	const int n = snprintf(text, sizeof(text), "%c %o %u %u %lld ", type, st->st_mode & 01777u,
			       st->st_uid, st->st_gid, (long long)(type == 'f' ? st->st_size : 0));

	sha256_update(&w->listing, w->path, strlen(w->path) + 1);
	sha256_update(&w->listing, text, (size_t)n);
	sha256_update(&w->listing, content, strlen(content) + 1);
}

static int charge(struct walk *w, uint64_t bytes)
{
	const struct layer_limits *l = &w->how->limits;

	w->bytes += bytes;
	if (w->bytes > (l->bytes ? l->bytes : DEFAULT_BYTES))
		return fail(w, EFBIG, "the tree holds more bytes than a layer may");
	if (++w->entries > (l->entries ? l->entries : DEFAULT_ENTRIES))
		return fail(w, EFBIG, "the tree holds more entries than a layer may");
	return 0;
}

/* ---- files ---- */

static struct seen **bucket_of(struct walk *w, const struct stat *st)
{
	return &w->seen[((uint64_t)st->st_ino * 0x9e3779b97f4a7c15ULL >> 40) % LINKS];
}

static const char *first_name(struct walk *w, const struct stat *st)
{
	for (const struct seen *s = *bucket_of(w, st); s; s = s->next)
		if (s->ino == st->st_ino && s->dev == st->st_dev)
			return s->path;
	return NULL;
}

static int remember(struct walk *w, const struct stat *st)
{
	const size_t n = strlen(w->path) + 1;
	struct seen **bucket = bucket_of(w, st);
	struct seen *s = malloc(sizeof(*s) + n);

	if (!s)
		return fail(w, ENOMEM, "out of memory");
	*s = (struct seen){ .next = *bucket, .dev = st->st_dev, .ino = st->st_ino };
	memcpy(s->path, w->path, n);
	*bucket = s;
	return 0;
}

/* Copies (or only reads) a file of the size it had when it was met, and hashes it. */
static int read_content(struct walk *w, int in, int out, off_t size, char hex[SHA256_HEX])
{
	uint8_t digest[SHA256_LEN];
	struct sha256 h;

	sha256_init(&h);
	for (off_t done = 0;;) {
		const ssize_t n = read(in, w->chunk, CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_sys(w, "read");
		done += n;
		if (done > size || (n == 0 && done != size))
			return fail(w, ESTALE, "it changed while it was read");
		if (n == 0)
			break;
		sha256_update(&h, w->chunk, (size_t)n);
		if (out >= 0 && fd_write_all(out, w->chunk, (size_t)n, w->path, w->e) < 0)
			return -w->e->code;
	}
	sha256_final(&h, digest);
	sha256_hex(digest, hex);
	return 0;
}

static int visit_file(struct walk *w, int parent, const char *name, const struct stat *st)
{
	const struct layer_meta m = { st->st_mode & 07777u, st->st_uid, st->st_gid,
				      st->st_mtim.tv_sec };
	AUTO_CLOSE int in = -1, out = -1;
	char hex[SHA256_HEX];

	if (st->st_nlink > 1) {
		const char *first = first_name(w, st);

		if (first) {
			list(w, 'h', st, first);
			return w->out < 0 ? 0 : layer_put_hardlink(w->out, w->path, first, w->e);
		}
		if (remember(w, st) < 0)
			return -w->e->code;
	}
	if (charge(w, (uint64_t)st->st_size) < 0)
		return -w->e->code;
	in = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (in < 0)
		return fail_sys(w, "open");
	if (w->out >= 0 && layer_create(w->out, w->path, &out, w->e) < 0)
		return -w->e->code;
	if (read_content(w, in, out, st->st_size, hex) < 0)
		return -w->e->code;
	if (out >= 0 && layer_set_meta(out, &m, w->e) < 0)
		return err_wrap(w->e, "%s: '%s'", w->name, w->path);
	list(w, 'f', st, hex);
	return 0;
}

static int visit_link(struct walk *w, int parent, const char *name, const struct stat *st)
{
	char target[LAYER_PATH_MAX + 1];
	const ssize_t n = readlinkat(parent, name, target, sizeof(target));

	if (n < 0)
		return fail_sys(w, "read the link");
	if ((size_t)n >= sizeof(target))
		return fail(w, ENAMETOOLONG, "the link's target is too long");
	target[n] = '\0';
	if (charge(w, 0) < 0)
		return -w->e->code;
	list(w, 'l', st, target);
	if (w->out < 0)
		return 0;
	return layer_put_link(w->out, w->path, target, st->st_uid, st->st_gid, w->e);
}

/* ---- directories ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_names(struct walk *w, int dir, struct strlist *out)
{
	const int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR CLEANUP(cleanup_closedir) *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		(void)fail_sys(w, "read the directory");
		cleanup_close(&fd);
		return -w->e->code;
	}
	for (struct dirent *one = readdir(d); one; one = readdir(d)) {
		if (strcmp(one->d_name, ".") == 0 || strcmp(one->d_name, "..") == 0)
			continue;
		if (strlist_add(out, one->d_name) < 0)
			return fail(w, ENOMEM, "out of memory");
		if (out->n > DEFAULT_ENTRIES)
			return fail(w, EFBIG, "the directory holds more entries than a layer may");
	}
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), compare_names);
	return 0;
}

static bool is_opaque(int dir)
{
	char v;

	return fgetxattr(dir, "trusted.overlay.opaque", &v, 1) == 1 && v == 'y';
}

/* A renamed directory of a lower layer is an empty one here that says where its content is. */
static bool is_redirect(int dir)
{
	return fgetxattr(dir, "trusted.overlay.redirect", NULL, 0) >= 0;
}

static int walk_dir(struct walk *w, int dir);

static int visit_dir(struct walk *w, int parent, const char *name, const struct stat *st)
{
	AUTO_CLOSE int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool opaque;

	if (dir < 0)
		return fail_sys(w, "open the directory");
	if (st->st_dev != w->dev)
		return fail(w, EXDEV, "another file system is mounted here; copy the tree first");
	if (w->how->overlay && is_redirect(dir))
		return fail(w, ENOTSUP,
			    "a directory of a layer below was renamed; copy it instead");
	opaque = is_opaque(dir);
	if (charge(w, 0) < 0)
		return -w->e->code;
	list(w, 'd', st, opaque ? "opaque" : "");
	if (w->out >= 0 && opaque && w->how->overlay &&
	    (tree_remove_at(w->out, w->path, w->e) < 0 ||
	     layer_put_opaque(w->out, w->path, w->e) < 0))
		return -w->e->code;
	if (w->out >= 0 &&
	    layer_put_dir(w->out, w->path, st->st_mode & 07777u, st->st_uid, st->st_gid, w->e) < 0)
		return -w->e->code;
	return walk_dir(w, dir);
}

static int visit_special(struct walk *w, const struct stat *st)
{
	static const struct {
		mode_t type;
		const char *why;
	} row[] = {
		{ S_IFCHR, "a device node; images may not hold any" },
		{ S_IFBLK, "a device node; images may not hold any" },
		{ S_IFIFO, "a named pipe; images may not hold any" },
		{ S_IFSOCK, "a socket; images may not hold any" },
	};

	if (S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0) &&
	    (w->how->overlay || w->out < 0)) {
		if (charge(w, 0) < 0)
			return -w->e->code;
		list(w, 'w', st, "");
		return w->out < 0 ? 0 : layer_put_whiteout(w->out, w->path, w->e);
	}
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++)
		if ((st->st_mode & S_IFMT) == row[i].type)
			return fail(w, EINVAL, row[i].why);
	return fail(w, EINVAL, "of a kind that images may not hold");
}

static bool is_skipped(const struct walk *w)
{
	for (const char *const *p = w->how->skip; p && *p; p++)
		if (strcmp(*p, w->path) == 0)
			return true;
	return false;
}

static int visit(struct walk *w, int parent, const char *name)
{
	struct stat st;

	if (is_skipped(w))
		return 0;
	if (layer_path_check(w->path, w->e) < 0)
		return err_wrap(w->e, "%s", w->name);
	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_sys(w, "look at it");
	if (st.st_uid > LAYER_ID_MAX || st.st_gid > LAYER_ID_MAX)
		return err_set(w->e, EOVERFLOW, "%s: '%s': owner %u:%u is above %u", w->name,
			       w->path, st.st_uid, st.st_gid, LAYER_ID_MAX);
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		return visit_dir(w, parent, name, &st);
	case S_IFREG:
		return visit_file(w, parent, name, &st);
	case S_IFLNK:
		return visit_link(w, parent, name, &st);
	default:
		return visit_special(w, &st);
	}
}

static int walk_dir(struct walk *w, int dir)
{
	const size_t base = strlen(w->path);
	struct strlist names = { 0 };
	int r = read_names(w, dir, &names);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		const int n = snprintf(w->path + base, sizeof(w->path) - base, "%s%s",
				       base ? "/" : "", names.v[i]);

		if ((size_t)n >= sizeof(w->path) - base)
			r = fail(w, ENAMETOOLONG, "the path is too long");
		else
			r = visit(w, dir, names.v[i]);
	}
	w->path[base] = '\0';
	strlist_release(&names);
	return r;
}

static void forget(struct walk *w)
{
	for (size_t i = 0; i < LINKS; i++) {
		for (struct seen *s = w->seen[i], *next; s; s = next) {
			next = s->next;
			free(s);
		}
	}
	free(w->chunk);
}

int layer_copy_tree(int dir, int from, const char *name, const struct tree_copy *how,
		    char sha256[SHA256_HEX], struct err *e)
{
	struct walk w = { .out = dir, .name = name, .how = how, .e = e };
	uint8_t digest[SHA256_LEN];
	struct stat st;
	int r;

	if (fstat(from, &st) < 0)
		return err_sys(e, "%s", name);
	w.dev = st.st_dev;
	w.chunk = malloc(CHUNK);
	sha256_init(&w.listing);
	r = w.chunk ? walk_dir(&w, from) : err_set(e, ENOMEM, "%s: out of memory", name);
	forget(&w);
	if (r < 0 || !sha256)
		return r;
	sha256_final(&w.listing, digest);
	sha256_hex(digest, sha256);
	return 0;
}

int layer_digest_tree(int dir, const char *name, char sha256[SHA256_HEX], struct err *e)
{
	const struct tree_copy how = { .overlay = true };

	return layer_copy_tree(-1, dir, name, &how, sha256, e);
}
