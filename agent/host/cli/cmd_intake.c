/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/host/cli/cli.h"
#include "agent/host/queue/intake.h"
#include "agent/host/queue/rate.h"
#include "agent/host/queue/spool.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/opt.h"
#include "runtime/proto/broker_forge.h"

/* intake: reports come in; in the foreground, as a service manager wants it. */
#define TURN_MS	   1000
#define LOCK_TRIES 30
#define LOCK_MS	   100
#define SAY_EVERY  (60ull * 1000000000)
#define ROOM	   (1u << 20) /* bytes, for a few events of the log */
#define BUSY_TURNS 4	      /* messages heard between two pieces */

struct intake_run {
	const char *state, *config_file;
	struct optlist listen;
	struct host_config config;
	char dir[PATH_MAX];
	struct queue q;
	struct intake *intake;
	int lock, signals;
	uint64_t said;
	struct intake_counts before;
};

/* One journal has one reader.  Who asks how it stands (intake_waits()), and the children of one
 * that was killed, have the lock for a moment. */
static int lock_intake(struct intake_run *r, struct err *e)
{
	r->lock = spool_dir(r->dir, INTAKE_DIR, e);
	if (r->lock < 0)
		return r->lock;
	for (int i = 0; flock(r->lock, LOCK_EX | LOCK_NB) < 0; i++) {
		if (errno != EWOULDBLOCK)
			return err_sys(e, "lock the journal of '%s'", r->dir);
		if (i == LOCK_TRIES)
			return err_set(e, EBUSY, "another intake serves '%s'", r->dir);
		(void)poll(NULL, 0, LOCK_MS);
	}
	return 0;
}

static int take_signals(struct intake_run *r, struct err *e)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_sys(e, "block signals");
	r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return r->signals < 0 ? err_sys(e, "signalfd") : 0;
}

/* Forges whose webhooks are taken. */
static size_t hooks_of(const struct host_config *c)
{
	const struct forge_place *f = c->forges.v;
	size_t n = 0;

	for (size_t i = 0; i < c->forges.n; i++)
		n += f[i].webhook_secret != NULL;
	return n;
}

static int open_intake(struct intake_run *r, struct err *e)
{
	struct strlist listen = { .v = (char **)(uintptr_t)r->listen.v, .n = r->listen.n };
	const char *at;

	if (queue_host(r->config_file, r->state, &r->config, r->dir, e) < 0)
		return -e->code;
	r->q = (struct queue){ .state = r->dir, .config = &r->config, .now_ns = clock_real_ns() };
	if (lock_intake(r, e) < 0 || take_signals(r, e) < 0)
		return -e->code;
	if (r->listen.n == 0 && r->config.intake.listen.n == 0)
		return err_set(e, EINVAL,
			       "nothing says where to listen: \"intake\": {\"listen\": "
			       "[\"127.0.0.1:9418\"]} in the host's configuration, or --listen");
	if (r->config.intake.sources.n == 0 && hooks_of(&r->config) == 0)
		return err_set(e, EINVAL,
			       "no source may send: make a token with 'sickbay intake token', and "
			       "name its digest under \"intake\", \"sources\" in the host's "
			       "configuration");
	if (audit_open(r->dir, &r->q.audit, e) < 0 ||
	    audit_commit(r->q.audit, "intake.start",
			 json_pack("{s:I,s:I}", "sources", (json_int_t)r->config.intake.sources.n,
				   "forges", (json_int_t)hooks_of(&r->config)),
			 e) < 0 ||
	    intake_open(&r->q, r->listen.n ? &listen : NULL, &r->intake, e) < 0)
		return -e->code;
	for (size_t i = 0; (at = intake_address(r->intake, i)); i++)
		(void)printf("listening %s\n", at);
	(void)fflush(stdout);
	return 0;
}

/* Then the log cannot be written either: no reason to end, what is refused is in the sums of later.
 */
static bool disk_is_full(const struct intake_run *r)
{
	struct statvfs v;

	return fstatvfs(r->lock, &v) == 0 && v.f_bavail * v.f_frsize < ROOM;
}

static json_t *counts_json(const struct intake_counts *c)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "accepted",
			 (json_int_t)c->accepted, "refused_rate", (json_int_t)c->refused_rate,
			 "refused_backlog", (json_int_t)c->refused_backlog, "refused_token",
			 (json_int_t)c->refused_token, "refused_other",
			 (json_int_t)c->refused_other, "slow", (json_int_t)c->slow, "crowded",
			 (json_int_t)c->crowded, "reports", (json_int_t)c->reports, "alerts",
			 (json_int_t)c->alerts, "looks", (json_int_t)c->looks, "left_out",
			 (json_int_t)c->ignored + (json_int_t)c->refused +
				 (json_int_t)c->other_events);
}

/* Sums, once a minute where something happened. */
static int say(struct intake_run *r, bool last, struct err *e)
{
	struct intake_counts c;
	const uint64_t now = clock_mono_ns();

	intake_counts(r->intake, &c);
	if ((!last && now - r->said < SAY_EVERY) || memcmp(&c, &r->before, sizeof(c)) == 0 ||
	    disk_is_full(r))
		return 0;
	r->said = now;
	r->before = c;
	if (audit_note(r->q.audit, "intake.counts", counts_json(&c), e) < 0)
		return -e->code;
	return audit_send(r->q.audit, e);
}

/* One piece; where nothing waits, the minutes that pass. */
static int digest(struct intake_run *r, int *more, struct err *e)
{
	struct intake_counts c;
	int k;

	r->q.now_ns = clock_real_ns();
	k = *more = intake_digest(r->intake, e);
	intake_counts(r->intake, &c);
	if (k == 0 && c.backlog == 0 && !disk_is_full(r))
		k = rate_tick(&r->q, false, e);
	return k == 1 ? audit_send(r->q.audit, e) : k; /* what was said of it */
}

static int serve(struct intake_run *r, struct err *e)
{
	struct pollfd p[] = { { .fd = intake_fd(r->intake), .events = POLLIN },
			      { .fd = r->signals, .events = POLLIN } };
	int more = 1, k = 0;

	while (k >= 0) {
		if (poll(p, 2, more ? 0 : TURN_MS) < 0 && errno != EINTR)
			return err_sys(e, "wait for reports");
		if (p[1].revents)
			return 0;
		for (int n = 0; n < BUSY_TURNS && k >= 0 && p[0].revents; n++) {
			k = intake_hear(r->intake, e);
			if (k >= 0 && poll(p, 1, 0) < 0)
				break;
		}
		if (k >= 0)
			k = digest(r, &more, e);
		if (k >= 0)
			k = say(r, false, e);
	}
	return k;
}

static int run(struct intake_run *r, struct err *e)
{
	struct err late = ERR_INIT;
	int k = open_intake(r, e);

	if (k == 0)
		k = serve(r, e);
	if (r->intake && (rate_tick(&r->q, true, &late) < 0 || say(r, true, &late) < 0))
		log_warn("%s", late.msg);
	intake_close(r->intake);
	audit_close(r->q.audit);
	cleanup_close(&r->signals);
	cleanup_close(&r->lock);
	host_config_release(&r->config);
	return k;
}

static int intake_serve(int argc, char **argv, struct err *e)
{
	struct intake_run r = { .lock = -1, .signals = -1 };
	const struct opt opts[] = {
		{ "listen", OPT_STRS, &r.listen, "ADDRESS:PORT|PATH",
		  "where; else as the configuration says" },
		{ "state", OPT_STR, &r.state, "DIR", "state directory" },
		{ "config", OPT_STR, &r.config_file, "FILE", "the host's configuration" },
		{ 0 },
	};
	int n;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n != 0)
		return cli_usage(e, "intake serve takes no operands");
	return run(&r, e) < 0 ? CLI_FAILED : CLI_OK;
}

static int token_run(int argc, char **argv, struct err *e)
{
	bool json = false;
	const struct opt opts[] = {
		{ "json", OPT_FLAG, &json, NULL, "print JSON" },
		{ 0 },
	};
	char token[44], digest[65];
	int n;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n > 1 || (n == 1 && strlen(argv[1]) > 60))
		return cli_usage(e, "intake token takes the name of a source");
	intake_token(token, digest);
	if (json)
		(void)printf("{\"token\":\"%s\",\"token_sha256\":\"%s\"}\n", token, digest);
	else
		(void)printf("token, for the producer, shown only now: %s\n"
			     "for the host's configuration, intake.sources:\n"
			     "  { \"name\": \"%s\", \"token_sha256\": \"%s\" }\n",
			     token, n ? argv[1] : "NAME", digest);
	return CLI_OK;
}

int cmd_intake(int argc, char **argv, struct err *e)
{
	static const struct command table[] = {
		{ "serve", intake_serve, "[--listen WHERE]... [--config FILE] [--state DIR]",
		  "take reports in from services and monitors" },
		{ "read", cmd_intake_read,
		  "--from FORMAT [--service NAME|FILE] [--cursor-file FILE]",
		  "take in the traces of a log on standard input" },
		{ "token", token_run, "[NAME] [--json]", "a new token for a source" },
		{ 0 },
	};

	return cli_dispatch(table, "intake", argc, argv, e);
}
