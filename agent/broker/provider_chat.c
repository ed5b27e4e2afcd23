/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/provider_chat.h"

#include <string.h>

#include "agent/broker/provider_ops.h"
#include "runtime/base/jmap.h"

/* OpenAI Chat Completions (POST /v1/chat/completions), also of compatible servers. */

/* Keys of the parts that are being put together; a call's is its index. */
#define KEY_REASONING (-2)
#define KEY_TEXT      (-3)

static int path(const struct provider_request *rq, struct buf *out, struct err *e)
{
	(void)rq;
	buf_puts(out, "/v1/chat/completions");
	return buf_check(out, "path", e);
}

/* --- requests --- */

static bool is(const json_t *part, const char *type)
{
	return strcmp(json_string_value(json_object_get(part, "type")), type) == 0;
}

static const char *text_of(const json_t *part, const char *name)
{
	return json_string_value(json_object_get(part, name));
}

static int add_call(json_t *calls, const json_t *part, struct err *e)
{
	AUTO_FREE char *arguments = json_dumps(json_object_get(part, "input"), JSON_COMPACT);

	if (!arguments ||
	    json_array_append_new(calls, json_pack("{ss, ss, s{ss, ss}}", "id", text_of(part, "id"),
						   "type", "function", "function", "name",
						   text_of(part, "name"), "arguments", arguments)) <
		    0)
		return err_set(e, ENOMEM, "out of memory");
	return 0;
}

/* What the assistant said: one message. */
static int add_assistant(json_t *out, const json_t *content, struct err *e)
{
	AUTO_JSON json_t *message = json_pack("{ss, sn}", "role", "assistant", "content");
	AUTO_JSON json_t *calls = json_array();
	AUTO_BUF struct buf text = BUF_INIT(MODEL_MAX_REQUEST);
	const json_t *thought = NULL;
	json_t *part;
	size_t i;
	int bad = 0;

	json_array_foreach(content, i, part) {
		if (is(part, "text"))
			buf_puts(&text, text_of(part, "text"));
		else if (is(part, "call") && add_call(calls, part, e) < 0)
			return -e->code;
		else if (is(part, "opaque") && !thought)
			thought = json_object_get(json_object_get(part, "value"),
						  "reasoning_content");
	}
	if (buf_check(&text, "messages", e) < 0)
		return -e->code;
	if (text.n)
		bad |= json_object_set_new(message, "content", json_stringn(text.p, text.n));
	/* wanted back while tools are used, and by some servers refused elsewhere */
	if (json_is_string(thought) && json_array_size(calls))
		bad |= json_object_set(message, "reasoning_content", (json_t *)(uintptr_t)thought);
	if (json_array_size(calls))
		bad |= json_object_set(message, "tool_calls", calls);
	if (!text.n && !json_array_size(calls))
		return 0;
	return bad || json_array_append(out, message) < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

/* What the user said: a message for each result, then one for the text. */
static int add_user(json_t *out, const json_t *content, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(MODEL_MAX_REQUEST);
	json_t *part;
	size_t i;
	int bad = 0;

	json_array_foreach(content, i, part) {
		if (is(part, "result"))
			bad |= json_array_append_new(out, json_pack("{ss, ss, sO}", "role", "tool",
								    "tool_call_id",
								    text_of(part, "id"), "content",
								    json_object_get(part, "text")));
		else if (is(part, "text"))
			buf_puts(&text, text_of(part, "text"));
	}
	if (text.n)
		bad |= json_array_append_new(out, json_pack("{ss, so}", "role", "user", "content",
							    json_stringn(text.p, text.n)));
	if (bad)
		return err_set(e, ENOMEM, "out of memory");
	return buf_check(&text, "messages", e);
}

static int messages_of(const json_t *turn, json_t *out, struct err *e)
{
	const json_t *system = json_object_get(turn, "system");
	json_t *message;
	size_t i;

	if (json_string_length(system) > 0 &&
	    json_array_append_new(out, json_pack("{ss, sO}", "role", "system", "content", system)) <
		    0)
		return err_set(e, ENOMEM, "out of memory");
	json_array_foreach(json_object_get(turn, "messages"), i, message) {
		const json_t *content = json_object_get(message, "content");
		const bool user = strcmp(text_of(message, "role"), "user") == 0;

		if ((user ? add_user(out, content, e) : add_assistant(out, content, e)) < 0)
			return -e->code;
	}
	return 0;
}

static int from_turn(const json_t *turn, json_t **out, struct err *e)
{
	AUTO_JSON json_t *body = json_object();
	AUTO_JSON json_t *messages = json_array();
	AUTO_JSON json_t *tools = json_array();
	json_t *tool;
	size_t i;
	int bad = 0;

	if (messages_of(turn, messages, e) < 0)
		return -e->code;
	json_array_foreach(json_object_get(turn, "tools"), i, tool)
		bad |= json_array_append_new(
			tools, json_pack("{ss, s{sO, sO, sO}}", "type", "function", "function",
					 "name", json_object_get(tool, "name"), "description",
					 json_object_get(tool, "description"), "parameters",
					 json_object_get(tool, "schema")));
	bad |= json_object_set(body, "messages", messages);
	if (json_array_size(tools))
		bad |= json_object_set(body, "tools", tools);
	if (json_object_get(turn, "max_output"))
		bad |= json_object_set(body, "max_completion_tokens",
				       json_object_get(turn, "max_output"));
	if (bad)
		return err_set(e, ENOMEM, "out of memory");
	*out = take_ptr(body);
	return 0;
}

/* The member that the caller chose is kept: servers differ in which of both they know. */
static int bound_output(json_t *body, uint64_t most, struct err *e)
{
	static const char *const names[] = { "max_tokens", "max_completion_tokens" };
	bool bounded = false;

	for (size_t i = 0; i < 2; i++) {
		const uint64_t own = usage_count(body, names[i]);

		if (own == 0 && json_object_get(body, names[i]))
			(void)json_object_del(body, names[i]);
		if (own == 0 && !(i == 1 && !bounded && most > 0))
			continue;
		bounded = true;
		if (json_object_set_new(body, names[i],
					json_integer((json_int_t)smaller_limit(own, most))) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

static int force(json_t *body, const struct provider_request *rq, struct err *e)
{
	int bad = json_object_set_new(body, "model", json_string(rq->model)) |
		  json_object_set_new(body, "stream", json_boolean(rq->stream));

	if (rq->stream)
		bad |= json_object_set_new(body, "stream_options",
					   json_pack("{sb}", "include_usage", 1));
	if (bad)
		return err_set(e, ENOMEM, "out of memory");
	return bound_output(body, rq->max_output, e);
}

static int request_write(const struct provider_request *rq, struct buf *out, struct err *e)
{
	AUTO_JSON json_t *body = NULL;

	if (request_body(rq, from_turn, chat_request, &body, e) < 0)
		return -e->code;
	if (usage_count(body, "n") > 1)
		return err_set(e, EINVAL, "/n: one answer is asked for at a time");
	return force(body, rq, e) < 0 ? -e->code : provider_dump(body, out, e);
}

/* --- answers --- */

static const struct stop_word stops[] = {
	{ "stop", "end" },	{ "tool_calls", "tool" },	 { "function_call", "tool" },
	{ "length", "length" }, { "content_filter", "refused" }, { NULL, NULL },
};

static void take_usage(struct provider_reading *r, const json_t *usage)
{
	if (!json_is_object(usage))
		return;
	r->usage.input = usage_count(usage, "prompt_tokens");
	r->usage.output = usage_count(usage, "completion_tokens");
	r->usage.cached = usage_sub(usage, "prompt_tokens_details", "cached_tokens");
	r->usage.reasoning = usage_sub(usage, "completion_tokens_details", "reasoning_tokens");
	r->usage.known = true;
}

static json_t *empty_part(int64_t key)
{
	if (key == KEY_TEXT)
		return part_text("");
	return part_opaque(json_pack("{ss}", "reasoning_content", ""));
}

static int add_text(struct provider_reading *r, int64_t key, const json_t *text, struct err *e)
{
	const char *member = key == KEY_TEXT ? "text" : "reasoning_content";

	if (!json_is_string(text) || json_string_length(text) == 0)
		return 0;
	if (!gather_part(r, key) && gather_begin(r, key, empty_part(key), member, e) < 0)
		return -e->code;
	return gather_add(r, key, json_string_value(text), json_string_length(text), e);
}

/* A call's id and name come with its first fragment; some servers send no id. */
static int begin_call(struct provider_reading *r, int64_t at, const json_t *call, struct err *e)
{
	const json_t *function = json_object_get(call, "function");
	const char *id = text_of(call, "id");
	const char *name = text_of(function, "name");
	char own[32];

	if (!name)
		return err_set(e, EBADMSG, "call %lld of the answer has no name", (long long)at);
	(void)snprintf(own, sizeof(own), "call-%zu", r->n_parts);
	return gather_begin(r, at, part_call(id && *id ? id : own, name, NULL), NULL, e);
}

static int add_calls(struct provider_reading *r, const json_t *calls, struct err *e)
{
	json_t *call;
	size_t i;

	json_array_foreach(calls, i, call) {
		const json_t *index = json_object_get(call, "index");
		const int64_t at = json_is_integer(index) ? json_integer_value(index) : (int64_t)i;
		const json_t *text =
			json_object_get(json_object_get(call, "function"), "arguments");

		if (at < 0 || at >= PROVIDER_MAX_PARTS)
			return err_set(e, EBADMSG, "call %lld of the answer is out of order",
				       (long long)at);
		if (!gather_part(r, at) && begin_call(r, at, call, e) < 0)
			return -e->code;
		if (json_is_string(text) &&
		    gather_add(r, at, json_string_value(text), json_string_length(text), e) < 0)
			return -e->code;
	}
	return 0;
}

/* The message, or the piece of it, of the one choice. */
static int take_choice(struct provider_reading *r, const json_t *choice, const char *member,
		       struct err *e)
{
	const json_t *said = json_object_get(choice, member);
	const char *reason = text_of(choice, "finish_reason");
	const json_t *thought = json_object_get(said, "reasoning_content");

	if (json_integer_value(json_object_get(choice, "index")) != 0)
		return err_set(e, EBADMSG, "/choices: one was asked for");
	if (reason)
		r->stop = stop_of(stops, reason);
	if (!r->turn)
		return 0;
	if (!json_is_string(thought))
		thought = json_object_get(said, "reasoning");
	if (add_text(r, KEY_REASONING, thought, e) < 0 ||
	    add_text(r, KEY_TEXT, json_object_get(said, "content"), e) < 0 ||
	    add_text(r, KEY_TEXT, json_object_get(said, "refusal"), e) < 0 ||
	    add_calls(r, json_object_get(said, "tool_calls"), e) < 0)
		return -e->code;
	return reason ? gather_end_all(r, e) : 0;
}

static int take(struct provider_reading *r, const json_t *kept, const char *member, struct err *e)
{
	json_t *choice;
	size_t i;

	r->started = true;
	take_usage(r, json_object_get(kept, "usage"));
	json_array_foreach(json_object_get(kept, "choices"), i, choice)
		if (take_choice(r, choice, member, e) < 0)
			return -e->code;
	return 0;
}

static int event(struct provider_reading *r, const char *name, const json_t *data, json_t **kept,
		 struct err *e)
{
	(void)name;
	return answer_kept(chat_chunk, "event", data, kept, e) < 0 ? -e->code
								   : take(r, *kept, "delta", e);
}

static int whole(struct provider_reading *r, const json_t *data, json_t **kept, struct err *e)
{
	if (answer_kept(chat_answer, "answer", data, kept, e) < 0 ||
	    take(r, *kept, "message", e) < 0)
		return -e->code;
	return r->stop ? 0 : err_set(e, EBADMSG, "answer: /choices/0/finish_reason: is missing");
}

static const char *const headers[] = { "content-type: application/json", NULL };

const struct provider_ops provider_chat = {
	.pub = { .protocol = MODEL_CHAT,
		 .path = path,
		 .version_in_base = true,
		 .headers = headers,
		 .key_header = "authorization: Bearer ",
		 .write = request_write },
	.end_mark = "[DONE]",
	.error = openai_error,
	.event = event,
	.whole = whole,
};
