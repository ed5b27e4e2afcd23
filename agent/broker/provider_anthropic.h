/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/broker/provider_keep.h"

/* Anthropic Messages: the tables of provider_anthropic.c. */
extern const struct keep anthropic_request[], anthropic_answer[], anthropic_error[];
extern const struct keep_kind anthropic_events[], anthropic_opaque[];
