/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/proto/gate.h"

/*
 * What a model is told before its first turn.  A pure function of the task and
 * the tree: the same for every model, the same bytes for the same inputs, what
 * changes least from case to case first, so that providers may cache it.
 * Bounded by a number of tokens that does not depend on the model; tokens are
 * reckoned as a third of the bytes.  Everything that is not sickbay's own words
 * is marked as data; what stops such text from being obeyed is the gate.
 */
#define CONTEXT_TOKENS	   24000
#define CONTEXT_TOKEN_SIZE 3 /* bytes */

/* The rules of the role. */
void context_system(const struct gate_task *task, struct buf *out);
/* The task's sections; dir: the tree. What cannot be read is left out and said. */
int context_build(const struct gate_task *task, int dir, struct buf *out, struct err *e);
