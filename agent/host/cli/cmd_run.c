/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/host/cli/cli.h"
#include "images/store.h"
#include "policy/policy.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/log.h"
#include "runtime/base/opt.h"
#include "runtime/proto/audit.h"
#include "runtime/sandbox/sandbox.h"

/*
 * `sickbay run`: one program in one replica, nothing else.  What the program
 * writes is passed on as it comes; the status is the program's.  With --json
 * the exit record is the last line of standard error, because standard output
 * belongs to the program.  The log has the start before it happens; it is opened
 * first, because it gets ready while the image and the policy are read.
 */
struct run {
	const char *image, *policy, *state;
	bool json, timings, no_net;
	char **argv;

	struct audit *audit;
	struct store *store;
	struct image found;
	struct layer_fds layers;
	struct policy *loaded;
	struct policy_compiled *compiled;
	char name[64];
	int lost; /* errno of our own standard output or error */
};

static void pass_on(void *ctx, int fd, const void *data, size_t n)
{
	struct run *run = ctx;
	struct err e = ERR_INIT;

	if (!run->lost && fd_write_all(fd, data, n, "the output", &e) < 0)
		run->lost = e.code;
}

/* A terminal stays with the host; what was piped in on purpose goes in. */
static int input_of(void)
{
	struct stat st;

	if (fstat(STDIN_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISREG(st.st_mode)))
		return STDIN_FILENO;
	return -1;
}

static int find_image(struct run *run, struct sandbox_spec *spec, struct err *e)
{
	if (store_open(run->state, &run->store, e) < 0 ||
	    image_find(run->store, run->image, &run->found, e) < 0 ||
	    image_layers(run->store, &run->found, &run->layers, e) < 0)
		return -e->code;
	spec->layers = run->layers.v;
	spec->n_layers = run->layers.n;
	spec->host_root = run->found.host;
	spec->cwd = run->found.cwd;
	if (run->found.env.n)
		spec->envp = run->found.env.v;
	return 0;
}

static int apply_policy(struct run *run, struct sandbox_spec *spec, struct err *e)
{
	const struct policy_places at = { .image = "/", .tmp = "/tmp" };

	if (!run->policy)
		return 0;
	if (policy_load(run->policy, &run->loaded, e) < 0)
		return -e->code;
	return policy_compile(run->loaded, &at, spec, &run->compiled, e);
}

static json_t *timings_json(const struct sandbox *s)
{
	size_t n;
	const struct sandbox_timing *t = sandbox_timings(s, &n);
	json_t *out = json_object();

	for (size_t i = 0; out && i < n; i++)
		(void)json_object_set_new(out, t[i].step, json_integer((json_int_t)t[i].us));
	return out;
}

static void print_record(const struct run *run, struct sandbox *s, const struct exit_record *r)
{
	AUTO_JSON json_t *v = json_pack(
		"{s:s, s:i, s:i, s:I, s:I, s:I, s:i, s:i, s:i, s:o?}", "kind",
		exit_kind_name(r->kind), "code", r->code, "status", exit_status(r), "wall_us",
		(json_int_t)r->wall_us, "cpu_us", (json_int_t)r->cpu_us, "peak_memory",
		(json_int_t)r->peak_memory, "pids_refused", (int)r->pids_refused, "oom_kills",
		(int)r->oom_kills, "notified", (int)r->notified, "calls", sandbox_notified(s));
	AUTO_FREE char *text = NULL;

	if (v && run->timings)
		(void)json_object_set_new(v, "timings_us", timings_json(s));
	text = v ? json_dumps(v, JSON_COMPACT) : NULL;
	if (text)
		(void)fprintf(stderr, "%s\n", text);
}

static void print_timings(const struct sandbox *s)
{
	size_t n;
	const struct sandbox_timing *t = sandbox_timings(s, &n);

	for (size_t i = 0; i < n; i++)
		(void)fprintf(stderr, "%8llu us  %s\n", (unsigned long long)t[i].us, t[i].step);
}

/* Until it ends, or somebody interrupts us: then the whole replica goes. */
static int drive(struct run *run, struct sandbox *s, int signals, int *interrupted, struct err *e)
{
	struct pollfd p[2] = { { .fd = sandbox_fd(s), .events = POLLIN },
			       { .fd = signals, .events = POLLIN } };
	struct signalfd_siginfo info;
	int r;

	while ((r = sandbox_step(s, e)) == 0) {
		if (run->lost)
			return sandbox_kill(s, e);
		(void)poll(p, 2, -1);
		if (p[1].revents && read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
			*interrupted = (int)info.ssi_signo;
			return sandbox_kill(s, e);
		}
	}
	return r < 0 ? r : 0;
}

/* The command is in the log as the operator's. The replica is built meanwhile, and held. */
static int log_start(struct run *run, struct err *e)
{
	const struct policy *p = run->loaded;
	int r = audit_effect(run->audit, "replica.start",
			     json_pack("{s:s,s:s,s:s,s:s*,s:s*}", "replica", run->name, "purpose",
				       "run", "image", run->image, "policy",
				       p ? policy_name(p) : NULL, "policy_sha256",
				       p ? policy_digest(p) : NULL),
			     e);

	return r < 0 ? r : audit_sync_begin(run->audit, e);
}

static int admit(void *ctx, const struct sandbox *s, struct err *e)
{
	struct run *run = ctx;

	(void)s;
	return audit_sync_end(run->audit, e);
}

static void log_exit(struct run *run, const struct exit_record *r)
{
	struct err e = ERR_INIT;

	if (audit_note(run->audit, "replica.exit",
		       json_pack("{s:s,s:s,s:i,s:I,s:I,s:I}", "replica", run->name, "exit",
				 exit_kind_name(r->kind), "code", r->code, "cpu_us",
				 (json_int_t)r->cpu_us, "wall_us", (json_int_t)r->wall_us,
				 "peak_memory", (json_int_t)r->peak_memory),
		       &e) < 0)
		log_warn("%s", e.msg);
}

static int run_spec(struct run *run, const struct sandbox_spec *spec, struct err *e)
{
	struct sandbox *s = NULL;
	struct exit_record r;
	AUTO_CLOSE int signals = -1;
	int interrupted = 0, status, err;
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (signals < 0) {
		(void)err_sys(e, "watch for signals");
		return CLI_SANDBOX;
	}
	status = cli_hold(run->state, NULL, run->audit, e);
	if (status != CLI_OK)
		return status == CLI_CLOSED ? CLI_SANDBOX : status;
	if (log_start(run, e) < 0 || sandbox_start(spec, &s, e) < 0)
		return CLI_SANDBOX;
	err = drive(run, s, signals, &interrupted, e);
	r = *sandbox_exit(s);
	log_exit(run, &r);
	if (err == 0 && run->json)
		print_record(run, s, &r);
	else if (err == 0 && run->timings)
		print_timings(s);
	sandbox_close(s);
	if (err < 0)
		return CLI_SANDBOX;
	if (run->lost) {
		(void)err_set(e, run->lost, "cannot pass the output on: %s", strerror(run->lost));
		return CLI_FAILED;
	}
	return interrupted ? 128 + interrupted : exit_status(&r);
}

static void run_release(struct run *run)
{
	cli_hold_end();
	audit_close(run->audit);
	policy_compiled_free(run->compiled);
	policy_free(run->loaded);
	layer_fds_release(&run->layers);
	image_release(&run->found);
	store_close(run->store);
}

static int run_parsed(struct run *run, struct err *e)
{
	struct sandbox_spec spec = {
		.name = run->name,
		.state = run->state,
		.argv = run->argv,
		.loopback = !run->no_net,
		.stdin_fd = input_of(),
		.seccomp = { .preset = run->no_net ? SECCOMP_BUILD : SECCOMP_BUILD_NET },
		.on_output = pass_on,
		.admit = admit,
		.ctx = run,
	};
	char id[ID_LEN];

	id_random(id);
	(void)snprintf(run->name, sizeof(run->name), "run-");
	for (size_t i = 0; id[i]; i++) /* names are lower case */
		run->name[4 + i] = (char)(id[i] >= 'A' && id[i] <= 'Z' ? id[i] + 32 : id[i]);
	if (audit_open(run->state, &run->audit, e) < 0 || find_image(run, &spec, e) < 0 ||
	    apply_policy(run, &spec, e) < 0)
		return CLI_SANDBOX;
	if (run->no_net)
		spec.loopback = false;
	return run_spec(run, &spec, e);
}

int cmd_run(int argc, char **argv, struct err *e)
{
	struct run run = { .state = CLI_STATE_DEFAULT };
	const struct opt opts[] = {
		{ "image", OPT_STR, &run.image, "NAME", "image to run, as `image list` names it" },
		{ "policy", OPT_STR, &run.policy, "FILE", "scope policy; or preset:NAME" },
		{ "state", OPT_STR, &run.state, "DIR", "state directory (" CLI_STATE_DEFAULT ")" },
		{ "json", OPT_FLAG, &run.json, NULL,
		  "print the exit record, as the last line of standard error" },
		{ "timings", OPT_FLAG, &run.timings, NULL, "say how long each step took" },
		{ "net-none", OPT_FLAG, &run.no_net, NULL, "not even a loopback device" },
		{ 0 },
	};
	int n = 0, status;

	if (opt_parse(opts, true, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (!run.image)
		return cli_usage(e, "run: --image NAME is missing");
	if (n < 1)
		return cli_usage(e,
				 "run: a command is missing: sickbay run --image NAME -- CMD...");
	run.argv = argv + 1;
	run.argv[n] = NULL;
	status = run_parsed(&run, e);
	run_release(&run);
	return status;
}
