/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "agent/host/queue/queue.h"
#include "runtime/base/buf.h"

/*
 * How this host stands, read from the state directory alone: what waits and
 * why, what is at work, how cases ended, what they have cost, what the disk
 * holds.  Changes nothing; costs a look at each case and each incident.
 */
int status_collect(const struct queue *q, json_t **out, struct err *e);
/* The same as figures, in the text format of Prometheus. */
void status_prometheus(const json_t *status, struct buf *out);
/* Replaces the file atomically; its directory must exist. */
int status_write(const json_t *status, const char *path, struct err *e);

#define WORKER_LOCK                                                                  \
	"worker.lock" /* in STATE/spool, held by the one worker of a state directory \
		       */
