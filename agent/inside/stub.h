/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/base/err.h"

/*
 * A static HTTP server that gives recorded answers (sickbay-service(5)), one
 * connection at a time, until it is told to end.  What was not recorded is
 * answered with 501 and named on standard error.
 */
int stub_run(const char *address, const char *port, const char *file, struct err *e);
