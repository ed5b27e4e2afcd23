/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/sys.h"
#include "runtime/sandbox/start.h"

#define SHM_SIZE (UINT64_C(64) << 20)

static int add(struct start *st, int *fd, const char *target, bool file, struct err *e)
{
	if (st->n_mounts == START_MAX_MOUNTS)
		return err_set(e, E2BIG, "more than %d mounts", START_MAX_MOUNTS);
	st->mounts[st->n_mounts++] = (struct child_mount){ take_fd(fd), target, file };
	return 0;
}

/*
 * The host's own programs, read-only.  Never a layer: the host may change them
 * while a replica runs, which an overlay does not allow.  Of /etc only what the
 * programs in /usr cannot work without; the rest comes from the skeleton layer.
 */
static const struct {
	const char *path;
	bool required;
} host_trees[] = {
	{ "/usr", true },
	{ "/etc/alternatives", false },
	{ "/etc/ld.so.cache", false },
	{ "/etc/ssl/certs", false },
};

static int add_host(struct start *st, struct err *e)
{
	const uint64_t attrs = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID;

	for (size_t i = 0; i < sizeof(host_trees) / sizeof(host_trees[0]); i++) {
		const char *path = host_trees[i].path;
		AUTO_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
		AUTO_CLOSE int mnt = -1;
		struct stat sb;

		if (fd < 0 && errno == ENOENT && !host_trees[i].required)
			continue;
		if (fd < 0 || fstat(fd, &sb) < 0)
			return err_sys(e, "open the host's '%s'", path);
		if (mount_clone_lenient(fd, st->s->ids, attrs, S_ISDIR(sb.st_mode), &mnt, e) < 0)
			return err_wrap(e, "the host's '%s'", path);
		if (add(st, &mnt, path, !S_ISDIR(sb.st_mode), e) < 0)
			return -e->code;
	}
	return 0;
}

static int add_bind(struct start *st, const struct sandbox_bind *b, struct err *e)
{
	const uint64_t attrs = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID |
			       (b->writable ? 0 : MOUNT_ATTR_RDONLY) |
			       (b->noexec ? MOUNT_ATTR_NOEXEC : 0);
	AUTO_CLOSE int mnt = -1;
	struct stat sb;

	if (fstat(b->fd, &sb) < 0)
		return err_sys(e, "bind '%s'", b->target);
	if (!S_ISDIR(sb.st_mode) && !S_ISREG(sb.st_mode))
		return err_set(e, EINVAL, "bind '%s': neither a directory nor a regular file",
			       b->target);
	if (mount_clone_lenient(b->fd, st->s->ids, attrs, false, &mnt, e) < 0)
		return err_wrap(e, "bind '%s'", b->target);
	return add(st, &mnt, b->target, !S_ISDIR(sb.st_mode), e);
}

static int add_tmpfs(struct start *st, const char *target, uint64_t size, bool exec, struct err *e)
{
	AUTO_CLOSE int mnt = -1;
	const unsigned attrs =
		MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | (exec ? 0 : MOUNT_ATTR_NOEXEC);

	if (tmpfs_make(size, st->spec.limits.inodes, 01777, attrs, &mnt, e) < 0)
		return err_wrap(e, "tmpfs '%s'", target);
	return add(st, &mnt, target, false, e);
}

static int add_all(struct start *st, struct err *e)
{
	const struct sandbox_spec *spec = &st->spec;
	int r = devfs_make(spec, &st->dev, e);

	if (r == 0 && device_wanted(spec, "shm"))
		r = add_tmpfs(st, "/dev/shm", SHM_SIZE, false, e);
	for (size_t i = 0; r == 0 && i < spec->n_tmpfs; i++)
		r = add_tmpfs(st, spec->tmpfs[i].path, spec->tmpfs[i].size, spec->tmpfs[i].exec, e);
	return r;
}

int start_mounts(struct start *st, struct err *e)
{
	struct err left = ERR_INIT;
	int r = st->spec.host_root ? add_host(st, e) : 0;

	/* what is made here belongs to the replica's root, not to an unmapped user */
	if (r == 0)
		r = mounter_enter(st->s->ids, e);
	if (r == 0)
		r = add_all(st, e);
	if (mounter_leave(&left) < 0) {
		*e = left;
		return -left.code;
	}
	for (size_t i = 0; r == 0 && i < st->spec.n_binds; i++)
		r = add_bind(st, &st->spec.binds[i], e);
	return r;
}
