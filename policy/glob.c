/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/glob.h"

#include <stdint.h>
#include <string.h>

enum token_kind {
	TOK_LITERAL,
	TOK_ONE,    /* ? */
	TOK_STAR,   /* *, stays while no slash comes */
	TOK_ANY,    /* **, stays whatever comes */
	TOK_DIRS,   /* a leading or inner "**" with its slash: no directory, or some */
	TOK_INSIDE, /* the second half of TOK_DIRS: within a directory's name */
	TOK_TREE,   /* a final slash and "**": the end here, or a slash and anything */
	TOK_END
};

struct token {
	uint8_t kind;
	char c;
};

/* At most two tokens a byte. */
struct automaton {
	struct token t[2 * GLOB_MAX + 1];
	size_t n;
};

static void add(struct automaton *a, int kind, char c)
{
	a->t[a->n++] = (struct token){ .kind = (uint8_t)kind, .c = c };
}

static void compile(const char *p, struct automaton *a)
{
	const char *const start = p;

	while (*p) {
		const bool at_component = p == start || p[-1] == '/';

		if (at_component && strncmp(p, "**/", 3) == 0) {
			add(a, TOK_DIRS, 0);
			add(a, TOK_INSIDE, 0);
			p += 3;
		} else if (strcmp(p, "/**") == 0) {
			add(a, TOK_TREE, 0);
			add(a, TOK_ANY, 0);
			p += 3;
		} else if (strncmp(p, "**", 2) == 0) {
			add(a, TOK_ANY, 0);
			p += strspn(p, "*");
		} else if (*p == '*') {
			add(a, TOK_STAR, 0);
			p++;
		} else {
			add(a, *p == '?' ? TOK_ONE : TOK_LITERAL, *p);
			p++;
		}
	}
	add(a, TOK_END, 0);
}

/* Adds state i and what can be reached from it without reading a byte. */
static void enter(const struct automaton *a, uint8_t *set, size_t i)
{
	while (!set[i]) {
		set[i] = 1;
		if (a->t[i].kind == TOK_DIRS || a->t[i].kind == TOK_TREE) {
			if (a->t[i].kind == TOK_DIRS)
				set[i + 1] = 1;
			i += 2;
		} else if (a->t[i].kind == TOK_STAR || a->t[i].kind == TOK_ANY) {
			i++;
		}
	}
}

static void step(const struct automaton *a, const uint8_t *from, uint8_t *to, char c)
{
	for (size_t i = 0; i < a->n; i++) {
		if (!from[i])
			continue;
		switch ((enum token_kind)a->t[i].kind) {
		case TOK_LITERAL:
			if (a->t[i].c == c)
				enter(a, to, i + 1);
			break;
		case TOK_ONE:
			if (c != '/')
				enter(a, to, i + 1);
			break;
		case TOK_STAR:
			if (c != '/')
				enter(a, to, i);
			break;
		case TOK_ANY:
			enter(a, to, i);
			break;
		case TOK_INSIDE:
			to[i] = 1;
			if (c == '/')
				enter(a, to, i + 1);
			break;
		case TOK_TREE:
			if (c == '/')
				enter(a, to, i + 1);
			break;
		case TOK_DIRS:
		case TOK_END:
			break;
		}
	}
}

static bool run(const struct automaton *a, const char *path)
{
	uint8_t sets[2][2 * GLOB_MAX + 1] = { { 0 } };
	unsigned now = 0;

	enter(a, sets[0], 0);
	for (; *path; path++) {
		memset(sets[!now], 0, a->n);
		step(a, sets[now], sets[!now], *path);
		now = !now;
	}
	return sets[now][a->n - 1];
}

bool glob_match(const char *pattern, const char *path)
{
	struct automaton a;

	if (strlen(pattern) >= GLOB_MAX)
		return false;
	a.n = 0;
	compile(pattern, &a);
	return run(&a, path);
}

bool glob_is_literal(const char *pattern)
{
	return strpbrk(pattern, "*?") == NULL;
}

bool glob_is_tree(const char *pattern)
{
	const size_t n = strlen(pattern);

	return n >= 3 && strcmp(pattern + n - 3, "/**") == 0 && strcspn(pattern, "*?") == n - 2;
}

static const char *check_components(const char *p)
{
	while (p) {
		const char *const slash = strchr(p, '/');
		const size_t n = slash ? (size_t)(slash - p) : strlen(p);

		if (n == 0)
			return "a path has no empty component";
		if (n == 1 && p[0] == '.')
			return "a path has no '.' component";
		if (n == 2 && memcmp(p, "..", 2) == 0)
			return "a path has no '..' component";
		p = slash ? slash + 1 : NULL;
	}
	return NULL;
}

const char *glob_check(const char *pattern)
{
	if (pattern[0] == '\0')
		return "a pattern is never empty";
	if (strlen(pattern) >= GLOB_MAX)
		return "a pattern is at most 511 bytes long";
	for (const char *c = pattern; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return "a pattern has no control characters";
	if (pattern[strcspn(pattern, "[]{}\\")])
		return "globs know '?', '*' and '**' only";
	if (strstr(pattern, "***"))
		return "globs know '?', '*' and '**' only";
	for (const char *s = strstr(pattern, "**"); s; s = strstr(s + 2, "**"))
		if ((s != pattern && s[-1] != '/') || (s[2] && s[2] != '/'))
			return "'**' stands alone between slashes";
	if (strcmp(pattern, "/") == 0)
		return NULL;
	return check_components(pattern[0] == '/' ? pattern + 1 : pattern);
}
