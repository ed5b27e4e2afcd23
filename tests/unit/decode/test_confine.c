/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/decode/confine.h"
#include "runtime/proto/decode.h"
#include "tests/tap.h"

/* Each probe runs in a child, after confine(); exit status 0 says that it succeeded. */
static int open_file(void)
{
	const int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	return fd < 0 || close(fd) < 0;
}

static int make_socket(void)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 || close(fd) < 0;
}

static int start_process(void)
{
	return fork() < 0;
}

static int executable_memory(void)
{
	/* cppcheck-suppress invalidFunctionArg ; -1 is what an anonymous mapping takes */
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED || munmap(p, 4096) < 0;
}

static int kill_parent(void)
{
	return kill(getppid(), 0) < 0;
}

static int trace_parent(void)
{
	return ptrace(PTRACE_SEIZE, 1, NULL, NULL) < 0;
}

static int read_environment(void)
{
	return syscall(SYS_openat2, AT_FDCWD, "/proc/self/environ", NULL, 0) < 0;
}

static int allocate_and_answer(void)
{
	void *p = malloc(8u << 20);
	const bool fine = p && write(STDERR_FILENO, "", 0) == 0;

	free(p);
	return !fine;
}

static int allocate_without_end(void)
{
	void *p = malloc(2ul << 30);

	free(p);
	return p == NULL;
}

#define KILLED (128 + SIGSYS)

#ifdef __SANITIZE_ADDRESS__ /* its runtime makes calls of its own: such a build has no filter and \
			       no memory limit */
static const bool whole = false;
#else
static const bool whole = true;
#endif

static const struct probe {
	const char *what;
	int (*run)(void);
	int want;
} probes[] = {
	{ "open a file", open_file, 1 },
	{ "make a socket", make_socket, KILLED },
	{ "start a process", start_process, KILLED },
	{ "get executable memory", executable_memory, KILLED },
	{ "signal the parent", kill_parent, KILLED },
	{ "trace a process", trace_parent, KILLED },
	{ "open by another call", read_environment, KILLED },
	{ "allocate and answer", allocate_and_answer, 0 },
	{ "allocate without end", allocate_without_end, 1 },
};

static int run_confined(int (*run)(void))
{
	const pid_t pid = fork();
	struct err e = ERR_INIT;
	int st = 0;

	if (pid == 0)
		_exit(decode_confine(&e) < 0 ? 99 : run());
	(void)waitpid(pid, &st, 0);
	return WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
}

static void each_probe_succeeds_outside_and_fails_inside(void)
{
	for (size_t i = 0; whole && i < sizeof(probes) / sizeof(probes[0]); i++) {
		const int got = run_confined(probes[i].run);

		if (got != probes[i].want)
			printf("# %s\n", probes[i].what);
		CHECK_INT(got, probes[i].want);
	}
	CHECK_INT(open_file(), 0);
	CHECK_INT(make_socket(), 0);
	CHECK_INT(executable_memory(), 0);
	CHECK_INT(kill_parent(), 0);
}

/* A confined process that waits for the end of `go`; its pid, once it is confined. */
static pid_t start_confined(int go[2])
{
	struct err e = ERR_INIT;
	char byte = 0;
	int up[2];
	pid_t pid;

	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(up, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		(void)close(go[1]);
		if (decode_confine(&e) < 0 || write(up[1], "x", 1) != 1)
			_exit(99);
		_exit((int)read(go[0], &byte, 1));
	}
	(void)close(up[1]);
	(void)!read(up[0], &byte, 1);
	(void)close(up[0]);
	return byte == 'x' ? pid : -1;
}

static void check_status(const char *status)
{
	static const char *const lines[] = {
		"Uid:\t2147352577\t2147352577\t2147352577\t2147352577",
		"Gid:\t2147352577\t2147352577\t2147352577\t2147352577",
		"Groups:\t \n",
		"CapPrm:\t0000000000000000",
		"CapEff:\t0000000000000000",
		"NoNewPrivs:\t1",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(status, lines[i]))
			CHECK_STR("not in the status", lines[i]);
	CHECK(strstr(status, whole ? "Seccomp:\t2" : "Seccomp:\t0") != NULL);
}

static int count_entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	if (!d)
		return -1;
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

/* What the kernel says of a confined process, seen from outside. */
static void a_confined_process_has_no_user_no_capability_no_files(void)
{
	AUTO_BUF struct buf status = BUF_INIT(65536);
	struct err e = ERR_INIT;
	char path[64];
	int go[2];
	pid_t pid;

	if (geteuid() != 0)
		return; /* an ordinary user keeps his own id and root */
	pid = start_confined(go);
	CHECK(pid > 0);
	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	CHECK_INT(file_read_at(AT_FDCWD, path, 65536, &status, &e), 0);
	check_status(status.p ? status.p : "");
	(void)snprintf(path, sizeof(path), "/proc/%d/root", pid);
	CHECK_INT(count_entries(path), 2); /* "." and ".." */
	(void)close(go[1]);
	(void)close(go[0]);
	(void)waitpid(pid, NULL, 0);
}

TAP_MAIN(TEST(each_probe_succeeds_outside_and_fails_inside),
	 TEST(a_confined_process_has_no_user_no_capability_no_files))
