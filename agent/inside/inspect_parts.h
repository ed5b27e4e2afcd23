/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "agent/syntax/source.h"
#include "runtime/base/err.h"

/* The questions behind --inspect; each fills *out with one JSON object. */

/* Small changes of lines first..last (1-based) that a good test should notice. */
int mutants_of(const struct source *now, const struct source *was, unsigned first, unsigned last,
	       json_t **out, struct err *e);
/* What the new text checks less, or swallows, that the old one did not. */
int weakening_of(const struct source *was, const struct source *now, json_t **out, struct err *e);
int outline_of(const struct source *s, json_t **out, struct err *e);

struct variants_request {
	const char *lang, *framework, *module, *out;
	const json_t *input; /* as in an incident */
	unsigned long long seed;
	size_t count;
};
int variants_of(const struct variants_request *q, json_t **out, struct err *e);
