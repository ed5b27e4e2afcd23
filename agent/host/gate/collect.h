/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/gate/monitor.h"

/*
 * An agent that is a command: it runs in a replica with its policy, changes
 * the tree and exits.  Its upper is frozen and read with openat2; what it left
 * behind besides files (processes, hooks, caches) ends with the replica.  The
 * task is at REPLICA_TASK.
 */
int collect_start(struct monitor *m);
int collect_ended(struct monitor *m);
