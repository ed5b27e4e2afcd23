/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "images/layer.h"
#include "images/store.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/jsonc.h"
#include "runtime/base/sys.h"

/* The records of images, and what is asked of them: find, list, inspect, remove. */
#define RECORD_MAX (1u << 20)
#define VERSION	   "sickbay.image/1"

struct record {
	char *version;
	struct image image;
};

#define FIELD(member, k, ...)                                                                  \
	{                                                                                      \
		.name = #member, .kind = (k), .offset = offsetof(struct record, image.member), \
		__VA_ARGS__                                                                    \
	}

static const struct jmap record_map[] = {
	{ .name = "format",
	  .kind = JMAP_STR,
	  .offset = offsetof(struct record, version),
	  .required = 1 },
	FIELD(name, JMAP_STR, .required = 1),
	FIELD(digest, JMAP_STR, .required = 1),
	FIELD(user, JMAP_STR),
	FIELD(cwd, JMAP_STR),
	FIELD(from, JMAP_STR),
	FIELD(revision, JMAP_STR, .max = IMAGE_LABEL_MAX),
	FIELD(version, JMAP_STR, .max = IMAGE_LABEL_MAX),
	FIELD(layers, JMAP_STRS, .required = 1),
	FIELD(env, JMAP_STRS, .max = 4096),
	FIELD(command, JMAP_STRS, .max = 4096),
	{ 0 },
};

void image_release(struct image *i)
{
	free(i->name);
	free(i->digest);
	free(i->user);
	free(i->cwd);
	free(i->from);
	free(i->revision);
	free(i->version);
	strlist_release(&i->layers);
	strlist_release(&i->env);
	strlist_release(&i->command);
	*i = (struct image){ 0 };
}

DEFINE_CLEANUP(struct jsonc, jsonc_free);

static int read_record(struct store *s, const char *file, struct image *out, struct err *e)
{
	struct jsonc CLEANUP(cleanup_jsonc_free) *text = NULL;
	struct buf AUTO_BUF data = BUF_INIT(RECORD_MAX);
	struct record r = { 0 };

	if (file_read_at(s->names, file, RECORD_MAX, &data, e) < 0 ||
	    jsonc_parse(file, data.p ? data.p : "", data.n, JSONC_STRICT, &text, e) < 0)
		return -e->code;
	if (jmap_read(record_map, jsonc_root(text), &r, "", e) < 0) {
		jmap_release(record_map, &r);
		return jsonc_locate(text, e);
	}
	if (strcmp(r.version, VERSION) != 0) {
		(void)err_set(e, EINVAL, "%s: format '%s' is not " VERSION, file, r.version);
		jmap_release(record_map, &r);
		return -e->code;
	}
	free(r.version);
	*out = r.image;
	return 0;
}

int image_record(struct store *s, const struct image *i, struct err *e)
{
	char version[] = VERSION, file[80];
	const struct record r = { .version = version, .image = *i };
	json_t AUTO_JSON *obj = jmap_write(record_map, &r);
	char AUTO_FREE *text = obj ? json_dumps(obj, JSON_INDENT(2)) : NULL;

	if (!text)
		return err_set(e, ENOMEM, "image '%s': out of memory", i->name);
	(void)snprintf(file, sizeof(file), "%s.json", i->name);
	return file_publish_at(s->names, file, text, strlen(text), 0600, e);
}

static int check_name(const char *name, struct err *e)
{
	if (!name_is_safe(name))
		return err_set(
			e, EINVAL,
			"'%.80s' cannot name an image: want a-z, 0-9, '.', '_', '-', at most 63",
			name);
	return 0;
}

int image_find(struct store *s, const char *name, struct image *out, struct err *e)
{
	char file[80];

	if (strcmp(name, "host") == 0)
		return hostroot_image(s, out, e);
	if (check_name(name, e) < 0)
		return -e->code;
	(void)snprintf(file, sizeof(file), "%s.json", name);
	if (read_record(s, file, out, e) == 0)
		return 0;
	if (e->code == ENOENT)
		return err_set(e, ENOENT, "there is no image '%s'; 'sickbay image list' shows them",
			       name);
	return err_wrap(e, "image '%s'", name);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int store_names(struct store *s, int parent, struct strlist *out, struct err *e)
{
	const int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR CLEANUP(cleanup_closedir) *dir = fd < 0 ? NULL : fdopendir(fd);
	struct strlist list = { 0 };

	if (!dir) {
		(void)err_sys(e, "image store '%s'", s->state);
		cleanup_close(&fd);
		return -e->code;
	}
	for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
		char *dot = strrchr(d->d_name, '.');

		if (d->d_name[0] == '.' || !dot || strcmp(dot, ".json") != 0)
			continue;
		*dot = '\0';
		if (strlist_add(&list, d->d_name) < 0) {
			strlist_release(&list);
			return err_set(e, ENOMEM, "image store: out of memory");
		}
	}
	if (list.n)
		qsort(list.v, list.n, sizeof(*list.v), compare_names);
	*out = list;
	return 0;
}

bool image_has_digest(const struct image *i, const char *digest)
{
	const char *asked = i->from ? strrchr(i->from, '@') : NULL;

	return strcmp(i->digest, digest) == 0 || (asked && strcmp(asked + 1, digest) == 0);
}

int image_of_digest(struct store *s, const char *digest, struct image *out, struct err *e)
{
	struct strlist names = { 0 };
	bool found = false;
	int r = store_names(s, s->names, &names, e);

	for (size_t i = 0; r == 0 && !found && i < names.n; i++) {
		if (strcmp(names.v[i], "host") == 0)
			continue;
		r = image_find(s, names.v[i], out, e);
		found = r == 0 && image_has_digest(out, digest);
		if (r == 0 && !found)
			image_release(out);
	}
	strlist_release(&names);
	if (r == 0 && !found)
		return err_set(e, ENOENT, "no image here is '%.80s'", digest);
	return r;
}

int image_inspect(struct store *s, const char *name, json_t **out, struct err *e)
{
	char version[] = VERSION;
	struct record r = { .version = version };
	json_t *obj;

	if (image_find(s, name, &r.image, e) < 0)
		return -e->code;
	obj = jmap_write(record_map, &r);
	image_release(&r.image);
	if (!obj)
		return err_set(e, ENOMEM, "image '%s': out of memory", name);
	*out = obj;
	return 0;
}

int image_list(struct store *s, json_t **out, struct err *e)
{
	json_t AUTO_JSON *list = json_array();
	struct strlist names = { 0 };
	json_t *one = NULL;
	int r;

	r = image_inspect(s, "host", &one, e);
	if (r == 0 && json_array_append_new(list, one) < 0)
		r = err_set(e, ENOMEM, "image store: out of memory");
	if (r == 0)
		r = store_names(s, s->names, &names, e);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		if (strcmp(names.v[i], "host") == 0)
			continue;
		r = image_inspect(s, names.v[i], &one, e);
		if (r == 0 && json_array_append_new(list, one) < 0)
			r = err_set(e, ENOMEM, "image store: out of memory");
	}
	strlist_release(&names);
	if (r == 0)
		*out = take_ptr(list);
	return r;
}

/* Renamed to a draft first: were this process killed, the next one sweeps the rest. */
int layer_remove(struct store *s, const char *id, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	char random[ID_LEN], name[40];

	if (layer_open(s, id, &fd, e) < 0)
		return -e->code;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, EBUSY, "layer '%s' is in use by a replica", id);
	id_random(random);
	(void)snprintf(name, sizeof(name), ".draft-%s", random);
	if (renameat(s->layers, id, s->layers, name) < 0)
		return err_sys(e, "layer '%s': remove", id);
	return tree_remove_at(s->layers, name, e);
}

/* Whether an image still lists the layer. */
static int layer_is_listed(struct store *s, const char *id, bool *listed, struct err *e)
{
	struct strlist names = { 0 };
	int r = store_names(s, s->names, &names, e);

	*listed = false;
	for (size_t i = 0; r == 0 && !*listed && i < names.n; i++) {
		struct image other = { 0 };
		char file[NAME_MAX + 8];

		if (strcmp(names.v[i], "host") == 0)
			continue;
		(void)snprintf(file, sizeof(file), "%s.json", names.v[i]);
		r = read_record(s, file, &other, e);
		if (r == 0)
			*listed = strlist_has(&other.layers, id);
		image_release(&other);
	}
	strlist_release(&names);
	return r;
}

static int remove_unlisted(struct store *s, const struct image *i, struct err *e)
{
	for (size_t l = 0; l < i->layers.n; l++) {
		bool listed;

		if (layer_is_listed(s, i->layers.v[l], &listed, e) < 0)
			return -e->code;
		if (!listed && layer_exists(s, i->layers.v[l]) &&
		    layer_remove(s, i->layers.v[l], e) < 0)
			return -e->code;
	}
	return 0;
}

/* A layer in use stays, and so does the image then: nothing is half removed. */
static int refuse_in_use(struct store *s, const struct image *i, struct err *e)
{
	for (size_t l = 0; l < i->layers.n; l++) {
		AUTO_CLOSE int fd = -1;

		if (layer_open(s, i->layers.v[l], &fd, e) < 0 && e->code != ENOENT)
			return -e->code;
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
			return err_set(e, EBUSY, "image '%s' is in use by a replica", i->name);
	}
	return 0;
}

static int remove_prepared(struct store *s, const char *id, struct err *e)
{
	char file[96];

	if (layer_remove(s, id, e) < 0)
		return -e->code;
	(void)snprintf(file, sizeof(file), "%s.json", id);
	if (unlinkat(s->records, file, 0) < 0 && errno != ENOENT)
		return err_sys(e, "layer '%s': remove its record", id);
	return 0;
}

int image_remove(struct store *s, const char *name, struct err *e)
{
	struct image i = { 0 };
	char file[80];
	int r;

	if (strcmp(name, "host") == 0)
		return err_set(e, EPERM, "the image 'host' is built in and cannot be removed");
	if (strncmp(name, "sha256-", 7) == 0)
		return remove_prepared(s, name, e);
	if (image_find(s, name, &i, e) < 0)
		return -e->code;
	(void)snprintf(file, sizeof(file), "%s.json", name);
	r = refuse_in_use(s, &i, e);
	if (r == 0 && unlinkat(s->names, file, 0) < 0)
		r = err_sys(e, "image '%s': remove", name);
	if (r == 0)
		r = remove_unlisted(s, &i, e);
	image_release(&i);
	return r;
}
