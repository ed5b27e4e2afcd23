/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/jsonc.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/utf8.h"

#define DEPTH_MAX 64
#define NAME_MAX_ 200

/*
 * Two passes over the same bytes.  The first blanks comments and trailing
 * commas and bounds the nesting, so that the parser proper (jansson) never
 * recurses further; the second, on demand, walks the text along a JSON
 * pointer, which needs no index and cannot disagree with the text.
 */
struct jsonc {
	char name[NAME_MAX_];
	char *text;
	size_t n;
	json_t *root;
};

struct scan {
	char *p;
	size_t n, i;
	unsigned flags, depth;
	size_t comma; /* offset + 1 of a comma that nothing followed yet */
	const char *why;
};

static struct jsonc_pos position(const char *text, size_t offset)
{
	struct jsonc_pos at = { 1, 1 };

	for (size_t i = 0; i < offset; i++) {
		at.column++;
		if (text[i] == '\n') {
			at.line++;
			at.column = 1;
		}
	}
	return at;
}

static void skip_string(struct scan *s)
{
	for (s->i++; s->i < s->n && s->p[s->i] != '"' && s->p[s->i] != '\n'; s->i++)
		if (s->p[s->i] == '\\' && s->i + 1 < s->n)
			s->i++;
	if (s->i < s->n)
		s->i++;
}

/* Comments are text like the rest, though the parser never sees them: they are written again. */
static bool is_text(struct scan *s)
{
	const char c = s->p[s->i];

	if ((unsigned char)c < ' ' && c != '\t' && c != '\r' && c != '\n')
		s->why = "a control byte in a comment";
	else if (utf8_length(s->p + s->i, s->n - s->i) == 0)
		s->why = "not UTF-8 in a comment";
	return s->why == NULL;
}

static int blank_comment(struct scan *s)
{
	const bool block = s->p[s->i + 1] == '*';
	bool closed = !block;

	for (; s->i < s->n; s->i++) {
		size_t more;

		if (!block && s->p[s->i] == '\n')
			break;
		if (block && s->p[s->i] == '*' && s->i + 1 < s->n && s->p[s->i + 1] == '/') {
			s->p[s->i] = s->p[s->i + 1] = ' ';
			s->i += 2;
			closed = true;
			break;
		}
		if (!is_text(s))
			return -1;
		more = utf8_length(s->p + s->i, s->n - s->i);
		if (s->p[s->i] != '\n')
			memset(s->p + s->i, ' ', more);
		s->i += more - 1;
	}
	if (!closed)
		s->why = "a comment is not closed";
	return closed ? 0 : -1;
}

static int bracket(struct scan *s, char c)
{
	if (c == '{' || c == '[') {
		s->comma = 0;
		if (++s->depth > DEPTH_MAX) {
			s->why = "nested deeper than 64";
			return -1;
		}
	} else {
		if (s->comma && (s->flags & JSONC_COMMENTS))
			s->p[s->comma - 1] = ' ';
		s->comma = 0;
		if (s->depth)
			s->depth--;
	}
	s->i++;
	return 0;
}

static int one_token(struct scan *s)
{
	const char c = s->p[s->i];

	if (c == '\0') {
		s->why = "NUL byte";
		return -1;
	}
	if (c == '"') {
		s->comma = 0;
		skip_string(s);
		return 0;
	}
	if (c == '/' && (s->flags & JSONC_COMMENTS) && s->i + 1 < s->n &&
	    (s->p[s->i + 1] == '/' || s->p[s->i + 1] == '*'))
		return blank_comment(s);
	if (strchr("{}[]", c))
		return bracket(s, c);
	if (c == ',')
		s->comma = s->i + 1;
	else if (!isspace((unsigned char)c))
		s->comma = 0;
	s->i++;
	return 0;
}

static int refuse(const struct jsonc *j, size_t offset, const char *why, struct err *e)
{
	const struct jsonc_pos at = position(j->text, offset);

	return err_set(e, EINVAL, "%s:%u:%u: %s", j->name, at.line, at.column, why);
}

static int load(struct jsonc *j, struct err *e)
{
	json_error_t why;
	struct jsonc_pos at;

	j->root = json_loadb(j->text, j->n, JSON_REJECT_DUPLICATES, &why);
	if (j->root)
		return 0;
	at = position(j->text, why.position > 0 && (size_t)why.position <= j->n
				       ? (size_t)why.position - 1
				       : 0);
	return err_set(e, EINVAL, "%s:%u:%u: %s", j->name, at.line, at.column, why.text);
}

int jsonc_parse(const char *name, const char *text, size_t n, unsigned flags, struct jsonc **out,
		struct err *e)
{
	struct scan s = { .n = n, .flags = flags };
	struct jsonc *j = calloc(1, sizeof(*j));
	int r = 0;

	if (!j || !(j->text = malloc(n + 1))) {
		free(j);
		return err_set(e, ENOMEM, "%s: out of memory", name);
	}
	(void)snprintf(j->name, sizeof(j->name), "%s", name);
	memcpy(j->text, text, n);
	j->text[n] = '\0';
	j->n = n;
	s.p = j->text;
	while (r == 0 && s.i < s.n)
		if (one_token(&s) < 0)
			r = refuse(j, s.i < n ? s.i : n, s.why, e);
	if (r == 0)
		r = load(j, e);
	if (r < 0) {
		jsonc_free(j);
		return r;
	}
	*out = j;
	return 0;
}

const json_t *jsonc_root(const struct jsonc *j)
{
	return j->root;
}

const char *jsonc_name(const struct jsonc *j)
{
	return j->name;
}

void jsonc_free(struct jsonc *j)
{
	if (!j)
		return;
	json_decref(j->root);
	free(j->text);
	free(j);
}

/* ---- where: the text is known to be well-formed here ---- */

static size_t skip_space(const char *t, size_t i)
{
	while (t[i] && isspace((unsigned char)t[i]))
		i++;
	return i;
}

static size_t after_string(const char *t, size_t i)
{
	for (i++; t[i] && t[i] != '"'; i++)
		if (t[i] == '\\' && t[i + 1])
			i++;
	return t[i] ? i + 1 : i;
}

static size_t after_value(const char *t, size_t i)
{
	unsigned depth = 0;

	i = skip_space(t, i);
	do {
		if (t[i] == '"') {
			i = after_string(t, i);
			continue;
		}
		if (t[i] == '{' || t[i] == '[')
			depth++;
		else if (t[i] == '}' || t[i] == ']')
			depth--;
		if (t[i])
			i++;
	} while (t[i] && (depth || !strchr(",]}", t[i])));
	return i;
}

/* Whether the JSON string at t equals the pointer token (n bytes, ~0 and ~1 escaped). */
static bool key_is(const char *t, size_t len, const char *token, size_t n)
{
	AUTO_FREE char *want = malloc(n + 1);
	json_t *key = json_loadb(t, len, JSON_DECODE_ANY, NULL);
	size_t k = 0;
	bool same;

	for (size_t i = 0; want && i < n; i++) {
		if (token[i] == '~' && i + 1 < n)
			want[k++] = token[++i] == '1' ? '/' : '~';
		else
			want[k++] = token[i];
	}
	same = want && json_is_string(key) && json_string_length(key) == k &&
	       memcmp(json_string_value(key), want, k) == 0;
	json_decref(key);
	return same;
}

/* In the container at i: the offset of the member or element named by the token; *value gets its
 * value. */
static bool descend(const char *t, size_t i, const char *token, size_t n, size_t *key,
		    size_t *value)
{
	const bool object = t[i] == '{';
	unsigned long index = 0, want = strtoul(token, NULL, 10);

	if (t[i] != '{' && t[i] != '[')
		return false;
	i = skip_space(t, i + 1);
	while (t[i] && t[i] != '}' && t[i] != ']') {
		const size_t begin = i;
		bool hit = !object && index == want;

		if (object) {
			const size_t end = after_string(t, i);

			hit = key_is(t + i, end - i, token, n);
			i = skip_space(t, skip_space(t, end) + 1);
		}
		if (hit) {
			*key = begin;
			*value = i;
			return true;
		}
		i = skip_space(t, after_value(t, i));
		if (t[i] == ',')
			i = skip_space(t, i + 1);
		index++;
	}
	return false;
}

struct jsonc_pos jsonc_where(const struct jsonc *j, const char *pointer)
{
	size_t value = skip_space(j->text, 0), key = value;

	while (*pointer == '/') {
		const char *token = pointer + 1;
		const size_t n = strcspn(token, "/");

		if (!descend(j->text, value, token, n, &key, &value))
			break; /* a missing member: its container is the place */
		pointer = token + n;
	}
	return position(j->text, key);
}

int jsonc_locate(const struct jsonc *j, struct err *e)
{
	char pointer[sizeof(e->msg)], rest[sizeof(e->msg)];
	const size_t n = strcspn(e->msg, ":");
	struct jsonc_pos at;

	if (e->msg[n] != ':' || (n && e->msg[0] != '/'))
		return -e->code;
	memcpy(pointer, e->msg, n);
	pointer[n] = '\0';
	(void)snprintf(rest, sizeof(rest), "%s", e->msg + n + 1 + (e->msg[n + 1] == ' '));
	at = jsonc_where(j, pointer);
	return err_set(e, e->code, "%s:%u:%u: %s", j->name, at.line, at.column, rest);
}
