/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inside/context_impl.h"

/*
 * Of the log with patches that the task brings, what touched the lines of the
 * trace: each commit's head, and those of its hunks that name a function of the
 * trace or lie near one of its lines.  Lines move from commit to commit, so
 * near is wide.  A commit of which nothing is left is left out.
 */
#define NEAR	 60
#define HUNK_MAX 4096 /* bytes of a hunk that is shown whole */

struct line {
	const char *p;
	size_t n;
};

static struct line line_at(const char *s)
{
	const size_t n = strcspn(s, "\n");

	return (struct line){ s, n + (s[n] == '\n') };
}

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* The last word of what a frame calls its function: "Object.maybeMap" is "maybeMap". */
static const char *last_word(const char *function)
{
	const char *last = function;

	for (const char *p = function; *p; p++)
		if ((*p == '.' || *p == ' ' || *p == ':') && isalpha((unsigned char)p[1]))
			last = p + 1;
	return last;
}

static bool is_near(const char *hunk, const json_t *frame)
{
	const long long line = (long long)json_integer_value(json_object_get(frame, "line"));
	const char *plus = strchr(hunk, '+');
	const long long at = plus ? strtoll(plus + 1, NULL, 10) : 0;

	return at > 0 && line > 0 && line >= at - NEAR && line <= at + NEAR;
}

static bool concerns(const struct gate_task *task, const char *hunk, size_t n)
{
	const json_t *x, *f;
	size_t i, k;

	json_array_foreach(json_object_get(task->incident, "chain"), i, x)
		json_array_foreach(json_object_get(x, "frames"), k, f) {
			const char *name = json_string_value(json_object_get(f, "function"));
			const char *word = name ? last_word(name) : "";

			if (!json_is_true(json_object_get(f, "in_app")))
				continue;
			if (is_near(hunk, f) ||
			    (strlen(word) > 2 && memmem(hunk, n, word, strlen(word))))
				return true;
		}
	return false;
}

static const char *hunk_end(const char *s)
{
	struct line l = line_at(s);

	for (s += l.n; *s; s += l.n) {
		l = line_at(s);
		if (begins(s, "@@ ") || begins(s, "diff --git ") || begins(s, "commit "))
			break;
	}
	return s;
}

/* One commit: its head and message, then the hunks that concern the trace with their files. */
static const char *take_commit(const struct gate_task *task, const char *s, struct buf *out)
{
	AUTO_BUF struct buf one = BUF_INIT(1u << 20);
	const char *file = NULL;
	bool any = false, message = true;
	struct line l = line_at(s);

	buf_put(&one, s, l.n);
	for (s += l.n; *s && !begins(s, "commit "); s += l.n) {
		l = line_at(s);
		if (begins(s, "@@ ")) {
			const char *end = hunk_end(s);

			l.n = (size_t)(end - s);
			if (!concerns(task, s, l.n))
				continue;
			if (file)
				buf_put(&one, file, line_at(file).n);
			file = NULL;
			any = true;
			context_cut(s, l.n, HUNK_MAX, &one);
		} else if (begins(s, "diff --git ")) {
			message = false;
		} else if (begins(s, "+++ ")) {
			file = s;
		} else if (message) {
			buf_put(&one, s, l.n);
		}
	}
	if (any && one.p && !one.failed)
		buf_put(out, one.p, one.n);
	return s;
}

int context_history(const struct context_job *j, struct buf *out, struct err *e)
{
	AUTO_BUF struct buf kept = BUF_INIT(4u << 20);
	const char *s = j->task->history ? j->task->history : "";

	(void)e;
	while (*s && !begins(s, "commit "))
		s += line_at(s).n;
	while (*s)
		s = take_commit(j->task, s, &kept);
	if (kept.p)
		context_cut(kept.p, kept.n, j->max, out);
	return 0;
}
