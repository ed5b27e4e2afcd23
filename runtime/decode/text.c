/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/decode/text.h"
#include "runtime/base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 400000

void text_release(struct text *t)
{
	free(t->p);
	free(t->line);
	*t = (struct text){ 0 };
}

/* Length of a terminal sequence (ESC [ parameters letter) at s, or 0. */
static size_t escape_len(const unsigned char *s, size_t n)
{
	size_t i = 2;

	if (n < 3 || s[0] != 0x1b || s[1] != '[')
		return 0;
	while (i < n && s[i] >= 0x20 && s[i] < 0x40)
		i++;
	return i < n && s[i] >= 0x40 && s[i] < 0x7f ? i + 1 : 0;
}

/* At most three bytes out for one in. */
static size_t text_clean(const unsigned char *s, size_t n, char *out)
{
	size_t o = 0;

	for (size_t i = 0; i < n;) {
		size_t len = escape_len(s + i, n - i);

		if (len || (s[i] == '\r' && i + 1 < n && s[i + 1] == '\n')) {
			i += len ? len : 1;
			continue;
		}
		len = utf8_length(s + i, n - i);
		if (len == 0) {
			memcpy(out + o, "\xef\xbf\xbd", 3);
			o += 3;
			i++;
			continue;
		}
		if (len == 1 && ((s[i] < ' ' && s[i] != '\n' && s[i] != '\t') || s[i] == 0x7f))
			out[o++] = '?';
		else
			memcpy(out + o, s + i, len), o += len;
		i += len;
	}
	out[o] = '\0';
	return o;
}

int text_read(const char *name, const char *raw, size_t n, struct text *out, struct err *e)
{
	struct text t = { .p = malloc((3 * n) + 1) };
	size_t lines = 1, at = 0;
	char *p;

	if (!t.p)
		return err_set(e, ENOMEM, "%s: out of memory", name);
	n = text_clean((const unsigned char *)raw, n, t.p);
	for (size_t i = 0; i < n; i++)
		lines += t.p[i] == '\n';
	if (lines > LINES_MAX) {
		text_release(&t);
		return err_set(e, EFBIG, "%s:%d:1: more than %d lines", name, LINES_MAX, LINES_MAX);
	}
	t.line = calloc(lines, sizeof(*t.line));
	if (!t.line) {
		text_release(&t);
		return err_set(e, ENOMEM, "%s: out of memory", name);
	}
	for (p = t.p; at < lines; at++) {
		t.line[at] = p;
		p += strcspn(p, "\n");
		*p++ = '\0';
	}
	t.n = lines;
	*out = t;
	return 0;
}

size_t text_indent(const char *line)
{
	return strspn(line, " \t");
}

const char *text_skip(const char *line)
{
	return line + text_indent(line);
}

bool text_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *s, const char *suffix)
{
	const size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool text_number(const char **s, unsigned long *out)
{
	const char *p = *s;
	unsigned long n = 0;

	while (*p >= '0' && *p <= '9' && p - *s < 10)
		n = n * 10 + (unsigned long)(*p++ - '0');
	if (p == *s || p - *s > 9)
		return false;
	*s = p;
	*out = n;
	return true;
}

/* ":DIGITS" at the end of the first *n bytes: cuts it off. */
static bool number_before(const char *s, size_t *n, unsigned long *out)
{
	size_t i = *n;
	const char *p;

	while (i && s[i - 1] >= '0' && s[i - 1] <= '9')
		i--;
	if (i == *n || i < 2 || s[i - 1] != ':')
		return false;
	p = s + i;
	if (!text_number(&p, out) || p != s + *n)
		return false;
	*n = i - 1;
	return true;
}

void text_place(const char *s, size_t n, size_t *file_len, unsigned long *line,
		unsigned long *column)
{
	unsigned long last = 0, before = 0;

	*line = *column = 0;
	if (number_before(s, &n, &last)) {
		if (number_before(s, &n, &before)) {
			*line = before;
			*column = last;
		} else {
			*line = last;
		}
	}
	*file_len = n;
}
