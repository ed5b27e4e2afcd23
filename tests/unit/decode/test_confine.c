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
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0;
}

static int make_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0;
}

static int start_process(void)
{
	return fork() < 0;
}

static int executable_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	       MAP_FAILED;
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
	return malloc(2ul << 30) == NULL;
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
		_exit(confine(&e) < 0 ? 99 : run());
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

static bool status_says(const char *status, const char *line)
{
	const bool found = strstr(status, line) != NULL;

	if (!found)
		printf("# not in the status: %s\n", line);
	return found;
}

/* What the kernel says of a confined process, seen from outside. */
static void a_confined_process_has_no_user_no_capability_no_files(void)
{
	AUTO_BUF struct buf status = BUF_INIT(65536);
	struct err e = ERR_INIT;
	char path[64], byte;
	int go[2], up[2];
	DIR *root;
	pid_t pid;

	if (geteuid() != 0)
		return;
	CHECK_INT(pipe2(go, O_CLOEXEC), 0);
	CHECK_INT(pipe2(up, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		(void)close(go[1]);
		if (confine(&e) < 0 || write(up[1], "x", 1) != 1)
			_exit(99);
		_exit((int)read(go[0], &byte, 1));
	}
	(void)close(up[1]);
	CHECK_INT(read(up[0], &byte, 1), 1);
	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	CHECK_INT(file_read_at(AT_FDCWD, path, 65536, &status, &e), 0);
	CHECK(status_says(status.p, "Uid:\t2147352577\t2147352577\t2147352577\t2147352577"));
	CHECK(status_says(status.p, "Gid:\t2147352577\t2147352577\t2147352577\t2147352577"));
	CHECK(status_says(status.p, "Groups:\t \n"));
	CHECK(status_says(status.p, "CapPrm:\t0000000000000000"));
	CHECK(status_says(status.p, "CapEff:\t0000000000000000"));
	CHECK(status_says(status.p, "NoNewPrivs:\t1"));
	CHECK(status_says(status.p, whole ? "Seccomp:\t2" : "Seccomp:\t0"));
	(void)snprintf(path, sizeof(path), "/proc/%d/root", pid);
	root = opendir(path);
	CHECK(root != NULL);
	if (root) {
		const struct dirent *ent;
		int n = 0;

		while ((ent = readdir(root)))
			n++;
		CHECK_INT(n, 2); /* "." and ".." */
		(void)closedir(root);
	}
	(void)close(go[1]);
	(void)close(go[0]);
	(void)close(up[0]);
	(void)waitpid(pid, NULL, 0);
}

TAP_MAIN(TEST(each_probe_succeeds_outside_and_fails_inside),
	 TEST(a_confined_process_has_no_user_no_capability_no_files))
