/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "agent/host/case/case.h"
#include "agent/host/case/service.h"

/*
 * Which proposals a person must look at in depth before the service proposes
 * anything more: the first under a policy, those in which an agent was refused
 * something, and a share that rises with a run of merges that nobody touched.
 * The share is drawn by the digest of the proof, which no agent can foresee
 * and anyone can check.
 */

/* Of a case that is about to be proposed: {"required":bool,"why":[texts],"share":percent}. */
int depth_judge(const char *state, const struct service *s, const struct kase *k, json_t **out,
		struct err *e);
/* How many of the service's proposals wait for that; first: the id of one. `except` (NULL: none) is
 * the case whose proposal the next one takes the place of. */
int depth_due(const char *state, const char *service, const char *except, size_t *n,
	      char first[128], struct err *e);
