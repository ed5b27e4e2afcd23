/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/host/gate/model_impl.h"

/*
 * What the host lets an agent ask, whatever its policy: a body of a bounded
 * size and depth, one answer, tools that the agent itself runs, sampling within
 * the providers' ranges, and nothing that a provider would fetch, look up or
 * run by itself: that would be a way out of the replica, and its cost could not
 * be told from the request.
 */
#define MESSAGES_MAX 4096

static bool too_deep(const json_t *v, unsigned depth)
{
	const char *key;
	json_t *member;
	size_t i;

	if (depth > MODEL_MAX_DEPTH)
		return true;
	json_array_foreach(v, i, member) {
		if (too_deep(member, depth + 1))
			return true;
	}
	json_object_foreach((json_t *)(uintptr_t)v, key, member) {
		if (too_deep(member, depth + 1))
			return true;
	}
	return false;
}

static int check_size(const json_t *body, struct policy_verdict *why)
{
	static const char *const lists[] = { "messages", "input", "contents" };

	if (!json_is_object(body))
		return model_refuse(why, "request", "body", "a request is an object");
	if (too_deep(body, 1))
		return model_refuse(why, "request", "body",
				    "the request is nested deeper than %d: make it flatter",
				    MODEL_MAX_DEPTH);
	if (json_dumpb(body, NULL, 0, JSON_COMPACT) > MODEL_MAX_REQUEST)
		return model_refuse(why, "request", "body",
				    "the request is larger than %u MiB: send less of it",
				    MODEL_MAX_REQUEST >> 20);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (json_array_size(json_object_get(body, lists[i])) > MESSAGES_MAX)
			return model_refuse(why, "request", lists[i],
					    "the request has more than %d messages: begin anew",
					    MESSAGES_MAX);
	return 0;
}

/* ---- numbers ---- */

static const struct range {
	const char *name;
	double least, most;
} ranges[] = {
	{ "temperature", 0, 2 },
	{ "top_p", 0, 1 },
	{ "topP", 0, 1 },
	{ "top_k", 0, 1000 },
	{ "topK", 0, 1000 },
	{ "presence_penalty", -2, 2 },
	{ "presencePenalty", -2, 2 },
	{ "frequency_penalty", -2, 2 },
	{ "frequencyPenalty", -2, 2 },
	{ "n", 1, 1 }, /* each answer is paid for */
	{ "best_of", 1, 1 },
	{ "candidateCount", 1, 1 },
	{ "max_output", 1, 1e9 },
	{ "max_tokens", 1, 1e9 },
	{ "max_completion_tokens", 1, 1e9 },
	{ "max_output_tokens", 1, 1e9 },
	{ "maxOutputTokens", 1, 1e9 },
};

static int check_numbers(const json_t *o, struct policy_verdict *why)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		const struct range *r = &ranges[i];
		const json_t *v = json_object_get(o, r->name);

		if (!v || json_is_null(v))
			continue;
		if (!json_is_number(v) || json_number_value(v) < r->least ||
		    json_number_value(v) > r->most)
			return model_refuse(why, "sampling", r->name,
					    "'%s' is not a number from %g to %g", r->name, r->least,
					    r->most);
	}
	return 0;
}

/* ---- what a provider would do by itself ---- */

static int check_members(const json_t *body, struct policy_verdict *why)
{
	static const char *const away[] = { "previous_response_id", "conversation", "prompt",
					    "mcp_servers",	    "container",    "cachedContent",
					    "web_search_options",   "background",   "audio" };
	static const char *const tiers[] = { "auto", "default", "standard_only", "flex" };
	const json_t *tier = json_object_get(body, "service_tier");
	bool known = !tier || json_is_null(tier);

	for (size_t i = 0; i < sizeof(away) / sizeof(away[0]); i++) {
		const json_t *v = json_object_get(body, away[i]);

		if (v && !json_is_null(v) && !json_is_false(v))
			return model_refuse(why, "request", away[i],
					    "'%s' makes the provider act or remember by itself: "
					    "put all that is asked into the request",
					    away[i]);
	}
	for (size_t i = 0; !known && i < sizeof(tiers) / sizeof(tiers[0]); i++)
		known = json_is_string(tier) && strcmp(json_string_value(tier), tiers[i]) == 0;
	return known ? 0
		     : model_refuse(why, "request", "service_tier",
				    "the price of this service tier is not configured: leave "
				    "'service_tier' out");
}

static bool one_of(const char *s, const char *const *words)
{
	for (; *words; words++)
		if (strncmp(s, *words, strlen(*words)) == 0 &&
		    (s[strlen(*words)] == '\0' || (*words)[strlen(*words) - 1] == '_'))
			return true;
	return false;
}

/* A group of tools under one name, as some programs send those of an MCP server. */
static bool group_runs_inside(const json_t *group)
{
	static const char *const words[] = { "function", "custom", NULL };
	const json_t *tools = json_object_get(group, "tools"), *tool;
	size_t i;

	json_array_foreach(tools, i, tool) {
		const char *type = json_string_value(json_object_get(tool, "type"));

		if (!type || !one_of(type, words))
			return false;
	}
	return json_array_size(tools) > 0 && json_array_size(tools) <= MODEL_MAX_TOOLS;
}

/* Whether the agent runs the tool itself; a word that ends in _ is followed by a version. */
static bool runs_inside(int protocol, const json_t *tool)
{
	static const char *const anthropic[] = { "custom", "bash_", "text_editor_", NULL };
	static const char *const chat[] = { "function", "custom", NULL };
	static const char *const responses[] = { "function", "custom", "local_shell", "apply_patch",
						 NULL };
	static const char *const *const words[MODEL_PROTOCOL_N] = {
		[MODEL_ANTHROPIC] = anthropic,
		[MODEL_CHAT] = chat,
		[MODEL_RESPONSES] = responses,
	};
	const char *type = json_string_value(json_object_get(tool, "type"));

	if (protocol == MODEL_GOOGLE)
		return json_object_size(tool) == 1 &&
		       (json_object_get(tool, "functionDeclarations") ||
			json_object_get(tool, "function_declarations"));
	if (!words[protocol])
		return true; /* a turn knows no other */
	if (!type)
		return protocol == MODEL_ANTHROPIC && !json_object_get(tool, "type");
	if (protocol == MODEL_RESPONSES && strcmp(type, "namespace") == 0)
		return group_runs_inside(tool);
	return one_of(type, words[protocol]);
}

static int check_tools(int protocol, const json_t *body, struct policy_verdict *why)
{
	const json_t *tools = json_object_get(body, "tools"), *tool;
	size_t i;

	if (json_array_size(tools) > MODEL_MAX_TOOLS)
		return model_refuse(why, "tools", "/tools", "more than %d tools", MODEL_MAX_TOOLS);
	json_array_foreach(tools, i, tool) {
		const char *type = json_string_value(json_object_get(tool, "type"));
		char place[32];

		if (runs_inside(protocol, tool))
			continue;
		(void)snprintf(place, sizeof(place), "/tools/%zu", i);
		return model_refuse(why, "tools", place,
				    "the tool '%.60s' is run by the provider, outside of the "
				    "replica: only tools that the agent itself runs are allowed",
				    type ? type : "without a type");
	}
	return 0;
}

/* ---- what a provider would fetch ---- */

static bool is_elsewhere(const json_t *v)
{
	const char *url = json_string_value(json_is_object(v) ? json_object_get(v, "url") : v);

	return url && strncmp(url, "data:", 5) != 0;
}

static bool names_a_place(const json_t *o)
{
	const char *type = json_string_value(json_object_get(o, "type"));

	return is_elsewhere(json_object_get(o, "image_url")) ||
	       is_elsewhere(json_object_get(o, "file_url")) || json_object_get(o, "file_id") ||
	       json_object_get(o, "fileData") || json_object_get(o, "file_data_uri") ||
	       (type && json_object_get(o, "url") &&
		(strcmp(type, "url") == 0 || strcmp(type, "image") == 0));
}

/* What tools are given and take has names of their own. */
static bool is_of_a_tool(const char *key, const json_t *v)
{
	static const char *const keys[] = { "input",	  "args",	  "arguments", "schema",
					    "parameters", "input_schema", "tools" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(key, keys[i]) == 0)
			return i > 0 || json_is_object(v); /* a list of that name: messages */
	return false;
}

static bool fetches(const json_t *v)
{
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_object(v) && names_a_place(v))
		return true;
	json_array_foreach(v, i, member) {
		if (fetches(member))
			return true;
	}
	json_object_foreach((json_t *)(uintptr_t)v, key, member) {
		if (!is_of_a_tool(key, member) && fetches(member))
			return true;
	}
	return false;
}

int model_bounds(int protocol, const json_t *body, struct policy_verdict *why)
{
	int r = check_size(body, why);

	if (r == 0)
		r = check_numbers(body, why);
	if (r == 0)
		r = check_numbers(json_object_get(body, "generationConfig"), why);
	if (r == 0 && protocol != MODEL_TURN)
		r = check_members(body, why);
	if (r == 0)
		r = check_tools(protocol, body, why);
	if (r == 0 && protocol != MODEL_TURN && fetches(body))
		r = model_refuse(why, "request", "body",
				 "the request names a file or an address that the provider would "
				 "fetch: put its content into the request");
	return r;
}

uint64_t model_wants(int protocol, const json_t *body)
{
	static const char *const names[MODEL_PROTOCOL_N][2] = {
		[MODEL_TURN] = { "max_output" },
		[MODEL_ANTHROPIC] = { "max_tokens" },
		[MODEL_CHAT] = { "max_completion_tokens", "max_tokens" },
		[MODEL_RESPONSES] = { "max_output_tokens" },
		[MODEL_GOOGLE] = { "maxOutputTokens" },
	};
	const json_t *o =
		protocol == MODEL_GOOGLE ? json_object_get(body, "generationConfig") : body;

	for (size_t i = 0; i < 2 && names[protocol][i]; i++) {
		const double n = json_number_value(json_object_get(o, names[protocol][i]));

		if (n >= 1)
			return (uint64_t)n;
	}
	return 0;
}
