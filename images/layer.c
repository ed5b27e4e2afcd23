/* SPDX-License-Identifier: Apache-2.0 */
#include "images/layer.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"

/*
 * One entry at a time into a layer's tree.  An entry's directory is opened by
 * one openat2() that may neither leave the layer nor pass a link; where that
 * fails because a part is missing, the parts are made one by one.  After that
 * only the last component is ever named, relative to that descriptor.
 */
struct place {
	int dir;
	char name[NAME_MAX + 1];
};

static void cleanup_place(const struct place *p)
{
	cleanup_close(&p->dir);
}
#define AUTO_PLACE CLEANUP(cleanup_place)

int layer_path_check(const char *path, struct err *e)
{
	unsigned depth = 0;

	if (strlen(path) > LAYER_PATH_MAX)
		return err_set(e, ENAMETOOLONG, "'%.64s...': the path is longer than %u bytes",
			       path, LAYER_PATH_MAX);
	if (!*path || *path == '/')
		return err_set(e, EINVAL, "'%s': want a path relative to the layer", path);
	for (const char *part = path; part; depth++) {
		const char *end = strchrnul(part, '/');
		const size_t n = (size_t)(end - part);

		if (n == 0 || (n == 1 && *part == '.'))
			return err_set(e, EINVAL, "'%s': has an empty or '.' component", path);
		if (n == 2 && part[0] == '.' && part[1] == '.')
			return err_set(e, EINVAL, "'%s': '..' would leave the layer", path);
		if (n > NAME_MAX)
			return err_set(e, ENAMETOOLONG, "'%.64s...': a component is too long",
				       path);
		if (depth >= LAYER_DEPTH)
			return err_set(e, EINVAL, "'%.64s...': deeper than %u directories", path,
				       LAYER_DEPTH);
		part = *end ? end + 1 : NULL;
	}
	return 0;
}

bool layer_is_whiteout(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(0, 0);
}

static int set_opaque(int dir, const char *path, struct err *e)
{
	if (fsetxattr(dir, "trusted.overlay.opaque", "y", 1, 0) < 0)
		return err_sys(e, "'%s': mark as opaque", path);
	return 0;
}

/* One missing or hidden parent: a whiteout in its place means that lower layers' content stays
 * hidden. */
static int step_into(int dir, const char *name, const char *path, int *out, struct err *e)
{
	const bool hidden = layer_is_whiteout(dir, name);
	AUTO_CLOSE int fd = -1;
	struct err ignored = ERR_INIT;
	bool made;

	if (hidden && unlinkat(dir, name, 0) < 0)
		return err_sys(e, "'%s': replace a whiteout", path);
	made = mkdirat(dir, name, 0755) == 0;
	if (!made && errno != EEXIST)
		return err_sys(e, "'%s': make its directory", path);
	fd = fd_open_beneath(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &ignored);
	if (fd < 0)
		return err_set(e, -fd, "'%s': '%s' on its way is not a directory of the layer",
			       path, name);
	if (made && fchmod(fd, 0755) < 0) /* whatever the umask was */
		return err_sys(e, "'%s': set the mode of its directory", path);
	if (hidden && set_opaque(fd, path, e) < 0)
		return -e->code;
	*out = take_fd(&fd);
	return 0;
}

static int make_parents(int dir, const char *path, const char *last, int *out, struct err *e)
{
	AUTO_CLOSE int at = fcntl(dir, F_DUPFD_CLOEXEC, 3);
	char name[NAME_MAX + 1];

	if (at < 0)
		return err_sys(e, "'%s': duplicate a descriptor", path);
	while (path < last) {
		const char *end = strchr(path, '/');
		int next = -1;

		(void)snprintf(name, sizeof(name), "%.*s", (int)(end - path), path);
		if (step_into(at, name, path, &next, e) < 0)
			return -e->code;
		(void)close(at);
		at = next;
		path = end + 1;
	}
	*out = take_fd(&at);
	return 0;
}

static int find_place(int dir, const char *path, struct place *out, struct err *e)
{
	struct err ignored = ERR_INIT;
	const char *last;
	char parent[LAYER_PATH_MAX + 1];
	int fd;

	if (layer_path_check(path, e) < 0)
		return -e->code;
	last = strrchr(path, '/');
	last = last ? last + 1 : path;
	(void)snprintf(parent, sizeof(parent), "%.*s", (int)(last > path ? last - path - 1 : 0),
		       path);
	fd = fd_open_beneath(dir, *parent ? parent : ".", O_RDONLY | O_DIRECTORY, 0, &ignored);
	if (fd < 0 && make_parents(dir, path, last, &fd, e) < 0)
		return -e->code;
	out->dir = fd;
	(void)snprintf(out->name, sizeof(out->name), "%s", last);
	return 0;
}

static int check_ids(const char *path, unsigned uid, unsigned gid, struct err *e)
{
	if (uid > LAYER_ID_MAX || gid > LAYER_ID_MAX)
		return err_set(e, EOVERFLOW, "'%s': owner %u:%u is above %u", path, uid, gid,
			       LAYER_ID_MAX);
	return 0;
}

/* Later entries of an archive replace earlier ones, but never a directory by something else. */
static int make_room(const struct place *at, const char *path, struct err *e)
{
	if (unlinkat(at->dir, at->name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno == EISDIR || errno == EPERM)
		return err_set(e, EISDIR, "'%s': there is a directory of this name already", path);
	return err_sys(e, "'%s': replace", path);
}

int layer_set_meta(int fd, const struct layer_meta *m, struct err *e)
{
	const struct timespec times[2] = { { .tv_sec = m->mtime }, { .tv_sec = m->mtime } };
	struct stat st;

	if (check_ids("entry", m->uid, m->gid, e) < 0)
		return -e->code;
	if (fstat(fd, &st) < 0 || fchown(fd, m->uid, m->gid) < 0)
		return err_sys(e, "set the owner %u:%u", m->uid, m->gid);
	if (fchmod(fd, m->mode & (S_ISDIR(st.st_mode) ? 01777u : 0777u)) < 0)
		return err_sys(e, "set the mode");
	if (m->mtime >= 0 && futimens(fd, times) < 0)
		return err_sys(e, "set the time");
	return 0;
}

int layer_create(int dir, const char *path, int *fd, struct err *e)
{
	AUTO_PLACE struct place at = { .dir = -1 };
	int got;

	if (find_place(dir, path, &at, e) < 0 || make_room(&at, path, e) < 0)
		return -e->code;
	got = openat(at.dir, at.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (got < 0)
		return err_sys(e, "'%s': make", path);
	*fd = got;
	return 0;
}

/* NOLINTNEXTLINE(readability-function-size): a file is a path, content, a mode and an owner */
int layer_put_file(int dir, const char *path, const void *data, size_t n, unsigned mode,
		   unsigned uid, unsigned gid, struct err *e)
{
	const struct layer_meta m = { .mode = mode, .uid = uid, .gid = gid, .mtime = -1 };
	AUTO_CLOSE int fd = -1;

	if (check_ids(path, uid, gid, e) < 0 || layer_create(dir, path, &fd, e) < 0 ||
	    fd_write_all(fd, data, n, path, e) < 0)
		return -e->code;
	if (layer_set_meta(fd, &m, e) < 0)
		return err_wrap(e, "'%s'", path);
	return 0;
}

int layer_put_dir(int dir, const char *path, unsigned mode, unsigned uid, unsigned gid,
		  struct err *e)
{
	const struct layer_meta m = { .mode = mode, .uid = uid, .gid = gid, .mtime = -1 };
	AUTO_PLACE struct place at = { .dir = -1 };
	AUTO_CLOSE int fd = -1;
	struct stat st;

	if (check_ids(path, uid, gid, e) < 0 || find_place(dir, path, &at, e) < 0)
		return -e->code;
	if (fstatat(at.dir, at.name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode) &&
	    !S_ISCHR(st.st_mode) && make_room(&at, path, e) < 0)
		return -e->code;
	if (step_into(at.dir, at.name, path, &fd, e) < 0)
		return -e->code;
	if (layer_set_meta(fd, &m, e) < 0)
		return err_wrap(e, "'%s'", path);
	return 0;
}

int layer_put_link(int dir, const char *path, const char *target, unsigned uid, unsigned gid,
		   struct err *e)
{
	AUTO_PLACE struct place at = { .dir = -1 };

	if (!*target || strlen(target) > LAYER_PATH_MAX)
		return err_set(e, EINVAL, "'%s': the link's target is empty or too long", path);
	if (check_ids(path, uid, gid, e) < 0 || find_place(dir, path, &at, e) < 0 ||
	    make_room(&at, path, e) < 0)
		return -e->code;
	if (symlinkat(target, at.dir, at.name) < 0)
		return err_sys(e, "'%s': make the link", path);
	if (fchownat(at.dir, at.name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "'%s': set the owner", path);
	return 0;
}

/* The target must be a file or link that this layer has already: never a directory, never something
 * outside. */
int layer_put_hardlink(int dir, const char *path, const char *target, struct err *e)
{
	AUTO_PLACE struct place at = { .dir = -1 };
	AUTO_CLOSE int from = -1;
	struct err why = ERR_INIT;
	struct stat st;

	if (layer_path_check(target, &why) < 0)
		return err_set(e, EINVAL, "'%s': hard link to %s", path, why.msg);
	from = fd_open_beneath(dir, target, O_PATH | O_NOFOLLOW, 0, &why);
	if (from < 0 || fstat(from, &st) < 0)
		return err_set(e, EINVAL, "'%s': hard link to '%s', which the layer does not have",
			       path, target);
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return err_set(e, EINVAL, "'%s': hard link to '%s', which is not a file", path,
			       target);
	if (find_place(dir, path, &at, e) < 0)
		return -e->code;
	if (strcmp(path, target) == 0)
		return 0;
	if (make_room(&at, path, e) < 0)
		return -e->code;
	if (linkat(from, "", at.dir, at.name, AT_EMPTY_PATH) < 0)
		return err_sys(e, "'%s': make the hard link", path);
	return 0;
}

int layer_put_whiteout(int dir, const char *path, struct err *e)
{
	AUTO_PLACE struct place at = { .dir = -1 };

	if (find_place(dir, path, &at, e) < 0 || tree_remove_at(at.dir, at.name, e) < 0)
		return -e->code;
	if (mknodat(at.dir, at.name, S_IFCHR, makedev(0, 0)) < 0)
		return err_sys(e, "'%s': make the whiteout", path);
	return 0;
}

int layer_put_opaque(int dir, const char *path, struct err *e)
{
	AUTO_PLACE struct place at = { .dir = -1 };
	AUTO_CLOSE int fd = -1;

	if (!*path)
		return set_opaque(dir, "/", e);
	if (find_place(dir, path, &at, e) < 0 || step_into(at.dir, at.name, path, &fd, e) < 0)
		return -e->code;
	return set_opaque(fd, path, e);
}

int layer_stat(int dir, const char *path, struct stat *out)
{
	struct err ignored = ERR_INIT;
	AUTO_CLOSE int fd = fd_open_beneath(dir, path, O_PATH | O_NOFOLLOW, 0, &ignored);

	if (fd < 0)
		return fd;
	return fstat(fd, out) < 0 ? -errno : 0;
}
