/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/case.h"
#include "agent/host/case/money.h"

/*
 * The account of a case's calls to models: what each may cost is reserved in
 * the ledger, durably, before it is sent, and settled when it has ended.  What
 * has no end after a crash is charged as it was reserved, unless the answer was
 * kept: then as the answer says.  So a kill at any point neither loses a call
 * nor charges one twice.
 *
 * What a call answered is kept in calls/ID.json until the case ends: whoever
 * works on the case again and asks the same gets that and pays nothing.
 */
#define CALLS_DIR "calls"
#define CALLS_MAX 99999 /* of one case */
#define CALL_ID	  8	/* bytes, with the NUL */

struct calls;

struct call_sum {
	money usd;
	uint64_t input, output, turns;
};

/* What is reserved. `role`: who asks; `request`: "sha256:..." of what is asked. */
struct call_most {
	const char *role, *model, *request;
	uint64_t input, output;
	money usd;
};

/* What came of it. Not billed: nothing is charged, and it was no turn. */
struct call_cost {
	const char *kind;
	bool billed, estimated; /* estimated: all that was reserved is charged */
	uint64_t input, output;
	uint64_t cached, reasoning; /* of those, as the provider says */
	money usd;
};

/* Reads the ledger and what was kept by others than this process. The case must be locked. */
int calls_open(struct kase *k, struct calls **out, struct err *e);
void calls_close(struct calls *c); /* NULL is fine */
/* Settled and reserved, of one role. */
struct call_sum calls_sum(const struct calls *c, const char *role);
/* The id of a new call: given out once. -EOVERFLOW: there were too many. */
int calls_next(struct calls *c, char id[CALL_ID], struct err *e);
int calls_reserve(struct calls *c, const char *id, const struct call_most *most, struct err *e);
/* `kept` (its reference is stolen; NULL: nothing) becomes calls/ID.json. */
int calls_settle(struct calls *c, const char *id, const struct call_most *most,
		 const struct call_cost *cost, json_t *kept, struct err *e);
/* The next kept answer to this very request that was not taken yet: {"call","kept":{...}}, a new
 * reference; NULL: there is none. */
json_t *calls_take(struct calls *c, const char *role, const char *request);

/* Settles what a process that was killed had under way. For the case's lock. */
int calls_mend(struct kase *k, struct err *e);
/* Removes what was kept: the case has ended. */
int calls_forget(struct kase *k, struct err *e);
