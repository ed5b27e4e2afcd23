/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/queue/lines.h"

#include <string.h>

const char *const lines_words[LINES_N] = { "python", "node", "sanitizer" };

void lines_init(struct lines *l, int form)
{
	*l = (struct lines){ .form = form };
	l->recent.max = LINES_MOST;
	l->piece.max = LINES_MOST;
}

void lines_release(struct lines *l)
{
	buf_release(&l->recent);
	buf_release(&l->piece);
}

static bool starts(const char *s, size_t n, const char *prefix)
{
	const size_t k = strlen(prefix);

	return n >= k && memcmp(s, prefix, k) == 0;
}

static bool is_frame(const struct lines *l, const char *s, size_t n)
{
	size_t blank = 0;

	while (blank < n && (s[blank] == ' ' || s[blank] == '\t'))
		blank++;
	s += blank;
	n -= blank;
	switch (l->form) {
	case LINES_PYTHON:
		return blank && starts(s, n, "File \"");
	case LINES_NODE:
		return blank && starts(s, n, "at ");
	default:
		return blank && n > 1 && s[0] == '#' && s[1] >= '0' && s[1] <= '9';
	}
}

/* Lines that stand between the parts of one trace, or below its last frame. */
static bool goes_on(const struct lines *l, const char *s, size_t n)
{
	static const char *const more[LINES_N][4] = {
		[LINES_PYTHON] = { "During handling of the above", "The above exception was",
				   "Traceback (most recent" },
		[LINES_NODE] = { "}", "]", "Caused by" },
		[LINES_SANITIZER] = { "0x", "freed by", "previously allocated", "SUMMARY" },
	};

	if (n == 0 || s[0] == ' ' || s[0] == '\t')
		return true;
	for (size_t i = 0; i < 4 && more[l->form][i]; i++)
		if (starts(s, n, more[l->form][i]))
			return true;
	/* Python names the exception below its frames */
	return l->form == LINES_PYTHON && l->last_is_frame;
}

static void put_line(struct buf *b, const char *s, size_t n)
{
	if (b->n + n + 1 < b->max) {
		buf_put(b, s, n);
		buf_putc(b, '\n');
	}
}

/* The oldest line goes when there are enough. */
static void remember(struct lines *l, const char *s, size_t n)
{
	if (n + 1 >= l->recent.max)
		return;
	while (l->recent_lines &&
	       (l->recent_lines >= LINES_BEFORE || l->recent.n + n + 1 >= l->recent.max)) {
		const char *nl = memchr(l->recent.p, '\n', l->recent.n);
		const size_t k = nl ? (size_t)(nl - l->recent.p) + 1 : l->recent.n;

		memmove(l->recent.p, l->recent.p + k, l->recent.n - k);
		l->recent.n -= k;
		l->recent_lines--;
	}
	put_line(&l->recent, s, n);
	l->recent_lines++;
}

static void begin(struct lines *l)
{
	buf_reset(&l->piece);
	buf_put(&l->piece, l->recent.p, l->recent.n);
	buf_reset(&l->recent);
	l->recent_lines = 0;
	l->inside = true;
	l->quiet = 0;
}

static bool finish(struct lines *l)
{
	l->inside = l->last_is_frame = false;
	l->quiet = 0;
	return true;
}

/* A line of JSON is a whole event, whatever form was named. */
static bool is_event(const char *s, size_t n)
{
	return n > 2 && s[0] == '{' && s[n - 1] == '}' && memmem(s, n, "\"err\"", 5);
}

bool lines_add(struct lines *l, const char *line, size_t n)
{
	const bool frame = is_frame(l, line, n);

	if (is_event(line, n) && !l->inside) {
		buf_reset(&l->piece);
		put_line(&l->piece, line, n);
		return true;
	}
	if (!l->inside) {
		if (!frame) {
			remember(l, line, n);
			return false;
		}
		begin(l);
	} else if (!frame && !goes_on(l, line, n)) {
		remember(l, line, n); /* it may head the next one */
		return finish(l);
	}
	put_line(&l->piece, line, n);
	if (frame)
		l->last_is_frame = true;
	else if (n && line[0] != ' ' && line[0] != '\t')
		l->last_is_frame = false;
	l->quiet = frame ? 0 : l->quiet + 1;
	return l->quiet > LINES_BEFORE ? finish(l) : false;
}

bool lines_idle(struct lines *l)
{
	return l->inside && finish(l);
}
