/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/pipeline/pipeline.h"

#include <stdlib.h>
#include <string.h>

#include "agent/host/case/calls.h"
#include "agent/host/case/notify.h"
#include "agent/host/case/stop.h"
#include "agent/host/incident/triage.h"
#include "agent/host/pipeline/privacy.h"
#include "agent/host/pipeline/stages.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "runtime/base/sha256.h"

/*
 * Theory of operation.  The table below is the life of a case.  The loop asks
 * the case directory where it stands, runs that stage, and goes on until a
 * stage says that the case ends.  A stage's only lasting effect is its record,
 * published when it is done; so a kill at any point loses the work of one stage
 * and nothing else, and running again does that stage again.
 */
static const struct {
	const char *what;
	stage_fn *run;
} stages[STAGE_OUTCOME] = {
	[STAGE_REPLICA] = { "replica and baseline", stage_replica },
	[STAGE_MATCH] = { "reproduce", stage_match },
	[STAGE_PATCH] = { "patch", stage_patch },
	[STAGE_PROOF] = { "prove", stage_proof },
	[STAGE_PULLREQ] = { "pull request", stage_pullreq },
};

static int file_digest(const char *path, char hex[SHA256_HEX])
{
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	struct err ignored = ERR_INIT;

	return f ? sha256_fd(fileno(f), hex, &ignored) : -ENOENT;
}

/* What is not a matter of code ends the case here: the record says so, the outcome follows it. */
static int put_triage(json_t *record, const struct incident *i, struct err *e)
{
	struct triage t = { 0 };
	json_t *end;
	int r = triage_incident(i, &t, e);

	if (r < 0)
		return r;
	r = json_object_set_new(record, "triage", triage_write(&t));
	if (r == 0 && t.class != TRIAGE_CODE) {
		end = json_pack("{s:s,s:o}", "outcome", outcome_name(OUTCOME_NOT_CODE), "reason",
				json_sprintf("%s, rule %s: %s", triage_class_name(t.class), t.rule,
					     t.reason));
		r = json_object_set_new(record, "end", end);
	}
	triage_release(&t);
	return r < 0 ? err_set(e, ENOMEM, "triage: out of memory") : 0;
}

int pipeline_begin(const struct pipeline *p, const struct incident *i, struct err *e)
{
	json_t *record;
	char now[CLOCK_RFC3339], digest[SHA256_HEX] = "";

	clock_rfc3339(clock_real_ns(), now);
	(void)file_digest(p->service->file, digest);
	record = json_pack("{s:{},s:{s:s,s:s,s:s},s:{s:s}}", "incident", "service", "name",
			   p->service->name, "sha256", digest, "mode",
			   service_mode_name(p->service->mode), "measured", "created", now);
	if (!record)
		return err_set(e, ENOMEM, "incident: out of memory");
	if (p->refreshes && json_object_set_new(record, "refreshes",
						json_pack("{s:s}", "case", p->refreshes)) < 0) {
		json_decref(record);
		return err_set(e, ENOMEM, "incident: out of memory");
	}
	if (put_triage(record, i, e) < 0 || privacy_keep(p, i, record, e) < 0) {
		json_decref(record);
		return -e->code;
	}
	return record_publish(p, STAGE_INCIDENT, "case.begin",
			      json_pack("{s:s,s:s,s:s,s:s,s:O*,s:s*}", "incident", i->id, "service",
					p->service->name, "fingerprint",
					i->fingerprint ? i->fingerprint : "", "commit",
					i->deploy.commit ? i->deploy.commit : "", "triage",
					json_object_get(json_object_get(record, "triage"), "class"),
					"refreshes", p->refreshes),
			      record, e);
}

static bool reached_goal(int mode, int outcome)
{
	return (mode == MODE_PROPOSE && outcome == OUTCOME_PROPOSED) ||
	       (mode == MODE_REPRODUCE && outcome == OUTCOME_REPRODUCED) ||
	       (mode == MODE_OBSERVE && outcome == OUTCOME_OBSERVED);
}

static int end_case(const struct pipeline *p, int outcome, const char *reason, struct err *e)
{
	json_t *fields = json_pack("{s:s,s:s}", "outcome", outcome_name(outcome), "reason", reason);
	json_t *record = json_copy(fields), *ledger = NULL;
	char now[CLOCK_RFC3339];

	clock_rfc3339(clock_real_ns(), now);
	if (case_ledger(p->kase, &ledger, e) < 0 ||
	    json_object_set_new(record, "ledger", ledger) < 0 ||
	    json_object_set_new(record, "measured", json_pack("{s:s}", "ended", now)) < 0) {
		json_decref(fields);
		json_decref(record);
		return e->code ? -e->code : err_set(e, ENOMEM, "outcome: out of memory");
	}
	if (record_publish(p, STAGE_OUTCOME, "case.end", fields, record, e) < 0)
		return -e->code;
	if (outcome == OUTCOME_PROPOSED || outcome == OUTCOME_NEEDS_PERSON)
		notify_note(p->state, outcome_name(outcome), p->service->name, case_id(p->kase),
			    reason);
	return p->config && p->config->audit.bodies ? 0 : calls_forget(p->kase, e);
}

static int read_end(const struct pipeline *p, struct pipeline_end *out, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	const char *word;
	int r = case_record(p->kase, STAGE_OUTCOME, &v, e);

	if (r < 0)
		return r;
	word = json_string_value(json_object_get(v, "outcome"));
	out->outcome = word ? outcome_from_name(word) : -1;
	if (out->outcome < 0)
		return err_set(e, EBADMSG, "7-outcome.json: unknown outcome");
	(void)snprintf(out->reason, sizeof(out->reason), "%s",
		       json_string_value(json_object_get(v, "reason")));
	out->goal = reached_goal(p->service->mode, out->outcome);
	return 0;
}

/* What a stage spent, also when it failed. */
static int settle(struct work *w, int stage, uint64_t begun, struct err *e)
{
	const json_int_t wall = (json_int_t)((clock_mono_ns() - begun) / 1000);
	json_t *line = json_pack("{s:s,s:I,s:I,s:I}", "what", stage_name(stage), "replicas",
				 (json_int_t)w->world.spent.replicas, "cpu_us",
				 (json_int_t)w->world.spent.cpu_us, "wall_us", wall);

	w->world.spent.replicas = 0;
	w->world.spent.cpu_us = 0;
	return case_spend(w->p->kase, line, e);
}

static int run_stage(struct work *w, int stage, struct err *e)
{
	const uint64_t begun = clock_mono_ns();
	struct err late = ERR_INIT;
	int r;

	log_info("%s: %s", case_id(w->p->kase), stages[stage].what);
	r = w->p->claim ? queue_heartbeat(w->p->claim, e) : 0;
	if (r == 0)
		r = work_load_incident(w, e);
	if (r == 0 && w->outcome < 0)
		r = work_open_world(w, e);
	if (r == 0 && w->outcome < 0)
		r = work_load_values(w, e);
	if (r == 0 && w->outcome < 0)
		r = stages[stage].run(w, e);
	if (settle(w, stage, begun, &late) < 0 && r == 0) {
		*e = late;
		r = -late.code;
	}
	log_progress_end();
	return r < 0 ? err_wrap(e, "stage '%s'", stage_name(stage)) : 0;
}

void work_release(struct work *w)
{
	model_close(w->models); /* it settles what is under way */
	if (w->world_open)
		world_close(&w->world);
	incident_release(&w->incident);
	for (int i = 0; i < SIDE_N; i++)
		baseline_release(&w->baseline[i]);
	changes_release(&w->test);
	changes_release(&w->patch);
	changes_release(&w->patch_head);
	free(w->test_path);
	json_decref(w->drift.reasons);
	redact_free(w->values);
}

/* The operator ended it while we worked. */
static int end_cancelled(const struct pipeline *p, struct err *e)
{
	char reason[256];

	if (!stop_asked(p->kase, reason) || case_stage(p->kase) == STAGE_N)
		return -e->code;
	*e = (struct err)ERR_INIT;
	return end_case(p, OUTCOME_CANCELLED, reason, e);
}

static int finish(struct work *w, struct err *e)
{
	int r = stop_point(e);

	if (r == 0)
		r = work_mask_reason(w, e);
	return r < 0 ? r : end_case(w->p, w->outcome, w->reason, e);
}

int pipeline_run(const struct pipeline *p, struct pipeline_end *out, struct err *e)
{
	const struct stop_watch watch = { p->state, p->service->name, p->kase, p->audit };
	struct work w = { .p = p, .outcome = -1 };
	int r = stop_begin(&watch, e);

	audit_set_case(p->audit, case_id(p->kase));
	while (r == 0) {
		const int stage = case_stage(p->kase);

		if (stage == STAGE_N)
			break;
		r = stop_point(e);
		if (r < 0)
			break;
		r = work_load_end(&w, e);
		if (r < 0)
			break;
		if (stage == STAGE_OUTCOME && w.outcome < 0)
			work_end(&w, OUTCOME_PROPOSED, "the pull request is ready for a person");
		if (stage == STAGE_INCIDENT)
			r = err_set(e, EBADMSG,
				    "case '%s' has no incident: it was killed before it began",
				    case_id(p->kase));
		else if (w.outcome < 0)
			r = run_stage(&w, stage, e);
		if (r == 0 && w.outcome >= 0)
			r = finish(&w, e);
	}
	stop_end();
	if (r == -ECANCELED)
		r = end_cancelled(p, e);
	out->no_sandbox = w.world.no_sandbox;
	work_release(&w);
	r = r < 0 ? r : read_end(p, out, e);
	return r < 0 ? r : refresh_settle(p, out, e);
}

int pipeline_cancel(const struct pipeline *p, const char *reason, struct err *e)
{
	if (case_stage(p->kase) == STAGE_N)
		return err_set(e, EALREADY, "case '%s' has ended already", case_id(p->kase));
	audit_set_case(p->audit, case_id(p->kase));
	return end_case(p, OUTCOME_CANCELLED, reason, e);
}
