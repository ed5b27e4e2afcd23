/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/broker/provider_keep.h"

/* OpenAI Responses: the tables of provider_responses.c. */
extern const struct keep responses_request[], responses_answer[], responses_event[];
extern const struct keep_kind responses_opaque[];
extern const char *const responses_events[]; /* those that are passed on; NULL-terminated */
