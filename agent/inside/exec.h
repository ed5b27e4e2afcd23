/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/base/err.h"

/* Becomes the program in a directory, as a shell would look for it; returns only when that fails:
 * *status is then 127 (not found) or 126, so that it is the command's failure. */
int exec_run(const char *dir, char *const *argv, int *status, struct err *e);
