/* SPDX-License-Identifier: Apache-2.0 */
#include "images/recipe.h"

#include <ctype.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "images/layer.h"
#include "runtime/base/buf.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/jsonc.h"

#define RECIPE_MAX (1u << 20)

#define ROW(type, member, k, ...)                                                           \
	{                                                                                   \
		.name = #member, .kind = (k), .offset = offsetof(type, member), __VA_ARGS__ \
	}

static const struct jmap npm_map[] = {
	ROW(struct recipe_npm, manifest, JMAP_STR,
	    .help = "package.json; beside the lock file when absent"),
	ROW(struct recipe_npm, lock, JMAP_STR, .required = 1, .help = "package-lock.json"),
	ROW(struct recipe_npm, at, JMAP_STR, .help = "where node_modules goes; /app when absent"),
	{ 0 },
};

static const struct jmap debian_map[] = {
	ROW(struct recipe_debian, packages, JMAP_STRS, .required = 1, .max = PACKAGES_MAX,
	    .help = "NAME or NAME=VERSION"),
	ROW(struct recipe_debian, sha256, JMAP_MAP, .help = "NAME: SHA-256 of the package file"),
	ROW(struct recipe_debian, at, JMAP_STR,
	    .help = "where they are extracted; /opt/toolchain when absent"),
	{ 0 },
};

static const struct jmap file_map[] = {
	ROW(struct recipe_file, from, JMAP_STR, .required = 1, .help = "a file"),
	ROW(struct recipe_file, to, JMAP_STR, .required = 1,
	    .help = "its absolute path in the layer"),
	ROW(struct recipe_file, executable, JMAP_BOOL, .help = "mode 0755 instead of 0644"),
	{ 0 },
};

static const struct jmap build_map[] = {
	ROW(struct recipe_build, run, JMAP_STRS, .required = 1, .min = 1, .max = 256,
	    .help = "argv; runs in a replica without network"),
	ROW(struct recipe_build, cwd, JMAP_STR, .required = 1,
	    .help = "where it runs; given to its user"),
	ROW(struct recipe_build, uid, JMAP_U64, .min = 1, .max = 65535,
	    .help = "user and group that runs it; 1000 when absent"),
	ROW(struct recipe_build, timeout, JMAP_DURATION, .max = 86400000,
	    .help = "10m when absent"),
	{ 0 },
};

#define PART(member, flag, m, ...)                                                               \
	{                                                                                        \
		.name = #member, .kind = JMAP_OBJECT, .offset = offsetof(struct recipe, member), \
		.sub = (m), .present = offsetof(struct recipe, flag) + 1, __VA_ARGS__            \
	}

static const struct jmap recipe_map[] = {
	ROW(struct recipe, name, JMAP_STR, .required = 1, .help = "shown while it is prepared"),
	ROW(struct recipe, image, JMAP_STR, .help = "what it is made for; host when absent"),
	PART(npm, has_npm, npm_map, .help = "packages from npm, by lock file, scripts off"),
	PART(debian, has_debian, debian_map, .help = "Debian packages, downloaded and extracted"),
	ROW(struct recipe, files, JMAP_LIST, .sub = file_map, .size = sizeof(struct recipe_file),
	    .help = "the operator's own files"),
	PART(build, has_build, build_map, .help = "one command on top of all that"),
	{ 0 },
};

DEFINE_CLEANUP(struct jsonc, jsonc_free);

void recipe_release(struct recipe *r)
{
	jmap_release(recipe_map, r);
	cleanup_close(&r->dir);
	r->dir = -1;
}

const char *recipe_place(const char *at)
{
	return at + strspn(at, "/");
}

/* ---- checks; each says the pointer of the wrong value ---- */

static int check_place(const char *at, const char *pointer, bool root, struct err *e)
{
	if (at[0] != '/')
		return err_set(e, EINVAL, "%s: '%s' is not an absolute path", pointer, at);
	if (!*recipe_place(at))
		return root ? 0 : err_set(e, EINVAL, "%s: '/' cannot be meant", pointer);
	if (at[1] == '/' || layer_path_check(at + 1, e) < 0)
		return err_set(e, EINVAL, "%s: '%s' is not a clean path", pointer, at);
	return 0;
}

/* It becomes an argument of apt-get: never an option, never a path to a file. */
static bool is_package(const char *s)
{
	const size_t name = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789+-.");
	const char *version = s + name;

	if (name < 2 || !isalnum((unsigned char)*s))
		return false;
	if (!*version)
		return true;
	if (*version++ != '=' || !isdigit((unsigned char)*version))
		return false;
	for (; *version; version++)
		if (!isalnum((unsigned char)*version) && !strchr(".+~:-", *version))
			return false;
	return true;
}

static bool has_package(const struct recipe_debian *d, const char *name)
{
	const size_t n = strlen(name);

	for (size_t i = 0; i < d->packages.n; i++)
		if (strncmp(d->packages.v[i], name, n) == 0 &&
		    (d->packages.v[i][n] == '\0' || d->packages.v[i][n] == '='))
			return true;
	return false;
}

static int check_debian(const struct recipe_debian *d, struct err *e)
{
	if (d->packages.n == 0)
		return err_set(e, EINVAL, "/debian/packages: want at least one package");
	for (size_t i = 0; i < d->packages.n; i++)
		if (!is_package(d->packages.v[i]))
			return err_set(e, EINVAL,
				       "/debian/packages/%zu: '%.100s' is not NAME or NAME=VERSION",
				       i, d->packages.v[i]);
	for (size_t i = 0; i < d->sha256.n; i++) {
		const struct strpair *p = &d->sha256.v[i];

		if (!has_package(d, p->key))
			return err_set(e, EINVAL, "/debian/sha256/%s: is not among the packages",
				       p->key);
		if (strlen(p->value) != 64 || !is_object_id(p->value))
			return err_set(e, EINVAL, "/debian/sha256/%s: is not a SHA-256 digest",
				       p->key);
	}
	return check_place(d->at, "/debian/at", true, e);
}

static int check_files(const struct recipe *r, struct err *e)
{
	const struct recipe_file *f = r->files.v;

	for (size_t i = 0; i < r->files.n; i++) {
		char pointer[48];

		(void)snprintf(pointer, sizeof(pointer), "/files/%zu/to", i);
		if (check_place(f[i].to, pointer, false, e) < 0)
			return -e->code;
	}
	return 0;
}

static int check(const struct recipe *r, struct err *e)
{
	if (!name_is_safe(r->name))
		return err_set(e, EINVAL,
			       "/name: '%.80s' is not a-z, 0-9, '.', '_', '-', at most 63",
			       r->name);
	if (!r->has_npm && !r->has_debian && !r->has_build && r->files.n == 0)
		return err_set(e, EINVAL, ": want 'npm', 'debian', 'files' or 'build'");
	if (r->has_npm && check_place(r->npm.at, "/npm/at", true, e) < 0)
		return -e->code;
	if (r->has_debian && check_debian(&r->debian, e) < 0)
		return -e->code;
	if (r->has_build && check_place(r->build.cwd, "/build/cwd", false, e) < 0)
		return -e->code;
	return check_files(r, e);
}

/* ---- reading ---- */

static int set_default(char **field, const char *value)
{
	if (!*field)
		*field = strdup(value);
	return *field ? 0 : -ENOMEM;
}

static int set_manifest(struct recipe_npm *n)
{
	const char *slash = strrchr(n->lock, '/');
	const int dir = slash ? (int)(slash - n->lock + 1) : 0;

	if (n->manifest)
		return 0;
	if (asprintf(&n->manifest, "%.*spackage.json", dir, n->lock) < 0) {
		n->manifest = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int set_defaults(struct recipe *r, struct err *e)
{
	if (set_default(&r->image, "host") < 0 ||
	    (r->has_npm && (set_default(&r->npm.at, "/app") < 0 || set_manifest(&r->npm) < 0)) ||
	    (r->has_debian && set_default(&r->debian.at, "/opt/toolchain") < 0))
		return err_set(e, ENOMEM, "recipe: out of memory");
	return 0;
}

static int open_folder(const char *path, struct err *e)
{
	char copy[PATH_MAX];

	if (strlen(path) >= sizeof(copy))
		return err_set(e, ENAMETOOLONG, "recipe: the path is too long");
	(void)snprintf(copy, sizeof(copy), "%s", path);
	return fd_open_dir(dirname(copy), e);
}

int recipe_read(const char *path, struct recipe *out, struct err *e)
{
	struct jsonc CLEANUP(cleanup_jsonc_free) *text = NULL;
	struct buf AUTO_BUF data = BUF_INIT(RECIPE_MAX);
	struct recipe r = { .dir = -1, .build = { .uid = 1000 } };
	int at;

	if (file_read_at(AT_FDCWD, path, RECIPE_MAX, &data, e) < 0 ||
	    jsonc_parse(path, data.p ? data.p : "", data.n, JSONC_COMMENTS, &text, e) < 0)
		return -e->code;
	at = jmap_read(recipe_map, jsonc_root(text), &r, "", e);
	if (at == 0)
		at = set_defaults(&r, e);
	if (at == 0)
		at = check(&r, e);
	if (at < 0)
		at = jsonc_locate(text, e);
	else
		r.dir = open_folder(path, e);
	if (at < 0 || r.dir < 0) {
		recipe_release(&r);
		return -e->code;
	}
	*out = r;
	return 0;
}

int recipe_open(const struct recipe *r, const char *path, struct err *e)
{
	const int fd = openat(r->dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd < 0 ? err_sys(e, "recipe '%s': '%s'", r->name, path) : fd;
}

/* ---- the key ---- */

static int hash_file(const struct recipe *r, const char *path, struct sha256 *h, struct err *e)
{
	AUTO_CLOSE int fd = recipe_open(r, path, e);
	char hex[SHA256_HEX];

	if (fd < 0)
		return -e->code;
	if (sha256_fd(fd, hex, e) < 0)
		return err_wrap(e, "recipe '%s': '%s'", r->name, path);
	sha256_update(h, hex, sizeof(hex));
	return 0;
}

int recipe_digest(const struct recipe *r, struct sha256 *h, struct err *e)
{
	json_t AUTO_JSON *obj = jmap_write(recipe_map, r);
	char AUTO_FREE *text = obj ? json_dumps(obj, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	const struct recipe_file *f = r->files.v;

	if (!text)
		return err_set(e, ENOMEM, "recipe '%s': out of memory", r->name);
	sha256_update(h, text, strlen(text) + 1);
	if (r->has_npm &&
	    (hash_file(r, r->npm.manifest, h, e) < 0 || hash_file(r, r->npm.lock, h, e) < 0))
		return -e->code;
	for (size_t i = 0; i < r->files.n; i++)
		if (hash_file(r, f[i].from, h, e) < 0)
			return -e->code;
	return 0;
}
