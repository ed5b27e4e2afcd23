/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/cgroup.h"
#include "runtime/sandbox/idrange.h"
#include "runtime/sandbox/sandbox.h"

/*
 * Most of a replica goes with its owner by itself: pid 1 ends when our end of
 * the socket closes, mounts, namespaces and uppers end with the last process.
 * What has a name stays, and every such name is guarded by a lock that the owner
 * held: control groups first, because that kills what might still run.
 */
int sandbox_sweep(const char *state, struct err *e)
{
	const int groups = cgroup_sweep(e);
	const int ranges = groups < 0 ? groups : idrange_sweep(state, e);

	return ranges < 0 ? ranges : groups + ranges;
}
