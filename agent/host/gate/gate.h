/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/gate/model.h"
#include "agent/host/incident/redact.h"
#include "agent/host/testrun/testrun.h"

/*
 * The monitor that answers one agent's requests.  The agent runs in a replica
 * with the policy of its role; all it can do is ask: evaluate these changes
 * (each in a fork of its own, where no agent is), submit, give up.  A request
 * that is not legal for the role, malformed or over budget is refused or ends
 * the replica.  What comes out is data: a set of changes and some prose.
 */
enum gate_end {
	GATE_SUBMITTED,
	GATE_GAVE_UP,
	GATE_FAILED,	   /* it crashed, timed out or broke the protocol; see why */
	GATE_OUT_OF_SCOPE, /* it asked for something that the policy marks needs-scope */
};

struct gate_session {
	struct world *world;
	int role; /* enum policy_role */
	const struct service_agent *agent;
	const struct incident *incident;
	const struct changes *test; /* PATCH: the accepted new test; else NULL */
	const char *test_path;
	const struct baseline *baseline; /* PATCH: what FULL compares with */
	const char *history;
	const struct redact *values; /* production's, none of which may leave; NULL: none */
	struct model_door *models;   /* borrowed; NULL: no model may be asked */
	struct kase *kase; /* where answers to an agent that asks models are kept; NULL: nowhere */
	/* Called for each verdict, for the case's attempts; may be NULL. */
	int (*on_attempt)(void *ctx, size_t number, const struct changes *c, const char *note,
			  const json_t *verdict, struct err *e);
	void *ctx;
};

struct gate_outcome {
	int end; /* enum gate_end */
	char *why;
	bool person; /* nothing but a value of production makes it fail: for a person */
	struct changes changes;
	char *title, *cause, *change, *test_name, *input_from; /* prose */
	json_t *candidates; /* [{"operator","file","line","summary","plausible","why_not"}] */
	json_t *refusals;   /* [{"rule","place","reason","path"}] */
	json_t *notes;
	size_t evaluations, runs;
	struct exit_record exit;
};
void gate_outcome_release(struct gate_outcome *o);

int gate_run(const struct gate_session *s, struct gate_outcome *out, struct err *e);

/* Changes from a message against the source of a side: old content is filled in; refuses unclean
 * paths. */
int gate_changes(struct world *w, int side, const struct objlist *from, struct changes *out,
		 struct err *e);
/* How what a report shows compares with the incident's coordinate; *seen is borrowed from the
 * report. */
int gate_match(const struct incident *want, const struct test_report *r, struct coordinate *seen);
