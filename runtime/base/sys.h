/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

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
int sys_rename(int olddir, const char *oldname, int newdir, const char *newname, unsigned flags);

#ifdef SYS_FAULTS
/* The nth (from 1) call of "name" fails with code; NULL disarms. */
void sys_fault_arm(const char *call, int nth, int code);
#endif
