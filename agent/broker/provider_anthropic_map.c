/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/provider_anthropic.h"

/* Anthropic Messages: the members that are passed on, of requests and of answers. */

#define SERVER_SIDE "a part of a tool that the provider runs itself is not passed on"
#define STORED	    "a file that the provider stored is not passed on: send it inline"
#define FETCHED	    "a URL would make the provider fetch it: send it inline"

/* --- requests --- */

static const struct keep cache_control[] = {
	{ .name = "type", .types = KEEP_STR, .required = true },
	{ .name = "ttl", .types = KEEP_STR },
	{ 0 },
};
#define CACHE                                                                    \
	{                                                                        \
		.name = "cache_control", .types = KEEP_OBJ, .sub = cache_control \
	}

static const struct keep text_block[] = {
	{ .name = "text", .types = KEEP_STR, .required = true },
	CACHE,
	{ 0 },
};
static const struct keep data_source[] = {
	{ .name = "media_type", .types = KEEP_STR, .required = true },
	{ .name = "data", .types = KEEP_STR, .required = true },
	{ 0 },
};
static const struct keep_kind text_blocks[] = { { "text", text_block, NULL }, { 0 } };
static const struct keep content_source[] = {
	{ .name = "content",
	  .types = KEEP_STR | KEEP_LIST,
	  .each = KEEP_OBJ,
	  .required = true,
	  .kinds = text_blocks },
	{ 0 },
};
static const struct keep_kind sources[] = {
	{ "base64", data_source, NULL },
	{ "text", data_source, NULL },
	{ "content", content_source, NULL },
	{ "url", NULL, FETCHED },
	{ "file", NULL, STORED },
	{ 0 },
};
static const struct keep image[] = {
	{ .name = "source", .types = KEEP_OBJ, .required = true, .kinds = sources },
	CACHE,
	{ 0 },
};
static const struct keep citations[] = { { .name = "enabled", .types = KEEP_BOOL }, { 0 } };
static const struct keep document[] = {
	{ .name = "source", .types = KEEP_OBJ, .required = true, .kinds = sources },
	{ .name = "title", .types = KEEP_STR },
	{ .name = "context", .types = KEEP_STR },
	{ .name = "citations", .types = KEEP_OBJ, .sub = citations },
	CACHE,
	{ 0 },
};
static const struct keep search_result[] = {
	{ .name = "source", .types = KEEP_STR, .required = true },
	{ .name = "title", .types = KEEP_STR, .required = true },
	{ .name = "content",
	  .types = KEEP_LIST,
	  .each = KEEP_OBJ,
	  .required = true,
	  .kinds = text_blocks },
	{ .name = "citations", .types = KEEP_OBJ, .sub = citations },
	CACHE,
	{ 0 },
};
static const struct keep_kind result_blocks[] = {
	{ "text", text_block, NULL },
	{ "image", image, NULL },
	{ "document", document, NULL },
	{ "search_result", search_result, NULL },
	{ 0 },
};
static const struct keep tool_use[] = {
	{ .name = "id", .types = KEEP_STR, .required = true },
	{ .name = "name", .types = KEEP_STR, .required = true },
	{ .name = "input", .types = KEEP_OBJ, .required = true },
	CACHE,
	{ 0 },
};
static const struct keep tool_result[] = {
	{ .name = "tool_use_id", .types = KEEP_STR, .required = true },
	{ .name = "content",
	  .types = KEEP_STR | KEEP_LIST,
	  .each = KEEP_OBJ,
	  .kinds = result_blocks },
	{ .name = "is_error", .types = KEEP_BOOL },
	CACHE,
	{ 0 },
};
static const struct keep thinking_block[] = {
	{ .name = "thinking", .types = KEEP_STR, .required = true },
	{ .name = "signature", .types = KEEP_STR, .required = true },
	{ 0 },
};
static const struct keep redacted[] = { { .name = "data", .types = KEEP_STR, .required = true },
					{ 0 } };
static const struct keep_kind blocks[] = {
	{ "text", text_block, NULL },
	{ "image", image, NULL },
	{ "document", document, NULL },
	{ "search_result", search_result, NULL },
	{ "tool_use", tool_use, NULL },
	{ "tool_result", tool_result, NULL },
	{ "thinking", thinking_block, NULL },
	{ "redacted_thinking", redacted, NULL },
	{ "server_tool_use", NULL, SERVER_SIDE },
	{ "web_search_*", NULL, SERVER_SIDE },
	{ "web_fetch_*", NULL, SERVER_SIDE },
	{ "code_execution_*", NULL, SERVER_SIDE },
	{ "bash_code_execution_*", NULL, SERVER_SIDE },
	{ "text_editor_code_execution_*", NULL, SERVER_SIDE },
	{ "mcp_*", NULL, SERVER_SIDE },
	{ "container_upload", NULL, STORED },
	{ 0 },
};
const struct keep_kind anthropic_opaque[] = {
	{ "thinking", thinking_block, NULL },
	{ "redacted_thinking", redacted, NULL },
	{ 0 },
};
static const struct keep message[] = {
	{ .name = "role", .types = KEEP_STR, .required = true },
	{ .name = "content",
	  .types = KEEP_STR | KEEP_LIST,
	  .each = KEEP_OBJ,
	  .required = true,
	  .kinds = blocks },
	{ 0 },
};
static const struct keep custom_tool[] = {
	{ .name = "name", .types = KEEP_STR, .required = true },
	{ .name = "description", .types = KEEP_STR },
	{ .name = "input_schema", .types = KEEP_OBJ, .required = true },
	{ .name = "strict", .types = KEEP_BOOL },
	CACHE,
	{ 0 },
};
/* tools whose shape the provider knows and that the caller runs */
static const struct keep known_tool[] = {
	{ .name = "name", .types = KEEP_STR, .required = true },
	{ .name = "max_characters", .types = KEEP_INT },
	CACHE,
	{ 0 },
};
static const struct keep_kind tools[] = {
	{ "", custom_tool, NULL },
	{ "custom", custom_tool, NULL },
	{ "bash_2*", known_tool, NULL },
	{ "text_editor_2*", known_tool, NULL },
	{ "web_search_*", NULL, NULL },
	{ "web_fetch_*", NULL, NULL },
	{ "code_execution_*", NULL, NULL },
	{ "computer_*", NULL, NULL },
	{ "memory_*", NULL, NULL },
	{ "tool_search_*", NULL, NULL },
	{ "mcp_toolset", NULL, NULL },
	{ "advisor_*", NULL, NULL },
	{ 0 },
};
static const struct keep tool_choice[] = {
	{ .name = "type", .types = KEEP_STR, .required = true },
	{ .name = "name", .types = KEEP_STR },
	{ .name = "disable_parallel_tool_use", .types = KEEP_BOOL },
	{ 0 },
};
static const struct keep thinking[] = {
	{ .name = "type", .types = KEEP_STR, .required = true },
	{ .name = "budget_tokens", .types = KEEP_INT },
	{ .name = "display", .types = KEEP_STR },
	{ 0 },
};
static const struct keep metadata[] = { { .name = "user_id", .types = KEEP_STR }, { 0 } };
static const struct keep format[] = {
	{ .name = "type", .types = KEEP_STR, .required = true },
	{ .name = "schema", .types = KEEP_OBJ },
	{ 0 },
};
static const struct keep output_config[] = {
	{ .name = "effort", .types = KEEP_STR },
	{ .name = "format", .types = KEEP_OBJ, .sub = format },
	{ 0 },
};
const struct keep anthropic_request[] = {
	{ .name = "max_tokens", .types = KEEP_INT },
	{ .name = "system", .types = KEEP_STR | KEEP_LIST, .each = KEEP_OBJ, .kinds = text_blocks },
	{ .name = "tools", .types = KEEP_LIST, .each = KEEP_OBJ, .kinds = tools },
	{ .name = "tool_choice", .types = KEEP_OBJ, .sub = tool_choice },
	{ .name = "messages",
	  .types = KEEP_LIST,
	  .each = KEEP_OBJ,
	  .required = true,
	  .sub = message },
	{ .name = "thinking", .types = KEEP_OBJ, .sub = thinking },
	{ .name = "output_config", .types = KEEP_OBJ, .sub = output_config },
	{ .name = "metadata", .types = KEEP_OBJ, .sub = metadata },
	{ .name = "stop_sequences", .types = KEEP_LIST, .each = KEEP_STR },
	{ .name = "temperature", .types = KEEP_NUM },
	{ .name = "top_k", .types = KEEP_INT },
	{ .name = "top_p", .types = KEEP_NUM },
	{ .name = "service_tier", .types = KEEP_STR },
	CACHE,
	{ .name = "mcp_servers", .refuse = "the provider would connect to other servers" },
	{ .name = "container", .refuse = "the provider would run code and keep its files" },
	{ 0 },
};

/* --- answers --- */

static const struct keep answer_text[] = {
	{ .name = "text", .types = KEEP_STR, .required = true },
	{ .name = "citations", .types = KEEP_LIST },
	{ 0 },
};
static const struct keep answer_thinking[] = {
	{ .name = "thinking", .types = KEEP_STR, .required = true },
	{ .name = "signature", .types = KEEP_STR },
	{ 0 },
};
static const struct keep answer_call[] = {
	{ .name = "id", .types = KEEP_STR, .required = true },
	{ .name = "name", .types = KEEP_STR, .required = true },
	{ .name = "input", .types = KEEP_OBJ, .required = true },
	{ 0 },
};
static const struct keep_kind answer_blocks[] = {
	{ "text", answer_text, NULL },
	{ "thinking", answer_thinking, NULL },
	{ "redacted_thinking", redacted, NULL },
	{ "tool_use", answer_call, NULL },
	{ 0 },
};
static const struct keep cache_creation[] = {
	{ .name = "ephemeral_5m_input_tokens", .types = KEEP_INT },
	{ .name = "ephemeral_1h_input_tokens", .types = KEEP_INT },
	{ 0 },
};
static const struct keep usage[] = {
	{ .name = "input_tokens", .types = KEEP_INT },
	{ .name = "cache_creation_input_tokens", .types = KEEP_INT },
	{ .name = "cache_read_input_tokens", .types = KEEP_INT },
	{ .name = "cache_creation", .types = KEEP_OBJ, .sub = cache_creation },
	{ .name = "output_tokens", .types = KEEP_INT },
	{ .name = "service_tier", .types = KEEP_STR },
	{ 0 },
};
const struct keep anthropic_answer[] = {
	{ .name = "id", .types = KEEP_STR, .required = true },
	{ .name = "type", .types = KEEP_STR, .required = true },
	{ .name = "role", .types = KEEP_STR, .required = true },
	{ .name = "model", .types = KEEP_STR, .required = true },
	{ .name = "content",
	  .types = KEEP_LIST,
	  .each = KEEP_OBJ,
	  .required = true,
	  .kinds = answer_blocks },
	{ .name = "stop_reason", .types = KEEP_STR },
	{ .name = "stop_sequence", .types = KEEP_STR },
	{ .name = "usage", .types = KEEP_OBJ, .required = true, .sub = usage },
	{ 0 },
};
static const struct keep start[] = {
	{ .name = "message", .types = KEEP_OBJ, .required = true, .sub = anthropic_answer },
	{ 0 },
};
#define INDEX                                                        \
	{                                                            \
		.name = "index", .types = KEEP_INT, .required = true \
	}
static const struct keep block_start[] = {
	INDEX,
	{ .name = "content_block", .types = KEEP_OBJ, .required = true, .kinds = answer_blocks },
	{ 0 },
};
static const struct keep delta_text[] = { { .name = "text", .types = KEEP_STR, .required = true },
					  { 0 } };
static const struct keep delta_json[] = {
	{ .name = "partial_json", .types = KEEP_STR, .required = true },
	{ 0 },
};
static const struct keep delta_thinking[] = {
	{ .name = "thinking", .types = KEEP_STR, .required = true },
	{ 0 },
};
static const struct keep delta_signature[] = {
	{ .name = "signature", .types = KEEP_STR, .required = true },
	{ 0 },
};
static const struct keep delta_citations[] = { { .name = "citation", .types = KEEP_OBJ }, { 0 } };
static const struct keep_kind deltas[] = {
	{ "text_delta", delta_text, NULL },	      { "input_json_delta", delta_json, NULL },
	{ "thinking_delta", delta_thinking, NULL },   { "signature_delta", delta_signature, NULL },
	{ "citations_delta", delta_citations, NULL }, { 0 },
};
static const struct keep block_delta[] = {
	INDEX,
	{ .name = "delta", .types = KEEP_OBJ, .required = true, .kinds = deltas },
	{ 0 },
};
static const struct keep block_stop[] = { INDEX, { 0 } };
static const struct keep stop[] = {
	{ .name = "stop_reason", .types = KEEP_STR },
	{ .name = "stop_sequence", .types = KEEP_STR },
	{ 0 },
};
static const struct keep message_delta[] = {
	{ .name = "delta", .types = KEEP_OBJ, .required = true, .sub = stop },
	{ .name = "usage", .types = KEEP_OBJ, .sub = usage },
	{ 0 },
};
static const struct keep nothing[] = { { 0 } };
const struct keep_kind anthropic_events[] = {
	{ "message_start", start, NULL },
	{ "content_block_start", block_start, NULL },
	{ "content_block_delta", block_delta, NULL },
	{ "content_block_stop", block_stop, NULL },
	{ "message_delta", message_delta, NULL },
	{ "message_stop", nothing, NULL },
	{ "ping", nothing, NULL },
	{ "*", NULL, NULL }, /* the format grows: what is not known is not passed on */
	{ 0 },
};

static const struct keep error_words[] = {
	{ .name = "type", .types = KEEP_STR, .required = true },
	{ .name = "message", .types = KEEP_STR, .required = true },
	{ 0 },
};
const struct keep anthropic_error[] = {
	{ .name = "type", .types = KEEP_STR, .required = true },
	{ .name = "error", .types = KEEP_OBJ, .required = true, .sub = error_words },
	{ .name = "request_id", .types = KEEP_STR },
	{ 0 },
};
