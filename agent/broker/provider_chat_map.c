/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/provider_chat.h"

/* OpenAI Chat Completions and what compatible servers add: the members that are passed on. */

#define STORED "what the provider stored is not passed on: send it inline"

/* --- requests --- */

static const struct keep cache_control[] = {
	{ .name = "type", .types = KEEP_STR, .required = true },
	{ .name = "ttl", .types = KEEP_STR },
	{ 0 },
};
static const struct keep text_part[] = {
	{ .name = "text", .types = KEEP_STR, .required = true },
	{ .name = "cache_control", .types = KEEP_OBJ, .sub = cache_control },
	{ 0 },
};
static const struct keep image_url[] = {
	{ .name = "url", .types = KEEP_STR | KEEP_INLINE, .required = true },
	{ .name = "detail", .types = KEEP_STR },
	{ 0 },
};
static const struct keep image_part[] = {
	{ .name = "image_url", .types = KEEP_OBJ, .required = true, .sub = image_url },
	{ 0 },
};
static const struct keep audio[] = {
	{ .name = "data", .types = KEEP_STR, .required = true },
	{ .name = "format", .types = KEEP_STR, .required = true },
	{ 0 },
};
static const struct keep audio_part[] = {
	{ .name = "input_audio", .types = KEEP_OBJ, .required = true, .sub = audio },
	{ 0 },
};
static const struct keep file[] = {
	{ .name = "file_data", .types = KEEP_STR | KEEP_INLINE },
	{ .name = "filename", .types = KEEP_STR },
	{ .name = "file_id", .refuse = STORED },
	{ 0 },
};
static const struct keep file_part[] = {
	{ .name = "file", .types = KEEP_OBJ, .required = true, .sub = file },
	{ 0 },
};
static const struct keep refusal_part[] = {
	{ .name = "refusal", .types = KEEP_STR, .required = true },
	{ 0 },
};
static const struct keep_kind parts[] = {
	{ "text", text_part, NULL },	     { "image_url", image_part, NULL },
	{ "input_audio", audio_part, NULL }, { "file", file_part, NULL },
	{ "refusal", refusal_part, NULL },   { 0 },
};
static const struct keep called[] = {
	{ .name = "name", .types = KEEP_STR, .required = true },
	{ .name = "arguments", .types = KEEP_STR, .required = true },
	{ 0 },
};
static const struct keep call[] = {
	{ .name = "id", .types = KEEP_STR, .required = true },
	{ .name = "function", .types = KEEP_OBJ, .required = true, .sub = called },
	{ 0 },
};
static const struct keep custom_called[] = {
	{ .name = "name", .types = KEEP_STR, .required = true },
	{ .name = "input", .types = KEEP_STR, .required = true },
	{ 0 },
};
static const struct keep custom_call[] = {
	{ .name = "id", .types = KEEP_STR, .required = true },
	{ .name = "custom", .types = KEEP_OBJ, .required = true, .sub = custom_called },
	{ 0 },
};
static const struct keep_kind calls[] = {
	{ "", call, NULL },
	{ "function", call, NULL },
	{ "custom", custom_call, NULL },
	{ 0 },
};
static const struct keep message[] = {
	{ .name = "role", .types = KEEP_STR, .required = true },
	{ .name = "content", .types = KEEP_STR | KEEP_LIST, .each = KEEP_OBJ, .kinds = parts },
	{ .name = "name", .types = KEEP_STR },
	{ .name = "refusal", .types = KEEP_STR },
	{ .name = "tool_calls", .types = KEEP_LIST, .each = KEEP_OBJ, .kinds = calls },
	{ .name = "tool_call_id", .types = KEEP_STR },
	{ .name = "reasoning_content", .types = KEEP_STR },
	{ .name = "audio", .refuse = STORED },
	{ 0 },
};
static const struct keep function[] = {
	{ .name = "name", .types = KEEP_STR, .required = true },
	{ .name = "description", .types = KEEP_STR },
	{ .name = "parameters", .types = KEEP_OBJ },
	{ .name = "strict", .types = KEEP_BOOL },
	{ 0 },
};
static const struct keep function_tool[] = {
	{ .name = "function", .types = KEEP_OBJ, .required = true, .sub = function },
	{ 0 },
};
static const struct keep custom[] = {
	{ .name = "name", .types = KEEP_STR, .required = true },
	{ .name = "description", .types = KEEP_STR },
	{ .name = "format", .types = KEEP_OBJ },
	{ 0 },
};
static const struct keep custom_tool[] = {
	{ .name = "custom", .types = KEEP_OBJ, .required = true, .sub = custom },
	{ 0 },
};
static const struct keep_kind tools[] = {
	{ "function", function_tool, NULL },
	{ "custom", custom_tool, NULL },
	{ "*", NULL, NULL }, /* run by the server: left out */
	{ 0 },
};
const struct keep chat_request[] = {
	{ .name = "messages",
	  .types = KEEP_LIST,
	  .each = KEEP_OBJ,
	  .required = true,
	  .sub = message },
	{ .name = "tools", .types = KEEP_LIST, .each = KEEP_OBJ, .kinds = tools },
	{ .name = "tool_choice", .types = KEEP_STR | KEEP_OBJ },
	{ .name = "parallel_tool_calls", .types = KEEP_BOOL },
	{ .name = "max_tokens", .types = KEEP_INT },
	{ .name = "max_completion_tokens", .types = KEEP_INT },
	{ .name = "temperature", .types = KEEP_NUM },
	{ .name = "top_p", .types = KEEP_NUM },
	{ .name = "stop", .types = KEEP_STR | KEEP_LIST, .each = KEEP_STR },
	{ .name = "presence_penalty", .types = KEEP_NUM },
	{ .name = "frequency_penalty", .types = KEEP_NUM },
	{ .name = "logit_bias", .types = KEEP_OBJ },
	{ .name = "logprobs", .types = KEEP_BOOL },
	{ .name = "top_logprobs", .types = KEEP_INT },
	{ .name = "seed", .types = KEEP_INT },
	{ .name = "user", .types = KEEP_STR },
	{ .name = "safety_identifier", .types = KEEP_STR },
	{ .name = "prompt_cache_key", .types = KEEP_STR },
	{ .name = "prompt_cache_retention", .types = KEEP_STR },
	{ .name = "service_tier", .types = KEEP_STR },
	{ .name = "response_format", .types = KEEP_OBJ },
	{ .name = "prediction", .types = KEEP_OBJ },
	{ .name = "reasoning_effort", .types = KEEP_STR },
	{ .name = "verbosity", .types = KEEP_STR },
	{ .name = "n", .types = KEEP_INT },
	{ .name = "web_search_options", .refuse = "the provider would search the web" },
	{ .name = "audio", .refuse = "answers are text" },
	{ .name = "functions", .refuse = "of an older protocol: send tools" },
	/* of compatible servers */
	{ .name = "top_k", .types = KEEP_INT },
	{ .name = "min_p", .types = KEEP_NUM },
	{ .name = "repetition_penalty", .types = KEEP_NUM },
	{ .name = "enable_thinking", .types = KEEP_BOOL },
	{ .name = "thinking_budget", .types = KEEP_INT },
	{ .name = "chat_template_kwargs", .types = KEEP_OBJ },
	{ .name = "thinking", .types = KEEP_OBJ },
	{ 0 },
};

/* --- answers --- */

static const struct keep prompt_details[] = {
	{ .name = "cached_tokens", .types = KEEP_INT },
	{ .name = "audio_tokens", .types = KEEP_INT },
	{ 0 },
};
static const struct keep completion_details[] = {
	{ .name = "reasoning_tokens", .types = KEEP_INT },
	{ .name = "audio_tokens", .types = KEEP_INT },
	{ .name = "accepted_prediction_tokens", .types = KEEP_INT },
	{ .name = "rejected_prediction_tokens", .types = KEEP_INT },
	{ 0 },
};
static const struct keep usage[] = {
	{ .name = "prompt_tokens", .types = KEEP_INT },
	{ .name = "completion_tokens", .types = KEEP_INT },
	{ .name = "total_tokens", .types = KEEP_INT },
	{ .name = "prompt_tokens_details", .types = KEEP_OBJ, .sub = prompt_details },
	{ .name = "completion_tokens_details", .types = KEEP_OBJ, .sub = completion_details },
	{ 0 },
};
static const struct keep answer_called[] = {
	{ .name = "name", .types = KEEP_STR },
	{ .name = "arguments", .types = KEEP_STR },
	{ 0 },
};
static const struct keep answer_custom[] = {
	{ .name = "name", .types = KEEP_STR },
	{ .name = "input", .types = KEEP_STR },
	{ 0 },
};
/* of a message whole, of a chunk in fragments */
static const struct keep answer_call[] = {
	{ .name = "index", .types = KEEP_INT },
	{ .name = "id", .types = KEEP_STR },
	{ .name = "type", .types = KEEP_STR },
	{ .name = "function", .types = KEEP_OBJ, .sub = answer_called },
	{ .name = "custom", .types = KEEP_OBJ, .sub = answer_custom },
	{ 0 },
};
static const struct keep answer_message[] = {
	{ .name = "role", .types = KEEP_STR },
	{ .name = "content", .types = KEEP_STR },
	{ .name = "refusal", .types = KEEP_STR },
	{ .name = "reasoning_content", .types = KEEP_STR },
	{ .name = "reasoning", .types = KEEP_STR },
	{ .name = "annotations", .types = KEEP_LIST },
	{ .name = "tool_calls", .types = KEEP_LIST, .each = KEEP_OBJ, .sub = answer_call },
	{ 0 },
};
#define CHOICE(member)                                                                            \
	{ .name = "index", .types = KEEP_INT },                                                   \
		{ .name = (member), .types = KEEP_OBJ, .required = true, .sub = answer_message }, \
		{ .name = "logprobs", .types = KEEP_OBJ },                                        \
		{ .name = "finish_reason", .types = KEEP_STR },                                   \
	{                                                                                         \
		0                                                                                 \
	}
static const struct keep choice[] = { CHOICE("message") };
static const struct keep piece[] = { CHOICE("delta") };
#define ANSWER(choices_)                                                                          \
	{ .name = "id", .types = KEEP_STR }, { .name = "object", .types = KEEP_STR },             \
		{ .name = "created", .types = KEEP_NUM }, { .name = "model", .types = KEEP_STR }, \
		{ .name = "choices",                                                              \
		  .types = KEEP_LIST,                                                             \
		  .each = KEEP_OBJ,                                                               \
		  .required = true,                                                               \
		  .sub = (choices_) },                                                            \
		{ .name = "usage", .types = KEEP_OBJ, .sub = usage },                             \
		{ .name = "service_tier", .types = KEEP_STR },                                    \
		{ .name = "system_fingerprint", .types = KEEP_STR },                              \
	{                                                                                         \
		0                                                                                 \
	}
const struct keep chat_answer[] = { ANSWER(choice) };
const struct keep chat_chunk[] = { ANSWER(piece) };

static const struct keep error_words[] = {
	{ .name = "message", .types = KEEP_STR, .required = true },
	{ .name = "type", .types = KEEP_STR },
	{ .name = "param", .types = KEEP_STR },
	{ .name = "code", .types = KEEP_STR | KEEP_INT },
	{ 0 },
};
const struct keep openai_error[] = {
	{ .name = "error", .types = KEEP_OBJ, .required = true, .sub = error_words },
	{ 0 },
};
