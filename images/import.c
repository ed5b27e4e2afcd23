/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/layer.h"
#include "images/oci.h"
#include "images/store.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/log.h"
#include "runtime/proto/decode.h"

/*
 * `image import`: finds out what PATH is and turns it into layers and a record.
 * A layout inside a tar is first unpacked into a draft, which never becomes a
 * layer, and then read like a directory.
 */
enum kind { KIND_TREE, KIND_OCI, KIND_DOCKER };

/* ---- layers ---- */

static int set_single(struct image *i, const char *id, struct err *e)
{
	i->digest = strdup(id);
	if (!i->digest || strlist_add(&i->layers, id) < 0)
		return err_set(e, ENOMEM, "image: out of memory");
	i->digest[strlen("sha256")] = ':';
	return 0;
}

static int publish_as(struct store *s, struct layer_draft *d, const char *hex, struct err *e)
{
	(void)snprintf(d->id, sizeof(d->id), "sha256-%s", hex);
	return layer_publish(s, d, e);
}

static int import_tree(struct store *s, int from, const char *path, struct image *out,
		       struct err *e)
{
	const struct tree_copy how = { 0 };
	struct layer_draft d = { .dir = -1 };
	char hex[SHA256_HEX];
	int r;

	if (layer_begin(s, NULL, &d, e) < 0)
		return -e->code;
	r = layer_copy_tree(d.dir, from, path, &how, hex, e);
	if (r == 0)
		r = publish_as(s, &d, hex, e);
	if (r == 0)
		r = set_single(out, d.id, e);
	layer_drop(s, &d);
	return r;
}

/* want: the digest that the uncompressed tar must have; NULL: whatever it has. */
int import_layer(struct store *s, int archive, const char *name, const char *want, char id[80],
		 struct err *e)
{
	const struct unpack how = { .whiteouts = true };
	struct layer_draft d = { .dir = -1 };
	char hex[SHA256_HEX];
	int r;

	if (want) {
		(void)snprintf(id, 80, "sha256-%s", want);
		if (layer_exists(s, id))
			return 0;
	}
	if (layer_begin(s, NULL, &d, e) < 0)
		return -e->code;
	r = layer_unpack(d.dir, archive, name, &how, hex, e);
	if (r == 0 && want && strcmp(want, hex) != 0)
		r = err_set(e, EBADMSG,
			    "%s: its content is sha256:%s, but the configuration names sha256:%s",
			    name, hex, want);
	if (r == 0)
		r = publish_as(s, &d, hex, e);
	if (r == 0)
		(void)snprintf(id, 80, "sha256-%s", hex);
	layer_drop(s, &d);
	return r;
}

/* ---- what is it? ---- */

static enum kind kind_of_dir(int dir)
{
	struct stat st;

	if (layer_stat(dir, "oci-layout", &st) == 0 && S_ISREG(st.st_mode) &&
	    layer_stat(dir, "index.json", &st) == 0 && S_ISREG(st.st_mode))
		return KIND_OCI;
	if (layer_stat(dir, "manifest.json", &st) == 0 && S_ISREG(st.st_mode) &&
	    layer_stat(dir, "usr", &st) < 0 && layer_stat(dir, "bin", &st) < 0)
		return KIND_DOCKER;
	return KIND_TREE;
}

/* Whether a layout (OCI or docker) may have an entry of this name. */
static bool is_layout_name(const char *path)
{
	static const char *const files[] = { "oci-layout", "index.json", "manifest.json",
					     "repositories" };
	const size_t first = strcspn(path, "/");

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (strcmp(path, files[i]) == 0)
			return true;
	if (first == 5 && strncmp(path, "blobs", 5) == 0)
		return true;
	if (first < 64 || strspn(path, "0123456789abcdef") != 64)
		return false;
	path += 64;
	return *path == '/' || !*path || strcmp(path, ".json") == 0 || strcmp(path, ".tar") == 0;
}

struct sight {
	bool oci, docker, other;
};

static void look_at(struct sight *seen, const struct msg *m)
{
	const char *path = json_string_value(json_object_get(m->body, "path"));

	if (m->type != DECODE_MSG_ENTRY || !path)
		return;
	while (strncmp(path, "./", 2) == 0)
		path += 2;
	if (!*path)
		return;
	seen->oci = seen->oci || strcmp(path, "oci-layout") == 0;
	seen->docker = seen->docker || strcmp(path, "manifest.json") == 0;
	seen->other = seen->other || !is_layout_name(path);
}

DEFINE_CLEANUP(struct decode, decode_close);

/* Reads names until one does not fit a layout, which is mostly the first. */
static int look_through(int fd, const char *path, struct sight *seen, struct err *e)
{
	json_t AUTO_JSON *options = json_pack("{s:b}", "list", 1);
	struct decode CLEANUP(cleanup_decode_close) *d = NULL;
	int more = 1;

	if (!options)
		return err_set(e, ENOMEM, "%s: out of memory", path);
	if (decode_open(DECODE_ARCHIVE, fd, path, options, &d, e) < 0)
		return -e->code;
	while (more > 0 && !seen->other) {
		AUTO_MSG struct msg m = MSG_INIT;

		more = decode_next(d, &m, e);
		if (more > 0)
			look_at(seen, &m);
	}
	return more < 0 ? more : 0;
}

static int kind_of_tar(int fd, const char *path, enum kind *out, struct err *e)
{
	struct sight seen = { 0 };

	if (look_through(fd, path, &seen, e) < 0)
		return -e->code;
	/* the decoder, which shares the file's position, is gone by now */
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "%s: rewind", path);
	*out = seen.other ? KIND_TREE : seen.oci ? KIND_OCI : seen.docker ? KIND_DOCKER : KIND_TREE;
	return 0;
}

/* ---- import ---- */

static int import_layout(struct store *s, int dir, enum kind kind, const char *path,
			 struct image *out, struct err *e)
{
	return kind == KIND_OCI ? oci_import(s, dir, path, out, e)
				: docker_import(s, dir, path, out, e);
}

static int import_dir(struct store *s, int dir, const char *path, struct image *out, struct err *e)
{
	const enum kind kind = kind_of_dir(dir);

	if (kind == KIND_TREE)
		return import_tree(s, dir, path, out, e);
	return import_layout(s, dir, kind, path, out, e);
}

static int import_tar(struct store *s, int fd, const char *path, struct image *out, struct err *e)
{
	const struct unpack how = { .force_owner = true };
	struct layer_draft d = { .dir = -1 };
	enum kind kind = KIND_TREE;
	char id[80];
	int r;

	if (kind_of_tar(fd, path, &kind, e) < 0)
		return -e->code;
	if (kind == KIND_TREE) {
		if (import_layer(s, fd, path, NULL, id, e) < 0)
			return -e->code;
		return set_single(out, id, e);
	}
	if (layer_begin(s, NULL, &d, e) < 0)
		return -e->code;
	r = layer_unpack(d.dir, fd, path, &how, NULL, e);
	if (r == 0)
		r = import_layout(s, d.dir, kind, path, out, e);
	layer_drop(s, &d);
	return r;
}

static int import_any(struct store *s, const char *path, struct image *out, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "'%s'", path);
	if (S_ISDIR(st.st_mode))
		return import_dir(s, fd, path, out, e);
	if (S_ISREG(st.st_mode))
		return import_tar(s, fd, path, out, e);
	return err_set(e, EINVAL, "'%s' is neither a directory nor a file", path);
}

int image_check_new_name(struct store *s, const char *name, struct err *e)
{
	char file[80];

	if (!name_is_safe(name))
		return err_set(
			e, EINVAL,
			"'%.80s' cannot name an image: want a-z, 0-9, '.', '_', '-', at most 63",
			name);
	if (strcmp(name, "host") == 0)
		return err_set(e, EEXIST, "the image 'host' is built in; choose another name");
	(void)snprintf(file, sizeof(file), "%s.json", name);
	if (faccessat(s->names, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(e, EEXIST, "image '%s' is there already; remove it first", name);
	return 0;
}

int image_import(struct store *s, const char *path, const char *name, struct image *out,
		 struct err *e)
{
	struct image i = { 0 };
	int r;

	if (image_check_new_name(s, name, e) < 0)
		return -e->code;
	i.name = strdup(name);
	log_progress("importing '%s'", path);
	r = i.name ? import_any(s, path, &i, e) : err_set(e, ENOMEM, "image: out of memory");
	if (r == 0)
		r = image_record(s, &i, e);
	log_progress_end();
	if (r < 0) {
		image_release(&i);
		return r;
	}
	*out = i;
	return 0;
}
