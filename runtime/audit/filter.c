/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/audit/filter.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/sys.h"

#ifdef __SANITIZE_ADDRESS__ /* its run time needs more than this program does */
int filter_apply(struct err *e)
{
	(void)e;
	return 0;
}
#else
/*
 * Written as plain BPF and not by libseccomp: the list is fixed, has one
 * argument check, and the library would be a third of this program's start.
 */
static const unsigned short allowed[] = {
	SYS_read,	  SYS_write,	      SYS_pread64,	   SYS_pwrite64,
	SYS_readv,	  SYS_writev,	      SYS_lseek,	   SYS_close,
	SYS_fstat,	  SYS_newfstatat,     SYS_statx,	   SYS_openat,
	SYS_openat2,	  SYS_getdents64,     SYS_faccessat,	   SYS_faccessat2,
	SYS_mkdirat,	  SYS_linkat,	      SYS_unlinkat,	   SYS_renameat,
	SYS_renameat2,	  SYS_ftruncate,      SYS_fsync,	   SYS_fdatasync,
	SYS_flock,	  SYS_fcntl,	      SYS_fchmod,	   SYS_poll,
	SYS_ppoll,	  SYS_recvmsg,	      SYS_sendmsg,	   SYS_recvfrom,
	SYS_sendto,	  SYS_munmap,	      SYS_mremap,	   SYS_brk,
	SYS_madvise,	  SYS_futex,	      SYS_getrandom,	   SYS_clock_gettime,
	SYS_gettimeofday, SYS_getpid,	      SYS_gettid,	   SYS_getuid,
	SYS_geteuid,	  SYS_uname,	      SYS_sysinfo,	   SYS_rt_sigaction,
	SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_restart_syscall, SYS_tgkill,
	SYS_exit,	  SYS_exit_group,     SYS_memfd_create,	   SYS_accept4,
	SYS_getsockopt,	  SYS_fallocate,
};
#define N_ALLOWED (sizeof(allowed) / sizeof(allowed[0]))

#define LOAD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, field))
#define SKIP_IF(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
#define RETURN(action)		BPF_STMT(BPF_RET | BPF_K, (action))

int filter_apply(struct err *e)
{
	static const struct sock_filter head[] = {
		LOAD(arch),
		SKIP_IF(AUDIT_ARCH_X86_64, 1, 0),
		RETURN(SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
		/* mmap and mprotect: never executable */
		SKIP_IF(SYS_mmap, 1, 0),
		SKIP_IF(SYS_mprotect, 0, 4),
		LOAD(args[2]),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0),
		RETURN(SECCOMP_RET_ALLOW),
		RETURN(SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_filter code[sizeof(head) / sizeof(head[0]) + 2 * N_ALLOWED + 1];
	struct sock_fprog prog = { .filter = code };
	int r;

	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		code[prog.len++] = head[i];
	for (size_t i = 0; i < N_ALLOWED; i++) {
		code[prog.len++] = (struct sock_filter)SKIP_IF(allowed[i], 0, 1);
		code[prog.len++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	}
	code[prog.len++] = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
	r = sys_no_new_privs();
	if (r < 0)
		return err_set(e, -r, "cannot give up privileges");
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) < 0)
		return err_sys(e, "cannot restrict system calls");
	return 0;
}
#endif
