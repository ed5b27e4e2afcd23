/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/pr/html.h"

/*
 * A difference as `git apply` reads it, with the numbers of its lines beside it.  The numbers are
 * no text of the page: what is copied from it still applies.
 */
#define DIFF_BYTES (64u << 20)
#define DIFF_LINES 4000
#define LINE_BYTES 2000

struct place {
	long before, after;	      /* the numbers of the next line */
	long left_before, left_after; /* lines that the group still has */
};

/* "@@ -6,7 +6,9 @@": where the group begins, and how long it is; a length of 1 is left out. */
static bool begins_group(const char *line, struct place *at)
{
	char *end;

	if (strncmp(line, "@@ -", 4) != 0)
		return false;
	at->before = strtol(line + 4, &end, 10);
	at->left_before = *end == ',' ? strtol(end + 1, &end, 10) : 1;
	if (strncmp(end, " +", 2) != 0)
		return false;
	at->after = strtol(end + 2, &end, 10);
	at->left_after = *end == ',' ? strtol(end + 1, &end, 10) : 1;
	return true;
}

static void number(long n, char out[24])
{
	if (n > 0)
		(void)snprintf(out, 24, "%ld", n);
	else
		out[0] = '\0';
}

/* A line of the code: which kind says its first byte, not what follows it. */
static void code_line(struct buf *b, const char *line, size_t n, struct place *at)
{
	const bool added = *line == '+', removed = *line == '-';
	char before[24], after[24], both[52];

	number(added ? 0 : at->before, before);
	number(removed ? 0 : at->after, after);
	(void)snprintf(both, sizeof(both), "%5s %5s ", before, after);
	html(b, "<span class=\"%s\" data-l=\"%s\">", added ? "add" : removed ? "del" : "ctx", both);
	html_cut(b, line, n, LINE_BYTES);
	html(b, "</span>\n");
	at->before += !added;
	at->left_before -= !added;
	at->after += !removed;
	at->left_after -= !removed;
}

static void head_line(struct buf *b, const char *line, size_t n)
{
	const bool file = strncmp(line, "--- ", 4) == 0 || strncmp(line, "+++ ", 4) == 0;

	html(b, "<span class=\"%s\">", file ? "file" : "meta");
	html_cut(b, line, n, LINE_BYTES);
	html(b, "</span>\n");
}

/* Of one file; *shown: how many lines there were before it, and are now. */
static void lines(struct buf *b, const struct buf *diff, size_t *shown)
{
	const char *const end = diff->p + diff->n;
	struct place at = { 0 };

	for (const char *p = diff->p; p < end;) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		const size_t n = (size_t)((stop ? stop : end) - p);

		if ((*shown)++ >= DIFF_LINES) {
			/* counted only */
		} else if ((at.left_before > 0 || at.left_after > 0) && *p != '\\') {
			code_line(b, p, n, &at);
		} else if (begins_group(p, &at)) {
			html(b, "<span class=\"hunk\">");
			html_cut(b, p, n, LINE_BYTES);
			html(b, "</span>\n");
		} else {
			head_line(b, p, n);
		}
		p += n + 1;
	}
}

static void sizes(struct buf *b, const struct changes *c)
{
	size_t added = 0, removed = 0;

	for (size_t i = 0; i < c->n; i++) {
		size_t more = 0, less = 0;

		change_line_counts(&c->v[i], &more, &less);
		added += more;
		removed += less;
	}
	html(b, "<p class=\"soft\">%zu %s, %zu lines added, %zu removed.</p>", c->n,
	     c->n == 1 ? "file" : "files", added, removed);
}

void html_diff(struct buf *b, const char *name, const struct changes *c)
{
	size_t shown = 0;

	sizes(b, c);
	html(b, "<pre class=\"diff\" aria-label=\"%s\"><code>", name);
	for (size_t i = 0; i < c->n; i++) {
		AUTO_BUF struct buf diff = BUF_INIT(DIFF_BYTES);
		const struct changes one = { &c->v[i], 1 };
		struct err why = ERR_INIT;

		if (changes_unified(&one, &diff, &why) < 0)
			html(b, "<span class=\"meta\">cannot be shown: %s</span>\n", why.msg);
		else
			lines(b, &diff, &shown);
	}
	if (shown > DIFF_LINES)
		html(b,
		     "<span class=\"meta\">cut here: %zu more lines stand in the case's "
		     "records</span>\n",
		     shown - DIFF_LINES);
	html(b, "</code></pre>");
}
