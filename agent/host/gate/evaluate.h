/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/gate/gate.h"
#include "runtime/proto/gate.h"

/*
 * One evaluation: a set of changes, tried in forks of its own.  The cheapest
 * question comes first (does the new test pass?), the whole suite only for
 * those that got that far.
 */
struct evaluation;

/* Takes the changes over. left: what the verdict says of the budget. */
int evaluation_start(const struct gate_session *s, const struct gate_evaluate *req,
		     struct changes *changes, uint64_t left, struct evaluation **out,
		     struct err *e);
struct replica *evaluation_replica(struct evaluation *v); /* the live fork */
/* After its replica ended: 1 when the verdict stands, 0 when the next fork was started. */
int evaluation_next(struct evaluation *v, struct err *e);
const struct gate_verdict *evaluation_verdict(const struct evaluation *v);
const struct changes *evaluation_changes(const struct evaluation *v);
const char *evaluation_note(const struct evaluation *v);
void evaluation_free(struct evaluation *v);
