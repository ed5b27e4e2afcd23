/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/decode/manifest.h"

/* Line by line, and no further: sections, keys and quoted words of the files that are not JSON. */

#define SECTION_MAX 80

/* "[name]" at the start of a line, without the brackets. */
static bool section_of(const char *line, char out[SECTION_MAX])
{
	const size_t n = line[0] == '[' ? strcspn(line + 1, "]") : 0;

	if (!n || line[n + 1] != ']' || n >= SECTION_MAX)
		return false;
	(void)snprintf(out, SECTION_MAX, "%.*s", (int)n, line + 1);
	return true;
}

static size_t trimmed(const char *s, size_t n)
{
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	return n;
}

/* ---- pyproject.toml ---- */

/* The list of requirements that the members of a section are, or belong to; NULL: none. */
static const char *toml_list(const char *section, const char *key, size_t n, bool *names)
{
	*names = false;
	if (strcmp(section, "project") == 0)
		return n == 12 && memcmp(key, "dependencies", 12) == 0 ? "needs" : NULL;
	if (strcmp(section, "project.optional-dependencies") == 0 ||
	    strcmp(section, "dependency-groups") == 0)
		return "dev";
	if (!text_starts(section, "tool.poetry."))
		return NULL;
	*names = true;
	if (strcmp(section, "tool.poetry.dependencies") == 0)
		return n == 6 && memcmp(key, "python", 6) == 0 ? NULL : "needs";
	return text_ends(section, "dependencies") ? "dev" : NULL;
}

/* Calls add for each quoted word of a line; true when a list that is open ends here. */
static bool quoted(const char *p, json_t *f, const char *list, bool requirement)
{
	for (; *p && *p != '#'; p++) {
		size_t n;

		if (*p == ']')
			return true;
		if (*p != '"' && *p != '\'')
			continue;
		n = strcspn(p + 1, *p == '"' ? "\"" : "'");
		if (requirement)
			finding_requirement(f, list, p + 1, n);
		else
			finding_add(f, list, p + 1, n);
		p += n + (p[n + 1] ? 1 : 0);
	}
	return false;
}

struct toml {
	char section[SECTION_MAX];
	const char *open; /* the list whose end has not come; NULL: none */
	bool requirement;
};

static void toml_member(struct toml *s, const char *line, const char *eq, json_t *f)
{
	const size_t n = trimmed(line, (size_t)(eq - line));
	const char *value = text_skip(eq + 1);
	const bool name = n == 4 && memcmp(line, "name", 4) == 0;
	const bool pytest = strcmp(s->section, "tool.pytest.ini_options") == 0;
	bool names;
	const char *list = toml_list(s->section, line, n, &names);

	if (name &&
	    (strcmp(s->section, "project") == 0 || strcmp(s->section, "tool.poetry") == 0) &&
	    (*value == '"' || *value == '\''))
		finding_set(f, "name", value + 1, strcspn(value + 1, "\"'"));
	if (pytest && n == 9 && memcmp(line, "testpaths", 9) == 0)
		list = "testpaths";
	if (!list)
		return;
	if (names) {
		finding_requirement(f, list, line, n);
		return;
	}
	s->requirement = strcmp(list, "testpaths") != 0;
	if (!quoted(value, f, list, s->requirement) && *value == '[')
		s->open = list;
}

void manifest_toml(const struct text *t, json_t *f)
{
	struct toml s = { .section = "" };

	for (size_t i = 0; i < t->n; i++) {
		const char *line = text_skip(t->line[i]), *eq = strchr(line, '=');

		if (s.open) {
			if (quoted(line, f, s.open, s.requirement))
				s.open = NULL;
		} else if (section_of(line, s.section)) {
			if (strcmp(s.section, "tool.pytest.ini_options") == 0)
				(void)json_object_set_new(f, "pytest", json_true());
		} else if (eq && *line != '#') {
			toml_member(&s, line, eq, f);
		}
	}
}

/* ---- setup.cfg, tox.ini, pytest.ini ---- */

static void words(json_t *f, const char *list, const char *p)
{
	while (*(p = text_skip(p))) {
		const size_t n = strcspn(p, " \t");

		finding_add(f, list, p, n);
		p += n;
	}
}

/* What the lines of a member go to; NULL: nowhere. */
static const char *ini_list(const char *section, const char *key, size_t n)
{
	if (strcmp(section, "options") == 0 && n == 16 && memcmp(key, "install_requires", 16) == 0)
		return "needs";
	if (strcmp(section, "options.extras_require") == 0 ||
	    (strcmp(section, "testenv") == 0 && n == 4 && memcmp(key, "deps", 4) == 0))
		return "dev";
	if ((strcmp(section, "tool:pytest") == 0 || strcmp(section, "pytest") == 0) && n == 9 &&
	    memcmp(key, "testpaths", 9) == 0)
		return "testpaths";
	return NULL;
}

static void ini_value(json_t *f, const char *list, const char *value)
{
	if (strcmp(list, "testpaths") == 0)
		words(f, list, value);
	else
		finding_requirement(f, list, value, strlen(value));
}

void manifest_ini(const struct text *t, json_t *f)
{
	char section[SECTION_MAX] = "";
	const char *list = NULL;

	for (size_t i = 0; i < t->n; i++) {
		const char *line = t->line[i], *value = text_skip(line);
		const size_t n = strcspn(line, "=:");

		if (*value == '#' || *value == ';' || !*value)
			continue;
		if (value != line) { /* goes on */
			if (list)
				ini_value(f, list, value);
			continue;
		}
		list = NULL;
		if (section_of(line, section)) {
			if (strcmp(section, "tool:pytest") == 0 || strcmp(section, "pytest") == 0)
				(void)json_object_set_new(f, "pytest", json_true());
			continue;
		}
		if (!line[n])
			continue;
		value = text_skip(line + n + 1);
		list = ini_list(section, line, trimmed(line, n));
		if (list && *value)
			ini_value(f, list, value);
		if (strcmp(section, "metadata") == 0 && trimmed(line, n) == 4 &&
		    memcmp(line, "name", 4) == 0)
			finding_set(f, "name", value, trimmed(value, strlen(value)));
	}
}

void manifest_requirements(const struct text *t, json_t *f)
{
	for (size_t i = 0; i < t->n; i++) {
		const char *line = text_skip(t->line[i]);

		if (!strstr(line, "://")) /* a place to fetch from is no name */
			finding_requirement(f, "needs", line, *line == '-' ? 0 : strlen(line));
	}
}

/* ---- make, cmake ---- */

void manifest_make(const struct text *t, json_t *f)
{
	for (size_t i = 0; i < t->n; i++) {
		const char *line = t->line[i];
		const size_t n = strspn(line, "abcdefghijklmnopqrstuvwxyz"
					      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

		if (n && line[n] == ':' && line[n + 1] != '=')
			finding_add(f, "targets", line, n);
	}
}

void manifest_cmake(const struct text *t, json_t *f)
{
	for (size_t i = 0; i < t->n; i++) {
		const char *line = text_skip(t->line[i]);

		if (text_starts(line, "project("))
			finding_set(f, "name", text_skip(line + 8),
				    strcspn(text_skip(line + 8), " )"));
		else if (text_starts(line, "enable_testing"))
			finding_add(f, "targets", "test", 4);
	}
}

/* ---- Dockerfile ---- */

/* KEY=VALUE KEY="VALUE" ..., or the old KEY VALUE. */
static void pairs(json_t *f, const char *map, const char *p)
{
	while (*(p = text_skip(p)) && *p != '\\') {
		const size_t n = strcspn(p, "= \t");
		const char *value = p + n + (p[n] ? 1 : 0);
		const bool old = p[n] != '=', quote = *value == '"';
		const size_t len = old	   ? strlen(value)
				   : quote ? strcspn(value + 1, "\"")
					   : strcspn(value, " \t");

		if (!memchr(value, '$', len + quote)) /* not what it comes out as */
			finding_pair(f, map, p, n, value + (quote && !old), len);
		p = value + len + (quote && !old ? 1 + (value[len + 1] == '"') : 0);
		if (old)
			return;
	}
}

/* The packages of "apt-get install -y A B && ...". */
static void installs(json_t *f, const char *p)
{
	const char *at = strstr(p, "install ");

	if (!at || !strstr(p, "apt"))
		return;
	for (p = at + 8; *(p = text_skip(p));) {
		const size_t n = strcspn(p, " \t;");

		if (*p == '&' || *p == ';' || *p == '\\')
			return;
		if (*p != '-')
			finding_add(f, "packages", p, n);
		p += n;
		if (*p == ';')
			return;
	}
}

static void instruction(json_t *f, const char *line)
{
	const size_t n = strcspn(line, " \t");
	const char *rest = text_skip(line + n);

	if (n == 4 && strncasecmp(line, "FROM", 4) == 0) {
		if (text_starts(rest, "--platform"))
			rest = text_skip(rest + strcspn(rest, " \t"));
		finding_set(f, "from", rest, strcspn(rest, " \t"));
	} else if (n == 7 && strncasecmp(line, "WORKDIR", 7) == 0) {
		if (!strchr(rest, '$'))
			finding_set(f, "workdir", rest, trimmed(rest, strlen(rest)));
	} else if (n == 3 && strncasecmp(line, "ENV", 3) == 0) {
		pairs(f, "env", rest);
	} else if (n == 5 && strncasecmp(line, "LABEL", 5) == 0) {
		pairs(f, "labels", rest);
	} else if (n == 3 && strncasecmp(line, "RUN", 3) == 0) {
		installs(f, rest);
	}
}

/* A line that ends in a backslash goes on: the lines are joined, up to a bound. */
void manifest_docker(const struct text *t, json_t *f)
{
	char joined[4096] = "";
	size_t used = 0;

	for (size_t i = 0; i < t->n; i++) {
		const char *line = text_skip(t->line[i]);
		size_t n = trimmed(line, strlen(line));
		const bool more = n && line[n - 1] == '\\';

		if (*line == '#')
			continue;
		n -= more;
		if (used + n + 2 < sizeof(joined)) {
			memcpy(joined + used, line, n);
			used += n;
			joined[used++] = ' ';
		}
		joined[used] = '\0';
		if (more)
			continue;
		joined[trimmed(joined, used)] = '\0';
		instruction(f, joined);
		used = 0;
		joined[0] = '\0';
	}
}

/* ---- CI ---- */

#define CI_LINES 12

/* Lines that look like the running of tests; shown to a person and used for nothing else. */
void manifest_ci(const struct text *t, json_t *f)
{
	static const char *const tools[] = { "pytest",	"unittest", "tox",   "nox",   "npm ",
					     "npx ",	"yarn ",    "pnpm ", "make ", "ctest",
					     "node --", "go test",  "cargo " };

	for (size_t i = 0; i < t->n; i++) {
		const char *line = text_skip(t->line[i]);

		if (*line == '#' || json_array_size(json_object_get(f, "lines")) >= CI_LINES)
			continue;
		for (size_t k = 0; k < sizeof(tools) / sizeof(tools[0]); k++) {
			if (!strstr(line, tools[k]))
				continue;
			finding_add(f, "lines", line, strlen(line));
			break;
		}
	}
}
