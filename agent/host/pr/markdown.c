/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "agent/host/pr/pr.h"

/* Control, bidirectional and zero-width characters (UTF-8), which can make text read as something
 * else, or a terminal do something. */
size_t md_hidden(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	if ((s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f) || (s[0] == 0xd8 && s[1] == 0x9c))
		return 2;
	if (s[0] == 0xe2 && s[1] == 0x80 &&
	    ((s[2] >= 0x8b && s[2] <= 0x8f) || (s[2] >= 0xa8 && s[2] <= 0xae)))
		return 3;
	if (s[0] == 0xe2 && s[1] == 0x81 && s[2] >= 0xa0 && s[2] <= 0xaf)
		return 3;
	return s[0] == 0xef && s[1] == 0xbb && s[2] == 0xbf ? 3 : 0;
}

/* Of an address that would become a link by itself. */
static bool makes_link(const char *begin, const char *s)
{
	return strncmp(s, "://", 3) == 0 ||
	       (*s == '.' && s - begin >= 3 && strncasecmp(s - 3, "www", 3) == 0);
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

size_t md_reference(const char *begin, const char *s)
{
	size_t n = 1;

	if (*s == '@' && (is_alnum(s[1]) || s[1] == '_')) {
		while (is_alnum(s[n]) || (s[n] && strchr("_-/", s[n])))
			n++;
		return n;
	}
	if (strncasecmp(s, "gh-", 3) == 0 && (s == begin || !is_alnum(s[-1])))
		n = 3;
	else if (!*s || !strchr("#!&", *s))
		return 0;
	if (s[n] < '0' || s[n] > '9')
		return 0;
	while (s[n] >= '0' && s[n] <= '9')
		n++;
	return n;
}

/* There a slash and a word are a command to a forge (GitLab's quick actions). */
static bool begins_line(const struct buf *b)
{
	size_t n = b->n;

	while (n && b->p[n - 1] == ' ')
		n--;
	return n == 0 || b->p[n - 1] == '\n';
}

void md_text(struct buf *b, const char *s)
{
	const char *const begin = s;

	while (*s) {
		const size_t hidden = md_hidden(s), reference = md_reference(begin, s);

		if (hidden) {
			buf_puts(b, "?");
			s += hidden;
			continue;
		}
		if (reference) { /* as code: what is only escaped is found again in the page */
			buf_printf(b, "`%.*s`", (int)reference, s);
			s += reference;
			continue;
		}
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			buf_putc(b, ' ');
		else if (strchr("\\`*[]<>|#~!@", *s) || makes_link(begin, s) ||
			 (*s == '/' && begins_line(b)))
			buf_printf(b, "\\%c", *s);
		else
			buf_putc(b, *s);
		s++;
	}
}

static size_t longest_ticks(const char *s, size_t n)
{
	size_t run = 0, most = 0;

	for (size_t i = 0; i < n; i++) {
		run = s[i] == '`' ? run + 1 : 0;
		most = run > most ? run : most;
	}
	return most;
}

void md_code(struct buf *b, const char *s)
{
	const size_t n = strlen(s), ticks = longest_ticks(s, n) + 1;
	const char *pad = n && (s[0] == '`' || s[n - 1] == '`') ? " " : "";

	for (size_t i = 0; i < ticks; i++)
		buf_putc(b, '`');
	buf_puts(b, pad);
	for (size_t i = 0; i < n; i++) {
		const size_t hidden = md_hidden(s + i);

		if (hidden)
			i += hidden - 1;
		buf_putc(b, hidden || (unsigned char)s[i] < ' ' || s[i] == '|' ? '?' : s[i]);
	}
	buf_puts(b, pad);
	for (size_t i = 0; i < ticks; i++)
		buf_putc(b, '`');
}

void md_fenced(struct buf *b, const char *lang, const char *s, size_t n)
{
	const size_t ticks = longest_ticks(s, n) < 3 ? 3 : longest_ticks(s, n) + 1;

	for (size_t i = 0; i < ticks; i++)
		buf_putc(b, '`');
	buf_printf(b, "%s\n", lang);
	for (size_t i = 0; i < n; i++) {
		const size_t hidden = md_hidden(s + i);

		if (hidden)
			i += hidden - 1;
		buf_putc(b, hidden || ((unsigned char)s[i] < ' ' && s[i] != '\n' && s[i] != '\t')
				    ? '?'
				    : s[i]);
	}
	if (n && s[n - 1] != '\n')
		buf_putc(b, '\n');
	for (size_t i = 0; i < ticks; i++)
		buf_putc(b, '`');
	buf_putc(b, '\n');
}

const char *pr_str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

const json_t *pr_step(const json_t *proof, int step, const char *side)
{
	const json_t *rows = json_object_get(proof, "steps");

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		if (json_integer_value(json_object_get(row, "step")) == step &&
		    strcmp(pr_str(row, "side"), side) == 0)
			return row;
	}
	return NULL;
}
