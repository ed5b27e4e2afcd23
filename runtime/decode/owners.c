/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "runtime/base/jmap.h"
#include "runtime/decode/decode_formats.h"
#include "runtime/decode/text.h"

/*
 * CODEOWNERS: who is asked about paths.  A line is a pattern and its owners; of
 * those that match a path, the last counts, with whatever owners it has.  In
 * GitLab's form a "[Section]" begins anew, and its line may name owners for
 * patterns without any.  Patterns are those of gitignore(5) without negation and
 * character ranges; one that ends in a folder and a star is of what lies in that
 * folder itself.
 * Source: the documentations of GitHub ("About code owners") and GitLab ("Code
 * Owners").
 */
#define PATHS_MAX  64
#define PATH_MAX_N 1024
#define OWNERS_MAX 20
#define OWNER_MAX  200

struct owners {
	const struct source *in;
	const char *path[PATHS_MAX];
	size_t n;
	const char *last[PATHS_MAX]; /* owners of the line that matched last, in this section */
	const char *otherwise[PATHS_MAX]; /* those of the section, where that has none */
	const char *section;		  /* owners of the section's own line */
	json_t *found;
};

/* ---- patterns ---- */

/* Where in the path a match may end, after each part of the pattern. */
struct places {
	bool now[PATH_MAX_N + 1], next[PATH_MAX_N + 1];
};

static void step_one(struct places *s, const char *path, size_t n, char c, bool any)
{
	s->next[0] = false;
	for (size_t i = 0; i < n; i++)
		s->next[i + 1] = s->now[i] && (any ? path[i] != '/' : path[i] == c);
}

static void step_star(struct places *s, const char *path, size_t n)
{
	s->next[0] = s->now[0];
	for (size_t i = 1; i <= n; i++)
		s->next[i] = s->now[i] || (s->next[i - 1] && path[i - 1] != '/');
}

/* Folders, as many as there are (then only where one ends), or anything at all. */
static void step_stars(struct places *s, const char *path, size_t n, bool folders)
{
	bool seen = false;

	for (size_t i = 0; i <= n; i++) {
		s->next[i] = s->now[i] || (seen && (!folders || path[i - 1] == '/'));
		seen = seen || s->now[i];
	}
}

/* One part of the pattern: how many bytes of it that was. */
static size_t step(struct places *s, const char *pattern, size_t m, const char *path, size_t n)
{
	size_t used = 1;

	if (m >= 2 && pattern[0] == '*' && pattern[1] == '*') {
		const bool folders = m > 2 && pattern[2] == '/';

		step_stars(s, path, n, folders);
		used = folders ? 3 : 2;
	} else if (pattern[0] == '*') {
		step_star(s, path, n);
	} else if (pattern[0] == '\\' && m > 1) {
		step_one(s, path, n, pattern[1], false);
		used = 2;
	} else {
		step_one(s, path, n, pattern[0], pattern[0] == '?');
	}
	memcpy(s->now, s->next, (n + 1) * sizeof(s->now[0]));
	return used;
}

static bool matches(const char *pattern, size_t m, const char *path)
{
	const size_t n = strlen(path);
	const bool folder = m && pattern[m - 1] == '/';
	const bool only_here = m >= 2 && pattern[m - 1] == '*' && pattern[m - 2] == '/';
	struct places s = { 0 };
	bool anchored;

	m -= folder;
	anchored = memchr(pattern, '/', m);
	if (m && pattern[0] == '/') {
		pattern++;
		m--;
	}
	s.now[0] = true;
	for (size_t i = 1; !anchored && i <= n; i++)
		s.now[i] = path[i - 1] == '/';
	while (m) {
		const size_t k = step(&s, pattern, m, path, n);

		pattern += k;
		m -= k;
	}
	if (s.now[n] && !folder)
		return true;
	for (size_t i = 0; !only_here && i < n; i++)
		if (s.now[i] && (path[i] == '/' || (i == 0 && folder)))
			return true;
	return false;
}

/* ---- lines ---- */

static bool is_name(const char *s, size_t n)
{
	if (n < 2 || n > OWNER_MAX || s[0] != '@')
		return false; /* an address is no name at the forge */
	for (size_t i = 1; i < n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./",
			    s[i]))
			return false;
	return true;
}

/* What stands before a comment, by words. */
static size_t next_word(const char **s)
{
	*s += strspn(*s, " \t");
	return **s == '#' ? 0 : strcspn(*s, " \t");
}

static void add_owners(json_t *found, const char *s)
{
	size_t n, i;

	for (; s && (n = next_word(&s)) != 0; s += n) {
		AUTO_JSON json_t *v = is_name(s, n) ? json_stringn(s, n) : NULL;
		const json_t *old;
		bool there = false;

		json_array_foreach(found, i, old)
			there = there || json_equal(old, v);
		if (v && !there && json_array_size(found) < OWNERS_MAX)
			(void)json_array_append(found, v);
	}
}

static void end_section(struct owners *o)
{
	for (size_t i = 0; i < o->n; i++) {
		const char *s = o->last[i];

		if (s && next_word(&s) == 0)
			s = o->otherwise[i];
		add_owners(o->found, s);
		o->last[i] = NULL;
	}
	o->section = NULL;
}

/* "[Name]", "^[Name]" or "[Name][2]", then owners. */
static bool is_section(const char *line, const char **owners)
{
	line += *line == '^';
	if (*line != '[' || !strchr(line, ']'))
		return false;
	line = strchr(line, ']') + 1;
	if (*line == '[' && strchr(line, ']'))
		line = strchr(line, ']') + 1;
	*owners = line;
	return true;
}

static void take_line(struct owners *o, const char *line)
{
	const char *owners;
	size_t m = 0;

	line = text_skip(line);
	if (*line == '\0' || *line == '#')
		return;
	if (is_section(line, &owners)) {
		end_section(o);
		o->section = owners;
		return;
	}
	while (line[m] && line[m] != ' ' && line[m] != '\t')
		m += line[m] == '\\' && line[m + 1] ? 2 : 1;
	if (line[0] == '!' || memchr(line, '[', m))
		return; /* neither forge knows these */
	for (size_t i = 0; i < o->n; i++)
		if (matches(line, m, o->path[i])) {
			o->last[i] = line + m;
			o->otherwise[i] = o->section;
		}
}

int owners_decode(const struct source *in, json_t **out, struct err *e)
{
	const json_t *paths = json_object_get(in->options, "paths");
	struct owners o = { .in = in, .found = json_array() };
	AUTO_JSON json_t *value = json_pack("{s:o}", "owners", o.found);
	AUTO_TEXT struct text t = { 0 };
	const json_t *v;
	size_t i;

	if (!value)
		return err_set(e, ENOMEM, "%s: out of memory", in->name);
	json_array_foreach(paths, i, v) {
		const char *path = json_string_value(v);

		if (!path || strlen(path) > PATH_MAX_N || o.n == PATHS_MAX)
			return err_set(e, E2BIG, "%s: too many paths, or too long ones", in->name);
		o.path[o.n++] = path;
	}
	if (text_read(in->name, in->text, in->n, &t, e) < 0)
		return -e->code;
	for (i = 0; i < t.n; i++)
		take_line(&o, t.line[i]);
	end_section(&o);
	*out = take_ptr(value);
	return 0;
}
