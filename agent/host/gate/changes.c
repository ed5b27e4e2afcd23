/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/gate/gate.h"
#include "runtime/base/id.h"
#include "runtime/proto/gate.h"

#define CHANGES_MAX 256

static int fill_old(struct world *w, int side, struct change *ch, struct err *e)
{
	AUTO_BUF struct buf old = BUF_INIT(0);
	struct err none = ERR_INIT;
	const int r = source_read_file(w->store, &w->side[side].source, w->service->run.cwd,
				       ch->path, &old, &none);

	ch->old_type = -1;
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return err_set(e, -r, "%s", none.msg);
	ch->old_type = CHANGE_FILE;
	ch->old_len = old.n;
	ch->old_data = buf_take(&old);
	return ch->old_data ? 0 : err_set(e, ENOMEM, "out of memory");
}

static int fill(struct world *w, int side, const struct gate_change *from, struct change *ch,
		struct err *e)
{
	int r;

	if (!path_is_clean(from->path))
		return err_set(e, EINVAL, "path '%.200s' is refused", from->path);
	ch->path = strdup(from->path);
	if (!ch->path)
		return err_set(e, ENOMEM, "out of memory");
	r = fill_old(w, side, ch, e);
	if (r < 0)
		return r;
	ch->type = from->executable ? CHANGE_EXECUTABLE : CHANGE_FILE;
	if (!from->content) {
		ch->kind = CHANGE_DELETE;
		return ch->old_data ? 0
				    : err_set(e, ENOENT, "'%.200s' is not there to be deleted",
					      from->path);
	}
	ch->kind = ch->old_data ? CHANGE_MODIFY : CHANGE_ADD;
	ch->new_len = strlen(from->content);
	ch->new_data = strdup(from->content);
	return ch->new_data ? 0 : err_set(e, ENOMEM, "out of memory");
}

int gate_changes(struct world *w, int side, const struct objlist *from, struct changes *out,
		 struct err *e)
{
	const struct gate_change *v = from->v;
	struct changes made = { 0 };
	int r = 0;

	if (from->n > CHANGES_MAX)
		return err_set(e, E2BIG, "%zu changed files, at most %d", from->n, CHANGES_MAX);
	for (size_t i = 0; r == 0 && i < from->n; i++) {
		struct change ch = { 0 };

		r = fill(w, side, &v[i], &ch, e);
		if (r == 0 && changes_put(&made, &ch) < 0)
			r = err_set(e, ENOMEM, "out of memory");
		if (r < 0) {
			free(ch.path);
			free(ch.old_data);
			free(ch.new_data);
		}
	}
	if (r < 0) {
		changes_release(&made);
		return r;
	}
	*out = made;
	return 0;
}

int gate_match(const struct incident *want, const struct test_report *r, struct coordinate *seen)
{
	return match_compare(&want->coordinate, &r->chain, seen);
}
