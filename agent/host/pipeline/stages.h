/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/drift.h"
#include "agent/host/gate/gate.h"
#include "agent/host/gate/model.h"
#include "agent/host/pipeline/pipeline.h"
#include "agent/host/pipeline/pull.h"

/* What the stages share while the pipeline runs: everything here is read back from records. */
struct work {
	const struct pipeline *p;
	struct world world;
	bool world_open;
	struct incident incident;
	bool have_incident;
	struct baseline baseline[SIDE_N];
	char base[65], head[65];
	char known[400]; /* how the base is known to be what production ran */
	bool same_head, have_replica;
	struct changes test, patch;
	struct changes patch_head; /* the patch as it applies at the head */
	bool merged;		   /* that is another one than at the base */
	char *test_path;
	struct drift_view drift;   /* what the ledger says of that */
	struct model_door *models; /* opened for the first agent that may ask one */
	const char *agent;	   /* whose attempts are kept; NULL: the first one's */
	struct redact *values;	   /* that may not leave; NULL until the base commit is known */
	int outcome;		   /* set by the stage that ends the case; -1: go on */
	char reason[512];
};

typedef int stage_fn(struct work *w, struct err *e);
stage_fn stage_replica, stage_match, stage_patch, stage_proof, stage_pullreq;

/* Which commit production ran, and how that is known (docs/adr/0034). */
struct deployed {
	char *ref;	  /* a commit, or the name of one */
	const char *from; /* "report", "release", "image-label" */
	char known[400];  /* how; of one that is not known: why not. No text of the report. */
};
/* 1: *d has it; 0: nothing says it. */
int deployed_find(const struct work *w, struct deployed *d, struct err *e);
/* To the work's base. */
int deployed_resolve(struct work *w, const struct deployed *d, struct err *e);
void deployed_release(struct deployed *d);
/* All that `known` says of a commit that is known: it stands in pull requests. */
void deployed_words(struct buf *out);

/* Opens what replicas are made of, at the commits that 2-replica.json names. */
int work_open_world(struct work *w, struct err *e);
/* Ends the case as needs-person where what production said was erased. */
int work_load_incident(struct work *w, struct err *e);
/* Once the base commit is known; ends the case where there are more values than can be kept in. */
int work_load_values(struct work *w, struct err *e);
int work_mask_reason(struct work *w, struct err *e);
int work_load_replica(struct work *w, struct err *e); /* base, head, baselines */
int work_load_test(struct work *w, struct err *e);    /* from 3-match.json */
/* The chosen candidate of 4-patch.json: the first, until 5-proof.json says otherwise. */
int work_load_patch(struct work *w, struct err *e);
/* A candidate instead of whatever patch there was. */
int work_take_patch(struct work *w, const json_t *candidate, struct err *e);
/* What is not borrowed. */
void work_release(struct work *w);
/* All that the proof reads from records, with the patch as it applies at the head; may end the
 * case.
 */
int work_load_proof(struct work *w, struct err *e);
/* Runs the steps: *record is what becomes 5-proof.json. */
int work_prove(struct work *w, int *verdict, json_t **record, struct err *e);
void work_proof_input(struct work *w, struct proof_input *in);
/*
 * The test passes at the head: ends the case as already fixed and says which commit to deploy,
 * {"commit","how":"bisection"|"head","between","tried","why"}.  The head's source is not in place
 * afterwards.
 */
int work_already_fixed(struct work *w, json_t **out, struct err *e);
/*
 * The patch as it applies at the head, in patch_head and merged; ends the case where a person has
 * to bring it there.
 */
int work_bring_to_head(struct work *w, struct err *e);
/*
 * Of the case that this one refreshes: 1 and its test (in the work), or its patch,
 * with *brought as an agent would have it (agents.h); 0 when there is none that is of use.
 */
int work_reuse_test(struct work *w, json_t **brought, struct err *e);
int work_reuse_patch(struct work *w, json_t **brought, struct err *e);
void work_drop_test(struct work *w);
/* 1: the id of the case that this one begins again; 0: it does not. */
int refresh_of(const struct pipeline *p, char id[128], struct err *e);
/*
 * Once a case that begins another one again has ended.  In a proposal: the
 * earlier one is decided as a duplicate.  With a finding that the earlier
 * proposal does not hold (already-fixed, no-fix, not-reproduced): its pull
 * request is closed with that reason, unless somebody pushed to it.
 */
int refresh_settle(const struct pipeline *p, const struct pipeline_end *end, struct err *e);
/* Where that one's pull request is open, to be brought up to date; as pull_standing(). */
int refresh_pull(const struct pipeline *p, struct pull_at *out, char why[512], struct err *e);
/* A stage may have ended the case in its record without the outcome having been written yet. */
int work_load_end(struct work *w, struct err *e);
/*
 * trust.c: whether people keep up.  Each may end the case as needs-person.
 * Before the proof: budgets of the ledger, then the lease of the paths; before
 * it is proposed: proposals that wait to be looked at.
 */
int trust_before_proof(struct work *w, const json_t *agent, struct err *e);
int trust_before_proposal(struct work *w, struct err *e);
/* Adds "audit": whether this proposal is to be looked at in depth, and why. */
int trust_record(struct work *w, json_t *measured, struct err *e);
int trust_after_push(struct work *w, struct err *e);
/* The case ends after this stage. */
void work_end(struct work *w, int outcome, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * Publishes a record once the log has it: `event` with the fields, the record's name and its
 * SHA-256, so that whoever has a part of the log can tell the record.  Both references are stolen.
 */
int record_publish(const struct pipeline *p, int stage, const char *event, json_t *fields,
		   json_t *record, struct err *e);
/* The record of a stage; the reference is stolen. */
int work_publish(struct work *w, int stage, json_t *record, struct err *e);

#define HOST_DIGEST 72
/* This very program: "sha256:...". */
int host_program(char out[HOST_DIGEST], struct err *e);
/* {NAME: "sha256:..."} of sickbay's own programs as they are installed here. */
int host_programs(json_t **out, struct err *e);
/* What else a result depends on: {"kernel","machine","version","programs":{NAME: digest},
 * "grammars":{NAME: {"version","sha512"}}}. */
int host_facts(json_t **out, struct err *e);

json_t *changes_to_json(const struct changes *c);
int changes_from_json(const json_t *v, struct changes *out, struct err *e);
