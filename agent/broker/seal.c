/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/seal.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/proto/broker.h"
#include "runtime/proto/confine.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* What libcurl and OpenSSL need beside what every confined program does; no thread, no process, no
 * listening socket.  The last ones only for what is fetched to files. */
static const uint32_t broker_calls[] = {
	SYS_readv,	     SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_ctl,	SYS_connect,
	SYS_getsockopt,	     SYS_setsockopt, SYS_getpeername, SYS_getsockname,	SYS_shutdown,
	SYS_fcntl,	     SYS_lseek,	     SYS_time,	      SYS_getpid,	SYS_gettid,
	SYS_getuid,	     SYS_geteuid,    SYS_sysinfo,     SYS_rt_sigaction, SYS_rt_sigprocmask,
	SYS_restart_syscall, SYS_wait4,	     SYS_pread64,     SYS_pwrite64,	SYS_ftruncate,
};
#define WRITING 3

int seal_broker(bool writes, struct err *e)
{
	const struct confinement c = { .uid = BROKER_UID,
				       .memory = 1ul << 30,
				       .files = 2048,
				       .calls = broker_calls,
				       .n_calls = N(broker_calls) - (writes ? 0 : WRITING),
				       .file_size = writes ? 1ull << 40 : 0,
				       .inet = true };

	return confine(&c, e);
}

/* resolv.conf(5), nsswitch.conf(5), gai.conf(5), and the modules that they name. */
static const char *const resolver_reads[] = {
	"/etc/resolv.conf",
	"/etc/resolvconf",
	"/etc/hosts",
	"/etc/host.conf",
	"/etc/nsswitch.conf",
	"/etc/gai.conf",
	"/etc/services",
	"/etc/hostname",
	"/etc/ld.so.cache",
	"/usr/lib",
	"/lib",
	"/lib64",
	"/run/systemd/resolve",
	"/run/resolvconf",
	"/run/NetworkManager",
	"/run/nscd",
	NULL,
};

static const uint32_t resolver_calls[] = {
	SYS_pread64,
	SYS_readv,
	SYS_recvmmsg,
	SYS_sendmmsg,
	SYS_select,
	SYS_socket,
	SYS_connect,
	SYS_bind,
	SYS_getsockopt,
	SYS_setsockopt,
	SYS_getpeername,
	SYS_getsockname,
	SYS_shutdown,
	SYS_statx,
	SYS_faccessat,
	SYS_faccessat2,
	SYS_getdents64,
	SYS_lseek,
	SYS_fcntl,
	SYS_clone,
	SYS_fork,
	SYS_time,
	SYS_getpid,
	SYS_gettid,
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_uname,
	SYS_sysinfo,
	SYS_rt_sigaction,
	SYS_nanosleep,
	SYS_rt_sigprocmask,
	SYS_clock_nanosleep,
	SYS_set_robust_list,
	SYS_rseq,
	SYS_restart_syscall,
};

int seal_resolver(struct err *e)
{
	const struct confinement c = { .uid = BROKER_UID,
				       .memory = 512ul << 20,
				       .files = 32,
				       .calls = resolver_calls,
				       .n_calls = N(resolver_calls),
				       .readable = resolver_reads };

	return confine(&c, e);
}
