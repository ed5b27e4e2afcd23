/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/escape/probe.h"

/*
 * One way out a name.  A probe that gets through says so and exits 0; one that
 * is refused says how and exits 1; 77 where this kernel has nothing to try.
 * `probe bare NAME` does it in a plain clone with namespaces and nothing else,
 * to show that what fails inside a replica is not failing by itself.
 */
int refused(const char *what)
{
	(void)printf("refused: %s: %s\n", what, strerror(errno));
	return 1;
}

int through(const char *what)
{
	(void)printf("through: %s\n", what);
	return 0;
}

int judge(long r, const char *what)
{
	return r < 0 ? refused(what) : through(what);
}

/* ---- files and descriptors ---- */

static int probe_alive(const char *a)
{
	(void)a;
	return through("the probe itself runs");
}

static int probe_read(const char *path)
{
	char c;
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? refused(path) : judge(read(fd, &c, 1) == 1 ? 0 : -1, path);
}

/* Nothing is written: that it opens is enough. */
static int probe_write(const char *path)
{
	return judge(open(path, O_WRONLY | O_CLOEXEC), path);
}

static int probe_fds(const char *a)
{
	char text[64];

	(void)a;
	for (int fd = 3; fd < 4096; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		(void)snprintf(text, sizeof(text), "descriptor %d was left open", fd);
		return through(text);
	}
	return refused("no descriptor beyond 2");
}

static int probe_cwd(const char *name)
{
	char up[256];

	if (access(name, R_OK) == 0)
		return through("the host's working directory");
	for (int i = 0; i < 8; i++) {
		(void)snprintf(up, sizeof(up), "%.*s%s", 3 * (i + 1), "../../../../../../../../",
			       name);
		if (access(up, R_OK) == 0)
			return through(up);
	}
	return refused("the host's working directory");
}

static int probe_env(const char *name)
{
	errno = ENOENT;
	return getenv(name) ? through(name) : refused(name);
}

static int probe_mknod(const char *dir)
{
	char path[256];
	int r;

	(void)snprintf(path, sizeof(path), "%s/probe-null", dir);
	r = mknod(path, S_IFCHR | 0600, makedev(1, 3));
	if (r < 0)
		return refused("mknod c 1:3");
	r = open(path, O_RDWR | O_CLOEXEC);
	(void)unlink(path);
	return judge(r, "mknod c 1:3 and open");
}

static int probe_handle(const char *path)
{
	union {
		struct file_handle h;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u = { .h = { .handle_bytes = MAX_HANDLE_SZ } };
	const int file = open(path, O_RDONLY | O_CLOEXEC); /* any descriptor of that mount */
	const int dir = file >= 0 ? file : open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int mount_id;

	if (name_to_handle_at(AT_FDCWD, path, &u.h, &mount_id, 0) < 0) {
		/* The classic: guess the root of an ext4 file system. */
		static const uint32_t root[2] = { 2, 0 };

		u.h.handle_bytes = sizeof(root);
		u.h.handle_type = 1;
		memcpy(u.h.f_handle, root, sizeof(root));
	}
	return judge(open_by_handle_at(dir, &u.h, O_RDONLY), "open_by_handle_at");
}

/* The program that the kernel runs for us, opened for writing once nobody runs it any more
 * (CVE-2019-5736). */
static int probe_exe(const char *program)
{
	char path[64];
	int hold[2], fd;
	pid_t pid;

	if (pipe(hold) < 0)
		return refused("pipe");
	pid = fork();
	if (pid == 0) {
		(void)dup2(hold[0], STDIN_FILENO); /* it waits for input */
		(void)execl(program, program, (char *)NULL);
		_exit(127);
	}
	(void)usleep(200000);
	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	fd = open(path, O_PATH | O_CLOEXEC);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	if (fd < 0)
		return refused(path);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return judge(open(path, O_WRONLY | O_CLOEXEC), "the running program, for writing");
}

/* ---- processes ---- */

static int probe_signal(const char *pid)
{
	return judge(kill((pid_t)atoi(pid), 0), "signal a process of the host");
}

static int probe_ptrace_1(const char *a)
{
	(void)a;
	return judge(ptrace(PTRACE_SEIZE, 1, NULL, NULL), "ptrace pid 1");
}

static int probe_ptrace_child(const char *a)
{
	const pid_t pid = fork();
	long r;

	(void)a;
	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	r = ptrace(PTRACE_SEIZE, pid, NULL, NULL);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return judge(r, "ptrace a child");
}

static int probe_pidfd_getfd(const char *a)
{
	const int pidfd = (int)syscall(SYS_pidfd_open, 1, 0);

	(void)a;
	return pidfd < 0 ? refused("pidfd_open 1")
			 : judge(syscall(SYS_pidfd_getfd, pidfd, 0, 0), "pidfd_getfd of pid 1");
}

static int probe_vm_read(const char *a)
{
	static char here[8];
	const struct iovec l = { here, sizeof(here) }, r = { here, sizeof(here) };

	(void)a;
	return judge(process_vm_readv(1, &l, 1, &r, 1, 0), "process_vm_readv of pid 1");
}

static int probe_setns(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? refused(path) : judge(setns(fd, 0), "setns");
}

static int probe_setuid(const char *a)
{
	(void)a;
	return judge(setresuid(0, 0, 0), "setresuid 0");
}

static int probe_nice(const char *a)
{
	(void)a;
	return judge(setpriority(PRIO_PROCESS, 0, -5), "priority -5");
}

/* ---- namespaces, mounts ---- */

static int probe_unshare(const char *a)
{
	(void)a;
	return judge(unshare(CLONE_NEWUSER), "unshare a user namespace");
}

static int probe_clone(const char *a)
{
	const long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);

	(void)a;
	if (pid == 0)
		_exit(0);
	return judge(pid, "clone a user namespace");
}

static int probe_clone3(const char *a)
{
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	} args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	const long pid = syscall(SYS_clone3, &args, sizeof(args));

	(void)a;
	if (pid == 0)
		_exit(0);
	return judge(pid, "clone3 a user namespace");
}

static int probe_mount(const char *type)
{
	const char *data = strcmp(type, "cgroup") == 0 ? "memory" : NULL;

	if (mount("none", "/tmp", type, 0, data) < 0)
		return refused(type);
	(void)umount2("/tmp", MNT_DETACH);
	return through(type);
}

static int probe_fsopen(const char *type)
{
	return judge(syscall(SYS_fsopen, type, 0), "fsopen");
}

static int probe_open_tree(const char *path)
{
	return judge(syscall(SYS_open_tree, AT_FDCWD, path, 1 /* OPEN_TREE_CLONE */), "open_tree");
}

static int probe_umount(const char *path)
{
	return judge(umount2(path, MNT_DETACH), path);
}

static int probe_chroot(const char *path)
{
	return judge(chroot(path), "chroot");
}

static int probe_hostname(const char *name)
{
	return judge(sethostname(name, strlen(name)), "sethostname");
}

const struct probe probes[] = {
	{ "alive", probe_alive },
	{ "read", probe_read },
	{ "write", probe_write },
	{ "fds", probe_fds },
	{ "cwd", probe_cwd },
	{ "env", probe_env },
	{ "mknod", probe_mknod },
	{ "handle", probe_handle },
	{ "exe", probe_exe },
	{ "signal", probe_signal },
	{ "ptrace-1", probe_ptrace_1 },
	{ "ptrace-child", probe_ptrace_child },
	{ "pidfd-getfd", probe_pidfd_getfd },
	{ "vm-read", probe_vm_read },
	{ "setns", probe_setns },
	{ "setuid", probe_setuid },
	{ "nice", probe_nice },
	{ "unshare", probe_unshare },
	{ "clone", probe_clone },
	{ "clone3", probe_clone3 },
	{ "mount", probe_mount },
	{ "fsopen", probe_fsopen },
	{ "open-tree", probe_open_tree },
	{ "umount", probe_umount },
	{ "chroot", probe_chroot },
	{ "hostname", probe_hostname },
	{ NULL, NULL },
};

/* ---- running one ---- */

static int run(const struct probe *list, const char *name, const char *arg)
{
	for (; list->name; list++)
		if (strcmp(list->name, name) == 0)
			return list->run(arg);
	return -1;
}

static int run_any(const char *name, const char *arg)
{
	int r = run(probes, name, arg);

	if (r < 0)
		r = run(kernel_probes, name, arg);
	if (r < 0)
		(void)fprintf(stderr, "unknown probe '%s'\n", name);
	return r < 0 ? 2 : r;
}

static int put(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		(void)close(fd);
	return n < 0 ? -1 : 0;
}

/* Pid 1 of the clone forks the prober, so that "pid 1" is an ordinary process of the same user. */
static int bare_one(const char *name, const char *arg)
{
	const pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		const int r = run_any(name, arg);

		(void)fflush(stdout);
		_exit(r);
	}
	(void)waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int bare(const char *name, const char *arg)
{
	static const char *const maps[] = { "uid_map", "gid_map" };
	int gate[2], status = 0, bad;
	char path[64], go;
	long pid;

	if (pipe(gate) < 0)
		return 3;
	pid = syscall(SYS_clone,
		      CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC |
			      CLONE_NEWUTS | CLONE_NEWCGROUP | SIGCHLD,
		      NULL, NULL, NULL, NULL);
	if (pid == 0) {
		if (read(gate[0], &go, 1) != 1 || setresuid(0, 0, 0) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("proc", "/proc", "proc", 0, NULL) < 0)
			_exit(3);
		_exit(bare_one(name, arg));
	}
	bad = pid < 0;
	for (int i = 0; i < 2 && !bad; i++) {
		(void)snprintf(path, sizeof(path), "/proc/%ld/%s", pid, maps[i]);
		bad = put(path, "0 0 65536") < 0;
	}
	if (bad || write(gate[1], "x", 1) != 1)
		return refused("bare clone") + 2;
	(void)waitpid((pid_t)pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "bare") == 0)
		return bare(argv[2], argc > 3 ? argv[3] : "");
	if (argc >= 2)
		return run_any(argv[1], argc > 2 ? argv[2] : "");
	(void)fprintf(stderr, "usage: probe [bare] NAME [ARGUMENT]\n");
	return 2;
}
