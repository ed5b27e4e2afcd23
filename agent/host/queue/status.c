/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/queue/status.h"

#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/host/case/case.h"
#include "agent/host/case/money.h"
#include "agent/host/case/pause.h"
#include "agent/host/queue/admit.h"
#include "agent/host/queue/bounds.h"
#include "agent/host/queue/intake.h"
#include "agent/host/queue/rate.h"
#include "agent/host/queue/spool.h"
#include "agent/host/queue/storm.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"

#define HELD_MAX 100 /* incidents whose reason to wait is asked for */

struct sums {
	json_t *live, *held;
	json_int_t states[GROUP_STATE_N], outcomes[OUTCOME_N];
	json_int_t cases, open, evaluations, replicas, cpu_us, wall_us, tokens, turns;
	money usd;
};

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static int add_spent(struct kase *k, struct sums *s, struct err *e)
{
	AUTO_JSON json_t *spent = NULL;
	const char *exact;
	money usd = 0;

	if (case_spent(k, &spent, e) < 0)
		return -e->code;
	s->evaluations += number(spent, "evaluations");
	s->replicas += number(spent, "replicas");
	s->cpu_us += number(spent, "cpu_us");
	s->wall_us += number(spent, "wall_us");
	s->tokens += number(spent, "tokens");
	s->turns += number(spent, "turns");
	exact = json_string_value(json_object_get(spent, "usd_exact"));
	if (exact && money_parse(exact, &usd) == 0)
		s->usd = money_add(s->usd, usd);
	return 0;
}

static int add_ended(struct kase *k, struct sums *s, struct err *e)
{
	AUTO_JSON json_t *end = NULL;
	const char *word;
	bool open = false;
	int outcome;

	if (case_record(k, STAGE_OUTCOME, &end, e) < 0 || case_is_open(k, &open, e) < 0)
		return -e->code;
	word = json_string_value(json_object_get(end, "outcome"));
	outcome = word ? outcome_from_name(word) : -1;
	if (outcome >= 0)
		s->outcomes[outcome]++;
	s->open += open;
	return 0;
}

static int add_case(struct kase *k, struct sums *s, struct err *e)
{
	const int stage = case_stage(k);

	if (stage == STAGE_INCIDENT)
		return 0; /* it is just being made, or never began */
	s->cases++;
	if (stage == STAGE_N
		    ? add_ended(k, s, e) < 0
		    : json_array_append_new(s->live, json_pack("{s:s,s:s}", "case", case_id(k),
							       "stage", stage_name(stage))) < 0)
		return e->code ? -e->code : err_set(e, ENOMEM, "out of memory");
	return add_spent(k, s, e);
}

static int add_cases(const char *state, struct sums *s, struct err *e)
{
	AUTO_JSON json_t *ids = NULL;
	int r = case_list(state, &ids, e);

	for (size_t i = 0; i < json_array_size(ids) && r == 0; i++) {
		struct kase *k = NULL;

		r = case_open(state, json_string_value(json_array_get(ids, i)), false, &k, e);
		if (r == 0)
			r = add_case(k, s, e);
		else if (r == -ENOENT)
			r = 0;
		case_close(k);
	}
	return r;
}

/* Why it is not at work; without a service file that is the reason. */
static void add_held(const struct queue *q, const struct group *g, struct sums *s)
{
	struct service service = { 0 };
	char why[QUEUE_WHY] = "";
	struct err e = ERR_INIT;
	int r;

	if (json_array_size(s->held) >= HELD_MAX)
		return;
	r = service_load(g->service_file, &service, &e);
	if (r == 0) {
		r = queue_check(q, &service, g, why, &e);
		service_release(&service);
	}
	if (r != QUEUE_GO)
		(void)json_array_append_new(s->held, json_pack("{s:s,s:s}", "incident", g->id,
							       "why", r < 0 ? e.msg : why));
}

static int add_groups(const struct queue *q, struct sums *s, struct err *e)
{
	struct strlist ids = { 0 };
	int r = group_list(q->state, &ids, e);

	for (size_t i = 0; i < ids.n && r == 0; i++) {
		struct group g = { 0 };
		const char *kase;
		int state;

		r = group_load(q->state, ids.v[i], &g, e);
		if (r == -ENOENT) { /* its first report is just being written */
			r = 0;
			continue;
		}
		if (r < 0)
			break;
		state = group_state(q, &g, &kase);
		s->states[state]++;
		if (state == GROUP_QUEUED || state == GROUP_INTERRUPTED)
			add_held(q, &g, s);
		group_release(&g);
	}
	strlist_release(&ids);
	return r;
}

static json_t *disk_of(const char *state)
{
	struct statvfs v;

	if (statvfs(state, &v) < 0)
		return json_null();
	return json_pack("{s:I,s:I,s:I,s:I}", "bytes",
			 (json_int_t)v.f_blocks * (json_int_t)v.f_frsize, "free_bytes",
			 (json_int_t)v.f_bavail * (json_int_t)v.f_frsize, "inodes",
			 (json_int_t)v.f_files, "free_inodes", (json_int_t)v.f_favail);
}

static bool worker_runs(const char *state)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int fd = -1;

	if (asprintf(&path, "%s/spool/" WORKER_LOCK, state) < 0)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
}

static json_t *words(const json_int_t *n, int count, const char *(*name)(int))
{
	json_t *o = json_object();

	for (int i = 0; i < count; i++)
		(void)json_object_set_new(o, name(i), json_integer(n[i]));
	return o;
}

static int add_intake(const struct queue *q, json_t *status, struct err *e)
{
	json_t *rates = NULL;
	uint64_t bytes;
	bool serves;

	if (intake_waits(q->state, &serves, &bytes, e) < 0 ||
	    rate_list(q->state, q->now_ns, &rates, e) < 0)
		return -e->code;
	if (json_object_set_new(status, "intake",
				json_pack("{s:b,s:I}", "serves", serves, "backlog_bytes",
					  (json_int_t)bytes)) < 0 ||
	    json_object_set_new(status, "rates", rates) < 0)
		return err_set(e, ENOMEM, "status: out of memory");
	return 0;
}

int status_collect(const struct queue *q, json_t **out, struct err *e)
{
	AUTO_JSON json_t *status = NULL;
	struct sums s = { .live = json_array(), .held = json_array() };
	AUTO_JSON json_t *live = s.live;
	AUTO_JSON json_t *held = s.held;
	AUTO_JSON json_t *paused = NULL;
	AUTO_JSON json_t *storms = NULL;
	char now[CLOCK_RFC3339], usd[MONEY_TEXT];

	clock_rfc3339(q->now_ns, now);
	if (add_cases(q->state, &s, e) < 0 || add_groups(q, &s, e) < 0 ||
	    pause_list(q->state, &paused, e) < 0 || storm_list(q->state, true, &storms, e) < 0)
		return -e->code;
	money_text(s.usd, usd);
	status = json_pack(
		"{s:s,s:s,s:s,s:b,s:O,s:O,s:I,s:o,s:O,s:O,s:I,s:I,s:o,s:{s:I,s:I,s:I,s:I,"
		"s:I,s:I,s:s},s:o}",
		"schema", "sickbay.status/1", "time", now, "state", q->state, "worker",
		worker_runs(q->state), "paused", paused, "storms", storms, "reports",
		(json_int_t)queue_length(q->state), "incidents",
		words(s.states, GROUP_STATE_N, group_state_name), "held", held, "live", live,
		"cases", s.cases, "open", s.open, "outcomes",
		words(s.outcomes, OUTCOME_N, outcome_name), "spent", "evaluations", s.evaluations,
		"replicas", s.replicas, "cpu_us", s.cpu_us, "wall_us", s.wall_us, "tokens",
		s.tokens, "turns", s.turns, "usd", usd, "disk", disk_of(q->state));
	if (!status)
		return err_set(e, ENOMEM, "status: out of memory");
	if (add_intake(q, status, e) < 0)
		return -e->code;
	*out = take_ptr(status);
	return 0;
}

static void figure(struct buf *b, const char *name, const char *type, const char *help, double v)
{
	buf_printf(b, "# HELP sickbay_%s %s\n# TYPE sickbay_%s %s\nsickbay_%s %.17g\n", name, help,
		   name, type, name, v);
}

static void figures(struct buf *b, const char *name, const char *help, const char *label,
		    const json_t *o)
{
	const char *key;
	json_t *v;

	buf_printf(b, "# HELP sickbay_%s %s\n# TYPE sickbay_%s gauge\n", name, help, name);
	json_object_foreach((json_t *)(uintptr_t)o, key, v)
		buf_printf(b, "sickbay_%s{%s=\"%s\"} %" JSON_INTEGER_FORMAT "\n", name, label, key,
			   json_integer_value(v));
}

static void rate_figures(struct buf *b, const json_t *rates)
{
	const json_t *one;
	size_t at;

	buf_printf(b, "# HELP sickbay_service_reports_last_minute Reports of the last whole "
		      "minute.\n# TYPE sickbay_service_reports_last_minute gauge\n");
	json_array_foreach((json_t *)(uintptr_t)rates, at, one)
		buf_printf(b, "sickbay_service_reports_last_minute{service=\"%s\"} %lld\n",
			   json_string_value(json_object_get(one, "service")),
			   (long long)number(one, "last_minute"));
	buf_printf(b, "# HELP sickbay_service_spike Whether that is more than is usual.\n"
		      "# TYPE sickbay_service_spike gauge\n");
	json_array_foreach((json_t *)(uintptr_t)rates, at, one)
		buf_printf(b, "sickbay_service_spike{service=\"%s\"} %d\n",
			   json_string_value(json_object_get(one, "service")),
			   json_is_true(json_object_get(one, "spike")));
}

void status_prometheus(const json_t *status, struct buf *out)
{
	const json_t *st = status, *spent = json_object_get(st, "spent");
	const json_t *disk = json_object_get(st, "disk");
	struct buf *b = out;
	uint64_t at = 0;

	(void)clock_parse_rfc3339(json_string_value(json_object_get(st, "time")), &at);
	figure(b, "spool_reports", "gauge", "Reports that nobody has looked at.",
	       (double)number(st, "reports"));
	figures(b, "incidents", "Incidents by where their repair stands.", "state",
		json_object_get(st, "incidents"));
	figures(b, "cases_ended", "Cases by outcome.", "outcome", json_object_get(st, "outcomes"));
	figure(b, "cases_live", "gauge", "Cases that have not ended.",
	       (double)json_array_size(json_object_get(st, "live")));
	figure(b, "pull_requests_open", "gauge", "Pull requests that wait for a person.",
	       (double)number(st, "open"));
	figure(b, "paused", "gauge", "Pauses that people have set.",
	       (double)json_array_size(json_object_get(st, "paused")));
	figure(b, "storms_open", "gauge", "Storms that hold repairs.",
	       (double)json_array_size(json_object_get(st, "storms")));
	figure(b, "worker_running", "gauge", "Whether a worker has this state directory.",
	       json_is_true(json_object_get(st, "worker")));
	figure(b, "intake_serving", "gauge", "Whether an intake has this state directory.",
	       json_is_true(json_object_get(json_object_get(st, "intake"), "serves")));
	figure(b, "intake_backlog_bytes", "gauge", "What came in and nobody has looked at.",
	       (double)number(json_object_get(st, "intake"), "backlog_bytes"));
	rate_figures(b, json_object_get(st, "rates"));
	figure(b, "evaluations", "gauge", "Evaluations of all cases on disk.",
	       (double)number(spent, "evaluations"));
	figure(b, "replicas", "gauge", "Replicas of all cases on disk.",
	       (double)number(spent, "replicas"));
	figure(b, "cpu_seconds", "gauge", "Processor time of all cases on disk.",
	       (double)number(spent, "cpu_us") / 1e6);
	figure(b, "wall_seconds", "gauge", "Time of all cases on disk.",
	       (double)number(spent, "wall_us") / 1e6);
	figure(b, "model_tokens", "gauge",
	       "Tokens that models read and wrote for all cases on disk.",
	       (double)number(spent, "tokens"));
	figure(b, "model_calls", "gauge", "Calls to models that were paid for.",
	       (double)number(spent, "turns"));
	buf_printf(b,
		   "# HELP sickbay_model_usd What they cost, in US dollars.\n"
		   "# TYPE sickbay_model_usd gauge\nsickbay_model_usd %s\n",
		   json_string_value(json_object_get(spent, "usd")));
	figure(b, "disk_bytes", "gauge", "Size of the file system of the state directory.",
	       (double)number(disk, "bytes"));
	figure(b, "disk_free_bytes", "gauge", "What is free there.",
	       (double)number(disk, "free_bytes"));
	figure(b, "disk_free_inodes", "gauge", "Inodes that are free there.",
	       (double)number(disk, "free_inodes"));
	figure(b, "status_time_seconds", "gauge", "When this was read, since the epoch.",
	       (double)at / 1e9);
}

int status_write(const json_t *status, const char *path, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(1u << 20);
	AUTO_FREE char *copy = strdup(path);
	AUTO_FREE char *name = strdup(path);
	AUTO_CLOSE int dir = -1;

	if (!copy || !name)
		return err_set(e, ENOMEM, "out of memory");
	status_prometheus(status, &text);
	if (buf_check(&text, path, e) < 0)
		return -e->code;
	dir = fd_open_dir(dirname(copy), e);
	return dir < 0 ? dir : file_publish_at(dir, basename(name), text.p, text.n, 0644, e);
}
