/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/bodies.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/sha256.h"

void bodies_digest(const void *data, size_t n, char out[BODIES_NAMED])
{
	uint8_t digest[SHA256_LEN];
	char hex[SHA256_HEX];

	sha256_of(data, n, digest);
	sha256_hex(digest, hex);
	(void)snprintf(out, BODIES_NAMED, "sha256:%s", hex);
}

static int open_store(const char *state, const char *folder, bool make, struct err *e)
{
	AUTO_CLOSE int at = fd_open_dir(state, e);
	char path[32];

	if (at < 0)
		return at;
	(void)snprintf(path, sizeof(path), BODIES_DIR "/%.2s", folder);
	if (make && dir_make_at(at, path, 0700, e) < 0)
		return -e->code;
	return fd_open_beneath(at, path, O_RDONLY | O_DIRECTORY, 0, e);
}

int bodies_put(const char *state, const void *data, size_t n, struct err *e)
{
	char name[BODIES_NAMED];
	const char *hex = name + strlen("sha256:");
	AUTO_CLOSE int at = -1;

	bodies_digest(data, n, name);
	at = open_store(state, hex, true, e);
	if (at < 0)
		return err_wrap(e, "what a model was asked or answered");
	if (utimensat(at, hex + 2, NULL, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return file_publish_at(at, hex + 2, data, n, 0600, e);
}

static bool is_older(int at, const char *name, uint64_t age_ms)
{
	struct stat st;
	uint64_t then;

	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return false;
	then = (uint64_t)st.st_mtim.tv_sec * 1000 + (uint64_t)st.st_mtim.tv_nsec / 1000000;
	return then + age_ms <= clock_real_ns() / 1000000;
}

static int expire_folder(const char *state, const char *folder, uint64_t age_ms, size_t *n,
			 struct err *e)
{
	int at = open_store(state, folder, false, e);
	CLEANUP(cleanup_closedir) DIR *d = at < 0 ? NULL : fdopendir(at);
	const struct dirent *ent;

	if (!d)
		return at < 0 ? at : err_sys(e, "list '%s'", folder);
	while ((ent = readdir(d)))
		if (is_older(dirfd(d), ent->d_name, age_ms)) {
			if (unlinkat(dirfd(d), ent->d_name, 0) < 0)
				return err_sys(e, "remove '" BODIES_DIR "/%s/%s'", folder,
					       ent->d_name);
			(*n)++;
		}
	return 0;
}

int bodies_expire(const char *state, uint64_t age_ms, size_t *n, struct err *e)
{
	AUTO_FREE char *path = NULL;
	CLEANUP(cleanup_closedir) DIR *d = NULL;
	const struct dirent *ent;
	int r = 0;

	*n = 0;
	if (asprintf(&path, "%s/" BODIES_DIR, state) < 0)
		return err_set(e, ENOMEM, "out of memory");
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, "list '%s'", path);
	while (r == 0 && (ent = readdir(d)))
		if (strlen(ent->d_name) == 2 && strspn(ent->d_name, "0123456789abcdef") == 2)
			r = expire_folder(state, ent->d_name, age_ms, n, e);
	return r;
}
