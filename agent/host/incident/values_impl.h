/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/incident/incident.h"

/* The value in the input that a pointer of `personal` names (with or without "/input"), or NULL. */
const json_t *values_personal(const struct incident *in, const char *pointer);
