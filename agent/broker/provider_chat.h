/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/broker/provider_keep.h"

/* OpenAI Chat Completions: the tables of provider_chat.c. */
extern const struct keep chat_request[], chat_answer[], chat_chunk[], openai_error[];
