/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/buf.h"
#include "runtime/base/jmap.h"
#include "runtime/decode/decode_formats.h"
#include "tests/tap.h"

static const char *owners(const char *text, const char *paths)
{
	static char got[4096];
	AUTO_JSON json_t *options = json_pack("{s:o}", "paths", json_loads(paths, 0, NULL));
	const struct source in = {
		.name = "CODEOWNERS", .text = text, .n = strlen(text), .options = options
	};
	AUTO_JSON json_t *v = NULL;
	struct err e = ERR_INIT;
	size_t i;
	json_t *s;

	got[0] = '\0';
	if (owners_decode(&in, &v, &e) < 0) {
		(void)snprintf(got, sizeof(got), "%s", e.msg);
		return got;
	}
	json_array_foreach(json_object_get(v, "owners"), i, s) {
		const size_t n = strlen(got);

		(void)snprintf(got + n, sizeof(got) - n, "%s%s", i ? " " : "",
			       json_string_value(s));
	}
	return got;
}

static void the_last_line_that_matches_counts(void)
{
	static const char text[] =
		"# who\n*  @all\n*.js @js #@not\n/docs/ @docs\n"
		"apps/web/ @acme/web x@example.invalid\n/build/logs/ @doctocat\n"
		"\n/apps/github\n!/lib/ @no\nlib/[ab].js @no\nmy\\ file.txt @space\n";
	static const char *const want[][2] = {
		{ "[\"a.c\"]", "@all" },
		{ "[\"lib/a.js\"]", "@js" },
		{ "[\"docs/a/b.js\"]", "@docs" },
		{ "[\"x/docs/a.c\"]", "@all" },
		{ "[\"apps/web/x/y.js\"]", "@acme/web" },
		{ "[\"apps/github\"]", "" },
		{ "[\"apps/github/x.js\"]", "" },
		{ "[\"apps/githubs/x.js\"]", "@js" },
		{ "[\"x/my file.txt\"]", "@space" },
		{ "[\"a.c\",\"lib/b.js\",\"c.c\"]", "@all @js" },
		{ "[]", "" },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		CHECK_STR(owners(text, want[i][0]), want[i][1]);
}

static void patterns_are_those_of_the_forges(void)
{
	static const struct {
		const char *pattern, *path;
		bool yes;
	} want[] = {
		{ "*", "a/b", true },
		{ "docs/*", "docs/a.md", true },
		{ "docs/*", "docs/b/a.md", false },
		{ "docs/*", "x/docs/a.md", false },
		{ "apps/", "x/apps/y/z", true },
		{ "apps/", "apps", false },
		{ "/apps/", "apps/y", true },
		{ "/apps/", "x/apps/y", false },
		{ "**/logs", "logs/a", true },
		{ "**/logs", "build/logs/a", true },
		{ "**/logs", "build/mylogs", false },
		{ "a/**/b", "a/b", true },
		{ "a/**/b", "a/x/y/b", true },
		{ "a/**/b", "a/xb", false },
		{ "/src/**", "src/a/b", true },
		{ "/src/**", "srcs/a", false },
		{ "*.?s", "a/b.js", true },
		{ "*.?s", "a/b.cjs", false },
		{ "a*c*e", "abcde", true },
		{ "a*c*e", "ab/cde", false },
		{ "/", "a", true },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		char text[100], paths[100];

		(void)snprintf(text, sizeof(text), "%s @o\n", want[i].pattern);
		(void)snprintf(paths, sizeof(paths), "[\"%s\"]", want[i].path);
		CHECK_STR(owners(text, paths), want[i].yes ? "@o" : "");
	}
}

static void sections_count_each(void)
{
	static const char text[] = "* @all\n[Web] @web\n*.js\n*.ts @ts\n^[Docs][2] @docs\n*.md\n"
				   "[Empty]\n*.js\n";

	CHECK_STR(owners(text, "[\"a.js\"]"), "@all @web");
	CHECK_STR(owners(text, "[\"a.ts\"]"), "@all @ts");
	CHECK_STR(owners(text, "[\"a.md\"]"), "@all @docs");
}

static void what_is_found_is_bounded(void)
{
	AUTO_BUF struct buf text = BUF_INIT(1u << 20);
	size_t n = 0;

	buf_puts(&text, "*");
	for (int i = 0; i < 100; i++)
		buf_printf(&text, " @o%d", i);
	buf_printf(&text, " @%0300d @a;b @ @a\"b\n", 0);
	for (const char *p = owners(text.p, "[\"a\"]"); *p; p++)
		n += *p == '@';
	CHECK_INT((long long)n, 20);
	buf_reset(&text);
	buf_printf(&text, "[\"%01025d\"]", 0);
	CHECK_STR(owners("", text.p), "CODEOWNERS: too many paths, or too long ones");
}

TAP_MAIN(TEST(the_last_line_that_matches_counts), TEST(patterns_are_those_of_the_forges),
	 TEST(sections_count_each), TEST(what_is_found_is_bounded))
