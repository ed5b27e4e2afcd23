/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "runtime/audit/scan.h"
#include "runtime/audit/tree.h"
#include "runtime/audit/verify.h"

/* Part of verify: finds the words for a log that does not fit. */

int say(struct verify_result *out, enum verdict v, uint64_t seq, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* newest: the largest signed root, or NULL; s is read again from its beginning. */
int judge(int dir, struct scan *s, const struct checkpoint *newest, struct verify_result *out,
	  struct err *e);
