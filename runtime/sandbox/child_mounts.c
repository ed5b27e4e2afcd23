/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/sys.h"
#include "runtime/sandbox/child_impl.h"
#include "runtime/sandbox/mount.h"

/*
 * The file system of a member, built inside its namespaces.  No link of the
 * image is followed out of it: every place is opened beneath the root and
 * mounted upon by descriptor.
 */
static int make_file(int dir, const char *path)
{
	const int fd = sys_openat2(dir, path, O_CREAT | O_EXCL | O_WRONLY, 0644, RESOLVE_IN_ROOT);

	if (fd < 0)
		return fd == -EEXIST ? 0 : fd;
	(void)close(fd);
	return 0;
}

/* mkdir -p within the root: each part is opened beneath the one before, so a link of the image
 * leads nowhere but into the image. */
static int make_parts(int root, const char *path, bool file)
{
	char part[PATH_MAX];
	const char *p = path;

	for (;;) {
		p += strspn(p, "/");
		p += strcspn(p, "/");

		const size_t n = (size_t)(p - path);
		const bool last = p[strspn(p, "/")] == '\0';
		int dir, r;

		if (n == 0)
			return 0;
		if (n >= sizeof(part))
			return -ENAMETOOLONG;
		memcpy(part, path, n);
		part[n] = '\0';
		if (last && file)
			return make_file(root, part);

		char *base = strrchr(part, '/');
		const char *name = base ? base + 1 : part;

		if (base)
			*base = '\0';
		dir = sys_openat2(root, base && *part ? part : ".", O_PATH, 0, RESOLVE_IN_ROOT);
		if (dir < 0)
			return dir;
		r = sys_mkdirat(dir, name, 0755);
		(void)close(dir);
		if (r < 0 && r != -EEXIST)
			return r;
		if (last)
			return 0;
	}
}

static int place(int root, const char *path, bool file)
{
	int fd = sys_openat2(root, path, O_PATH, 0, RESOLVE_IN_ROOT);
	int r;

	if (fd != -ENOENT)
		return fd;
	r = make_parts(root, path, file);
	return r < 0 ? r : sys_openat2(root, path, O_PATH, 0, RESOLVE_IN_ROOT);
}

static int attach(const struct child *c, int mnt, const char *path, bool file)
{
	const int at = place(c->root, path, file);
	int r;

	if (at < 0)
		return at;
	r = sys_move_mount(mnt, at, "");
	(void)close(at);
	return r;
}

/* One of the directories that the kernel's own file systems go to: where the image has a link, or a
 * file, its upper gets a directory instead. */
static int kernel_dir(const struct child *c, const char *name)
{
	int fd = sys_openat2(c->root, name, O_PATH | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS);
	int r;

	if (fd == -ELOOP || fd == -ENOTDIR) {
		if (unlinkat(c->root, name, 0) < 0)
			return -errno;
		fd = -ENOENT;
	}
	if (fd != -ENOENT)
		return fd;
	r = sys_mkdirat(c->root, name, 0755);
	return r < 0 ? r : sys_openat2(c->root, name, O_PATH | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS);
}

static int attach_kernel(const struct child *c, int mnt, const char *name)
{
	AUTO_CLOSE int at = kernel_dir(c, name);

	return at < 0 ? at : sys_move_mount(mnt, at, "");
}

static int fs_mount(const char *type, const char *const options[][2], unsigned attrs)
{
	AUTO_CLOSE int fs = sys_fsopen(type);
	int r = fs < 0 ? fs : 0;

	for (; r >= 0 && options && (*options)[0]; options++)
		r = sys_fsconfig(fs, FSCONFIG_SET_STRING, (*options)[0], (*options)[1], 0);
	if (r >= 0)
		r = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	return r < 0 ? r : sys_fsmount(fs, attrs | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
}

int step_mounts_private(struct child *c)
{
	(void)c;
	return sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

int step_root(struct child *c)
{
	c->root = c->plan->overlay;
	return sys_move_mount(c->root, AT_FDCWD, "/");
}

int step_proc(struct child *c)
{
	c->proc = fs_mount("proc", NULL, MOUNT_ATTR_NODEV);
	return c->proc < 0 ? c->proc : attach_kernel(c, c->proc, "proc");
}

int step_sys(struct child *c)
{
	AUTO_CLOSE int sys = fs_mount("sysfs", NULL, MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY);

	return sys < 0 ? sys : attach_kernel(c, sys, "sys");
}

int step_dev(struct child *c)
{
	return attach_kernel(c, c->plan->dev, "dev");
}

int step_pts(struct child *c)
{
	static const char *const options[][2] = { { "ptmxmode", "0666" },
						  { "mode", "0620" },
						  { 0 } };
	AUTO_CLOSE int pts = -1;
	AUTO_CLOSE int at = -1;

	if (!device_wanted(c->plan->spec, "ptmx"))
		return 0;
	pts = fs_mount("devpts", options, 0);
	if (pts < 0)
		return pts;
	at = sys_openat2(c->plan->dev, "pts", O_PATH, 0, RESOLVE_NO_SYMLINKS);
	return at < 0 ? at : sys_move_mount(pts, at, "");
}

int step_mounts(struct child *c)
{
	const struct child_plan *p = c->plan;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < p->n_mounts; i++)
		r = attach(c, p->mounts[i].fd, p->mounts[i].target, p->mounts[i].file);
	return r;
}

/* Hides a file or directory behind one that nobody can read. */
static int mask(const struct child *c, int target)
{
	struct stat st;
	int m, r;

	if (fstat(target, &st) < 0)
		return -errno;
	m = sys_open_tree(c->plan->dev, S_ISDIR(st.st_mode) ? ".masked/d" : ".masked/f",
			  OPEN_TREE_CLONE);
	if (m < 0)
		return m;
	r = sys_move_mount(m, target, "");
	(void)close(m);
	return r;
}

static int read_only(int dir, const char *name, int target)
{
	struct mount_attr a = { .attr_set = MOUNT_ATTR_RDONLY };
	AUTO_CLOSE int m = sys_open_tree(dir, name, OPEN_TREE_CLONE);
	int r = m < 0 ? m : sys_mount_setattr(m, 0, &a);

	return r < 0 ? r : sys_move_mount(m, target, "");
}

static const struct {
	const char *name;
	bool hide; /* else: read-only */
} proc_rules[] = {
	{ "kcore", true },	   { "keys", true },	   { "key-users", true },
	{ "kmsg", true },	   { "timer_list", true }, { "sched_debug", true },
	{ "latency_stats", true }, { "kallsyms", true },   { "modules", true },
	{ "sysrq-trigger", true }, { "acpi", true },	   { "scsi", true },
	{ "asound", true },	   { "sys", false },	   { "bus", false },
	{ "fs", false },	   { "irq", false },
};

int step_proc_rules(struct child *c)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(proc_rules) / sizeof(proc_rules[0]); i++) {
		const int at =
			sys_openat2(c->proc, proc_rules[i].name, O_PATH, 0, RESOLVE_NO_SYMLINKS);

		if (at == -ENOENT)
			continue;
		if (at < 0)
			return at;
		r = proc_rules[i].hide ? mask(c, at) : read_only(c->proc, proc_rules[i].name, at);
		(void)close(at);
	}
	return r < 0 ? r : 0;
}

int step_sys_rules(struct child *c)
{
	AUTO_CLOSE int at = sys_openat2(c->root, "sys/firmware", O_PATH, 0, RESOLVE_NO_SYMLINKS);

	if (at < 0)
		return at == -ENOENT ? 0 : at;
	return mask(c, at);
}

int step_hidden(struct child *c)
{
	const char *const *h = c->plan->spec->hidden;

	for (; h && *h; h++) {
		AUTO_CLOSE int at = sys_openat2(c->root, *h, O_PATH, 0, RESOLVE_IN_ROOT);
		int r;

		if (at == -ENOENT || at == -ENOTDIR)
			continue;
		r = at < 0 ? at : mask(c, at);
		if (r < 0)
			return r;
	}
	return 0;
}

int step_pivot(struct child *c)
{
	const int r = sys_fchdir(c->root);

	return r < 0 ? r : sys_pivot_root(".", ".");
}

int step_old_root(struct child *c)
{
	int r = sys_umount2(".", MNT_DETACH);

	(void)c;
	if (r >= 0 && chdir("/") < 0)
		r = -errno;
	return r;
}
