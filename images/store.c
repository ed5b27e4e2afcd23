/* SPDX-License-Identifier: Apache-2.0 */
#include "images/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "images/layer.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/jsonc.h"
#include "runtime/base/sys.h"

/*
 * STATE/images/layers/ID      complete layers; ".draft-X" are being written
 * STATE/images/names/NAME.json      what `import` recorded
 * STATE/images/records/ID.json      what a prepared layer was made of
 *
 * Who writes a draft holds an exclusive lock on its directory, who uses a layer
 * a shared one: so a draft that nobody holds was left by a killed process, and
 * a layer that somebody holds is not removed.
 */
#define DRAFT	   ".draft-"
#define RECORD_MAX (1u << 20)

static int open_part(int images, const char *name, int *fd, struct err *e)
{
	int got;

	if (dir_make_at(images, name, 0700, e) < 0)
		return -e->code;
	got = fd_open_beneath(images, name, O_RDONLY | O_DIRECTORY, 0, e);
	if (got < 0)
		return -e->code;
	*fd = got;
	return 0;
}

int store_open(const char *state, struct store **out, struct err *e)
{
	struct store *s = calloc(1, sizeof(*s));
	char path[512];

	if (!s)
		return err_set(e, ENOMEM, "image store: out of memory");
	*s = (struct store){ .images = -1, .layers = -1, .names = -1, .records = -1 };
	s->state = realpath(state, NULL);
	if (!s->state && errno == ENOENT && dir_make(state, 0700, e) == 0)
		s->state = realpath(state, NULL);
	if (!s->state) {
		(void)err_sys(e, "image store: '%s'", state);
		goto fail;
	}
	if (snprintf(path, sizeof(path), "%s/images", s->state) >= 256) {
		(void)err_set(e, ENAMETOOLONG, "image store: '%s' is too long", state);
		goto fail;
	}
	if (dir_make(path, 0700, e) < 0)
		goto fail;
	s->images = fd_open_dir(path, e);
	if (s->images < 0 || open_part(s->images, "layers", &s->layers, e) < 0 ||
	    open_part(s->images, "names", &s->names, e) < 0 ||
	    open_part(s->images, "records", &s->records, e) < 0)
		goto fail;
	*out = s;
	return 0;
fail:
	store_close(s);
	return err_wrap(e, "image store");
}

void store_close(struct store *s)
{
	if (!s)
		return;
	cleanup_close(&s->images);
	cleanup_close(&s->layers);
	cleanup_close(&s->names);
	cleanup_close(&s->records);
	free(s->state);
	free(s);
}

const char *store_state(const struct store *s)
{
	return s->state;
}

/* ---- layers ---- */

static bool id_is_good(const char *id)
{
	const char *hex = strncmp(id, "sha256-", 7) == 0 ? id + 7 : "";

	return strlen(hex) == SHA256_HEX - 1 && is_object_id(hex);
}

static int check_id(const char *id, struct err *e)
{
	if (!id_is_good(id))
		return err_set(e, EINVAL, "'%.80s' is not a layer id (sha256-HEX)", id);
	return 0;
}

bool layer_exists(struct store *s, const char *id)
{
	struct stat st;

	return id_is_good(id) && fstatat(s->layers, id, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode);
}

int layer_open(struct store *s, const char *id, int *fd, struct err *e)
{
	AUTO_CLOSE int got = -1;
	struct stat st;

	if (check_id(id, e) < 0)
		return -e->code;
	got = fd_open_beneath(s->layers, id, O_RDONLY | O_DIRECTORY, 0, e);
	if (got < 0 && e->code == ENOENT)
		return err_set(e, ENOENT, "layer '%s': there is none in '%s'", id, s->state);
	if (got < 0)
		return -e->code;
	if (flock(got, LOCK_SH) < 0 || fstat(got, &st) < 0)
		return err_sys(e, "layer '%s'", id);
	if (st.st_nlink == 0) /* it was being removed */
		return err_set(e, ENOENT, "layer '%s': there is none in '%s'", id, s->state);
	*fd = take_fd(&got);
	return 0;
}

static void sweep_drafts(struct store *s)
{
	const int fd = openat(s->layers, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR CLEANUP(cleanup_closedir) *dir = fd < 0 ? NULL : fdopendir(fd);
	struct err ignored = ERR_INIT;

	if (!dir) {
		cleanup_close(&fd);
		return;
	}
	for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
		AUTO_CLOSE int draft = -1;

		if (strncmp(d->d_name, DRAFT, strlen(DRAFT)) != 0)
			continue;
		draft = openat(s->layers, d->d_name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (draft >= 0 && flock(draft, LOCK_EX | LOCK_NB) == 0)
			(void)tree_remove_at(s->layers, d->d_name, &ignored);
	}
}

/* A draft may be swept between its mkdir and its lock: then it has no name any more, and is made
 * anew. */
static int make_draft(struct store *s, struct layer_draft *d, struct err *e)
{
	for (int tries = 0; tries < 8; tries++) {
		AUTO_CLOSE int fd = -1;
		char random[ID_LEN], name[sizeof(DRAFT) + ID_LEN];
		struct stat st;

		id_random(random);
		(void)snprintf(name, sizeof(name), DRAFT "%s", random);
		if (mkdirat(s->layers, name, 0755) < 0)
			return err_sys(e, "make a draft of a layer");
		fd = openat(s->layers, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0 ||
		    st.st_nlink == 0)
			continue;
		if (fchmod(fd, 0755) < 0)
			return err_sys(e, "draft of a layer: set the mode");
		(void)snprintf(d->path, sizeof(d->path), "%s/images/layers/%s", s->state, name);
		d->dir = take_fd(&fd);
		return 0;
	}
	return err_set(e, EAGAIN, "make a draft of a layer: it is swept away each time");
}

int layer_begin(struct store *s, const char *id, struct layer_draft *out, struct err *e)
{
	struct layer_draft d = { .dir = -1 };

	if (id && check_id(id, e) < 0)
		return -e->code;
	if (id && layer_exists(s, id))
		return err_set(e, EEXIST, "layer '%s' is there already", id);
	sweep_drafts(s);
	if (make_draft(s, &d, e) < 0)
		return -e->code;
	if (id)
		(void)snprintf(d.id, sizeof(d.id), "%s", id);
	*out = d;
	return 0;
}

void layer_drop(struct store *s, struct layer_draft *d)
{
	const char *name = strrchr(d->path, '/');
	struct err ignored = ERR_INIT;

	if (d->dir < 0)
		return;
	if (name)
		(void)tree_remove_at(s->layers, name + 1, &ignored);
	cleanup_close(&d->dir);
	d->dir = -1;
}

/* Content first, then the name: a crash leaves a draft or a complete layer, never half of one. */
int layer_publish(struct store *s, struct layer_draft *d, struct err *e)
{
	const char *name = strrchr(d->path, '/') + 1;
	int r;

	if (check_id(d->id, e) < 0)
		return -e->code;
	if (syncfs(d->dir) < 0)
		return err_sys(e, "layer '%s': sync", d->id);
	r = sys_rename(s->layers, name, s->layers, d->id, RENAME_NOREPLACE);
	if (r == -EEXIST) { /* another process made the same layer meanwhile */
		layer_drop(s, d);
		return 0;
	}
	if (r < 0)
		return err_set(e, -r, "layer '%s': publish: %s", d->id, strerror(-r));
	r = sys_fsync(s->layers);
	if (r < 0)
		return err_set(e, -r, "layer '%s': sync: %s", d->id, strerror(-r));
	cleanup_close(&d->dir);
	d->dir = -1;
	return 0;
}

void layer_fds_release(struct layer_fds *l)
{
	for (size_t i = 0; i < l->n; i++)
		cleanup_close(&l->v[i]);
	free(l->v);
	*l = (struct layer_fds){ 0 };
}

int image_layers(struct store *s, const struct image *i, struct layer_fds *out, struct err *e)
{
	struct layer_fds l = { .v = calloc(i->layers.n + 1, sizeof(int)) };

	if (!l.v)
		return err_set(e, ENOMEM, "image '%s': out of memory", i->name);
	for (; l.n < i->layers.n; l.n++) {
		if (layer_open(s, i->layers.v[l.n], &l.v[l.n], e) < 0) {
			layer_fds_release(&l);
			return err_wrap(e, "image '%s'", i->name);
		}
	}
	*out = l;
	return 0;
}
