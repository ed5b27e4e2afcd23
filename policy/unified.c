/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "policy/change.h"
#include "policy/diff.h"

/* The text that `git apply` and `git am` read. */

#define CONTEXT 3

/* A path as git quotes it: in double quotes where it has a byte that would end the line or the
 * name. */
static void put_path(struct buf *out, const char *prefix, const char *path)
{
	if (!path[strcspn(path, "\"\\")]) {
		const char *c = path;

		while ((unsigned char)*c >= 0x20 && *c != 0x7f)
			c++;
		if (!*c) {
			buf_printf(out, "%s%s", prefix, path);
			return;
		}
	}
	buf_printf(out, "\"%s", prefix);
	for (; *path; path++) {
		if (*path == '"' || *path == '\\')
			buf_printf(out, "\\%c", *path);
		else if ((unsigned char)*path < 0x20 || *path == 0x7f)
			buf_printf(out, "\\%03o", (unsigned char)*path);
		else
			buf_putc(out, *path);
	}
	buf_putc(out, '"');
}

/* "--- a/x" and "+++ b/x"; a tab ends a name with a blank in it. */
static void put_name(struct buf *out, const char *mark, const char *prefix, const char *path)
{
	buf_puts(out, mark);
	put_path(out, prefix, path);
	buf_puts(out, strchr(path, ' ') ? "\t\n" : "\n");
}

static void put_line(struct buf *out, char mark, const struct line *l)
{
	buf_putc(out, mark);
	buf_put(out, l->p, l->n);
	if (l->n == 0 || l->p[l->n - 1] != '\n')
		buf_puts(out, "\n\\ No newline at end of file\n");
}

struct hunk {
	size_t a, b, a_end, b_end; /* lines, from 0 */
};

/* The next group of edits with its context; false at the end.  *i, *k: the first lines not yet
 * shown. */
static bool next_hunk(const struct diff *d, size_t *i, size_t *k, struct hunk *h)
{
	size_t quiet = 0, x = *i, y = *k;

	while (x < d->na && y < d->nb && !d->removed[x] && !d->added[y]) {
		x++;
		y++;
	}
	if (x == d->na && y == d->nb)
		return false;
	h->a = x - *i > CONTEXT ? x - CONTEXT : *i;
	h->b = y - (x - h->a);
	while (x < d->na || y < d->nb) {
		if (x < d->na && d->removed[x]) {
			x++;
			quiet = 0;
		} else if (y < d->nb && d->added[y]) {
			y++;
			quiet = 0;
		} else if (quiet == 2 * CONTEXT) {
			break;
		} else {
			x++;
			y++;
			quiet++;
		}
	}
	if (quiet > CONTEXT) {
		x -= quiet - CONTEXT;
		y -= quiet - CONTEXT;
	}
	h->a_end = *i = x;
	h->b_end = *k = y;
	return true;
}

static void put_range(struct buf *out, char mark, size_t from, size_t to)
{
	const size_t n = to - from;

	buf_printf(out, "%c%zu", mark, n ? from + 1 : from);
	if (n != 1)
		buf_printf(out, ",%zu", n);
}

static void put_hunk(struct buf *out, const struct diff *d, const struct hunk *h)
{
	size_t x = h->a, y = h->b;

	buf_puts(out, "@@ ");
	put_range(out, '-', h->a, h->a_end);
	buf_putc(out, ' ');
	put_range(out, '+', h->b, h->b_end);
	buf_puts(out, " @@\n");
	while (x < h->a_end || y < h->b_end) {
		if (x < h->a_end && d->removed[x]) {
			put_line(out, '-', &d->a[x++]);
		} else if (y < h->b_end && d->added[y]) {
			put_line(out, '+', &d->b[y++]);
		} else {
			put_line(out, ' ', &d->a[x++]);
			y++;
		}
	}
}

static const char *mode_of(int type)
{
	switch (type) {
	case CHANGE_EXECUTABLE:
		return "100755";
	case CHANGE_SYMLINK:
		return "120000";
	default:
		return "100644";
	}
}

/* One side of a file: what stood there, or what will. */
struct side {
	const char *data;
	size_t n;
	int type; /* -1: nothing */
};

static int put_one(struct buf *out, const char *path, const struct side *a, const struct side *b,
		   struct err *e)
{
	struct hunk h;
	struct diff d;
	size_t i = 0, k = 0;
	int r = diff_lines(a->data, a->n, b->data, b->n, &d, e);

	if (r < 0)
		return r;
	buf_puts(out, "diff --git ");
	put_path(out, "a/", path);
	buf_putc(out, ' ');
	put_path(out, "b/", path);
	buf_putc(out, '\n');
	if (a->type < 0)
		buf_printf(out, "new file mode %s\n", mode_of(b->type));
	else if (b->type < 0)
		buf_printf(out, "deleted file mode %s\n", mode_of(a->type));
	else if (a->type != b->type)
		buf_printf(out, "old mode %s\nnew mode %s\n", mode_of(a->type), mode_of(b->type));
	for (bool first = true; next_hunk(&d, &i, &k, &h); first = false) {
		if (first && a->type < 0)
			buf_puts(out, "--- /dev/null\n");
		else if (first)
			put_name(out, "--- ", "a/", path);
		if (first && b->type < 0)
			buf_puts(out, "+++ /dev/null\n");
		else if (first)
			put_name(out, "+++ ", "b/", path);
		put_hunk(out, &d, &h);
	}
	diff_release(&d);
	return 0;
}

static bool is_text(const struct change *ch)
{
	return !(ch->old_data && memchr(ch->old_data, 0, ch->old_len)) &&
	       !(ch->new_data && memchr(ch->new_data, 0, ch->new_len));
}

static int put_change(const struct change *ch, struct buf *out, struct err *e)
{
	const struct side none = { .type = -1 };
	const struct side a = { ch->old_data, ch->old_len,
				ch->kind == CHANGE_ADD ? -1 : ch->old_type };
	const struct side b = { ch->new_data, ch->new_len,
				ch->kind == CHANGE_DELETE ? -1 : ch->type };
	const bool link = a.type == CHANGE_SYMLINK, becomes_link = b.type == CHANGE_SYMLINK;
	int r;

	if (a.type == CHANGE_OTHER || b.type == CHANGE_OTHER)
		return err_set(e, EINVAL, "'%s': neither a file nor a link", ch->path);
	if (!is_text(ch))
		return err_set(e, EINVAL, "'%s': a binary file has no text form of its change",
			       ch->path);
	if (a.type < 0 || b.type < 0 || link == becomes_link)
		return put_one(out, ch->path, &a, &b, e);
	/* What changes between file and link is deleted and made anew: git knows no other form. */
	r = put_one(out, ch->path, &a, &none, e);
	return r < 0 ? r : put_one(out, ch->path, &none, &b, e);
}

int changes_unified(const struct changes *c, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < c->n; i++) {
		const int r = put_change(&c->v[i], out, e);

		if (r < 0)
			return r;
	}
	return buf_check(out, "patch", e);
}
