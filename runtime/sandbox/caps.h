/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "runtime/base/err.h"

/*
 * Capabilities: what the host side needs, and how a new process gives all up.
 * Pid 1 starts with the three it needs for the payload; the bounding set is
 * empty and being user 0 means nothing, for good.
 */

/* -EPERM naming the first capability that this process lacks. */
int caps_check(struct err *e);
/* In the new process; async-signal-safe. */
int caps_drop(void);
