/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/base/err.h"

/*
 * What sickbay-audit may still ask of the kernel once it has started: files
 * it can reach by its own uid, and the descriptors it was given.  No sockets,
 * no processes, no executable memory.  For good: anything else kills it.
 */
int filter_apply(struct err *e);
