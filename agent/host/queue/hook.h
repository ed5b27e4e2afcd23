/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/queue/admit.h"

/*
 * What a forge's webhook told of, {"repository","number","branch"} as
 * sickbay-decode found it, of the forge at `place` of the host's configuration,
 * whose payloads are of `kind`.  It is believed in one thing: which proposal of
 * this host to look at.  1: that one waits to be looked at (wake.h); 0: it is
 * none, why says so.
 */
int hook_take(const struct queue *q, size_t place, const char *kind, const json_t *found,
	      char why[QUEUE_WHY], struct err *e);
