/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/syntax/op.h"

/* The tables of operators, one a file; each ends with a row without a name. */
extern const struct operator ops_null[], ops_call[], ops_catch[];
