/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/queue/group.h"

/* One report that a person brings, without the spool: counted in its incident, which is returned.
 * It joins an open storm and makes none. The queue's lock is held. */
int absorb_one(const struct queue *q, const struct queue_report *from, struct group *out,
	       struct err *e);
