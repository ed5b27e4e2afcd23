/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "tests/unit/sandbox/box.h"

static void a_payload_runs_and_its_output_is_collected(void)
{
	struct box b;
	struct ran ran;

	box_make(&b);
	box_sh(&b, "echo hello; echo oops >&2; exit 3", &ran);
	CHECK_INT(ran.r, 0);
	CHECK_INT(ran.record.kind, EXIT_EXITED);
	CHECK_INT(ran.record.code, 3);
	CHECK_STR(ran.out, "hello\n");
	CHECK_STR(ran.err, "oops\n");
	CHECK(ran.record.wall_us > 0);
	box_remove(&b);
}

static void the_payload_is_an_ordinary_user_without_rights(void)
{
	struct box b;
	struct ran ran;

	box_make(&b);
	box_sh(&b,
	       "id -u; id -G; pwd; hostname; echo $$; env | sort; umask;"
	       " grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status",
	       &ran);
	CHECK_STR(ran.out, "1000\n1000\n/\nreplica\n2\nHOME=/\nLANG=C.UTF-8\n"
			   "PATH=/usr/local/bin:/usr/bin:/bin\nPWD=/\n0022\n"
			   "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
			   "CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n"
			   "CapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n");
	box_remove(&b);
}

static void every_end_has_its_kind(void)
{
	static const struct {
		const char *script;
		int kind, code;
		struct sandbox_limits limits;
	} row[] = {
		{ "true", EXIT_EXITED, 0, { 0 } },
		{ "kill -SEGV $$", EXIT_SIGNALLED, SIGSEGV, { 0 } },
		/* the start counts, which takes its time in a VM */
		{ "sleep 20", EXIT_TIMEOUT, 0, { .wall_ms = 1000 } },
		{ "echo a; sleep 20", EXIT_IDLE, 0, { .idle_ms = 200 } },
		{ "yes", EXIT_OUTPUT_LIMIT, 0, { .output = 1 << 20 } },
		{ "a=x; while :; do a=$a$a; done", EXIT_OOM, SIGKILL, { .memory = 32 << 20 } },
		{ "for i in 1 2 3 4 5 6 7 8 9; do sleep 5 & done; exit 9",
		  EXIT_PIDS_LIMIT,
		  2,
		  { .pids = 5 } },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct box b;
		struct ran ran;

		box_make(&b);
		b.spec.limits = row[i].limits;
		if (!b.spec.limits.wall_ms)
			b.spec.limits.wall_ms = 20000;
		box_sh(&b, row[i].script, &ran);
		CHECK_INT(ran.r, 0);
		CHECK_STR(exit_kind_name(ran.record.kind), exit_kind_name(row[i].kind));
		CHECK_INT(ran.record.code, row[i].code);
		box_remove(&b);
	}
}

static void what_outlives_the_payload_is_killed_with_it(void)
{
	struct box b;
	struct ran ran;

	box_make(&b);
	box_sh(&b, "setsid sleep 100 & setsid sh -c 'sleep 100' & exit 0", &ran);
	CHECK_INT(ran.record.kind, EXIT_EXITED);
	CHECK(ran.record.wall_us < 10000000);
	box_remove(&b);
}

static void output_to_the_bound_is_kept(void)
{
	struct box b;
	struct ran ran;

	box_make(&b);
	b.spec.limits.output = 5;
	box_sh(&b, "printf 12345; printf abcdef >&2; sleep 5", &ran);
	CHECK_INT(ran.record.kind, EXIT_OUTPUT_LIMIT);
	CHECK_STR(ran.out, "12345");
	CHECK_STR(ran.err, "abcde");
	box_remove(&b);
}

static void a_missing_program_is_named(void)
{
	struct box b;
	struct ran ran;
	const char *const argv[] = { "no-such-program", NULL };

	box_make(&b);
	box_argv(&b, argv, &ran, NULL);
	CHECK_INT(ran.r, -ENOENT);
	CHECK_STR(ran.e.msg,
		  "payload: execute the program 'no-such-program': No such file or directory");
	b.spec.cwd = "/no/such";
	box_sh(&b, "true", &ran);
	CHECK_STR(ran.e.msg, "payload: change to the working directory: No such file or directory");
	box_remove(&b);
}

static void descriptors_come_as_they_were_asked_for(void)
{
	struct box b;
	struct ran ran;
	int in[2], other[2];

	box_make(&b);
	CHECK_INT(pipe2(in, O_CLOEXEC), 0);
	CHECK_INT(pipe2(other, O_CLOEXEC), 0);
	CHECK_INT(write(in[1], "input\n", 6), 6);
	CHECK_INT(write(other[1], "other\n", 6), 6);
	(void)close(in[1]);
	(void)close(other[1]);

	const struct sandbox_fd fds[] = { { other[0], 7 } };
	const struct sandbox_capture caps[] = { { 4, 100 } };
	const char *const argv[] = {
		"/bin/sh", "-c",
		"cat; cat <&7; echo report >&4; echo again >/dev/stdout; ls /proc/self/fd", NULL
	};
	struct sandbox *s = NULL;

	b.spec.stdin_fd = in[0];
	b.spec.fds = fds;
	b.spec.n_fds = 1;
	b.spec.captures = caps;
	b.spec.n_captures = 1;
	box_argv(&b, argv, &ran, &s);
	CHECK_STR(ran.out, "input\nother\nagain\n0\n1\n2\n3\n4\n7\n");
	CHECK_STR(ran.err, "");
	CHECK(s && sandbox_output(s, 4) && strcmp(sandbox_output(s, 4)->p, "report\n") == 0);
	sandbox_close(s);
	(void)close(in[0]);
	(void)close(other[0]);
	box_remove(&b);
}

static void an_image_with_links_for_kernel_places_is_harmless(void)
{
	struct box b;
	struct ran ran;

	box_make(&b);
	(void)!unlinkat(b.skeleton, "proc", AT_REMOVEDIR);
	(void)!unlinkat(b.skeleton, "dev", AT_REMOVEDIR);
	(void)!unlinkat(b.skeleton, "sys", AT_REMOVEDIR);
	(void)!unlinkat(b.skeleton, "work", AT_REMOVEDIR);
	(void)!symlinkat("../../../../etc", b.skeleton, "proc");
	(void)!symlinkat("/etc", b.skeleton, "dev");
	(void)!symlinkat("/usr/../../../../../etc", b.skeleton, "work");

	const struct sandbox_tmpfs tmpfs[] = { { (char *)(uintptr_t) "/work/x/y", 1 << 20,
						 false } };

	b.spec.tmpfs = tmpfs;
	b.spec.n_tmpfs = 1;
	box_sh(&b, "stat -f -c %T /proc /dev /etc/x/y /sys; test -h /proc || echo dir", &ran);
	CHECK_STR(ran.out, "proc\ntmpfs\ntmpfs\nsysfs\ndir\n");
	CHECK_INT(access("/etc/x", F_OK), -1);
	box_remove(&b);
}

static void mounts_of_the_spec_are_as_it_says(void)
{
	struct box b;
	struct ran ran;

	box_make(&b);
	AUTO_CLOSE int tree = open(b.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int file = open("/etc/hostname", O_PATH | O_CLOEXEC);
	const struct sandbox_bind binds[] = { { tree, "/mnt/deep/tree", false, true },
					      { file, "/mnt/file", false, false } };
	const struct sandbox_tmpfs tmpfs[] = { { (char *)(uintptr_t) "/tmp", 1 << 20, false } };
	const char *const hidden[] = { "/etc/secret", "/work", "/none", NULL };

	CHECK_INT(mknodat(b.skeleton, "etc/secret", S_IFREG | 0644, 0), 0);
	b.spec.binds = binds;
	b.spec.n_binds = 2;
	b.spec.tmpfs = tmpfs;
	b.spec.n_tmpfs = 1;
	b.spec.hidden = hidden;
	box_sh(&b,
	       "ls /mnt/deep/tree; touch /mnt/deep/tree/a 2>&1; test -s /mnt/file && echo file;"
	       " cat /etc/secret 2>&1; ls /work 2>&1; head -c 2M /dev/zero 2>&1 >/tmp/big;"
	       " cp /bin/true /tmp/t 2>/dev/null; rm /tmp/big; cp /bin/true /tmp/t; /tmp/t 2>&1",
	       &ran);
	CHECK(strstr(ran.out, "skeleton\n"));
	CHECK(strstr(ran.out, "touch: cannot touch '/mnt/deep/tree/a': Read-only file system\n"));
	CHECK(strstr(ran.out, "file\n"));
	CHECK(strstr(ran.out, "cat: /etc/secret: Permission denied\n"));
	CHECK(strstr(ran.out, "ls: cannot open directory '/work': Permission denied\n"));
	CHECK(strstr(ran.out, "No space left on device"));
	CHECK(strstr(ran.out, "/tmp/t: Permission denied\n"));
	box_remove(&b);
}

static void only_the_devices_of_the_spec_are_there(void)
{
	static const char *const some[] = { "null", "ptmx", NULL }, *const none[] = { NULL };
	struct box b;
	struct ran ran;

	box_make(&b);
	b.spec.devices = some;
	box_sh(&b, "cd /dev; ls; test -c pts/ptmx; echo $?; ls shm; cat </dev/null", &ran);
	CHECK_STR(ran.out, "fd\nnull\nptmx\npts\nshm\nstderr\nstdin\nstdout\n0\n");
	b.spec.devices = none;
	box_sh(&b, "cd /dev; ls; ls pts; cat", &ran);
	CHECK_STR(ran.out, "fd\npts\nshm\nstderr\nstdin\nstdout\n");
	box_remove(&b);
}

static void the_number_of_cpus_follows_the_limit(void)
{
	struct box b;
	struct ran ran;

	box_make(&b);
	b.spec.limits.cpu_milli = 900;
	box_sh(&b, "nproc", &ran);
	CHECK_STR(ran.out, "1\n");
	box_remove(&b);
}

static void pid_1_is_out_of_the_payloads_reach(void)
{
	struct box b;
	struct ran ran;

	box_make(&b);
	b.spec.seccomp.preset = SECCOMP_DEBUG; /* ptrace is allowed among its own */
	box_sh(&b,
	       "kill -9 1; kill -TERM 1; kill -STOP 1; readlink /proc/1/exe; cat /proc/1/environ;"
	       " ls /proc/1/fd /proc/1/root; cat /proc/1/mem; echo still here",
	       &ran);
	CHECK_STR(ran.out, "still here\n");
	CHECK_INT(ran.record.kind, EXIT_EXITED);
	box_remove(&b);
}

static void the_host_can_end_and_pause_it(void)
{
	struct box b;
	struct err e = ERR_INIT;
	struct sandbox *s = NULL;
	const char *const argv[] = { "sleep", "100", NULL };

	box_make(&b);
	b.spec.argv = (char *const *)(uintptr_t)argv;
	CHECK_INT(sandbox_start(&b.spec, &s, &e), 0);
	CHECK_INT(sandbox_step(s, &e), 0);
	CHECK_INT(sandbox_pause(s, true, &e), 0);
	CHECK_INT(sandbox_kill(s, &e), 0);
	CHECK_STR(exit_kind_name(sandbox_exit(s)->kind), "cancelled");
	CHECK_INT(exit_status(sandbox_exit(s)), 137);
	CHECK_INT(sandbox_step(s, &e), 1);
	sandbox_close(s);
	sandbox_close(NULL);
	box_remove(&b);
}

static void notified_calls_are_recorded_and_go_on(void)
{
	struct box b;
	struct ran ran;
	struct sandbox *s = NULL;
	char *calls[] = { (char *)(uintptr_t) "execve", NULL };
	const char *const argv[] = { "/bin/sh", "-c", "/bin/true; echo done", NULL };

	box_make(&b);
	b.spec.seccomp.notify = (struct strlist){ calls, 1 };
	box_argv(&b, argv, &ran, &s);
	CHECK_STR(ran.out, "done\n");
	CHECK(ran.record.notified >= 2);
	sandbox_close(s);
	box_remove(&b);
}

static _Noreturn void start_and_die(struct box *b, int ready)
{
	static const char *const argv[] = { "sleep", "1000", NULL };
	struct err e = ERR_INIT;
	struct sandbox *s = NULL;

	b->spec.argv = (char *const *)(uintptr_t)argv;
	if (sandbox_start(&b->spec, &s, &e) == 0)
		(void)!write(ready, "x", 1);
	for (;;)
		(void)pause();
}

/* The owner is killed without a chance to clean up. */
static void nothing_outlives_a_killed_owner(void)
{
	struct box b;
	struct err e = ERR_INIT;
	int ready[2];
	char c;
	pid_t pid;

	box_make(&b);
	CHECK(sandbox_sweep(b.dir, &e) >= 0);
	CHECK_INT(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		start_and_die(&b, ready[1]);
	(void)close(ready[1]);
	CHECK_INT(read(ready[0], &c, 1), 1);
	CHECK(sandbox_sweep(b.dir, &e) >= 0); /* what lives is not touched: */
	CHECK_INT(kill(pid, SIGKILL), 0);
	CHECK_INT(waitpid(pid, NULL, 0), pid);
	CHECK(sandbox_sweep(b.dir, &e) >= 2); /* its group and its ids were still there */
	(void)close(ready[0]);
	box_remove(&b);
}

static void the_host_describes_itself(void)
{
	struct err e = ERR_INIT;
	AUTO_JSON json_t *v = sandbox_probe("/nonexistent", &e);

	CHECK_INT(json_array_size(json_object_get(v, "problems")), 0);
	CHECK(json_string_value(json_object_get(v, "recipe")));
	CHECK(json_string_value(json_object_get(v, "cgroup")));
}

static void members_of_a_replica_share_its_network(void)
{
	static const char *const server[] = {
		"/usr/bin/python3", "-c",
		"import socket; s = socket.create_server(('127.0.0.1', 81)); print('up', "
		"flush=True);"
		" c = s.accept()[0]; c.sendall(b'pong'); c.close()",
		NULL
	};
	static const char *const client[] = {
		"/usr/bin/python3", "-c",
		"import socket; print(socket.create_connection(('127.0.0.1', "
		"81)).recv(9).decode())",
		NULL
	};
	struct box b;
	struct ran ran;
	struct err e = ERR_INIT;
	struct sandbox *s = NULL;

	box_make(&b);
	b.spec.seccomp.preset = SECCOMP_BUILD_NET;
	b.spec.argv = (char *const *)(uintptr_t)server;
	CHECK_INT(sandbox_start(&b.spec, &s, &e), 0);
	while (sandbox_step(s, &e) == 0 && sandbox_output(s, 1)->n < 3)
		(void)usleep(10000);
	b.spec.beside = s;
	box_argv(&b, client, &ran, NULL);
	CHECK_STR(ran.out, "pong\n");
	AUTO_CLOSE int sock = sandbox_socket(s, AF_INET, SOCK_STREAM, &e);

	CHECK(sock >= 0);
	CHECK_INT(sandbox_wait(s, &ran.record, &e), 0);
	sandbox_close(s);
	box_remove(&b);
}

static void a_spec_that_makes_no_sense_is_refused(void)
{
	static char *none[] = { NULL };
	const struct sandbox_fd twice[] = { { 0, 5 }, { 0, 5 } };
	struct box b;
	struct err e = ERR_INIT;
	struct sandbox *s = NULL;

	box_make(&b);
	b.spec.argv = none;
	CHECK_INT(sandbox_start(&b.spec, &s, &e), -EINVAL);
	CHECK_STR(e.msg, "no program to run");
	b.spec.argv = (char *[]){ (char *)(uintptr_t) "true", NULL };
	b.spec.name = "../x";
	CHECK_INT(sandbox_start(&b.spec, &s, &e), -EINVAL);
	CHECK_STR(e.msg, "replica name '../x' is not a safe name");
	b.spec.name = "x";
	b.spec.fds = twice;
	b.spec.n_fds = 2;
	CHECK_INT(sandbox_start(&b.spec, &s, &e), -EINVAL);
	CHECK_STR(e.msg, "descriptors: descriptor 5: given twice");
	CHECK(s == NULL);
	box_remove(&b);
}

TAP_MAIN(TEST(a_payload_runs_and_its_output_is_collected),
	 TEST(the_payload_is_an_ordinary_user_without_rights), TEST(every_end_has_its_kind),
	 TEST(what_outlives_the_payload_is_killed_with_it), TEST(output_to_the_bound_is_kept),
	 TEST(a_missing_program_is_named), TEST(descriptors_come_as_they_were_asked_for),
	 TEST(an_image_with_links_for_kernel_places_is_harmless),
	 TEST(mounts_of_the_spec_are_as_it_says), TEST(only_the_devices_of_the_spec_are_there),
	 TEST(the_number_of_cpus_follows_the_limit), TEST(pid_1_is_out_of_the_payloads_reach),
	 TEST(the_host_can_end_and_pause_it), TEST(notified_calls_are_recorded_and_go_on),
	 TEST(nothing_outlives_a_killed_owner), TEST(the_host_describes_itself),
	 TEST(members_of_a_replica_share_its_network), TEST(a_spec_that_makes_no_sense_is_refused))
