/* SPDX-License-Identifier: Apache-2.0 */
#include "images/oci.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "images/layer.h"
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
#define INDEX_DEPTH   4
#define LAYERS_MAX    500u
#define JSON_MAX      (4LL << 20)

struct blob {
	char digest[72]; /* "sha256:HEX" */
	json_int_t size;
};

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
	if (st.st_size > JSON_MAX)
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

/* NULL, and e filled, where the member is missing or is something else. */
static const char *want_string(const struct layout *l, const json_t *obj, const char *key,
			       struct err *e)
{
	const char *v = json_string_value(json_object_get(obj, key));

	if (!v)
		(void)err_set(e, EINVAL, "%s: '%s' is missing or is not a string", l->path, key);
	return v;
}

static const json_t *want_array(const struct layout *l, const json_t *obj, const char *key,
				struct err *e)
{
	const json_t *v = json_object_get(obj, key);

	if (json_is_array(v) && json_array_size(v) <= LAYERS_MAX)
		return v;
	(void)err_set(e, EINVAL, "%s: '%s' is missing, or not an array of at most %u", l->path, key,
		      LAYERS_MAX);
	return NULL;
}

/* "sha256:HEX" -> HEX */
static const char *digest_hex(const char *digest)
{
	const char *hex = strncmp(digest, "sha256:", 7) == 0 ? digest + 7 : "";

	return strlen(hex) == 64 && is_object_id(hex) ? hex : NULL;
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

static int read_descriptor(const struct layout *l, const json_t *obj, struct blob *out,
			   struct err *e)
{
	const json_t *size = json_object_get(obj, "size");
	const char *digest = want_string(l, obj, "digest", e);

	if (!digest)
		return -e->code;
	if (!digest_hex(digest))
		return err_set(e, EINVAL, "%s: '%.100s' is not a sha256 digest", l->path, digest);
	(void)snprintf(out->digest, sizeof(out->digest), "%s", digest);
	if (!json_is_integer(size) || json_integer_value(size) < 0)
		return err_set(e, EINVAL, "%s: '%s' has no size", l->path, out->digest);
	out->size = json_integer_value(size);
	return 0;
}

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

static int open_blob(const struct layout *l, const struct blob *b, int *out, struct err *e)
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

static int read_blob_json(const struct layout *l, const struct blob *b, json_t **out, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (open_blob(l, b, &fd, e) < 0)
		return -e->code;
	return read_json(l, fd, b->digest, out, e);
}

/* ---- configuration ---- */

static const char *host_architecture(void)
{
	static const struct {
		const char *machine, *oci;
	} row[] = { { "x86_64", "amd64" }, { "aarch64", "arm64" }, { "riscv64", "riscv64" } };
	struct utsname u;

	if (uname(&u) == 0)
		for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++)
			if (strcmp(u.machine, row[i].machine) == 0)
				return row[i].oci;
	return "unknown";
}

static int check_platform(const struct layout *l, const json_t *config, struct err *e)
{
	const char *arch = want_string(l, config, "architecture", e);
	const char *os = arch ? want_string(l, config, "os", e) : NULL;

	if (!arch || !os)
		return -e->code;
	if (strcmp(os, "linux") != 0 || strcmp(arch, host_architecture()) != 0)
		return err_set(e, ENOTSUP,
			       "%s: the image is for %.32s/%.32s, this host is linux/%s", l->path,
			       os, arch, host_architecture());
	return 0;
}

static int take_config(const struct layout *l, const json_t *config, struct err *e)
{
	const json_t *run = json_object_get(config, "config");

	if (check_platform(l, config, e) < 0 || take_strings(l, run, "Env", &l->out->env, e) < 0 ||
	    take_strings(l, run, "Entrypoint", &l->out->command, e) < 0 ||
	    take_strings(l, run, "Cmd", &l->out->command, e) < 0 ||
	    take_string(l, run, "User", &l->out->user, e) < 0)
		return -e->code;
	return take_string(l, run, "WorkingDir", &l->out->cwd, e);
}

/* The digests of the uncompressed layers, bottom first; as many as there are layers. */
static const json_t *diff_ids(const struct layout *l, const json_t *config, size_t layers,
			      struct err *e)
{
	const json_t *ids = want_array(l, json_object_get(config, "rootfs"), "diff_ids", e);
	const json_t *v;
	size_t i;

	if (!ids)
		return NULL;
	if (json_array_size(ids) != layers) {
		(void)err_set(e, EINVAL, "%s: %zu layers, but the configuration names %zu", l->path,
			      layers, json_array_size(ids));
		return NULL;
	}
	json_array_foreach(ids, i, v) {
		if (!json_is_string(v) || !digest_hex(json_string_value(v))) {
			(void)err_set(e, EINVAL, "%s: 'diff_ids' holds no sha256 digest", l->path);
			return NULL;
		}
	}
	return ids;
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
	if (import_layer(l->s, fd, name, digest_hex(json_string_value(diff_id)), id, e) < 0)
		return -e->code;
	if (strlist_add(&l->out->layers, id) < 0)
		return err_set(e, ENOMEM, "%s: out of memory", l->path);
	return 0;
}

/* ---- OCI layout ---- */

static bool fits_platform(const json_t *descriptor)
{
	const json_t *platform = json_object_get(descriptor, "platform");
	const char *arch = json_string_value(json_object_get(platform, "architecture"));
	const char *os = json_string_value(json_object_get(platform, "os"));

	return arch && os && strcmp(os, "linux") == 0 && strcmp(arch, host_architecture()) == 0;
}

/* Of several manifests, the one for this host; a single one is taken without asking. */
static const json_t *choose(const struct layout *l, const json_t *index, struct err *e)
{
	const json_t *list = want_array(l, index, "manifests", e);
	const json_t *v, *chosen = NULL;
	size_t i, fitting = 0;

	if (!list)
		return NULL;
	if (json_array_size(list) == 1)
		return json_array_get(list, 0);
	json_array_foreach(list, i, v) {
		if (fits_platform(v)) {
			fitting++;
			chosen = v;
		}
	}
	if (fitting == 1)
		return chosen;
	(void)err_set(e, EINVAL,
		      "%s: the index holds %zu images, %zu of them for linux/%s; want one", l->path,
		      json_array_size(list), fitting, host_architecture());
	return NULL;
}

static int find_manifest(const struct layout *l, char digest[80], json_t **out, struct err *e)
{
	json_t AUTO_JSON *at = NULL;

	if (read_file_json(l, "index.json", &at, e) < 0)
		return -e->code;
	for (int depth = 0; depth < INDEX_DEPTH; depth++) {
		const json_t *chosen = choose(l, at, e);
		struct blob b = { 0 };
		json_t *next = NULL;

		if (!chosen || read_descriptor(l, chosen, &b, e) < 0 ||
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
		       INDEX_DEPTH);
}

static int check_media_type(const struct layout *l, const json_t *layer, const char *digest,
			    struct err *e)
{
	static const char *const known[] = {
		"application/vnd.oci.image.layer.v1.tar",
		"application/vnd.oci.image.layer.v1.tar+gzip",
		"application/vnd.oci.image.layer.v1.tar+zstd",
		"application/vnd.docker.image.rootfs.diff.tar",
		"application/vnd.docker.image.rootfs.diff.tar.gzip",
		"application/vnd.docker.image.rootfs.diff.tar.zstd",
	};
	const char *type = want_string(l, layer, "mediaType", e);

	if (!type)
		return -e->code;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(type, known[i]) == 0)
			return 0;
	return err_set(e, ENOTSUP, "%s: %s: layers of type '%.100s' are not supported", l->path,
		       digest, type);
}

static int add_oci_layers(const struct layout *l, const json_t *layers, const json_t *ids,
			  struct err *e)
{
	const json_t *v;
	size_t i;

	json_array_foreach(layers, i, v) {
		AUTO_CLOSE int fd = -1;
		struct blob b = { 0 };

		if (read_descriptor(l, v, &b, e) < 0 || check_media_type(l, v, b.digest, e) < 0 ||
		    open_blob(l, &b, &fd, e) < 0 ||
		    add_layer(l, fd, b.digest, json_array_get(ids, i), e) < 0)
			return -e->code;
	}
	return reverse_layers(l, e);
}

int oci_import(struct store *s, int dir, const char *path, struct image *out, struct err *e)
{
	const struct layout l = { s, dir, path, out };
	json_t AUTO_JSON *manifest = NULL, AUTO_JSON *config = NULL;
	const json_t *layers, *ids;
	struct blob b = { 0 };
	char digest[80] = "";

	if (find_manifest(&l, digest, &manifest, e) < 0)
		return -e->code;
	layers = want_array(&l, manifest, "layers", e);
	if (!layers || read_descriptor(&l, json_object_get(manifest, "config"), &b, e) < 0 ||
	    read_blob_json(&l, &b, &config, e) < 0 || take_config(&l, config, e) < 0)
		return -e->code;
	ids = diff_ids(&l, config, json_array_size(layers), e);
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
	layers = want_array(&l, one, "Layers", e);
	file = layers ? want_string(&l, one, "Config", e) : NULL;
	if (!layers || !file || read_docker_config(&l, file, &config, e) < 0 ||
	    take_config(&l, config, e) < 0)
		return -e->code;
	ids = diff_ids(&l, config, json_array_size(layers), e);
	return ids ? add_docker_layers(&l, layers, ids, e) : -e->code;
}
