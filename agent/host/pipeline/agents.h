/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/pipeline/stages.h"

/*
 * The agents that a service file lets work on one role, one after the other.
 * What one brought is kept in the case (attempts/ROLE-agent-KIND.json) as soon
 * as it ended: a case that is resumed does not ask it again.
 */
#define AGENTS_MAX 2

struct agent_plan {
	struct service_agent v[AGENTS_MAX]; /* borrows from the service file */
	size_t n;
	bool race; /* each has its turn, whatever the one before brought */
};

/* Whether it is of a kind that may ask a model. */
bool agents_ask_models(const struct service_agent *a);
/* In the order in which they have their turn: the built-in one, which costs nothing, first. */
void agents_plan(const struct service_agent *a, struct agent_plan *out);

/*
 * The i-th agent of the plan, in a session that is filled in but for who it is.  *out:
 * {"end","person","why","changes","test_name","title","cause","change","agent"}, with no value of
 * production in its words.
 */
int agents_run(struct work *w, const struct agent_plan *plan, size_t i, struct gate_session *s,
	       json_t **out, struct err *e);
bool brought_submitted(const json_t *brought);
/* What of it is a candidate of 4-patch.json: new. */
json_t *brought_candidate(const json_t *brought);

/*
 * Why agents brought nothing that holds.  The gravest end becomes the case's:
 * already fixed, a scope that is too narrow, a person who is needed, then what
 * the stage says otherwise.  Where there are several, the reason names each.
 */
struct agents_end {
	int outcome; /* of the case; -1: none yet */
	bool several;
	char reason[512];
};
void agents_end_add(struct agents_end *end, const json_t *agent, int outcome, const char *why);
/* The record of a stage whose agents brought nothing: of one, and the others beside it. */
json_t *agents_nothing(const struct work *w, const json_t *brought, json_t *also);
/* Of one that did not submit. */
void agents_end_none(struct agents_end *end, const json_t *brought, int otherwise);
