/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/base/jmap.h"
#include "runtime/decode/results.h"
#include "runtime/decode/text.h"

/*
 * The Test Anything Protocol, versions 12 to 14, with subtests: a test's id is
 * the path of its names, "outer > inner".  Everything that is no test line is
 * the output of something else and passed over; "ended" says whether the plan
 * was there, was met, and nobody bailed out.
 */
#define DEPTH_MAX 16

struct tap {
	const struct source *in;
	struct tests tests;
	const char *names[DEPTH_MAX]; /* of the open subtests */
	json_int_t plan;	      /* of the outermost level; -1: none */
	json_int_t seen;	      /* tests of that level */
	bool bailed, in_yaml;
	size_t line;
};

struct test_line {
	const char *name;
	size_t name_len;
	enum test_status status;
};

/* "TODO why" and "SKIP why" after an unescaped '#'. */
static enum test_status directive(const char *s, enum test_status otherwise)
{
	s = text_skip(s);
	if (strncasecmp(s, "skip", 4) == 0)
		return TEST_SKIP;
	return strncasecmp(s, "todo", 4) == 0 ? TEST_TODO : otherwise;
}

/* "ok 3 - name # SKIP why" */
static bool test_split(const char *s, struct test_line *out)
{
	const bool failed = text_starts(s, "not ok");
	unsigned long number;
	size_t n = 0;

	if (!failed && !text_starts(s, "ok"))
		return false;
	s += failed ? strlen("not ok") : strlen("ok");
	if (*s && *s != ' ')
		return false;
	s = text_skip(s);
	if (text_number(&s, &number))
		s = text_skip(s);
	if (text_starts(s, "- "))
		s += 2;
	while (s[n] && !(s[n] == '#' && (n == 0 || s[n - 1] != '\\')))
		n++;
	*out = (struct test_line){ .name = s, .status = failed ? TEST_FAIL : TEST_PASS };
	if (s[n])
		out->status = directive(s + n + 1, out->status);
	while (n && s[n - 1] == ' ')
		n--;
	out->name_len = n;
	return true;
}

static void put_name(struct buf *id, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] != '\\' || (i + 1 < n && s[i + 1] != '#' && s[i + 1] != '\\') ||
		    i + 1 == n)
			buf_putc(id, s[i]);
		else
			buf_putc(id, s[++i]);
}

static int add(struct tap *t, const struct test_line *line, size_t depth, struct err *e)
{
	AUTO_BUF struct buf id = BUF_INIT(TEST_ID_MAX);
	const char *prefix = source_option(t->in, "prefix", NULL);
	struct err why = ERR_INIT;

	if (prefix)
		buf_printf(&id, "%s::", prefix);
	for (size_t i = 0; i < depth; i++) {
		put_name(&id, t->names[i], strlen(t->names[i]));
		buf_puts(&id, " > ");
	}
	put_name(&id, line->name, line->name_len);
	t->seen += depth == 0;
	if (buf_check(&id, "the name of a test", &why) < 0 ||
	    tests_add(&t->tests, id.n ? id.p : "(no name)", line->status, 0, &why) < 0)
		return source_error(e, t->in, t->line, 1, "%s", why.msg);
	return 0;
}

static void plan_parse(struct tap *t, const char *s)
{
	unsigned long n;

	s += strlen("1..");
	if (text_number(&s, &n))
		t->plan = (json_int_t)n;
}

static int line_parse(struct tap *t, const char *line, struct err *e)
{
	const size_t indent = text_indent(line), depth = indent / 4;
	const char *s = line + indent;
	struct test_line test;

	if (t->in_yaml) {
		t->in_yaml = strcmp(s, "...") != 0;
		return 0;
	}
	if (strcmp(s, "---") == 0) {
		t->in_yaml = true;
		return 0;
	}
	if (depth >= DEPTH_MAX)
		return source_error(e, t->in, t->line, 1, "subtests deeper than %d", DEPTH_MAX);
	if (text_starts(s, "# Subtest: "))
		t->names[depth] = s + strlen("# Subtest: ");
	else if (text_starts(s, "Bail out!"))
		t->bailed = true;
	else if (depth == 0 && text_starts(s, "1.."))
		plan_parse(t, s);
	else if (indent == depth * 4 && test_split(s, &test)) {
		for (size_t i = 0; i < depth; i++)
			if (!t->names[i]) /* an indented line of something else */
				return 0;
		return add(t, &test, depth, e);
	}
	return 0;
}

int tap_decode(const struct source *in, json_t **out, struct err *e)
{
	AUTO_TEXT struct text text = { 0 };
	struct tap t = { .in = in, .plan = -1 };
	int r = text_read(in->name, in->text, in->n, &text, e);

	if (r < 0 || tests_init(&t.tests, e) < 0)
		return -e->code;
	for (size_t i = 0; i < text.n && r == 0; i++) {
		t.line = i + 1;
		r = line_parse(&t, text.line[i], e);
	}
	if (r == 0)
		r = tests_value(&t.tests, t.plan, t.plan >= 0 && t.plan == t.seen && !t.bailed, out,
				e);
	tests_release(&t.tests);
	return r;
}
