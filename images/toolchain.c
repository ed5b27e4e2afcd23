/* SPDX-License-Identifier: Apache-2.0 */
#include "images/toolchain.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "images/fetch.h"
#include "runtime/base/buf.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/jsonc.h"
#include "runtime/base/log.h"
#include "runtime/proto/audit.h"

/*
 * `image prepare`: recipe -> key -> layer.  The key is the digest of the recipe,
 * of every file it names and of the image it is for; a layer of this key is
 * taken as it is, so a second run needs neither network nor time.
 */
#define FORMAT	   "sickbay.toolchain/1"
#define FILE_MAX   (64u << 20)
#define RECORD_MAX (1u << 20)

static int toolchain_key(const struct recipe *r, const struct image *i, char id[80], struct err *e)
{
	uint8_t digest[SHA256_LEN];
	char hex[SHA256_HEX];
	struct sha256 h;

	sha256_init(&h);
	sha256_update(&h, FORMAT, sizeof(FORMAT));
	sha256_update(&h, i->digest, strlen(i->digest) + 1);
	if (recipe_digest(r, &h, e) < 0)
		return -e->code;
	sha256_final(&h, digest);
	sha256_hex(digest, hex);
	(void)snprintf(id, 80, "sha256-%s", hex);
	return 0;
}

int files_prepare(const struct preparing *p, struct err *e)
{
	const struct recipe_file *f = p->recipe->files.v;

	for (size_t i = 0; i < p->recipe->files.n; i++) {
		AUTO_CLOSE int fd = recipe_open(p->recipe, f[i].from, e);
		struct buf AUTO_BUF data = BUF_INIT(FILE_MAX);

		if (fd < 0 || fd_read_all(fd, FILE_MAX, f[i].from, &data, e) < 0 ||
		    layer_put_file(p->draft.dir, recipe_place(f[i].to), data.p ? data.p : "",
				   data.n, f[i].executable ? 0755 : 0644, 0, 0, e) < 0)
			return -e->code;
	}
	return 0;
}

static int make_cache(struct preparing *p, const char *fetcher, struct err *e)
{
	AUTO_CLOSE int state = fd_open_dir(store_state(p->store), e);
	char path[32];

	(void)snprintf(path, sizeof(path), "cache/%s", fetcher);
	if (state < 0 || dir_make_at(state, "cache", 0700, e) < 0 || fetch_own(state, path, e) < 0)
		return -e->code;
	(void)snprintf(p->cache, sizeof(p->cache), "%s/%s", store_state(p->store), path);
	return 0;
}

static int effect(const struct preparing *p, const char *type, const char *key, const char *value,
		  struct err *e)
{
	return audit_commit(p->audit, type,
			    json_pack("{s:s,s:s,s:s,s:s}", "recipe", p->recipe->name, "image",
				      p->image->name, "layer", p->draft.id, key, value),
			    e);
}

/* A fresh scratch directory for each fetcher; an abandoned one is swept like any draft. */
static int with_scratch(struct preparing *p, const char *fetcher,
			int (*step)(const struct preparing *, struct err *), struct err *e)
{
	int r = make_cache(p, fetcher, e);

	if (r == 0)
		r = effect(p, "image.fetch", "fetcher", fetcher, e);
	if (r == 0)
		r = layer_begin(p->store, NULL, &p->scratch, e);
	if (r == 0 && fchown(p->scratch.dir, FETCH_UID, FETCH_UID) < 0)
		r = err_sys(e, "scratch directory: give to the fetcher");
	if (r == 0)
		r = step(p, e);
	layer_drop(p->store, &p->scratch);
	return r;
}

static int fill(struct preparing *p, struct err *e)
{
	const struct recipe *r = p->recipe;

	if (r->has_debian && with_scratch(p, "apt", debian_prepare, e) < 0)
		return -e->code;
	if (r->has_npm && with_scratch(p, "npm", npm_prepare, e) < 0)
		return -e->code;
	if (files_prepare(p, e) < 0)
		return -e->code;
	if (r->has_build && effect(p, "replica.start", "purpose", "prepare", e) < 0)
		return -e->code;
	return r->has_build ? build_prepare(p, e) : 0;
}

static int write_record(const struct preparing *p, struct err *e)
{
	json_t AUTO_JSON *obj =
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:O}", "format", FORMAT, "layer", p->draft.id,
			  "name", p->recipe->name, "image", p->image->name, "image_digest",
			  p->image->digest, "packages", p->packages);
	char AUTO_FREE *text = obj ? json_dumps(obj, JSON_INDENT(2)) : NULL;
	char file[96];

	if (!text)
		return err_set(e, ENOMEM, "recipe '%s': out of memory", p->recipe->name);
	(void)snprintf(file, sizeof(file), "%s.json", p->draft.id);
	return file_publish_at(p->store->records, file, text, strlen(text), 0600, e);
}

static int make(struct store *s, struct audit *audit, const struct recipe *r, const struct image *i,
		const char *id, struct err *e)
{
	json_t AUTO_JSON *packages = json_array();
	struct preparing p = { .store = s,
			       .audit = audit,
			       .recipe = r,
			       .image = i,
			       .packages = packages,
			       .draft = { .dir = -1 },
			       .scratch = { .dir = -1 } };
	int status;

	if (!packages)
		return err_set(e, ENOMEM, "out of memory");
	if (layer_begin(s, id, &p.draft, e) < 0)
		return -e->code;
	status = fill(&p, e);
	if (status == 0)
		status = write_record(&p, e);
	if (status == 0)
		status = effect(&p, "image.publish", "name", r->name, e);
	if (status == 0)
		status = layer_publish(s, &p.draft, e);
	layer_drop(s, &p.draft);
	return status;
}

int toolchain_prepare(struct store *s, struct audit *audit, const char *recipe_path, char id[80],
		      struct err *e)
{
	struct recipe r = { .dir = -1 };
	struct image i = { 0 };
	char key[80];
	int status;

	if (recipe_read(recipe_path, &r, e) < 0)
		return -e->code;
	status = image_find(s, r.image, &i, e);
	if (status == 0)
		status = toolchain_key(&r, &i, key, e);
	if (status == 0 && !layer_exists(s, key))
		status = make(s, audit, &r, &i, key, e);
	log_progress_end();
	if (status == 0)
		(void)snprintf(id, 80, "%s", key);
	else
		(void)err_wrap(e, "recipe '%s'", r.name);
	image_release(&i);
	recipe_release(&r);
	return status;
}

DEFINE_CLEANUP(struct jsonc, jsonc_free);

int toolchain_inspect(struct store *s, const char *id, json_t **out, struct err *e)
{
	struct jsonc CLEANUP(cleanup_jsonc_free) *text = NULL;
	struct buf AUTO_BUF data = BUF_INIT(RECORD_MAX);
	char file[96];

	if (!layer_exists(s, id))
		return err_set(e, ENOENT, "layer '%.80s': there is none in '%s'", id, s->state);
	(void)snprintf(file, sizeof(file), "%s.json", id);
	if (file_read_at(s->records, file, RECORD_MAX, &data, e) < 0 ||
	    jsonc_parse(file, data.p ? data.p : "", data.n, JSONC_STRICT, &text, e) < 0)
		return err_wrap(e, "layer '%s'", id);
	*out = json_deep_copy(jsonc_root(text));
	return *out ? 0 : err_set(e, ENOMEM, "layer '%s': out of memory", id);
}

/* A record whose layer is gone says nothing any more. */
int toolchain_list(struct store *s, json_t **out, struct err *e)
{
	json_t AUTO_JSON *list = json_array();
	struct strlist ids = { 0 };
	int r = store_names(s, s->records, &ids, e);

	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		json_t *one = NULL;

		if (!layer_exists(s, ids.v[i]))
			continue;
		r = toolchain_inspect(s, ids.v[i], &one, e);
		if (r == 0 && json_array_append_new(list, one) < 0)
			r = err_set(e, ENOMEM, "image store: out of memory");
	}
	strlist_release(&ids);
	if (r == 0)
		*out = take_ptr(list);
	return r;
}
