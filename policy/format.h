/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "policy/policy.h"

/*
 * A policy's text in its canonical form: members in the order of the manual,
 * two spaces a level, what fits into 100 columns on one line, the rest one
 * line an item.  Comments stay with what they are about; lists keep their
 * order, since rules are named by their place in them.  Formatting twice
 * changes nothing.
 *
 * name: the file's path.  The text must be a good policy, and what comes out is read again: it is
 * the same policy, or this fails and *out is empty.
 */
int policy_format(const char *name, const char *text, size_t n, struct buf *out, struct err *e);
