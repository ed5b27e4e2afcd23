/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/gate/gate.h"

/*
 * What came out of a replica of the host's, as the agent may read it: without
 * what its policy redacts and without production's values.  Evaluations run
 * over files that are masked for the agent, so nothing of theirs goes to it
 * but through here.  A text that cannot be looked through is not shown: it is
 * an error.
 */

/* Of the bytes, the last `max` as valid UTF-8; all is hidden before anything is cut. free() it. */
int shown_text(const struct gate_session *s, const char *raw, size_t n, size_t max, char **out,
	       struct err *e);
/* Every string of the value, in place; its keys are a table's. NULL is fine. */
int shown_json(const struct gate_session *s, json_t *v, struct err *e);
