/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/sys.h"
#include "runtime/sandbox/landlock.h"
#include "tests/tap.h"

static char dir[] = "/tmp/landlock.XXXXXX";
static char readable[64], writable[64], runnable[64], other[64];
static struct err e;

/* Runs fn in a child under the plan; its status: 0, or the errno that fn returned. */
static int under(const struct landlock_plan *plan, int (*fn)(void))
{
	const pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		int r = sys_no_new_privs();

		if (r == 0)
			r = landlock_apply(plan);
		_exit(r < 0 ? 200 : fn());
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int try_open(const char *path, int flags)
{
	const int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	(void)close(fd);
	return 0;
}

static char at[128];

static const char *in(const char *where, const char *name)
{
	(void)snprintf(at, sizeof(at), "%s/%s", where, name);
	return at;
}

static int read_readable(void)
{
	return try_open(in(readable, "file"), O_RDONLY);
}
static int write_readable(void)
{
	return try_open(in(readable, "file"), O_WRONLY);
}
static int make_readable(void)
{
	return try_open(in(readable, "new"), O_WRONLY | O_CREAT);
}
static int read_other(void)
{
	return try_open(in(other, "file"), O_RDONLY);
}
static int make_writable(void)
{
	return try_open(in(writable, "new"), O_WRONLY | O_CREAT | O_TRUNC);
}
static int read_writable(void)
{
	return try_open(in(writable, "file"), O_RDONLY);
}
static int rename_across(void)
{
	char from[128];

	(void)snprintf(from, sizeof(from), "%s/file", writable);
	return rename(from, in(other, "moved")) < 0 ? errno : 0;
}
static int rename_within(void)
{
	char from[128];

	if (mkdir(in(writable, "sub"), 0700) < 0 && errno != EEXIST)
		return errno;
	(void)snprintf(from, sizeof(from), "%s/new", writable);
	return rename(from, in(writable, "sub/moved")) < 0 ? errno : 0;
}
static int mount_tmpfs(void)
{
	return mount("none", writable, "tmpfs", 0, NULL) < 0 ? errno : 0;
}
static int run(const char *path)
{
	char *const argv[] = { (char *)(uintptr_t)path, NULL };
	char *const envp[] = { NULL };

	(void)execve(path, argv, envp);
	return errno;
}
static int run_runnable(void)
{
	return run(in(runnable, "true"));
}
static int run_readable(void)
{
	return run(in(readable, "true"));
}

static const struct sandbox_path_rule *rules(size_t *n)
{
	static struct sandbox_path_rule r[] = {
		{ readable, SANDBOX_READ },
		{ writable, SANDBOX_WRITE },
		{ runnable, SANDBOX_EXEC },
		{ (char *)(uintptr_t) "/no/such/path", SANDBOX_READ },
		{ (char *)(uintptr_t) "/usr/lib", SANDBOX_READ | SANDBOX_EXEC },
		{ (char *)(uintptr_t) "/lib64/ld-linux-x86-64.so.2", SANDBOX_EXEC },
		{ (char *)(uintptr_t) "/etc/ld.so.cache", SANDBOX_READ },
	};

	*n = sizeof(r) / sizeof(*r);
	return r;
}

static struct landlock_plan prepared(int abi)
{
	struct landlock_plan plan = { 0 };
	size_t n;
	const struct sandbox_path_rule *r = rules(&n);

	CHECK_INT(landlock_prepare(r, n, abi, &plan, &e), 0);
	return plan;
}

static int have(int abi)
{
	if (landlock_abi() >= abi)
		return 1;
	printf("# not run: this kernel has Landlock ABI %d, not %d\n", landlock_abi(), abi);
	return 0;
}

static void rules_bound_what_is_touched(void)
{
	struct landlock_plan plan;

	if (!have(1))
		return;
	plan = prepared(landlock_abi());
	CHECK_INT(under(&plan, read_readable), 0);
	CHECK_INT(under(&plan, write_readable), EACCES);
	CHECK_INT(under(&plan, make_readable), EACCES);
	CHECK_INT(under(&plan, read_other), EACCES);
	CHECK_INT(under(&plan, make_writable), 0);
	CHECK_INT(under(&plan, read_writable), EACCES);
	CHECK_INT(under(&plan, run_runnable), 0);
	CHECK_INT(under(&plan, run_readable), EACCES);
	CHECK_INT(under(&plan, mount_tmpfs), EPERM);
	landlock_plan_release(&plan);
}

static void files_move_only_where_both_ends_may_be_written(void)
{
	struct landlock_plan plan;

	if (!have(2))
		return;
	plan = prepared(landlock_abi());
	CHECK_INT(under(&plan, make_writable), 0);
	CHECK_INT(under(&plan, rename_within), 0);
	CHECK_INT(under(&plan, rename_across), EACCES);
	landlock_plan_release(&plan);
}

static void every_older_abi_applies(void)
{
	for (int abi = 1; abi <= landlock_abi(); abi++) {
		struct landlock_plan plan = prepared(abi);

		CHECK_INT(under(&plan, read_readable), 0);
		CHECK_INT(under(&plan, read_other), EACCES);
		landlock_plan_release(&plan);
	}
}

static int abstract_listener = -1;
static struct sockaddr_un abstract_addr = { .sun_family = AF_UNIX };
static socklen_t abstract_len;

static int connect_abstract(void)
{
	const int s = socket(AF_UNIX, SOCK_STREAM, 0);

	return connect(s, (const struct sockaddr *)&abstract_addr, abstract_len) < 0 ? errno : 0;
}
static int signal_parent(void)
{
	return kill(getppid(), 0) < 0 ? errno : 0;
}
static int signal_self(void)
{
	return kill(getpid(), 0) < 0 ? errno : 0;
}

static void abstract_sockets_and_signals_stay_inside(void)
{
	const struct landlock_plan none = { 0 };
	struct landlock_plan plan = { 0 };

	if (!have(6))
		return;
	abstract_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				   (size_t)snprintf(abstract_addr.sun_path + 1, 64, "ll.%d",
						    (int)getpid()));
	abstract_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_INT(bind(abstract_listener, (const struct sockaddr *)&abstract_addr, abstract_len),
		  0);
	CHECK_INT(listen(abstract_listener, 4), 0);
	CHECK_INT(under(&none, connect_abstract), 0);
	CHECK_INT(under(&none, signal_parent), 0);
	/* No path rules: the borders hold all the same. */
	CHECK_INT(landlock_prepare(NULL, 0, landlock_abi(), &plan, &e), 0);
	CHECK_INT(under(&plan, connect_abstract), EPERM);
	CHECK_INT(under(&plan, signal_parent), EPERM);
	CHECK_INT(under(&plan, signal_self), 0);
	CHECK_INT(under(&plan, read_other), 0);
	landlock_plan_release(&plan);
	(void)close(abstract_listener);
}

static void without_landlock_nothing_is_applied(void)
{
	struct landlock_plan plan = prepared(0);

	CHECK_INT(under(&plan, read_other), 0);
	landlock_plan_release(&plan);
}

static void wrong_rules_are_refused(void)
{
	static const struct {
		const char *path;
		unsigned access;
		const char *text;
	} rows[] = {
		{ "usr", SANDBOX_READ, "path rule 'usr': not an absolute path without '..'" },
		{ "/usr/../etc", SANDBOX_READ,
		  "path rule '/usr/../etc': not an absolute path without '..'" },
		{ "/usr", 0, "path rule '/usr': access 0 is none of read, write, exec" },
		{ "/usr", 64, "path rule '/usr': access 0x40 is none of read, write, exec" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct sandbox_path_rule rule = { (char *)(uintptr_t)rows[i].path,
							rows[i].access };
		struct landlock_plan plan = { 0 };

		CHECK_INT(landlock_prepare(&rule, 1, 7, &plan, &e), -EINVAL);
		CHECK_STR(e.msg, rows[i].text);
	}
}

static void put(const char *where, const char *name, const void *data, size_t n, mode_t mode)
{
	AUTO_CLOSE int at_dir = fd_open_dir(where, &e);

	CHECK_INT(file_publish_at(at_dir, name, data, n, mode, &e), 0);
}

__attribute__((constructor)) static void make_files(void)
{
	AUTO_BUF struct buf prog = BUF_INIT(16u << 20);
	char *const all[] = { readable, writable, runnable, other };

	if (!mkdtemp(dir))
		exit(1);
	CHECK_INT(file_read_at(AT_FDCWD, "/bin/true", prog.max, &prog, &e), 0);
	for (int i = 0; i < 4; i++) {
		(void)snprintf(all[i], sizeof(readable), "%s/%c", dir, "rwxo"[i]);
		(void)mkdir(all[i], 0700);
		put(all[i], "file", "x", 1, 0600);
		put(all[i], "true", prog.p, prog.n, 0700);
	}
}

__attribute__((destructor)) static void remove_files(void)
{
	AUTO_CLOSE int tmp = fd_open_dir("/tmp", &e);

	(void)tree_remove_at(tmp, dir + strlen("/tmp/"), &e);
}

TAP_MAIN({ "path rules bound what is read, written, made and run", rules_bound_what_is_touched },
	 { "files move only where both ends may be written",
	   files_move_only_where_both_ends_may_be_written },
	 { "every older ABI applies", every_older_abi_applies },
	 { "abstract sockets and signals stay inside, also without path rules",
	   abstract_sockets_and_signals_stay_inside },
	 { "without Landlock nothing is applied", without_landlock_nothing_is_applied },
	 { "wrong rules are refused", wrong_rules_are_refused })
