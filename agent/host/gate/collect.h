/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/gate/gate.h"

/*
 * An agent that is a command: it runs in a replica with its policy, changes
 * the tree and exits.  Its upper is frozen and read with openat2; what it left
 * behind besides files (processes, hooks, caches) ends with the replica.  The
 * task is at REPLICA_TASK.  Tool caches that no repository tracks are left out.
 */
int collect_run(const struct gate_session *s, struct gate_outcome *out, struct err *e);
