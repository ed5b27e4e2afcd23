/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "agent/host/case/service.h"
#include "policy/change.h"
#include "runtime/proto/audit.h"

/*
 * The ledger of changes that agents made: STATE/drift.ndjson, one line a
 * proposed pull request, append-only.  A file that is guarded a third time in
 * two months is no repair any more: what the ledger has of a patch's paths
 * within the service's window goes into the proof's risk, and past the
 * service's budgets nothing more is repaired there.  What a person rejected
 * does not count.
 */
struct drift_change {
	const char *service, *case_id;
	const char *operator_name; /* "" where an agent names none */
	const struct changes *patch;
};

/* In the log, then in the ledger; a case that is in it already is left alone. */
int drift_append(const char *state, const struct drift_change *c, struct audit *a, struct err *e);

struct drift_view {
	bool over;	 /* a budget is used up: */
	char why[300];	 /* which, and of what */
	unsigned risk;	 /* points */
	json_t *reasons; /* texts for the reviewer; owned */
};
/* What the ledger says of a patch before it is proven; the case's own line does not count. */
int drift_weigh(const char *state, const struct service *s, const struct drift_change *c,
		struct drift_view *out, struct err *e);
