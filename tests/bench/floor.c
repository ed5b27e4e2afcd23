/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/bench/group.h"

/*
 * floor FILTER LAYER PROGRAM: the least that the kernel's part of a replica
 * costs: one clone3 with all namespaces, an overlay with its upper in memory,
 * control groups, the filter, exec.  No check, no /proc, no /dev, no id
 * mapping of what is stored, no pid 1 of its own, nothing tidied up.
 */
static void write_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	(void)close(fd);
}

static int tmpfs_make(void)
{
	const int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
	int mnt;

	(void)syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	mnt = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	if (mnt < 0 || mkdirat(mnt, "u", 0755) < 0 || mkdirat(mnt, "w", 0755) < 0 ||
	    mkdirat(mnt, "m", 0755) < 0)
		die("tmpfs");
	return mnt;
}

/* -1 before 6.13. */
static int overlay_by_fds(int tmp, const char *layer)
{
	const int fs = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
	const int lower = open(layer, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const int upper = openat(tmp, "u", O_PATH | O_CLOEXEC);
	const int work = openat(tmp, "w", O_PATH | O_CLOEXEC);

	if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_FD, "lowerdir+", NULL, lower) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_SET_FD, "upperdir", NULL, upper) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_SET_FD, "workdir", NULL, work) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
}

static int overlay_by_mount(int tmp, const char *layer)
{
	char options[1024];

	(void)snprintf(options, sizeof(options), "lowerdir=%s,upperdir=/mnt/u,workdir=/mnt/w",
		       layer);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    syscall(SYS_move_mount, tmp, "", AT_FDCWD, "/mnt", MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
	    mount("overlay", "/mnt/m", "overlay", 0, options) < 0)
		die("overlay");
	return (int)syscall(SYS_open_tree, AT_FDCWD, "/mnt/m", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

static int overlay_make(const char *layer)
{
	const int tmp = tmpfs_make();
	const int mnt = overlay_by_fds(tmp, layer);

	return mnt >= 0 ? mnt : overlay_by_mount(tmp, layer);
}

static struct sock_fprog filter_read(const char *path)
{
	static struct sock_filter insns[4096];
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd < 0 ? -1 : read(fd, insns, sizeof(insns));

	if (n <= 0)
		die(path);
	(void)close(fd);
	return (struct sock_fprog){ (unsigned short)((size_t)n / sizeof(insns[0])), insns };
}

static _Noreturn void inside(int mnt, int go, const struct groups *g, const struct sock_fprog *f,
			     char **argv)
{
	char c;

	groups_join(g);
	if (read(go, &c, 1) != 1 || syscall(SYS_setresuid, 0, 0, 0) < 0)
		die("ids");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    syscall(SYS_move_mount, mnt, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
	    fchdir(mnt) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0)
		die("root");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, f) < 0)
		die("filter");
	(void)execv(argv[0], argv);
	_exit(126);
}

int main(int argc, char **argv)
{
	struct groups g;
	struct clone_args args = {
		.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
			 CLONE_NEWUTS | CLONE_NEWCGROUP,
		.exit_signal = SIGCHLD,
	};
	int go[2], status = 0;
	char path[64];
	long pid;

	if (argc < 4 || pipe2(go, O_CLOEXEC) < 0)
		return 2;

	const struct sock_fprog filter = filter_read(argv[1]);
	const int mnt = overlay_make(argv[2]);

	groups_make(&g);
	if (g.unified >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)g.unified;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		inside(mnt, go[0], &g, &filter, argv + 3);
	if (pid < 0)
		die("clone3");
	(void)snprintf(path, sizeof(path), "/proc/%ld/uid_map", pid);
	write_file(path, "0 1879048192 65536\n");
	(void)snprintf(path, sizeof(path), "/proc/%ld/gid_map", pid);
	write_file(path, "0 1879048192 65536\n");
	if (write(go[1], "g", 1) != 1 || waitpid((pid_t)pid, &status, 0) < 0)
		die("start");
	groups_remove(&g);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}
