/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "agent/host/case/case.h"
#include "runtime/proto/audit.h"

/*
 * What people did with a case afterwards: decisions.ndjson in its directory,
 * append-only, each line with the SHA-256 of the line before it (the first: of
 * 7-outcome.json).  And what follows from it: expected-behaviour suppresses the
 * incident's fingerprint for its service until someone lifts that, in
 * STATE/suppressed.
 */
enum decision {
	DECISION_MERGED,
	DECISION_MERGED_EDITED,
	DECISION_CLOSED_WRONG,
	DECISION_EXPECTED,
	DECISION_DUPLICATE,
	DECISION_REVERTED,
	DECISION_RECURRED,
	DECISION_LIFTED,  /* expected-behaviour no longer holds */
	DECISION_AUDITED, /* a person looked at the case in depth */
	DECISION_N
};

const char *decision_name(int decision);
int decision_from_name(const char *name); /* or -1 */
/* Whether it says something of the case itself; the last one that does counts. */
bool decision_judges(int decision);
/* Whether it counts for how often proposals are right, and then whether it was one. */
bool decision_measures(int decision, bool *right);

/* 1: reports with this fingerprint are not to be repaired, why says since when and by which case;
 * 0: they may be; <0: unknown. */
int decision_suppressed(const char *state, const char *service, const char *fingerprint,
			char why[256], struct err *e);
/* Everything suppressed: [{"service","fingerprint","case","since","note"}]. */
int decision_suppressions(const char *state, json_t **out, struct err *e);

struct decision_note {
	int decision;
	const char *note, *commit; /* may be NULL */
	const char *source; /* how it was heard: "webhook", "poll"; NULL: a person said it here */
};
/* Of a case that has ended: in the log, then in the case, then in effect. The case need not be
 * locked. */
int case_decide(const char *state, struct kase *k, const struct decision_note *d, struct audit *a,
		struct err *e);
/* Whether somebody's decision says something of the case itself; also where they cannot be read. */
bool case_is_decided(const struct kase *k);
/* All decisions of a case, oldest first; their chain is checked. New reference. */
int case_decisions(const struct kase *k, json_t **out, struct err *e);
