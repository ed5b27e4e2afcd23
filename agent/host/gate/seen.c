/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/gate/seen.h"

#include <stdlib.h>
#include <string.h>

/* Masked values never enter the agent's replica: the files lie over the source as edited copies. */

#define MASKED_MAX (16u << 20)

struct masking {
	const struct policy *policy;
	const struct git_tree *tree; /* of the files that a mask names */
	struct changes *out;
};

static char *copy(const char *data, size_t n)
{
	char *p = malloc(n + 1);

	if (!p)
		return NULL;
	memcpy(p, data ? data : "", n);
	p[n] = '\0';
	return p;
}

static int put(struct changes *to, const struct change *from, struct err *e)
{
	AUTO_FREE char *path = strdup(from->path);
	AUTO_FREE char *before = from->old_data ? copy(from->old_data, from->old_len) : NULL;
	AUTO_FREE char *after = from->new_data ? copy(from->new_data, from->new_len) : NULL;
	struct change ch = *from;

	if (!path || (from->old_data && !before) || (from->new_data && !after))
		return err_set(e, ENOMEM, "out of memory");
	ch.path = path;
	ch.old_data = before;
	ch.new_data = after;
	if (changes_put(to, &ch) < 0)
		return err_set(e, ENOMEM, "out of memory");
	path = before = after = NULL; /* the set has them now */
	return 0;
}

static int mask_one(void *ctx, size_t index, const char *data, size_t n, struct err *e)
{
	const struct masking *m = ctx;
	const struct git_entry *const entry = &m->tree->v[index];
	const int type = entry->mode == 0100755 ? CHANGE_EXECUTABLE : CHANGE_FILE;
	AUTO_BUF struct buf text = BUF_INIT(MASKED_MAX);
	struct change ch = { .path = entry->path, .kind = CHANGE_MODIFY, .type = type };
	bool hit = false;
	int r;

	buf_put(&text, data, n);
	r = buf_check(&text, entry->path, e);
	if (r == 0)
		r = policy_mask(m->policy, entry->path, &text, &hit, e);
	if (r < 0 || !hit)
		return r;
	ch.old_type = type;
	ch.old_data = (char *)(uintptr_t)data;
	ch.old_len = n;
	ch.new_data = text.p;
	ch.new_len = text.n;
	return put(m->out, &ch, e);
}

/* Files only, in place: what no mask names is dropped from the list. */
static void keep_masked(const struct policy *p, struct git_tree *t)
{
	size_t k = 0;

	for (size_t i = 0; i < t->n; i++)
		if ((t->v[i].mode & 0170000) == 0100000 && policy_masks(p, t->v[i].path))
			t->v[k++] = t->v[i];
	t->n = k;
}

int seen_masked(struct git *g, const char *commit, const char *root, const struct policy *p,
		struct changes *out, struct err *e)
{
	struct git_tree tree = { 0 };
	struct masking m = { .policy = p, .tree = &tree, .out = out };
	int r;

	if (!policy_masks(p, NULL))
		return 0;
	r = git_tree_read(g, commit, root, &tree, e);
	if (r == 0) {
		keep_masked(p, &tree);
		r = tree.n ? git_blobs(g, &tree, mask_one, &m, e) : 0;
	}
	git_tree_release(&tree);
	return r;
}

int seen_by_agent(const struct gate_session *s, struct changes *out, struct err *e)
{
	const struct world *const w = s->world;
	int r = seen_masked(w->git, w->side[SIDE_BASE].source.commit, w->service->repository.root,
			    w->policy[s->role], out, e);

	for (size_t i = 0; r == 0 && s->test && i < s->test->n; i++)
		r = put(out, &s->test->v[i], e);
	if (r < 0)
		changes_release(out);
	return r;
}
