/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/provider_responses.h"

#include <string.h>

#include "agent/broker/provider_chat.h"
#include "agent/broker/provider_ops.h"
#include "runtime/base/jmap.h"

/*
 * OpenAI Responses (POST /v1/responses).  Nothing is stored at the provider,
 * so what a model thought has to be asked for in a form that can be given
 * back (encrypted_content): a turn asks for it, and a wire request may.
 */

#define ENCRYPTED "reasoning.encrypted_content"

static int path(const struct provider_request *rq, struct buf *out, struct err *e)
{
	(void)rq;
	buf_puts(out, "/v1/responses");
	return buf_check(out, "path", e);
}

/* --- requests --- */

static const char *text_of(const json_t *part, const char *name)
{
	return json_string_value(json_object_get(part, name));
}

static json_t *call_of(const json_t *part)
{
	AUTO_FREE char *arguments = json_dumps(json_object_get(part, "input"), JSON_COMPACT);

	if (!arguments)
		return NULL;
	return json_pack("{ss, ss, ss, ss}", "type", "function_call", "call_id",
			 text_of(part, "id"), "name", text_of(part, "name"), "arguments",
			 arguments);
}

/* One PART as an item; an opaque part of another provider is left out (NULL, 0). */
static int item_of(const json_t *part, const char *role, json_t **out, struct err *e)
{
	const char *type = text_of(part, "type");

	if (strcmp(type, "opaque") == 0) {
		struct err not_ours = ERR_INIT;

		(void)keep_by_kind(responses_opaque, json_object_get(part, "value"), EINVAL, out,
				   &not_ours);
		return 0;
	}
	if (strcmp(type, "text") == 0)
		*out = json_pack("{ss, ss, sO}", "type", "message", "role", role, "content",
				 json_object_get(part, "text"));
	else if (strcmp(type, "call") == 0)
		*out = call_of(part);
	else
		*out = json_pack("{ss, sO, sO}", "type", "function_call_output", "call_id",
				 json_object_get(part, "id"), "output",
				 json_object_get(part, "text"));
	return *out ? 0 : err_set(e, ENOMEM, "out of memory");
}

static int items_of(const json_t *turn, json_t *out, struct err *e)
{
	json_t *message;
	size_t i;

	json_array_foreach(json_object_get(turn, "messages"), i, message) {
		json_t *part;
		size_t k;

		json_array_foreach(json_object_get(message, "content"), k, part) {
			json_t *item = NULL;

			if (item_of(part, text_of(message, "role"), &item, e) < 0)
				return -e->code;
			if (item && json_array_append_new(out, item) < 0)
				return err_set(e, ENOMEM, "out of memory");
		}
	}
	return 0;
}

static int from_turn(const json_t *turn, json_t **out, struct err *e)
{
	AUTO_JSON json_t *body = json_pack("{s[s]}", "include", ENCRYPTED);
	AUTO_JSON json_t *items = json_array();
	AUTO_JSON json_t *tools = json_array();
	const json_t *system = json_object_get(turn, "system");
	json_t *tool;
	size_t i;
	int bad = body ? 0 : -1;

	if (items_of(turn, items, e) < 0)
		return -e->code;
	json_array_foreach(json_object_get(turn, "tools"), i, tool)
		bad |= json_array_append_new(
			tools, json_pack("{ss, sO, sO, sO, sb}", "type", "function", "name",
					 json_object_get(tool, "name"), "description",
					 json_object_get(tool, "description"), "parameters",
					 json_object_get(tool, "schema"), "strict", 0));
	if (json_string_length(system) > 0)
		bad |= json_object_set(body, "instructions", (json_t *)(uintptr_t)system);
	if (json_array_size(tools))
		bad |= json_object_set(body, "tools", tools);
	bad |= json_object_set(body, "input", items);
	if (json_object_get(turn, "max_output"))
		bad |= json_object_set(body, "max_output_tokens",
				       json_object_get(turn, "max_output"));
	if (bad)
		return err_set(e, ENOMEM, "out of memory");
	*out = take_ptr(body);
	return 0;
}

/* Of what may be included beside the answer, what no tool of the provider made. */
static int filter_include(json_t *body, struct err *e)
{
	static const char *const known[] = { ENCRYPTED, "message.output_text.logprobs" };
	const json_t *include = json_object_get(body, "include");
	json_t *made;
	json_t *one;
	size_t i;

	if (!json_is_array(include))
		return 0;
	made = json_array();
	json_array_foreach(include, i, one)
		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			if (strcmp(json_string_value(one), known[k]) == 0 &&
			    json_array_append(made, one) < 0) {
				json_decref(made);
				return err_set(e, ENOMEM, "out of memory");
			}
	if (json_object_set_new(body, "include", made) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return 0;
}

static int force(json_t *body, const struct provider_request *rq, struct err *e)
{
	const uint64_t most = smaller_limit(usage_count(body, "max_output_tokens"), rq->max_output);
	int bad = json_object_set_new(body, "model", json_string(rq->model)) |
		  json_object_set_new(body, "stream", json_boolean(rq->stream)) |
		  json_object_set_new(body, "store", json_false());

	if (!rq->stream)
		(void)json_object_del(body, "stream_options");
	if (most > 0)
		bad |= json_object_set_new(body, "max_output_tokens",
					   json_integer((json_int_t)most));
	return bad ? err_set(e, ENOMEM, "out of memory") : 0;
}

static int request_write(const struct provider_request *rq, struct buf *out, struct err *e)
{
	AUTO_JSON json_t *body = NULL;

	if (request_body(rq, from_turn, responses_request, &body, e) < 0 ||
	    (rq->protocol != MODEL_TURN && filter_include(body, e) < 0))
		return -e->code;
	return force(body, rq, e) < 0 ? -e->code : provider_dump(body, out, e);
}

/* --- answers --- */

static void take_usage(struct provider_reading *r, const json_t *usage)
{
	if (!json_is_object(usage))
		return;
	r->usage.input = usage_count(usage, "input_tokens");
	r->usage.output = usage_count(usage, "output_tokens");
	r->usage.cached = usage_sub(usage, "input_tokens_details", "cached_tokens");
	r->usage.reasoning = usage_sub(usage, "output_tokens_details", "reasoning_tokens");
	r->usage.known = true;
}

static int take_message(struct provider_reading *r, const json_t *item, struct err *e)
{
	const json_t *content = json_object_get(item, "content");
	json_t *part;
	size_t i;

	json_array_foreach(content, i, part) {
		const char *text = text_of(part, "text");

		if (!text)
			text = text_of(part, "refusal");
		if (text && gather_whole(r, part_text(text), e) < 0)
			return -e->code;
	}
	return 0;
}

static int take_call(struct provider_reading *r, const json_t *item, struct err *e)
{
	const json_t *arguments = json_object_get(item, "arguments");
	json_t *part = part_call(text_of(item, "call_id"), text_of(item, "name"), NULL);

	if (!part)
		return err_set(e, ENOMEM, "out of memory");
	if (part_input(part, json_string_value(arguments), json_string_length(arguments), e) < 0) {
		json_decref(part);
		return -e->code;
	}
	return gather_whole(r, part, e);
}

/* A finished item; those that a turn has no word for cannot come of what it asks. */
static int take_item(struct provider_reading *r, const json_t *item, struct err *e)
{
	const char *type = text_of(item, "type");

	if (!type)
		return err_set(e, EBADMSG, "an item of the answer has no type");
	if (strcmp(type, "message") == 0)
		return take_message(r, item, e);
	if (strcmp(type, "function_call") == 0)
		return take_call(r, item, e);
	/* without its encrypted content it could only be found where it is not stored */
	if (strcmp(type, "reasoning") == 0)
		return json_is_string(json_object_get(item, "encrypted_content"))
			       ? gather_whole(r, part_opaque(json_deep_copy(item)), e)
			       : 0;
	return err_set(e, EBADMSG, "an item '%.40s' in an answer to a turn", type);
}

/* A response that is over: its items, where no event brought them, its usage, and why it ended. */
static int take_response(struct provider_reading *r, const json_t *response, struct err *e)
{
	const char *status = text_of(response, "status");
	const char *reason = text_of(json_object_get(response, "incomplete_details"), "reason");
	json_t *item;
	size_t i;

	take_usage(r, json_object_get(response, "usage"));
	if (r->turn && r->n_parts == 0)
		json_array_foreach(json_object_get(response, "output"), i, item)
			if (take_item(r, item, e) < 0)
				return -e->code;
	if (reason)
		r->stop = strcmp(reason, "max_output_tokens") == 0 ? "length"
			  : strcmp(reason, "content_filter") == 0  ? "refused"
								   : "other";
	else if (status && strcmp(status, "completed") == 0)
		r->stop = gather_has_call(r) ? "tool" : "end";
	else
		r->stop = "other";
	return 0;
}

static bool is_passed_on(const char *type)
{
	for (size_t i = 0; responses_events[i]; i++)
		if (strcmp(type, responses_events[i]) == 0)
			return true;
	return false;
}

static int advance(struct provider_reading *r, const char *type, const json_t *kept, struct err *e)
{
	const json_t *response = json_object_get(kept, "response");

	if (strcmp(type, "response.created") == 0) {
		r->started = true;
		return 0;
	}
	if (!r->started)
		return err_set(e, EBADMSG, "event '%s' before the answer begins", type);
	if (strcmp(type, "response.output_item.done") == 0)
		return r->turn ? take_item(r, json_object_get(kept, "item"), e) : 0;
	if (strcmp(type, "response.completed") != 0 && strcmp(type, "response.incomplete") != 0)
		return 0;
	if (!response)
		return err_set(e, EBADMSG, "event '%s': /response: is missing", type);
	return take_response(r, response, e) < 0 ? -e->code : 1;
}

static int failed(struct provider_reading *r, const json_t *data, struct err *e)
{
	const json_t *response = json_object_get(data, "response");
	const json_t *error = json_object_get(response ? response : data, "error");

	take_usage(r, json_object_get(response, "usage"));
	return provider_failed(json_is_object(error) ? error : data, e);
}

static int event(struct provider_reading *r, const char *name, const json_t *data, json_t **kept,
		 struct err *e)
{
	const char *type = text_of(data, "type");

	if (!type || (name && strcmp(name, type) != 0))
		return err_set(e, EBADMSG, "event '%.40s' is of type '%.40s'", name ? name : "",
			       type ? type : "");
	if (strcmp(type, "error") == 0 || strcmp(type, "response.failed") == 0)
		return failed(r, data, e);
	if (!is_passed_on(type)) /* the format grows: what is not known is not passed on */
		return 0;
	if (keep(responses_event, data, EBADMSG, kept, e) < 0)
		return err_wrap(e, "event '%s'", type);
	return advance(r, type, *kept, e);
}

static int whole(struct provider_reading *r, const json_t *data, json_t **kept, struct err *e)
{
	const char *status = text_of(data, "status");

	if (json_is_object(json_object_get(data, "error")) ||
	    (status && strcmp(status, "failed") == 0))
		return failed(r, data, e);
	if (keep(responses_answer, data, EBADMSG, kept, e) < 0)
		return err_wrap(e, "answer");
	return take_response(r, *kept, e);
}

static const char *const headers[] = { "content-type: application/json", NULL };

const struct provider_ops provider_responses = {
	.pub = { .protocol = MODEL_RESPONSES,
		 .path = path,
		 .version_in_base = true,
		 .headers = headers,
		 .key_header = "authorization: Bearer ",
		 .write = request_write },
	.error = openai_error,
	.event = event,
	.whole = whole,
};
