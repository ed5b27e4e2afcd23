/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/seccomp_table.h"

#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define SET(id, ...) static const char *const id[] = { __VA_ARGS__, NULL }

/* clang-format off */
SET(basic_io, "read", "write", "close", "close_range", "lseek", "pread64", "pwrite64", "readv", "writev",
	"preadv", "pwritev", "preadv2", "pwritev2", "dup", "dup2", "dup3", "fcntl", "ioctl",
	"sendfile", "splice", "tee", "copy_file_range", "readahead", "fadvise64");
SET(files_read, "open", "openat", "openat2", "stat", "fstat", "lstat", "newfstatat", "statx", "access",
	"faccessat", "faccessat2", "readlink", "readlinkat", "getdents", "getdents64", "getcwd",
	"chdir", "fchdir", "statfs", "fstatfs", "umask", "flock", "cachestat", "getxattr", "lgetxattr",
	"fgetxattr", "getxattrat", "listxattr", "llistxattr", "flistxattr", "listxattrat");
SET(files_write, "creat", "mkdir", "mkdirat", "rmdir", "rename", "renameat", "renameat2", "link",
	"linkat", "symlink", "symlinkat", "unlink", "unlinkat", "chmod", "fchmod", "fchmodat",
	"fchmodat2", "chown", "fchown", "lchown", "fchownat", "utime", "utimes", "utimensat",
	"futimesat", "truncate", "ftruncate", "fallocate", "mknod", "mknodat", "fsync",
	"fdatasync", "sync_file_range", "setxattr", "lsetxattr", "fsetxattr", "setxattrat",
	"removexattr", "lremovexattr", "fremovexattr", "removexattrat");
SET(memory, "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "mincore", "msync", "mlock",
	"mlock2", "munlock", "mlockall", "munlockall", "membarrier", "memfd_create", "mseal",
	"pkey_mprotect", "pkey_alloc", "pkey_free", "map_shadow_stack", "get_mempolicy");
SET(process, "clone", "fork", "vfork", "execve", "execveat", "exit", "exit_group", "wait4", "waitid",
	"kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open",
	"pidfd_send_signal", "getpid", "getppid", "gettid", "getpgid", "getpgrp", "getsid",
	"setpgid", "setsid", "prctl", "arch_prctl", "personality", "uname");
SET(threads, "futex", "futex_wait", "futex_wake", "futex_requeue", "futex_waitv", "set_tid_address",
	"set_robust_list", "get_robust_list", "rseq", "sched_yield", "sched_getaffinity",
	"sched_setaffinity", "sched_getparam", "sched_getscheduler", "sched_get_priority_max",
	"sched_get_priority_min", "sched_rr_get_interval", "sched_getattr", "getcpu",
	"getpriority", "ioprio_get");
SET(signals, "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait",
	"rt_sigsuspend", "sigaltstack", "pause", "signalfd", "signalfd4", "restart_syscall");
SET(timers, "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
	"times", "alarm", "getitimer", "setitimer", "timer_create", "timer_settime",
	"timer_gettime", "timer_getoverrun", "timer_delete", "timerfd_create", "timerfd_settime",
	"timerfd_gettime");
SET(events, "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl",
	"epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2", "pipe", "pipe2",
	"socketpair");
SET(identity, "getuid", "geteuid", "getgid", "getegid", "getgroups", "getresuid", "getresgid", "capget");
SET(resources, "getrlimit", "setrlimit", "prlimit64", "getrusage", "sysinfo", "getrandom");
SET(build, "capset", "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid",
	"setfsgid", "setgroups", "setpriority", "sched_setscheduler", "sched_setparam",
	"sched_setattr", "ioprio_set", "sync", "syncfs", "inotify_init", "inotify_init1",
	"inotify_add_watch", "inotify_rm_watch", "io_setup", "io_destroy", "io_submit",
	"io_getevents", "io_cancel", "io_pgetevents", "set_mempolicy", "mbind");
SET(ipc, "shmget", "shmat", "shmctl", "shmdt", "semget", "semop", "semtimedop", "semctl", "msgget",
	"msgsnd", "msgrcv", "msgctl", "mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive",
	"mq_notify", "mq_getsetattr");
SET(network_client, "socket", "connect", "bind", "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg",
	"recvmmsg", "shutdown", "getsockname", "getpeername", "getsockopt", "setsockopt");
SET(network_server, "listen", "accept", "accept4");
SET(network_io, "socket", "connect", "bind", "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg",
	"recvmmsg", "shutdown", "getsockname", "getpeername", "getsockopt", "setsockopt", "listen",
	"accept", "accept4", "socketpair");
SET(debug, "ptrace", "process_vm_readv", "process_vm_writev");
SET(confine, "seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self");

SET(mount, "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "open_tree_attr",
	"fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "statmount", "listmount");
SET(namespaces, "unshare", "setns", "clone3");
SET(io_uring, "io_uring_setup", "io_uring_enter", "io_uring_register");
SET(keyring, "add_key", "request_key", "keyctl");
SET(module, "init_module", "finit_module", "delete_module", "create_module", "get_kernel_syms",
	"query_module");
SET(reboot, "reboot", "kexec_load", "kexec_file_load");
SET(swap, "swapon", "swapoff");
SET(raw_io, "iopl", "ioperm");
SET(clock, "settimeofday", "clock_settime", "adjtimex", "clock_adjtime");
SET(host, "bpf", "perf_event_open", "userfaultfd", "open_by_handle_at", "name_to_handle_at", "quotactl",
	"quotactl_fd", "acct", "syslog", "vhangup", "fanotify_init", "fanotify_mark", "lookup_dcookie",
	"nfsservctl", "uselib", "ustat", "sysfs", "_sysctl", "modify_ldt", "sethostname",
	"setdomainname", "pidfd_getfd", "kcmp", "process_madvise", "process_mrelease", "migrate_pages",
	"move_pages", "vmsplice", "memfd_secret", "remap_file_pages", "lsm_set_self_attr",
	"file_setattr", "uprobe", "uretprobe");

SET(groups_minimal, "@basic-io", "@files-read", "@files-write", "@memory", "@process", "@threads",
	"@signals", "@timers", "@events", "@identity", "@resources");
SET(groups_build, "@basic-io", "@files-read", "@files-write", "@memory", "@process", "@threads",
	"@signals", "@timers", "@events", "@identity", "@resources", "@build", "@ipc",
	"@network-client");
SET(groups_build_net, "@basic-io", "@files-read", "@files-write", "@memory", "@process", "@threads",
	"@signals", "@timers", "@events", "@identity", "@resources", "@build", "@ipc",
	"@network-io");
SET(groups_debug, "@basic-io", "@files-read", "@files-write", "@memory", "@process", "@threads",
	"@signals", "@timers", "@events", "@identity", "@resources", "@build", "@ipc",
	"@network-io", "@debug");

const char *const *const seccomp_preset_groups[] = {
	groups_minimal, groups_build, groups_build_net, groups_debug, NULL,
};

const char *const seccomp_core[] = {
	"read", "write", "close", "close_range", "fcntl", "openat", "brk", "mmap", "munmap", "mprotect",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "ppoll", "poll", "execve",
	"execveat", "exit", "exit_group", "wait4", "waitid", "clone", "fork", "vfork", "kill", "setsid",
	"setpgid", "prctl", "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "prlimit64",
	"getrandom", "getpid", "futex", "restart_syscall", NULL,
};

const struct seccomp_group seccomp_group_table[] = {
	{ "@basic-io", basic_io, false },
	{ "@files-read", files_read, false },
	{ "@files-write", files_write, false },
	{ "@memory", memory, false },
	{ "@process", process, false },
	{ "@threads", threads, false },
	{ "@signals", signals, false },
	{ "@timers", timers, false },
	{ "@events", events, false },
	{ "@identity", identity, false },
	{ "@resources", resources, false },
	{ "@build", build, false },
	{ "@ipc", ipc, false },
	{ "@network-client", network_client, false },
	{ "@network-server", network_server, false },
	{ "@network-io", network_io, false },
	{ "@debug", debug, false },
	{ "@confine", confine, false },
	{ "@mount", mount, true },
	{ "@namespaces", namespaces, true },
	{ "@io-uring", io_uring, true },
	{ "@keyring", keyring, true },
	{ "@module", module, true },
	{ "@reboot", reboot, true },
	{ "@swap", swap, true },
	{ "@raw-io", raw_io, true },
	{ "@clock", clock, true },
	{ "@host", host, true },
	{ NULL, NULL, false },
};

/* In memory an int argument may have anything in its upper half: the kernel drops it, so does the mask. */
#define INT_MASK 0xffffffffu
#define NEW_NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	CLONE_NEWPID | CLONE_NEWNET)
#define ONE(c, a, k, v) { c, 1, { { a, k, v }, { 0, 0, 0 } } }
#define SOCKET(domain, protocol) \
	{ "socket", 2, { { 0, INT_MASK, domain }, { 2, INT_MASK, protocol } } }
#define MAKE_NODE(c, a)                                                      \
	ONE(c, a, S_IFMT, 0), ONE(c, a, S_IFMT, S_IFREG), ONE(c, a, S_IFMT, S_IFIFO), \
	ONE(c, a, S_IFMT, S_IFSOCK)

const struct seccomp_row seccomp_rows[] = {
	ONE("clone", 0, NEW_NAMESPACES, 0),
	ONE("socket", 0, INT_MASK, AF_UNIX),
	SOCKET(AF_INET, 0), SOCKET(AF_INET, 6 /* TCP */), SOCKET(AF_INET, 17 /* UDP */),
	SOCKET(AF_INET6, 0), SOCKET(AF_INET6, 6), SOCKET(AF_INET6, 17),
	SOCKET(AF_NETLINK, NETLINK_ROUTE),
	ONE("socketpair", 0, INT_MASK, AF_UNIX),
	ONE("personality", 0, INT_MASK, 0),
	ONE("personality", 0, INT_MASK, ADDR_NO_RANDOMIZE),
	ONE("personality", 0, INT_MASK, INT_MASK /* asks only */),
	MAKE_NODE("mknod", 1),
	MAKE_NODE("mknodat", 2),
	{ NULL, 0, { { 0, 0, 0 }, { 0, 0, 0 } } },
};

const struct seccomp_words seccomp_conditions[] = {
	{ "clone", "without new namespaces" },
	{ "socket", "AF_UNIX, AF_INET and AF_INET6 (TCP, UDP), AF_NETLINK (route)" },
	{ "socketpair", "AF_UNIX" },
	{ "personality", "0, ADDR_NO_RANDOMIZE, or asking" },
	{ "mknod", "regular files, FIFOs and sockets" },
	{ "mknodat", "regular files, FIFOs and sockets" },
	{ "ioctl", "any but TIOCSTI, TIOCLINUX and TIOCSETD" },
	{ NULL, NULL },
};

const uint32_t seccomp_ioctl_refused[] = { TIOCSTI, TIOCLINUX, TIOCSETD };
const size_t seccomp_ioctl_refused_n = sizeof(seccomp_ioctl_refused) / sizeof(*seccomp_ioctl_refused);

/* Newer than Debian 12's libseccomp and headers. */
static const struct {
	const char *call;
	int nr;
} newer[] = {
	{ "uretprobe", 335 }, { "uprobe", 336 },
	{ "statmount", 457 }, { "listmount", 458 }, { "lsm_get_self_attr", 459 },
	{ "lsm_set_self_attr", 460 }, { "lsm_list_modules", 461 }, { "mseal", 462 },
	{ "setxattrat", 463 }, { "getxattrat", 464 }, { "listxattrat", 465 },
	{ "removexattrat", 466 }, { "open_tree_attr", 467 }, { "file_getattr", 468 },
	{ "file_setattr", 469 },
};
/* clang-format on */

int seccomp_number(const char *call)
{
	const int nr = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, call);

	if (nr >= 0)
		return nr;
	for (size_t i = 0; i < sizeof(newer) / sizeof(*newer); i++)
		if (strcmp(newer[i].call, call) == 0)
			return newer[i].nr;
	return -1;
}
