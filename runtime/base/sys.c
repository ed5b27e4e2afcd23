/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef SYS_FAULTS
static struct {
	const char *call;
	int left, code;
} fault;

void sys_fault_arm(const char *call, int nth, int code)
{
	fault.call = call;
	fault.left = nth;
	fault.code = code;
}

int sys_fault_hit(void)
{
	return fault.call && fault.left <= 0;
}

static int faulty(const char *call)
{
	return fault.call && strcmp(fault.call, call) == 0 && --fault.left == 0 ? -fault.code : 0;
}
#define FAULT(call)                           \
	do {                                  \
		const int f_ = faulty(#call); \
		if (f_ < 0)                   \
			return f_;            \
	} while (0)
#else
#define FAULT(call) ((void)0)
#endif

static int neg(long r)
{
	return r < 0 ? -errno : (int)r;
}

int sys_unshare(int flags)
{
	FAULT(unshare);
	return neg(unshare(flags));
}

int sys_mount(const char *src, const char *dst, const char *type, unsigned long flags,
	      const char *data)
{
	FAULT(mount);
	return neg(mount(src, dst, type, flags, data));
}

int sys_umount2(const char *dst, int flags)
{
	FAULT(umount2);
	return neg(umount2(dst, flags));
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
	FAULT(pivot_root);
	return neg(syscall(SYS_pivot_root, new_root, put_old));
}

int sys_sethostname(const char *name, size_t len)
{
	FAULT(sethostname);
	return neg(sethostname(name, len));
}

int sys_no_new_privs(void)
{
	FAULT(no_new_privs);
	return neg(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

int sys_fsync(int fd)
{
	FAULT(fsync);
	return neg(fsync(fd));
}

int sys_fdatasync(int fd)
{
	FAULT(fdatasync);
	return neg(fdatasync(fd));
}

int sys_ftruncate(int fd, uint64_t size)
{
	FAULT(ftruncate);
	return neg(ftruncate(fd, (off_t)size));
}

int sys_rename(int olddir, const char *oldname, int newdir, const char *newname, unsigned flags)
{
	FAULT(rename);
	return neg(renameat2(olddir, oldname, newdir, newname, flags));
}

/*
 * Registers survive the system call in the child, so the function and its argument wait there; the
 * new stack is empty and 16-byte aligned, as the ABI wants it before a call.
 */
int sys_clone3(struct clone_args *args, sys_child_fn *fn, void *arg)
{
	long r;

	FAULT(clone3);
	__asm__ volatile("syscall\n\t"
			 "testq %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "movq %[arg], %%rdi\n\t"
			 "callq *%[fn]\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(r)
			 : "0"((long)SYS_clone3), "D"(args),
			   "S"(sizeof(*args)), [fn] "r"(fn), [arg] "r"(arg)
			 : "rcx", "r11", "memory");
	return (int)r;
}

long sys_quiet(long nr, long a, long b, long c)
{
	register long d __asm__("r10") = 0; /* no timeout for futex() */
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(d)
			 : "rcx", "r11", "memory");
	return r;
}

void sys_exit(int status)
{
	for (volatile bool forever = true; forever;)
		(void)sys_quiet(SYS_exit_group, status, 0, 0);
}

int sys_setns(int fd, int flags)
{
	FAULT(setns);
	return neg(setns(fd, flags));
}

int sys_openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve };

	FAULT(openat2);
	return neg(syscall(SYS_openat2, dir, path, &how, sizeof(how)));
}

int sys_mkdirat(int dir, const char *path, mode_t mode)
{
	FAULT(mkdirat);
	return neg(mkdirat(dir, path, mode));
}

int sys_mknodat(int dir, const char *path, mode_t mode, dev_t dev)
{
	FAULT(mknodat);
	return neg(mknodat(dir, path, mode, dev));
}

int sys_open_tree(int dir, const char *path, unsigned flags)
{
	FAULT(open_tree);
	return neg(open_tree(dir, path, flags | OPEN_TREE_CLOEXEC));
}

int sys_move_mount(int from, int to_dir, const char *to)
{
	FAULT(move_mount);
	return neg(move_mount(from, "", to_dir, to,
			      MOVE_MOUNT_F_EMPTY_PATH | (*to ? 0 : MOVE_MOUNT_T_EMPTY_PATH)));
}

int sys_fsopen(const char *type)
{
	FAULT(fsopen);
	return neg(fsopen(type, FSOPEN_CLOEXEC));
}

int sys_fsconfig(int fd, unsigned cmd, const char *key, const void *value, int aux)
{
	FAULT(fsconfig);
	return neg(fsconfig(fd, cmd, key, value, aux));
}

int sys_fsmount(int fd, unsigned attrs)
{
	FAULT(fsmount);
	return neg(fsmount(fd, FSMOUNT_CLOEXEC, attrs));
}

int sys_fspick(int mnt)
{
	FAULT(fspick);
	return neg(fspick(mnt, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH));
}

int sys_mount_setattr(int mnt, unsigned flags, struct mount_attr *attr)
{
	FAULT(mount_setattr);
	return neg(mount_setattr(mnt, "", flags | AT_EMPTY_PATH, attr, sizeof(*attr)));
}

/* The two calls return the former ids and cannot fail otherwise; asking again tells what holds. */
int sys_setfsids(uid_t uid, gid_t gid)
{
	FAULT(setfsids);
	(void)setfsgid(gid);
	(void)setfsuid(uid);
	if ((uid_t)setfsuid((uid_t)-1) != uid || (gid_t)setfsgid((gid_t)-1) != gid)
		return -EPERM;
	return 0;
}

/* glibc's wrappers would signal the other threads; a child that shares memory must not. */
int sys_setids(uid_t uid, gid_t gid)
{
	int r;

	FAULT(setids);
	r = neg(syscall(SYS_setgroups, 0, NULL));
	if (r == 0)
		r = neg(syscall(SYS_setresgid, gid, gid, gid));
	if (r == 0)
		r = neg(syscall(SYS_setresuid, uid, uid, uid));
	return r;
}

int sys_setsid(void)
{
	FAULT(setsid);
	return neg(setsid());
}

int sys_prctl(int op, unsigned long a, unsigned long b)
{
	FAULT(prctl);
	return neg(prctl(op, a, b, 0, 0));
}

int sys_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct d[2] = {
		{ (uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable },
		{ (uint32_t)(effective >> 32), (uint32_t)(permitted >> 32),
		  (uint32_t)(inheritable >> 32) },
	};

	FAULT(capset);
	return neg(syscall(SYS_capset, &h, d));
}

int sys_capget(uint64_t *effective, uint64_t *permitted)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];
	int r;

	FAULT(capget);
	r = neg(syscall(SYS_capget, &h, d));
	if (r == 0) {
		*effective = d[0].effective | (uint64_t)d[1].effective << 32;
		*permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
	}
	return r;
}

int sys_capbset_drop(int cap)
{
	FAULT(capbset_drop);
	return neg(prctl(PR_CAPBSET_DROP, (unsigned long)cap, 0, 0, 0));
}

int sys_setrlimit(int what, const struct rlimit *lim)
{
	FAULT(setrlimit);
	return neg(setrlimit((__rlimit_resource_t)what, lim));
}

int sys_setaffinity(const void *set, size_t size)
{
	FAULT(setaffinity);
	return neg(syscall(SYS_sched_setaffinity, 0, size, set));
}

int sys_dup3(int from, int to, int flags)
{
	FAULT(dup3);
	return neg(dup3(from, to, flags));
}

int sys_dup_above(int fd, int least)
{
	FAULT(dup_above);
	return neg(fcntl(fd, F_DUPFD_CLOEXEC, least));
}

int sys_close_range(unsigned first, unsigned last)
{
	FAULT(close_range);
	return neg(close_range(first, last, 0));
}

int sys_fchdir(int fd)
{
	FAULT(fchdir);
	return neg(fchdir(fd));
}

int sys_fexec(int fd, char *const *argv, char *const *envp)
{
	FAULT(fexec);
	return neg(syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH));
}

int sys_memfd(const char *name, unsigned flags)
{
	FAULT(memfd);
	return neg(memfd_create(name, flags | MFD_CLOEXEC));
}

int sys_pidfd_signal(int pidfd, int sig)
{
	FAULT(pidfd_signal);
	return neg(syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0));
}

int sys_write(int fd, const void *data, size_t n)
{
	FAULT(write);
	return neg(write(fd, data, n));
}

int sys_seccomp(unsigned op, unsigned flags, const void *args)
{
	FAULT(seccomp);
	return neg(syscall(SYS_seccomp, op, flags, args));
}

int sys_landlock_create_ruleset(const void *attr, size_t size, unsigned flags)
{
	FAULT(landlock_create_ruleset);
	return neg(syscall(SYS_landlock_create_ruleset, attr, size, flags));
}

int sys_landlock_add_rule(int ruleset, unsigned type, const void *attr)
{
	FAULT(landlock_add_rule);
	return neg(syscall(SYS_landlock_add_rule, ruleset, type, attr, 0));
}

int sys_landlock_restrict_self(int ruleset)
{
	FAULT(landlock_restrict_self);
	return neg(syscall(SYS_landlock_restrict_self, ruleset, 0));
}
