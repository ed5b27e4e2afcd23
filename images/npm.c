/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/fetch.h"
#include "images/toolchain.h"
#include "runtime/base/buf.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/proto/decode.h"

/*
 * node_modules from a lock file.  The lock is not believed: each package must
 * name its version and a strong digest of its content, and places to download
 * from are taken out, so that npm asks for packages by name, wherever this host
 * gets them, and their content is what the lock says or npm fails.  Scripts do
 * not run.  The result goes through tar and sickbay-decode like any archive.
 */
#define MANIFEST_MAX (4u << 20)
#define LOCK_MAX     (64u << 20)
#define OWNER	     1000u

static int refuse(const char *name, const char *package, const char *why, struct err *e)
{
	return err_set(e, EINVAL, "%s: '%.200s': %s", name, package, why);
}

static bool is_strong(const char *integrity)
{
	return integrity &&
	       (strncmp(integrity, "sha512-", 7) == 0 || strncmp(integrity, "sha384-", 7) == 0 ||
		strncmp(integrity, "sha256-", 7) == 0);
}

static int check_package(const char *name, const char *key, json_t *package, struct err *e)
{
	const char *resolved = json_string_value(json_object_get(package, "resolved"));
	const char *integrity = json_string_value(json_object_get(package, "integrity"));

	if (!json_is_object(package))
		return refuse(name, key, "is not an object", e);
	if (json_is_true(json_object_get(package, "link")))
		return refuse(name, key,
			      "is a link to a folder; only packages by name can be prepared", e);
	if (resolved && strncmp(resolved, "https:", 6) != 0 && strncmp(resolved, "http:", 5) != 0)
		return refuse(
			name, key,
			"comes from a repository or a file; only packages by name can be prepared",
			e);
	(void)json_object_del(package, "resolved");
	if (!json_is_string(json_object_get(package, "version")))
		return refuse(name, key, "has no version", e);
	if (!is_strong(integrity) && !json_is_true(json_object_get(package, "inBundle")))
		return refuse(name, key, "has no 'integrity' with sha256 or better", e);
	return 0;
}

static int check_lock(const char *name, json_t *lock, struct err *e)
{
	json_t *packages = json_object_get(lock, "packages"), *package;
	const json_int_t version = json_integer_value(json_object_get(lock, "lockfileVersion"));
	const char *key;

	if (version < 2 || version > 3 || !json_is_object(packages))
		return err_set(e, EINVAL,
			       "%s: want a lock file of version 2 or 3, made by npm 7 or newer",
			       name);
	(void)json_object_del(lock, "dependencies"); /* the same for npm 6, with addresses */
	json_object_foreach(packages, key, package)
		if (*key && check_package(name, key, package, e) < 0)
			return -e->code;
	return 0;
}

static int write_lock(const struct preparing *p, struct err *e)
{
	const char *name = p->recipe->npm.lock;
	AUTO_CLOSE int fd = recipe_open(p->recipe, name, e);
	json_t AUTO_JSON *lock = NULL;
	char AUTO_FREE *text = NULL;

	if (fd < 0 || decode_value(DECODE_JSON, fd, name, NULL, &lock, e) < 0 ||
	    check_lock(name, lock, e) < 0)
		return -e->code;
	text = json_dumps(lock, JSON_INDENT(2));
	if (!text)
		return err_set(e, ENOMEM, "%s: out of memory", name);
	return layer_put_file(p->scratch.dir, "package-lock.json", text, strlen(text), 0644, 0, 0,
			      e);
}

static int write_manifest(const struct preparing *p, struct err *e)
{
	AUTO_CLOSE int fd = recipe_open(p->recipe, p->recipe->npm.manifest, e);
	struct buf AUTO_BUF data = BUF_INIT(MANIFEST_MAX);

	if (fd < 0 || fd_read_all(fd, MANIFEST_MAX, p->recipe->npm.manifest, &data, e) < 0)
		return -e->code;
	return layer_put_file(p->scratch.dir, "package.json", data.p ? data.p : "", data.n, 0644, 0,
			      0, e);
}

static int run_npm(const struct preparing *p, struct err *e)
{
	static char argv_text[][48] = { "npm",
					"ci",
					"--ignore-scripts",
					"--no-audit",
					"--no-fund",
					"--prefer-offline",
					"--loglevel=error",
					"--omit-lockfile-registry-resolved" };
	enum { N = sizeof(argv_text) / sizeof(*argv_text) };
	struct fetch f = { .work = p->scratch.path, .cache = p->cache, .out = -1 };
	struct fetch_run run;
	char *argv[N + 1];

	for (size_t i = 0; i < N; i++)
		argv[i] = argv_text[i];
	argv[N] = NULL;
	f.argv = argv;
	log_progress("%s: npm fetches the packages of '%s'", p->recipe->name, p->recipe->npm.lock);
	if (fetch_start(&f, &run, e) < 0)
		return -e->code;
	return fetch_wait(&run, "npm ci", e);
}

static int pack_and_unpack(const struct preparing *p, struct err *e)
{
	static char words[][24] = { "tar", "--format=pax", "-cf", "-", "node_modules" };
	char *argv[] = { words[0], words[1], words[2], words[3], words[4], NULL };
	const char *at = recipe_place(p->recipe->npm.at);
	const struct unpack how = { .prefix = *at ? at : NULL,
				    .only = "node_modules",
				    .force_owner = true,
				    .uid = OWNER,
				    .gid = OWNER };
	struct fetch f = { .work = p->scratch.path, .argv = argv };
	struct err late = ERR_INIT;
	struct fetch_run run;
	int pair[2], r, end;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(e, "create a pipe");
	f.out = pair[1];
	r = fetch_start(&f, &run, e);
	(void)close(pair[1]);
	if (r == 0) {
		log_progress("%s: unpacking node_modules", p->recipe->name);
		r = layer_unpack(p->draft.dir, pair[0], "node_modules", &how, NULL, e);
		(void)close(take_fd(&pair[0])); /* ends a tar that nobody reads any more */
		end = fetch_wait(&run, "tar", &late);
		if (r == 0 && end < 0)
			r = err_set(e, late.code, "%s", late.msg);
	}
	if (pair[0] >= 0)
		(void)close(pair[0]);
	return r;
}

int npm_prepare(const struct preparing *p, struct err *e)
{
	const char *at = recipe_place(p->recipe->npm.at);
	struct stat st;

	if (write_manifest(p, e) < 0 || write_lock(p, e) < 0 || run_npm(p, e) < 0)
		return -e->code;
	if (*at && layer_put_dir(p->draft.dir, at, 0755, OWNER, OWNER, e) < 0)
		return -e->code;
	if (layer_stat(p->scratch.dir, "node_modules", &st) < 0)
		return 0; /* the manifest names no dependency */
	return pack_and_unpack(p, e);
}
