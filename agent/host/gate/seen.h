/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/gate/gate.h"

/*
 * What lies over the source in an agent's replica: the accepted test, and
 * files whose values the policy masks.  Nothing of it is in a replica in which
 * tests are run for the host.
 */
int seen_by_agent(const struct gate_session *s, struct changes *out, struct err *e);
/* The masked files alone, of commit:root. */
int seen_masked(struct git *g, const char *commit, const char *root, const struct policy *p,
		struct changes *out, struct err *e);
