/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/proto/decode.h"

#define FILES_MAX 40
#define BLOB_MAX  (16u << 20)

#define AT(field) .offset = offsetof(struct manifest, field)
#define MORE	  1000 /* the decoder bounds it; this is what is believed */

/* clang-format off */
static const struct jmap manifest_map[] = {
	{ .name = "kind", .kind = JMAP_STR, AT(kind), .required = 1, .max = MORE },
	{ .name = "name", .kind = JMAP_STR, AT(name), .max = MORE },
	{ .name = "main", .kind = JMAP_STR, AT(main), .max = MORE },
	{ .name = "from", .kind = JMAP_STR, AT(from), .max = MORE },
	{ .name = "workdir", .kind = JMAP_STR, AT(workdir), .max = MORE },
	{ .name = "lock", .kind = JMAP_U64, AT(lock) },
	{ .name = "pytest", .kind = JMAP_BOOL, AT(pytest) },
	{ .name = "needs", .kind = JMAP_STRS, AT(needs), .max = MORE },
	{ .name = "dev", .kind = JMAP_STRS, AT(dev), .max = MORE },
	{ .name = "testpaths", .kind = JMAP_STRS, AT(testpaths), .max = MORE },
	{ .name = "targets", .kind = JMAP_STRS, AT(targets), .max = MORE },
	{ .name = "packages", .kind = JMAP_STRS, AT(packages), .max = MORE },
	{ .name = "lines", .kind = JMAP_STRS, AT(lines), .max = MORE },
	{ .name = "scripts", .kind = JMAP_MAP, AT(scripts) },
	{ .name = "env", .kind = JMAP_MAP, AT(env) },
	{ .name = "labels", .kind = JMAP_MAP, AT(labels) },
	{ 0 },
};
/* clang-format on */

static bool begins(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool ends(const char *s, const char *suffix)
{
	const size_t n = strlen(s), m = strlen(suffix);

	return n >= m && strcmp(s + n - m, suffix) == 0;
}

/* Files that say something; those of one's dependencies, where they are in the repository, do not.
 */
static bool wanted(const struct git_entry *f)
{
	static const char *const names[] = {
		"package.json",	  "package-lock.json", "npm-shrinkwrap.json", "pyproject.toml",
		"setup.cfg",	  "tox.ini",	       "pytest.ini",	      "Makefile",
		"GNUmakefile",	  "CMakeLists.txt",    "Dockerfile",	      "Containerfile",
		".gitlab-ci.yml", ".travis.yml",
	};
	const char *slash = strrchr(f->path, '/'), *name = slash ? slash + 1 : f->path;
	size_t depth = 0;

	if ((f->mode & 0170000) != 0100000)
		return false;
	if (begins(f->path, ".github/workflows/") || begins(f->path, ".circleci/"))
		return ends(f->path, ".yml") || ends(f->path, ".yaml");
	for (const char *p = f->path; *p; p++)
		depth += *p == '/';
	if (depth > 1 || strstr(f->path, "node_modules/") || strstr(f->path, "vendor/"))
		return false;
	if (begins(name, "requirements") && ends(name, ".txt"))
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

struct reading {
	struct manifests *m;
	const struct git_tree *chosen;
};

/* A lock file is handed on as it is: npm reads it when the toolchain is prepared. */
static int keep_text(struct manifest *f, const char *data, size_t n, struct err *e)
{
	if (strcmp(f->kind, "npm") != 0 && strcmp(f->kind, "npm-lock") != 0)
		return 0;
	f->text = malloc(n + 1);
	if (!f->text)
		return err_set(e, ENOMEM, "out of memory");
	memcpy(f->text, data, n);
	f->text[n] = '\0';
	f->n = n;
	return 0;
}

static int unread(struct manifests *m, const char *path, const struct err *why, struct err *e)
{
	AUTO_FREE char *line = NULL;

	if (asprintf(&line, "%s: %s", path, why->msg) < 0 || strlist_add(&m->unread, line) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return 0;
}

static int read_one(void *ctx, size_t index, const char *data, size_t n, struct err *e)
{
	struct reading *r = ctx;
	const char *path = r->chosen->v[index].path;
	AUTO_JSON json_t *options = json_pack("{s:s}", "path", path);
	AUTO_JSON json_t *v = NULL;
	struct manifest *f = &r->m->v[r->m->n];
	struct err why = ERR_INIT;

	if (!options)
		return err_set(e, EILSEQ, "'%s' is not UTF-8", path);
	if (n > BLOB_MAX)
		(void)err_set(&why, EFBIG, "larger than %u MiB", BLOB_MAX >> 20);
	else
		(void)decode_text(DECODE_MANIFEST, data, n, path, options, &v, &why);
	if (!v)
		return unread(r->m, path, &why, e);
	r->m->n++;
	f->path = strdup(path);
	if (!f->path)
		return err_set(e, ENOMEM, "out of memory");
	return jmap_read(manifest_map, v, f, "", e) < 0 ? -e->code : keep_text(f, data, n, e);
}

static int choose(const struct manifests *m, struct git_tree *out, struct err *e)
{
	out->v = calloc(FILES_MAX, sizeof(*out->v));
	if (!out->v)
		return err_set(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < m->tree.n && out->n < FILES_MAX; i++)
		if (wanted(&m->tree.v[i]))
			out->v[out->n++] = m->tree.v[i];
	return 0;
}

int manifests_read(struct git *g, struct manifests *out, struct err *e)
{
	struct manifests m = { 0 };
	struct git_tree chosen = { 0 };
	struct reading reading = { &m, &chosen };
	int r = git_head(g, &m.branch, e);

	if (r == 0)
		r = git_resolve(g, m.branch, m.commit, e);
	if (r == 0)
		r = git_tree_read(g, m.commit, "", &m.tree, e);
	if (r == 0)
		r = choose(&m, &chosen, e);
	if (r == 0) {
		m.v = calloc(chosen.n + 1, sizeof(*m.v));
		r = m.v ? git_blobs(g, &chosen, read_one, &reading, e)
			: err_set(e, ENOMEM, "out of memory");
	}
	free(chosen.v);
	if (r < 0) {
		manifests_release(&m);
		return r;
	}
	*out = m;
	return 0;
}

void manifests_release(struct manifests *m)
{
	for (size_t i = 0; m->v && i < m->n; i++) {
		jmap_release(manifest_map, &m->v[i]);
		free(m->v[i].path);
		free(m->v[i].text);
	}
	free(m->v);
	free(m->branch);
	git_tree_release(&m->tree);
	strlist_release(&m->unread);
	*m = (struct manifests){ 0 };
}

const struct manifest *manifest_of(const struct manifests *m, const char *kind)
{
	const struct manifest *found = NULL;

	for (size_t i = 0; i < m->n; i++) {
		if (strcmp(m->v[i].kind, kind) != 0)
			continue;
		if (!strchr(m->v[i].path, '/'))
			return &m->v[i];
		if (!found)
			found = &m->v[i];
	}
	return found;
}

bool manifests_need(const struct manifests *m, const char *kind, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->v[i].kind, kind) == 0 &&
		    (strlist_has(&m->v[i].needs, name) || strlist_has(&m->v[i].dev, name)))
			return true;
	return false;
}

size_t manifests_count(const struct manifests *m, const char *begin, const char *end)
{
	size_t n = 0;

	for (size_t i = 0; i < m->tree.n; i++)
		n += begins(m->tree.v[i].path, begin) && ends(m->tree.v[i].path, end);
	return n;
}
