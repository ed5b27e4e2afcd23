/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "runtime/base/err.h"

/* Prints the log's keys, one an epoch: as a table, or as an array of {"epoch","key","after"} with
 * "revoked" {"since","reason"} where the log says so. */
int epochs_show(int dir, bool json, FILE *to, struct err *e);
/*
 * Prints the ids of the cases with a record of that time or later whose first
 * checkpoint was signed by this epoch's key, a line each.  -EBUSY: it is the key in use.
 */
int epochs_cases(int dir, uint64_t epoch, uint64_t since_ns, FILE *to, struct err *e);
