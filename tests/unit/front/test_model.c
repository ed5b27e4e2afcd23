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

TAP_MAIN(TEST(a_message_is_asked_of_the_gate_and_its_answer_written_anew),
	 TEST(an_answer_is_streamed_as_events))
