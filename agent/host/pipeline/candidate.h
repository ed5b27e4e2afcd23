/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/pipeline/stages.h"

/*
 * A candidate for the proof.  It is brought to the head, weighed against what
 * agents changed there before, and proven; where there is another one, what
 * came of it is kept in the case (attempts/proof-N.json), so that each is
 * proven once, whichever stage asks first.
 */
struct trial {
	int outcome;	/* of the case, were this candidate the only one; -1: accepted */
	char says[512]; /* why not */
	size_t lines;	/* added and removed */
	json_t *record; /* what becomes 5-proof.json */
};
void trial_release(struct trial *t);

/* The i-th candidate of 4-patch.json; keep: it is not the only one. The work has no patch
 * afterwards. */
int candidate_try(struct work *w, const json_t *candidate, size_t i, bool keep, struct trial *out,
		  struct err *e);
/* Whether a is to be proposed rather than b, both accepted: lower risk, then fewer lines. */
bool candidate_better(const struct trial *a, const struct trial *b);
