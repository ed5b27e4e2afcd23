/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/candidates.h"
#include "agent/host/case/stop.h"
#include "agent/host/pipeline/privacy.h"
#include "agent/host/pipeline/stages.h"
#include "runtime/base/sha256.h"

void work_end(struct work *w, int outcome, const char *fmt, ...)
{
	va_list ap;

	w->outcome = outcome;
	va_start(ap, fmt);
	(void)vsnprintf(w->reason, sizeof(w->reason), fmt, ap);
	va_end(ap);
}

int record_publish(const struct pipeline *p, int stage, const char *event, json_t *fields,
		   json_t *record, struct err *e)
{
	AUTO_JSON json_t *with = fields;
	AUTO_FREE char *text = NULL;
	uint8_t digest[SHA256_LEN];
	char hex[SHA256_HEX];
	int r = case_compose(p->kase, stage, record, &text, e);

	if (r < 0)
		return r;
	sha256_of(text, strlen(text), digest);
	sha256_hex(digest, hex);
	if (!with || json_object_set_new(with, "record", json_string(stage_record(stage))) < 0 ||
	    json_object_set_new(with, "sha256", json_string(hex)) < 0)
		return err_set(e, ENOMEM, "record '%s': out of memory", stage_record(stage));
	r = audit_commit(p->audit, event, json_incref(with), e);
	return r < 0 ? r : case_publish_text(p->kase, stage, text, e);
}

int work_publish(struct work *w, int stage, json_t *record, struct err *e)
{
	AUTO_JSON json_t *own = record;

	if (!own)
		return err_set(e, ENOMEM, "record of stage '%s': out of memory", stage_name(stage));
	if (w->values && (privacy_mask_record(w->values, own, e) < 0 || work_mask_reason(w, e) < 0))
		return -e->code;
	if (w->outcome >= 0 &&
	    json_object_set_new(own, "end",
				json_pack("{s:s,s:s}", "outcome", outcome_name(w->outcome),
					  "reason", w->reason)) < 0)
		return err_set(e, ENOMEM, "record of stage '%s': out of memory", stage_name(stage));
	if (stop_point(e) < 0)
		return -e->code;
	return record_publish(w->p, stage, "record.publish", json_object(), json_incref(own), e);
}

int work_load_end(struct work *w, struct err *e)
{
	const int stage = case_stage(w->p->kase);
	AUTO_JSON json_t *v = NULL;
	const char *word, *why;
	int r;

	if (w->outcome >= 0 || stage == STAGE_INCIDENT)
		return 0;
	r = case_record(w->p->kase, stage - 1, &v, e);
	if (r < 0)
		return r;
	word = json_string_value(json_object_get(json_object_get(v, "end"), "outcome"));
	why = json_string_value(json_object_get(json_object_get(v, "end"), "reason"));
	if (word && outcome_from_name(word) >= 0)
		work_end(w, outcome_from_name(word), "%s", why ? why : "");
	return 0;
}

int work_load_incident(struct work *w, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	int r;

	if (w->have_incident)
		return 0;
	r = case_record(w->p->kase, STAGE_INCIDENT, &v, e);
	if (r == 0)
		r = privacy_load(w->p, v, &w->incident, e);
	if (r == -EIDRM) {
		work_end(w, OUTCOME_NEEDS_PERSON, "%s", e->msg);
		e->code = 0;
		return 0;
	}
	w->have_incident = r == 0;
	return r;
}

int work_load_values(struct work *w, struct err *e)
{
	int r;

	if (w->values || case_stage(w->p->kase) <= STAGE_REPLICA)
		return 0;
	r = privacy_values(w, &w->values, e);
	if (r == -E2BIG) {
		work_end(w, OUTCOME_NEEDS_PERSON, "production-data: %s", e->msg);
		e->code = 0;
		return 0;
	}
	return r;
}

int work_mask_reason(struct work *w, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(65536);
	int r = w->values
			? redact_mask(w->values, false, w->reason, strlen(w->reason), &out, NULL, e)
			: 0;

	if (r == 0 && w->values)
		(void)snprintf(w->reason, sizeof(w->reason), "%s", out.p ? out.p : "");
	return r;
}

static int copy_commit(const json_t *v, const char *key, char out[65], struct err *e)
{
	const char *s = json_string_value(json_object_get(v, key));

	if (!s || strlen(s) > 64)
		return err_set(e, EBADMSG, "2-replica.json: no %s commit", key);
	(void)snprintf(out, 65, "%s", s);
	return 0;
}

int work_load_replica(struct work *w, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	const json_t *baselines;
	const char *known;
	int r;

	if (w->have_replica)
		return 0;
	r = case_record(w->p->kase, STAGE_REPLICA, &v, e);
	if (r == 0)
		r = copy_commit(v, "base", w->base, e);
	if (r == 0)
		r = copy_commit(v, "head", w->head, e);
	if (r < 0)
		return r;
	known = json_string_value(json_object_get(v, "commit_known"));
	(void)snprintf(w->known, sizeof(w->known), "%s", known ? known : "");
	w->same_head = strcmp(w->base, w->head) == 0;
	baselines = json_object_get(v, "baseline");
	r = baseline_read(json_object_get(baselines, "base"), &w->baseline[SIDE_BASE], e);
	if (r == 0 && !w->same_head)
		r = baseline_read(json_object_get(baselines, "head"), &w->baseline[SIDE_HEAD], e);
	w->have_replica = r == 0;
	return r;
}

int work_open_world(struct work *w, struct err *e)
{
	int r;

	if (w->world_open)
		return 0;
	r = world_open(w->p->state, w->p->store, w->p->service, w->p->audit, &w->world, e);
	if (r < 0)
		return r;
	w->world_open = true;
	if (case_stage(w->p->kase) <= STAGE_REPLICA)
		return 0; /* the stage itself decides on the commits */
	r = work_load_replica(w, e);
	if (r == 0)
		r = world_set_source(&w->world, SIDE_BASE, w->base, e);
	if (r == 0 && !w->same_head)
		r = world_set_source(&w->world, SIDE_HEAD, w->head, e);
	return r;
}

int work_load_test(struct work *w, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	const char *path;
	int r;

	if (w->test_path)
		return 0;
	r = case_record(w->p->kase, STAGE_MATCH, &v, e);
	if (r < 0)
		return r;
	path = json_string_value(json_object_get(v, "test_path"));
	if (!path)
		return err_set(e, EBADMSG, "3-match.json: no test");
	r = changes_from_json(json_object_get(v, "test"), &w->test, e);
	if (r < 0)
		return r;
	w->test_path = strdup(path);
	return w->test_path ? 0 : err_set(e, ENOMEM, "out of memory");
}

int work_take_patch(struct work *w, const json_t *candidate, struct err *e)
{
	changes_release(&w->patch);
	return changes_from_json(json_object_get(candidate, "changes"), &w->patch, e);
}

int work_load_patch(struct work *w, struct err *e)
{
	AUTO_JSON json_t *patch = NULL;
	AUTO_JSON json_t *proof = NULL;
	int r;

	if (w->patch.n)
		return 0;
	r = case_record(w->p->kase, STAGE_PATCH, &patch, e);
	if (r == 0 && case_stage(w->p->kase) > STAGE_PROOF)
		r = case_record(w->p->kase, STAGE_PROOF, &proof, e);
	return r < 0 ? r : work_take_patch(w, candidate_chosen(patch, proof), e);
}

void work_proof_input(struct work *w, struct proof_input *in)
{
	*in = (struct proof_input){ .world = &w->world,
				    .incident = &w->incident,
				    .test = &w->test,
				    .test_path = w->test_path,
				    .patch = &w->patch,
				    .patch_head = w->merged ? &w->patch_head : &w->patch,
				    .baseline = { &w->baseline[SIDE_BASE],
						  &w->baseline[SIDE_HEAD] },
				    .drift = &w->drift,
				    .same_head = w->same_head,
				    .seed = 1,
				    .values = w->values };
}
