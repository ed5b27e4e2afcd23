/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/syntax/source.h"

#include <string.h>

#include "tests/tap.h"

static struct source *parse(const char *path, const char *text)
{
	struct source *s = NULL;
	struct err e = ERR_INIT;

	CHECK_INT(source_open(path, lang_by_path(path), text, strlen(text), &s, &e), 0);
	return s;
}

static void expect_function(const struct source *s, unsigned line, const char *name,
			    const char *params)
{
	const TSNode f = function_at_line(s, line);
	char list[256] = "";
	TSNode param, node;

	CHECK(!ts_node_is_null(f));
	if (ts_node_is_null(f))
		return;

	AUTO_FREE char *got = function_name(s, f);

	CHECK_STR(got, name);
	for (unsigned i = 0; function_param(s, f, i, &param, &node); i++) {
		AUTO_FREE char *text = node_text(s, node);

		(void)snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
			       i ? "," : "", text);
	}
	CHECK_STR(list, params);
}

static void functions_of_javascript_have_names_and_parameters(void)
{
	AUTO_SOURCE struct source *s = parse("a.js", "function one(a, b = 2) {\n}\n"
						     "var two = function (c) {\n};\n"
						     "exports.three = (d, ...e) => {\n};\n"
						     "class F {\n four(g) {\n }\n}\n"
						     "const five = h =>\n h;\n");

	expect_function(s, 1, "one", "a,b");
	expect_function(s, 3, "two", "c");
	expect_function(s, 5, "three", "d,...e");
	expect_function(s, 8, "four", "g");
	expect_function(s, 12, "five", "h");
}

static void functions_of_python_have_names_and_parameters(void)
{
	AUTO_SOURCE struct source *s =
		parse("a.py", "def one(a, b=2, *c, d: int = 3, e: str):\n    return a\n");

	expect_function(s, 2, "one", "a,b,*c,d,e");
}

static void functions_of_c_are_found_behind_macros(void)
{
	AUTO_SOURCE struct source *s =
		parse("a.c", "static int one(const char *a, struct b *b, int c[3])\n{\n}\n"
			     "API(char *) two(struct d *d, int e)\n{\n\treturn 0;\n}\n"
			     "char **three(void)\n{\n}\n");

	expect_function(s, 2, "one", "a,b,c");
	expect_function(s, 6, "two", "d,e");
	expect_function(s, 9, "three", "void");
}

static void a_line_has_the_statement_that_begins_on_it(void)
{
	AUTO_SOURCE struct source *s = parse("a.js", "function f(x) {\n  if (x.y) {\n    g(\n"
						     "      x.z\n    );\n  }\n\n  return 1;\n}\n");
	const struct {
		unsigned line, first, last;
	} rows[] = { { 2, 2, 6 }, { 3, 3, 5 }, { 4, 3, 5 }, { 8, 8, 8 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const TSNode st = statement_at_line(s, rows[i].line);

		CHECK(!ts_node_is_null(st));
		CHECK_INT(node_line(st), rows[i].first);
		CHECK_INT(node_line_end(st), rows[i].last);
	}
	CHECK(ts_node_is_null(statement_at_line(s, 7)));
	CHECK(ts_node_is_null(statement_at_line(s, 99)));
}

static enum walk count(const struct source *s, TSNode node, void *ctx)
{
	(void)s;
	(void)node;
	++*(unsigned *)ctx;
	return WALK_ON;
}

static void very_deep_and_broken_texts_are_only_trees(void)
{
	static char deep[60001];
	unsigned n = 0;

	memset(deep, '(', sizeof(deep) - 1);

	AUTO_SOURCE struct source *a = parse("a.js", deep);
	AUTO_SOURCE struct source *b = parse("b.py", "def f(:\n\tif\n  else )(");
	AUTO_SOURCE struct source *c = parse("c.c", "");

	source_walk(a, a->root, count, &n);
	CHECK(n > 0);
	CHECK(ts_node_has_error(b->root));
	CHECK(ts_node_is_null(function_at_line(c, 1)));
	CHECK(ts_node_is_null(statement_at_line(c, 1)));
}

static void what_has_no_grammar_is_refused(void)
{
	CHECK(lang_by_path("a.rs") == NULL);
	CHECK(lang_by_path(".py") == NULL);
	CHECK(lang_by_name("perl") == NULL);
	CHECK(lang_by_path("lib/x.mjs") == lang_by_name("javascript"));
	CHECK(lang_listed("javascript python", "python"));
	CHECK(!lang_listed("javascript python", "c"));
	CHECK(lang_listed(NULL, "c"));
}

TAP_MAIN(TEST(functions_of_javascript_have_names_and_parameters),
	 TEST(functions_of_python_have_names_and_parameters),
	 TEST(functions_of_c_are_found_behind_macros),
	 TEST(a_line_has_the_statement_that_begins_on_it),
	 TEST(very_deep_and_broken_texts_are_only_trees), TEST(what_has_no_grammar_is_refused))
