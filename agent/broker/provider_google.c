/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "agent/broker/provider_google.h"
#include "agent/broker/provider_ops.h"
#include "runtime/base/jmap.h"

/*
 * Google generateContent and streamGenerateContent.  What a model thought
 * comes as a signature beside a part and has to stand there again: in a turn
 * it is an opaque part before the one that it belongs to.
 */

#define KEY_TEXT 0

static int path(const struct provider_request *rq, struct buf *out, struct err *e)
{
	buf_puts(out, "/v1beta/models/");
	for (const char *p = rq->model; *p; p++)
		if (isalnum((unsigned char)*p) || strchr("-._~", *p))
			buf_putc(out, *p);
		else
			buf_printf(out, "%%%02X", (unsigned char)*p);
	buf_puts(out, rq->stream ? ":streamGenerateContent?alt=sse" : ":generateContent");
	return buf_check(out, "path", e);
}

/* --- requests --- */

static const char *text_of(const json_t *part, const char *name)
{
	return json_string_value(json_object_get(part, name));
}

/* The name of the call that this result answers: the latest with its id. */
static const char *called(const json_t *messages, size_t before, const char *id)
{
	for (size_t i = before; i-- > 0;) {
		const json_t *content = json_object_get(json_array_get(messages, i), "content");

		for (size_t k = json_array_size(content); k-- > 0;) {
			const json_t *part = json_array_get(content, k);

			if (strcmp(text_of(part, "type"), "call") == 0 &&
			    strcmp(text_of(part, "id"), id) == 0)
				return text_of(part, "name");
		}
	}
	return NULL;
}

/* Ids that were made here, for want of the provider's, are not the provider's to see. */
static int set_id(json_t *of, const char *id, struct err *e)
{
	if (strncmp(id, GOOGLE_OWN_ID, sizeof(GOOGLE_OWN_ID) - 1) == 0)
		return 0;
	return json_object_set_new(of, "id", json_string(id)) < 0
		       ? err_set(e, ENOMEM, "out of memory")
		       : 0;
}

static int result_of(const json_t *messages, size_t at, const json_t *part, json_t **out,
		     struct err *e)
{
	const char *name = called(messages, at, text_of(part, "id"));
	const bool error = json_is_true(json_object_get(part, "error"));
	json_t *made;

	if (!name)
		return err_set(e, EINVAL,
			       "/messages/%zu: a result of '%.40s', which was not called", at,
			       text_of(part, "id"));
	made = json_pack("{s{ss, s{sO}}}", "functionResponse", "name", name, "response",
			 error ? "error" : "output", json_object_get(part, "text"));
	if (!made)
		return err_set(e, ENOMEM, "out of memory");
	*out = made;
	return set_id(json_object_get(made, "functionResponse"), text_of(part, "id"), e);
}

static int call_of(const json_t *part, json_t **out, struct err *e)
{
	*out = json_pack("{s{sO, sO}}", "functionCall", "name", json_object_get(part, "name"),
			 "args", json_object_get(part, "input"));
	if (!*out)
		return err_set(e, ENOMEM, "out of memory");
	return set_id(json_object_get(*out, "functionCall"), text_of(part, "id"), e);
}

/* One PART; an opaque one is not a part but goes with the next (*signature, borrowed). */
static int part_of(const json_t *messages, size_t at, const json_t *part, const json_t **signature,
		   json_t **out, struct err *e)
{
	const char *type = text_of(part, "type");
	int r = 0;

	if (strcmp(type, "opaque") == 0) {
		*signature = json_object_get(json_object_get(part, "value"), "thoughtSignature");
		return 0;
	}
	if (strcmp(type, "text") == 0)
		*out = json_pack("{sO}", "text", json_object_get(part, "text"));
	else if (strcmp(type, "call") == 0)
		r = call_of(part, out, e);
	else
		r = result_of(messages, at, part, out, e);
	if (r < 0)
		return r;
	if (!*out ||
	    (json_is_string(*signature) &&
	     json_object_set(*out, "thoughtSignature", (json_t *)(uintptr_t)*signature) < 0))
		return err_set(e, ENOMEM, "out of memory");
	*signature = NULL;
	return 0;
}

static int contents_of(const json_t *turn, json_t *out, struct err *e)
{
	const json_t *messages = json_object_get(turn, "messages");
	json_t *message;
	size_t i;

	json_array_foreach(messages, i, message) {
		const bool user = strcmp(text_of(message, "role"), "user") == 0;
		AUTO_JSON json_t *parts = json_array();
		const json_t *signature = NULL;
		json_t *part;
		size_t k;

		json_array_foreach(json_object_get(message, "content"), k, part) {
			AUTO_JSON json_t *made = NULL;

			if (part_of(messages, i, part, &signature, &made, e) < 0)
				return -e->code;
			if (made && json_array_append(parts, made) < 0)
				return err_set(e, ENOMEM, "out of memory");
		}
		if (json_array_size(parts) > 0 &&
		    json_array_append_new(out, json_pack("{ss, sO}", "role",
							 user ? "user" : "model", "parts", parts)) <
			    0)
			return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

static int from_turn(const json_t *turn, json_t **out, struct err *e)
{
	AUTO_JSON json_t *body = json_object();
	AUTO_JSON json_t *contents = json_array();
	AUTO_JSON json_t *tools = json_array();
	const json_t *system = json_object_get(turn, "system");
	json_t *tool;
	size_t i;
	int bad = 0;

	if (contents_of(turn, contents, e) < 0)
		return -e->code;
	json_array_foreach(json_object_get(turn, "tools"), i, tool)
		bad |= json_array_append_new(
			tools, json_pack("{sO, sO, sO}", "name", json_object_get(tool, "name"),
					 "description", json_object_get(tool, "description"),
					 "parametersJsonSchema", json_object_get(tool, "schema")));
	if (json_string_length(system) > 0)
		bad |= json_object_set_new(body, "systemInstruction",
					   json_pack("{s[{sO}]}", "parts", "text", system));
	if (json_array_size(tools))
		bad |= json_object_set_new(body, "tools",
					   json_pack("[{sO}]", "functionDeclarations", tools));
	bad |= json_object_set(body, "contents", contents);
	if (json_object_get(turn, "max_output"))
		bad |= json_object_set_new(
			body, "generationConfig",
			json_pack("{sO}", "maxOutputTokens", json_object_get(turn, "max_output")));
	if (bad)
		return err_set(e, ENOMEM, "out of memory");
	*out = take_ptr(body);
	return 0;
}

/* A tool whose only members were the provider's own is an empty object by now. */
static void drop_empty_tools(json_t *body)
{
	json_t *tools = json_object_get(body, "tools");

	for (size_t i = json_array_size(tools); i-- > 0;)
		if (json_object_size(json_array_get(tools, i)) == 0)
			(void)json_array_remove(tools, i);
	if (json_is_array(tools) && json_array_size(tools) == 0)
		(void)json_object_del(body, "tools");
}

static int bound_output(json_t *body, uint64_t limit, struct err *e)
{
	json_t *config = json_object_get(body, "generationConfig");
	const uint64_t most = smaller_limit(usage_count(config, "maxOutputTokens"), limit);

	if (usage_count(config, "candidateCount") > 1)
		return err_set(
			e, EINVAL,
			"/generationConfig/candidateCount: one answer is asked for at a time");
	if (most == 0)
		return 0;
	if (!json_is_object(config)) {
		config = json_object();
		if (json_object_set_new(body, "generationConfig", config) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	if (json_object_set_new(config, "maxOutputTokens", json_integer((json_int_t)most)) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return 0;
}

static int request_write(const struct provider_request *rq, struct buf *out, struct err *e)
{
	AUTO_JSON json_t *body = NULL;

	if (request_body(rq, from_turn, google_request, &body, e) < 0)
		return -e->code;
	drop_empty_tools(body);
	return bound_output(body, rq->max_output, e) < 0 ? -e->code : provider_dump(body, out, e);
}

/* --- answers --- */

static const struct stop_word stops[] = {
	{ "STOP", "end" },	    { "MAX_TOKENS", "length" },
	{ "SAFETY", "refused" },    { "RECITATION", "refused" },
	{ "BLOCKLIST", "refused" }, { "PROHIBITED_CONTENT", "refused" },
	{ "SPII", "refused" },	    { NULL, NULL },
};

/* Each event says the counts again; only those of the last are final. */
static void take_usage(struct provider_reading *r, const json_t *usage)
{
	if (!json_is_object(usage))
		return;
	r->usage.input = usage_count(usage, "promptTokenCount") +
			 usage_count(usage, "toolUsePromptTokenCount");
	r->usage.reasoning = usage_count(usage, "thoughtsTokenCount");
	r->usage.output = usage_count(usage, "candidatesTokenCount") + r->usage.reasoning;
	r->usage.cached = usage_count(usage, "cachedContentTokenCount");
}

static int take_call(struct provider_reading *r, const json_t *call, struct err *e)
{
	const char *id = text_of(call, "id");
	AUTO_JSON json_t *none = json_object();
	const json_t *args = json_object_get(call, "args");
	char own[32];

	(void)snprintf(own, sizeof(own), GOOGLE_OWN_ID "%zu", r->n_parts);
	return gather_whole(r,
			    part_call(id && *id ? id : own, text_of(call, "name"),
				      json_is_object(args) ? args : none),
			    e);
}

/* Texts that follow each other are one text. */
static int take_text(struct provider_reading *r, const json_t *text, struct err *e)
{
	if (!gather_part(r, KEY_TEXT) && gather_begin(r, KEY_TEXT, part_text(""), "text", e) < 0)
		return -e->code;
	return gather_add(r, KEY_TEXT, json_string_value(text), json_string_length(text), e);
}

static int take_part(struct provider_reading *r, const json_t *part, struct err *e)
{
	const json_t *text = json_object_get(part, "text");
	const json_t *call = json_object_get(part, "functionCall");
	const json_t *signature = json_object_get(part, "thoughtSignature");

	if (json_is_true(json_object_get(part, "thought")))
		return 0;
	if (json_is_string(signature) || json_is_object(call))
		if (gather_end_all(r, e) < 0)
			return -e->code;
	if (json_is_string(signature) &&
	    gather_whole(r, part_opaque(json_pack("{sO}", "thoughtSignature", signature)), e) < 0)
		return -e->code;
	if (json_is_object(call))
		return take_call(r, call, e);
	if (json_is_string(text) && (json_string_length(text) > 0 || json_is_string(signature)))
		return take_text(r, text, e);
	return 0;
}

static int take_candidate(struct provider_reading *r, const json_t *candidate, struct err *e)
{
	const char *reason = text_of(candidate, "finishReason");
	json_t *part;
	size_t i;

	if (r->turn)
		json_array_foreach(json_object_get(json_object_get(candidate, "content"), "parts"),
				   i, part)
			if (take_part(r, part, e) < 0)
				return -e->code;
	if (!reason)
		return 0;
	r->stop = stop_of(stops, reason);
	if (gather_has_call(r) && strcmp(r->stop, "end") == 0)
		r->stop = "tool";
	return gather_end_all(r, e);
}

/* The stream has no end mark: it is whole once it says why it ended, and more may still come. */
static int take(struct provider_reading *r, const json_t *kept, struct err *e)
{
	const json_t *candidates = json_object_get(kept, "candidates");

	if (json_array_size(candidates) > 1)
		return err_set(e, EBADMSG, "/candidates: one was asked for");
	r->started = true;
	take_usage(r, json_object_get(kept, "usageMetadata"));
	if (json_array_size(candidates) == 1 &&
	    take_candidate(r, json_array_get(candidates, 0), e) < 0)
		return -e->code;
	if (text_of(json_object_get(kept, "promptFeedback"), "blockReason"))
		r->stop = "refused";
	r->usage.known = r->stop != NULL && json_object_get(kept, "usageMetadata") != NULL;
	return 0;
}

static int event(struct provider_reading *r, const char *name, const json_t *data, json_t **kept,
		 struct err *e)
{
	(void)name;
	return answer_kept(google_answer, "event", data, kept, e) < 0 ? -e->code
								      : take(r, *kept, e);
}

static int whole(struct provider_reading *r, const json_t *data, json_t **kept, struct err *e)
{
	if (answer_kept(google_answer, "answer", data, kept, e) < 0 || take(r, *kept, e) < 0)
		return -e->code;
	return r->stop ? 0 : err_set(e, EBADMSG, "answer: /candidates/0/finishReason: is missing");
}

static const char *const headers[] = { "content-type: application/json", NULL };

const struct provider_ops provider_google = {
	.pub = { .protocol = MODEL_GOOGLE,
		 .path = path,
		 .headers = headers,
		 .key_header = "x-goog-api-key: ",
		 .write = request_write },
	.no_end_mark = true,
	.error = google_error,
	.event = event,
	.whole = whole,
};
