/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/sys.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
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

int sys_rename(int olddir, const char *oldname, int newdir, const char *newname, unsigned flags)
{
	FAULT(rename);
	return neg(renameat2(olddir, oldname, newdir, newname, flags));
}
