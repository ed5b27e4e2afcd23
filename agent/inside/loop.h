/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/base/err.h"

/* One agent from hello to done, over the gate at fd (taken over): the task's role says which. */
int agent_loop(int fd, struct err *e);
