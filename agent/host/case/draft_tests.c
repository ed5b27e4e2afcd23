/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/draft_parts.h"

#define WORDS_MAX  12
#define NODE_TEST  "/opt/sickbay/reporters/node-test.js"
#define NODE_TAPE  "/opt/sickbay/reporters/node-tape.js"
#define NODE_MOCHA "/opt/sickbay/reporters/node-mocha.js"
#define NODE_JEST  "/opt/sickbay/reporters/node-jest.js"
#define JEST_ARG   "--reporters=/opt/sickbay/reporters/node-jest.js"
#define C_TESTS	   "/opt/sickbay/reporters/c-tests.sh"
#define BUILD_TEST "cc -g -I. -o \"$OUT/test\" \"$TEST\""

/* How each framework that has a reporter is run; "@dir" becomes the folder of the tests. */
static const struct framework {
	const char *name, *language;
	const char *command[WORDS_MAX], *one[WORDS_MAX], *check[WORDS_MAX];
} frameworks[] = {
	{ "tape",
	  "javascript",
	  { "node", "--require", NODE_TAPE, "node_modules/.bin/tape", "@dir/**/*.js" },
	  { "node", "--require", NODE_TAPE, "node_modules/.bin/tape", "@test" },
	  { "npx", "tape", "@test" } },
	{ "node:test",
	  "javascript",
	  { "node", "--require", NODE_TEST, "--test", "--test-reporter", NODE_TEST,
	    "--test-reporter-destination", "stdout", "@dir/" },
	  { "node", "--require", NODE_TEST, "--test", "--test-reporter", NODE_TEST,
	    "--test-reporter-destination", "stdout", "@test" },
	  { "node", "--test", "@test" } },
	{ "mocha",
	  "javascript",
	  { "node", "--require", NODE_MOCHA, "node_modules/.bin/mocha", "--full-trace",
	    "--reporter", NODE_MOCHA, "@dir" },
	  { "node", "--require", NODE_MOCHA, "node_modules/.bin/mocha", "--full-trace",
	    "--reporter", NODE_MOCHA, "@test" },
	  { "npx", "mocha", "@test" } },
	{ "jest",
	  "javascript",
	  { "node", "--require", NODE_JEST, "node_modules/.bin/jest", JEST_ARG, "--transform={}",
	    "--runInBand" },
	  { "node", "--require", NODE_JEST, "node_modules/.bin/jest", JEST_ARG, "--transform={}",
	    "--runInBand", "@test" },
	  { "npx", "jest", "@test" } },
	{ "pytest",
	  "python",
	  { "python3", "-m", "pytest", "-q", "-p", "pytest_sickbay", "-p", "no:cacheprovider" },
	  { "python3", "-m", "pytest", "-q", "-p", "pytest_sickbay", "-p", "no:cacheprovider",
	    "@test" },
	  { "python3", "-m", "pytest", "@test" } },
	{ "unittest",
	  "python",
	  { "python3", "-m", "sickbay_unittest", "discover", "-t", ".", "-s", "@dir" },
	  { "python3", "-m", "sickbay_unittest", "@test" },
	  { "python3", "-m", "unittest", "@test" } },
	{ "c",
	  "c",
	  { "sh", C_TESTS, "-b", BUILD_TEST, "@dir/*.c" },
	  { "sh", C_TESTS, "-b", BUILD_TEST, "@test" },
	  { NULL } },
	{ "shell",
	  "c",
	  { "sh", C_TESTS, "@dir/*.sh" },
	  { "sh", C_TESTS, "@test" },
	  { "sh", "@test" } },
};

static const struct framework *framework(const char *name)
{
	for (size_t i = 0; i < sizeof(frameworks) / sizeof(frameworks[0]); i++)
		if (strcmp(frameworks[i].name, name) == 0)
			return &frameworks[i];
	return NULL;
}

static const char *script(const struct manifests *m, const char *name)
{
	const struct manifest *npm = manifest_of(m, "npm");

	for (size_t i = 0; npm && i < npm->scripts.n; i++)
		if (strcmp(npm->scripts.v[i].key, name) == 0)
			return npm->scripts.v[i].value;
	return "";
}

static bool ci_says(const struct manifests *m, const char *word)
{
	for (size_t i = 0; i < m->n; i++)
		for (size_t k = 0; k < m->v[i].lines.n; k++)
			if (strstr(m->v[i].lines.v[k], word))
				return true;
	return false;
}

static bool has_pytest(const struct manifests *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].pytest)
			return true;
	return manifests_need(m, "python", "pytest") ||
	       manifests_need(m, "requirements", "pytest") || ci_says(m, "pytest") ||
	       manifests_count(m, "", "conftest.py");
}

/* The folder with tests whose names end so; NULL: none of the usual ones has any. */
static const char *tests_in(const struct manifests *m, const char *end)
{
	static const char *const usual[] = { "test/", "tests/", "__tests__/", "spec/" };

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (manifests_count(m, usual[i], end))
			return usual[i];
	return NULL;
}

static const char *folder_of(const struct drafting *d)
{
	const struct manifests *m = d->in->found;
	const char *const lang = d->language ? d->language : "";

	for (size_t i = 0; strcmp(lang, "python") == 0 && i < m->n; i++)
		if (m->v[i].testpaths.n)
			return m->v[i].testpaths.v[0];
	if (strcmp(lang, "python") == 0)
		return tests_in(m, ".py");
	if (strcmp(lang, "c") == 0)
		return tests_in(m, ".c") ? tests_in(m, ".c") : tests_in(m, ".sh");
	return tests_in(m, "js");
}

/* A runner without a reporter of its own; NULL: none is known. */
static const char *other_runner(const struct manifests *m)
{
	static const char *const names[] = { "vitest", "ava", "jasmine", "tap" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (manifests_need(m, "npm", names[i]))
			return names[i];
	return NULL;
}

static const struct framework *choose(const struct drafting *d, const char *dir)
{
	const struct manifests *m = d->in->found;
	static const char *const npm[] = { "tape", "mocha", "jest" };
	const char *const lang = d->language ? d->language : "";

	if (strcmp(lang, "python") == 0)
		return has_pytest(m) ? framework("pytest") : dir ? framework("unittest") : NULL;
	if (strcmp(lang, "c") == 0)
		return !dir ? NULL : framework(manifests_count(m, dir, ".c") ? "c" : "shell");
	if (strcmp(lang, "javascript") != 0)
		return NULL;
	for (size_t i = 0; i < sizeof(npm) / sizeof(npm[0]); i++)
		if (manifests_need(m, "npm", npm[i]))
			return framework(npm[i]);
	if (strstr(script(m, "test"), "--test") || (dir && !other_runner(m)))
		return framework("node:test");
	return NULL;
}

static void put_words(struct drafting *d, const char *key, const char *const *words,
		      const char *dir)
{
	buf_printf(d->b, "\t\t\"%s\": [", key);
	for (size_t i = 0; i < WORDS_MAX && words[i]; i++) {
		const bool at = strncmp(words[i], "@dir", 4) == 0;
		char word[300];

		(void)snprintf(word, sizeof(word), "%s%s", at ? dir : words[i],
			       at ? words[i] + 4 : "");
		buf_puts(d->b, i ? ", " : "");
		put_json(d->b, word);
	}
	buf_puts(d->b, "],\n");
}

static void say_ci(struct drafting *d)
{
	const struct manifests *m = d->in->found;

	for (size_t i = 0; i < m->n; i++)
		for (size_t k = 0; k < m->v[i].lines.n; k++)
			note(d, "%s: %s", m->v[i].path, m->v[i].lines.v[k]);
	if (*script(m, "test"))
		note(d, "%s: npm test is '%s'", manifest_of(m, "npm")->path, script(m, "test"));
}

/* A command that says what is to be done loads, and is not ready. */
static void put_unknown(struct drafting *d, const char *dir)
{
	static const char *const command[WORDS_MAX] = {
		"sh", "-c",
		"echo 'the service file states no command that runs the suite' >&2; exit 1"
	};
	static const char *const one[WORDS_MAX] = { "sh", "-c", "exit 1", "@test" };
	const char *const runner = other_runner(d->in->found);

	if (runner)
		fill_in(d,
			"\"command\" and \"one\": %s has no reporter here; state a command that "
			"prints TAP",
			runner);
	else
		fill_in(d, "\"command\" and \"one\": what runs the suite, and one file of it; "
			   "\"format\": \"tap\" for what prints TAP");
	buf_puts(d->b, "\t\"tests\": [{\n\t\t\"name\": \"suite\",\n");
	put_words(d, "command", command, dir);
	put_words(d, "one", one, dir);
	buf_puts(d->b, "\t\t\"format\": \"tap\",\n");
}

static void put_new_test(struct drafting *d, const char *dir, const char *name)
{
	const char *const lang = d->language ? d->language : "";

	buf_puts(d->b, "\t\t\"timeout\": \"10m\",\n\t\t\"new_test\": { \"dir\": ");
	put_json(d->b, dir);
	buf_puts(d->b, ", \"framework\": ");
	put_json(d->b, name);
	if (strcmp(lang, "javascript") == 0 || d->module) {
		buf_puts(d->b, ", \"module\": ");
		put_json(d->b, d->module ? d->module : "../");
	}
	buf_puts(d->b, " }\n\t}]\n");
}

void draft_put_tests(struct drafting *d)
{
	const char *found = folder_of(d), *const lang = d->language ? d->language : "";
	const struct framework *f = choose(d, found);
	char dir[256];

	(void)snprintf(dir, sizeof(dir), "%s", found ? found : "test");
	if (dir[0] && dir[strlen(dir) - 1] == '/')
		dir[strlen(dir) - 1] = '\0';
	if (strcmp(lang, "c") == 0 && manifest_of(d->in->found, "make"))
		buf_puts(d->b, "\t\"build\": { \"production\": [\"make\", \"-s\"] },\n");
	say_ci(d);
	if (!found)
		fill_in(d, "\"dir\" of \"new_test\": where tests lie; none of the usual folders "
			   "has any");
	if (!f) {
		put_unknown(d, dir);
		put_new_test(d, dir, strcmp(lang, "python") == 0 ? "unittest" : "node:test");
		return;
	}
	if (strcmp(f->name, "c") == 0)
		fill_in(d, "in \"command\" and \"one\": how one test program is built");
	if (strcmp(lang, "python") == 0 && !d->module)
		fill_in(d, "\"module\" in \"new_test\": how a test imports the code");
	buf_puts(d->b, "\t\"tests\": [{\n\t\t\"name\": ");
	put_json(d->b, f->name);
	buf_puts(d->b, ",\n");
	put_words(d, "command", f->command, dir);
	put_words(d, "one", f->one, dir);
	if (f->check[0])
		put_words(d, "check", f->check, dir);
	buf_puts(d->b, "\t\t\"format\": \"reporter\",\n");
	put_new_test(d, dir, f->name);
}
