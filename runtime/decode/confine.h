/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/base/err.h"

/*
 * Gives up everything that parsing does not need, for ever: the file system,
 * the user, capabilities, and every system call but those that read what was
 * handed over, allocate, and answer.  Called before the first untrusted byte.
 */
int confine(struct err *e);
