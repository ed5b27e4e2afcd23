/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/evidence.h"

#include <string.h>

#include "agent/host/case/decide.h"
#include "runtime/base/jmap.h"

#define LATEST 5

struct evidence {
	json_int_t cases, running, right, wrong;
	json_t *outcomes, *decisions, *latest;
};

static void bump(json_t *counts, const char *key)
{
	(void)json_object_set_new(
		counts, key, json_integer(json_integer_value(json_object_get(counts, key)) + 1));
}

/* The last word of the people counts; all of them are shown. */
static int add_decisions(struct evidence *v, const struct kase *k, struct err *e)
{
	AUTO_JSON json_t *lines = NULL;
	const json_t *line;
	int last = -1, r = case_decisions(k, &lines, e);
	size_t i;

	if (r < 0)
		return r;
	json_array_foreach(lines, i, line) {
		const char *word = json_string_value(json_object_get(line, "decision"));

		if (!word)
			continue;
		bump(v->decisions, word);
		if (decision_from_name(word) != DECISION_LIFTED)
			last = decision_from_name(word);
	}
	v->right += last == DECISION_MERGED || last == DECISION_MERGED_EDITED;
	v->wrong += last == DECISION_CLOSED_WRONG || last == DECISION_REVERTED ||
		    last == DECISION_RECURRED;
	return 0;
}

static int add_case(struct evidence *v, const struct kase *k, const char *service, struct err *e)
{
	AUTO_JSON json_t *incident = NULL;
	AUTO_JSON json_t *outcome = NULL;
	const char *name, *word;
	int r = case_stage(k) == STAGE_INCIDENT ? -ENOENT
						: case_record(k, STAGE_INCIDENT, &incident, e);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	name = json_string_value(json_object_get(json_object_get(incident, "service"), "name"));
	if (!name || strcmp(name, service) != 0)
		return 0;
	v->cases++;
	(void)json_array_insert_new(v->latest, 0, json_string(case_id(k)));
	if (json_array_size(v->latest) > LATEST)
		(void)json_array_remove(v->latest, LATEST);
	if (case_stage(k) != STAGE_N) {
		v->running++;
		return 0;
	}
	r = case_record(k, STAGE_OUTCOME, &outcome, e);
	word = json_string_value(json_object_get(outcome, "outcome"));
	if (r == 0 && word)
		bump(v->outcomes, word);
	return r < 0 ? r : add_decisions(v, k, e);
}

int service_evidence(const char *state, const char *service, json_t **out, struct err *e)
{
	struct evidence v = { .outcomes = json_object(),
			      .decisions = json_object(),
			      .latest = json_array() };
	AUTO_JSON json_t *ids = NULL;
	int r = case_list(state, &ids, e);

	for (size_t i = 0; r == 0 && i < json_array_size(ids); i++) {
		struct kase *k = NULL;

		r = case_open(state, json_string_value(json_array_get(ids, i)), false, &k, e);
		if (r == 0)
			r = add_case(&v, k, service, e);
		case_close(k);
	}
	if (r < 0) {
		json_decref(v.outcomes);
		json_decref(v.decisions);
		json_decref(v.latest);
		return r;
	}
	*out = json_pack("{s:I,s:I,s:o,s:o,s:I,s:I,s:o}", "cases", v.cases, "running", v.running,
			 "outcomes", v.outcomes, "decisions", v.decisions, "right", v.right,
			 "wrong", v.wrong, "latest", v.latest);
	return *out ? 0 : err_set(e, ENOMEM, "out of memory");
}
