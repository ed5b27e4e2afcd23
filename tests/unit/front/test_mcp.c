/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/front/rig.h"

/* The published protocol, as a client would check it, and the gate behind it. */

#define BOTH "Accept: application/json, text/event-stream\r\n"
#define REQ  "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":"

static json_t *ask(int fd, const char *body, int status)
{
	AUTO_HEARD struct heard h = { 0 };

	rig_post(fd, "/mcp", "Accept: application/json\r\n", body);
	CHECK_INT(rig_hear(fd, &h), status);
	return heard_json(&h);
}

static const json_t *at(const json_t *v, const char *a, const char *b)
{
	v = json_object_get(v, a);
	return b ? json_object_get(v, b) : v;
}

static void check_error(int fd, const char *body, int status, int code, const char *text)
{
	AUTO_JSON json_t *v = ask(fd, body, status);
	const char *got = json_string_value(at(v, "error", "message"));

	CHECK_STR(json_string_value(json_object_get(v, "jsonrpc")), "2.0");
	CHECK_INT(json_integer_value(at(v, "error", "code")), code);
	CHECK(got && strstr(got, text));
	if (!got || !strstr(got, text))
		printf("# %s: %s\n", body, got ? got : "nothing");
}

static void a_client_is_welcomed_in_its_version(void)
{
	static const char *const rows[][2] = { { "2024-11-05", "2024-11-05" },
					       { "2025-03-26", "2025-03-26" },
					       { "2025-06-18", "2025-06-18" },
					       { "2031-01-01", "2025-06-18" } };
	struct rig r;
	int fd;

	rig_open(&r, "patch", MODEL_CHAT);
	fd = rig_connect(&r);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF struct buf b = BUF_INIT(4096);
		json_t *v;

		buf_printf(
			&b,
			REQ
			"\"initialize\",\"params\":{\"protocolVersion\":\"%s\","
			"\"capabilities\":{},\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}}}",
			rows[i][0]);
		v = ask(fd, b.p, 200);
		CHECK_INT(json_integer_value(json_object_get(v, "id")), 7);
		CHECK_STR(json_string_value(at(v, "result", "protocolVersion")), rows[i][1]);
		CHECK(json_is_object(json_object_get(at(v, "result", "capabilities"), "tools")));
		CHECK_STR(json_string_value(json_object_get(at(v, "result", "serverInfo"), "name")),
			  "sickbay");
		CHECK(strstr(json_string_value(at(v, "result", "instructions")), "/srv/app"));
		json_decref(v);
		v = ask(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", 202);
		CHECK(v == NULL);
	}
	(void)close(fd);
	rig_close(&r);
}

static void what_is_no_message_has_the_protocol_s_own_error(void)
{
	struct rig r;
	int fd;

	rig_open(&r, "patch", MODEL_CHAT);
	fd = rig_connect(&r);
	check_error(fd, "{", 400, -32700, "no JSON");
	check_error(fd, "{\"a\":1,\"a\":1}", 400, -32700, "duplicate");
	check_error(fd, "[]", 400, -32600, "batch");
	check_error(fd, "{\"id\":1,\"method\":\"ping\"}", 400, -32600, "jsonrpc");
	check_error(fd, "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", 400, -32600,
		    "jsonrpc");
	check_error(fd, "{\"jsonrpc\":\"2.0\",\"id\":1}", 400, -32600, "method");
	check_error(fd, "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", 400, -32600, "id");
	check_error(fd, "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", 400, -32600, "id");
	check_error(fd, REQ "\"resources/list\"}", 200, -32601, "no such method");
	check_error(fd, REQ "\"ping\",\"params\":[]}", 200, -32602, "/params");
	check_error(fd, REQ "\"initialize\"}", 200, -32602, "protocolVersion");
	check_error(fd, REQ "\"tools/call\",\"params\":{\"name\":\"merge\"}}", 200, -32602,
		    "no such tool");
	check_error(fd, REQ "\"tools/call\",\"params\":{\"name\":\"check\",\"arguments\":[]}}", 200,
		    -32602, "/arguments");
	check_error(fd, REQ "\"tools/call\",\"params\":{\"name\":\"check\",\"arguments\":{}}}", 200,
		    -32602, "\"changes\" is missing");
	check_error(fd,
		    REQ "\"tools/call\",\"params\":{\"name\":\"check\",\"arguments\":{\"id\":1,"
			"\"changes\":[]}}}",
		    200, -32602, "/id");
	check_error(fd,
		    REQ "\"tools/call\",\"params\":{\"name\":\"check\",\"arguments\":{\"changes\":"
			"[{\"path\":7}]}}}",
		    200, -32602, "/changes/0/path");
	check_error(fd,
		    REQ "\"tools/call\",\"params\":{\"name\":\"evaluate\",\"arguments\":{\"kind\":"
			"\"reproduce\",\"changes\":[]}}}",
		    200, -32602, "quick or full");
	check_error(fd,
		    REQ "\"tools/call\",\"params\":{\"name\":\"run\",\"arguments\":{\"argv\":[]}}}",
		    200, -32602, "/argv");
	(void)close(fd);
	rig_close(&r);
}

static void the_transport_s_own_rules_hold(void)
{
	struct rig r;
	AUTO_HEARD struct heard h = { 0 };
	int fd;

	rig_open(&r, "patch", MODEL_CHAT);
	fd = rig_connect(&r);
	rig_text(fd, "GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n");
	CHECK_INT(rig_hear(fd, &h), 405);
	CHECK(heard_has(&h, "Allow: POST"));
	(void)close(fd);
	fd = rig_connect(&r);
	rig_post(fd, "/mcp", "MCP-Protocol-Version: 1999-01-01\r\n", REQ "\"ping\"}");
	CHECK_INT(rig_hear(fd, &h), 400);
	CHECK_STR(heard_reason(&h), "mcp-version");
	rig_post(fd, "/mcp", "MCP-Protocol-Version: 2025-06-18\r\n", "[" REQ "\"ping\"}]");
	CHECK_INT(rig_hear(fd, &h), 400);
	CHECK_STR(heard_reason(&h), "mcp-batch");
	rig_post(fd, "/mcp", "MCP-Protocol-Version: 2025-03-26\r\n",
		 "[" REQ "\"ping\"},{\"jsonrpc\":\"2.0\",\"id\":\"b\",\"method\":\"ping\"},{}]");
	CHECK_INT(rig_hear(fd, &h), 200);
	CHECK(heard_has(&h, "[{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}},"
			    "{\"jsonrpc\":\"2.0\",\"id\":\"b\",\"result\":{}},"));
	CHECK(heard_has(&h, "-32600"));
	(void)close(fd);
	rig_close(&r);
}

static const json_t *tool_named(const json_t *list, const char *name)
{
	const json_t *t;
	size_t i;

	json_array_foreach(at(list, "result", "tools"), i, t)
		if (strcmp(json_string_value(json_object_get(t, "name")), name) == 0)
			return t;
	return NULL;
}

static void the_tools_have_the_schemas_of_the_gate_s_messages(void)
{
	static const char *const names[] = { "incident", "history", "scope",  "budget", "check",
					     "evaluate", "run",	    "submit", "note",	"give_up" };
	struct rig r;
	AUTO_JSON json_t *list = NULL;
	const json_t *s;
	int fd;

	rig_open(&r, "patch", MODEL_CHAT);
	fd = rig_connect(&r);
	list = ask(fd, REQ "\"tools/list\"}", 200);
	CHECK_INT(json_array_size(at(list, "result", "tools")), 10);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const json_t *t = tool_named(list, names[i]);

		CHECK(t != NULL);
		CHECK_STR(json_string_value(at(t, "inputSchema", "type")), "object");
		CHECK(json_string_length(json_object_get(t, "description")) > 10);
	}
	s = at(tool_named(list, "evaluate"), "inputSchema", "properties");
	CHECK_INT(json_object_size(s), 3);
	CHECK_STR(json_string_value(json_array_get(at(s, "kind", "enum"), 0)), "quick");
	CHECK_STR(
		json_string_value(json_object_get(
			at(json_object_get(at(s, "changes", "items"), "properties"), "path", NULL),
			"type")),
		"string");
	s = json_object_get(json_object_get(tool_named(list, "run"), "inputSchema"), "required");
	CHECK_INT(json_array_size(s), 1);
	CHECK_STR(json_string_value(json_array_get(s, 0)), "argv");
	(void)close(fd);
	rig_close(&r);
}

#define CALL(name, args) \
	REQ "\"tools/call\",\"params\":{\"name\":\"" name "\",\"arguments\":" args "}}"

static const char *text_of(const json_t *v)
{
	const char *s = json_string_value(
		json_object_get(json_array_get(at(v, "result", "content"), 0), "text"));

	return s ? s : "";
}

static void what_the_task_says_is_told_without_the_gate(void)
{
	struct rig r;
	json_t *v;
	int fd;

	rig_open(&r, "reproduce", MODEL_CHAT);
	fd = rig_connect(&r);
	v = ask(fd, CALL("incident", "{}"), 200);
	CHECK_STR(text_of(v), "{\"schema\":\"sickbay.incident/1\"}");
	json_decref(v);
	v = ask(fd, CALL("history", "{}"), 200);
	CHECK(strstr(text_of(v), "abc123 parse: fix") != NULL);
	json_decref(v);
	v = ask(fd, CALL("scope", "{}"), 200);
	CHECK(strstr(text_of(v), "\"may_change\":{\"write\":[\"lib/**\"]}") != NULL);
	CHECK(strstr(text_of(v), "\"role\":\"reproduce\"") != NULL);
	json_decref(v);
	(void)close(fd);
	rig_close(&r);
}

static void a_verdict_of_the_gate_is_the_result(void)
{
	struct rig r;
	AUTO_HEARD struct heard h = { 0 };
	AUTO_MSG struct msg m = MSG_INIT;
	AUTO_JSON json_t *v = NULL;
	int fd;

	rig_open(&r, "patch", MODEL_CHAT);
	fd = rig_connect(&r);
	rig_post(fd, "/mcp", "",
		 CALL("evaluate", "{\"changes\":[{\"path\":\"lib/a.js\",\"content\":\"x\"}],"
				  "\"note\":null}"));
	CHECK_INT(rig_gate(&r, &m), GATE_EVALUATE);
	CHECK_STR(json_string_value(json_object_get(m.body, "kind")), "quick");
	rig_answer(&r, GATE_RESULT,
		   json_pack("{s:I,s:b,s:b,s:i}", "id", rig_id(&m), "built", 1, "passed", 0, "left",
			     19));
	CHECK_INT(rig_hear(fd, &h), 200);
	v = heard_json(&h);
	CHECK(json_is_false(json_object_get(at(v, "result", "structuredContent"), "passed")));
	CHECK(!json_object_get(at(v, "result", "structuredContent"), "id"));
	CHECK(!at(v, "result", "isError"));
	(void)close(fd);
	rig_close(&r);
}

static void a_refusal_names_rule_place_and_what_is_allowed(void)
{
	struct rig r;
	AUTO_HEARD struct heard h = { 0 };
	AUTO_MSG struct msg m = MSG_INIT;
	AUTO_JSON json_t *v = NULL;
	int fd;

	rig_open(&r, "patch", MODEL_CHAT);
	fd = rig_connect(&r);
	rig_post(fd, "/mcp", "", CALL("check", "{\"changes\":[{\"path\":\".ci/run\"}]}"));
	CHECK_INT(rig_gate(&r, &m), GATE_CHECK);
	rig_answer(&r, GATE_REFUSED,
		   json_pack("{s:I,s:s,s:s,s:s}", "id", rig_id(&m), "rule", "write", "place",
			     "policy.json:4:3", "reason", "'.ci/run' is not in scope"));
	CHECK_INT(rig_hear(fd, &h), 200);
	v = heard_json(&h);
	CHECK(json_is_true(at(v, "result", "isError")));
	CHECK_STR(text_of(v), "refused: '.ci/run' is not in scope (rule write, policy.json:4:3). "
			      "Allowed instead: change only what the tool 'scope' names. Scope: "
			      "{\"write\":[\"lib/**\"]}");
	CHECK_STR(json_string_value(json_object_get(at(v, "result", "structuredContent"), "rule")),
		  "write");
	(void)close(fd);
	rig_close(&r);
}

static void an_answer_is_streamed_where_the_client_takes_that(void)
{
	struct rig r;
	AUTO_HEARD struct heard h = { 0 };
	AUTO_MSG struct msg m = MSG_INIT;
	int fd;

	rig_open(&r, "patch", MODEL_CHAT);
	fd = rig_connect(&r);
	rig_post(fd, "/mcp", BOTH, CALL("run", "{\"argv\":[\"npm\",\"test\"]}"));
	CHECK_INT(rig_gate(&r, &m), GATE_RUN);
	rig_answer(&r, GATE_RAN,
		   json_pack("{s:I,s:s,s:i,s:s}", "id", rig_id(&m), "exit", "exited", "code", 1,
			     "out", "1 failed"));
	CHECK_INT(rig_hear(fd, &h), 200);
	CHECK(heard_has(&h, "text/event-stream"));
	CHECK(heard_has(&h, "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":"));
	CHECK(heard_has(&h, "1 failed"));
	rig_post(fd, "/mcp", BOTH, REQ "\"ping\"}"); /* the connection goes on */
	CHECK_INT(rig_hear(fd, &h), 200);
	(void)close(fd);
	rig_close(&r);
}

static void a_call_that_takes_long_shows_that_it_goes_on(void)
{
	const struct front_setup hasty = { .name = (char[]){ "agent" }, .beat_ms = 1 };
	struct rig r;
	AUTO_HEARD struct heard h = { 0 };
	AUTO_MSG struct msg m = MSG_INIT;
	int fd;

	rig_open_with(&r, rig_task("patch", MODEL_CHAT), &hasty);
	for (int i = 0; i < 2; i++) {
		fd = rig_connect(&r);
		rig_post(fd, "/mcp", BOTH,
			 i ? CALL("budget", "{},\"_meta\":{\"progressToken\":\"p\"}")
			   : CALL("budget", "{}"));
		CHECK_INT(rig_gate(&r, &m), GATE_BUDGET);
		(void)usleep(400000);
		rig_answer(&r, GATE_LEFT, json_pack("{s:I}", "id", rig_id(&m)));
		CHECK_INT(rig_hear(fd, &h), 200);
		CHECK(heard_has(&h, i ? "\"method\":\"notifications/progress\",\"params\":"
					"{\"progressToken\":\"p\",\"progress\":1}"
				      : "\r\n3\r\n:\n\n"));
		(void)close(fd);
	}
	rig_close(&r);
}

static void several_calls_of_one_client_are_answered_as_they_end(void)
{
	struct rig r;
	AUTO_HEARD struct heard h = { 0 };
	AUTO_MSG struct msg one = MSG_INIT;
	AUTO_MSG struct msg two = MSG_INIT;
	int fd;

	rig_open(&r, "patch", MODEL_CHAT);
	fd = rig_connect(&r);
	rig_post(
		fd, "/mcp", "",
		"[{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"tools/call\",\"params\":{\"name\":"
		"\"budget\"}},{\"jsonrpc\":\"2.0\",\"id\":\"b\",\"method\":\"tools/call\","
		"\"params\":{\"name\":\"budget\"}}]");
	CHECK_INT(rig_gate(&r, &one), GATE_BUDGET);
	CHECK_INT(rig_gate(&r, &two), GATE_BUDGET);
	rig_answer(&r, GATE_LEFT, json_pack("{s:I,s:i}", "id", rig_id(&two), "evaluations", 2));
	rig_answer(&r, GATE_LEFT, json_pack("{s:I,s:i}", "id", rig_id(&one), "evaluations", 1));
	CHECK_INT(rig_hear(fd, &h), 200);
	CHECK(heard_has(&h, "[{\"jsonrpc\":\"2.0\",\"id\":\"b\""));
	CHECK(heard_has(&h, "{\"jsonrpc\":\"2.0\",\"id\":\"a\""));
	(void)close(fd);
	rig_close(&r);
}

static void a_result_is_submitted_once_and_may_be_the_tree(void)
{
	struct rig r;
	AUTO_HEARD struct heard h = { 0 };
	AUTO_MSG struct msg m = MSG_INIT;
	json_t *v;
	int fd;

	rig_open(&r, "patch", MODEL_CHAT);
	fd = rig_connect(&r);
	rig_post(fd, "/mcp", "", CALL("submit", "{\"title\":\"a fix\"}"));
	CHECK_INT(rig_gate(&r, &m), GATE_SUBMIT);
	CHECK(json_is_true(json_object_get(m.body, "tree")));
	rig_answer(&r, GATE_REFUSED, json_pack("{s:I,s:s}", "id", rig_id(&m), "rule", "write"));
	CHECK_INT(rig_hear(fd, &h), 200);
	rig_post(fd, "/mcp", "",
		 CALL("submit", "{\"changes\":[{\"path\":\"lib/a.js\",\"content\":\"x\"}]}"));
	CHECK_INT(rig_gate(&r, &m), GATE_SUBMIT);
	CHECK(!json_object_get(m.body, "tree"));
	rig_answer(&r, GATE_DONE, json_pack("{s:I}", "id", rig_id(&m)));
	CHECK_INT(rig_hear(fd, &h), 200);
	CHECK(heard_has(&h, "\\\"accepted\\\":true"));
	v = ask(fd, CALL("give_up", "{\"reason\":\"no\"}"), 200);
	CHECK(strstr(text_of(v), "end now") != NULL);
	json_decref(v);
	(void)close(fd);
	rig_close(&r);
}

static void notes_need_no_answer_and_are_bounded(void)
{
	struct rig r;
	AUTO_MSG struct msg m = MSG_INIT;
	struct err e = ERR_INIT;
	json_t *v;
	int fd;

	rig_open(&r, "patch", MODEL_CHAT);
	fd = rig_connect(&r);
	v = ask(fd, CALL("note", "{\"text\":\"the cause is in parse\"}"), 200);
	CHECK_STR(text_of(v), "{\"noted\":true}");
	json_decref(v);
	CHECK_INT(msg_recv(r.front.gate, RIG_MS, &m, &e), 1);
	CHECK_INT(m.type, GATE_NOTE);
	CHECK_STR(json_string_value(json_object_get(m.body, "text")), "the cause is in parse");
	for (int i = 1; i < GATE_MAX_NOTES; i++) /* more would end the replica */
		json_decref(ask(fd, CALL("note", "{\"text\":\"again\"}"), 200));
	v = ask(fd, CALL("note", "{\"text\":\"again\"}"), 200);
	CHECK_STR(text_of(v), "refused: no more notes are kept (rule notes).");
	json_decref(v);
	(void)close(fd);
	rig_close(&r);
}

TAP_MAIN(TEST(a_client_is_welcomed_in_its_version),
	 TEST(what_is_no_message_has_the_protocol_s_own_error),
	 TEST(the_transport_s_own_rules_hold),
	 TEST(the_tools_have_the_schemas_of_the_gate_s_messages),
	 TEST(what_the_task_says_is_told_without_the_gate),
	 TEST(a_verdict_of_the_gate_is_the_result),
	 TEST(a_refusal_names_rule_place_and_what_is_allowed),
	 TEST(an_answer_is_streamed_where_the_client_takes_that),
	 TEST(a_call_that_takes_long_shows_that_it_goes_on),
	 TEST(several_calls_of_one_client_are_answered_as_they_end),
	 TEST(a_result_is_submitted_once_and_may_be_the_tree),
	 TEST(notes_need_no_answer_and_are_bounded))
