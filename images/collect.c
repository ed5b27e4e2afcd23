/* SPDX-License-Identifier: Apache-2.0 */
#include "images/collect.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "images/layer.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"

#define RECORD_MAX (8u << 20)
#define ID_PREFIX  "sha256-"
#define ID_LENGTH  (sizeof(ID_PREFIX) - 1 + 64)

int store_ids_in(const char *text, struct strlist *ids)
{
	for (const char *p = strstr(text, ID_PREFIX); p; p = strstr(p + 1, ID_PREFIX)) {
		char id[ID_LENGTH + 1];

		if (strspn(p + strlen(ID_PREFIX), "0123456789abcdef") != 64)
			continue;
		(void)snprintf(id, sizeof(id), "%.*s", (int)ID_LENGTH, p);
		if (!strlist_has(ids, id) && strlist_add(ids, id) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Every file of a directory, its own name included: a record is named by its layer. */
static int read_all(int dir, const char *name, struct strlist *ids, struct err *e)
{
	const int fd = fd_open_beneath(dir, name, O_RDONLY | O_DIRECTORY, 0, e);
	CLEANUP(cleanup_closedir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	int r = fd < 0 ? fd : 0;

	if (fd >= 0 && !d) {
		cleanup_close(&fd);
		return err_sys(e, "list '%s'", name);
	}
	for (const struct dirent *one = d ? readdir(d) : NULL; r == 0 && one; one = readdir(d)) {
		AUTO_BUF struct buf text = BUF_INIT(RECORD_MAX);
		struct stat st;

		if (one->d_name[0] == '.' ||
		    fstatat(dirfd(d), one->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		r = file_read_at(dirfd(d), one->d_name, RECORD_MAX, &text, e);
		if (r == 0 && (store_ids_in(one->d_name, ids) < 0 ||
			       store_ids_in(text.p ? text.p : "", ids) < 0))
			r = err_set(e, ENOMEM, "out of memory");
	}
	return r;
}

int store_named(struct store *s, struct strlist *ids, struct err *e)
{
	int r = read_all(s->images, "names", ids, e);

	if (r == 0)
		r = read_all(s->images, "records", ids, e);
	return r == 0 ? read_all(s->images, ".", ids, e) : r;
}

/* Nobody holds it, and it has been there for a while: who found it a moment ago may open it yet. */
static bool is_idle(int layers, const char *name, uint64_t age_ms)
{
	AUTO_CLOSE int fd = openat(layers, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const uint64_t now = clock_real_ns() / 1000000;
	struct stat st;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0)
		return false;
	return (uint64_t)st.st_ctim.tv_sec * 1000 + (uint64_t)st.st_ctim.tv_nsec / 1000000 +
		       age_ms <=
	       now;
}

int store_unused(struct store *s, const struct strlist *named, uint64_t age_ms, collect_fn *fn,
		 void *ctx, struct err *e)
{
	const int fd = fd_open_beneath(s->images, "layers", O_RDONLY | O_DIRECTORY, 0, e);
	CLEANUP(cleanup_closedir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	int r = fd < 0 ? fd : 0;

	if (fd >= 0 && !d) {
		cleanup_close(&fd);
		return err_sys(e, "list the layers");
	}
	for (const struct dirent *one = d ? readdir(d) : NULL; r == 0 && one; one = readdir(d)) {
		if (strcmp(one->d_name, ".") == 0 || strcmp(one->d_name, "..") == 0 ||
		    strlist_has(named, one->d_name) || !is_idle(s->layers, one->d_name, age_ms))
			continue;
		r = fn(ctx, one->d_name, e);
	}
	return r;
}

int store_drop(struct store *s, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (strncmp(name, ID_PREFIX, strlen(ID_PREFIX)) == 0)
		return layer_remove(s, name, e);
	fd = fd_open_beneath(s->layers, name, O_RDONLY | O_DIRECTORY, 0, e);
	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, EBUSY, "'%s' is being written", name);
	return tree_remove_at(s->layers, name, e);
}
