/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/proof/proof.h"

/* What one step gives: filled by the step, owned by the caller. */
struct step_result {
	bool holds, needs_scope;
	bool fixed;	  /* it does not hold because the target needs no patch */
	char says[512];	  /* one sentence: the reason when it does not hold */
	json_t *detail;	  /* object or NULL */
	json_t *measured; /* the same, of what another run may see otherwise */
	unsigned risk;	  /* points this step adds */
	char risk_reason[200];
};

/* What runs of the suite took, the least of each. */
enum suite_measure { COST_CPU, COST_WALL, COST_MEMORY, COST_N };
struct suite_cost {
	uint64_t least[COST_N]; /* microseconds; bytes */
	size_t runs;
};
/* `complete`: the suite is one whose end the reporter sees; a run that did not come to it tells
 * nothing. */
void suite_cost_add(struct suite_cost *c, const struct test_report *r, bool complete);
/* What step 7 says of two costs; `before` with zeroes: that was not measured; `after` without a run
 * refuses. */
int step_cost_judge(const struct suite_cost *before, const struct suite_cost *after,
		    struct step_result *r, struct err *e);

static inline const struct changes *proof_patch(const struct proof_input *in, int side)
{
	return side == SIDE_HEAD ? in->patch_head : in->patch;
}

int step_fails_before(const struct proof_input *in, int side, struct step_result *r, struct err *e);
int step_passes_after(const struct proof_input *in, int side, struct step_result *r, struct err *e);
int step_suite(const struct proof_input *in, int side, struct step_result *r, struct err *e);
int step_cost(const struct proof_input *in, int side, struct step_result *r, struct err *e);
int step_policy(const struct proof_input *in, int side, struct step_result *r, struct err *e);
int step_mutants(const struct proof_input *in, int side, struct step_result *r, struct err *e);
int step_variants(const struct proof_input *in, int side, struct step_result *r, struct err *e);

/*
 * The incident as it has to be met on a side: at the head, the coordinate's line is the one that
 * the line of the base became there.  What *out points to is the incident's: do not release it.
 */
int proof_want_at(const struct proof_input *in, int side, struct incident *out, struct err *e);
/* Runs `sickbay-agent --inspect ARGS` in a fresh replica with no agent, over these files; its JSON
 * answer. */
int proof_inspect(const struct proof_input *in, int side, const char *const *args,
		  const struct changes *files, json_t **out, struct err *e);
