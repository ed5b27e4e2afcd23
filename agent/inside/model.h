/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/base/err.h"
#include "runtime/proto/gate.h"

/*
 * The agents that ask a model, for both roles: one loop of turns.  A turn goes
 * through the gate to the model that the task names first; what the model calls
 * is done here where it only reads the tree, and asked of the gate where it
 * does more.  What the model says decides nothing: the gate and the proof do.
 * Ends with a submission, or by giving up with the reason: also when the budget
 * is spent, the model cannot be asked, says nothing usable or goes in circles.
 */
int model_agent_run(struct gate_client *gate, const struct gate_task *task, struct err *e);
