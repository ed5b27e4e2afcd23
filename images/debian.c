/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/fetch.h"
#include "images/toolchain.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"

/*
 * Debian packages: apt-get downloads them (and checks them against the signed
 * lists), their data members are extracted, nothing of them runs.  Where the
 * host's own lists do not know a package, or are missing, lists of our own are
 * updated and asked: the host's apt is never changed.  Which versions and
 * contents the packages had goes into the layer's record.
 */
#define ARGS_MAX 16

struct apt {
	const struct preparing *p;
	char *argv[ARGS_MAX + PACKAGES_MAX + 1];
	size_t n;
};

static void add(struct apt *a, const char *arg)
{
	a->argv[a->n++] =
		(char *)(uintptr_t)arg; /* exec() wants pointers to char, and changes nothing */
}

static void begin(struct apt *a, const struct preparing *p, bool own_lists)
{
	static const char *const common[] = { "apt-get", "-qq",
					      "-o",	 "Dir::Cache=/tmp/work",
					      "-o",	 "Dir::Cache::pkgcache=",
					      "-o",	 "Dir::Cache::srcpkgcache=" };

	*a = (struct apt){ .p = p };
	for (size_t i = 0; i < sizeof(common) / sizeof(*common); i++)
		add(a, common[i]);
	if (own_lists) {
		add(a, "-o");
		add(a, "Dir::State::Lists=/tmp/cache");
	}
}

static int run(struct apt *a, const char *what, struct err *e)
{
	const struct fetch f = {
		.work = a->p->scratch.path, .cache = a->p->cache, .argv = a->argv, .out = -1
	};
	struct fetch_run started;

	if (fetch_start(&f, &started, e) < 0)
		return -e->code;
	return fetch_wait(&started, what, e);
}

static int download(const struct preparing *p, bool own_lists, struct err *e)
{
	const struct strlist *names = &p->recipe->debian.packages;
	struct apt a;

	begin(&a, p, own_lists);
	add(&a, "download");
	add(&a, "--");
	for (size_t i = 0; i < names->n && i < PACKAGES_MAX; i++)
		add(&a, names->v[i]);
	log_progress("%s: apt-get downloads %zu packages", p->recipe->name, names->n);
	return run(&a, "apt-get download", e);
}

static int update_lists(const struct preparing *p, struct err *e)
{
	struct apt a;

	begin(&a, p, true);
	add(&a, "-o");
	add(&a, "Acquire::Languages=none");
	add(&a, "update");
	log_progress("%s: apt-get updates lists of its own", p->recipe->name);
	return run(&a, "apt-get update", e);
}

static int fetch_packages(const struct preparing *p, struct err *e)
{
	struct err first = ERR_INIT;

	if (download(p, false, &first) == 0)
		return 0;
	if (update_lists(p, e) < 0)
		return err_set(e, first.code, "%s", first.msg);
	return download(p, true, e);
}

/* "NAME_VERSION_ARCH.deb", an epoch's colon written as "%3a". */
static int split_name(const char *file, char name[256], char version[256])
{
	const char *one = strchr(file, '_'), *two = one ? strchr(one + 1, '_') : NULL;
	const char *colon;

	if (!two || two - file > 250)
		return -EINVAL;
	(void)snprintf(name, 256, "%.*s", (int)(one - file), file);
	(void)snprintf(version, 256, "%.*s", (int)(two - one - 1), one + 1);
	colon = strstr(version, "%3a");
	if (colon) {
		version[colon - version] = ':';
		memmove(version + (colon - version) + 1, colon + 3, strlen(colon + 3) + 1);
	}
	return 0;
}

static int check_pin(const struct recipe_debian *d, const char *name, const char *hex,
		     struct err *e)
{
	for (size_t i = 0; i < d->sha256.n; i++)
		if (strcmp(d->sha256.v[i].key, name) == 0 && strcmp(d->sha256.v[i].value, hex) != 0)
			return err_set(e, EBADMSG,
				       "package '%s' has sha256 %s, but the recipe pins %s", name,
				       hex, d->sha256.v[i].value);
	return 0;
}

static int extract(const struct preparing *p, const char *file, struct err *e)
{
	const char *at = recipe_place(p->recipe->debian.at);
	const struct unpack how = { .prefix = *at ? at : NULL, .deb = true };
	AUTO_CLOSE int fd = fd_open_beneath(p->scratch.dir, file, O_RDONLY | O_NOFOLLOW, 0, e);
	char name[256], version[256], hex[SHA256_HEX];
	json_t *row;

	if (fd < 0)
		return -e->code;
	if (split_name(file, name, version) < 0)
		return err_set(e, EPROTO, "apt-get download left '%s', which is no package", file);
	if (sha256_fd(fd, hex, e) < 0 || check_pin(&p->recipe->debian, name, hex, e) < 0)
		return -e->code;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "'%s': rewind", file);
	log_progress("%s: extracting %s %s", p->recipe->name, name, version);
	if (layer_unpack(p->draft.dir, fd, file, &how, NULL, e) < 0)
		return -e->code;
	row = json_pack("{s:s, s:s, s:s}", "name", name, "version", version, "sha256", hex);
	if (!row || json_array_append_new(p->packages, row) < 0)
		return err_set(e, ENOMEM, "package '%s': out of memory", name);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_packages(const struct preparing *p, struct strlist *out, struct err *e)
{
	const int fd = openat(p->scratch.dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR CLEANUP(cleanup_closedir) *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		(void)err_sys(e, "list what apt-get downloaded");
		cleanup_close(&fd);
		return -e->code;
	}
	for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
		const char *dot = strrchr(d->d_name, '.');

		if (dot && strcmp(dot, ".deb") == 0 && strlist_add(out, d->d_name) < 0)
			return err_set(e, ENOMEM, "list what apt-get downloaded: out of memory");
	}
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), compare_names);
	return 0;
}

int debian_prepare(const struct preparing *p, struct err *e)
{
	struct strlist files = { 0 };
	int r;

	if (fetch_packages(p, e) < 0)
		return -e->code;
	r = list_packages(p, &files, e);
	if (r == 0 && files.n != p->recipe->debian.packages.n)
		r = err_set(e, EPROTO, "apt-get download left %zu packages of %zu", files.n,
			    p->recipe->debian.packages.n);
	for (size_t i = 0; r == 0 && i < files.n; i++)
		r = extract(p, files.v[i], e);
	strlist_release(&files);
	return r;
}
