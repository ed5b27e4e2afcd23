/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/proto/audit.h"
#include "runtime/proto/decode.h"
#include "runtime/sandbox/cgroup_impl.h"
#include "runtime/sandbox/sandbox.h"
#include "runtime/sandbox/seccomp.h"
#include "tests/bench/bench.h"
#include "tests/bench/group.h"

/* DIR has layer/ (with the empty program as /stamp), and state/ and resident/, where it is the
 * image "empty"; the log of the second is held open by `sickbay audit serve`. */
struct world {
	char dir[512], programs[512], state[560], resident[560], layer_path[560], filter[560],
		groups[2048];
	struct audit *audit;
	int layer, frozen_small, frozen_large, plain;
	struct cgroup *keeper; /* keeps the parents of control groups there between rounds */
};

/* ---- a program that ends by itself ---- */

static int take_stamp(const void *data, size_t n, uint64_t begin, struct sample *out, struct err *e)
{
	struct timespec t;

	if (n != sizeof(t))
		return err_set(e, EPROTO, "the empty program said %zu bytes", n);
	memcpy(&t, data, sizeof(t));
	out->start = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec - begin;
	return 0;
}

static int command(char *const *argv, uint64_t begin, struct sample *out, struct err *e)
{
	posix_spawn_file_actions_t actions;
	int p[2], status = 0, r;
	char said[64];
	ssize_t n;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, p[1], 1);
	r = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)close(p[1]);
	if (r != 0) {
		(void)close(p[0]);
		return err_set(e, r, "start '%s': %s", argv[0], strerror(r));
	}
	(void)waitpid(pid, &status, 0);
	out->total = clock_mono_ns() - begin;
	n = read(p[0], said, sizeof(said));
	(void)close(p[0]);
	if (status != 0)
		return err_set(e, ECHILD, "'%s' ended with status %#x", argv[0], (unsigned)status);
	return take_stamp(said, n > 0 ? (size_t)n : 0, begin, out, e);
}

#define ARG(s) ((char *)(uintptr_t)(s))

static int row_floor(struct world *w, struct sample *out, struct err *e)
{
	char program[600];
	char *const argv[] = { program, w->filter, w->layer_path, ARG("/stamp"), NULL };

	(void)snprintf(program, sizeof(program), "%s/bench-floor", w->programs);
	return command(argv, clock_mono_ns(), out, e);
}

static int row_bwrap(struct world *w, struct sample *out, struct err *e)
{
	char program[600];
	char *const argv[] = { program,
			       w->filter,
			       ARG("/usr/bin/bwrap"),
			       ARG("--unshare-all"),
			       ARG("--die-with-parent"),
			       ARG("--new-session"),
			       ARG("--clearenv"),
			       ARG("--cap-drop"),
			       ARG("ALL"),
			       ARG("--uid"),
			       ARG("1000"),
			       ARG("--gid"),
			       ARG("1000"),
			       ARG("--ro-bind"),
			       w->layer_path,
			       ARG("/"),
			       ARG("--proc"),
			       ARG("/proc"),
			       ARG("--dev"),
			       ARG("/dev"),
			       ARG("--tmpfs"),
			       ARG("/tmp"),
			       ARG("--seccomp"),
			       ARG("9"),
			       ARG("/stamp"),
			       NULL };

	(void)snprintf(program, sizeof(program), "%s/bench-launch", w->programs);
	return command(argv, clock_mono_ns(), out, e);
}

static int sickbay_run(struct world *w, char *state, struct sample *out, struct err *e)
{
	char program[600];
	char *const argv[] = { program, ARG("run"), ARG("--image"), ARG("empty"), ARG("--state"),
			       state,	ARG("--"),  ARG("/stamp"),  NULL };

	(void)snprintf(program, sizeof(program), "%s/sickbay", w->programs);
	return command(argv, clock_mono_ns(), out, e);
}

static int row_run(struct world *w, struct sample *out, struct err *e)
{
	return sickbay_run(w, w->resident, out, e);
}

static int row_run_alone(struct world *w, struct sample *out, struct err *e)
{
	return sickbay_run(w, w->state, out, e);
}

static int log_start(struct world *w, struct err *e)
{
	return audit_commit(w->audit, "replica.start",
			    json_pack("{s:s,s:s}", "replica", "bench", "purpose", "bench"), e);
}

/* ---- as a library ---- */

static char *const stamp_argv[] = { ARG("/stamp"), NULL };

static struct sandbox_spec spec_of(const struct world *w, const int *layers, size_t n)
{
	return (struct sandbox_spec){ .name = "bench",
				      .state = w->state,
				      .layers = layers,
				      .n_layers = n,
				      .argv = stamp_argv,
				      .loopback = true,
				      .stdin_fd = -1,
				      .seccomp = { .preset = SECCOMP_BUILD_NET } };
}

static int library(const struct sandbox_spec *spec, uint64_t begin, struct sample *out,
		   struct err *e)
{
	struct exit_record record;
	struct sandbox *s = NULL;
	int r = sandbox_start(spec, &s, e);

	if (r == 0)
		r = sandbox_wait(s, &record, e);
	if (r >= 0) {
		const struct buf *said = sandbox_output(s, 1);

		r = take_stamp(said->p, said->n, begin, out, e);
	}
	sandbox_close(s);
	out->total = clock_mono_ns() - begin;
	return r < 0 ? r : 0;
}

static int row_library(struct world *w, struct sample *out, struct err *e)
{
	const struct sandbox_spec spec = spec_of(w, &w->layer, 1);

	return library(&spec, clock_mono_ns(), out, e);
}

static int row_library_logged(struct world *w, struct sample *out, struct err *e)
{
	const struct sandbox_spec spec = spec_of(w, &w->layer, 1);
	const uint64_t begin = clock_mono_ns();
	int r = log_start(w, e);

	if (r == 0)
		r = library(&spec, begin, out, e);
	if (r == 0)
		r = audit_note(w->audit, "replica.exit", json_pack("{s:s}", "replica", "bench"), e);
	out->total = clock_mono_ns() - begin;
	return r;
}

static int fork_of(const struct world *w, int frozen, struct sample *out, struct err *e)
{
	const int layers[] = { frozen, w->layer };
	const struct sandbox_spec spec = spec_of(w, layers, 2);

	return library(&spec, clock_mono_ns(), out, e);
}

static int row_fork_small(struct world *w, struct sample *out, struct err *e)
{
	return fork_of(w, w->frozen_small, out, e);
}

static int row_fork_large(struct world *w, struct sample *out, struct err *e)
{
	return fork_of(w, w->frozen_large, out, e);
}

/* ---- the helpers of the host side ---- */

static int row_decode(struct world *w, struct sample *out, struct err *e)
{
	static const char text[] = "{\"a\": [1, 2, 3], \"b\": \"text\"}";
	const uint64_t begin = clock_mono_ns();
	AUTO_JSON json_t *v = NULL;
	const int r = decode_text(DECODE_JSON, text, strlen(text), "bench.json", NULL, &v, e);

	(void)w;
	out->total = clock_mono_ns() - begin;
	return r;
}

static int row_audit(struct world *w, struct sample *out, struct err *e)
{
	const uint64_t begin = clock_mono_ns();
	const int r = log_start(w, e);

	out->total = clock_mono_ns() - begin;
	return r;
}

static int row_sync(struct world *w, struct sample *out, struct err *e)
{
	static const char line[256] = "as long as an event of the log";
	const uint64_t begin = clock_mono_ns();

	if (write(w->plain, line, sizeof(line)) < 0 || fdatasync(w->plain) < 0)
		return err_sys(e, "append");
	out->total = clock_mono_ns() - begin;
	return 0;
}

const struct row bench_rows[] = {
	{ "floor: the kernel's part alone, no check", row_floor, true },
	{ "bubblewrap + filter, in control groups", row_bwrap, true },
	{ "sickbay run, logged (audit serve)", row_run, true },
	{ "sickbay run, logged, starts the log's program", row_run_alone, true },
	{ "library", row_library, true },
	{ "library, its start durable in the log, exit noted", row_library_logged, true },
	{ "library: fork of a frozen layer, 1 file", row_fork_small, true },
	{ "library: fork of a frozen layer, 1000 files, 64 MiB", row_fork_large, true },
	{ "decode: one small JSON text in its own process", row_decode, false },
	{ "log: one durable event", row_audit, false },
	{ "append 256 bytes and fdatasync, bare", row_sync, false },
};
const unsigned bench_n_rows = sizeof(bench_rows) / sizeof(bench_rows[0]);

/* ---- the world ---- */

/* The same instructions for all of them. */
static int put_filter(struct world *w, struct err *e)
{
	const struct seccomp_spec spec = { .preset = SECCOMP_BUILD_NET };
	struct seccomp_prog prog = { 0 };
	AUTO_CLOSE int dir = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = seccomp_compile(&spec, NULL, &prog, e);

	if (r == 0)
		r = file_publish_at(dir, "filter", (const char *)prog.insns,
				    prog.n * sizeof(prog.insns[0]), 0600, e);
	seccomp_prog_release(&prog);
	return r;
}

/*
 * The floor's and bubblewrap's groups lie where those of replicas do, in a group that is ours: what
 * else runs on the machine, and in which share, meets all of them alike.
 */
static int make_groups(struct world *w, struct err *e)
{
	const struct cg_host *host = NULL;
	struct sandbox_spec spec = { 0 };
	size_t at = 0;

	spec_defaults(&spec);
	if (cgroup_create("bench", &spec.limits, &w->keeper, e) < 0 || cg_host(&host, e) < 0)
		return -e->code;
	for (size_t k = host->n; k-- > 0;) { /* cgroup2 is the first of them: here it goes last */
		const struct cg_hier *h = &host->hier[k];

		at += (size_t)snprintf(w->groups + at, sizeof(w->groups) - at, "%s%s/%s/%s",
				       at ? ":" : "", h->base, CG_PARENT, w->keeper->name);
		if (at >= sizeof(w->groups))
			return err_set(e, ENAMETOOLONG, "control groups");
		if ((h->jobs & CG_UNIFIED) && (h->jobs & CG_MEMORY))
			group_limit(w->keeper->dir[k], "cgroup.subtree_control",
				    "+memory +pids +cpu");
	}
	return setenv(GROUPS, w->groups, 1) < 0 ? err_sys(e, "set the environment") : 0;
}

/* What a replica with this layer writes, frozen. */
static int freeze(struct world *w, unsigned files, size_t bytes, int *layer, struct err *e)
{
	char script[256];
	char *const argv[] = { ARG("/bin/sh"), ARG("-c"), script, NULL };
	struct sandbox_spec spec = spec_of(w, &w->layer, 1);
	struct exit_record record;
	struct sandbox *s = NULL;
	int r;

	(void)snprintf(script, sizeof(script),
		       "i=0; while [ $i -lt %u ]; do head -c %zu /dev/zero >/tmp/$i || exit 1; "
		       "i=$((i + 1)); done",
		       files, bytes);
	spec.argv = argv;
	spec.host_root = true;
	spec.freeze = true;
	r = sandbox_start(&spec, &s, e);
	if (r == 0)
		r = sandbox_wait(s, &record, e);
	if (r >= 0 && exit_status(&record) != 0)
		r = err_set(e, EIO, "the writer ended with status %d", exit_status(&record));
	if (r >= 0)
		r = sandbox_freeze(s, layer, e);
	sandbox_close(s);
	return r < 0 ? r : 0;
}

static int open_files(struct world *w, struct err *e)
{
	char path[600];

	w->layer = open(w->layer_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "%s/plain", w->dir);
	w->plain = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return w->layer < 0 || w->plain < 0 ? err_sys(e, "open '%s'", path) : 0;
}

int world_open(const char *dir, const char *programs, struct world **out, struct err *e)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		return err_set(e, ENOMEM, "out of memory");
	*out = w;
	w->layer = w->plain = w->frozen_small = w->frozen_large = -1;
	(void)snprintf(w->dir, sizeof(w->dir), "%s", dir);
	(void)snprintf(w->programs, sizeof(w->programs), "%s", programs);
	(void)snprintf(w->state, sizeof(w->state), "%s/state", w->dir);
	(void)snprintf(w->resident, sizeof(w->resident), "%s/resident", w->dir);
	(void)snprintf(w->layer_path, sizeof(w->layer_path), "%s/layer", w->dir);
	(void)snprintf(w->filter, sizeof(w->filter), "%s/filter", w->dir);
	if (open_files(w, e) < 0 || put_filter(w, e) < 0 || make_groups(w, e) < 0 ||
	    audit_open(w->state, &w->audit, e) < 0 || freeze(w, 1, 1, &w->frozen_small, e) < 0 ||
	    freeze(w, 1000, 65536, &w->frozen_large, e) < 0)
		return -e->code;
	return 0;
}

void world_close(struct world *w)
{
	if (!w)
		return;
	cgroup_close(w->keeper);
	audit_close(w->audit);
	cleanup_close(&w->frozen_small);
	cleanup_close(&w->frozen_large);
	cleanup_close(&w->layer);
	cleanup_close(&w->plain);
	free(w);
}
