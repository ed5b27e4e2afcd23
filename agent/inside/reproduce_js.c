/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "agent/inside/input.h"
#include "agent/inside/js_value.h"
#include "agent/inside/reproduce.h"

#define TEXT_MAX (1u << 20)

extern const char _binary_request_js_start[], _binary_request_js_end[];

/* What tests of a framework may do without loading it, and how they assert. */
static const struct dialect {
	const char *framework, *loaded_as, *test;
	bool global;	  /* its functions are there without being loaded */
	bool handed;	  /* what asserts is the parameter of the test */
	bool expects;	  /* expect(...).toBe(...), global as well */
	const char *mark; /* of a test file among others */
	const char *suffix;
} dialects[] = {
	{ "node:test", "node:test", "test", false, false, false, "node:test", ".js" },
	{ "tape", "tape", "test", false, true, false, "tape", ".js" },
	{ "mocha", "mocha", "it", true, false, false, "describe(", ".js" },
	{ "jest", "@jest/globals", "test", true, false, true, "expect(", ".test.js" },
};

static const struct dialect *dialect_of(const struct subject *s)
{
	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++)
		if (strcmp(s->task->framework, dialects[i].framework) == 0)
			return &dialects[i];
	return &dialects[0];
}

/* How the sibling tests are written. */
struct js_style {
	bool strict, semicolons, arrows, modules;
	bool awaits;   /* the failing call returns a promise */
	bool requests; /* it is a request: the test brings what sends it */
	char quote, indent[17];
	char decl[8];				     /* "var", "const", "let" */
	char *test_line, *module_line, *assert_line; /* whole lines of the sibling, or built */
	char test[64], module[64], param[64], assertion[64];
	const char *module_path; /* borrowed from the task */
};

static void style_release(struct js_style *st)
{
	free(st->test_line);
	free(st->module_line);
	free(st->assert_line);
}

/* The line in which the sibling loads `what`; owned, NULL when there is none. */
static char *load_line(const char *text, const char *what)
{
	char single[300], twice[300];
	const char *at, *line, *end;

	(void)snprintf(single, sizeof(single), "'%s'", what);
	(void)snprintf(twice, sizeof(twice), "\"%s\"", what);
	for (line = text; line && *line; line = *end ? end + 1 : NULL) {
		end = line + strcspn(line, "\n");
		at = memmem(line, (size_t)(end - line), single, strlen(single));
		if (!at)
			at = memmem(line, (size_t)(end - line), twice, strlen(twice));
		if (at && !isspace((unsigned char)*line) &&
		    (memmem(line, (size_t)(end - line), "require(", 8) ||
		     strncmp(line, "import ", 7) == 0))
			return strndup(line, (size_t)(end - line));
	}
	return NULL;
}

/*
 * The name that a loading line binds: of `var x = ...` and `import x from`, x;
 * of a destructuring one, the first of `wanted` that it has.  false: none of use.
 */
static bool bound_name(const char *line, const char *const *wanted, char out[64])
{
	const char *p = line + js_ident_length(line);

	p += strspn(p, " \t");
	if (strncmp(p, "* as ", 5) == 0)
		p += 5;
	if (*p != '{' && *p != '*') {
		(void)snprintf(out, 64, "%.*s", (int)js_ident_length(p), p);
		return out[0] != '\0';
	}
	for (size_t i = 0; *p == '{' && wanted && wanted[i]; i++) {
		const char *at = strstr(p, wanted[i]);

		if (at && !js_ident_length(at + strlen(wanted[i])) && !js_ident_length(at - 1)) {
			(void)snprintf(out, 64, "%s", wanted[i]);
			return true;
		}
	}
	return false;
}

/* The parameter of the sibling's test callbacks: test('...', function (t) { or (t) => { */
static void callback_style(const char *text, struct js_style *st)
{
	char opening[72];
	const char *p = text;

	(void)snprintf(opening, sizeof(opening), "%s(", st->test);
	while (p && (p = strstr(p, opening))) {
		const char *const end = p + strcspn(p, "\n");
		const char *f = memmem(p, (size_t)(end - p), "function", 8);
		const char *arrow = memmem(p, (size_t)(end - p), "=>", 2);
		const char *name = f ? memchr(f, '(', (size_t)(end - f)) : NULL;

		if (name) {
			st->arrows = false;
			name++;
		} else if (arrow) {
			st->arrows = true;
			for (name = arrow; name > p && !js_ident_length(name - 1); name--)
				;
			while (name > p && js_ident_length(name - 1))
				name--;
		}
		if (name && js_ident_length(name)) {
			(void)snprintf(st->param, sizeof(st->param), "%.*s",
				       (int)js_ident_length(name), name);
			return;
		}
		p = end;
	}
}

/* A variable for a module that no sibling loads: the last part of its path, made a name. */
static void module_variable(const char *path, char out[64])
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	size_t n = 0;

	for (; *base && *base != '.' && n < 62; base++)
		if (isalnum((unsigned char)*base) || *base == '_')
			out[n++] = *base;
	out[n] = '\0';
	if (n == 0 || isdigit((unsigned char)out[0]))
		(void)snprintf(out, 64, "subject");
}

static char *build_load(const struct js_style *st, const char *name, const char *path)
{
	AUTO_BUF struct buf b = BUF_INIT(8192);

	if (st->modules)
		buf_printf(&b, "import %s from %c%s%c", name, st->quote, path, st->quote);
	else
		buf_printf(&b, "%s %s = require(%c%s%c)", st->decl, name, st->quote, path,
			   st->quote);
	if (st->semicolons)
		buf_putc(&b, ';');
	return buf_take(&b);
}

static void read_conventions(const char *text, struct js_style *st)
{
	const char *first = text ? strstr(text, "require(") : NULL;

	*st = (struct js_style){ .strict = true, .semicolons = true, .quote = '\'' };
	(void)snprintf(st->decl, sizeof(st->decl), "const");
	(void)snprintf(st->param, sizeof(st->param), "t");
	style_indent(text, "    ", st->indent);
	if (!text)
		return;
	st->strict = strstr(text, "use strict") != NULL;
	st->quote = style_quote(text, '\'');
	st->modules = !first && strstr(text, "import ") != NULL;
	st->semicolons = strstr(text, ";\n") != NULL;
	if (strncmp(text, "var ", 4) == 0 || strstr(text, "\nvar "))
		(void)snprintf(st->decl, sizeof(st->decl), "var");
}

/* it() or test(), whichever begins more lines of the sibling. */
static const char *global_name(const char *text)
{
	size_t its = 0, tests = 0;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += strspn(line, " \t\n");
		its += strncmp(line, "it(", 3) == 0;
		tests += strncmp(line, "test(", 5) == 0;
	}
	return tests > its ? "test" : "it";
}

static void read_style(const struct subject *s, const char *text, const char *entry,
		       struct js_style *st)
{
	static const char *const tests[] = { "test", "it", NULL };
	const char *const wanted[] = { entry, NULL };
	const struct dialect *d = dialect_of(s);

	read_conventions(text, st);
	st->module_path = s->task->module && s->task->module[0] ? s->task->module : "../";
	st->test_line = text ? load_line(text, d->loaded_as) : NULL;
	if (!st->test_line || !bound_name(st->test_line, tests, st->test)) {
		free(st->test_line);
		(void)snprintf(st->test, sizeof(st->test), "%s",
			       text && d->global ? global_name(text) : d->test);
		st->test_line = d->global ? NULL : build_load(st, st->test, d->loaded_as);
	}
	st->module_line = text ? load_line(text, st->module_path) : NULL;
	if (st->module_line && !bound_name(st->module_line, wanted, st->module)) {
		free(st->module_line);
		st->module_line = NULL;
	}
	if (text)
		callback_style(text, st);
	if (d->handed || d->expects)
		return;
	st->assert_line = text ? load_line(text, "node:assert") : NULL;
	if (!st->assert_line && text)
		st->assert_line = load_line(text, "assert");
	if (!st->assert_line || !bound_name(st->assert_line, NULL, st->assertion)) {
		free(st->assert_line);
		(void)snprintf(st->assertion, sizeof(st->assertion), "assert");
		st->assert_line = build_load(st, st->assertion, "node:assert");
	}
}

/* ---- the test ---- */

/* The name of the package that is healed, from its package.json; "" when there is none. */
static void package_name(const struct subject *s, char out[256])
{
	AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX);
	struct err ignored = ERR_INIT;
	AUTO_JSON json_t *package = NULL;
	const char *name;

	out[0] = '\0';
	if (tools_read(s->dir, "package.json", &text, &ignored) < 0)
		return;
	package = json_loadb(text.p, text.n, 0, NULL);
	name = json_string_value(json_object_get(package, "name"));
	if (name)
		(void)snprintf(out, 256, "%s", name);
}

/* A path of the repository as a file in the directory of tests names it. */
static void from_tests(const struct subject *s, const char *path, struct buf *out)
{
	const char *dir = s->task->test_dir ? s->task->test_dir : "";

	if (!*dir)
		buf_puts(out, "./");
	for (; *dir; dir += strcspn(dir, "/"), dir += *dir == '/')
		buf_puts(out, "../");
	buf_puts(out, path);
}

static bool is_in_repository(const struct subject *s, const char *module)
{
	static const char *const suffixes[] = { "", ".js", ".cjs", ".mjs" };

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char path[512];

		(void)snprintf(path, sizeof(path), "%s%s", module, suffixes[i]);
		if (module[0] != '/' && faccessat(s->dir, path, R_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	return false;
}

/* How the test names the module of a step: the package itself, a file of it, or another package. */
static void module_path(const struct subject *s, const struct js_style *st, const char *module,
			struct buf *out)
{
	const size_t repo = strlen(s->task->repo);
	char package[256];
	size_t n;

	package_name(s, package);
	n = strlen(package);
	if (!module || strcmp(module, package) == 0 || strcmp(module, st->module_path) == 0)
		buf_puts(out, st->module_path);
	else if (n > 0 && strncmp(module, package, n) == 0 && module[n] == '/')
		from_tests(s, module + n + 1, out);
	else if (strncmp(module, s->task->repo, repo) == 0 && module[repo] == '/')
		from_tests(s, module + repo + 1, out);
	else if (strncmp(module, "./", 2) == 0 || is_in_repository(s, module))
		from_tests(s, module + (module[0] == '.' ? 2 : 0), out);
	else
		buf_puts(out, module);
}

struct loads {
	struct strlist paths, names;
	struct buf lines;
};

/* The variable that holds a module, loading it in the head of the test the first time. */
static const char *load_module(const struct subject *s, const struct js_style *st,
			       const char *module, struct loads *l)
{
	AUTO_BUF struct buf path = BUF_INIT(8192);
	AUTO_FREE char *line = NULL;
	char name[64];

	module_path(s, st, module, &path);
	for (size_t i = 0; i < l->paths.n; i++)
		if (strcmp(l->paths.v[i], path.p) == 0)
			return l->names.v[i];
	if (st->module_line && strcmp(path.p, st->module_path) == 0) {
		buf_printf(&l->lines, "%s\n", st->module_line);
		(void)snprintf(name, sizeof(name), "%s", st->module);
	} else {
		module_variable(module ? module : path.p, name);
		line = build_load(st, name, path.p);
		buf_printf(&l->lines, "%s\n", line ? line : "");
	}
	if (strlist_add(&l->paths, path.p) < 0 || strlist_add(&l->names, name) < 0)
		return "subject";
	return l->names.v[l->names.n - 1];
}

static void put_call(const struct subject *s, const struct js_style *st, const struct step *p,
		     struct loads *l, struct buf *out)
{
	if (p->construct)
		buf_puts(out, "new ");
	if (p->request)
		buf_puts(out, "request(");
	if (p->on) {
		buf_printf(out, "%s.%s", p->on + 1, p->call);
	} else {
		const char *holder = load_module(s, st, p->module, l);

		buf_puts(out, holder);
		if (p->call && strcmp(p->call, "default") != 0 && strcmp(p->call, holder) != 0)
			buf_printf(out, ".%s", p->call);
	}
	buf_puts(out, p->request ? ", " : "(");
	js_put_list(out, p->args, st->quote);
	buf_putc(out, ')');
}

static const char *kind_word(enum result_kind kind)
{
	static const char *const words[] = { NULL, "string", "number", "boolean", NULL, "object" };

	return words[kind];
}

static void put_expectation(const struct js_style *st, const char *word, struct buf *out)
{
	const char *end = st->semicolons ? ";" : "";

	if (word)
		buf_printf(out, "%sexpect(typeof result).toBe(%c%s%c)%s\n", st->indent, st->quote,
			   word, st->quote, end);
	else
		buf_printf(out, "%sexpect(Array.isArray(result)).toBe(true)%s\n", st->indent, end);
}

static void put_assertion(const struct subject *s, const struct js_style *st, enum result_kind kind,
			  struct buf *out)
{
	const struct dialect *d = dialect_of(s);
	const char *end = st->semicolons ? ";" : "", *word = kind_word(kind);

	if (!d->handed && kind != RESULT_ARRAY && !word)
		return;
	if (d->expects) {
		put_expectation(st, word, out);
		return;
	}
	buf_printf(out, "%s%s.", st->indent, d->handed ? st->param : st->assertion);
	if (word)
		buf_printf(out, "%s(typeof result, %c%s%c)", d->handed ? "equal" : "strictEqual",
			   st->quote, word, st->quote);
	else if (kind == RESULT_ARRAY)
		buf_puts(out, "ok(Array.isArray(result))");
	else
		buf_printf(out, "pass(%creturned%c)", st->quote, st->quote);
	buf_printf(out, "%s\n", end);
}

static int put_body(const struct subject *s, const struct js_style *st, const struct script *script,
		    enum result_kind kind, struct loads *l, struct buf *out, struct err *e)
{
	const struct step *steps = script->steps.v;
	const char *end = st->semicolons ? ";" : "";
	const bool handed = dialect_of(s)->handed;

	for (size_t i = 0; i < script->steps.n; i++) {
		const bool last = i + 1 == script->steps.n;
		const bool named = last && (kind != RESULT_UNKNOWN);

		if (json_object_size(steps[i].kwargs) > 0)
			return err_set(e, EINVAL,
				       "/script/%zu/kwargs: JavaScript has no keyword arguments",
				       i);
		buf_puts(out, st->indent);
		if (named || steps[i].let)
			buf_printf(out, "%s %s = ", st->decl, named ? "result" : steps[i].let);
		if (last && st->awaits)
			buf_puts(out, "await ");
		put_call(s, st, &steps[i], l, out);
		buf_printf(out, "%s\n", end);
	}
	put_assertion(s, st, kind, out);
	if (handed && !st->awaits) /* a promise ends it otherwise */
		buf_printf(out, "%s%s.end()%s\n", st->indent, st->param, end);
	return 0;
}

static void put_test(const struct subject *s, const struct js_style *st, const char *title,
		     const struct loads *l, const char *body, struct buf *out)
{
	const char *param = dialect_of(s)->handed ? st->param : "";

	if (st->strict)
		buf_printf(out, "%cuse strict%c%s\n\n", st->quote, st->quote,
			   st->semicolons ? ";" : "");
	if (st->test_line)
		buf_printf(out, "%s\n", st->test_line);
	if (st->assert_line && strstr(body, st->assertion))
		buf_printf(out, "%s\n", st->assert_line);
	buf_printf(out, "%s\n", l->lines.p ? l->lines.p : "");
	if (st->requests) {
		buf_put(out, _binary_request_js_start,
			(size_t)(_binary_request_js_end - _binary_request_js_start));
		buf_putc(out, '\n');
	}
	buf_printf(out, "%s(", st->test);
	style_string(out, title, strlen(title), st->quote);
	buf_printf(out, ", %s", st->awaits ? "async " : "");
	if (st->arrows)
		buf_printf(out, "(%s) => {\n", param);
	else
		buf_printf(out, "function (%s) {\n", param);
	buf_printf(out, "%s})%s\n", body, st->semicolons ? ";" : "");
}

/* The sibling to look like, and how names of new tests end: ".js", ".test.mjs"... */
static int find_sibling(const struct subject *s, const char *entry, struct buf *text,
			char suffix[16], struct err *e)
{
	static const char *const kinds[] = { ".js", ".mjs", ".cjs" };
	const struct dialect *d = dialect_of(s);
	int r = 0;

	(void)snprintf(suffix, 16, "%s", d->suffix);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && r == 0; i++) {
		r = style_sibling(s, kinds[i], d->mark, entry, text, e);
		if (r == 0 && text->n > 0)
			return style_suffix(s, kinds[i], suffix, e);
	}
	return r;
}

static int render_script(const struct subject *s, const struct script *script, const json_t *normal,
			 struct rendered *out, struct err *e)
{
	const struct step *last = (const struct step *)script->steps.v + script->steps.n - 1;
	const char *entry = last->call ? last->call : "";
	AUTO_BUF struct buf sibling = BUF_INIT(4 * TEXT_MAX), body = BUF_INIT(TEXT_MAX);
	AUTO_BUF struct buf content = BUF_INIT(TEXT_MAX), title = BUF_INIT(512);
	AUTO_FREE char *path = NULL;
	struct loads l = { .lines = BUF_INIT(TEXT_MAX) };
	struct js_style st = { 0 };
	char suffix[16];
	int r = find_sibling(s, entry, &sibling, suffix, e);

	if (r == 0) {
		read_style(s, sibling.n ? sibling.p : NULL, entry, &st);
		st.requests = last->request;
		st.awaits = last->request || style_is_async(s, sibling.n ? sibling.p : NULL, entry);
		r = put_body(s, &st, script,
			     sibling.n && *entry ? style_result(sibling.p, entry) : 0, &l, &body,
			     e);
	}
	style_title(s, normal, &title);
	if (r == 0)
		r = style_path(s, normal, "", '-', suffix, &path, e);
	if (r == 0) {
		put_test(s, &st, title.p, &l, body.p, &content);
		r = buf_check(&content, "test", e);
	}
	if (r == 0)
		*out = (struct rendered){ take_ptr(path), buf_take(&content), buf_take(&title) };
	style_release(&st);
	strlist_release(&l.paths);
	strlist_release(&l.names);
	buf_release(&l.lines);
	return r;
}

int render_js(const struct subject *s, const json_t *normal, struct rendered *out, struct err *e)
{
	return style_script(s, normal, render_script, out, e);
}
