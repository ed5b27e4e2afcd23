/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "runtime/base/err.h"

/* Prints the records, as the log has them (json) or one short line each; case_id NULL: of all
 * cases. */
int show(int dir, const char *case_id, bool json, FILE *to, struct err *e);
