/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/host/case/git_impl.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"

/* What lies between the deployed commit and the head, and bringing a change from one to the other.
 */

static int read_line(struct git *g, const char *range, size_t max, struct strlist *out,
		     struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(1u << 20);
	char count[32], *save = NULL;
	const struct git_run with = { .args = { "rev-list", "--first-parent", "--reverse", count,
						"--end-of-options", range },
				      .max = 1u << 20 };
	int status;

	(void)snprintf(count, sizeof(count), "--max-count=%zu", max);
	status = git_status(g, &with, &text, e);
	if (status != 0)
		return status < 0 ? status
				  : err_set(e, EIO, "git rev-list failed with status %d", status);
	for (char *s = text.n ? strtok_r(text.p, "\n", &save) : NULL; s;
	     s = strtok_r(NULL, "\n", &save))
		if (!is_object_id(s) || strlist_add(out, s) < 0)
			return err_set(e, ENOMEM, "git rev-list: out of memory");
	return 0;
}

/* Whoever merged the deployed commit has it from then on: the ones before come away. */
static int drop_strangers(struct git *g, const char *from, struct strlist *line, struct err *e)
{
	size_t low = 0, high = line->n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int r = git_is_ancestor(g, from, line->v[middle], e);

		if (r < 0)
			return r;
		if (r)
			high = middle;
		else
			low = middle + 1;
	}
	for (size_t i = 0; i < low; i++)
		free(line->v[i]);
	if (low)
		memmove(line->v, line->v + low, (line->n - low + 1) * sizeof(*line->v));
	line->n -= low;
	return 0;
}

int git_line(struct git *g, const char *from, const char *of, size_t max, struct strlist *out,
	     bool *more, struct err *e)
{
	struct strlist line = { 0 };
	char range[160];
	int r;

	*more = false;
	(void)snprintf(range, sizeof(range), "%s..%s", from, of);
	r = read_line(g, range, max + 1, &line, e);
	if (r == 0 && line.n > max) {
		*more = true;
		strlist_release(&line);
		line = (struct strlist){ 0 };
	}
	if (r == 0 && line.n)
		r = drop_strangers(g, from, &line, e);
	if (r < 0) {
		strlist_release(&line);
		return r;
	}
	*out = line;
	return 0;
}

/* ---- merging texts ---- */

static int put_text(const char *dir, const char *name, const struct git_text *t, struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int fd = -1;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return err_set(e, ENOMEM, "out of memory");
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(e, "make '%s'", path);
	return t->n ? fd_write_all(fd, t->p, t->n, path, e) : 0;
}

static int merge_in(struct git *g, const char *dir, struct buf *out, struct err *e)
{
	const struct git_run with = { .args = { "merge-file", "-p", "-q", "ours", "was", "theirs" },
				      .cwd = dir };
	const int status = git_status(g, &with, out, e);

	if (status < 0)
		return status;
	return status ==
	       0; /* else the number of overlaps, or 255: a text that is not one of lines */
}

static bool is_text(const struct git_text *t)
{
	return t->n == 0 || !memchr(t->p, '\0', t->n);
}

int git_merge_text(struct git *g, const struct git_merge *m, struct buf *out, struct err *e)
{
	AUTO_FREE char *dir = NULL;
	AUTO_CLOSE int at = fd_open_dir(m->scratch, e);
	struct err ignored = ERR_INIT;
	int r;

	if (at < 0)
		return at;
	if (!is_text(&m->ours) || !is_text(&m->was) || !is_text(&m->theirs))
		return 0;
	if (asprintf(&dir, "%s/merge", m->scratch) < 0)
		return err_set(e, ENOMEM, "out of memory");
	r = dir_make(dir, 0700, e);
	if (r == 0)
		r = put_text(dir, "ours", &m->ours, e);
	if (r == 0)
		r = put_text(dir, "was", &m->was, e);
	if (r == 0)
		r = put_text(dir, "theirs", &m->theirs, e);
	if (r == 0)
		r = merge_in(g, dir, out, e);
	if (tree_remove_at(at, "merge", &ignored) < 0 && r >= 0)
		r = err_set(e, ignored.code, "%s", ignored.msg);
	return r;
}
