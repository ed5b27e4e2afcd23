/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/pipeline/agents.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/candidates.h"
#include "agent/host/incident/values.h"
#include "agent/host/pipeline/privacy.h"
#include "agent/host/pr/pr.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"

#define KEPT_MAX (64u << 20)

bool agents_ask_models(const struct service_agent *a)
{
	return a->kind == AGENT_MODEL || a->kind == AGENT_EXTERNAL;
}

void agents_plan(const struct service_agent *a, struct agent_plan *out)
{
	const bool two = agents_ask_models(a) && a->strategy != AGENT_MODEL_ONLY;

	*out = (struct agent_plan){ .race = a->strategy == AGENT_RACE };
	if (two)
		out->v[out->n++] = (struct service_agent){ .kind = AGENT_BUILT_IN,
							   .evaluations = a->evaluations,
							   .parallel = a->parallel };
	out->v[out->n++] = *a;
}

/* ---- what one brought ---- */

static const char *const end_words[] = { [GATE_SUBMITTED] = "submitted",
					 [GATE_GAVE_UP] = "gave-up",
					 [GATE_FAILED] = "failed",
					 [GATE_OUT_OF_SCOPE] = "out-of-scope" };

static json_t *words(const struct strlist *l)
{
	json_t *v = l->n ? json_array() : NULL;

	for (size_t i = 0; v && i < l->n; i++)
		(void)json_array_append_new(v, json_string(l->v[i]));
	return v;
}

static json_t *agent_write(const struct service_agent *agent, const struct gate_outcome *o)
{
	const bool asks = agents_ask_models(agent) && agent->models.n;

	return json_pack("{s:s,s:s*,s:o*,s:I,s:O,s:O,s:O}", "author",
			 service_agent_name(agent->kind), "model", asks ? agent->models.v[0] : NULL,
			 "command", words(&agent->command), "evaluations",
			 (json_int_t)o->evaluations, "refusals", o->refusals, "notes", o->notes,
			 "candidates", o->candidates);
}

static json_t *brought_write(const struct service_agent *agent, const struct gate_outcome *o)
{
	return json_pack("{s:s,s:b,s:s*,s:o,s:s*,s:s*,s:s*,s:s*,s:s*,s:o}", "end",
			 end_words[o->end], "person", (int)o->person, "why", o->why, "changes",
			 changes_to_json(&o->changes), "test_name", o->test_name, "input_from",
			 o->input_from, "title", o->title, "cause", o->cause, "change", o->change,
			 "agent", agent_write(agent, o));
}

bool brought_submitted(const json_t *brought)
{
	return strcmp(pr_str(brought, "end"), end_words[GATE_SUBMITTED]) == 0;
}

json_t *brought_candidate(const json_t *brought)
{
	static const char *const keys[] = { "changes", "title", "cause", "change", "agent" };
	json_t *v = json_object();

	for (size_t i = 0; v && i < sizeof(keys) / sizeof(keys[0]); i++) {
		json_t *member = json_object_get(brought, keys[i]);

		if (member && json_object_set(v, keys[i], member) < 0) {
			json_decref(v);
			return NULL;
		}
	}
	return v;
}

/* ---- kept until the stage's record is there ---- */

static void kept_name(const struct gate_session *s, char out[96])
{
	(void)snprintf(out, 96, "attempts/%s-agent-%s.json", policy_role_name(s->role),
		       service_agent_name(s->agent->kind));
}

/* *out stays NULL where it has not ended in an earlier run. */
static int load(struct work *w, const struct gate_session *s, json_t **out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(KEPT_MAX);
	struct err none = ERR_INIT;
	char name[96];
	int r;

	kept_name(s, name);
	r = file_read_at(case_dir(w->p->kase), name, KEPT_MAX, &text, &none);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set(e, -r, "%s", none.msg);
	*out = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	return *out ? 0 : err_set(e, EBADMSG, "%s: not as it was written", name);
}

static int keep(struct work *w, const struct gate_session *s, json_t *brought, struct err *e)
{
	AUTO_FREE char *text = NULL;
	char name[96];

	if (w->values && privacy_mask_record(w->values, brought, e) < 0)
		return -e->code;
	text = json_dumps(brought, JSON_INDENT(1) | JSON_ENSURE_ASCII);
	if (!text)
		return err_set(e, ENOMEM, "out of memory");
	kept_name(s, name);
	return case_write(w->p->kase, name, text, strlen(text), e);
}

/* ---- their turn ---- */

/* One door for the case: its budgets are the case's. */
static int open_models(struct work *w, struct gate_session *s, struct err *e)
{
	const struct model_setup setup = { .config = w->p->config,
					   .kase = w->p->kase,
					   .audit = w->p->audit,
					   .values = w->values };

	s->models = NULL;
	s->kase = NULL;
	if (!agents_ask_models(s->agent) || !w->p->config)
		return 0;
	s->kase = w->p->kase;
	if (!w->models && model_open(&setup, &w->models, e) < 0)
		return -e->code;
	s->models = w->models;
	return 0;
}

#define HISTORY_MAX 65536

static int collect_history(struct work *w, struct buf *out, struct err *e)
{
	const struct exception *root = w->incident.chain.v;
	const struct frame *f = w->incident.chain.n ? root->frames.v : NULL;
	struct strlist paths = { 0 };
	int r = 0;

	for (size_t i = 0; f && i < root->frames.n && paths.n < 8; i++)
		if (f[i].in_app && f[i].file && !strlist_has(&paths, f[i].file) &&
		    strlist_add(&paths, f[i].file) < 0)
			r = err_set(e, ENOMEM, "out of memory");
	if (r == 0)
		r = git_history(w->world.git, w->base, &paths, HISTORY_MAX, out, e);
	strlist_release(&paths);
	return r;
}

/* The second agent's stand beside the first one's. */
static void attempt_name(const struct work *w, size_t number, const char *what, char out[96])
{
	(void)snprintf(out, 96, "attempts/%s%s%s-%03zu.%s",
		       case_stage(w->p->kase) == STAGE_MATCH ? "reproduce" : "patch",
		       w->agent ? "-" : "", w->agent ? w->agent : "", number, what);
}

static int keep_attempt(void *ctx, size_t number, const struct changes *c, const char *note,
			const json_t *verdict, struct err *e)
{
	struct work *w = ctx;
	AUTO_BUF struct buf whole = BUF_INIT(16u << 20);
	AUTO_BUF struct buf diff = BUF_INIT(32u << 20);
	AUTO_JSON json_t *masked = values_mask(w->values, verdict, e);
	AUTO_FREE char *text =
		masked ? json_dumps(masked, JSON_INDENT(1) | JSON_ENSURE_ASCII) : NULL;
	char name[96];
	int r = masked ? changes_unified(c, &whole, e) : -e->code;

	if (r == 0)
		r = redact_mask(w->values, false, whole.p ? whole.p : "", whole.n, &diff, NULL, e);
	if (r < 0)
		return r;
	log_progress("candidate %zu: %s", number, note);
	attempt_name(w, number, "diff", name);
	r = case_write(w->p->kase, name, diff.p ? diff.p : "", diff.n, e);
	if (r < 0)
		return r;
	attempt_name(w, number, "json", name);
	if (!text)
		return err_set(e, ENOMEM, "out of memory");
	r = case_write(w->p->kase, name, text, strlen(text), e);
	return r < 0 ? r
		     : case_spend(w->p->kase,
				  json_pack("{s:s,s:i}", "what", "evaluation", "evaluations", 1),
				  e);
}

/* Somebody killed it: that is no answer of its own; what it paid for is kept for the next run. */
static int check_killed(const struct gate_session *s, const struct gate_outcome *o, struct err *e)
{
	if (o->end != GATE_FAILED || o->exit.kind != EXIT_SIGNALLED || o->exit.code != SIGKILL)
		return 0;
	return err_set(e, EINTR,
		       "the %s agent of role %s was killed: 'sickbay case resume' goes on from "
		       "what it had been answered",
		       service_agent_name(s->agent->kind), policy_role_name(s->role));
}

int agents_run(struct work *w, const struct agent_plan *plan, size_t i, struct gate_session *s,
	       json_t **out, struct err *e)
{
	AUTO_BUF struct buf history = BUF_INIT(HISTORY_MAX);
	struct gate_outcome o = { 0 };
	AUTO_JSON json_t *v = NULL;
	int r;

	s->agent = &plan->v[i];
	s->on_attempt = keep_attempt;
	s->ctx = w;
	w->agent = i ? service_agent_name(s->agent->kind) : NULL;
	r = load(w, s, &v, e);
	if (r == 0 && !v) {
		if (plan->n > 1)
			log_progress("the %s agent", service_agent_name(s->agent->kind));
		r = open_models(w, s, e);
		if (r == 0)
			r = collect_history(w, &history, e);
		s->history = history.p;
		if (r == 0)
			r = gate_run(s, &o, e);
		if (r == 0)
			r = check_killed(s, &o, e);
		if (r == 0) {
			v = brought_write(s->agent, &o);
			r = v ? keep(w, s, v, e) : err_set(e, ENOMEM, "out of memory");
		}
		gate_outcome_release(&o);
	}
	if (r == 0)
		*out = take_ptr(v);
	return r;
}

/* ---- where none brought anything ---- */

json_t *agents_nothing(const struct work *w, const json_t *brought, json_t *also)
{
	return json_pack("{s:s,s:s,s:O,s:O*}", "result", "none", "why", w->reason, "agent",
			 json_object_get(brought, "agent"), "also",
			 json_array_size(also) ? also : NULL);
}

static int outcome_of(const json_t *brought, int otherwise)
{
	if (json_is_true(json_object_get(brought, "person")))
		return OUTCOME_NEEDS_PERSON;
	return strcmp(pr_str(brought, "end"), end_words[GATE_OUT_OF_SCOPE]) == 0
		       ? OUTCOME_NEEDS_SCOPE
		       : otherwise;
}

static int gravity(int outcome)
{
	static const int order[] = { OUTCOME_NEEDS_PERSON, OUTCOME_NEEDS_SCOPE,
				     OUTCOME_ALREADY_FIXED };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (order[i] == outcome)
			return (int)i + 1;
	return 0;
}

void agents_end_add(struct agents_end *end, const json_t *agent, int outcome, const char *why)
{
	const size_t n = strlen(end->reason);
	const char *author = candidate_author(agent);

	if (end->outcome < 0 || gravity(outcome) > gravity(end->outcome))
		end->outcome = outcome;
	if (!end->several)
		(void)snprintf(end->reason, sizeof(end->reason), "%s", why);
	else /* each has its half of the room */
		(void)snprintf(end->reason + n, sizeof(end->reason) - n, "%s%.60s: %.180s",
			       n ? "; " : "", author ? author : "?", why);
}

void agents_end_none(struct agents_end *end, const json_t *brought, int otherwise)
{
	const char *why = pr_str(brought, "why");

	agents_end_add(end, json_object_get(brought, "agent"), outcome_of(brought, otherwise),
		       *why ? why : "the agent gave no reason");
}
