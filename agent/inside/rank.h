/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/syntax/op.h"

/*
 * The order in which candidates are tried and preferred: by distance from the
 * innermost frame, by how often the template is right, by generality and size;
 * what takes behaviour away comes last.  Total, so that it never depends on
 * the order in which evaluations complete.
 */
unsigned rank_score(const struct candidate *c);
void rank_sort(struct candidates *c);
