/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/service.h"
#include "agent/host/queue/group.h"

/* Pull requests that wait for a person, and repairs on the way to one, against what the service
 * file allows (`limits`): 1 and why, where one more would be too many. */
int bounds_reached(const struct queue *q, const struct service *s, const struct group *g,
		   char why[512], struct err *e);
/* Whether a case proposes something that no person has decided on. */
struct kase;
int case_is_open(const struct kase *k, bool *open, struct err *e);
