/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "agent/host/case/facts.h"
#include "agent/host/case/stop.h"
#include "agent/host/cli/cli.h"
#include "agent/host/cli/page.h"
#include "agent/host/cli/session.h"
#include "runtime/base/id.h"
#include "runtime/base/opt.h"

#define CANCEL_WAIT_S  60
#define CANCEL_STEP_MS 100u

struct case_options {
	const char *state, *service, *reason, *config, *html;
	uint64_t wait;
	bool json, keep;
};

/* Which of the options a verb has, beside --state. */
enum { HAS_SERVICE = 1, HAS_REASON = 2, HAS_KEEP = 4, HAS_JSON = 8, HAS_HTML = 16 };

static int parse(struct case_options *o, unsigned has, int operands, int argc, char **argv,
		 struct err *e)
{
	struct opt opts[9] = { { "state", OPT_STR, &o->state, "DIR", "state directory" } };
	size_t n = 1;
	int got;

	if (has & HAS_SERVICE) {
		opts[n++] = (struct opt){ "service", OPT_STR, &o->service, "FILE",
					  "service file (default: the case's own)" };
		opts[n++] = (struct opt){ "config", OPT_STR, &o->config, "FILE",
					  "the host's configuration" };
	}
	if (has & HAS_REASON)
		opts[n++] = (struct opt){ "reason", OPT_STR, &o->reason, "TEXT", "why" };
	if (has & HAS_KEEP) {
		opts[n++] = (struct opt){ "keep", OPT_FLAG, &o->keep, NULL,
					  "keep what its replicas wrote" };
		opts[n++] = (struct opt){ "wait", OPT_U64, &o->wait, "SECONDS",
					  "for whoever works on it (default 60)" };
	}
	if (has & HAS_JSON)
		opts[n++] = (struct opt){ "json", OPT_FLAG, &o->json, NULL, "print JSON" };
	if (has & HAS_HTML)
		opts[n++] = (struct opt){ "html", OPT_STR, &o->html, "FILE",
					  "write a page for a browser; - is standard output" };
	o->state = CLI_STATE_DEFAULT;
	o->wait = CANCEL_WAIT_S;
	if (opt_parse(opts, false, argc, argv, &got, e) < 0)
		return CLI_USAGE;
	if (got != operands)
		return cli_usage(
			e, operands ? "case %s wants one case id" : "case %s takes no operands",
			argv[0]);
	return CLI_OK;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "-";
}

static long long number_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void print_row(const json_t *f)
{
	(void)printf("%-24s %-10s %-15s %-18s %s\n", text_of(f, "case"), text_of(f, "stage"),
		     text_of(f, "outcome"), text_of(f, "decision"), text_of(f, "reason"));
}

static int list(int argc, char **argv, struct err *e)
{
	const char *state = CLI_STATE_DEFAULT, *since = NULL;
	struct case_filter f = { 0 };
	bool json = false;
	const struct opt opts[] = {
		{ "service", OPT_STR, &f.service, "NAME", "of one service" },
		{ "outcome", OPT_STR, &f.outcome, "OUTCOME", "that ended so" },
		{ "operator", OPT_STR, &f.operator_name, "NAME", "changed by one operator" },
		{ "model", OPT_STR, &f.model, "NAME", "by built-in, command or a model" },
		{ "policy", OPT_STR, &f.policy, "NAME|DIGEST", "under one policy" },
		{ "touched", OPT_STR, &f.touched, "PATH", "that changed a file, or one below" },
		{ "since", OPT_STR, &since, "WHEN", "begun since a date, or within an age (30d)" },
		{ "state", OPT_STR, &state, "DIR", "state directory" },
		{ "json", OPT_FLAG, &json, NULL, "print JSON" },
		{ 0 }
	};
	AUTO_JSON json_t *found = NULL;
	int operands;

	if (opt_parse(opts, false, argc, argv, &operands, e) < 0)
		return CLI_USAGE;
	if (operands != 0)
		return cli_usage(e, "case list takes no operands");
	if (f.outcome && outcome_from_name(f.outcome) < 0)
		return cli_usage(e, "'%s' is not an outcome", f.outcome);
	if (since && facts_since(since, &f.since, e) < 0)
		return CLI_USAGE;
	if (facts_find(state, &f, &found, e) < 0)
		return CLI_FAILED;
	if (json) {
		(void)json_dumpf(found, stdout, JSON_INDENT(1));
		(void)fputc('\n', stdout);
		return CLI_OK;
	}
	for (size_t i = 0; i < json_array_size(found); i++)
		print_row(json_array_get(found, i));
	return CLI_OK;
}

static int show_json(struct kase *k, struct err *e)
{
	AUTO_JSON json_t *all = json_object();
	json_t *spent = NULL;

	for (int i = 0; i < STAGE_N; i++) {
		json_t *v = NULL;
		const int r = case_record(k, i, &v, e);

		if (r == -ENOENT)
			continue;
		if (r < 0 || json_object_set_new(all, stage_name(i), v) < 0)
			return CLI_FAILED;
	}
	e->code = 0;
	if (case_spent(k, &spent, e) < 0 || json_object_set_new(all, "spent", spent) < 0)
		return CLI_FAILED;
	(void)json_dumpf(all, stdout, JSON_INDENT(1));
	(void)fputc('\n', stdout);
	return CLI_OK;
}

static void print_triage(const struct kase *k)
{
	AUTO_JSON json_t *incident = NULL;
	struct err none = ERR_INIT;
	const json_t *t;
	size_t n;
	json_t *one;

	if (case_record(k, STAGE_INCIDENT, &incident, &none) < 0)
		return;
	t = json_object_get(incident, "triage");
	if (!t)
		return;
	(void)printf("triage    %s, rule %s: %s\n", text_of(t, "class"), text_of(t, "rule"),
		     text_of(t, "reason"));
	json_array_foreach(json_object_get(t, "evidence"), n, one)
		(void)printf("          %s\n", json_string_value(one));
}

/* Which commit production ran, and who says so. */
static void print_base(struct kase *k)
{
	AUTO_JSON json_t *replica = NULL;
	struct err none = ERR_INIT;

	if (case_record(k, STAGE_REPLICA, &replica, &none) < 0)
		return;
	(void)printf("commit    %s", text_of(replica, "base"));
	if (json_object_get(replica, "commit_known"))
		(void)printf(", known %s", text_of(replica, "commit_known"));
	(void)printf("\n");
}

static void print_decisions(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *d = json_array_get(list, i);
		const char *note = json_string_value(json_object_get(d, "note"));
		const char *source = json_string_value(json_object_get(d, "source"));

		(void)printf("%-9s %s, %s%s%s%s%s\n", i ? "" : "decided", text_of(d, "decision"),
			     text_of(d, "at"), source ? ", by " : "", source ? source : "",
			     note ? ": " : "", note ? note : "");
	}
}

/* Who worked on it, and what that cost. */
static void print_agents(const json_t *f)
{
	static const char *const keys[] = { "test_by", "patch_by" }, *const what[] = { "test by",
										       "patch by" };
	const json_t *spent = json_object_get(f, "spent");

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (json_object_get(f, keys[i]))
			(void)printf("%-9s %s\n", what[i], text_of(f, keys[i]));
	if (json_integer_value(json_object_get(spent, "turns")))
		(void)printf("paid      US$%s, %lld tokens read, %lld written, %lld calls\n",
			     text_of(spent, "usd_exact"), number_of(spent, "input_tokens"),
			     number_of(spent, "output_tokens"), number_of(spent, "turns"));
}

static int show_text(struct kase *k, struct err *e)
{
	AUTO_JSON json_t *s = NULL;
	const json_t *spent;

	if (case_facts(k, &s, e) < 0)
		return CLI_FAILED;
	spent = json_object_get(s, "spent");
	(void)printf("case      %s\nservice   %s\nstage     %s\noutcome   %s\nreason    %s\n"
		     "directory %s\n",
		     case_id(k), text_of(s, "service"), text_of(s, "stage"), text_of(s, "outcome"),
		     text_of(s, "reason"), case_path(k));
	print_triage(k);
	print_base(k);
	print_decisions(json_object_get(s, "decisions"));
	print_agents(s);
	(void)printf("spent     %lld evaluations, %lld replicas, %.1f cpu-s, %.1f s wall\n",
		     number_of(spent, "evaluations"), number_of(spent, "replicas"),
		     (double)number_of(spent, "cpu_us") / 1e6,
		     (double)number_of(spent, "wall_us") / 1e6);
	return CLI_OK;
}

static int show(int argc, char **argv, struct err *e)
{
	struct case_options o = { 0 };
	struct kase *k = NULL;
	int status = parse(&o, HAS_JSON | HAS_HTML, 1, argc, argv, e);

	if (status != CLI_OK)
		return status;
	if (o.json && o.html)
		return cli_usage(e, "case show: --json or --html, not both");
	if (case_open(o.state, argv[1], false, &k, e) < 0)
		return CLI_FAILED;
	if (o.html)
		status = page_case(o.state, k, o.html, e) < 0 ? CLI_FAILED : CLI_OK;
	else
		status = o.json ? show_json(k, e) : show_text(k, e);
	case_close(k);
	return status;
}

/* The session of an existing case, locked. */
static int open_case(struct case_options *o, const char *id, struct session *s, struct err *e)
{
	char path[4096];
	const struct session_options so = { .state = o->state,
					    .config = o->config,
					    .service = o->service ? o->service : path };
	int status;

	if (!o->service && session_service_of(o->state, id, path, e) < 0)
		return CLI_FAILED;
	status = session_open(&so, s, e);
	if (status == CLI_OK &&
	    (case_open(s->state, id, true, &s->kase, e) < 0 || session_reclaim(s, e) < 0)) {
		session_close(s);
		return CLI_FAILED;
	}
	return status;
}

static int resume(int argc, char **argv, struct err *e)
{
	struct case_options o = { 0 };
	struct session s;
	int status = parse(&o, HAS_SERVICE | HAS_JSON, 1, argc, argv, e);

	if (status == CLI_OK)
		status = open_case(&o, argv[1], &s, e);
	if (status != CLI_OK)
		return status;
	status = session_admit(&s, e);
	if (status == CLI_OK)
		status = session_run(&s, o.json, e);
	session_close(&s);
	return status;
}

/* Ends as soon as whoever works on it let go of it: 0, with the lock; -EBUSY: still not. */
static int wait_for(const struct case_options *o, const char *id, struct kase **out, struct err *e)
{
	int r = -EBUSY;

	for (uint64_t i = 0; r == -EBUSY && i <= o->wait * 1000 / CANCEL_STEP_MS; i++) {
		if (i)
			(void)poll(NULL, 0, CANCEL_STEP_MS);
		*e = (struct err)ERR_INIT;
		r = case_open(o->state, id, true, out, e);
	}
	return r == -EBUSY ? err_set(e, EBUSY,
				     "case '%s' was told to end, but whoever works on it has not "
				     "let go of it within %llu seconds; it ends when it is "
				     "next looked at",
				     id, (unsigned long long)o->wait)
			   : r;
}

/* Told first: whoever works on it ends it; else we do. */
static int cancel_case(const struct case_options *o, const char *id, struct audit *a, struct err *e)
{
	const struct stop_request req = { o->reason ? o->reason : "cancelled by the operator",
					  o->keep };
	struct pipeline p = { .state = o->state, .audit = a };
	int r = case_open(o->state, id, false, &p.kase, e);

	if (r < 0)
		return r;
	if (case_stage(p.kase) == STAGE_N)
		r = err_set(e, EALREADY, "case '%s' has ended already", id);
	audit_set_case(a, id);
	if (r == 0)
		r = audit_commit(a, "case.cancel",
				 json_pack("{s:s,s:b}", "reason", req.reason, "keep", req.keep), e);
	if (r == 0)
		r = stop_ask(p.kase, &req, e);
	case_close(p.kase);
	p.kase = NULL;
	if (r == 0)
		r = wait_for(o, id, &p.kase, e);
	if (r == 0 && case_stage(p.kase) != STAGE_N)
		r = pipeline_cancel(&p, req.reason, e);
	case_close(p.kase);
	return r;
}

static void say_kept(const struct case_options *o, const char *id)
{
	AUTO_JSON json_t *kept = kept_show(o->state, id);

	if (!kept)
		(void)puts("nothing is kept: no replica of the case was running");
	else
		(void)printf("kept what %zu replica%s wrote: %s\nremove it with 'sickbay case "
			     "discard %s'; links in it are the agent's: do not follow them\n",
			     json_array_size(json_object_get(kept, "replicas")),
			     json_array_size(json_object_get(kept, "replicas")) == 1 ? "" : "s",
			     text_of(kept, "path"), id);
}

static int cancel(int argc, char **argv, struct err *e)
{
	struct case_options o = { 0 };
	struct audit *a = NULL;
	int status = parse(&o, HAS_REASON | HAS_KEEP, 1, argc, argv, e);

	if (status != CLI_OK)
		return status;
	if (audit_open(o.state, &a, e) < 0)
		return CLI_FAILED;
	if (cancel_case(&o, argv[1], a, e) < 0)
		status = CLI_FAILED;
	else if (o.keep)
		say_kept(&o, argv[1]);
	audit_close(a);
	return status;
}

static int discard(int argc, char **argv, struct err *e)
{
	struct case_options o = { 0 };
	struct audit *a = NULL;
	AUTO_JSON json_t *kept = NULL;
	int status = parse(&o, 0, 1, argc, argv, e);

	if (status != CLI_OK)
		return status;
	if (!name_is_safe(argv[1]))
		return cli_usage(e, "'%s' is not a case id", argv[1]);
	kept = kept_show(o.state, argv[1]);
	if (kept && audit_open(o.state, &a, e) < 0)
		return CLI_FAILED;
	if (a)
		audit_set_case(a, argv[1]);
	if ((a && audit_commit(a, "case.discard", json_object(), e) < 0) ||
	    kept_discard(o.state, argv[1], e) < 0)
		status = CLI_FAILED;
	audit_close(a);
	return status;
}

int cmd_case(int argc, char **argv, struct err *e)
{
	static const struct command table[] = {
		{ "list", list, "[--service NAME] [--touched PATH] ...",
		  "cases, where they stand, and what came of them" },
		{ "show", show, "ID [--json] [--html FILE] [--state DIR]",
		  "one case; --json: all its records; --html: as a page" },
		{ "resume", resume, "ID [--state DIR]", "go on where a case was interrupted" },
		{ "refresh", cmd_case_refresh, "ID [--state DIR]",
		  "the same incident at the target's head as it is now" },
		{ "decide", cmd_case_decide,
		  "ID DECISION [--note TEXT] [--commit COMMIT] [--config FILE]",
		  "what a person did with it: merged, closed-wrong, ..." },
		{ "audit", cmd_case_audit, "ID --by-note TEXT", "a person looked at it in depth" },
		{ "export", cmd_case_export, "ID -o FILE [--with-raw] [--state DIR]",
		  "the case as an archive that anyone can check" },
		{ "verify", cmd_case_verify, "FILE [--key FILE] [--re-run --service FILE]",
		  "check such an archive, anywhere" },
		{ "cancel", cancel, "ID [--reason TEXT] [--keep] [--state DIR]",
		  "end a case, also one that runs; --keep: with what its replicas wrote" },
		{ "discard", discard, "ID [--state DIR]", "remove what --keep kept" },
		{ 0 },
	};

	return cli_dispatch(table, "case", argc, argv, e);
}
