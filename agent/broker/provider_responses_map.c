/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/provider_responses.h"

#include <stddef.h>

/* OpenAI Responses: the members that are passed on, of requests and of answers. */

#define SERVER_SIDE "a part of a tool that the provider runs itself is not passed on"
#define STORED	    "nothing is stored at the provider: send it inline"

/* --- requests --- */

static const struct keep text_part[] = {
	{ .name = "text", .types = KEEP_STR, .required = true },
	{ 0 },
};
static const struct keep refusal_part[] = {
	{ .name = "refusal", .types = KEEP_STR, .required = true },
	{ 0 },
};
static const struct keep said_part[] = {
	{ .name = "text", .types = KEEP_STR, .required = true },
	{ .name = "annotations", .types = KEEP_LIST },
	{ .name = "logprobs", .types = KEEP_LIST },
	{ 0 },
};
static const struct keep image_part[] = {
	{ .name = "image_url", .types = KEEP_STR | KEEP_INLINE },
	{ .name = "detail", .types = KEEP_STR },
	{ .name = "file_id", .refuse = STORED },
	{ 0 },
};
static const struct keep file_part[] = {
	{ .name = "file_data", .types = KEEP_STR | KEEP_INLINE },
	{ .name = "filename", .types = KEEP_STR },
	{ .name = "file_id", .refuse = STORED },
	{ .name = "file_url", .refuse = "a URL would make the provider fetch it: send it inline" },
	{ 0 },
};
static const struct keep_kind parts[] = {
	{ "input_text", text_part, NULL },
	{ "output_text", said_part, NULL },
	{ "text", text_part, NULL },
	{ "summary_text", text_part, NULL },
	{ "reasoning_text", text_part, NULL },
	{ "refusal", refusal_part, NULL },
	{ "input_image", image_part, NULL },
	{ "input_file", file_part, NULL },
	{ 0 },
};
#define ID                                      \
	{                                       \
		.name = "id", .types = KEEP_STR \
	}
#define STATUS                                      \
	{                                           \
		.name = "status", .types = KEEP_STR \
	}
#define CALL_ID                                                        \
	{                                                              \
		.name = "call_id", .types = KEEP_STR, .required = true \
	}
#define NAME                                                        \
	{                                                           \
		.name = "name", .types = KEEP_STR, .required = true \
	}
static const struct keep message[] = {
	ID,
	STATUS,
	{ .name = "role", .types = KEEP_STR, .required = true },
	{ .name = "phase", .types = KEEP_STR },
	{ .name = "content",
	  .types = KEEP_STR | KEEP_LIST,
	  .each = KEEP_OBJ,
	  .required = true,
	  .kinds = parts },
	{ 0 },
};
static const struct keep function_call[] = {
	ID,
	STATUS,
	CALL_ID,
	NAME,
	{ .name = "namespace", .types = KEEP_STR },
	{ .name = "arguments", .types = KEEP_STR, .required = true },
	{ 0 },
};
static const struct keep custom_call[] = {
	ID,
	STATUS,
	CALL_ID,
	NAME,
	{ .name = "namespace", .types = KEEP_STR },
	{ .name = "input", .types = KEEP_STR, .required = true },
	{ 0 },
};
static const struct keep call_output[] = {
	ID,
	STATUS,
	CALL_ID,
	{ .name = "output",
	  .types = KEEP_STR | KEEP_LIST,
	  .each = KEEP_OBJ,
	  .required = true,
	  .kinds = parts },
	{ 0 },
};
static const struct keep shell_call[] = {
	ID,
	STATUS,
	{ .name = "call_id", .types = KEEP_STR },
	{ .name = "action", .types = KEEP_OBJ, .required = true },
	{ 0 },
};
static const struct keep shell_output[] = {
	ID,
	STATUS,
	{ .name = "call_id", .types = KEEP_STR },
	{ .name = "output", .types = KEEP_STR, .required = true },
	{ 0 },
};
static const struct keep reasoning_item[] = {
	ID,
	STATUS,
	{ .name = "summary",
	  .types = KEEP_LIST,
	  .each = KEEP_OBJ,
	  .required = true,
	  .kinds = parts },
	{ .name = "content", .types = KEEP_LIST, .each = KEEP_OBJ, .kinds = parts },
	{ .name = "encrypted_content", .types = KEEP_STR },
	{ 0 },
};
static const struct keep compaction[] = {
	ID,
	{ .name = "encrypted_content", .types = KEEP_STR, .required = true },
	{ 0 },
};
#define ITEMS                                                                                     \
	{ "message", message, NULL }, { "function_call", function_call, NULL },                   \
		{ "custom_tool_call", custom_call, NULL }, { "reasoning", reasoning_item, NULL }, \
	{                                                                                         \
		"local_shell_call", shell_call, NULL                                              \
	}
static const struct keep_kind items[] = {
	{ "", message, NULL },
	ITEMS,
	{ "function_call_output", call_output, NULL },
	{ "custom_tool_call_output", call_output, NULL },
	{ "local_shell_call_output", shell_output, NULL },
	{ "compaction", compaction, NULL },
	{ "item_reference", NULL, STORED },
	{ "web_search_call", NULL, SERVER_SIDE },
	{ "file_search_call", NULL, SERVER_SIDE },
	{ "code_interpreter_call", NULL, SERVER_SIDE },
	{ "image_generation_call", NULL, SERVER_SIDE },
	{ "computer_call*", NULL, SERVER_SIDE },
	{ "mcp_*", NULL, SERVER_SIDE },
	{ 0 },
};
static const struct keep function[] = {
	NAME,
	{ .name = "description", .types = KEEP_STR },
	{ .name = "parameters", .types = KEEP_OBJ },
	{ .name = "strict", .types = KEEP_BOOL },
	{ 0 },
};
static const struct keep custom[] = {
	NAME,
	{ .name = "description", .types = KEEP_STR },
	{ .name = "format", .types = KEEP_OBJ },
	{ 0 },
};
static const struct keep nothing[] = { { 0 } };
static const struct keep_kind grouped_tools[] = {
	{ "function", function, NULL },
	{ "custom", custom, NULL },
	{ "*", NULL, NULL },
	{ 0 },
};
static const struct keep namespace_tool[] = {
	NAME,
	{ .name = "description", .types = KEEP_STR },
	{ .name = "tools", .types = KEEP_LIST, .each = KEEP_OBJ, .kinds = grouped_tools },
	{ 0 },
};
static const struct keep_kind tools[] = {
	{ "function", function, NULL },
	{ "custom", custom, NULL },
	{ "namespace", namespace_tool, NULL },
	{ "local_shell", nothing, NULL },
	{ "apply_patch", nothing, NULL },
	{ "*", NULL, NULL }, /* run by the provider: left out */
	{ 0 },
};
static const struct keep reasoning[] = {
	{ .name = "effort", .types = KEEP_STR },
	{ .name = "summary", .types = KEEP_STR },
	{ .name = "context", .types = KEEP_STR },
	{ 0 },
};
static const struct keep text[] = {
	{ .name = "format", .types = KEEP_OBJ },
	{ .name = "verbosity", .types = KEEP_STR },
	{ 0 },
};
static const struct keep stream_options[] = {
	{ .name = "include_obfuscation", .types = KEEP_BOOL },
	{ 0 },
};
const struct keep responses_request[] = {
	{ .name = "instructions", .types = KEEP_STR },
	{ .name = "tools", .types = KEEP_LIST, .each = KEEP_OBJ, .kinds = tools },
	{ .name = "tool_choice", .types = KEEP_STR | KEEP_OBJ },
	{ .name = "parallel_tool_calls", .types = KEEP_BOOL },
	{ .name = "max_tool_calls", .types = KEEP_INT },
	{ .name = "input",
	  .types = KEEP_STR | KEEP_LIST,
	  .each = KEEP_OBJ,
	  .required = true,
	  .kinds = items },
	{ .name = "include", .types = KEEP_LIST, .each = KEEP_STR },
	{ .name = "reasoning", .types = KEEP_OBJ, .sub = reasoning },
	{ .name = "text", .types = KEEP_OBJ, .sub = text },
	{ .name = "max_output_tokens", .types = KEEP_INT },
	{ .name = "temperature", .types = KEEP_NUM },
	{ .name = "top_p", .types = KEEP_NUM },
	{ .name = "top_logprobs", .types = KEEP_INT },
	{ .name = "truncation", .types = KEEP_STR },
	{ .name = "service_tier", .types = KEEP_STR },
	{ .name = "prompt_cache_key", .types = KEEP_STR },
	{ .name = "prompt_cache_retention", .types = KEEP_STR },
	{ .name = "safety_identifier", .types = KEEP_STR },
	{ .name = "user", .types = KEEP_STR },
	{ .name = "stream_options", .types = KEEP_OBJ, .sub = stream_options },
	{ .name = "previous_response_id", .refuse = STORED },
	{ .name = "conversation", .refuse = STORED },
	{ .name = "prompt", .refuse = STORED },
	{ .name = "background", .refuse = "an answer made in the background is stored" },
	{ 0 },
};
const struct keep_kind responses_opaque[] = { { "reasoning", reasoning_item, NULL }, { 0 } };

/* --- answers --- */

static const struct keep_kind said_items[] = { ITEMS, { 0 } };
static const struct keep input_details[] = { { .name = "cached_tokens", .types = KEEP_INT },
					     { 0 } };
static const struct keep output_details[] = { { .name = "reasoning_tokens", .types = KEEP_INT },
					      { 0 } };
static const struct keep usage[] = {
	{ .name = "input_tokens", .types = KEEP_INT },
	{ .name = "input_tokens_details", .types = KEEP_OBJ, .sub = input_details },
	{ .name = "output_tokens", .types = KEEP_INT },
	{ .name = "output_tokens_details", .types = KEEP_OBJ, .sub = output_details },
	{ .name = "total_tokens", .types = KEEP_INT },
	{ 0 },
};
static const struct keep incomplete[] = { { .name = "reason", .types = KEEP_STR }, { 0 } };
static const struct keep failure[] = {
	{ .name = "code", .types = KEEP_STR },
	{ .name = "message", .types = KEEP_STR },
	{ 0 },
};
/* What the provider repeats of the request (instructions, tools) is passed on in part: clients
 * know what they sent. */
const struct keep responses_answer[] = {
	{ .name = "id", .types = KEEP_STR, .required = true },
	{ .name = "object", .types = KEEP_STR },
	{ .name = "created_at", .types = KEEP_NUM },
	{ .name = "completed_at", .types = KEEP_NUM },
	{ .name = "status", .types = KEEP_STR },
	{ .name = "background", .types = KEEP_BOOL },
	{ .name = "error", .types = KEEP_OBJ, .sub = failure },
	{ .name = "incomplete_details", .types = KEEP_OBJ, .sub = incomplete },
	{ .name = "instructions", .types = KEEP_STR },
	{ .name = "max_output_tokens", .types = KEEP_INT },
	{ .name = "model", .types = KEEP_STR },
	{ .name = "output",
	  .types = KEEP_LIST,
	  .each = KEEP_OBJ,
	  .required = true,
	  .kinds = said_items },
	{ .name = "parallel_tool_calls", .types = KEEP_BOOL },
	{ .name = "previous_response_id", .types = KEEP_STR },
	{ .name = "prompt_cache_key", .types = KEEP_STR },
	{ .name = "reasoning", .types = KEEP_OBJ, .sub = reasoning },
	{ .name = "service_tier", .types = KEEP_STR },
	{ .name = "store", .types = KEEP_BOOL },
	{ .name = "temperature", .types = KEEP_NUM },
	{ .name = "text", .types = KEEP_OBJ, .sub = text },
	{ .name = "tool_choice", .types = KEEP_STR | KEEP_OBJ },
	{ .name = "tools", .types = KEEP_LIST, .each = KEEP_OBJ, .kinds = tools },
	{ .name = "top_p", .types = KEEP_NUM },
	{ .name = "truncation", .types = KEEP_STR },
	{ .name = "usage", .types = KEEP_OBJ, .sub = usage },
	{ .name = "metadata", .types = KEEP_OBJ },
	{ 0 },
};
/* Events have members in common; which has which is the provider's. */
const struct keep responses_event[] = {
	{ .name = "type", .types = KEEP_STR, .required = true },
	{ .name = "sequence_number", .types = KEEP_INT },
	{ .name = "response", .types = KEEP_OBJ, .sub = responses_answer },
	{ .name = "item", .types = KEEP_OBJ, .kinds = said_items },
	{ .name = "part", .types = KEEP_OBJ, .kinds = parts },
	{ .name = "item_id", .types = KEEP_STR },
	{ .name = "output_index", .types = KEEP_INT },
	{ .name = "content_index", .types = KEEP_INT },
	{ .name = "summary_index", .types = KEEP_INT },
	{ .name = "delta", .types = KEEP_STR },
	{ .name = "text", .types = KEEP_STR },
	{ .name = "refusal", .types = KEEP_STR },
	{ .name = "name", .types = KEEP_STR },
	{ .name = "arguments", .types = KEEP_STR },
	{ .name = "input", .types = KEEP_STR },
	{ .name = "logprobs", .types = KEEP_LIST },
	{ .name = "annotation", .types = KEEP_OBJ },
	{ .name = "annotation_index", .types = KEEP_INT },
	{ 0 },
};
const char *const responses_events[] = {
	"response.created",
	"response.queued",
	"response.in_progress",
	"response.completed",
	"response.incomplete",
	"response.output_item.added",
	"response.output_item.done",
	"response.content_part.added",
	"response.content_part.done",
	"response.output_text.delta",
	"response.output_text.done",
	"response.output_text.annotation.added",
	"response.refusal.delta",
	"response.refusal.done",
	"response.function_call_arguments.delta",
	"response.function_call_arguments.done",
	"response.custom_tool_call_input.delta",
	"response.custom_tool_call_input.done",
	"response.reasoning_summary_part.added",
	"response.reasoning_summary_part.done",
	"response.reasoning_summary_text.delta",
	"response.reasoning_summary_text.done",
	"response.reasoning_text.delta",
	"response.reasoning_text.done",
	NULL,
};
