/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/gate/model.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/host/case/calls.h"
#include "agent/host/case/pause.h"
#include "agent/host/case/stop.h"
#include "runtime/base/fd.h"
#include "runtime/proto/broker.h"
#include "tests/tap.h"

/* The door to models (agent/host/gate/model.h) of one case, with a broker at its other end that
 * says what a test wants; for tests of it, which include this once. */

/* ---- a broker that says what the test wants ---- */

struct broker {
	int ours, theirs;
};

static struct {
	struct broker *now;
	int opened;
	struct broker_call last;
	uint64_t ids[64];
	int calls, cancels;
	char endpoints[64]; /* that it was given, a blank after each */
	bool deaf;	    /* does not answer a cancel */
} world;

int broker_open(const struct broker_setup *s, struct broker **out, struct err *e)
{
	int pair[2];

	(void)e;
	world.endpoints[0] = '\0';
	for (size_t i = 0; i < s->endpoints.n; i++) {
		const struct broker_endpoint *at = s->endpoints.v;

		(void)strcat(strcat(world.endpoints, at[i].name), " ");
	}
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	*out = calloc(1, sizeof(**out));
	**out = (struct broker){ pair[0], pair[1] };
	world.now = *out;
	world.opened++;
	return 0;
}

int broker_fd(const struct broker *b)
{
	return b->ours;
}

int broker_call(struct broker *b, const struct broker_call *c, struct err *e)
{
	(void)b;
	(void)e;
	world.ids[world.calls++ % 64] = c->id;
	json_decref(world.last.body);
	world.last = *c;
	world.last.body = json_incref(c->body);
	return 0;
}

static inline void say_end(uint64_t id, const char *kind, bool billed, uint64_t input,
			   uint64_t output)
{
	struct err e = ERR_INIT;
	struct broker_end end = {
		.id = id,
		.kind = (char *)(uintptr_t)kind,
		.status = 200,
		.billed = billed,
		.attempts = 1,
		.usage = { .known = input + output > 0, .input = input, .output = output }
	};
	AUTO_JSON json_t *body = NULL;

	end.body = json_pack("{s:s}", "answer", kind);
	body = jmap_write(broker_end_map, &end);
	json_decref(end.body);
	CHECK_INT(msg_send(world.now->theirs, BROKER_END, body, NULL, 0, -1, &e), 0);
}

static inline void say_event(uint64_t id, const char *text)
{
	struct err e = ERR_INIT;
	AUTO_JSON json_t *data = json_pack("{s:s}", "text", text);
	const struct broker_event ev = { .id = id, .data = data };
	AUTO_JSON json_t *body = jmap_write(broker_event_map, &ev);

	CHECK_INT(msg_send(world.now->theirs, BROKER_EVENT, body, NULL, 0, -1, &e), 0);
}

int broker_cancel(struct broker *b, uint64_t id, struct err *e)
{
	(void)b;
	(void)e;
	world.cancels++;
	if (!world.deaf)
		say_end(id, "cancelled", true, 0, 0);
	return 0;
}

int broker_recv(struct broker *b, int timeout_ms, struct msg *out, struct err *e)
{
	return msg_recv(b->ours, timeout_ms, out, e);
}

void broker_close(struct broker *b)
{
	if (!b)
		return;
	(void)close(b->ours);
	if (b->theirs >= 0)
		(void)close(b->theirs);
	free(b);
}

static inline void kill_broker(void)
{
	(void)close(world.now->theirs);
	world.now->theirs = -1;
}

/* ---- a case, a policy, a configuration ---- */

static char state[64];
static struct host_config config;
static struct kase *kase;
static struct audit *audit;
static struct policy *policy;
static struct model_door *door;
static struct redact *values;
static struct strlist models;
static uint64_t patience; /* ms that somebody listens; UINT64_MAX: for ever */

static inline void setup(const char *model_section)
{
	char text[1500], path[100];
	struct err e = ERR_INIT;

	memset(&world, 0, sizeof(world));
	patience = UINT64_MAX;
	(void)snprintf(state, sizeof(state), "/tmp/sickbay-test-XXXXXX");
	CHECK(mkdtemp(state) != NULL && chmod(state, 0755) == 0);
	(void)snprintf(path, sizeof(path), "%s/sickbay.json", state);
	(void)snprintf(text, sizeof(text),
		       "{\"version\":1,\"state\":\"%s\",\"models\":[{\"name\":\"main\","
		       "\"protocol\":\"openai-chat\",\"url\":\"http://127.0.0.1:1\",\"models\":["
		       "{\"name\":\"m\",\"input\":\"3.00\",\"output\":\"15.00\","
		       "\"max_output\":1000}]},{\"name\":\"side\",\"protocol\":\"openai-chat\","
		       "\"url\":\"http://127.0.0.1:1\",\"models\":[{\"name\":\"s\",\"input\":"
		       "\"3.00\",\"output\":\"15.00\"},{\"name\":\"t\",\"input\":\"3.00\","
		       "\"output\":\"15.00\"}]}]}",
		       state);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK_INT(fd_write_all(fd, text, strlen(text), "f", &e), 0);
	CHECK_INT(host_config_load(path, &config, &e), 0);
	CHECK_STR(e.msg, "");
	CHECK_INT(case_create(state, "x", &kase, &e), 0);
	CHECK_INT(audit_open(state, &audit, &e), 0);
	(void)snprintf(
		text, sizeof(text),
		"{\"version\":1,\"name\":\"p\",\"roles\":[\"patch\"],"
		"\"model\":{\"allow\":[\"main/m\",\"side/s\"]%s},"
		"\"environment\":{\"redact\":[{\"name\":\"k\",\"regex\":\"sk-[a-z0-9]{8,}|~\"}]"
		"}}",
		model_section);
	CHECK_INT(policy_parse("p.json", text, strlen(text), &policy, &e), 0);
	CHECK_STR(e.msg, "");
	CHECK_INT(strlist_add(&models, "main/m"), 0);
}

static inline void open_door(void)
{
	const struct model_setup s = {
		.config = &config, .kase = kase, .audit = audit, .values = values
	};
	struct err e = ERR_INIT;

	CHECK_INT(model_open(&s, &door, &e), 0);
	CHECK_STR(e.msg, "");
}

static inline void reopen_case(void)
{
	struct err e = ERR_INIT;

	model_close(door);
	case_close(kase);
	door = NULL;
	CHECK_INT(case_open(state, "x-1", true, &kase, &e), 0);
	CHECK_STR(e.msg, "");
	open_door();
}

static inline void teardown(void)
{
	struct err e = ERR_INIT;
	AUTO_CLOSE int tmp = fd_open_dir("/tmp", &e);

	model_close(door);
	door = NULL;
	case_close(kase);
	audit_close(audit);
	policy_free(policy);
	redact_free(values);
	values = NULL;
	strlist_release(&models);
	host_config_release(&config);
	json_decref(world.last.body);
	CHECK_INT(tree_remove_at(tmp, state + strlen("/tmp/"), &e), 0);
}

/* ---- asking and hearing ---- */

static struct {
	int events, ends;
	char kind[32], text[64];
} heard;

static inline int on_event(void *ctx, const struct gate_event *ev, struct err *e)
{
	(void)ctx;
	(void)e;
	heard.events++;
	(void)snprintf(heard.text, sizeof(heard.text), "%s",
		       json_string_value(json_object_get(ev->data, "text")));
	return 0;
}

static inline int on_end(void *ctx, const struct gate_model_end *end, struct err *e)
{
	(void)ctx;
	(void)e;
	heard.ends++;
	(void)snprintf(heard.kind, sizeof(heard.kind), "%s", end->kind);
	return 0;
}

static inline uint64_t left_ms(void *ctx)
{
	(void)ctx;
	return patience;
}

static struct policy_verdict why;

static inline json_t *question(const char *text, int max)
{
	return json_pack("{s:s,s:[{s:s,s:[{s:s,s:s}]}],s:i}", "system", "be brief", "messages",
			 "role", "user", "content", "type", "text", "text", text, "max_output",
			 max);
}

static inline int ask_body(int protocol, const char *model, bool stream, json_t *body)
{
	static uint64_t id;
	const struct model_listener to = { .on_event = on_event,
					   .on_end = on_end,
					   .left_ms = patience == UINT64_MAX ? NULL : left_ms };
	const struct gate_model rq = { .id = ++id,
				       .protocol = protocol,
				       .model = (char *)(uintptr_t)model,
				       .stream = stream,
				       .body = body };
	struct err e = ERR_INIT;
	int r = model_ask(door, policy, &models, &rq, &to, &why, &e);

	CHECK_STR(e.msg, "");
	json_decref(body);
	return r;
}

static inline int ask(const char *text, int max)
{
	return ask_body(MODEL_TURN, NULL, false, question(text, max));
}

static inline void step(void)
{
	struct pollfd p = { .fd = model_fd(door), .events = POLLIN };
	struct err e = ERR_INIT;

	CHECK_INT(poll(&p, 1, 2000), 1);
	CHECK_INT(model_step(door, &e), 0);
	CHECK_STR(e.msg, "");
}

static inline const char *spent(const char *key)
{
	static char out[64];
	AUTO_JSON json_t *v = NULL;
	struct err e = ERR_INIT;
	const json_t *n;

	CHECK_INT(case_spent(kase, &v, &e), 0);
	n = json_object_get(v, key);
	if (json_is_string(n))
		(void)snprintf(out, sizeof(out), "%s", json_string_value(n));
	else
		(void)snprintf(out, sizeof(out), "%lld", (long long)json_integer_value(n));
	return out;
}

static inline char *log_text(void)
{
	struct buf b = BUF_INIT(1u << 20);
	struct err e = ERR_INIT;
	char path[200];

	CHECK_INT(audit_sync(audit, &e), 0);
	(void)snprintf(path, sizeof(path), "%s/audit/events/%020d.ndjson", state, 0);
	CHECK_INT(file_read_at(AT_FDCWD, path, 1u << 20, &b, &e), 0);
	return buf_take(&b);
}
