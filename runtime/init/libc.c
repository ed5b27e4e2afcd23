/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * What pid 1 needs of a C library, and its start.  Its program is copied into
 * sealed memory and executed at every start of a replica: a static glibc would
 * be 780 KB of that and set itself up for longer than pid 1 works.  No thread,
 * no allocation, no locale; x86-64, as the filter is.
 */
static int last_error;
char **environ;
uintptr_t __stack_chk_guard;

int main(int argc, char **argv);
_Noreturn void init_start(long *sp);
_Noreturn void __stack_chk_fail(void);

__asm__(".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call init_start\n"
	"	hlt\n");

int *__errno_location(void)
{
	return &last_error;
}

static long kernel(long nr, long a, long b, long c, long d, long f, long g)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = f;
	register long r9 __asm__("r9") = g;
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	if (r < 0 && r > -4096) {
		last_error = (int)-r;
		return -1;
	}
	return r;
}

#define CALL0(nr)	      kernel(nr, 0, 0, 0, 0, 0, 0)
#define CALL1(nr, a)	      kernel(nr, (long)(a), 0, 0, 0, 0, 0)
#define CALL2(nr, a, b)	      kernel(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define CALL3(nr, a, b, c)    kernel(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define CALL4(nr, a, b, c, d) kernel(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define KERNEL_SIGSET	      8

long syscall(long sysno, ...)
{
	va_list ap;
	long a[6];

	va_start(ap, sysno);
	for (size_t i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	return kernel(sysno, a[0], a[1], a[2], a[3], a[4], a[5]);
}

_Noreturn void _exit(int status)
{
	for (;;)
		(void)CALL1(SYS_exit_group, status);
}

_Noreturn void __stack_chk_fail(void)
{
	_exit(127);
}

/* The words of the kernel: argc, argv, NULL, environment, NULL, auxiliary vector. */
_Noreturn void init_start(long *sp)
{
	const int argc = (int)sp[0];
	char **argv = (char **)(sp + 1);
	char **end = argv + argc + 1;

	environ = end;
	while (*end)
		end++;
	for (const Elf64_auxv_t *aux = (const void *)(end + 1); aux->a_type != AT_NULL; aux++)
		if (aux->a_type == AT_RANDOM)
			memcpy(&__stack_chk_guard, (const void *)aux->a_un.a_val,
			       sizeof(__stack_chk_guard));
	_exit(main(argc, argv));
}

/* The child starts with fn and arg on its stack. */
int clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
	uintptr_t *sp = (uintptr_t *)stack - 2;
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;
	long r;

	sp[0] = (uintptr_t)fn;
	sp[1] = (uintptr_t)arg;
	__asm__ volatile("syscall\n"
			 "	test %%rax, %%rax\n"
			 "	jnz 1f\n"
			 "	xor %%ebp, %%ebp\n"
			 "	pop %%rax\n"
			 "	pop %%rdi\n"
			 "	call *%%rax\n"
			 "	hlt\n"
			 "1:\n"
			 : "=a"(r)
			 : "a"(SYS_clone), "D"((long)flags), "S"(sp), "d"(0L), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	if (r >= 0)
		return (int)r;
	last_error = (int)-r;
	return -1;
}

/* ---- one line a call ---- */

ssize_t send(int fd, const void *buf, size_t n, int flags)
{
	return CALL4(SYS_sendto, fd, buf, n, flags);
}

ssize_t recv(int fd, void *buf, size_t n, int flags)
{
	return CALL4(SYS_recvfrom, fd, buf, n, flags);
}

ssize_t read(int fd, void *buf, size_t nbytes)
{
	return CALL3(SYS_read, fd, buf, nbytes);
}

ssize_t write(int fd, const void *buf, size_t n)
{
	return CALL3(SYS_write, fd, buf, n);
}

int close(int fd)
{
	return (int)CALL1(SYS_close, fd);
}

int poll(struct pollfd *fds, nfds_t nfds, int timeout)
{
	return (int)CALL3(SYS_poll, fds, nfds, timeout);
}

int chdir(const char *path)
{
	return (int)CALL1(SYS_chdir, path);
}

mode_t umask(mode_t mask)
{
	return (mode_t)CALL1(SYS_umask, mask);
}

int execve(const char *path, char *const *argv, char *const *envp)
{
	return (int)CALL3(SYS_execve, path, argv, envp);
}

pid_t getpid(void)
{
	return (pid_t)CALL0(SYS_getpid);
}

pid_t setsid(void)
{
	return (pid_t)CALL0(SYS_setsid);
}

int kill(pid_t pid, int sig)
{
	return (int)CALL2(SYS_kill, pid, sig);
}

pid_t waitpid(pid_t pid, int *stat_loc, int options)
{
	return (pid_t)CALL4(SYS_wait4, pid, stat_loc, options, 0);
}

int getrusage(__rusage_who_t who, struct rusage *usage)
{
	return (int)CALL2(SYS_getrusage, who, usage);
}

int prctl(int option, ...)
{
	va_list ap;
	long a[4];

	va_start(ap, option);
	for (size_t i = 0; i < 4; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	return (int)kernel(SYS_prctl, option, a[0], a[1], a[2], a[3], 0);
}

int fcntl(int fd, int cmd, ...)
{
	va_list ap;
	long a;

	va_start(ap, cmd);
	a = va_arg(ap, long);
	va_end(ap);
	return (int)CALL3(SYS_fcntl, fd, cmd, a);
}

/* ---- signals: the kernel's set is the first word of the library's ---- */

int sigemptyset(sigset_t *set)
{
	memset(set, 0, sizeof(*set));
	return 0;
}

int sigaddset(sigset_t *set, int signo)
{
	set->__val[0] |= 1UL << (signo - 1);
	return 0;
}

int sigprocmask(int how, const sigset_t *set, sigset_t *oset)
{
	return (int)CALL4(SYS_rt_sigprocmask, how, set, oset, KERNEL_SIGSET);
}

/* Without a handler: one would need a way back. */
__sighandler_t signal(int sig, __sighandler_t handler)
{
	const struct {
		__sighandler_t handler;
		unsigned long flags, restorer, mask;
	} new = { .handler = handler };

	if (CALL4(SYS_rt_sigaction, sig, &new, 0, KERNEL_SIGSET) < 0)
		return SIG_ERR;
	return SIG_DFL;
}

int signalfd(int fd, const sigset_t *mask, int flags)
{
	return (int)CALL4(SYS_signalfd4, fd, mask, KERNEL_SIGSET, flags);
}

/* ---- strings; the compiler calls the first two by itself ---- */

void *memcpy(void *restrict dest, const void *restrict src, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((char *)dest)[i] = ((const char *)src)[i];
	return dest;
}

void *memset(void *s, int c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((char *)s)[i] = (char)c;
	return s;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

char *strchr(const char *s, int c)
{
	for (; *s; s++)
		if (*s == (char)c)
			return (char *)(uintptr_t)s;
	return c ? NULL : (char *)(uintptr_t)s;
}

size_t strcspn(const char *s, const char *reject)
{
	size_t n = 0;

	while (s[n] && !strchr(reject, s[n]))
		n++;
	return n;
}

int strncmp(const char *s1, const char *s2, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s1[i] != s2[i] || !s1[i])
			return (unsigned char)s1[i] - (unsigned char)s2[i];
	return 0;
}

/* Decimal, not negative: the number of a descriptor that the host wrote. */
long strtol(const char *restrict nptr, char **restrict endptr, int base)
{
	long v = 0;

	for (; *nptr >= '0' && *nptr <= '9' && v < 100000; nptr++)
		v = v * base + (*nptr - '0');
	if (endptr)
		*endptr = (char *)(uintptr_t)nptr;
	return v;
}
