/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/draft.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/draft_parts.h"

#define TEXT_MAX (1u << 20)

/* ---- writing ---- */

void put_json(struct buf *b, const char *s)
{
	AUTO_JSON json_t *v = json_string(s);
	AUTO_FREE char *text = v ? json_dumps(v, JSON_ENCODE_ANY) : NULL;

	buf_puts(b, text ? text : "\"\"");
}

void note(struct drafting *d, const char *fmt, ...)
{
	va_list ap;
	char line[600];

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	buf_printf(d->b, "\t// %s\n", line);
}

void fill_in(struct drafting *d, const char *fmt, ...)
{
	va_list ap;
	char line[600];

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	buf_printf(d->b, "\t// FILL IN: %s\n", line);
	d->failed |= strlist_add(&d->open, line) < 0;
}

/* ---- the parts of a service file, in their order ---- */

static void put_head(struct drafting *d)
{
	const struct draft_input *in = d->in;

	buf_printf(d->b,
		   "// A draft, from %s at %.12s. Nothing of the repository was run.\n"
		   "// Read it, complete what says FILL IN, then: sickbay service check %s\n"
		   "// What each key means: man 5 sickbay-service\n{\n",
		   in->repository, in->found->commit, in->name);
	for (size_t i = 0; i < in->found->unread.n; i++)
		note(d, "could not be read: %s", in->found->unread.v[i]);
	buf_puts(d->b, "\t\"version\": 1,\n\t\"name\": ");
	put_json(d->b, in->name);
	buf_puts(d->b, ",\n");
	if (!d->language)
		fill_in(d, "\"language\": javascript, python or c; neither was recognised");
	buf_puts(d->b, "\t\"language\": ");
	put_json(d->b, d->language ? d->language : "unknown");
	buf_puts(d->b, ",\n");
	note(d, "How far sickbay may go. observe: says what it would do; reproduce: delivers a "
		"failing test;");
	note(d,
	     "propose: also a branch with the fix. 'sickbay service promote %s' shows what speaks "
	     "for the next.",
	     in->name);
	buf_puts(d->b, "\t\"mode\": \"observe\",\n");
}

static void put_repository(struct drafting *d)
{
	const struct manifest *docker = manifest_of(d->in->found, "docker");
	const char *const version = "org.opencontainers.image.version";

	buf_puts(d->b, "\t\"repository\": { \"url\": ");
	put_json(d->b, d->in->repository);
	buf_puts(d->b, ", \"target\": ");
	put_json(d->b, d->in->found->branch);
	buf_puts(d->b, " },\n");
	fill_in(d, "\"release\", unless reports bring the commit: how the release that they name "
		   "becomes a tag or commit");
	note(d, "\"release\": { \"pattern\": \"^%s@([0-9.]+)$\", \"ref\": \"v$1\" },", d->in->name);
	for (size_t i = 0; docker && i < docker->labels.n; i++)
		if (strncmp(docker->labels.v[i].key, version, 24) == 0)
			note(d, "%s: %s = %s", docker->path, docker->labels.v[i].key,
			     docker->labels.v[i].value);
}

static void put_paths(struct drafting *d)
{
	const struct manifest *docker = manifest_of(d->in->found, "docker");

	if (docker && docker->workdir && docker->workdir[0] == '/')
		note(d, "%s: WORKDIR", docker->path);
	else
		fill_in(d, "\"production\": the folder in which production has this repository, as "
			   "stack traces name it");
	buf_puts(d->b, "\t\"paths\": [{ \"production\": ");
	{
		AUTO_FREE char *slash = NULL;

		d->failed |= asprintf(&slash, "%s/", d->cwd) < 0;
		put_json(d->b, slash ? slash : "");
	}
	buf_puts(d->b, ", \"repository\": \"\" }],\n\t\"in_app\": [");
	for (size_t i = 0; i < d->in_app.n; i++) {
		buf_puts(d->b, i ? ", " : "");
		put_json(d->b, d->in_app.v[i]);
	}
	buf_puts(d->b, "],\n");
	if (docker && docker->from) {
		note(d, "%s: FROM %s", docker->path, docker->from);
		fill_in(d,
			"\"image\": what production runs: 'sickbay image import PATH --name %s', "
			"then its name instead of \"host\"",
			d->in->name);
	}
	buf_puts(d->b, "\t\"image\": { \"production\": \"host\" },\n");
}

static void put_env(struct drafting *d)
{
	const struct manifest *docker = manifest_of(d->in->found, "docker");
	const char *between = "\n";

	buf_puts(d->b, "\t\"run\": {\n\t\t\"cwd\": ");
	put_json(d->b, d->cwd);
	buf_puts(d->b, ",\n\t\t\"env\": {");
	if (d->language && strcmp(d->language, "python") == 0) {
		AUTO_FREE char *path = NULL;
		const bool src = manifests_count(d->in->found, "src/", ".py") > 0;

		d->failed |= asprintf(&path,
				      "%s%s:/opt/toolchain/usr/lib/python3/dist-packages:"
				      "/opt/sickbay/reporters",
				      d->cwd, src ? "/src" : "") < 0;
		buf_puts(d->b, "\n\t\t\t\"PYTHONPATH\": ");
		put_json(d->b, path ? path : "");
		buf_puts(d->b, ",\n\t\t\t\"PYTHONDONTWRITEBYTECODE\": \"1\"");
		between = ",\n";
	}
	for (size_t i = 0; docker && i < docker->env.n; i++) {
		if (strcmp(docker->env.v[i].key, "PATH") == 0 ||
		    strncmp(docker->env.v[i].key, "PYTHON", 6) == 0)
			continue;
		buf_printf(d->b, "%s\t\t\t", between);
		put_json(d->b, docker->env.v[i].key);
		buf_puts(d->b, ": ");
		put_json(d->b, docker->env.v[i].value);
		between = ",\n";
	}
	buf_puts(d->b, *between == ',' ? "\n\t\t}\n\t},\n" : "}\n\t},\n");
}

static void put_toolchain(struct drafting *d)
{
	if (d->recipe) {
		buf_puts(d->b, "\t\"toolchain\": { \"recipe\": ");
		put_json(d->b, d->in->recipe);
		buf_puts(d->b, " },\n");
		return;
	}
	fill_in(d, "\"toolchain\", where tests need what the image lacks: %s",
		d->no_lock ? "package.json names dependencies, but no package-lock.json pins them"
			   : "no dependency was found");
	note(d, "\"toolchain\": { \"recipe\": \"%s\" },", d->in->recipe);
}

static int write_service(struct drafting *d, struct err *e)
{
	put_head(d);
	put_repository(d);
	put_paths(d);
	put_toolchain(d);
	put_env(d);
	draft_put_tests(d);
	buf_puts(d->b, "}\n");
	if (d->failed)
		return err_set(e, ENOMEM, "out of memory");
	return buf_check(d->b, "draft", e);
}

/* ---- what it is made of ---- */

static const char *language_of(const struct manifests *m)
{
	const struct {
		const char *name;
		bool known; /* a tool of it has its file here */
		size_t files;
	} all[] = {
		{ "javascript", manifest_of(m, "npm"),
		  manifests_count(m, "", ".js") + manifests_count(m, "", ".mjs") +
			  manifests_count(m, "", ".cjs") },
		{ "python", manifest_of(m, "python") || manifest_of(m, "requirements"),
		  manifests_count(m, "", ".py") },
		{ "c", manifest_of(m, "make") || manifest_of(m, "cmake"),
		  manifests_count(m, "", ".c") },
	};
	const char *best = NULL;
	size_t most = 0;

	for (size_t i = 0; i < 3; i++) {
		const size_t score = all[i].files ? all[i].files + (all[i].known ? 1000 : 0) : 0;

		if (score > most) {
			most = score;
			best = all[i].name;
		}
	}
	return best;
}

static int place_of(struct drafting *d)
{
	const struct manifest *docker = manifest_of(d->in->found, "docker");
	const char *const dir = docker ? docker->workdir : NULL;

	if (dir && dir[0] == '/' && dir[1] && dir[strlen(dir) - 1] != '/') {
		d->cwd = strdup(dir);
		return d->cwd ? 0 : -ENOMEM;
	}
	return asprintf(&d->cwd, "/srv/%s", d->in->name) < 0 ? -ENOMEM : 0;
}

static int own_code(struct drafting *d)
{
	static const char *const folders[] = { "src/", "lib/", "app/", "server/" };
	const char *const lang = d->language ? d->language : "";
	const char *const end = strcmp(lang, "python") == 0 ? ".py"
				: strcmp(lang, "c") == 0    ? ".c"
							    : ".js";
	char glob[80];
	int bad = 0;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (!manifests_count(d->in->found, folders[i], end))
			continue;
		(void)snprintf(glob, sizeof(glob), "%s**", folders[i]);
		bad |= strlist_add(&d->in_app, glob);
	}
	if (d->module && manifests_count(d->in->found, d->module, "/__init__.py")) {
		(void)snprintf(glob, sizeof(glob), "%.70s/**", d->module);
		bad |= strlist_add(&d->in_app, glob);
	}
	(void)snprintf(glob, sizeof(glob), "*%s", end);
	bad |= strlist_add(&d->in_app, glob);
	return bad ? -ENOMEM : 0;
}

static void drafting_release(struct drafting *d)
{
	free(d->cwd);
	free(d->module);
	strlist_release(&d->in_app);
	strlist_release(&d->open);
	free(d->recipe);
}

int draft_make(const struct draft_input *in, struct draft *out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX);
	struct drafting d = { .in = in, .b = &text, .language = language_of(in->found) };
	int r = place_of(&d);

	if (r == 0)
		r = draft_find_module(&d);
	if (r == 0)
		r = own_code(&d);
	r = r < 0 ? err_set(e, ENOMEM, "out of memory") : draft_recipe(&d, e);
	if (r == 0)
		r = write_service(&d, e);
	if (r == 0) {
		out->service = buf_take(&text);
		out->recipe = take_ptr(d.recipe);
		out->npm = d.npm;
		out->open = d.open;
		d.open = (struct strlist){ 0 };
	}
	drafting_release(&d);
	return r;
}

void draft_release(struct draft *d)
{
	free(d->service);
	free(d->recipe);
	strlist_release(&d->open);
	*d = (struct draft){ 0 };
}
