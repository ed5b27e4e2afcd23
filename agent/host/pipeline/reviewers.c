/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/pipeline/reviewers.h"

#include <string.h>

#include "runtime/base/log.h"
#include "runtime/proto/decode.h"

struct owners {
	struct strlist v;
};

struct reading {
	const struct git_tree *file;
	json_t *options;
	struct owners found;
};

static const struct jmap owners_map[] = {
	{ .name = "owners",
	  .kind = JMAP_STRS,
	  .offset = offsetof(struct owners, v),
	  .required = 1,
	  .max = 20 },
	{ 0 },
};

/* Paths of the patch, from the top of the repository. */
static json_t *touched(const struct work *w, const struct changes *patch)
{
	const char *root = w->p->service->repository.root;
	json_t *paths = json_array();

	for (size_t i = 0; paths && i < patch->n; i++)
		(void)json_array_append_new(
			paths, root && *root ? json_sprintf("%s/%s", root, patch->v[i].path)
					     : json_string(patch->v[i].path));
	return json_pack("{s:o}", "paths", paths);
}

/* Where forges look, in their order. */
static const struct git_entry *find(const struct git_tree *t)
{
	static const char *const places[] = { ".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS",
					      ".gitlab/CODEOWNERS" };

	for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++)
		for (size_t i = 0; i < t->n; i++)
			if ((t->v[i].mode & 0170000) == 0100000 &&
			    strcmp(t->v[i].path, places[k]) == 0)
				return &t->v[i];
	return NULL;
}

static int read_file(void *ctx, size_t index, const char *data, size_t n, struct err *e)
{
	struct reading *r = ctx;
	AUTO_JSON json_t *v = NULL;
	struct err why = ERR_INIT;

	if (decode_text(DECODE_OWNERS, data, n, r->file->v[index].path, r->options, &v, &why) < 0) {
		log_warn("no reviewers are asked: %s", why.msg);
		return 0;
	}
	return jmap_read(owners_map, v, &r->found, "", e);
}

int reviewers_find(struct work *w, const struct proposal *p, struct strlist *out, struct err *e)
{
	AUTO_JSON json_t *options = touched(w, &p->patch);
	struct git_tree all = { 0 }, one = { .n = 1 };
	struct reading reading = { .file = &one, .options = options };
	const struct git_entry *file;
	struct git_entry own;
	int r;

	if (w->p->service->forge.reviewers.n)
		return 0;
	r = options ? git_tree_read(w->world.git, w->base, "", &all, e)
		    : err_set(e, ENOMEM, "out of memory");
	file = r == 0 ? find(&all) : NULL;
	if (file) {
		own = *file;
		one.v = &own;
		r = git_blobs(w->world.git, &one, read_file, &reading, e);
	}
	git_tree_release(&all);
	*out = reading.found.v;
	return r;
}
