/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "runtime/base/err.h"

/*
 * A case: one directory STATE/cases/ID of write-once records (DESIGN section
 * 5).  Each record carries a format version and the SHA-256 of its
 * predecessor; it is published atomically and never rewritten.  Where the case
 * stands is read from the directory, nowhere else.  One process works on a
 * case at a time (lock).
 */
enum stage {
	STAGE_INCIDENT,
	STAGE_REPLICA,
	STAGE_MATCH,
	STAGE_PATCH,
	STAGE_PROOF,
	STAGE_PULLREQ,
	STAGE_OUTCOME,
	STAGE_N
};

enum outcome {
	OUTCOME_PROPOSED,
	OUTCOME_REPRODUCED,
	OUTCOME_OBSERVED,
	OUTCOME_NOT_CODE,
	OUTCOME_ALREADY_FIXED,
	OUTCOME_NOT_REPRODUCED,
	OUTCOME_NO_FIX,
	OUTCOME_NEEDS_SCOPE,
	OUTCOME_NEEDS_PERSON,
	OUTCOME_CANCELLED,
	OUTCOME_N
};

const char *stage_name(int stage);   /* "incident", ... */
const char *stage_record(int stage); /* "1-incident.json", ... */
const char *outcome_name(int outcome);
int outcome_from_name(const char *name); /* or -1 */

/* Side file of a role's policy: an array of documents, in this form of json_dumps(). */
#define CASE_POLICY	 "policies/%s.json"
#define CASE_POLICY_FORM (JSON_INDENT(1) | JSON_ENSURE_ASCII | JSON_SORT_KEYS)

struct kase; /* "case" is taken by the language */

/* A new case for an incident id: ID is INCIDENT-N, N the first free number. Locked. */
int case_create(const char *state, const char *incident_id, struct kase **out, struct err *e);
/* -ENOENT when there is none; lock: also take the lock, -EBUSY when another process works on it. */
int case_open(const char *state, const char *id, bool lock, struct kase **out, struct err *e);
void case_close(struct kase *k);
/* Removes a case that never began: one without its first record, whose lock we hold. */
int case_discard(const char *state, const struct kase *k, struct err *e);
const char *case_id(const struct kase *k);
const char *case_path(const struct kase *k);
int case_dir(const struct kase *k); /* directory fd, borrowed */

/* STAGE_N when the case has ended, else the first stage whose record does not exist. */
int case_stage(const struct kase *k);
/* Publishes the record of a stage: adds "schema", "case", "prev"; the reference is stolen. -EEXIST
 * is never overwritten. */
int case_publish(struct kase *k, int stage, json_t *record, struct err *e);
/* The same in two steps, so that the digest of the text can be in the log before it is published.
 */
int case_compose(const struct kase *k, int stage, json_t *record, char **out, struct err *e);
int case_publish_text(struct kase *k, int stage, const char *text, struct err *e);
/* New reference; -ENOENT when the stage has no record yet; the chain of digests is checked. */
int case_record(const struct kase *k, int stage, json_t **out, struct err *e);
/* SHA-256 (hex) of a record's file. */
int case_record_digest(const struct kase *k, int stage, char hex[65], struct err *e);
/* A side file of the case (pr.md, fix.patch, attempts/001/diff): replaced atomically. */
int case_write(struct kase *k, const char *name, const void *data, size_t n, struct err *e);

/* One line of ledger.ndjson: what was spent. Keys: "what", numbers. Reference stolen. */
int case_spend(struct kase *k, json_t *line, struct err *e);
/* Sums of the ledger: {"evaluations","replicas","cpu_us","wall_us","tokens","usd","usd_exact"} and
 * of calls to models {"input_tokens","output_tokens","turns"}; "usd" to the cent, rounded up.  What
 * is reserved for a call that has not ended counts as spent. */
int case_spent(const struct kase *k, json_t **out, struct err *e);

/* How far the ledger goes and what it says until there: {"bytes","sha256"}. */
int case_ledger(const struct kase *k, json_t **out, struct err *e);

/* Ids of all cases of a state directory, sorted: JSON array of strings. */
int case_list(const char *state, json_t **out, struct err *e);
