/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/front/tools.h"

/*
 * The Model Context Protocol over streamable HTTP (its specification, versions
 * 2024-11-05 to 2025-06-18): JSON-RPC 2.0 in POST /mcp, without sessions.  An
 * answer that the gate has to give is streamed where the client takes that, so
 * that it sees that the call goes on; else it comes when it is there.
 */
#define BATCH_MAX 16
#define ID_MAX	  256 /* bytes of an id */

enum {
	RPC_PARSE = -32700,
	RPC_REQUEST = -32600,
	RPC_METHOD = -32601,
	RPC_PARAMS = -32602,
	RPC_INTERNAL = -32603
};

static const char *const versions[] = { "2025-06-18", "2025-03-26", "2024-11-05" };

static bool is_version(const char *s)
{
	for (size_t i = 0; s && i < sizeof(versions) / sizeof(versions[0]); i++)
		if (strcmp(versions[i], s) == 0)
			return true;
	return false;
}

/* ---- answers ---- */

static json_t *rpc_error(const json_t *id, int code, const char *text)
{
	json_t *id_or_null = id ? json_incref((json_t *)(uintptr_t)id) : json_null();

	return json_pack("{s:s,s:o,s:{s:i,s:s}}", "jsonrpc", "2.0", "id", id_or_null, "error",
			 "code", code, "message", text);
}

static json_t *rpc_result(const json_t *id, json_t *result)
{
	if (!result)
		return rpc_error(id, RPC_INTERNAL, "out of memory");
	return json_pack("{s:s,s:O,s:o}", "jsonrpc", "2.0", "id", id, "result", result);
}

static void put_message(struct conn *c, const json_t *message)
{
	AUTO_FREE char *text = json_dumps(message, JSON_COMPACT);

	if (text)
		answer_event(c, "message", text, "\n\n");
	else
		c->out.failed = ENOMEM;
}

static void add(struct conn *c, json_t *message)
{
	AUTO_JSON json_t *own = message;

	if (!own)
		c->out.failed = ENOMEM;
	else if (c->events)
		put_message(c, own);
	else
		(void)json_array_append(c->answers, own);
}

static void finish(struct front_state *f, struct conn *c)
{
	AUTO_JSON json_t *answers = take_ptr(c->answers);

	if (c->events)
		answer_end(f, c);
	else if (json_array_size(answers) == 0)
		answer_json(f, c, 202, "", NULL);
	else
		answer_json(f, c, 200, "",
			    json_incref(c->batch ? answers : json_array_get(answers, 0)));
}

/* Some of the answers are the gate's. */
static void await(struct front_state *f, struct conn *c)
{
	const json_t *ready;
	size_t i;

	if (!c->q.wants_events)
		return;
	answer_events(f, c);
	json_array_foreach(c->answers, i, ready)
		put_message(c, ready);
	c->beat = f->now + f->setup.beat_ms * 1000000;
}

/* ---- methods ---- */

static json_t *initialize(const struct front_state *f, const json_t *params)
{
	const char *asked = json_string_value(json_object_get(params, "protocolVersion"));
	AUTO_BUF struct buf text = BUF_INIT(4096);

	buf_printf(&text,
		   "These tools are all that leaves this sandbox. You work as the %s agent on the "
		   "repository in %s. Read 'incident' and 'scope' first; 'evaluate' tells what a "
		   "change does; end with 'submit' or 'give_up'.",
		   f->task.role, f->task.repo);
	return json_pack("{s:s,s:{s:{}},s:{s:s,s:s},s:s}", "protocolVersion",
			 is_version(asked) ? asked : versions[0], "capabilities", "tools",
			 "serverInfo", "name", "sickbay", "version", SICKBAY_VERSION,
			 "instructions", text.p ? text.p : "");
}

static void call_tool(struct front_state *f, struct conn *c, const json_t *id, const json_t *params)
{
	const char *name = json_string_value(json_object_get(params, "name"));
	const json_t *args = json_object_get(params, "arguments");
	const json_t *token = json_object_get(json_object_get(params, "_meta"), "progressToken");
	const struct tool *t = name ? tool_find(name) : NULL;
	struct err e = ERR_INIT;
	struct call *k = NULL;
	json_t *result = NULL;
	int r;

	if (!t || (args && !json_is_object(args) && !json_is_null(args))) {
		add(c,
		    rpc_error(id, RPC_PARAMS,
			      t ? "/arguments: want an object" : "/name: there is no such tool"));
		return;
	}
	r = tool_begin(f, c, t, json_is_object(args) ? args : NULL, &k, &result, &e);
	if (r < 0) {
		add(c, rpc_error(id, RPC_PARAMS, e.msg));
	} else if (r == 0) {
		add(c, rpc_result(id, result));
	} else {
		k->rpc_id = json_incref((json_t *)(uintptr_t)id);
		k->progress = json_is_string(token) || json_is_integer(token)
				      ? json_incref((json_t *)(uintptr_t)token)
				      : NULL;
		c->waiting++;
	}
}

static void request(struct front_state *f, struct conn *c, const char *method, const json_t *id,
		    const json_t *params)
{
	const bool wrong = params && !json_is_object(params);

	if (wrong)
		add(c, rpc_error(id, RPC_PARAMS, "/params: want an object"));
	else if (strcmp(method, "initialize") == 0 && c->batch)
		add(c, rpc_error(id, RPC_REQUEST, "initialize must stand alone"));
	else if (strcmp(method, "initialize") == 0 &&
		 !json_is_string(json_object_get(params, "protocolVersion")))
		add(c, rpc_error(id, RPC_PARAMS, "/params/protocolVersion: want a string"));
	else if (strcmp(method, "initialize") == 0)
		add(c, rpc_result(id, initialize(f, params)));
	else if (strcmp(method, "ping") == 0)
		add(c, rpc_result(id, json_object()));
	else if (strcmp(method, "tools/list") == 0 && json_object_get(params, "cursor"))
		add(c, rpc_error(id, RPC_PARAMS, "/params/cursor: the list has one page"));
	else if (strcmp(method, "tools/list") == 0)
		add(c, rpc_result(id, tools_list(f)));
	else if (strcmp(method, "tools/call") == 0)
		call_tool(f, c, id, params);
	else
		add(c, rpc_error(id, RPC_METHOD, "there is no such method"));
}

static bool is_id(const json_t *id)
{
	return json_is_number(id) || (json_is_string(id) && json_string_length(id) <= ID_MAX);
}

/* One message: a request, a notification or a response; NULL, or why it is none of them. */
static const char *message(struct front_state *f, struct conn *c, const json_t *m)
{
	const char *version = json_string_value(json_object_get(m, "jsonrpc"));
	const json_t *method = json_object_get(m, "method"), *id = json_object_get(m, "id");

	if (!version || strcmp(version, "2.0") != 0)
		return "want an object with \"jsonrpc\": \"2.0\"";
	if (!method && id && (json_object_get(m, "result") || json_object_get(m, "error")))
		return NULL; /* nothing was asked of a client, so nothing is made of its answer */
	if (!json_is_string(method))
		return "\"method\": want a string";
	if (id && !is_id(id))
		return "\"id\": want a number, or a string of up to 256 bytes";
	if (id)
		request(f, c, json_string_value(method), id, json_object_get(m, "params"));
	return NULL;
}

/* ---- the transport ---- */

static void refuse_rpc(struct front_state *f, struct conn *c, int code, const char *name,
		       const char *text)
{
	json_t *body = rpc_error(NULL, code, text);

	front_note(f, name, "an MCP message was refused");
	(void)json_object_set_new(json_object_get(body, "error"), "reason", json_string(name));
	answer_json(f, c, 400, "", body);
}

static void batch(struct front_state *f, struct conn *c, const json_t *list)
{
	const json_t *m;
	size_t i;

	c->batch = true;
	json_array_foreach(list, i, m) {
		const char *why = message(f, c, m);

		if (why)
			add(c, rpc_error(NULL, RPC_REQUEST, why));
	}
}

void mcp_post(struct front_state *f, struct conn *c)
{
	const char *name = NULL;
	char bad[256] = "";
	AUTO_JSON json_t *m = json_read_body(&c->body, &name, bad);
	const char *why = NULL;

	c->batch = false;
	c->waiting = 0;
	json_decref(c->answers);
	c->answers = json_array();
	if (!m)
		refuse_rpc(f, c, RPC_PARSE, name, bad);
	else if (*c->q.version && !is_version(c->q.version))
		refuse_rpc(f, c, RPC_REQUEST, "mcp-version", "this protocol version is not spoken");
	else if (json_is_array(m) && strcmp(c->q.version, versions[0]) == 0)
		refuse_rpc(f, c, RPC_REQUEST, "mcp-batch", "this version has no batches");
	else if (json_is_array(m) && (json_array_size(m) == 0 || json_array_size(m) > BATCH_MAX))
		refuse_rpc(f, c, RPC_REQUEST, "mcp-batch", "want 1 to 16 messages in a batch");
	else if (json_is_array(m))
		batch(f, c, m);
	else if ((why = message(f, c, m)))
		refuse_rpc(f, c, RPC_REQUEST, "mcp-message", why);
	if (c->state != CONN_BUSY)
		return; /* refused */
	if (c->waiting)
		await(f, c);
	else
		finish(f, c);
}

void mcp_answered(struct front_state *f, struct call *k, uint16_t type, const json_t *body)
{
	struct conn *c = k->conn;
	json_t *result = tool_result(f, k, type, body); /* where nobody waits, too: it may end */

	if (c) {
		add(c, rpc_result(k->rpc_id, result));
		c->waiting--;
	} else {
		json_decref(result);
	}
	front_call_done(k);
	if (c && c->waiting == 0)
		finish(f, c);
}

/* A sign of life, as progress where the client asked for that. */
void mcp_beat(struct front_state *f, struct conn *c)
{
	bool told = false;

	for (size_t i = 0; i < FRONT_CALLS_MAX; i++) {
		struct call *k = &f->calls[i];
		AUTO_JSON json_t *m = NULL;

		if (!k->id || k->conn != c || !k->progress)
			continue;
		m = json_pack("{s:s,s:s,s:{s:O,s:I}}", "jsonrpc", "2.0", "method",
			      "notifications/progress", "params", "progressToken", k->progress,
			      "progress", (json_int_t)++k->beats);
		if (m)
			put_message(c, m);
		told = true;
	}
	if (!told)
		answer_comment(c);
	c->beat = f->now + f->setup.beat_ms * 1000000;
}
