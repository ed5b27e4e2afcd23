/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/base/err.h"

/*
 * Keeps one backing service: answers the host at fd (runtime/proto/member.h)
 * until it says stop, goes away, or the service's program ends.  *status is
 * what to exit with: the program's own status where it ended by itself.
 */
int member_loop(int fd, int *status, struct err *e);
