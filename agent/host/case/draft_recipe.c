/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/draft_parts.h"

/* The toolchain of a draft: what npm's lock file says, or Debian's packages of what Python needs.
 */

/* Names that Debian does not make by putting "python3-" before the lower-case name. */
static const struct {
	const char *name, *package;
} irregular[] = {
	{ "attrs", "python3-attr" },
	{ "beautifulsoup4", "python3-bs4" },
	{ "pillow", "python3-pil" },
	{ "psycopg2-binary", "python3-psycopg2" },
	{ "pyjwt", "python3-jwt" },
	{ "pyyaml", "python3-yaml" },
	{ "python-dateutil", "python3-dateutil" },
	{ "python-dotenv", "python3-dotenv" },
	{ "scikit-learn", "python3-sklearn" },
};

/* What pytest itself needs in Debian 12: a recipe takes packages as they are named, and no more. */
static const char *const with_pytest[] = { "python3-pytest", "python3-pluggy", "python3-iniconfig",
					   "python3-packaging", "python3-attr" };

static int add_package(struct strlist *out, const char *name)
{
	char low[128], package[160];
	size_t n = 0;

	for (; name[n] && n + 1 < sizeof(low); n++)
		low[n] = (char)(name[n] == '_' || name[n] == '.'   ? '-'
				: name[n] >= 'A' && name[n] <= 'Z' ? name[n] + 32
								   : name[n]);
	low[n] = '\0';
	(void)snprintf(package, sizeof(package), "python3-%s", low);
	for (size_t i = 0; i < sizeof(irregular) / sizeof(irregular[0]); i++)
		if (strcmp(irregular[i].name, low) == 0)
			(void)snprintf(package, sizeof(package), "%s", irregular[i].package);
	return strlist_has(out, package) ? 0 : strlist_add(out, package);
}

/* Words that are no module to be had. */
static bool is_tool(const char *name)
{
	static const char *const tools[] = { "pip", "setuptools", "wheel", "tox", "pytest" };

	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		if (strcmp(tools[i], name) == 0)
			return true;
	return false;
}

static int python_packages(const struct manifests *m, bool pytest, struct strlist *out)
{
	int bad = 0;

	for (size_t i = 0; pytest && i < sizeof(with_pytest) / sizeof(with_pytest[0]); i++)
		bad |= strlist_add(out, with_pytest[i]);
	for (size_t i = 0; i < m->n; i++) {
		const struct manifest *f = &m->v[i];

		if (strcmp(f->kind, "python") != 0 && strcmp(f->kind, "requirements") != 0)
			continue;
		for (size_t k = 0; k < f->needs.n; k++)
			if (!is_tool(f->needs.v[k]))
				bad |= add_package(out, f->needs.v[k]);
	}
	return bad;
}

static bool wants_pytest(const struct manifests *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].pytest || strlist_has(&m->v[i].needs, "pytest") ||
		    strlist_has(&m->v[i].dev, "pytest"))
			return true;
	return manifests_count(m, "", "conftest.py") > 0;
}

static int python_recipe(struct drafting *d, struct buf *b)
{
	struct strlist packages = { 0 };
	int bad = python_packages(d->in->found, wants_pytest(d->in->found), &packages);

	if (packages.n) {
		buf_puts(b, "{\n\t\"name\": ");
		put_json(b, d->in->name);
		buf_puts(b,
			 ",\n\t\"image\": \"host\",\n"
			 "\t// Debian's packages, by name guessed from what the repository says it "
			 "needs.\n"
			 "\t// What they depend on is not added: 'sickbay service check' names the "
			 "first that is missing.\n"
			 "\t\"debian\": {\n\t\t\"packages\": [");
		for (size_t i = 0; i < packages.n; i++) {
			buf_puts(b, i ? ", " : "");
			put_json(b, packages.v[i]);
		}
		buf_puts(b, "],\n\t\t\"at\": \"/opt/toolchain\"\n\t}\n}\n");
	}
	strlist_release(&packages);
	return bad;
}

static void npm_recipe(struct drafting *d, struct buf *b)
{
	const struct manifest *npm = manifest_of(d->in->found, "npm");
	const struct manifest *lock = manifest_of(d->in->found, "npm-lock");

	if (!npm || !(npm->needs.n + npm->dev.n))
		return;
	if (!lock) {
		d->no_lock = true;
		return;
	}
	d->npm = true;
	buf_puts(b, "{\n\t\"name\": ");
	put_json(b, d->in->name);
	buf_puts(
		b,
		",\n\t\"image\": \"host\",\n\t// copies of the repository's files: npm reads them, "
		"scripts are not run\n"
		"\t\"npm\": { \"manifest\": \"package.json\", \"lock\": \"package-lock.json\", "
		"\"at\": ");
	put_json(b, d->cwd);
	buf_puts(b, " }\n}\n");
}

int draft_recipe(struct drafting *d, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(1u << 18);
	const char *const lang = d->language ? d->language : "";
	int bad = 0;

	if (strcmp(lang, "python") == 0)
		bad = python_recipe(d, &b);
	else if (strcmp(lang, "javascript") == 0)
		npm_recipe(d, &b);
	if (bad)
		return err_set(e, ENOMEM, "out of memory");
	if (b.n)
		d->recipe = buf_take(&b);
	return buf_check(&b, "recipe", e);
}

/* ---- how Python code is imported ---- */

static bool is_module(const char *name, size_t n)
{
	static const char *const not [] = { "test",  "tests",	 "docs",    "examples",
					    "setup", "conftest", "scripts", "manage" };

	for (size_t i = 0; i < sizeof(not ) / sizeof(not [0]); i++)
		if (strlen(not [i]) == n && memcmp(not [i], name, n) == 0)
			return false;
	return n > 0;
}

/* A package at the top or below src/, else a module at the top. */
int draft_find_module(struct drafting *d)
{
	const struct git_tree *t = &d->in->found->tree;

	if (!d->language || strcmp(d->language, "python") != 0)
		return 0;
	for (int round = 0; round < 2 && !d->module; round++) {
		for (size_t i = 0; i < t->n && !d->module; i++) {
			const char *p = t->v[i].path;
			const char *const want = round ? ".py" : "/__init__.py";
			size_t n;

			if (!round && strncmp(p, "src/", 4) == 0)
				p += 4;
			n = strcspn(p, round ? "./" : "/");
			if (strcmp(p + n, want) != 0 || !is_module(p, n))
				continue;
			d->module = strndup(p, n);
			if (!d->module)
				return -ENOMEM;
		}
	}
	return 0;
}
