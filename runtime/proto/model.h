/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/jmap.h"

/*
 * A call to a model, as sickbay's own programs speak of it.  Two shapes:
 *
 * A *turn* (protocol "turn") is provider-neutral; the built-in agents speak it
 * and only the broker knows how each provider spells it:
 *     request {"system": TEXT, "messages": [{"role": "user"|"assistant", "content": [PART, ...]}],
 *              "tools": [{"name", "description", "schema": JSON Schema}], "max_output": N}
 *     answer  {"content": [PART, ...], "stop": "end"|"tool"|"length"|"refused"|"other"}
 *     PART    {"type":"text","text"} | {"type":"call","id","name","input":{...}} |
 *             {"type":"result","id","text","error":bool} |
 *             {"type":"opaque","value":{...}} (a provider's own part, given back as it came and
 *             where it stood; a provider leaves out those of another)
 *     A call of an answer whose arguments were no JSON object has "input": {} and "invalid": why.
 *
 * A *wire* call has the body of one provider's protocol as a tree of values.
 * It comes from an agent program that speaks that protocol; the front parsed
 * it, the gate checked it, the broker keeps the members that its table names
 * and writes new bytes from them.  Nothing is relayed.
 */
enum model_protocol {
	MODEL_TURN,
	MODEL_ANTHROPIC, /* Anthropic Messages: POST /v1/messages */
	MODEL_CHAT,	 /* OpenAI Chat Completions: POST /v1/chat/completions */
	MODEL_RESPONSES, /* OpenAI Responses: POST /v1/responses */
	MODEL_GOOGLE,	 /* Google generateContent, streamGenerateContent */
	MODEL_PROTOCOL_N
};
/* "turn", "anthropic-messages", "openai-chat", "openai-responses", "google-generate", NULL */
extern const char *const model_protocol_words[];

#define MODEL_MAX_REQUEST (8u << 20) /* bytes of a request's body as JSON */
#define MODEL_MAX_ANSWER  (4u << 20) /* bytes of a whole answer; more is refused as "too-large" */
#define MODEL_MAX_EVENT	  (1u << 20) /* bytes of one event's data */
#define MODEL_MAX_DEPTH	  24	     /* nesting of a body */
#define MODEL_MAX_TOOLS	  128

/* What a provider says was used; tokens.  `input` is the whole of it, of which `cached` was read
 * from and `cache_write` written to its cache; `output` the whole of it, of which `reasoning`. */
struct model_usage {
	bool known; /* false: the provider had not said when the answer ended */
	uint64_t input, output, cached, cache_write, reasoning;
};
extern const struct jmap model_usage_map[];

/*
 * How a call ended, in a word that policies of retrying and people read:
 * "ok", "refused" (by the provider: 4xx), "rate-limited", "overloaded" (5xx), "unreachable",
 * "tls", "timeout", "stalled", "disconnected" (mid-answer), "garbage" (not its protocol),
 * "too-large", "cancelled", "broker-died"; and of the gate: "budget", "policy", "paused".
 */
#define MODEL_OK "ok"
