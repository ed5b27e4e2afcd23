/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/escape/probe.h"

/* Ways out by sockets, shared memory, rarely used system calls and other entries into the kernel.
 */

/* ---- sockets ---- */

static socklen_t abstract(struct sockaddr_un *a, const char *name)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "%s", name));
}

static int probe_abstract(const char *name)
{
	struct sockaddr_un a;
	const socklen_t n = abstract(&a, name);
	const int s = socket(AF_UNIX, SOCK_STREAM, 0);

	return judge(connect(s, (const struct sockaddr *)&a, n), "abstract socket of the host");
}

static int probe_unix(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const int s = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	return judge(connect(s, (const struct sockaddr *)&a, sizeof(a)), path);
}

static int probe_tcp(const char *port)
{
	const struct sockaddr_in a = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)atoi(port)),
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	const int s = socket(AF_INET, SOCK_STREAM, 0);

	return judge(connect(s, (const struct sockaddr *)&a, sizeof(a)), "the host's loopback");
}

/* No packet is sent: connecting a datagram socket only looks for a route. */
static int probe_route(const char *a)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(9),
					.sin_addr = { htonl(0xc0000201) } };
	const int s = socket(AF_INET, SOCK_DGRAM, 0);

	(void)a;
	return judge(connect(s, (const struct sockaddr *)&to, sizeof(to)), "a route to 192.0.2.1");
}

static int probe_socket(const char *family)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW };
	int code = 0;

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (socket(atoi(family), types[i], 0) >= 0)
			return through("socket");
		if (code == 0 || errno == EPERM || errno == EACCES)
			code = errno;
	}
	errno = code;
	return code == EAFNOSUPPORT ? 77 : refused("socket");
}

static int probe_raw(const char *a)
{
	(void)a;
	return judge(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), "raw socket");
}

/* Ends with its reader: what the host runs while the probes try to reach it. */
static int serve(const char *name)
{
	struct sockaddr_un a;
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = abstract(&a, name), in_n = sizeof(in);
	const int u = socket(AF_UNIX, SOCK_STREAM, 0), t = socket(AF_INET, SOCK_STREAM, 0);
	const int f = socket(AF_UNIX, SOCK_STREAM, 0), shm = shmget(IPC_PRIVATE, 4096, 0600);
	struct sockaddr_un file = { .sun_family = AF_UNIX };
	char c;

	(void)snprintf(file.sun_path, sizeof(file.sun_path), "%s", name);
	if (bind(u, (const struct sockaddr *)&a, n) < 0 || listen(u, 64) < 0 ||
	    bind(t, (const struct sockaddr *)&in, in_n) < 0 || listen(t, 64) < 0 ||
	    getsockname(t, (struct sockaddr *)&in, &in_n) < 0 ||
	    bind(f, (const struct sockaddr *)&file, sizeof(file)) < 0 || listen(f, 64) < 0)
		return refused("serve");
	(void)printf("%d %d %d\n", (int)getpid(), ntohs(in.sin_port), shm);
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) == 1)
		;
	(void)shmctl(shm, IPC_RMID, NULL);
	return 0;
}

static int probe_shm(const char *id)
{
	return judge(shmat(atoi(id), NULL, SHM_RDONLY) == (void *)-1 ? -1 : 0,
		     "shared memory of the host");
}

/* ---- rare system calls ---- */

static int probe_io_uring(const char *a)
{
	uint64_t params[15] = { 0 };

	(void)a;
	return judge(syscall(SYS_io_uring_setup, 4, params), "io_uring_setup");
}

static int probe_keyctl(const char *a)
{
	(void)a;
	return judge(syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -3 /* session */, 1),
		     "keyctl");
}

static int probe_add_key(const char *a)
{
	(void)a;
	return judge(syscall(SYS_add_key, "user", "probe", "x", 1, -1 /* thread */), "add_key");
}

static int probe_bpf(const char *a)
{
	struct {
		uint32_t type, key, value, n;
		char rest[112];
	} attr = { .type = 2 /* array */, .key = 4, .value = 4, .n = 1 };

	(void)a;
	return judge(syscall(SYS_bpf, 0 /* BPF_MAP_CREATE */, &attr, 72), "bpf");
}

static int probe_perf(const char *a)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attr) };

	(void)a;
	return judge(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0), "perf_event_open");
}

static int probe_userfaultfd(const char *a)
{
	(void)a;
	return judge(syscall(SYS_userfaultfd, O_CLOEXEC), "userfaultfd");
}

static int probe_fanotify(const char *a)
{
	(void)a;
	return judge(syscall(SYS_fanotify_init, 0, O_RDONLY), "fanotify_init");
}

static int probe_syslog(const char *a)
{
	char text[64];

	(void)a;
	return judge(syscall(SYS_syslog, 3 /* read all */, text, sizeof(text)), "the kernel's log");
}

static int probe_iopl(const char *a)
{
	(void)a;
	return syscall(SYS_iopl, 3) < 0 && errno == ENOSYS ? 77
							   : judge(syscall(SYS_iopl, 3), "iopl");
}

static int probe_adjtimex(const char *a)
{
	struct timex t = { .modes = 0 }; /* asks only */

	(void)a;
	return judge(adjtimex(&t), "adjtimex");
}

static int probe_personality(const char *a)
{
	(void)a;
	return judge(personality(READ_IMPLIES_EXEC), "personality READ_IMPLIES_EXEC");
}

static int probe_tiocsti(const char *a)
{
	const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int slave;

	(void)a;
	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		return 77;
	if (getpid() == getpgrp()) {
		const pid_t pid = fork();
		int status = 0;

		if (pid != 0) {
			(void)waitpid(pid, &status, 0);
			return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
		}
	}
	(void)setsid();
	slave = open(ptsname(master), O_RDWR | O_CLOEXEC);
	if (slave < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
		return 77;
	return judge(ioctl(slave, TIOCSTI, "x"), "TIOCSTI");
}

static int probe_memfd_exec(const char *self)
{
	static char buf[65536];
	const int fd = memfd_create("probe", MFD_CLOEXEC), in = open(self, O_RDONLY | O_CLOEXEC);
	char *const argv[] = { (char *)(uintptr_t) "probe", (char *)(uintptr_t) "alive", NULL };
	char *const envp[] = { NULL };
	ssize_t n;

	while (in >= 0 && fd >= 0 && (n = read(in, buf, sizeof(buf))) > 0)
		if (write(fd, buf, (size_t)n) != n)
			break;
	(void)syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
	return refused("execute a memory file");
}

/* ---- other entries ---- */

static int probe_int80(const char *a)
{
	int r = 20; /* getpid of i386 */

	(void)a;
	__asm__ volatile("int $0x80" : "+a"(r) : : "memory", "cc", "r8", "r9", "r10", "r11");
	errno = r < 0 ? -r : 0;
	return r == -ENOSYS ? 77 : judge(r, "int 0x80");
}

static int probe_x32(const char *a)
{
	const long r = syscall(SYS_getpid | 0x40000000L);

	(void)a;
	return r < 0 && errno == ENOSYS ? 77 : judge(r, "x32 entry");
}

const struct probe kernel_probes[] = {
	{ "serve", serve },
	{ "abstract", probe_abstract },
	{ "unix", probe_unix },
	{ "tcp", probe_tcp },
	{ "route", probe_route },
	{ "socket", probe_socket },
	{ "raw", probe_raw },
	{ "shm", probe_shm },
	{ "io-uring", probe_io_uring },
	{ "keyctl", probe_keyctl },
	{ "add-key", probe_add_key },
	{ "bpf", probe_bpf },
	{ "perf", probe_perf },
	{ "userfaultfd", probe_userfaultfd },
	{ "fanotify", probe_fanotify },
	{ "syslog", probe_syslog },
	{ "iopl", probe_iopl },
	{ "adjtimex", probe_adjtimex },
	{ "personality", probe_personality },
	{ "tiocsti", probe_tiocsti },
	{ "memfd-exec", probe_memfd_exec },
	{ "int80", probe_int80 },
	{ "x32", probe_x32 },
	{ NULL, NULL },
};
