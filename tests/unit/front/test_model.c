/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "tests/unit/front/rig.h"

#define MESSAGE                                                                               \
	"{\"model\":\"large\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":" \
	"\"hi\"}]"

static void a_message_is_asked_of_the_gate_and_its_answer_written_anew(void)
{
	struct rig r;
	AUTO_HEARD struct heard h = { 0 };
	AUTO_MSG struct msg m = MSG_INIT;
	int fd;

	rig_open(&r, "patch", MODEL_ANTHROPIC);
	fd = rig_connect(&r);
	for (int i = 0; i < 2; i++) { /* the connection is kept */
		rig_post(fd, "/v1/messages?beta=true", "", MESSAGE "}");
		CHECK_INT(rig_gate(&r, &m), GATE_MODEL);
		CHECK_STR(json_string_value(json_object_get(m.body, "protocol")),
			  "anthropic-messages");
		CHECK_STR(json_string_value(json_object_get(m.body, "model")), "large");
		CHECK(!json_is_true(json_object_get(m.body, "stream")));
		CHECK_INT(json_integer_value(
				  json_object_get(json_object_get(m.body, "body"), "max_tokens")),
			  9);
		rig_answer(&r, GATE_MODEL_END,
			   json_pack("{s:I,s:s,s:i,s:{s:s}}", "id", rig_id(&m), "kind", "ok",
				     "status", 200, "body", "type", "message"));
		CHECK_INT(rig_hear(fd, &h), 200);
		CHECK_STR(h.all.p + h.head, "{\"type\":\"message\"}");
	}
	(void)close(fd);
	rig_close(&r);
}

static void an_answer_is_streamed_as_events(void)
{
	static const struct {
		int protocol;
		const char *path, *body, *name, *want;
	} rows[] = {
		{ MODEL_ANTHROPIC, "/v1/messages", MESSAGE ",\"stream\":true}", "message_start",
		  "event: message_start\ndata: {\"type\":\"message_start\"}\n\n" },
		{ MODEL_RESPONSES, "/v1/responses", "{\"input\":\"hi\",\"stream\":true}",
		  "response.created",
		  "event: response.created\ndata: {\"type\":\"message_start\"}\n\n" },
		{ MODEL_CHAT, "/v1/chat/completions", MESSAGE ",\"stream\":true}", NULL,
		  "\r\ndata: {\"type\":\"message_start\"}\n\n\r\ne\r\ndata: [DONE]\n\n\r\n" },
		{ MODEL_GOOGLE, "/v1beta/models/large:streamGenerateContent?alt=sse",
		  "{\"contents\":[]}", NULL, "data: {\"type\":\"message_start\"}\r\n\r\n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig r;
		AUTO_HEARD struct heard h = { 0 };
		AUTO_MSG struct msg m = MSG_INIT;
		int fd;

		rig_open(&r, "patch", rows[i].protocol);
		fd = rig_connect(&r);
		rig_post(fd, rows[i].path, "", rows[i].body);
		CHECK_INT(rig_gate(&r, &m), GATE_MODEL);
		CHECK(json_is_true(json_object_get(m.body, "stream")));
		rig_answer(&r, GATE_EVENT,
			   json_pack("{s:I,s:s*,s:{s:s}}", "id", rig_id(&m), "name", rows[i].name,
				     "data", "type", "message_start"));
		if (rows[i].protocol == MODEL_CHAT)
			rig_answer(&r, GATE_EVENT, json_pack("{s:I}", "id", rig_id(&m)));
		rig_answer(&r, GATE_MODEL_END,
			   json_pack("{s:I,s:s}", "id", rig_id(&m), "kind", "ok"));
		CHECK_INT(rig_hear(fd, &h), 200);
		CHECK(heard_has(&h, "Content-Type: text/event-stream"));
		CHECK(heard_has(&h, rows[i].want));
		(void)close(fd);
		rig_close(&r);
	}
}

/* One call of a chat client, ended so; what it hears. */
static void end_call(const struct rig *r, const char *kind, int status, json_t *error,
		     struct heard *h)
{
	AUTO_MSG struct msg m = MSG_INIT;
	const int fd = rig_connect(r);

	rig_post(fd, "/v1/chat/completions", "", "{\"model\":\"large\"}");
	CHECK_INT(rig_gate(r, &m), GATE_MODEL);
	rig_answer(r, GATE_MODEL_END,
		   json_pack("{s:I,s:s,s:s,s:i,s:o*}", "id", rig_id(&m), "kind", kind, "message",
			     "what happened", "status", status, "error", error));
	(void)rig_hear(fd, h);
	(void)close(fd);
}

static void each_end_of_a_call_has_its_status(void)
{
	static const struct {
		const char *kind;
		int status, want;
		bool again;
	} rows[] = {
		{ "budget", 0, 403, false },	  { "policy", 0, 403, false },
		{ "paused", 0, 503, true },	  { "refused", 400, 400, false },
		{ "refused", 404, 404, false },	  { "rate-limited", 429, 429, true },
		{ "overloaded", 529, 503, true }, { "unreachable", 0, 502, true },
		{ "tls", 0, 502, false },	  { "timeout", 0, 504, true },
		{ "stalled", 0, 504, true },	  { "disconnected", 0, 502, true },
		{ "garbage", 200, 502, true },	  { "too-large", 200, 502, false },
		{ "broker-died", 0, 503, true },  { "something new", 0, 502, false },
	};
	AUTO_HEARD struct heard h = { 0 };
	struct rig r;

	rig_open(&r, "patch", MODEL_CHAT);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		end_call(&r, rows[i].kind, rows[i].status, NULL, &h);
		CHECK_INT(h.status, rows[i].want);
		CHECK_STR(heard_reason(&h), rows[i].kind);
		CHECK_INT(heard_has(&h, "x-should-retry: false"), !rows[i].again);
		CHECK(heard_has(&h, "what happened"));
	}
	end_call(&r, "refused", 401, json_pack("{s:{s:s}}", "error", "message", "no such key"), &h);
	CHECK_INT(h.status, 401);
	CHECK_STR(h.all.p + h.head, "{\"error\":{\"message\":\"no such key\"}}");
	rig_close(&r);
}

static void what_the_gate_refuses_is_said_in_the_protocol_s_shape(void)
{
	static const struct {
		int protocol;
		const char *path, *want;
	} rows[] = {
		{ MODEL_ANTHROPIC, "/v1/messages",
		  "{\"type\":\"error\",\"error\":{\"type\":\"permission_error\",\"message\":\"not "
		  "allowed: no such model (rule models, s.json:3:1)\",\"reason\":\"models\"}}" },
		{ MODEL_RESPONSES, "/v1/responses", "\"code\":\"models\"" },
		{ MODEL_CHAT, "/v1/chat/completions", "\"code\":\"models\"" },
		{ MODEL_GOOGLE, "/v1beta/models/other:generateContent",
		  "\"status\":\"PERMISSION_DENIED\"" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig r;
		AUTO_HEARD struct heard h = { 0 };
		AUTO_MSG struct msg m = MSG_INIT;
		int fd;

		rig_open(&r, "patch", rows[i].protocol);
		fd = rig_connect(&r);
		rig_post(fd, rows[i].path, "", "{\"model\":\"other\"}");
		CHECK_INT(rig_gate(&r, &m), GATE_MODEL);
		CHECK_STR(json_string_value(json_object_get(m.body, "model")), "other");
		rig_answer(&r, GATE_REFUSED,
			   json_pack("{s:I,s:s,s:s,s:s}", "id", rig_id(&m), "rule", "models",
				     "place", "s.json:3:1", "reason", "no such model"));
		CHECK_INT(rig_hear(fd, &h), 403);
		CHECK(heard_has(&h, rows[i].want));
		CHECK(heard_has(&h, "x-should-retry: false"));
		CHECK_STR(heard_reason(&h), "models");
		(void)close(fd);
		rig_close(&r);
	}
}

static void another_provider_s_path_is_refused_in_that_one_s_shape(void)
{
	static const struct {
		int protocol;
		const char *path, *want;
	} rows[] = {
		{ MODEL_CHAT, "/v1/messages",
		  "{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\",\"message\":\"this "
		  "service's model speaks openai-chat, not anthropic-messages\"" },
		{ MODEL_ANTHROPIC, "/v1/responses", "\"code\":\"other-protocol\"" },
		{ MODEL_ANTHROPIC, "/v1/chat/completions", "\"code\":\"other-protocol\"" },
		{ MODEL_RESPONSES, "/v1beta/models/x:generateContent", "\"status\":\"NOT_FOUND\"" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig r;
		AUTO_HEARD struct heard h = { 0 };
		int fd;

		rig_open(&r, "patch", rows[i].protocol);
		fd = rig_connect(&r);
		rig_post(fd, rows[i].path, "", "{}");
		CHECK_INT(rig_hear(fd, &h), 404);
		CHECK_STR(heard_reason(&h), "other-protocol");
		CHECK(heard_has(&h, rows[i].want));
		(void)close(fd);
		rig_close(&r);
	}
}

static void a_stream_that_breaks_says_so_in_an_event(void)
{
	static const struct {
		int protocol;
		const char *path, *want;
	} rows[] = {
		{ MODEL_ANTHROPIC, "/v1/messages",
		  "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":" },
		{ MODEL_RESPONSES, "/v1/responses",
		  "event: error\ndata: {\"type\":\"error\",\"code\":\"disconnected\"" },
		{ MODEL_CHAT, "/v1/chat/completions", "\ndata: {\"error\":{\"message\":" },
		{ MODEL_GOOGLE, "/v1beta/models/large:streamGenerateContent?alt=sse",
		  "\ndata: {\"error\":{\"code\":502" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig r;
		AUTO_HEARD struct heard h = { 0 };
		AUTO_MSG struct msg m = MSG_INIT;
		int fd;

		rig_open(&r, "patch", rows[i].protocol);
		fd = rig_connect(&r);
		rig_post(fd, rows[i].path, "", "{\"stream\":true}");
		CHECK_INT(rig_gate(&r, &m), GATE_MODEL);
		rig_answer(&r, GATE_EVENT,
			   json_pack("{s:I,s:{s:s}}", "id", rig_id(&m), "data", "type", "begin"));
		rig_answer(&r, GATE_MODEL_END,
			   json_pack("{s:I,s:s,s:s}", "id", rig_id(&m), "kind", "disconnected",
				     "message", "after 7 bytes"));
		CHECK_INT(rig_hear(fd, &h), 200);
		CHECK(heard_has(&h, rows[i].want));
		CHECK(heard_has(&h, "disconnected: after 7 bytes"));
		CHECK(!heard_has(&h, "[DONE]"));
		(void)close(fd);
		rig_close(&r);
	}
}

static void get(int fd, const char *path, struct heard *h)
{
	AUTO_BUF struct buf b = BUF_INIT(4096);

	buf_printf(&b, "%s HTTP/1.1\r\nHost: localhost:1\r\n\r\n", path);
	rig_say(fd, b.p, b.n);
	(void)rig_hear(fd, h);
}

static void models_are_listed_and_tokens_estimated_here(void)
{
	struct rig r;
	AUTO_HEARD struct heard h = { 0 };
	int fd;

	rig_open(&r, "patch", MODEL_ANTHROPIC);
	fd = rig_connect(&r);
	get(fd, "GET /v1/models?limit=1000", &h);
	CHECK_INT(h.status, 200);
	CHECK(heard_has(&h, "\"id\":\"small\"") && heard_has(&h, "\"id\":\"large\""));
	CHECK(!heard_has(&h, "other")); /* its endpoint may speak something else */
	rig_post(fd, "/v1/messages/count_tokens?beta=true", "", MESSAGE "}");
	CHECK_INT(rig_hear(fd, &h), 200);
	CHECK(heard_has(&h, "x-sickbay-estimate: "));
	CHECK_STR(h.all.p + h.head, "{\"input_tokens\":38}");
	get(fd, "GET /", &h);
	CHECK_INT(h.status, 200);
	rig_text(fd, "HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
	buf_release(&h.all);
	(void)rig_hear(fd, &h); /* a length, but no body */
	CHECK_INT(h.status, 200);
	CHECK_INT(h.all.n, h.head);
	(void)close(fd);
	rig_close(&r);
	rig_open(&r, "patch", MODEL_GOOGLE);
	fd = rig_connect(&r);
	get(fd, "GET /v1beta/models?key=placeholder", &h);
	CHECK(heard_has(&h, "\"name\":\"models/small\""));
	rig_post(fd, "/v1beta/models/small:streamGenerateContent", "", "{}");
	CHECK_INT(rig_hear(fd, &h), 400);
	CHECK_STR(heard_reason(&h), "bad-query");
	(void)close(fd);
	rig_close(&r);
}

static void a_service_without_a_model_has_no_api(void)
{
	json_t *task = rig_task("patch", MODEL_CHAT);
	const struct front_setup setup = { .name = (char[]){ "agent" } };
	struct rig r;
	AUTO_HEARD struct heard h = { 0 };
	int fd;

	(void)json_object_del(task, "models");
	(void)json_object_del(task, "protocol");
	rig_open_with(&r, task, &setup);
	fd = rig_connect(&r);
	rig_post(fd, "/v1/messages", "", "{}");
	CHECK_INT(rig_hear(fd, &h), 404);
	CHECK(heard_has(&h, "this service allows no model"));
	(void)close(fd);
	rig_close(&r);
}

TAP_MAIN(TEST(a_message_is_asked_of_the_gate_and_its_answer_written_anew),
	 TEST(an_answer_is_streamed_as_events), TEST(each_end_of_a_call_has_its_status),
	 TEST(what_the_gate_refuses_is_said_in_the_protocol_s_shape),
	 TEST(another_provider_s_path_is_refused_in_that_one_s_shape),
	 TEST(a_stream_that_breaks_says_so_in_an_event),
	 TEST(models_are_listed_and_tokens_estimated_here),
	 TEST(a_service_without_a_model_has_no_api))
