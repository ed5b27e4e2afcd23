/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/msg.h"
#include "runtime/proto/broker.h"
#include "runtime/proto/front.h"
#include "runtime/proto/gate.h"

/*
 * front-relay PROTOCOL URL KEYFILE: sickbay-front over a loopback socket, with
 * sickbay-broker behind it and, between the two, a gate that allows everything
 * but changes of hidden files.  Prints "listening PORT", then the name of each
 * request; ends with its standard input.
 */
#define MODEL "scripted-1"

struct relay {
	struct front front;
	struct broker *broker;
	int protocol;
};

static int answer(const struct relay *r, uint16_t type, json_t *body, struct err *e)
{
	AUTO_JSON json_t *own = body;

	return own ? msg_send(r->front.gate, type, own, NULL, 0, -1, e)
		   : err_set(e, ENOMEM, "out of memory");
}

static int welcome(const struct relay *r, struct err *e)
{
	return answer(r, GATE_TASK,
		      json_pack("{s:s,s:s,s:s,s:s,s:{s:s},s:i,s:[s],s:s,s:{s:[s]}}", "role",
				"patch", "language", "javascript", "framework", "tape", "repo",
				"/srv/app", "incident", "schema", "sickbay.incident/1",
				"evaluations", 9, "models", "loop/" MODEL, "protocol",
				model_protocol_words[r->protocol], "scope", "write", "lib/**"),
		      e);
}

static int call_model(const struct relay *r, const json_t *body, struct err *e)
{
	struct gate_model m = { 0 };
	int s = jmap_read(gate_model_map, body, &m, "", e);

	if (s == 0) {
		const struct broker_call c = { .id = m.id,
					       .endpoint = (char[]){ "loop" },
					       .model = m.model ? m.model : (char[]){ MODEL },
					       .protocol = m.protocol,
					       .stream = m.stream,
					       .body = m.body };

		s = broker_call(r->broker, &c, e);
	}
	jmap_release(gate_model_map, &m);
	return s;
}

static bool is_hidden(const json_t *body)
{
	const json_t *first = json_array_get(json_object_get(body, "changes"), 0);
	const char *path = json_string_value(json_object_get(first, "path"));

	return path && path[0] == '.';
}

/* What the gate would say; 0: no such request. */
static int on_request(const struct relay *r, const struct msg *m, struct err *e)
{
	const json_int_t id = json_integer_value(json_object_get(m->body, "id"));

	switch (m->type) {
	case GATE_HELLO:
		return welcome(r, e);
	case GATE_MODEL:
		(void)puts("model");
		return call_model(r, m->body, e);
	case GATE_CANCEL:
		(void)puts("cancel");
		return broker_cancel(r->broker, (uint64_t)id, e);
	case GATE_NOTE:
		(void)puts(json_string_value(json_object_get(m->body, "text")));
		return 0;
	case GATE_EVALUATE:
		(void)puts("evaluate");
		return answer(r, GATE_RESULT,
			      json_pack("{s:I,s:b,s:b,s:i}", "id", id, "built", 1, "passed", 1,
					"left", 8),
			      e);
	case GATE_RUN:
		(void)puts("run");
		return answer(r, GATE_RAN,
			      json_pack("{s:I,s:s,s:i,s:s}", "id", id, "exit", "exited", "code", 0,
					"out", "fine\n"),
			      e);
	case GATE_BUDGET:
		return answer(r, GATE_LEFT, json_pack("{s:I,s:i}", "id", id, "evaluations", 9), e);
	default:
		(void)puts(m->type == GATE_CHECK ? "check" : "end");
		if (is_hidden(m->body))
			return answer(r, GATE_REFUSED,
				      json_pack("{s:I,s:s,s:s,s:s}", "id", id, "rule", "write",
						"place", "policy.json:1:1", "reason",
						"hidden files stay as they are"),
				      e);
		return answer(r, GATE_DONE, json_pack("{s:I}", "id", id), e);
	}
}

static int pass_on(const struct relay *r, const struct msg *m, struct err *e)
{
	struct broker_end end = { 0 };
	int s;

	if (m->type == BROKER_EVENT)
		return answer(r, GATE_EVENT, json_incref(m->body), e);
	s = jmap_read(broker_end_map, m->body, &end, "", e);
	if (s == 0) {
		const struct gate_model_end to = { .id = end.id,
						   .kind = end.kind,
						   .message = end.message,
						   .status = end.status,
						   .body = end.body,
						   .error = end.error };

		s = answer(r, GATE_MODEL_END, jmap_write(gate_model_end_map, &to), e);
	}
	jmap_release(broker_end_map, &end);
	return s;
}

/* All that it has said: its client end may hold more than the one that woke us. */
static int on_broker(const struct relay *r, struct err *e)
{
	struct err none = ERR_INIT;
	int s;

	do {
		AUTO_MSG struct msg m = MSG_INIT;

		s = broker_recv(r->broker, 0, &m, &none);
		if (s > 0)
			s = pass_on(r, &m, e) < 0 ? -e->code : 1;
		else if (s == 0)
			s = err_set(e, EPIPE, "the broker ended");
		else if (s != -ETIMEDOUT)
			*e = none;
	} while (s > 0);
	return s == -ETIMEDOUT ? 0 : s;
}

static int listen_here(uint16_t *port, struct err *e)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(in);
	const int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (s < 0 || bind(s, (void *)&in, n) < 0 || listen(s, 256) < 0 ||
	    getsockname(s, (void *)&in, &n) < 0)
		return err_sys(e, "listen");
	*port = ntohs(in.sin_port);
	return s;
}

static int start(struct relay *r, char **argv, struct err *e)
{
	struct broker_endpoint at = { .name = (char[]){ "loop" },
				      .protocol = r->protocol,
				      .url = argv[2],
				      .credential = argv[3],
				      .connect_ms = 5000,
				      .stall_ms = 20000,
				      .total_ms = 60000,
				      .parallel = 16 };
	const struct broker_setup broker = { .endpoints = { .v = &at, .n = 1 } };
	const struct front_setup front = { .name = (char[]){ "relay" } };
	uint16_t port = 0;
	AUTO_CLOSE int sock = listen_here(&port, e);

	if (sock < 0 || broker_open(&broker, &r->broker, e) < 0 ||
	    front_start(&front, &sock, 1, &r->front, e) < 0)
		return -e->code;
	(void)printf("listening %d\n", port);
	return 0;
}

static int relay(struct relay *r, struct err *e)
{
	int s = 0;

	while (s >= 0) {
		struct pollfd p[3] = { { .fd = STDIN_FILENO, .events = POLLIN },
				       { .fd = r->front.gate, .events = POLLIN },
				       { .fd = broker_fd(r->broker), .events = POLLIN } };
		AUTO_MSG struct msg m = MSG_INIT;

		(void)fflush(stdout);
		if (poll(p, 3, -1) < 0 && errno != EINTR)
			return err_sys(e, "wait");
		if (p[0].revents)
			return 0;
		if (p[1].revents) {
			s = msg_recv(r->front.gate, 1000, &m, e);
			s = s > 0 ? on_request(r, &m, e)
			    : s	  ? s
				  : err_set(e, EPIPE, "the front ended");
		}
		if (s >= 0 && p[2].revents)
			s = on_broker(r, e);
	}
	return s;
}

int main(int argc, char **argv)
{
	struct relay r = { .front = { .pid = -1, .gate = -1 } };
	struct err e = ERR_INIT;
	int s = -1;

	(void)signal(SIGPIPE, SIG_IGN);
	for (int p = MODEL_ANTHROPIC; argc == 4 && p < MODEL_PROTOCOL_N; p++)
		if (strcmp(argv[1], model_protocol_words[p]) == 0)
			r.protocol = p;
	if (!r.protocol)
		return 2;
	s = start(&r, argv, &e);
	if (s == 0)
		s = relay(&r, &e);
	front_stop(&r.front, NULL);
	broker_close(r.broker);
	if (s < 0)
		(void)fprintf(stderr, "front-relay: %s\n", e.msg);
	return s < 0;
}
