/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/case.h"
#include "policy/policy.h"

/*
 * What the agents of a past case asked of their policies, from its records:
 * the sets of changes that were submitted, and the requests that were refused,
 * of which only the rule, its words and a path are left.
 */
struct past_ask {
	int role;		 /* enum policy_role */
	struct changes changes;	 /* empty: a refused request */
	char *test_path;	 /* the new test among them, or NULL */
	bool refused;		 /* at that time */
	struct policy_verdict v; /* of a refusal, as it was recorded */
	char *path;		 /* that it was about; "" where it is not known */
};

struct past {
	struct past_ask *v;
	size_t n;
};

int past_load(const struct kase *k, struct past *out, struct err *e);
void past_release(struct past *p);
/* The same question to a policy as it is now. 0; 1: it cannot be put again, nothing was kept of it.
 */
int past_ask_again(const struct past_ask *a, const struct policy *p, struct policy_verdict *v,
		   struct err *e);
bool past_is_allowed(const struct policy_verdict *v);
