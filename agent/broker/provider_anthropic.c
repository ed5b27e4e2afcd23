/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/provider_anthropic.h"

#include <string.h>

#include "agent/broker/provider_ops.h"
#include "runtime/base/jmap.h"

/* Anthropic Messages (POST /v1/messages): turns and wire bodies to bytes, answers and events back.
 */

#define THINKING_LEAST 1024 /* the provider takes no smaller budget */

static int path(const struct provider_request *rq, struct buf *out, struct err *e)
{
	(void)rq;
	buf_puts(out, "/v1/messages");
	return buf_check(out, "path", e);
}

/* --- requests --- */

static json_t *cached(void)
{
	return json_pack("{ss}", "type", "ephemeral");
}

/* One PART as a block; an opaque part of another provider is left out (NULL, 0). */
static int block_of(const json_t *part, json_t **out, struct err *e)
{
	const char *type = json_string_value(json_object_get(part, "type"));
	const json_t *error = json_object_get(part, "error");
	json_t *made = NULL;

	if (strcmp(type, "opaque") == 0) {
		struct err not_ours = ERR_INIT;

		(void)keep_by_kind(anthropic_opaque, json_object_get(part, "value"), EINVAL, out,
				   &not_ours);
		return 0;
	}
	if (strcmp(type, "text") == 0)
		made = json_pack("{ss, sO}", "type", "text", "text", json_object_get(part, "text"));
	else if (strcmp(type, "call") == 0)
		made = json_pack("{ss, sO, sO, sO}", "type", "tool_use", "id",
				 json_object_get(part, "id"), "name", json_object_get(part, "name"),
				 "input", json_object_get(part, "input"));
	else
		made = json_pack("{ss, sO, sO, sb}", "type", "tool_result", "tool_use_id",
				 json_object_get(part, "id"), "content",
				 json_object_get(part, "text"), "is_error", json_is_true(error));
	*out = made;
	return made ? 0 : err_set(e, ENOMEM, "out of memory");
}

/* The provider refuses texts without a character and messages without a block. */
static bool says_something(const json_t *part)
{
	const json_t *text = json_object_get(part, "text");

	return strcmp(json_string_value(json_object_get(part, "type")), "text") != 0 ||
	       json_string_length(text) > 0;
}

static int messages_of(const json_t *turn, json_t *out, struct err *e)
{
	json_t *message;
	size_t i;

	json_array_foreach(json_object_get(turn, "messages"), i, message) {
		AUTO_JSON json_t *content = json_array();
		json_t *part;
		size_t k;

		json_array_foreach(json_object_get(message, "content"), k, part) {
			json_t *block = NULL;

			if (!says_something(part))
				continue;
			if (block_of(part, &block, e) < 0)
				return -e->code;
			if (block && json_array_append_new(content, block) < 0)
				return err_set(e, ENOMEM, "out of memory");
		}
		if (json_array_size(content) > 0 &&
		    json_array_append_new(out, json_pack("{sO, sO}", "role",
							 json_object_get(message, "role"),
							 "content", content)) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

static json_t *tools_of(const json_t *turn)
{
	json_t *out = json_array();
	json_t *tool;
	size_t i;

	json_array_foreach(json_object_get(turn, "tools"), i, tool)
		if (json_array_append_new(
			    out, json_pack("{sO, sO, sO}", "name", json_object_get(tool, "name"),
					   "description", json_object_get(tool, "description"),
					   "input_schema", json_object_get(tool, "schema"))) < 0) {
			json_decref(out);
			return NULL;
		}
	return out;
}

/* The conversation up to here is what the next call begins with: let it be cached. */
static int mark_cached(const json_t *messages, struct err *e)
{
	const json_t *last = json_array_get(messages, json_array_size(messages) - 1);
	const json_t *content = json_object_get(last, "content");
	json_t *block = json_array_get(content, json_array_size(content) - 1);
	const char *type = json_string_value(json_object_get(block, "type"));

	if (!type || strstr(type, "thinking"))
		return 0;
	if (json_object_set_new(block, "cache_control", cached()) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return 0;
}

static int from_turn(const json_t *turn, json_t **out, struct err *e)
{
	const json_t *system = json_object_get(turn, "system");
	AUTO_JSON json_t *body = json_object();
	AUTO_JSON json_t *messages = json_array();
	int bad = 0;

	if (messages_of(turn, messages, e) < 0 || mark_cached(messages, e) < 0)
		return -e->code;
	if (json_string_length(system) > 0)
		bad |= json_object_set_new(body, "system",
					   json_pack("[{ss, sO, so}]", "type", "text", "text",
						     system, "cache_control", cached()));
	if (json_array_size(json_object_get(turn, "tools")) > 0)
		bad |= json_object_set_new(body, "tools", tools_of(turn));
	bad |= json_object_set(body, "messages", messages);
	if (json_object_get(turn, "max_output"))
		bad |= json_object_set(body, "max_tokens", json_object_get(turn, "max_output"));
	if (bad)
		return err_set(e, ENOMEM, "out of memory");
	*out = take_ptr(body);
	return 0;
}

/* A budget of thinking must stay below the tokens of the whole answer. */
static int bound_thinking(json_t *body, uint64_t most, struct err *e)
{
	json_t *thinking = json_object_get(body, "thinking");
	const uint64_t budget = usage_count(thinking, "budget_tokens");

	if (budget == 0 || budget < most)
		return 0;
	if (most <= THINKING_LEAST)
		return json_object_del(body, "thinking");
	return json_object_set_new(thinking, "budget_tokens", json_integer((json_int_t)most - 1)) <
			       0
		       ? err_set(e, ENOMEM, "out of memory")
		       : 0;
}

static int request_write(const struct provider_request *rq, struct buf *out, struct err *e)
{
	AUTO_JSON json_t *body = NULL;
	uint64_t most;

	if (request_body(rq, from_turn, anthropic_request, &body, e) < 0)
		return -e->code;
	most = smaller_limit(usage_count(body, "max_tokens"), rq->max_output);
	if (most == 0)
		return err_set(e, EINVAL, "/max_tokens: is missing");
	if (json_object_set_new(body, "model", json_string(rq->model)) < 0 ||
	    json_object_set_new(body, "max_tokens", json_integer((json_int_t)most)) < 0 ||
	    json_object_set_new(body, "stream", json_boolean(rq->stream)) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return bound_thinking(body, most, e) < 0 ? -e->code : provider_dump(body, out, e);
}

/* --- answers --- */

static const struct stop_word stops[] = {
	{ "end_turn", "end" },	  { "stop_sequence", "end" },
	{ "tool_use", "tool" },	  { "max_tokens", "length" },
	{ "refusal", "refused" }, { "model_context_window_exceeded", "length" },
	{ NULL, NULL },
};

/* input_tokens is only what came from no cache; later events may say some of the counts again. */
static void take_usage(struct provider_reading *r, const json_t *usage)
{
	const json_t *fresh = json_object_get(usage, "input_tokens");
	const json_t *output = json_object_get(usage, "output_tokens");

	if (json_is_integer(fresh) && (!r->started || usage_count(usage, "input_tokens") > 0)) {
		r->usage.cached = usage_count(usage, "cache_read_input_tokens");
		r->usage.cache_write = usage_count(usage, "cache_creation_input_tokens");
		r->usage.input =
			usage_count(usage, "input_tokens") + r->usage.cached + r->usage.cache_write;
	}
	if (json_is_integer(output))
		r->usage.output = usage_count(usage, "output_tokens");
}

static void take_stop(struct provider_reading *r, const json_t *from)
{
	const char *reason = json_string_value(json_object_get(from, "stop_reason"));

	if (reason)
		r->stop = stop_of(stops, reason);
}

/* A block as a PART, with what is still to come left empty. */
static json_t *part_of(const json_t *block, bool whole)
{
	const char *type = json_string_value(json_object_get(block, "type"));

	if (strcmp(type, "text") == 0)
		return part_text(json_string_value(json_object_get(block, "text")));
	if (strcmp(type, "tool_use") == 0)
		return part_call(json_string_value(json_object_get(block, "id")),
				 json_string_value(json_object_get(block, "name")),
				 whole ? json_object_get(block, "input") : NULL);
	return part_opaque(json_deep_copy(block));
}

static int on_start(struct provider_reading *r, const json_t *kept, struct err *e)
{
	const json_t *message = json_object_get(kept, "message");

	if (r->started)
		return err_set(e, EBADMSG, "the answer begins twice");
	take_usage(r, json_object_get(message, "usage"));
	r->started = true;
	return 0;
}

static int on_block_start(struct provider_reading *r, const json_t *kept, struct err *e)
{
	const json_int_t at = json_integer_value(json_object_get(kept, "index"));
	const json_t *block = json_object_get(kept, "content_block");
	const char *member = json_object_get(block, "thinking") ? "thinking" : "text";
	const json_t *text = json_object_get(block, member);

	if (!r->turn)
		return 0;
	if (gather_begin(r, at, part_of(block, false), text ? member : NULL, e) < 0)
		return -e->code;
	return text ? gather_add(r, at, json_string_value(text), json_string_length(text), e) : 0;
}

/* A signature comes whole, and belongs to the thinking that is being put together. */
static int sign(struct provider_reading *r, json_int_t at, const json_t *signature, struct err *e)
{
	json_t *value = json_object_get(gather_part(r, at), "value");

	if (!value)
		return err_set(e, EBADMSG, "part %lld of the answer is no thinking", (long long)at);
	if (json_object_set(value, "signature", (json_t *)(uintptr_t)signature) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return 0;
}

static int on_block_delta(struct provider_reading *r, const json_t *kept, struct err *e)
{
	static const char *const kinds[][2] = {
		{ "text_delta", "text" },
		{ "input_json_delta", "partial_json" },
		{ "thinking_delta", "thinking" },
	};
	const json_int_t at = json_integer_value(json_object_get(kept, "index"));
	const json_t *delta = json_object_get(kept, "delta");
	const char *type = json_string_value(json_object_get(delta, "type"));
	const json_t *text;

	if (!r->turn)
		return 0;
	if (strcmp(type, "signature_delta") == 0)
		return sign(r, at, json_object_get(delta, "signature"), e);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(type, kinds[i][0]) != 0)
			continue;
		text = json_object_get(delta, kinds[i][1]);
		return gather_add(r, at, json_string_value(text), json_string_length(text), e);
	}
	return 0;
}

static int on_block_stop(struct provider_reading *r, const json_t *kept, struct err *e)
{
	return r->turn ? gather_end(r, json_integer_value(json_object_get(kept, "index")), e) : 0;
}

static int on_delta(struct provider_reading *r, const json_t *kept, struct err *e)
{
	(void)e;
	take_usage(r, json_object_get(kept, "usage"));
	take_stop(r, json_object_get(kept, "delta"));
	return 0;
}

static int on_stop(struct provider_reading *r, const json_t *kept, struct err *e)
{
	(void)kept;
	if (!r->stop)
		return err_set(e, EBADMSG, "the answer ends without saying why");
	r->usage.known = true;
	return gather_end_all(r, e) < 0 ? -e->code : 1;
}

static int on_ping(struct provider_reading *r, const json_t *kept, struct err *e)
{
	(void)r;
	(void)kept;
	(void)e;
	return 0;
}

static const struct {
	const char *type;
	int (*run)(struct provider_reading *r, const json_t *kept, struct err *e);
	bool before; /* may come before the answer begins */
} handlers[] = {
	{ "message_start", on_start, true },
	{ "content_block_start", on_block_start, false },
	{ "content_block_delta", on_block_delta, false },
	{ "content_block_stop", on_block_stop, false },
	{ "message_delta", on_delta, false },
	{ "message_stop", on_stop, false },
	{ "ping", on_ping, true },
};

static int event(struct provider_reading *r, const char *name, const json_t *data, json_t **kept,
		 struct err *e)
{
	const char *type = json_string_value(json_object_get(data, "type"));

	if (!type || (name && strcmp(name, type) != 0))
		return err_set(e, EBADMSG, "event '%.40s' is of type '%.40s'", name ? name : "",
			       type ? type : "");
	if (strcmp(type, "error") == 0)
		return provider_failed(json_object_get(data, "error"), e);
	if (keep_by_kind(anthropic_events, data, EBADMSG, kept, e) < 0)
		return err_wrap(e, "event '%.40s'", type);
	for (size_t i = 0; *kept && i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		if (strcmp(type, handlers[i].type) != 0)
			continue;
		if (!r->started && !handlers[i].before)
			return err_set(e, EBADMSG, "event '%s' before the answer begins", type);
		return handlers[i].run(r, *kept, e);
	}
	return 0;
}

static int whole(struct provider_reading *r, const json_t *data, json_t **kept, struct err *e)
{
	json_t *block;
	size_t i;

	if (strcmp(json_is_string(json_object_get(data, "type"))
			   ? json_string_value(json_object_get(data, "type"))
			   : "",
		   "error") == 0)
		return provider_failed(json_object_get(data, "error"), e);
	if (keep(anthropic_answer, data, EBADMSG, kept, e) < 0)
		return err_wrap(e, "answer");
	take_usage(r, json_object_get(*kept, "usage"));
	take_stop(r, *kept);
	r->usage.known = true;
	if (r->turn) {
		json_array_foreach(json_object_get(*kept, "content"), i, block)
			if (gather_whole(r, part_of(block, true), e) < 0)
				return -e->code;
	}
	return r->stop ? 0 : err_set(e, EBADMSG, "answer: /stop_reason: is missing");
}

static const char *const headers[] = { "anthropic-version: 2023-06-01",
				       "content-type: application/json", NULL };

const struct provider_ops provider_anthropic = {
	.pub = { .protocol = MODEL_ANTHROPIC,
		 .path = path,
		 .headers = headers,
		 .key_header = "x-api-key: ",
		 .write = request_write },
	.error = anthropic_error,
	.event = event,
	.whole = whole,
};
