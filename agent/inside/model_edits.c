/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/inside/model_impl.h"
#include "runtime/base/id.h"

static struct gate_change *find(const struct edits *x, const char *path)
{
	for (size_t i = 0; i < x->n; i++)
		if (strcmp(x->v[i].path, path) == 0)
			return (struct gate_change *)(uintptr_t)&x->v[i];
	return NULL;
}

int edits_read(const struct edits *x, int dir, const char *path, struct buf *out, struct err *e)
{
	const struct gate_change *c = find(x, path);

	if (!path_is_clean(path))
		return err_set(e, EINVAL,
			       "'%.200s' is not a path within the repository: give one relative to "
			       "its root",
			       path);
	if (c && !c->content)
		return err_set(e, ENOENT, "'%.200s' is deleted by your changes", path);
	if (!c)
		return tools_read(dir, path, out, e);
	buf_puts(out, c->content);
	return buf_check(out, path, e);
}

static void drop(struct edits *x, struct gate_change *c)
{
	free(c->path);
	free(c->content);
	x->n--;
	memmove(c, c + 1, (x->n - (size_t)(c - x->v)) * sizeof(*c));
}

/* 1: the tree has the file like this already. */
static int same_as_tree(int dir, const struct gate_change *c)
{
	AUTO_BUF struct buf now = BUF_INIT(GATE_MAX_CONTENT + 1);
	struct err none = ERR_INIT;
	const int r = tools_read(dir, c->path, &now, &none);

	if (!c->content)
		return r == -ENOENT;
	return r == 0 && !c->executable && now.n == strlen(c->content) &&
	       memcmp(now.p ? now.p : "", c->content, now.n) == 0;
}

/* In the order of paths, so that the same changes are the same whatever order they were made in. */
static struct gate_change *place_for(struct edits *x, const char *path)
{
	size_t i = 0;

	while (i < x->n && strcmp(x->v[i].path, path) < 0)
		i++;
	memmove(&x->v[i + 1], &x->v[i], (x->n - i) * sizeof(x->v[0]));
	x->n++;
	return &x->v[i];
}

int edits_put(struct edits *x, int dir, const struct gate_change *change, struct err *e)
{
	struct gate_change *old = find(x, change->path);
	struct gate_change mine = { .executable = change->executable };

	x->generation++;
	if (old)
		drop(x, old);
	if (same_as_tree(dir, change))
		return 0;
	if (x->n == GATE_MAX_CHANGES)
		return err_set(e, E2BIG, "at most %d files may be changed", GATE_MAX_CHANGES);
	mine.path = strdup(change->path);
	mine.content = change->content ? strdup(change->content) : NULL;
	if (!mine.path || (change->content && !mine.content)) {
		free(mine.path);
		return err_set(e, ENOMEM, "out of memory");
	}
	*place_for(x, mine.path) = mine;
	return 0;
}

int edits_copy(const struct edits *from, struct edits *to, struct err *e)
{
	for (size_t i = 0; i < from->n; i++) {
		struct gate_change *c = &to->v[to->n++];
		const struct gate_change *f = &from->v[i];

		*c = (struct gate_change){ .path = strdup(f->path),
					   .content = f->content ? strdup(f->content) : NULL,
					   .executable = f->executable };
		if (!c->path || (f->content && !c->content))
			return err_set(e, ENOMEM, "out of memory");
	}
	to->generation = from->generation;
	return 0;
}

struct objlist edits_list(struct edits *x)
{
	return (struct objlist){ .v = x->v, .n = x->n };
}

void edits_release(struct edits *x)
{
	while (x->n)
		drop(x, &x->v[x->n - 1]);
}
