/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "agent/host/case/source.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"

/*
 * An agent's tree is read here: names and bytes only, through openat2 beneath
 * the frozen upper, never by git.  The upper holds what was written since the
 * layers below; a 0:0 character device is overlayfs's whiteout (a deletion).
 */
#define FILE_MAX  (64u << 20)
#define COUNT_MAX 20000
#define DEPTH_MAX 64

struct walk {
	int upper, lower; /* directories at `place` */
	const struct changes *beneath;
	struct changes *out;
	size_t seen;
};

/* Content of a file or link; *type gets enum change_type. -ENOENT when there is none, -EISDIR for a
 * folder: a repository holds files. */
static int load(int dir, const char *path, int *type, char **data, size_t *n, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	AUTO_BUF struct buf b = BUF_INIT(FILE_MAX);
	struct stat st;
	int r;

	*data = NULL;
	*n = 0;
	fd = fd_open_beneath(dir, path, O_PATH | O_NOFOLLOW, 0, e);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat '%s'", path);
	*type = CHANGE_OTHER;
	if (S_ISDIR(st.st_mode))
		return err_set(e, EISDIR, "'%s' is a folder", path);
	if (S_ISLNK(st.st_mode)) {
		char target[4096];
		const ssize_t len = readlinkat(fd, "", target, sizeof(target) - 1);

		if (len < 0)
			return err_sys(e, "read link '%s'", path);
		*type = CHANGE_SYMLINK;
		*data = strndup(target, (size_t)len);
		*n = (size_t)len;
		return *data ? 0 : err_set(e, ENOMEM, "out of memory");
	}
	if (!S_ISREG(st.st_mode))
		return 0;
	*type = st.st_mode & 0111 ? CHANGE_EXECUTABLE : CHANGE_FILE;
	(void)close(fd);
	fd = fd_open_beneath(dir, path, O_RDONLY | O_NONBLOCK, 0, e);
	if (fd < 0)
		return fd;
	r = fd_read_all(fd, FILE_MAX, path, &b, e);
	if (r < 0)
		return r;
	*n = b.n;
	*data = buf_take(&b);
	return *data ? 0 : err_set(e, ENOMEM, "out of memory");
}

static void drop(struct change *ch)
{
	free(ch->path);
	free(ch->old_data);
	free(ch->new_data);
}

static int put(struct walk *w, struct change *ch, struct err *e)
{
	if (ch->kind == CHANGE_MODIFY && ch->type == ch->old_type && ch->new_len == ch->old_len &&
	    ch->new_data && ch->old_data && memcmp(ch->new_data, ch->old_data, ch->new_len) == 0) {
		drop(ch);
		return 0;
	}
	if (changes_put(w->out, ch) < 0) {
		drop(ch);
		return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

/* What was at the path before: from the changes beneath, else from the source. -ENOENT: nothing. */
static int load_old(const struct walk *w, const char *path, struct change *ch, struct err *e)
{
	const struct change *b = w->beneath ? changes_find(w->beneath, path) : NULL;

	if (!b)
		return w->lower < 0 ? -ENOENT
				    : load(w->lower, path, &ch->old_type, &ch->old_data,
					   &ch->old_len, e);
	if (b->kind == CHANGE_DELETE)
		return -ENOENT;
	ch->old_type = b->type;
	ch->old_len = b->new_len;
	ch->old_data = calloc(1, b->new_len + 1);
	if (!ch->old_data)
		return err_set(e, ENOMEM, "out of memory");
	memcpy(ch->old_data, b->new_data, b->new_len);
	return 0;
}

static int one_entry(struct walk *w, const char *path, bool deleted, struct err *e)
{
	struct change ch = { .kind = CHANGE_MODIFY, .path = strdup(path), .old_type = -1 };
	struct err none = ERR_INIT;
	int r = ch.path ? load_old(w, path, &ch, &none) : -ENOMEM;

	if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP || r == -EISDIR) {
		ch.kind = CHANGE_ADD;
		r = 0;
	} else if (r < 0) {
		(void)err_set(e, -r, "%s", ch.path ? none.msg : "out of memory");
	}
	if (r == 0 && deleted && ch.kind == CHANGE_ADD) { /* made and removed again */
		drop(&ch);
		return 0;
	}
	if (r == 0 && deleted)
		ch.kind = CHANGE_DELETE;
	else if (r == 0)
		r = load(w->upper, path, &ch.type, &ch.new_data, &ch.new_len, e);
	if (r < 0) {
		drop(&ch);
		return r;
	}
	return put(w, &ch, e);
}

static int foreign_name(struct walk *w, const char *path, struct err *e)
{
	struct change ch = {
		.kind = CHANGE_ADD, .type = CHANGE_OTHER, .old_type = -1, .path = strdup(path)
	};

	return ch.path ? put(w, &ch, e) : err_set(e, ENOMEM, "out of memory");
}

static int walk_dir(struct walk *w, const char *dir, unsigned depth, struct err *e);

/* Everything the lower directory has is gone unless the upper holds it too. */
static int walk_opaque(struct walk *w, const char *dir, unsigned depth, struct err *e)
{
	AUTO_CLOSE int fd = w->lower < 0 ? -1
					 : openat(w->lower, *dir ? dir : ".",
						  O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP(cleanup_closedir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;
	int r = 0;

	if (!d)
		return 0;
	(void)take_fd(&fd);
	while (r == 0 && (ent = readdir(d))) {
		char path[4200];
		struct stat up, low;

		if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s%s%s", dir, *dir ? "/" : "", ent->d_name);
		if (fstatat(w->upper, path, &up, AT_SYMLINK_NOFOLLOW) == 0 ||
		    fstatat(w->lower, path, &low, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		r = S_ISDIR(low.st_mode) && depth < DEPTH_MAX ? walk_opaque(w, path, depth + 1, e)
							      : one_entry(w, path, true, e);
	}
	return r;
}

static bool is_opaque(int fd)
{
	char v[2] = { 0 };

	return (fgetxattr(fd, "trusted.overlay.opaque", v, 1) == 1 && v[0] == 'y') ||
	       (fgetxattr(fd, "user.overlay.opaque", v, 1) == 1 && v[0] == 'y');
}

static int visit(struct walk *w, const char *path, unsigned depth, struct err *e)
{
	struct stat st, low;
	bool was_dir, was_file;
	int r = 0;

	if (++w->seen > COUNT_MAX)
		return err_set(e, E2BIG, "more than %d files were changed", COUNT_MAX);
	if (!path_is_clean(path))
		return foreign_name(w, path, e);
	if (fstatat(w->upper, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "stat '%s'", path);
	was_file = w->lower >= 0 && fstatat(w->lower, path, &low, AT_SYMLINK_NOFOLLOW) == 0;
	was_dir = was_file && S_ISDIR(low.st_mode);
	was_file = was_file && !was_dir;
	if (S_ISDIR(st.st_mode)) {
		if (was_file)
			r = one_entry(w, path, true, e);
		return r < 0 ? r : walk_dir(w, path, depth + 1, e);
	}
	if (was_dir)
		r = walk_opaque(w, path, depth + 1, e);
	if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0))
		return r < 0 || was_dir ? r : one_entry(w, path, true, e);
	return r < 0 ? r : one_entry(w, path, false, e);
}

static int walk_dir(struct walk *w, const char *dir, unsigned depth, struct err *e)
{
	AUTO_CLOSE int fd =
		fd_open_beneath(w->upper, *dir ? dir : ".", O_RDONLY | O_DIRECTORY, 0, e);
	const bool opaque = fd >= 0 && is_opaque(fd);
	CLEANUP(cleanup_closedir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;
	int r = 0;

	if (fd < 0)
		return fd;
	if (!d)
		return err_sys(e, "list '%s'", dir);
	(void)take_fd(&fd);
	if (depth > DEPTH_MAX)
		return err_set(e, ELOOP, "'%.100s...' is nested deeper than %d", dir, DEPTH_MAX);
	while (r == 0 && (ent = readdir(d))) {
		char path[4200];

		if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s%s%s", dir, *dir ? "/" : "", ent->d_name);
		r = visit(w, path, depth, e);
	}
	return r == 0 && opaque ? walk_opaque(w, dir, depth, e) : r;
}

int source_diff(struct store *s, const struct source *src, const char *place, int upper,
		const struct changes *beneath, struct changes *out, struct err *e)
{
	AUTO_CLOSE int layer = -1;
	AUTO_CLOSE int up = -1;
	AUTO_CLOSE int low = -1;
	struct changes found = { 0 };
	struct walk w = { .beneath = beneath, .out = &found };
	struct err none = ERR_INIT;
	int r = layer_open(s, src->layer, &layer, e);

	if (r < 0)
		return r;
	up = fd_open_beneath(upper, place + 1, O_RDONLY | O_DIRECTORY, 0, &none);
	if (up == -ENOENT) { /* nothing was written there */
		*out = found;
		return 0;
	}
	if (up < 0)
		return err_set(e, -up, "%s", none.msg);
	low = fd_open_beneath(layer, place + 1, O_RDONLY | O_DIRECTORY, 0, e);
	if (low < 0)
		return low;
	w.upper = up;
	w.lower = low;
	r = walk_dir(&w, "", 0, e);
	if (r < 0) {
		changes_release(&found);
		return r;
	}
	*out = found;
	return 0;
}
