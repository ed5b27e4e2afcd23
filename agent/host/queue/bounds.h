/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/service.h"
#include "agent/host/queue/group.h"

/* Pull requests that wait for a person, and repairs on the way to one, against what the service
 * file allows (`limits`): 1 and why, where one more would be too many. */
struct bounds_ask {
	const struct service *service;
	const struct group *group;
	const char *replaces; /* a case whose pull request goes when the new one comes; or NULL */
};
int bounds_reached(const struct queue *q, const struct bounds_ask *ask, char why[512],
		   struct err *e);
/* Whether a case proposes something that no person has decided on. */
struct kase;
int case_is_open(const struct kase *k, bool *open, struct err *e);
