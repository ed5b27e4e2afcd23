/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

struct mount_attr;
struct clone_args;

/*
 * The one door to the system calls that build a sandbox and publish records:
 * a thin wrapper each.  All return the result or -errno, none allocates, all
 * are async-signal-safe.  A test build (-DSYS_FAULTS) can make the Nth call of
 * one of them fail, so that each failure path is a row of a test table.
 * Numbers that Debian 12's headers lack stand here, with the kernel that has them.
 */
int sys_unshare(int flags);
int sys_mount(const char *src, const char *dst, const char *type, unsigned long flags,
	      const char *data);
int sys_umount2(const char *dst, int flags);
int sys_pivot_root(const char *new_root, const char *put_old);
int sys_sethostname(const char *name, size_t len);
int sys_no_new_privs(void);
int sys_fsync(int fd);
int sys_fdatasync(int fd);
int sys_ftruncate(int fd, uint64_t size);
int sys_rename(int olddir, const char *oldname, int newdir, const char *newname, unsigned flags);

/*
 * clone3() that calls fn(arg) in the new process, on the stack that args names (CLONE_VM without a
 * stack of its own would overwrite the caller's).  fn must not return.  The pid or -errno.
 */
/* A system call that leaves errno alone, for a process that shares memory with a caller that runs
 * on: the raw result.  Not made to fail by tests. */
long sys_quiet(long nr, long a, long b, long c);
/* _exit() for such a process.  Not declared as one that never returns: AddressSanitizer would take
 * its small stack for a mistake. */
void sys_exit(int status);

typedef void sys_child_fn(void *arg);
int sys_clone3(struct clone_args *args, sys_child_fn *fn, void *arg);
int sys_setns(int fd, int flags);
int sys_openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
int sys_mkdirat(int dir, const char *path, mode_t mode);
int sys_mknodat(int dir, const char *path, mode_t mode, dev_t dev);
int sys_open_tree(int dir, const char *path, unsigned flags);
int sys_move_mount(int from, int to_dir, const char *to);
int sys_fsopen(const char *type);
int sys_fsconfig(int fd, unsigned cmd, const char *key, const void *value, int aux);
int sys_fsmount(int fd, unsigned attrs);
int sys_fspick(int mnt);
int sys_mount_setattr(int mnt, unsigned flags, struct mount_attr *attr);
int sys_setfsids(uid_t uid, gid_t gid);
int sys_setids(uid_t uid, gid_t gid); /* no supplementary groups, all three ids of each kind */
int sys_setsid(void);
int sys_prctl(int op, unsigned long a, unsigned long b);
/* Effective, permitted and inheritable of the caller, in one call. */
int sys_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable);
int sys_capget(uint64_t *effective, uint64_t *permitted);
int sys_capbset_drop(int cap);
int sys_setrlimit(int what, const struct rlimit *lim);
int sys_setaffinity(const void *set, size_t size);
int sys_dup3(int from, int to, int flags);
int sys_dup_above(int fd, int least); /* close-on-exec */
int sys_close_range(unsigned first, unsigned last);
int sys_fchdir(int fd);
int sys_fexec(int fd, char *const *argv, char *const *envp);
int sys_memfd(const char *name, unsigned flags);
int sys_pidfd_signal(int pidfd, int sig);

/* Limits: control groups, the system-call filter, Landlock (5.13). */
int sys_write(int fd, const void *data, size_t n); /* one write(2) to a control file */
int sys_seccomp(unsigned op, unsigned flags, const void *args);
int sys_landlock_create_ruleset(const void *attr, size_t size, unsigned flags);
int sys_landlock_add_rule(int ruleset, unsigned type, const void *attr);
int sys_landlock_restrict_self(int ruleset);

#ifdef SYS_FAULTS
/* The nth (from 1) call of "name" fails with code; NULL disarms. */
void sys_fault_arm(const char *call, int nth, int code);
int sys_fault_hit(void); /* whether the call that was armed last has failed */
#endif
