/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/gate/monitor.h"

/*
 * An agent that is a command: it runs in a replica with its policy, changes
 * the tree and exits.  Its upper is frozen and read with openat2; what it left
 * behind besides files (processes, daemons) ends with the replica, and what
 * lies elsewhere than in the repository, too.  The task is at REPLICA_TASK.
 * Of what an external agent added, files that agent programs keep for
 * themselves are left out by name and counted in the log; the rest is judged
 * by the policy as any change.
 */
int collect_start(struct monitor *m);
/* Whoever's it is, an agent that ended with 0 or submitted its tree left a set of changes there. */
int collect_ended(struct monitor *m);
/* The text of the task; free() it. NULL: m->e says why. */
char *collect_task(struct monitor *m);
/* Why an added path is left out (a name of the list); NULL: it is not. */
const char *collect_left_out(const char *path);
