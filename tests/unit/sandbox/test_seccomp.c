/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/sys.h"
#include "runtime/sandbox/seccomp.h"
#include "runtime/sandbox/seccomp_table.h"
#include "tests/tap.h"

/* The filter is judged twice: by an interpreter of its instructions, and by the kernel with real
 * programs. */
static struct err e;

#define ALLOW	 SECCOMP_RET_ALLOW
#define NOTIFY	 SECCOMP_RET_USER_NOTIF
#define KILL	 SECCOMP_RET_KILL_PROCESS
#define ERRNO(n) (SECCOMP_RET_ERRNO | (uint32_t)(n))
#define NOWHERE	 0xdeadbeefu /* the program ran off its end, or used what no filter should */

/* Classic BPF as the kernel defines it for seccomp, as far as filters use it. */
static uint32_t simulate(const struct seccomp_prog *p, const struct seccomp_data *d)
{
	uint32_t a = 0;

	for (unsigned pc = 0; pc < p->n; pc++) {
		const struct sock_filter *i = &p->insns[pc];
		unsigned jump;

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (i->k % 4 != 0 || i->k + 4 > sizeof(*d))
				return NOWHERE;
			memcpy(&a, (const char *)d + i->k, 4);
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			continue;
		case BPF_RET | BPF_K:
			return i->k;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			jump = a == i->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			jump = a > i->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			jump = a >= i->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			jump = (a & i->k) != 0;
			break;
		default:
			return NOWHERE;
		}
		pc += jump ? i->jt : i->jf;
	}
	return NOWHERE;
}

static uint32_t ask(const struct seccomp_prog *p, int nr, uint64_t a0, uint64_t a1, uint64_t a2)
{
	const struct seccomp_data d = { .nr = nr,
					.arch = AUDIT_ARCH_X86_64,
					.args = { a0, a1, a2 } };

	return simulate(p, &d);
}

static char *words[8];

static struct strlist list(const char *w)
{
	static int next;
	struct strlist l = { NULL, 0 };

	if (!w)
		return l;
	next = (next + 1) % 8;
	words[next] = (char *)(uintptr_t)w;
	return (struct strlist){ &words[next], 1 };
}

static struct seccomp_prog compiled(const struct seccomp_spec *spec)
{
	struct seccomp_prog p = { 0 };

	e = (struct err)ERR_INIT;
	CHECK_INT(seccomp_compile(spec, NULL, &p, &e), 0);
	if (e.code)
		printf("# %s\n", e.msg);
	return p;
}

static bool in_list(const char *const *l, const char *w)
{
	for (; *l; l++)
		if (strcmp(*l, w) == 0)
			return true;
	return false;
}

/* What the filter has to answer for a call with the arguments that are all zero. */
static uint32_t expected(const struct seccomp_spec *spec, const char *call)
{
	const int verdict = seccomp_decide(spec, call);

	if (strcmp(call, "clone3") == 0)
		return ERRNO(ENOSYS);
	if (verdict == SECCOMP_ALLOWED)
		return ALLOW;
	if (verdict == SECCOMP_NOTIFIED)
		return NOTIFY;
	if (verdict == SECCOMP_FILTERED) {
		if (strcmp(call, "socket") != 0 && strcmp(call, "socketpair") != 0)
			return ALLOW; /* zero passes: no namespace, no personality, no type of node
				       */
	}
	return spec->kill ? KILL : ERRNO(EPERM);
}

static void check_all_numbers(const struct seccomp_spec *spec)
{
	struct seccomp_prog p = compiled(spec);
	const uint32_t newer = spec->kill ? KILL : ERRNO(ENOSYS);
	bool seen[SECCOMP_LAST_KNOWN + 1] = { false };
	int wrong = 0;

	for (const char *const *g = seccomp_groups(); *g; g++) {
		for (const char *const *c = seccomp_group(*g); *c; c++) {
			const int nr = seccomp_number(*c);
			const uint32_t got = ask(&p, nr, 0, 0, 0), want = expected(spec, *c);

			seen[nr] = true;
			if (got != want && wrong++ < 5)
				printf("# %s: %#x, want %#x\n", *c, got, want);
		}
	}
	for (int nr = 0; nr < 2000; nr++) {
		const uint32_t want = nr > SECCOMP_LAST_KNOWN ? newer
				      : spec->kill	      ? KILL
							      : ERRNO(EPERM);

		if (nr <= SECCOMP_LAST_KNOWN && seen[nr])
			continue;
		if (ask(&p, nr, 0, 0, 0) != want && wrong++ < 5)
			printf("# number %d: %#x, want %#x\n", nr, ask(&p, nr, 0, 0, 0), want);
	}
	CHECK_INT(wrong, 0);
	seccomp_prog_release(&p);
}

static void every_number_gets_its_verdict(void)
{
	for (int preset = SECCOMP_MINIMAL; preset <= SECCOMP_DEBUG; preset++) {
		struct seccomp_spec spec = { .preset = preset };

		check_all_numbers(&spec);
		spec.kill = true;
		check_all_numbers(&spec);
		spec.kill = false;
		spec.allow = list("@confine");
		spec.deny = list("@timers");
		spec.notify = list("openat");
		check_all_numbers(&spec);
	}
}

static void foreign_entries_are_killed(void)
{
	static const uint32_t archs[] = { AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, 0 };
	const struct seccomp_spec spec = { .preset = SECCOMP_DEBUG };
	struct seccomp_prog p = compiled(&spec);

	for (int nr = 0; nr < 600; nr++) {
		for (size_t i = 0; i < 3; i++) {
			const struct seccomp_data d = { .nr = nr, .arch = archs[i] };

			CHECK(simulate(&p, &d) == KILL);
		}
		CHECK(ask(&p, nr | 0x40000000, 0, 0, 0) == KILL); /* x32 */
	}
	seccomp_prog_release(&p);
}

static void what_reaches_out_can_never_be_allowed(void)
{
	static const char *const calls[] = {
		"io_uring_setup",
		"io_uring_enter",
		"keyctl",
		"add_key",
		"request_key",
		"unshare",
		"setns",
		"mount",
		"move_mount",
		"fsopen",
		"open_tree",
		"open_tree_attr",
		"bpf",
		"perf_event_open",
		"userfaultfd",
		"open_by_handle_at",
		"kexec_load",
		"init_module",
		"swapon",
		"reboot",
		"quotactl",
		"iopl",
		"pivot_root",
		"chroot",
		"pidfd_getfd",
		"clone3",
	};
	struct seccomp_spec spec = { .preset = SECCOMP_DEBUG };
	char text[200];

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		CHECK(seccomp_never(calls[i]));
		CHECK_INT(seccomp_decide(&spec, calls[i]), SECCOMP_NEVER);
		spec.allow = list(calls[i]);
		e = (struct err)ERR_INIT;
		CHECK_INT(seccomp_check(&spec, &e), -EPERM);
		(void)snprintf(text, sizeof(text),
			       "allow: '%s' reaches out of a replica and can never be allowed",
			       calls[i]);
		CHECK_STR(e.msg, text);
		spec.allow = list(NULL);
	}
	spec.allow = list("@mount");
	CHECK_INT(seccomp_check(&spec, &e), -EPERM);
}

static void sockets_are_of_plain_families(void)
{
	const struct seccomp_spec spec = { .preset = SECCOMP_BUILD_NET };
	struct seccomp_prog p = compiled(&spec);
	const int nr = SYS_socket;
	const uint64_t junk = 0x123400000000ull;

	for (uint64_t domain = 0; domain < 64; domain++) {
		const bool plain = domain == AF_UNIX || domain == AF_INET || domain == AF_INET6 ||
				   domain == AF_NETLINK;

		CHECK((ask(&p, nr, domain, SOCK_STREAM, 0) == ALLOW) == plain);
		/* The kernel looks at the lower half only, and so does the filter. */
		CHECK((ask(&p, nr, domain | junk, SOCK_STREAM, 0) == ALLOW) == plain);
	}
	CHECK(ask(&p, nr, AF_VSOCK, SOCK_STREAM, 0) == ERRNO(EPERM));
	CHECK(ask(&p, nr, AF_INET, SOCK_STREAM, 6) == ALLOW);
	CHECK(ask(&p, nr, AF_INET, SOCK_RAW, 255) == ERRNO(EPERM));
	CHECK(ask(&p, nr, AF_INET6, SOCK_STREAM, 132 /* SCTP */) == ERRNO(EPERM));
	CHECK(ask(&p, nr, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER) == ERRNO(EPERM));
	CHECK(ask(&p, SYS_socketpair, AF_UNIX, SOCK_STREAM, 0) == ALLOW);
	CHECK(ask(&p, SYS_socketpair, AF_VSOCK, SOCK_STREAM, 0) == ERRNO(EPERM));
	seccomp_prog_release(&p);
}

static void arguments_are_limited(void)
{
	static const int spaces[] = { CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
				      CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET };
	const struct seccomp_spec spec = { .preset = SECCOMP_BUILD };
	struct seccomp_prog p = compiled(&spec);

	CHECK(ask(&p, SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND, 0, 0) == ALLOW);
	for (size_t i = 0; i < sizeof(spaces) / sizeof(*spaces); i++)
		CHECK(ask(&p, SYS_clone, (uint64_t)spaces[i] | SIGCHLD, 0, 0) == ERRNO(EPERM));
	CHECK(ask(&p, SYS_personality, 0xffffffff, 0, 0) == ALLOW);
	CHECK(ask(&p, SYS_personality, ADDR_NO_RANDOMIZE, 0, 0) == ALLOW);
	CHECK(ask(&p, SYS_personality, READ_IMPLIES_EXEC, 0, 0) == ERRNO(EPERM));
	CHECK(ask(&p, SYS_ioctl, 0, TCGETS, 0) == ALLOW);
	CHECK(ask(&p, SYS_ioctl, 0, TIOCSTI, 0) == ERRNO(EPERM));
	CHECK(ask(&p, SYS_ioctl, 0, TIOCSTI | 0x700000000ull, 0) == ERRNO(EPERM));
	CHECK(ask(&p, SYS_ioctl, 0, TIOCLINUX, 0) == ERRNO(EPERM));
	CHECK(ask(&p, SYS_ioctl, 0, TIOCSETD, 0) == ERRNO(EPERM));
	CHECK(ask(&p, SYS_mknod, 0, S_IFREG | 0600, 0) == ALLOW);
	CHECK(ask(&p, SYS_mknod, 0, S_IFIFO | 0600, 0) == ALLOW);
	CHECK(ask(&p, SYS_mknod, 0, S_IFCHR | 0600, 0) == ERRNO(EPERM));
	CHECK(ask(&p, SYS_mknodat, 0, 0, S_IFBLK | 0600) == ERRNO(EPERM));
	seccomp_prog_release(&p);
}

static void ptrace_needs_the_debug_preset(void)
{
	struct seccomp_spec spec = { .preset = SECCOMP_BUILD, .allow = list("ptrace") };

	CHECK_INT(seccomp_check(&spec, &e), -EPERM);
	CHECK_STR(e.msg, "allow: 'ptrace' needs the preset 'debug'");
	spec.allow = list(NULL);
	CHECK_INT(seccomp_decide(&spec, "ptrace"), SECCOMP_REFUSED);
	spec.preset = SECCOMP_DEBUG;
	CHECK_INT(seccomp_decide(&spec, "ptrace"), SECCOMP_ALLOWED);
}

static void presets_differ_by_sets(void)
{
	struct seccomp_spec spec = { .preset = SECCOMP_MINIMAL };

	CHECK_INT(seccomp_decide(&spec, "socket"), SECCOMP_REFUSED);
	CHECK_INT(seccomp_decide(&spec, "openat"), SECCOMP_ALLOWED);
	spec.preset = SECCOMP_BUILD;
	CHECK_INT(seccomp_decide(&spec, "socket"), SECCOMP_FILTERED);
	CHECK_INT(seccomp_decide(&spec, "connect"), SECCOMP_ALLOWED);
	CHECK_INT(seccomp_decide(&spec, "listen"), SECCOMP_REFUSED);
	spec.preset = SECCOMP_BUILD_NET;
	CHECK_INT(seccomp_decide(&spec, "listen"), SECCOMP_ALLOWED);
	CHECK_INT(seccomp_decide(&spec, "no_such_call"), -ENOENT);
	CHECK_STR(seccomp_preset_name(SECCOMP_BUILD_NET), "build-net");
	CHECK(seccomp_preset_name(9) == NULL);
	CHECK(in_list(seccomp_group("@network-io"), "accept4"));
	CHECK_STR(seccomp_condition("socketpair"), "AF_UNIX");
	CHECK(seccomp_condition("read") == NULL);
}

static void wrong_words_are_refused_with_the_nearest(void)
{
	static const struct {
		const char *allow, *notify, *deny, *text;
	} rows[] = {
		{ "opneat", NULL, NULL,
		  "allow: unknown system call 'opneat'; did you mean 'openat'?" },
		{ NULL, NULL, "@mont",
		  "deny: unknown group of system calls '@mont'; did you mean '@mount'?" },
		{ NULL, "write", NULL, "notify: 'write' has to work before the host listens" },
		{ NULL, "ptrace", NULL,
		  "notify: 'ptrace' is refused by the preset 'build', so no call continues" },
		{ NULL, NULL, "execve", "deny: no program can start without 'execve'" },
		{ "socketcall", NULL, NULL, "allow: unknown system call 'socketcall'" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct seccomp_spec spec = { .preset = SECCOMP_BUILD,
						   .allow = list(rows[i].allow),
						   .notify = list(rows[i].notify),
						   .deny = list(rows[i].deny) };

		e = (struct err)ERR_INIT;
		CHECK(seccomp_check(&spec, &e) < 0);
		if (strncmp(e.msg, rows[i].text, strlen(rows[i].text)) != 0)
			CHECK_STR(e.msg, rows[i].text);
	}
}

static void deny_wins(void)
{
	const struct seccomp_spec spec = { .preset = SECCOMP_BUILD,
					   .allow = list("connect"),
					   .notify = list("connect"),
					   .deny = list("connect") };
	struct seccomp_prog p = compiled(&spec);

	CHECK(ask(&p, SYS_connect, 0, 0, 0) == ERRNO(EPERM));
	CHECK(!p.notify);
	seccomp_prog_release(&p);
}

static char state[] = "/tmp/seccomp.XXXXXX";

static int flip_byte_in(const char *dir)
{
	AUTO_CLOSE int fd = fd_open_dir(dir, &e);
	AUTO_CLOSE int file = -1;
	DIR *d = fdopendir(dup(fd));
	struct stat st;
	char c = 0;

	for (struct dirent *ent = readdir(d); ent && file < 0; ent = readdir(d))
		if (ent->d_type == DT_REG)
			file = openat(fd, ent->d_name, O_RDWR | O_CLOEXEC);
	(void)closedir(d);
	if (file < 0 || fstat(file, &st) < 0 || (st.st_mode & 07777) != 0600 ||
	    pread(file, &c, 1, st.st_size - 3) != 1)
		return -1;
	c = (char)(c ^ 1);
	return pwrite(file, &c, 1, st.st_size - 3) == 1 ? 0 : -1;
}

/* Each look at the cache needs a process without the copies in memory. */
static int fresh(const struct seccomp_spec *spec, const char *dir)
{
	const pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		struct seccomp_prog p = { 0 };
		const int r = seccomp_compile(spec, dir, &p, &e);

		if (r < 0)
			printf("# %s\n", e.msg);
		(void)fflush(stdout);
		_exit(r < 0 ? -r : p.from_cache ? 200 : 100);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void cache_is_used_and_checked(void)
{
	const struct seccomp_spec spec = { .preset = SECCOMP_MINIMAL, .allow = list("@confine") };
	const struct seccomp_spec other = { .preset = SECCOMP_MINIMAL,
					    .allow = list("@confine"),
					    .kill = true };
	struct seccomp_prog a = { 0 }, b = { 0 };
	AUTO_CLOSE int tmp = fd_open_dir("/tmp", &e);
	char dir[64];

	CHECK(mkdtemp(state) != NULL);
	(void)snprintf(dir, sizeof(dir), "%s/cache/seccomp", state);
	CHECK_INT(fresh(&spec, dir), 100);
	CHECK_INT(fresh(&spec, dir), 200);
	CHECK_INT(flip_byte_in(dir), 0);
	CHECK_INT(fresh(&spec, dir), 100); /* does not add up: built anew */
	CHECK_INT(fresh(&spec, dir), 200);
	CHECK_INT(fresh(&other, dir), 100);
	CHECK_INT(chmod(dir, 0777), 0);
	CHECK_INT(fresh(&spec, dir), EPERM);
	CHECK_INT(chmod(dir, 0700), 0);
	CHECK_INT(seccomp_compile(&spec, dir, &a, &e), 0);
	CHECK_INT(seccomp_compile(&spec, NULL, &b, &e), 0);
	CHECK(b.from_cache && a.n == b.n && strcmp(a.digest, b.digest) == 0);
	seccomp_prog_release(&a);
	seccomp_prog_release(&b);
	CHECK_INT(tree_remove_at(tmp, state + strlen("/tmp/"), &e), 0);
}

/* Runs argv under the filter; the wait status. */
static int run_under(const struct seccomp_spec *spec, const char *script)
{
	struct seccomp_prog p = compiled(spec);
	const pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		if (sys_no_new_privs() < 0 || seccomp_install(&p) < 0)
			_exit(126);
		(void)execl("/bin/sh", "sh", "-ec", script, (char *)NULL);
		_exit(127);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	seccomp_prog_release(&p);
	return status;
}

static void ordinary_programs_run(void)
{
	static const struct {
		int preset;
		const char *tool, *script;
	} rows[] = {
		{ SECCOMP_MINIMAL, "tar",
		  "d=$(mktemp -d); trap 'rm -r $d' EXIT; echo x >$d/a; ln -s a $d/b; mkfifo $d/p;"
		  "tar -C $d -cf $d.tar a b p; mkdir $d/o; tar -C $d/o -xf $d.tar; rm $d.tar;"
		  "test $(cat $d/o/b) = x" },
		{ SECCOMP_MINIMAL, "/usr/bin/python3",
		  "/usr/bin/python3 -c 'import subprocess, threading; t = "
		  "threading.Thread(target=print);"
		  "t.start(); t.join(); subprocess.run([\"true\"], check=True)' >/dev/null" },
		{ SECCOMP_BUILD, "node",
		  "node -e 'require(\"child_process\").execFileSync(\"true\");"
		  "require(\"fs\").promises.readFile(\"/etc/passwd\").then(() =>"
		  "new (require(\"worker_threads\").Worker)(\"process.exit(0)\", {eval: true}))'" },
		{ SECCOMP_BUILD_NET, "node",
		  "node -e 's=require(\"http\").createServer((q, r) => r.end(\"hi\")).listen(0, () "
		  "=>"
		  "require(\"http\").get({host: \"127.0.0.1\", port: s.address().port}, r => { "
		  "r.resume(); s.close(); "
		  "}))'" },
		{ SECCOMP_BUILD, "gcc",
		  "d=$(mktemp -d); trap 'rm -r $d' EXIT; cd $d; echo 'int main(void){return 0;}' "
		  ">a.c;"
		  "printf 'all: a\\n' >Makefile; make -s -j2; ./a" },
		{ SECCOMP_BUILD, "git",
		  "d=$(mktemp -d); trap 'rm -r $d' EXIT; cd $d; git init -q; echo x >f; git add f;"
		  "git -c user.name=n -c user.email=e -c gc.auto=0 commit -qm m; git status "
		  ">/dev/null" },
		{ SECCOMP_DEBUG, "gcc",
		  "d=$(mktemp -d); trap 'rm -r $d' EXIT; cd $d;"
		  "printf '#include <stdlib.h>\\nvoid *volatile p; int main(void)"
		  "{ p = malloc(9); p = 0; return 0; }' >a.c;"
		  "gcc -fsanitize=address,undefined -o a a.c; ! ./a 2>err;"
		  "grep -q 'detected memory leaks' err" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct seccomp_spec spec = { .preset = rows[i].preset };
		char have[64];
		int status;

		(void)snprintf(have, sizeof(have), "command -v %s >/dev/null", rows[i].tool);
		if (system(have) != 0) {
			printf("# not run: no %s\n", rows[i].tool);
			continue;
		}
		status = run_under(&spec, rows[i].script);
		if (status != 0)
			printf("# %s in '%s': wait status %#x\n", rows[i].tool,
			       seccomp_preset_name(rows[i].preset), status);
		CHECK_INT(status, 0);
	}
}

static void kernel_agrees(void)
{
	const struct seccomp_spec refuse = { .preset = SECCOMP_BUILD };
	const struct seccomp_spec kill_it = { .preset = SECCOMP_BUILD, .kill = true };
	int status;

	CHECK(run_under(&refuse, "! mount -t tmpfs none /mnt 2>/dev/null; ! unshare -U true "
				 "2>/dev/null") == 0);
	status = run_under(&kill_it, "exec unshare -U true");
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

static int int80(void)
{
	int r = 20; /* getpid of i386 */

	__asm__ volatile("int $0x80" : "+a"(r) : : "memory", "cc", "r8", "r9", "r10", "r11");
	return r > 0 ? 0 : 1;
}

static void foreign_entry_dies(void)
{
	const struct seccomp_spec spec = { .preset = SECCOMP_DEBUG };
	struct seccomp_prog p = compiled(&spec);

	for (int way = 0; way < 2; way++) {
		const pid_t pid = fork();
		int status = -1;

		if (pid == 0) {
			if (sys_no_new_privs() < 0 || seccomp_install(&p) < 0)
				_exit(126);
			if (way == 0)
				_exit(int80());
			(void)syscall(SYS_getpid | 0x40000000);
			_exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	}
	seccomp_prog_release(&p);
}

TAP_MAIN({ "every number gets its verdict, in every preset", every_number_gets_its_verdict },
	 { "foreign architectures and x32 are killed", foreign_entries_are_killed },
	 { "what reaches out can never be allowed", what_reaches_out_can_never_be_allowed },
	 { "sockets are of plain families and protocols only", sockets_are_of_plain_families },
	 { "arguments of clone, personality, ioctl and mknod are limited", arguments_are_limited },
	 { "ptrace needs the preset debug", ptrace_needs_the_debug_preset },
	 { "presets differ by sets of calls", presets_differ_by_sets },
	 { "wrong words are refused, with the nearest", wrong_words_are_refused_with_the_nearest },
	 { "deny wins", deny_wins },
	 { "the cache is used, and checked before", cache_is_used_and_checked },
	 { "ordinary programs run", ordinary_programs_run }, { "the kernel agrees", kernel_agrees },
	 { "int 0x80 and x32 entry die", foreign_entry_dies })
