/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/glob.h"
#include "tests/tap.h"

static void wildcards_mean_what_the_manual_says(void)
{
	static const struct {
		const char *pattern, *path;
		bool want;
	} row[] = {
		{ "src/a.c", "src/a.c", true },
		{ "src/a.c", "src/a.cc", false },
		{ "src/?.c", "src/a.c", true },
		{ "src/?.c", "src//.c", false },
		{ "src/*.c", "src/a.c", true },
		{ "src/*.c", "src/.c", true },
		{ "src/*.c", "src/x/a.c", false },
		{ "*", "a", true },
		{ "*", "a/b", false },
		{ "**", "a/b/c", true },
		{ "**/a.c", "a.c", true },
		{ "**/a.c", "x/y/a.c", true },
		{ "**/a.c", "xa.c", false },
		{ "src/**/a.c", "src/a.c", true },
		{ "src/**/a.c", "src/x/y/a.c", true },
		{ "src/**/a.c", "srcx/a.c", false },
		{ "src/**", "src", true },
		{ "src/**", "src/a/b", true },
		{ "src/**", "srcs", false },
		{ "**/.git/**", ".git", true },
		{ "**/.git/**", "a/.git", true },
		{ "**/.git/**", "a/.git/config", true },
		{ "**/.git/**", "a/.gitx", false },
		{ "/**", "/", true },
		{ "/**", "/a", true },
		{ "**/*lock*", "yarn.lock", true },
		{ "**/*lock*", "a/b/lockfile", true },
		{ "**/test_*", "test/a.c", false },
		{ "", "", true },
		{ "a", "", false },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		if (glob_match(row[i].pattern, row[i].path) != row[i].want)
			printf("# %s against %s\n", row[i].pattern, row[i].path);
		CHECK(glob_match(row[i].pattern, row[i].path) == row[i].want);
	}
}

static void what_a_glob_cannot_say_is_refused(void)
{
	static const struct {
		const char *pattern, *want;
	} row[] = {
		{ "", "a pattern is never empty" },
		{ "src/[ab].c", "globs know '?', '*' and '**' only" },
		{ "src/{a,b}.c", "globs know '?', '*' and '**' only" },
		{ "a/***", "globs know '?', '*' and '**' only" },
		{ "a**", "'**' stands alone between slashes" },
		{ "a/**b", "'**' stands alone between slashes" },
		{ "a//b", "a path has no empty component" },
		{ "a/", "a path has no empty component" },
		{ "a/../b", "a path has no '..' component" },
		{ "./a", "a path has no '.' component" },
		{ "a\nb", "a pattern has no control characters" },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const char *const why = glob_check(row[i].pattern);

		CHECK_STR(why ? why : "accepted", row[i].want);
	}
	CHECK(glob_check("**/*.c") == NULL);
	CHECK(glob_check("/usr/**") == NULL);
	CHECK(glob_check("/") == NULL);
}

/* Exponential or cubic matchers never come back from this one. */
static void a_hostile_pattern_takes_no_longer(void)
{
	char pattern[GLOB_MAX], path[4097];
	size_t n = 0;

	while (n + 6 < sizeof(pattern)) {
		memcpy(pattern + n, "**/*a", 5);
		n += 5;
	}
	pattern[n] = '\0';
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	CHECK(!glob_match(pattern, path));
}

static void trees_and_literals_are_told_apart(void)
{
	CHECK(glob_is_tree("/usr/**"));
	CHECK(glob_is_tree("/**"));
	CHECK(!glob_is_tree("/u*r/**"));
	CHECK(!glob_is_tree("/usr"));
	CHECK(glob_is_literal("/usr/bin/sh"));
	CHECK(!glob_is_literal("/usr/*"));
}

TAP_MAIN(TEST(wildcards_mean_what_the_manual_says), TEST(what_a_glob_cannot_say_is_refused),
	 TEST(a_hostile_pattern_takes_no_longer), TEST(trees_and_literals_are_told_apart))
