/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/syntax/fault.h"
#include "agent/syntax/source.h"

/* Which expressions of a line may have held the wrong value, most likely first. */
#define SUSPECTS_MAX 6

struct suspects {
	TSNode v[SUSPECTS_MAX];
	int weight[SUSPECTS_MAX];
	size_t n;
};

/* library_on_top: the failure was seen inside something this line calls. */
void suspects_at(const struct source *s, const struct fault *fault, uint32_t line, uint32_t column,
		 bool library_on_top, struct suspects *out);

struct call_found {
	TSNode call;
	bool through_parameter; /* the callee is a parameter of the function around */
};
/* The call at a line that leads to the function `callee` (NULL: not known). */
bool call_at(const struct source *s, uint32_t line, const char *callee, struct call_found *out);
