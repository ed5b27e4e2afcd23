/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/source.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/sha256.h"

#define FILE_MAX (256u << 20)

struct writing {
	const struct git_tree *tree;
	const char *place; /* without the leading slash */
	int dir;
	struct source *out;
	struct strlist paths; /* regular files, to be verified */
	struct strlist oids;
	char folder[4200]; /* whose parents are there */
};

static bool is_lfs_pointer(const char *data, size_t n)
{
	static const char head[] = "version https://git-lfs.github.com/spec/";

	return n > sizeof(head) && n < 1024 && memcmp(data, head, sizeof(head) - 1) == 0;
}

int source_put_parents(int dir, const char *place, const char *path, struct err *e)
{
	char part[4300];
	const size_t base = strlen(place) + 1;
	int r = 0;

	if ((size_t)snprintf(part, sizeof(part), "%s/%s", place, path) >= sizeof(part))
		return err_set(e, ENAMETOOLONG, "'%.100s...' is too long", path);
	for (size_t i = base; r == 0 && part[i]; i++) {
		if (part[i] != '/')
			continue;
		part[i] = '\0';
		r = layer_put_dir(dir, part, 0755, SOURCE_UID, SOURCE_UID, e);
		part[i] = '/';
	}
	return r;
}

/* git lists a folder's files together: its parents are made once. */
static int put_parents(struct writing *w, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	const size_t n = slash ? (size_t)(slash - path) : 0;

	if (!slash || (strncmp(w->folder, path, n) == 0 && w->folder[n] == '\0'))
		return 0;
	(void)snprintf(w->folder, sizeof(w->folder), "%.*s", (int)n, path);
	return source_put_parents(w->dir, w->place, path, e);
}

static int write_blob(void *ctx, size_t index, const char *data, size_t n, struct err *e)
{
	struct writing *w = ctx;
	const struct git_entry *ent = &w->tree->v[index];
	char path[4300];

	if (put_parents(w, ent->path, e) < 0)
		return -e->code;
	(void)snprintf(path, sizeof(path), "%s/%s", w->place, ent->path);
	if (ent->mode == 0120000) {
		char target[4096];

		if (n >= sizeof(target) || memchr(data, '\0', n))
			return err_set(e, EINVAL, "link '%s' has an impossible target", ent->path);
		memcpy(target, data, n);
		target[n] = '\0';
		return layer_put_link(w->dir, path, target, SOURCE_UID, SOURCE_UID, e);
	}
	if (is_lfs_pointer(data, n) && strlist_add(&w->out->missing, ent->path) < 0)
		return err_set(e, ENOMEM, "out of memory");
	if (strlist_add(&w->paths, ent->path) < 0 || strlist_add(&w->oids, ent->oid) < 0)
		return err_set(e, ENOMEM, "out of memory");
	w->out->files++;
	return layer_put_file(w->dir, path, data, n, ent->mode == 0100755 ? 0755 : 0644, SOURCE_UID,
			      SOURCE_UID, e);
}

/* What was written must hash to what the tree says. */
static int verify(struct git *g, struct writing *w, struct err *e)
{
	AUTO_CLOSE int at = fd_open_beneath(w->dir, w->place, O_RDONLY | O_DIRECTORY, 0, e);
	struct strlist got = { 0 };
	int r;

	if (at < 0)
		return at;
	r = git_hash_files(g, at, &w->paths, &got, e);
	for (size_t i = 0; r == 0 && i < w->paths.n; i++)
		if (strcmp(got.v[i], w->oids.v[i]) != 0)
			r = err_set(e, EBADMSG, "'%s' does not have the digest that its tree names",
				    w->paths.v[i]);
	strlist_release(&got);
	return r;
}

static int note_submodules(const struct git_tree *t, struct source *out, struct err *e)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].mode == 0160000 && strlist_add(&out->missing, t->v[i].path) < 0)
			return err_set(e, ENOMEM, "out of memory");
	return 0;
}

static int write_layer(struct store *s, struct git *g, struct writing *w, struct err *e)
{
	struct layer_draft draft;
	int r = layer_begin(s, w->out->layer, &draft, e);

	if (r < 0)
		return r;
	w->dir = draft.dir;
	r = layer_put_dir(w->dir, w->place, 0755, SOURCE_UID, SOURCE_UID, e);
	if (r == 0)
		r = git_blobs(g, w->tree, write_blob, w, e);
	if (r == 0)
		r = verify(g, w, e);
	if (r == 0)
		return layer_publish(s, &draft, e);
	layer_drop(s, &draft);
	return r;
}

static void name_layer(struct source *out, const char *root, const char *place)
{
	uint8_t digest[SHA256_LEN];
	char key[9000], hex[SHA256_HEX];
	const int n = snprintf(key, sizeof(key), "source 2\n%s\n%s\n%s", out->commit, root, place);

	sha256_of(key, (size_t)n, digest);
	sha256_hex(digest, hex);
	(void)snprintf(out->layer, sizeof(out->layer), "sha256-%s", hex);
}

int source_make(struct store *s, struct git *g, const char *commit, const char *root,
		const char *place, struct source *out, struct err *e)
{
	struct source made = { 0 };
	struct git_tree tree = { 0 };
	struct writing w = { .tree = &tree, .place = place + 1, .out = &made };
	int r;

	(void)snprintf(made.commit, sizeof(made.commit), "%s", commit);
	name_layer(&made, root, place);
	r = git_tree_read(g, commit, root, &tree, e);
	if (r == 0)
		r = note_submodules(&tree, &made, e);
	if (r == 0) {
		made.files = tree.n - made.missing.n;
		if (!layer_exists(s, made.layer)) {
			made.files = 0;
			r = write_layer(s, g, &w, e);
		}
	}
	git_tree_release(&tree);
	strlist_release(&w.paths);
	strlist_release(&w.oids);
	if (r < 0) {
		source_release(&made);
		return err_wrap(e, "source of %.12s", commit);
	}
	*out = made;
	return 0;
}

void source_release(struct source *s)
{
	strlist_release(&s->missing);
}

int source_read_file(struct store *s, const struct source *src, const char *place, const char *path,
		     struct buf *out, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	AUTO_CLOSE int fd = -1;
	char full[8400];
	int r = layer_open(s, src->layer, &dir, e);

	if (r < 0)
		return r;
	(void)snprintf(full, sizeof(full), "%s/%s", place + 1, path);
	fd = fd_open_beneath(dir, full, O_RDONLY | O_NONBLOCK, 0, e);
	return fd < 0 ? fd : fd_read_all(fd, FILE_MAX, path, out, e);
}
