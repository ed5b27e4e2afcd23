/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/drift.h"
#include "agent/host/incident/redact.h"
#include "agent/host/testrun/testrun.h"

/*
 * The proof (DESIGN section 10): steps in fresh replicas in which no agent ever
 * ran, with the tests and the harness of the commit plus only the allowed part
 * of the diff, at the base commit and at the head of the target branch.  The
 * record says for each step what was asked, what was seen and whether it holds;
 * the first step that does not hold refuses the patch.
 */
struct suite_cost;
struct proof_input {
	struct world *world;
	const struct incident *incident;
	const struct changes *test; /* the accepted new test */
	const char *test_path;
	const struct changes *patch;
	const struct changes *patch_head; /* as it applies at the head: the same, or merged there */
	const struct baseline *baseline[SIDE_N];
	bool same_head; /* the target's head is the base commit: one side is enough */
	uint64_t seed;
	const struct redact *values;	/* of production: no step repeats one; NULL: none */
	const struct drift_view *drift; /* of the patch's paths, for the risk; may be NULL */
	uint64_t repeat;		/* N of N; 0: as the service says */
	struct suite_cost *suite;	/* proof_run()'s own: step 3 leaves it for step 7 */
};

enum proof_verdict { PROOF_ACCEPTED, PROOF_REFUSED, PROOF_ALREADY_FIXED, PROOF_NEEDS_SCOPE };

/*
 * *out:
 * {"verdict","refused":{"step","reason"}|null,"steps":[{"step","name","side","holds","says",...}],
 * "risk":{"level","reasons"},"measured":{...}}.
 */
int proof_run(const struct proof_input *in, int *verdict, json_t **out, struct err *e);
/* 1 only: N runs of the new test on a side without any patch; *exact: how many matched. Used by the
 * match stage. */
int proof_isolate(const struct proof_input *in, int side, json_t **out, size_t *exact,
		  size_t *green, struct err *e);
