/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proto/confine.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/sys.h"

/*
 * Theory of operation.  The orchestrator starts such a program as root; these
 * steps run in order, before a byte of untrusted input is read.
 *
 * The root directory becomes an empty read-only tmpfs that is mounted nowhere:
 * a detached mount, which only this process can name, so there is nothing to
 * clean up and no mount namespace to make.  Then the ids go, and with them
 * every capability; then, by Landlock, every path; then limits; then the filter,
 * which kills.
 *
 * Without root (an ordinary user checks a file) the first two steps are not
 * possible and not needed: the process already is an ordinary one, and the
 * filter alone keeps it from opening or connecting to anything.
 */
static int step_empty_root(const struct confinement *c, struct err *e)
{
	AUTO_CLOSE int fs = -1;
	AUTO_CLOSE int mnt = -1;

	if (geteuid() != 0 || c->readable)
		return 0;
	fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
	if (fs < 0)
		return err_sys(e, "open a tmpfs");
	if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "size", "4k", 0) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(e, "create an empty tmpfs");
	mnt = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
			   MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV |
				   MOUNT_ATTR_NOSUID);
	if (mnt < 0)
		return err_sys(e, "mount the empty tmpfs");
	if (fchdir(mnt) < 0 || chroot(".") < 0)
		return err_sys(e, "enter the empty root");
	return 0;
}

static int step_user(const struct confinement *c, struct err *e)
{
	if (geteuid() != 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(c->uid, c->uid, c->uid) < 0 ||
	    setresuid(c->uid, c->uid, c->uid) < 0)
		return err_sys(e, "become its user");
	if (setuid(0) == 0)
		return err_set(e, EPERM, "it could become root again");
	return 0;
}

static int step_process(const struct confinement *c, struct err *e)
{
	int r;

	(void)c;
	/* changing the ids cleared the first; a core dump would hold the input */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_sys(e, "prctl");
	r = sys_no_new_privs();
	return r < 0 ? err_set(e, -r, "no_new_privs") : 0;
}

/* Landlock's first version, which every kernel with Landlock knows: see linux/landlock.h. */
#define FS_ALL	     ((1ULL << 13) - 1)
#define FS_READ_FILE (1ULL << 2)
#define FS_READ_DIR  (1ULL << 3)

static int allow_reading(int ruleset, const char *path, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
	struct {
		uint64_t allowed;
		int32_t parent;
	} __attribute__((packed)) rule = { FS_READ_FILE, fd };
	struct stat st;
	int r;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(e, "open '%s'", path);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat '%s'", path);
	if (S_ISDIR(st.st_mode))
		rule.allowed |= FS_READ_DIR;
	r = sys_landlock_add_rule(ruleset, 1 /* LANDLOCK_RULE_PATH_BENEATH */, &rule);
	return r < 0 ? err_set(e, -r, "let '%s' be read: %s", path, strerror(-r)) : 0;
}

/* Where the root is empty this grants nothing: a second line behind it. */
static int step_paths(const struct confinement *c, struct err *e)
{
	const uint64_t handled = FS_ALL;
	AUTO_CLOSE int ruleset = sys_landlock_create_ruleset(&handled, sizeof(handled), 0);
	int r;

	if (ruleset == -ENOSYS || ruleset == -EOPNOTSUPP)
		return 0;
	if (ruleset < 0)
		return err_set(e, -ruleset, "make a Landlock ruleset: %s", strerror(-ruleset));
	for (size_t i = 0; c->readable && c->readable[i]; i++)
		if (allow_reading(ruleset, c->readable[i], e) < 0)
			return -e->code;
	r = sys_landlock_restrict_self(ruleset);
	return r < 0 ? err_set(e, -r, "apply Landlock: %s", strerror(-r)) : 0;
}

static int step_limits(const struct confinement *c, struct err *e)
{
	const struct {
		__rlimit_resource_t what;
		rlim_t most;
	} limits[] = {
#ifndef __SANITIZE_ADDRESS__ /* its shadow alone is 16 TiB */
		{ RLIMIT_AS, c->memory },
#endif
		{ RLIMIT_CPU, c->cpu_s ? c->cpu_s : RLIM_INFINITY },
		{ RLIMIT_NOFILE, c->files },
		{ RLIMIT_FSIZE, c->file_size },
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_STACK, 8ul << 20 },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const struct rlimit l = { limits[i].most, limits[i].most };

		if (setrlimit(limits[i].what, &l) < 0)
			return err_sys(e, "set a resource limit");
	}
	return 0;
}

/* What every program needs to think and to answer.  Memory may not become executable. */
static const struct {
	uint32_t nr;
	bool not_exec; /* only without PROT_EXEC in the third argument */
} allowed[] = {
	{ SYS_read, false },	   { SYS_write, false },	 { SYS_writev, false },
	{ SYS_recvmsg, false },	   { SYS_sendmsg, false },	 { SYS_recvfrom, false },
	{ SYS_sendto, false },	   { SYS_poll, false },		 { SYS_ppoll, false },
	{ SYS_fstat, false },	   { SYS_newfstatat, false },	 { SYS_close, false },
	{ SYS_brk, false },	   { SYS_mmap, true },		 { SYS_mprotect, true },
	{ SYS_munmap, false },	   { SYS_mremap, false },	 { SYS_madvise, false },
	{ SYS_futex, false },	   { SYS_clock_gettime, false }, { SYS_gettimeofday, false },
	{ SYS_getrandom, false },  { SYS_rt_sigreturn, false },	 { SYS_exit, false },
	{ SYS_exit_group, false },
};

/* Libraries look for locales, terminals and time zones: here the answer is "no", not death. */
static const uint32_t refused[] = { SYS_open,	SYS_openat,   SYS_stat,
				    SYS_access, SYS_readlink, SYS_ioctl };

#define N_ALLOWED (sizeof(allowed) / sizeof(allowed[0]))
#define N_REFUSED (sizeof(refused) / sizeof(refused[0]))
#define X32_BIT	  0x40000000u
#define FIELD(f)  ((uint32_t)offsetof(struct seccomp_data, f))

struct program {
	struct sock_filter v[16 + (5 * N_ALLOWED) + (2 * N_REFUSED) + (2 * CONFINE_MAX_CALLS)];
	unsigned short n;
};

static void emit(struct program *p, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	p->v[p->n++] = (struct sock_filter){ .code = code, .jt = yes, .jf = no, .k = k };
}

static void emit_return(struct program *p, uint32_t nr, uint32_t verdict)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1);
	emit(p, BPF_RET | BPF_K, verdict, 0, 0);
}

static void emit_inet(struct program *p)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 5);
	emit(p, BPF_LD | BPF_W | BPF_ABS, FIELD(args[0]), 0, 0);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 1, 0);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1);
	emit(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	emit(p, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES, 0, 0);
}

static void emit_all(const struct confinement *c, struct program *p)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, FIELD(arch), 0, 0);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	emit(p, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	emit(p, BPF_LD | BPF_W | BPF_ABS, FIELD(nr), 0, 0);
	emit(p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
	emit(p, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	for (size_t i = 0; i < N_ALLOWED; i++) {
		const bool not_exec = allowed[i].not_exec && !c->readable;

		emit(p, BPF_JMP | BPF_JEQ | BPF_K, allowed[i].nr, 0, not_exec ? 4 : 1);
		if (not_exec) {
			emit(p, BPF_LD | BPF_W | BPF_ABS, FIELD(args[2]), 0, 0);
			emit(p, BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1);
			emit(p, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
		}
		emit(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	}
	for (size_t i = 0; i < c->n_calls; i++)
		emit_return(p, c->calls[i], SECCOMP_RET_ALLOW);
	if (c->inet)
		emit_inet(p);
	for (size_t i = 0; i < N_REFUSED; i++)
		emit_return(p, refused[i],
			    c->readable ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | EACCES);
	emit(p, BPF_RET | BPF_K, c->readable ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_KILL_PROCESS,
	     0, 0);
}

/* The sanitizers' own runtime makes calls of its own: their builds leave the filter out. */
static int step_filter(const struct confinement *c, struct err *e)
{
#ifdef __SANITIZE_ADDRESS__
	(void)c;
	(void)e;
	(void)emit_all;
	return 0;
#else
	struct program p = { .n = 0 };
	struct sock_fprog prog = { .filter = p.v };

	if (c->n_calls > CONFINE_MAX_CALLS)
		return err_set(e, E2BIG, "it names too many system calls");
	emit_all(c, &p);
	prog.len = p.n;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		return err_sys(e, "install the system-call filter");
	return 0;
#endif
}

int confine(const struct confinement *c, struct err *e)
{
	static int (*const steps[])(const struct confinement *, struct err *) = {
		step_empty_root, step_user, step_process, step_paths, step_limits, step_filter,
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int r = steps[i](c, e);

		if (r < 0)
			return err_wrap(e, "confine");
	}
	return 0;
}
