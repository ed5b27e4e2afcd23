/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proto/model.h"

#include <ctype.h>
#include <string.h>

#include "agent/front/front.h"

/*
 * A provider's API, as its clients know it.  What they ask is a tree of values
 * that the gate and the broker check; what they hear is written here anew from
 * values that the broker kept.
 */

/* ---- the request ---- */

static void refuse_named(struct front_state *f, struct conn *c, int status, const char *name,
			 const char *text)
{
	const struct refusal r = { .status = status, .name = name, .text = text };

	refuse(f, c, front_protocol(f), &r);
}

static json_t *read_object(struct front_state *f, struct conn *c)
{
	const char *name = NULL;
	char why[256] = "";
	json_t *body = json_read_body(&c->body, &name, why);

	if (body && !json_is_object(body)) {
		json_decref(body);
		body = NULL;
		name = "bad-json";
		(void)snprintf(why, sizeof(why), "the body is no JSON object");
	}
	if (!body)
		refuse_named(f, c, strcmp(name, "json-too-large") == 0 ? 413 : 400, name, why);
	return body;
}

static void ask(struct front_state *f, struct conn *c, const char *model, json_t *body)
{
	const struct gate_model m = { .protocol = front_protocol(f),
				      .model = (char *)(uintptr_t)model,
				      .stream = c->stream,
				      .body = body };
	struct call *k = front_call(f, c, GATE_MODEL);
	struct gate_model with = m;
	struct err e = ERR_INIT;

	if (!k) {
		const struct refusal r = { .status = 503,
					   .name = "too-many-calls",
					   .text = "too many requests wait for an answer",
					   .again = true };

		refuse(f, c, front_protocol(f), &r);
		return;
	}
	with.id = k->id;
	if (front_send(f, GATE_MODEL, jmap_write(gate_model_map, &with), &e) == 0)
		return;
	front_call_done(k);
	refuse_named(f, c, 400, "bad-body", e.msg);
}

static bool is_model_name(const char *s)
{
	const size_t n = strlen(s);

	return n > 0 && n <= 256;
}

/* model NULL: the body says it, and whether it streams. */
void model_post(struct front_state *f, struct conn *c, const char *model, bool stream)
{
	AUTO_JSON json_t *body = read_object(f, c);
	const json_t *named = json_object_get(body, "model");
	const json_t *streams = json_object_get(body, "stream");

	if (!body)
		return;
	if (!model && named && !json_is_string(named))
		refuse_named(f, c, 400, "bad-model", "\"model\" is no string");
	else if (!model && streams && !json_is_boolean(streams) && !json_is_null(streams))
		refuse_named(f, c, 400, "bad-stream", "\"stream\" is neither true nor false");
	else {
		model = model ? model : json_string_value(named);
		c->stream = stream || json_is_true(streams);
		if (model && !is_model_name(model))
			refuse_named(f, c, 400, "bad-model",
				     "want a model's name of up to 256 bytes");
		else
			ask(f, c, model, body);
	}
}

/*
 * Answered here, and on the safe side: text and code have more than two bytes
 * to a token, so this is more than the provider would count.
 */
void model_count(struct front_state *f, struct conn *c)
{
	AUTO_JSON json_t *body = read_object(f, c);
	const json_int_t tokens = (json_int_t)(c->body.n + 1) / 2;
	const char *name = front_protocol(f) == MODEL_GOOGLE ? "totalTokens" : "input_tokens";

	if (body)
		answer_json(f, c, 200, "x-sickbay-estimate: half of the request's bytes\r\n",
			    json_pack("{s:I}", name, tokens));
}

static json_t *model_entry(int protocol, const char *id)
{
	AUTO_BUF struct buf name = BUF_INIT(512);

	switch (protocol) {
	case MODEL_ANTHROPIC:
		return json_pack("{s:s,s:s,s:s,s:s}", "type", "model", "id", id, "display_name", id,
				 "created_at", "1970-01-01T00:00:00Z");
	case MODEL_GOOGLE:
		buf_printf(&name, "models/%s", id);
		return json_pack("{s:s,s:s,s:[s,s]}", "name", name.p, "displayName", id,
				 "supportedGenerationMethods", "generateContent",
				 "streamGenerateContent");
	default:
		return json_pack("{s:s,s:s,s:i,s:s}", "id", id, "object", "model", "created", 0,
				 "owned_by", "sickbay");
	}
}

/* Those of the first one's endpoint: the others may speak another protocol. */
void model_list(struct front_state *f, struct conn *c)
{
	const int protocol = front_protocol(f); /* there is a first one, or there is no route */
	const char *first = f->task.models.v[0];
	const size_t endpoint = strcspn(first, "/") + 1;
	json_t *list = json_array();

	for (size_t i = 0; i < f->task.models.n; i++)
		if (strlen(f->task.models.v[i]) > endpoint &&
		    strncmp(f->task.models.v[i], first, endpoint) == 0)
			(void)json_array_append_new(
				list, model_entry(protocol, f->task.models.v[i] + endpoint));
	if (protocol == MODEL_GOOGLE)
		list = json_pack("{s:o}", "models", list);
	else if (protocol == MODEL_ANTHROPIC)
		list = json_pack("{s:o,s:b,s:n,s:n}", "data", list, "has_more", 0, "first_id",
				 "last_id");
	else
		list = json_pack("{s:s,s:o}", "object", "list", "data", list);
	answer_json(f, c, 200, "", list);
}

/* ---- the answer ---- */

static const char *event_end(const struct front_state *f)
{
	return front_protocol(f) == MODEL_GOOGLE ? "\r\n\r\n" : "\n\n";
}

static bool is_event_name(const char *s)
{
	return s && *s && strspn(s, "abcdefghijklmnopqrstuvwxyz_.-0123456789") == strlen(s);
}

/* The name is the event's own, or the type in its data; chat and Google name none. */
static const char *event_name(const struct front_state *f, const char *name, const json_t *data)
{
	const int protocol = front_protocol(f);

	if (protocol != MODEL_ANTHROPIC && protocol != MODEL_RESPONSES)
		return NULL;
	if (!is_event_name(name))
		name = json_string_value(json_object_get(data, "type"));
	return is_event_name(name) ? name : NULL;
}

static void put_event(struct front_state *f, struct conn *c, const char *name, const json_t *data)
{
	AUTO_FREE char *text = json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY);

	if (!c->events)
		answer_events(f, c);
	if (text)
		answer_event(c, event_name(f, name, data), text, event_end(f));
	else
		c->out.failed = ENOMEM; /* a part that is missing is not an answer */
}

static void put_end_mark(struct front_state *f, struct conn *c)
{
	if (!c->ended && front_protocol(f) == MODEL_CHAT)
		answer_event(c, NULL, "[DONE]", event_end(f));
	c->ended = true;
}

void model_event(struct front_state *f, struct call *k, const struct gate_event *ev)
{
	struct conn *c = k->conn;

	if (!c->stream || c->ended)
		return;
	if (ev->data)
		put_event(f, c, ev->name, ev->data);
	else if (c->events)
		put_end_mark(f, c);
}

/* How what went wrong is said, by its kind (runtime/proto/model.h). */
static const struct kind {
	const char *kind;
	int status;
	bool again;
} kinds[] = {
	{ "refused", 400, false },    { "rate-limited", 429, true }, { "overloaded", 503, true },
	{ "unreachable", 502, true }, { "tls", 502, false },	     { "timeout", 504, true },
	{ "stalled", 504, true },     { "disconnected", 502, true }, { "garbage", 502, true },
	{ "too-large", 502, false },  { "cancelled", 503, false },   { "broker-died", 503, true },
	{ "budget", 403, false },     { "policy", 403, false },	     { "paused", 503, true },
};

static struct refusal refusal_of(const struct gate_model_end *end, char *text, size_t n)
{
	struct refusal r = { .status = 502, .name = end->kind, .text = text, .known = true };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].kind, end->kind) == 0) {
			r.status = kinds[i].status;
			r.again = kinds[i].again;
		}
	if (strcmp(end->kind, "refused") == 0 && end->status >= 400 && end->status < 500)
		r.status = (int)end->status;
	(void)snprintf(text, n, "%s: %s", end->kind,
		       end->message ? end->message : "the model's answer failed");
	return r;
}

/* In the middle of a stream: an event says it, in the protocol's own shape. */
static void fail_stream(struct front_state *f, struct conn *c, const struct refusal *r)
{
	const int protocol = front_protocol(f);
	AUTO_JSON json_t *body =
		protocol == MODEL_RESPONSES
			? json_pack("{s:s,s:s,s:s,s:n,s:i}", "type", "error", "code", r->name,
				    "message", r->text, "param", "sequence_number", 0)
			: refuse_body(protocol, r);

	put_event(f, c, "error", body);
	c->q.keep = false;
	answer_end(f, c);
}

static void finish_stream(struct front_state *f, struct conn *c)
{
	if (!c->events)
		answer_events(f, c);
	put_end_mark(f, c);
	answer_end(f, c);
}

void model_end(struct front_state *f, struct call *k, const struct gate_model_end *end)
{
	struct conn *c = k->conn;
	const bool ok = strcmp(end->kind, MODEL_OK) == 0;
	char text[1024];
	const struct refusal r = refusal_of(end, text, sizeof(text));

	if (ok && c->stream)
		finish_stream(f, c);
	else if (ok && json_is_object(end->body))
		answer_json(f, c, 200, "", json_incref(end->body));
	else if (c->events)
		fail_stream(f, c, &r);
	else if (json_is_object(end->error))
		answer_json(f, c, r.status, r.again ? "" : "x-should-retry: false\r\n",
			    json_incref(end->error));
	else
		refuse(f, c, front_protocol(f), &r);
}

void model_refused(struct front_state *f, struct call *k, const struct gate_refusal *why)
{
	char text[1024];
	const struct refusal r = {
		.status = 403, .name = why->rule ? why->rule : "policy", .text = text, .known = true
	};

	(void)snprintf(text, sizeof(text), "not allowed: %s (rule %s%s%s)",
		       why->reason ? why->reason : "no reason was given", r.name,
		       why->place ? ", " : "", why->place ? why->place : "");
	if (k->conn->events)
		fail_stream(f, k->conn, &r);
	else
		refuse(f, k->conn, front_protocol(f), &r);
}
