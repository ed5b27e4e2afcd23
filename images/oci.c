/* SPDX-License-Identifier: Apache-2.0 */
#include "images/oci.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/layer.h"
#include "images/oci_read.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/log.h"
#include "runtime/proto/decode.h"

/*
 *     index.json -> (index ->)* manifest -> configuration: environment, user, digests of layers
 *                                       \-> layers: compressed tars
 *
 * A digest names each arrow's end.  These formats have members that we do not
 * know, so they are read member by member instead of by a table, and every
 * string from them is checked before it names anything.
 */
#define DIGEST_PREFIX 7 /* "sha256:" */

struct layout {
	struct store *s;
	int dir;
	const char *path;
	struct image *out;
};

/* ---- JSON ---- */

static int read_json(const struct layout *l, int fd, const char *file, json_t **out, struct err *e)
{
	char name[320];
	struct stat st;

	(void)snprintf(name, sizeof(name), "%.200s: %.100s", l->path, file);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s: not a regular file", name);
	if (st.st_size > OCI_JSON_MAX)
		return err_set(e, EFBIG, "%s: larger than 4 MiB", name);
	return decode_value(DECODE_JSON, fd, name, NULL, out, e);
}

static int read_file_json(const struct layout *l, const char *file, json_t **out, struct err *e)
{
	AUTO_CLOSE int fd = fd_open_beneath(l->dir, file, O_RDONLY, 0, e);

	if (fd < 0)
		return err_wrap(e, "%s", l->path);
	return read_json(l, fd, file, out, e);
}

static int take_strings(const struct layout *l, const json_t *obj, const char *key,
			struct strlist *out, struct err *e)
{
	const json_t *list = json_object_get(obj, key);
	const json_t *v;
	size_t i;

	if (!list || json_is_null(list))
		return 0;
	if (!json_is_array(list) || json_array_size(list) > 4096)
		return err_set(e, EINVAL, "%s: '%s' is not an array of at most 4096", l->path, key);
	json_array_foreach(list, i, v) {
		if (!json_is_string(v))
			return err_set(e, EINVAL, "%s: '%s' holds something else than strings",
				       l->path, key);
		if (strlist_add(out, json_string_value(v)) < 0)
			return err_set(e, ENOMEM, "%s: out of memory", l->path);
	}
	return 0;
}

static int take_string(const struct layout *l, const json_t *obj, const char *key, char **out,
		       struct err *e)
{
	const json_t *v = json_object_get(obj, key);

	if (!v || json_is_null(v) || (json_is_string(v) && !*json_string_value(v)))
		return 0;
	if (!json_is_string(v))
		return err_set(e, EINVAL, "%s: '%s' is not a string", l->path, key);
	*out = strdup(json_string_value(v));
	return *out ? 0 : err_set(e, ENOMEM, "%s: out of memory", l->path);
}

/* ---- blobs ---- */

static int verify(const struct layout *l, int fd, const char *what, const char *hex, struct err *e)
{
	char got[SHA256_HEX] = "";

	if (sha256_fd(fd, got, e) < 0)
		return err_wrap(e, "%s: %s", l->path, what);
	if (strcmp(got, hex) != 0)
		return err_set(e, EBADMSG, "%s: %s: its content is sha256:%s, not sha256:%s",
			       l->path, what, got, hex);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "%s: %s: rewind", l->path, what);
	return 0;
}

static int open_blob(const struct layout *l, const struct oci_blob *b, int *out, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;
	char file[96];

	(void)snprintf(file, sizeof(file), "blobs/sha256/%s", b->digest + DIGEST_PREFIX);
	fd = fd_open_beneath(l->dir, file, O_RDONLY, 0, e);
	if (fd < 0)
		return err_wrap(e, "%s", l->path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s: %s: not a regular file", l->path, b->digest);
	if (st.st_size != b->size)
		return err_set(e, EBADMSG, "%s: %s: has %lld bytes, not %lld", l->path, b->digest,
			       (long long)st.st_size, (long long)b->size);
	if (verify(l, fd, b->digest, b->digest + DIGEST_PREFIX, e) < 0)
		return -e->code;
	*out = take_fd(&fd);
	return 0;
}

static int read_blob_json(const struct layout *l, const struct oci_blob *b, json_t **out,
			  struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (open_blob(l, b, &fd, e) < 0)
		return -e->code;
	return read_json(l, fd, b->digest, out, e);
}

/* ---- configuration ---- */

/*
 * What an image was built from (OCI image specification, annotations: "pre-defined keys"; before
 * them label-schema.org).  They are anyone's text, and no image is worse for lacking them: what
 * cannot be shown in a line is left out.
 */
static int take_label(const struct layout *l, const json_t *run, const char *const names[2],
		      char **out, struct err *e)
{
	const json_t *labels = json_object_get(run, "Labels");

	for (size_t i = 0; i < 2 && !*out; i++) {
		const json_t *label = json_object_get(labels, names[i]);
		const char *v = json_string_value(label);
		size_t n = 0;

		while (v && v[n] >= ' ' && v[n] <= '~')
			n++;
		if (n == 0 || n > IMAGE_LABEL_MAX || n != json_string_length(label))
			continue;
		*out = strdup(v);
		if (!*out)
			return err_set(e, ENOMEM, "%s: out of memory", l->path);
	}
	return 0;
}

static int take_labels(const struct layout *l, const json_t *run, struct err *e)
{
	static const char *const revision[] = { "org.opencontainers.image.revision",
						"org.label-schema.vcs-ref" };
	static const char *const version[] = { "org.opencontainers.image.version",
					       "org.label-schema.version" };

	if (take_label(l, run, revision, &l->out->revision, e) < 0)
		return -e->code;
	return take_label(l, run, version, &l->out->version, e);
}

static int take_config(const struct layout *l, const json_t *config, struct err *e)
{
	const json_t *run = json_object_get(config, "config");

	if (oci_check_platform(l->path, config, e) < 0 ||
	    take_strings(l, run, "Env", &l->out->env, e) < 0 ||
	    take_strings(l, run, "Entrypoint", &l->out->command, e) < 0 ||
	    take_strings(l, run, "Cmd", &l->out->command, e) < 0 ||
	    take_string(l, run, "User", &l->out->user, e) < 0 || take_labels(l, run, e) < 0)
		return -e->code;
	return take_string(l, run, "WorkingDir", &l->out->cwd, e);
}

/* The list goes from the bottom to the top; an image's layers are top-most first. */
static int reverse_layers(const struct layout *l, struct err *e)
{
	struct strlist *list = &l->out->layers;

	if (list->n == 0)
		return err_set(e, EINVAL, "%s: the image has no layers", l->path);
	for (size_t i = 0, k = list->n - 1; i < k; i++, k--) {
		char *other = list->v[i];

		list->v[i] = list->v[k];
		list->v[k] = other;
	}
	return 0;
}

static int add_layer(const struct layout *l, int fd, const char *what, const json_t *diff_id,
		     struct err *e)
{
	char name[320], id[80];

	(void)snprintf(name, sizeof(name), "%.200s: %.100s", l->path, what);
	log_progress("%s", name);
	if (import_layer(l->s, fd, name, oci_digest_hex(json_string_value(diff_id)), id, e) < 0)
		return -e->code;
	if (strlist_add(&l->out->layers, id) < 0)
		return err_set(e, ENOMEM, "%s: out of memory", l->path);
	return 0;
}

/* ---- OCI layout ---- */

static int find_manifest(const struct layout *l, char digest[80], json_t **out, struct err *e)
{
	json_t AUTO_JSON *at = NULL;

	if (read_file_json(l, "index.json", &at, e) < 0)
		return -e->code;
	for (int depth = 0; depth < OCI_INDEX_DEPTH; depth++) {
		const json_t *chosen = oci_choose(l->path, at, e);
		struct oci_blob b = { 0 };
		json_t *next = NULL;

		if (!chosen || oci_descriptor(l->path, chosen, &b, e) < 0 ||
		    read_blob_json(l, &b, &next, e) < 0)
			return -e->code;
		(void)snprintf(digest, 80, "%s", b.digest);
		json_decref(at);
		at = next;
		if (!json_object_get(at, "manifests")) {
			*out = take_ptr(at);
			return 0;
		}
	}
	return err_set(e, ELOOP, "%s: indexes lead to indexes, more than %d deep", l->path,
		       OCI_INDEX_DEPTH);
}

/* What the configuration names by its digest needs no archive where the store has it. */
static bool is_there(const struct layout *l, const json_t *diff_id)
{
	char id[80];

	(void)snprintf(id, sizeof(id), "sha256-%s", oci_digest_hex(json_string_value(diff_id)));
	return layer_exists(l->s, id);
}

static int add_oci_layers(const struct layout *l, const json_t *layers, const json_t *ids,
			  struct err *e)
{
	const json_t *v;
	size_t i;

	json_array_foreach(layers, i, v) {
		const json_t *diff_id = json_array_get(ids, i);
		AUTO_CLOSE int fd = -1;
		struct oci_blob b = { 0 };

		if (oci_descriptor(l->path, v, &b, e) < 0 ||
		    oci_check_layer_type(l->path, v, b.digest, e) < 0 ||
		    (!is_there(l, diff_id) && open_blob(l, &b, &fd, e) < 0) ||
		    add_layer(l, fd, b.digest, diff_id, e) < 0)
			return -e->code;
	}
	return reverse_layers(l, e);
}

int oci_import(struct store *s, int dir, const char *path, struct image *out, struct err *e)
{
	const struct layout l = { s, dir, path, out };
	json_t AUTO_JSON *manifest = NULL, AUTO_JSON *config = NULL;
	const json_t *layers, *ids;
	struct oci_blob b = { 0 };
	char digest[80] = "";

	if (find_manifest(&l, digest, &manifest, e) < 0)
		return -e->code;
	layers = oci_array(path, manifest, "layers", e);
	if (!layers || oci_descriptor(path, json_object_get(manifest, "config"), &b, e) < 0 ||
	    read_blob_json(&l, &b, &config, e) < 0 || take_config(&l, config, e) < 0)
		return -e->code;
	ids = oci_diff_ids(path, config, json_array_size(layers), e);
	if (!ids)
		return -e->code;
	out->digest = strdup(digest);
	if (!out->digest)
		return err_set(e, ENOMEM, "%s: out of memory", path);
	return add_oci_layers(&l, layers, ids, e);
}

/* ---- docker save ---- */

/* Old versions wrote a repeated layer as a link "../HEX/layer.tar" to the first one. */
static int open_docker_layer(const struct layout *l, const char *file, int *out, struct err *e)
{
	AUTO_CLOSE int link = -1;
	char target[256];
	ssize_t n;
	int fd;

	if (layer_path_check(file, e) < 0)
		return err_wrap(e, "%s: layer", l->path);
	link = fd_open_beneath(l->dir, file, O_PATH | O_NOFOLLOW, 0, e);
	if (link < 0)
		return err_wrap(e, "%s: layer", l->path);
	n = readlinkat(link, "", target, sizeof(target) - 1);
	if (n > 3 && strncmp(target, "../", 3) == 0) {
		target[n] = '\0';
		file = target + 3;
	}
	fd = fd_open_beneath(l->dir, file, O_RDONLY, 0, e);
	if (fd < 0)
		return err_wrap(e, "%s: layer", l->path);
	*out = fd;
	return 0;
}

static int add_docker_layers(const struct layout *l, const json_t *layers, const json_t *ids,
			     struct err *e)
{
	const json_t *v;
	size_t i;

	json_array_foreach(layers, i, v) {
		const char *file = json_string_value(v);
		AUTO_CLOSE int fd = -1;

		if (!file)
			return err_set(e, EINVAL, "%s: 'Layers' holds something else than names",
				       l->path);
		if (open_docker_layer(l, file, &fd, e) < 0 ||
		    add_layer(l, fd, file, json_array_get(ids, i), e) < 0)
			return -e->code;
	}
	return reverse_layers(l, e);
}

/* The configuration is named by its own digest: "HEX.json" or "blobs/sha256/HEX". */
static int read_docker_config(const struct layout *l, const char *file, json_t **out, struct err *e)
{
	const char *base = strrchr(file, '/');
	AUTO_CLOSE int fd = -1;
	char hex[SHA256_HEX];

	base = base ? base + 1 : file;
	(void)snprintf(hex, sizeof(hex), "%.64s", base);
	if (strlen(hex) != 64 || !is_object_id(hex) ||
	    (base[64] && strcmp(base + 64, ".json") != 0))
		return err_set(e, EINVAL,
			       "%s: '%.100s' does not name a configuration by its digest", l->path,
			       file);
	if (layer_path_check(file, e) < 0)
		return err_wrap(e, "%s", l->path);
	fd = fd_open_beneath(l->dir, file, O_RDONLY, 0, e);
	if (fd < 0)
		return err_wrap(e, "%s", l->path);
	if (verify(l, fd, file, hex, e) < 0 || read_json(l, fd, file, out, e) < 0)
		return -e->code;
	if (asprintf(&l->out->digest, "sha256:%s", hex) < 0) {
		l->out->digest = NULL;
		return err_set(e, ENOMEM, "%s: out of memory", l->path);
	}
	return 0;
}

int docker_import(struct store *s, int dir, const char *path, struct image *out, struct err *e)
{
	const struct layout l = { s, dir, path, out };
	json_t AUTO_JSON *manifest = NULL, AUTO_JSON *config = NULL;
	const json_t *one, *layers, *ids;
	const char *file;

	if (read_file_json(&l, "manifest.json", &manifest, e) < 0)
		return -e->code;
	if (!json_is_array(manifest))
		return err_set(e, EINVAL, "%s: manifest.json is not what 'docker save' writes",
			       path);
	if (json_array_size(manifest) != 1)
		return err_set(e, EINVAL, "%s: holds %zu images; save one at a time", path,
			       json_array_size(manifest));
	one = json_array_get(manifest, 0);
	layers = oci_array(path, one, "Layers", e);
	file = layers ? oci_string(path, one, "Config", e) : NULL;
	if (!layers || !file || read_docker_config(&l, file, &config, e) < 0 ||
	    take_config(&l, config, e) < 0)
		return -e->code;
	ids = oci_diff_ids(path, config, json_array_size(layers), e);
	return ids ? add_docker_layers(&l, layers, ids, e) : -e->code;
}
