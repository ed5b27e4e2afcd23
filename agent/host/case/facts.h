/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "agent/host/case/case.h"

/*
 * What is known of cases once they are there: read from their records, never
 * kept beside them.  For finding everything that came from what just proved
 * wrong, and for counting.
 */

/*
 * {"case","service","fingerprint","created","stage","outcome","reason","ended","model","operator",
 *  "test_by","patch_by" (built-in, command, external or a model),
 *  "policies":{ROLE:{"name","digest"}},"touched":[paths of test and patch],"refusals":n,
 *  "spent":{...},"decision","decided","decisions":[...]}; what is not known yet is left out.
 * "decision" is the last one that judges the case (not lifted, not audited).
 */
int case_facts(const struct kase *k, json_t **out, struct err *e);

/* The repair operator of the change that was submitted, from a record's "agent", or NULL. */
const char *facts_operator(const json_t *agent);

struct case_filter { /* NULL, 0: any */
	const char *service, *outcome;
	const char *operator_name; /* of the change that was submitted */
	const char *model;	   /* built-in, command, or the name of a model */
	const char *policy;	   /* name, or the begin of a digest, of any role */
	const char *touched;	   /* a file, or a directory above it */
	uint64_t since;		   /* ns since the epoch: begun then or later */
};
/* Facts of all cases that match, in order of their ids. */
int facts_find(const char *state, const struct case_filter *f, json_t **out, struct err *e);
/* "2026-11-01", RFC 3339, or an age like "7d": ns since the epoch. -EINVAL with the reason. */
int facts_since(const char *text, uint64_t *ns, struct err *e);

/*
 * Figures over such facts, for the whole and {"service","operator","model","policy"} each by name:
 * {"cases","outcomes":{...},"decisions":{...},"judged","right","precision":null or 0..1,
 *  "cpu_us","wall_us","evaluations","tokens","usd" (exact, a text),"to_decision_s":median or null}.
 * precision: of the proposals that a person judged, the share that was merged and neither reverted
 * nor recurred.
 */
json_t *facts_stats(const json_t *facts);
