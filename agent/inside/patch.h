/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/base/err.h"
#include "runtime/proto/gate.h"

/*
 * The patch agent: localises from the whole trace, generates candidates by
 * operator, has each evaluated through the gate, ranks, and submits the best
 * or gives up with its reason.  Reads the repository at task->repo, bounded;
 * changes nothing there.  The same task gives the same answer, in whatever
 * order evaluations complete.
 */
int patch_run(struct gate_client *gate, const struct gate_task *task, struct err *e);
