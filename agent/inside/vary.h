/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "runtime/base/err.h"

/*
 * Mutated copies of an input, for seeing what a patch does beside the one value
 * that was reported.  Deterministic by seed.  First what is absent is made
 * absent in the language's other ways, then the neighbourhood of what stands
 * out, then the rest; where single changes run out, two at a time.
 *
 * `normal` is the normal form of input.h.  *out: [{"id","what","input"}], at
 * most `count`, without the input itself and without two that are equal.
 */
int vary_input(const json_t *normal, const char *lang, unsigned long long seed, size_t count,
	       json_t **out, struct err *e);
