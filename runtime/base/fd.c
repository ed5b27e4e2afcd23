/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/fd.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/id.h"
#include "runtime/base/sys.h"

static int open_beneath(int dir, const char *path, int flags, mode_t mode)
{
	const struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.mode = flags & (O_CREAT | O_TMPFILE) & ~O_DIRECTORY ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	do
		fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	return (int)fd;
}

int fd_open_beneath(int dir, const char *path, int flags, mode_t mode, struct err *e)
{
	const int fd = open_beneath(dir, path, flags, mode);

	return fd < 0 ? err_sys(e, "open '%s'", path) : fd;
}

int fd_open_dir(const char *path, struct err *e)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_sys(e, "open directory '%s'", path) : fd;
}

int fd_read_all(int fd, size_t max, const char *what, struct buf *out, struct err *e)
{
	char piece[65536];

	buf_release(out);
	out->max = max;
	for (;;) {
		const ssize_t n = read(fd, piece, sizeof(piece));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read %s", what);
		if (n == 0)
			break;
		buf_put(out, piece, (size_t)n);
		if (out->failed == E2BIG)
			return err_set(e, EFBIG, "%s: larger than %zu bytes", what, max);
	}
	buf_put(out, "", 0);
	return buf_check(out, what, e);
}

int fd_write_all(int fd, const void *data, size_t n, const char *what, struct err *e)
{
	const char *p = data;

	while (n) {
		const ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return err_sys(e, "write %s", what);
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

int file_read_at(int dir, const char *path, size_t max, struct buf *out, struct err *e)
{
	AUTO_CLOSE int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat '%s'", path);
	if (S_ISDIR(st.st_mode))
		return err_set(e, EISDIR, "'%s' is a directory", path);
	return fd_read_all(fd, max, path, out, e);
}

#define TEMPORARY ".tmp-"

/* Locked as long as it has this name: who finds one that is not knows that its writer is gone.
 * -ESTALE: it was swept between being made and being locked. */
static int make_temporary(int dir, const char *tmp, mode_t mode, struct err *e)
{
	AUTO_CLOSE int fd =
		openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	struct stat st;

	if (fd < 0)
		return err_sys(e, "create '%s'", tmp);
	if (flock(fd, LOCK_EX) < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "lock '%s'", tmp);
	if (st.st_nlink == 0)
		return err_set(e, ESTALE, "'%s' was taken away", tmp);
	if (fchmod(fd, mode) < 0)
		return err_sys(e, "set the mode of '%s'", tmp);
	return take_fd(&fd);
}

static int fill_temporary(int fd, const char *tmp, const void *data, size_t n, struct err *e)
{
	int r = fd_write_all(fd, data, n, tmp, e);

	if (r < 0)
		return r;
	r = sys_fsync(fd);
	return r < 0 ? err_set(e, -r, "sync '%s': %s", tmp, strerror(-r)) : 0;
}

struct content {
	const void *data;
	size_t n;
	mode_t mode;
};

static int publish_once(int dir, const char *name, const struct content *c, unsigned flags,
			struct err *e)
{
	AUTO_CLOSE int fd = -1;
	char tmp[320], id[ID_LEN];
	int r;

	id_random(id);
	(void)snprintf(tmp, sizeof(tmp), TEMPORARY "%.220s-%s", name, id);
	fd = make_temporary(dir, tmp, c->mode, e);
	r = fd < 0 ? fd : fill_temporary(fd, tmp, c->data, c->n, e);
	if (r == 0) {
		r = sys_rename(dir, tmp, dir, name, flags);
		if (r < 0)
			(void)err_set(e, -r, "publish '%s': %s", name, strerror(-r));
	}
	if (r < 0) {
		(void)unlinkat(dir, tmp, 0);
		return r;
	}
	r = sys_fsync(dir);
	return r < 0 ? err_set(e, -r, "sync the directory of '%s': %s", name, strerror(-r)) : 0;
}

#define SWEPT_MAX 8 /* a sweep takes a moment: it does not come between twice */

static int publish(int dir, const char *name, const struct content *c, unsigned flags,
		   struct err *e)
{
	int r = -ESTALE;

	for (int i = 0; i < SWEPT_MAX && r == -ESTALE; i++)
		r = publish_once(dir, name, c, flags, e);
	if (r == 0)
		e->code = 0;
	return r;
}

int file_publish_at(int dir, const char *name, const void *data, size_t n, mode_t mode,
		    struct err *e)
{
	const struct content c = { data, n, mode };

	return publish(dir, name, &c, 0, e);
}

int file_publish_once_at(int dir, const char *name, const void *data, size_t n, mode_t mode,
			 struct err *e)
{
	const struct content c = { data, n, mode };

	return publish(dir, name, &c, RENAME_NOREPLACE, e);
}

static void sweep_one(int dir, const char *name)
{
	AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		return; /* its writer is at it */
	(void)unlinkat(dir, name, 0);
}

void file_sweep_at(int dir, const char *folder)
{
	AUTO_CLOSE int at = openat(dir, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP(cleanup_closedir) DIR *d = at < 0 ? NULL : fdopendir(at);
	const struct dirent *ent;

	if (!d)
		return;
	(void)take_fd(&at);
	while ((ent = readdir(d)))
		if (strncmp(ent->d_name, TEMPORARY, strlen(TEMPORARY)) == 0)
			sweep_one(dirfd(d), ent->d_name);
}

int dir_make_at(int dir, const char *path, mode_t mode, struct err *e)
{
	AUTO_CLOSE int at = fcntl(dir, F_DUPFD_CLOEXEC, 3);

	if (at < 0)
		return err_sys(e, "duplicate a directory descriptor");
	while (*path) {
		const size_t n = strcspn(path, "/");
		char part[256];
		int next;

		if (n == 0 || n >= sizeof(part))
			return err_set(e, EINVAL, "bad path component in '%s'", path);
		memcpy(part, path, n);
		part[n] = '\0';
		if (mkdirat(at, part, mode) < 0 && errno != EEXIST)
			return err_sys(e, "make directory '%s'", part);
		next = fd_open_beneath(at, part, O_RDONLY | O_DIRECTORY, 0, e);
		if (next < 0)
			return next;
		(void)close(at);
		at = next;
		path += n + (path[n] == '/');
	}
	return 0;
}

int dir_make(const char *path, mode_t mode, struct err *e)
{
	char part[4096];

	if (strlen(path) >= sizeof(part))
		return err_set(e, ENAMETOOLONG, "path of %zu bytes", strlen(path));
	for (size_t i = 1; i <= strlen(path); i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return err_sys(e, "make directory '%s'", part);
	}
	return 0;
}

static int remove_children(int dir, const char *path, struct err *e)
{
	CLEANUP(cleanup_closedir) DIR *d = fdopendir(dir);
	const struct dirent *ent;

	if (!d) {
		(void)close(dir);
		return err_sys(e, "list '%s'", path);
	}
	while ((ent = readdir(d))) {
		int r;

		if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
			continue;
		r = tree_remove_at(dirfd(d), ent->d_name, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int tree_remove_at(int dir, const char *path, struct err *e)
{
	int fd, r;

	if (unlinkat(dir, path, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_sys(e, "remove '%s'", path);
	fd = open_beneath(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	r = remove_children(fd, path, e);
	if (r < 0)
		return r;
	if (unlinkat(dir, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_sys(e, "remove directory '%s'", path);
	return 0;
}

int fd_send_with(int sock, const void *data, size_t n, const int *fds, size_t n_fds, struct err *e)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(8 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_len = n };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t w;

	memcpy(&iov.iov_base, &data, sizeof(data)); /* sendmsg() never writes through it */
	if (n_fds > 8)
		return err_set(e, EINVAL, "too many descriptors in one message");
	if (n_fds) {
		struct cmsghdr *c;

		mh.msg_control = control.space;
		mh.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&mh);
		if (!c)
			return err_set(e, EINVAL, "no room for descriptors in a message");
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	do
		w = sendmsg(sock, &mh, MSG_NOSIGNAL);
	while (w < 0 && errno == EINTR);
	if (w < 0)
		return err_sys(e, "send a message");
	return (size_t)w < n
		       ? fd_write_all(sock, (const char *)data + w, n - (size_t)w, "message", e)
		       : 0;
}

int fd_inherit(int fd, struct err *e)
{
	const int flags = fcntl(fd, F_GETFD);

	if (flags < 0 || fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC) < 0)
		return err_sys(e, "make a descriptor inheritable");
	return 0;
}
