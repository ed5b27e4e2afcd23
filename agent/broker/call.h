/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/broker/loop.h"
#include "agent/broker/resolve.h"

/*
 * Calls to models: from BROKER_CALL through waiting for a place, a name, and
 * attempts, to one BROKER_END.  Memory of a call is bounded by MODEL_MAX_REQUEST,
 * MODEL_MAX_ANSWER and MODEL_MAX_EVENT.
 *
 * An answer has begun with the first byte of the body of a 2xx: from then on
 * the provider may charge, and the call is never tried again.  So may it for a
 * request that was wholly sent and was given up here (cancelled, stalled, out of
 * time), or whose answer was to come in one piece.
 */
#define CALLS_WAITING 256 /* of one endpoint, beyond those that run */

/* BROKER_CALL, BROKER_CANCEL; an error is the orchestrator's fault and ends the program. */
int call_message(struct loop *l, const struct msg *m, struct err *e);
void call_resolved(struct loop *l, const struct resolve_answer *a);
void call_finished(CURL *easy, CURLcode code);
/* Starts what may start, ends what took too long. */
void calls_step(struct loop *l, uint64_t now);
uint64_t calls_due(const struct loop *l);
/* The orchestrator reads again. */
void calls_resume(struct loop *l);
void calls_close(struct loop *l);
