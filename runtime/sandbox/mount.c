/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/mount.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/sys.h"

static int set_string(int fs, const char *key, const char *value, struct err *e)
{
	const int r = sys_fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0);

	return r < 0 ? err_set(e, -r, "tmpfs option '%s=%s': %s", key, value, strerror(-r)) : 0;
}

int tmpfs_make(uint64_t size, uint64_t inodes, unsigned mode, unsigned attrs, int *out,
	       struct err *e)
{
	char text[32];
	AUTO_CLOSE int fs = sys_fsopen("tmpfs");
	int r;

	if (fs < 0)
		return err_set(e, -fs, "open a tmpfs: %s", strerror(-fs));
	(void)snprintf(text, sizeof(text), "%o", mode);
	r = set_string(fs, "mode", text, e);
	if (r == 0 && size) {
		(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)size);
		r = set_string(fs, "size", text, e);
	}
	if (r == 0 && inodes) {
		(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)inodes);
		r = set_string(fs, "nr_inodes", text, e);
	}
	if (r < 0)
		return r;
	r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r == 0)
		r = sys_fsmount(fs, attrs);
	if (r < 0)
		return err_set(e, -r, "mount a tmpfs: %s", strerror(-r));
	*out = r;
	return 0;
}

static int set_attrs(int mnt, int userns, uint64_t attrs, bool recursive)
{
	struct mount_attr a = { .attr_set = attrs };

	if (userns >= 0) {
		a.attr_set |= MOUNT_ATTR_IDMAP;
		a.userns_fd = (uint64_t)userns;
	}
	return sys_mount_setattr(mnt, recursive ? AT_RECURSIVE : 0, &a);
}

static int mapped(int tree, const struct idrange *ids, uint64_t attrs, bool recursive, int *out,
		  struct err *e)
{
	AUTO_CLOSE int mnt = tree;
	int r;

	if (mnt < 0)
		return mnt;
	r = set_attrs(mnt, ids ? ids->userns : -1, attrs, recursive);
	if (r < 0)
		return err_set(e, -r, "map the ids of a mount: %s%s", strerror(-r),
			       r == -EINVAL ? ": not on this file system (ext4, xfs and btrfs can)"
					    : "");
	*out = take_fd(&mnt);
	return 0;
}

int mount_clone(int fd, const struct idrange *ids, uint64_t attrs, bool recursive, int *out,
		struct err *e)
{
	return mapped(mount_tree(fd, "", recursive, e), ids, attrs, recursive, out, e);
}

int mount_clone_sub(int fd, const char *sub, uint64_t attrs, int *out, struct err *e)
{
	return mapped(mount_tree(fd, sub, false, e), NULL, attrs, false, out, e);
}

int mount_clone_lenient(int fd, const struct idrange *ids, uint64_t attrs, bool recursive, int *out,
			struct err *e)
{
	AUTO_CLOSE int mnt = mount_tree(fd, "", recursive, e);
	int r;

	if (mnt < 0)
		return mnt;
	r = set_attrs(mnt, ids->userns, attrs, recursive);
	if (r == -EINVAL || r == -EPERM) /* a file system that cannot be idmapped, or one that is */
		r = set_attrs(mnt, -1, attrs, recursive);
	if (r < 0)
		return err_set(e, -r, "set the attributes of a mount: %s", strerror(-r));
	*out = take_fd(&mnt);
	return 0;
}

/* Changing the fsuid away from 0 takes the file capabilities out of the effective set: put them
 * back, the mounter needs both. */
int mounter_enter(const struct idrange *ids, struct err *e)
{
	uint64_t effective = 0, permitted = 0;
	int r = sys_capget(&effective, &permitted);

	if (r == 0)
		r = sys_setfsids(ids->base, ids->base);
	if (r == 0)
		r = sys_capset(effective, permitted, 0);
	if (r < 0)
		return err_set(e, -r, "become the mounter of range %u: %s", ids->base,
			       strerror(-r));
	return 0;
}

int mounter_leave(struct err *e)
{
	const int r = sys_setfsids(0, 0);

	return r < 0 ? err_set(e, -r, "return from the mounter's ids: %s", strerror(-r)) : 0;
}

static const struct {
	const char *name;
	unsigned char major, minor;
} nodes[] = {
	{ "null", 1, 3 },   { "zero", 1, 5 },	 { "full", 1, 7 },
	{ "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 },
};

static const char *const links[][2] = {
	{ "/proc/self/fd", "fd" },	 { "/proc/self/fd/0", "stdin" },
	{ "/proc/self/fd/1", "stdout" }, { "/proc/self/fd/2", "stderr" },
	{ "pts/ptmx", "ptmx" },
};

bool device_wanted(const struct sandbox_spec *spec, const char *name)
{
	if (!spec->devices)
		return true;
	for (const char *const *d = spec->devices; *d; d++)
		if (strcmp(*d, name) == 0)
			return true;
	return false;
}

static int devfs_fill(const struct sandbox_spec *spec, int dir)
{
	static const char *const dirs[] = { "pts", "shm", ".masked", ".masked/d" };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(nodes) / sizeof(nodes[0]); i++)
		if (device_wanted(spec, nodes[i].name))
			r = sys_mknodat(dir, nodes[i].name, S_IFCHR | 0666,
					makedev(nodes[i].major, nodes[i].minor));
	for (size_t i = 0; r >= 0 && i < sizeof(links) / sizeof(links[0]); i++)
		if ((strcmp(links[i][1], "ptmx") != 0 || device_wanted(spec, "ptmx")) &&
		    symlinkat(links[i][0], dir, links[i][1]) < 0)
			r = -errno;
	for (size_t i = 0; r >= 0 && i < sizeof(dirs) / sizeof(dirs[0]); i++)
		r = sys_mkdirat(dir, dirs[i], i < 2 ? 0755 : 0700);
	if (r >= 0)
		r = sys_mknodat(dir, ".masked/f", S_IFREG, 0);
	if (r >= 0 && (fchmodat(dir, ".masked/d", 0, 0) < 0 || fchmodat(dir, ".masked", 0, 0) < 0))
		r = -errno;
	return r;
}

int devfs_make(const struct sandbox_spec *spec, int *out, struct err *e)
{
	AUTO_CLOSE int mnt = -1;
	int r = tmpfs_make(1 << 20, 64, 0755, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, &mnt, e);
	mode_t mask;

	if (r < 0)
		return r;
	mask = umask(0);
	r = devfs_fill(spec, mnt);
	(void)umask(mask);
	if (r >= 0)
		r = set_attrs(mnt, -1, MOUNT_ATTR_RDONLY, false);
	if (r < 0)
		return err_set(e, -r, "fill /dev: %s", strerror(-r));
	*out = take_fd(&mnt);
	return 0;
}
