/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/sandbox.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/id.h"
#include "runtime/base/spawn.h"
#include "runtime/base/sys.h"
#include "runtime/sandbox/caps.h"
#include "runtime/sandbox/start.h"

/*
 * A start is a table of stages, each timed under its name; what a stage made
 * hangs on struct sandbox (to be closed at the end) or on struct start (to be
 * closed once the payload runs).  A failure in any of them releases both.
 */

static const char *const kinds[EXIT_KIND_N] = {
	[EXIT_RUNNING] = "running",
	[EXIT_EXITED] = "exited",
	[EXIT_SIGNALLED] = "signalled",
	[EXIT_OOM] = "out-of-memory",
	[EXIT_TIMEOUT] = "timeout",
	[EXIT_IDLE] = "idle",
	[EXIT_PIDS_LIMIT] = "pids-limit",
	[EXIT_OUTPUT_LIMIT] = "output-limit",
	[EXIT_KILLED_SYSCALL] = "killed-syscall",
	[EXIT_CANCELLED] = "cancelled",
};

const char *exit_kind_name(int kind)
{
	return kind >= 0 && kind < EXIT_KIND_N ? kinds[kind] : "unknown";
}

int exit_kind_from_name(const char *name)
{
	for (int i = 0; i < EXIT_KIND_N; i++)
		if (strcmp(kinds[i], name) == 0)
			return i;
	return -1;
}

int exit_status(const struct exit_record *r)
{
	if (r->kind == EXIT_EXITED)
		return r->code;
	if (r->kind == EXIT_SIGNALLED)
		return 128 + r->code;
	return 137;
}

static const char *const init_steps[INIT_STEP_N] = {
	[INIT_STEP_PLAN] = "read the plan",
	[INIT_STEP_SPAWN] = "start the payload",
	[INIT_STEP_SESSION] = "start a session",
	[INIT_STEP_CWD] = "change to the working directory",
	[INIT_STEP_IDS] = "become the payload's user",
	[INIT_STEP_CAPS] = "give up capabilities",
	[INIT_STEP_FILTER] = "install the system-call filter",
	[INIT_STEP_LISTENER] = "hand over the filter's listener",
	[INIT_STEP_EXEC] = "execute the program",
};

const char *init_step_name(unsigned step)
{
	return step < INIT_STEP_N ? init_steps[step] : "unknown step";
}

/*
 * The program of pid 1: a sealed copy in memory, made once.  It has no path,
 * cannot be changed through /proc/1/exe, and may be executed but not read,
 * which alone makes the kernel treat pid 1 as not dumpable.
 */
static int init_program(int *out, struct err *e)
{
	static int cached = -1;
	char path[4096];
	struct stat st;

	if (cached >= 0) {
		*out = cached;
		return 0;
	}
	if (spawn_sibling("sickbay-init", path, sizeof(path), e) < 0)
		return -e->code;

	AUTO_CLOSE int file = open(path, O_RDONLY | O_CLOEXEC);
	AUTO_CLOSE int mem =
		sys_memfd("sickbay-init", MFD_ALLOW_SEALING | 0x10U /* MFD_EXEC, 6.3 */);

	if (mem == -EINVAL)
		mem = sys_memfd("sickbay-init", MFD_ALLOW_SEALING);
	if (file < 0 || fstat(file, &st) < 0)
		return err_sys(e, "open '%s'", path);
	if (mem < 0)
		return err_set(e, -mem, "make a memory file: %s", strerror(-mem));
	for (off_t left = st.st_size; left > 0;) {
		const ssize_t n = sendfile(mem, file, NULL, (size_t)left);

		if (n <= 0)
			return err_sys(e, "copy '%s'", path);
		left -= n;
	}
	if (fchmod(mem, 0111) < 0 ||
	    fcntl(mem, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return err_sys(e, "seal the program of pid 1");
	*out = cached = take_fd(&mem);
	return 0;
}

/* ---- stages ---- */

static int stage_ids(struct start *st, struct err *e)
{
	if (!st->spec.beside)
		return idrange_take(st->spec.state, &st->s->ids, e);
	st->s->ids = idrange_ref(st->spec.beside->ids);
	return 0;
}

static int stage_cgroup(struct start *st, struct err *e)
{
	return cgroup_create(st->spec.name, &st->spec.limits, &st->s->cgroup, e);
}

static int stage_filter(struct start *st, struct err *e)
{
	char cache[4096];

	(void)snprintf(cache, sizeof(cache), "%s/cache/seccomp", st->spec.state);
	if (seccomp_compile(&st->spec.seccomp, cache, &st->filter, e) < 0)
		return -e->code;
	if (st->filter.n > INIT_MAX_INSNS)
		return err_set(e, E2BIG, "the filter has %u instructions", st->filter.n);
	return landlock_prepare(st->spec.rules, st->spec.n_rules, landlock_abi(), &st->landlock, e);
}

static int stage_root(struct start *st, struct err *e)
{
	return root_make(&st->spec, st->s->ids, &st->s->root, e);
}

/* As many cpus as the limit pays for, so that programs which count them start that many workers. */
static void pick_cpus(const struct start *st, cpu_set_t *out)
{
	const unsigned want = (st->spec.limits.cpu_milli + 999) / 1000;
	cpu_set_t have;
	unsigned n;

	CPU_ZERO(out);
	if (want == 0 || sched_getaffinity(0, sizeof(have), &have) < 0)
		return;
	n = (unsigned)CPU_COUNT(&have);
	if (want >= n)
		return;
	for (unsigned i = 0, skip = st->s->ids->slot % n, taken = 0; taken < want; i++) {
		const unsigned cpu = i % CPU_SETSIZE;

		if (!CPU_ISSET(cpu, &have) || CPU_ISSET(cpu, out))
			continue;
		if (skip > 0) {
			skip--;
			continue;
		}
		CPU_SET(cpu, out);
		taken++;
	}
}

static struct rlimit files_limit(const struct start *st)
{
	struct rlimit have = { 0 }, want;

	want.rlim_cur = want.rlim_max = st->spec.limits.open_files;
	if (getrlimit(RLIMIT_NOFILE, &have) == 0 && want.rlim_max > have.rlim_max)
		want.rlim_cur = want.rlim_max = have.rlim_max;
	return want;
}

static int send_plan(struct start *st, struct err *e)
{
	struct init_plan plan = {
		.uid = st->spec.uid,
		.gid = st->spec.gid,
		.umask = 022,
		.notify = st->filter.notify,
		.n_insns = st->filter.n,
	};
	struct iovec iov[2] = {
		{ &plan, sizeof(plan) },
		{ st->filter.insns, st->filter.n * sizeof(struct sock_filter) },
	};
	const struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	if (strlen(st->spec.cwd) >= sizeof(plan.cwd))
		return err_set(e, ENAMETOOLONG, "working directory");
	(void)snprintf(plan.cwd, sizeof(plan.cwd), "%s", st->spec.cwd);
	if (sendmsg(st->s->sock, &m, MSG_NOSIGNAL) < 0)
		return err_sys(e, "send the plan to pid 1");
	return 0;
}

static char *const usual_env[] = {
	(char *)(uintptr_t) "PATH=/usr/local/bin:/usr/bin:/bin",
	(char *)(uintptr_t) "HOME=/",
	(char *)(uintptr_t) "LANG=C.UTF-8",
	NULL,
};

static int spawn_with(struct start *st, char **argv, struct err *e)
{
	struct child_plan plan = {
		.spec = &st->spec,
		.cgroup = st->s->cgroup,
		.userns = st->s->ids->userns,
		.netns = st->s->ids->netns,
		.overlay = st->s->root.overlay,
		.dev = st->dev,
		.mounts = st->mounts,
		.n_mounts = st->n_mounts,
		.landlock = &st->landlock,
		.files = files_limit(st),
		.fds = st->fds,
		.n_fds = st->n_fds,
		.init = st->init,
		.argv = argv,
		.timings = st->s->timings,
		.n_timings = &st->s->n_timings,
		.max_timings = SANDBOX_TIMINGS - 8, /* the stages that follow */
		.envp = st->spec.envp ? st->spec.envp : usual_env,
	};

	pick_cpus(st, &plan.cpus);
	if (child_spawn(&plan, &st->s->pid, &st->s->pidfd, e) < 0)
		return -e->code;
	(void)close(take_fd(&st->inner)); /* or the death of pid 1 would go unheard */
	return 0;
}

static int stage_spawn(struct start *st, struct err *e)
{
	char sock[16];
	size_t n = 0;

	if (init_program(&st->init, e) < 0 || send_plan(st, e) < 0)
		return -e->code;
	while (st->spec.argv[n])
		n++;

	char **argv AUTO_FREE = calloc(n + 3, sizeof(*argv));

	if (!argv)
		return err_set(e, ENOMEM, "no memory for the arguments");
	(void)snprintf(sock, sizeof(sock), "%d", st->fds[st->n_fds - 1].to);
	argv[0] = (char *)(uintptr_t) "sickbay-init";
	argv[1] = sock;
	memcpy(argv + 2, st->spec.argv, n * sizeof(*argv));
	return spawn_with(st, argv, e);
}

static int stage_network(struct start *st, struct err *e)
{
	return idrange_settle(st->s->ids, st->spec.loopback, e);
}

/* While pid 1 starts up on another cpu. */
static int stage_hold(struct start *st, struct err *e)
{
	static const char *const names[] = { "mnt", "ipc", "pid", "uts" };
	char path[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)st->s->pid, names[i]);
		st->s->held[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (st->s->held[i] < 0)
			return err_sys(e, "open '%s'", path);
	}
	return 0;
}

static int take_listener(struct sandbox *s, int fd_inside, struct err *e)
{
	const int fd = notify_take_listener(s->pidfd, fd_inside, e);

	if (fd < 0)
		return fd;
	if (notify_open(fd, SANDBOX_NOTIFIED, &s->notify, e) < 0)
		return -e->code;
	return send(s->sock, "k", 1, MSG_NOSIGNAL) == 1 ? 0 : err_sys(e, "answer pid 1");
}

static int told(struct start *st, const struct init_msg *m, struct err *e)
{
	switch ((enum init_type)m->type) {
	case INIT_STARTED:
		return 1;
	case INIT_LISTENER:
		return take_listener(st->s, m->code, e);
	case INIT_FAILED:
		if (m->step == INIT_STEP_EXEC)
			return err_set(e, m->code > 0 ? m->code : EPROTO, "%s '%s': %s",
				       init_step_name(m->step), st->spec.argv[0],
				       strerror(m->code));
		return err_set(e, m->code > 0 ? m->code : EPROTO, "%s: %s", init_step_name(m->step),
			       strerror(m->code));
	case INIT_ENDED:
	default:
		return err_set(e, EPROTO, "pid 1 spoke out of turn");
	}
}

static int stage_payload(struct start *st, struct err *e)
{
	struct sandbox *s = st->s;
	int r = 0;

	if (send(s->sock, "g", 1, MSG_NOSIGNAL) != 1)
		return err_sys(e, "send the word to pid 1");
	while (r == 0) {
		struct pollfd p[2] = { { .fd = s->sock, .events = POLLIN },
				       { .fd = s->notify ? notify_fd(s->notify) : -1,
					 .events = POLLIN } };
		struct init_msg m;

		const int n = poll(
			p, 2, (int)(s->limits.wall_ms > INT_MAX ? INT_MAX : s->limits.wall_ms));

		if (n == 0)
			return err_set(e, ETIMEDOUT, "pid 1 does not answer");
		if (n < 0)
			continue;
		if (p[1].revents && notify_step(s->notify, e) < 0)
			return -e->code;
		if (!p[0].revents)
			continue;
		r = sandbox_hear(s, &m, e);
		if (r == 0)
			return err_set(e, EPROTO, "pid 1 died before the payload ran");
		if (r > 0)
			r = told(st, &m, e);
	}
	return r < 0 ? r : 0;
}

static int stage_watch(struct start *st, struct err *e)
{
	start_release(st);
	st->n_mounts = st->n_ends = 0;
	st->dev = st->inner = -1;
	memset(&st->filter, 0, sizeof(st->filter));
	memset(&st->landlock, 0, sizeof(st->landlock));
	return sandbox_watch(st->s, e);
}

static int stage_admit(struct start *st, struct err *e)
{
	return st->spec.admit ? st->spec.admit(st->spec.ctx, st->s, e) : 0;
}

static const struct {
	const char *name;
	int (*run)(struct start *st, struct err *e);
} stages[] = {
	{ "id range", stage_ids },    { "control group", stage_cgroup },
	{ "filter", stage_filter },   { "root", stage_root },
	{ "mounts", start_mounts },   { "descriptors", start_fds },
	{ "network", stage_network }, { "namespaces", stage_spawn },
	{ "hold", stage_hold },	      { "admission", stage_admit },
	{ "payload", stage_payload }, { "watch", stage_watch },
};

static int run_stages(struct start *st, struct err *e)
{
	struct sandbox *s = st->s;

	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		const uint64_t before = clock_mono_ns();
		const int r = stages[i].run(st, e);

		s->timings[s->n_timings++] =
			(struct sandbox_timing){ stages[i].name,
						 (clock_mono_ns() - before) / 1000 };
		if (r < 0)
			return err_wrap(e, "%s", stages[i].name);
	}
	return 0;
}

int start_check(const struct sandbox_spec *spec, struct err *e)
{
	if (!name_is_safe(spec->name))
		return err_set(e, EINVAL, "replica name '%s' is not a safe name", spec->name);
	if (!spec->argv || !spec->argv[0] || !spec->argv[0][0])
		return err_set(e, EINVAL, "no program to run");
	if (spec->uid >= IDRANGE_LEN || spec->gid >= IDRANGE_LEN)
		return err_set(e, EINVAL, "ids %u:%u are out of range", spec->uid, spec->gid);
	if (spec->n_captures + spec->n_fds > SANDBOX_MAX_FDS)
		return err_set(e, EINVAL, "more than %d descriptors", SANDBOX_MAX_FDS);
	if (spec->limits.open_files < 16)
		return err_set(e, EINVAL, "open_files: at least 16");
	return caps_check(e);
}

int sandbox_start(const struct sandbox_spec *spec, struct sandbox **out, struct err *e)
{
	struct start st = { .spec = *spec, .dev = -1, .inner = -1, .init = -1 };
	struct sandbox *s;
	int r;

	spec_defaults(&st.spec);
	if (start_check(&st.spec, e) < 0)
		return -e->code;
	s = st.s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(e, ENOMEM, "no memory for a sandbox");
	(void)snprintf(s->name, sizeof(s->name), "%s", spec->name);
	s->limits = st.spec.limits;
	s->on_output = spec->on_output;
	s->ctx = spec->ctx;
	s->root = (struct root)ROOT_INIT;
	s->pidfd = s->sock = s->epoll = s->timer = -1;
	for (size_t i = 0; i < sizeof(s->held) / sizeof(s->held[0]); i++)
		s->held[i] = -1;
	s->started_ns = s->heard_ns = clock_mono_ns();
	r = run_stages(&st, e);
	start_release(&st);
	if (r < 0) {
		sandbox_close(s);
		return r;
	}
	hold_add(s);
	*out = s;
	return 0;
}
