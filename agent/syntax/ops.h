/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/syntax/op.h"

/* The tables of operators, one a file; each ends with a row without a name. */
extern const struct op ops_null[], ops_call[], ops_catch[], ops_index[], ops_number[], ops_key[],
	ops_type[];
