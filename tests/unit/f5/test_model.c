/* SPDX-License-Identifier: Apache-2.0 */
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
	bool deaf; /* does not answer a cancel */
} world;

int broker_open(const struct broker_setup *s, struct broker **out, struct err *e)
{
	int pair[2];

	(void)e;
	CHECK_INT(s->endpoints.n, 1);
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

static void say_end(uint64_t id, const char *kind, bool billed, uint64_t input, uint64_t output)
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

static void say_event(uint64_t id, const char *text)
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

static void kill_broker(void)
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

static void setup(const char *model_section)
{
	char text[1000], path[100];
	struct err e = ERR_INIT;

	memset(&world, 0, sizeof(world));
	(void)snprintf(state, sizeof(state), "/tmp/sickbay-test-XXXXXX");
	CHECK(mkdtemp(state) != NULL && chmod(state, 0755) == 0);
	(void)snprintf(path, sizeof(path), "%s/sickbay.json", state);
	(void)snprintf(text, sizeof(text),
		       "{\"version\":1,\"state\":\"%s\",\"models\":[{\"name\":\"main\","
		       "\"protocol\":\"openai-chat\",\"url\":\"http://127.0.0.1:1\",\"models\":["
		       "{\"name\":\"m\",\"input\":\"3.00\",\"output\":\"15.00\","
		       "\"max_output\":1000}]}]}",
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
		"\"model\":{\"allow\":[\"main/m\"]%s},"
		"\"environment\":{\"redact\":[{\"name\":\"k\",\"regex\":\"sk-[a-z0-9]{8,}|~\"}]"
		"}}",
		model_section);
	CHECK_INT(policy_parse("p.json", text, strlen(text), &policy, &e), 0);
	CHECK_STR(e.msg, "");
	CHECK_INT(strlist_add(&models, "main/m"), 0);
}

static void open_door(void)
{
	const struct model_setup s = {
		.config = &config, .kase = kase, .audit = audit, .values = values
	};
	struct err e = ERR_INIT;

	CHECK_INT(model_open(&s, &door, &e), 0);
	CHECK_STR(e.msg, "");
}

static void reopen_case(void)
{
	struct err e = ERR_INIT;

	model_close(door);
	case_close(kase);
	door = NULL;
	CHECK_INT(case_open(state, "x-1", true, &kase, &e), 0);
	CHECK_STR(e.msg, "");
	open_door();
}

static void teardown(void)
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

static int on_event(void *ctx, const struct gate_event *ev, struct err *e)
{
	(void)ctx;
	(void)e;
	heard.events++;
	(void)snprintf(heard.text, sizeof(heard.text), "%s",
		       json_string_value(json_object_get(ev->data, "text")));
	return 0;
}

static int on_end(void *ctx, const struct gate_model_end *end, struct err *e)
{
	(void)ctx;
	(void)e;
	heard.ends++;
	(void)snprintf(heard.kind, sizeof(heard.kind), "%s", end->kind);
	return 0;
}

static struct policy_verdict why;

static json_t *question(const char *text, int max)
{
	return json_pack("{s:s,s:[{s:s,s:[{s:s,s:s}]}],s:i}", "system", "be brief", "messages",
			 "role", "user", "content", "type", "text", "text", text, "max_output",
			 max);
}

static int ask_body(int protocol, const char *model, bool stream, json_t *body)
{
	static uint64_t id;
	const struct model_listener to = { .on_event = on_event, .on_end = on_end };
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

static int ask(const char *text, int max)
{
	return ask_body(MODEL_TURN, NULL, false, question(text, max));
}

static void step(void)
{
	struct pollfd p = { .fd = model_fd(door), .events = POLLIN };
	struct err e = ERR_INIT;

	CHECK_INT(poll(&p, 1, 2000), 1);
	CHECK_INT(model_step(door, &e), 0);
	CHECK_STR(e.msg, "");
}

static const char *spent(const char *key)
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

static char *log_text(void)
{
	struct buf b = BUF_INIT(1u << 20);
	struct err e = ERR_INIT;
	char path[200];

	CHECK_INT(audit_sync(audit, &e), 0);
	(void)snprintf(path, sizeof(path), "%s/audit/events/%020d.ndjson", state, 0);
	CHECK_INT(file_read_at(AT_FDCWD, path, 1u << 20, &b, &e), 0);
	return buf_take(&b);
}

/* ---- refusals ---- */

static void what_is_not_allowed_is_refused_with_what_is(void)
{
	setup("");
	open_door();
	CHECK_INT(model_fd(door), -1);
	CHECK_INT(ask_body(MODEL_TURN, "main/other", false, question("q", 100)), 1);
	CHECK_STR(why.rule, "models");
	CHECK_STR(why.reason,
		  "the model 'main/other' is not one that this agent may ask: 'main/m'");
	CHECK_INT(strlist_add(&models, "main/x"), 0);
	CHECK_INT(ask_body(MODEL_TURN, "x", false, question("q", 100)), 1);
	CHECK_STR(why.rule, "/model/allow");
	CHECK_STR(why.reason, "the policy does not allow the model 'main/x'");
	CHECK_INT(ask_body(MODEL_ANTHROPIC, NULL, false, question("q", 100)), 1);
	CHECK_STR(why.rule, "protocol");
	CHECK_STR(why.reason, "the endpoint 'main' speaks openai-chat, not anthropic-messages");
	CHECK_STR(why.place, "host configuration");
	strlist_release(&models);
	CHECK_INT(ask("q", 100), 1);
	CHECK_STR(why.reason,
		  "the service file names no model that this agent may ask: work without one");
	CHECK_INT(world.opened, 0);
	CHECK_STR(spent("usd"), "0.00");
	teardown();
}

static void the_hosts_bounds_hold_whatever_the_policy_says(void)
{
	static const struct {
		const char *body, *rule, *reason;
	} rows[] = {
		{ "{\"temperature\":3}", "sampling", "'temperature' is not a number from 0 to 2" },
		{ "{\"n\":2}", "sampling", "'n' is not a number from 1 to 1" },
		{ "{\"top_p\":\"1\"}", "sampling", "'top_p' is not a number from 0 to 1" },
		{ "{\"tools\":[{\"type\":\"function\"},{\"type\":\"web_search\"}]}", "tools",
		  "the tool 'web_search' is run by the provider, outside of the replica: only "
		  "tools that the agent itself runs are allowed" },
		{ "{\"web_search_options\":{}}", "request",
		  "'web_search_options' makes the provider act or remember by itself: put all "
		  "that is asked into the request" },
		{ "{\"service_tier\":\"priority\"}", "request",
		  "the price of this service tier is not configured: leave 'service_tier' out" },
		{ "{\"messages\":[{\"content\":[{\"image_url\":{\"url\":\"http://a/\"}}]}]}",
		  "request",
		  "the request names a file or an address that the provider would fetch: put "
		  "its content into the request" },
		{ "[]", "request", "a request is an object" },
	};
	json_t *deep = json_object();

	setup("");
	open_door();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_INT(ask_body(MODEL_CHAT, NULL, false, json_loads(rows[i].body, 0, NULL)), 1);
		CHECK_STR(why.rule, rows[i].rule);
		CHECK_STR(why.reason, rows[i].reason);
	}
	for (int i = 0; i < MODEL_MAX_DEPTH; i++)
		deep = json_pack("{s:o}", "a", deep);
	CHECK_INT(ask_body(MODEL_CHAT, NULL, false, deep), 1);
	CHECK_STR(why.reason, "the request is nested deeper than 24: make it flatter");
	CHECK_INT(ask_body(MODEL_CHAT, NULL, false,
			   json_loads("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
				      "\"image_url\",\"image_url\":{\"url\":\"data:x\"}}]}],"
				      "\"tools\":[{\"type\":\"function\",\"parameters\":"
				      "{\"file_id\":{}}}],\"temperature\":0.2,\"top_p\":null}",
				      0, NULL)),
		  0);
	CHECK_INT(world.calls, 1);
	teardown();
}

/* ---- money ---- */

static void an_answer_costs_what_the_provider_says_to_the_last_digit(void)
{
	setup("");
	open_door();
	CHECK_INT(ask("q", 100), 0);
	CHECK_INT(world.last.max_output, 100);
	say_end(world.last.id, "ok", true, 1001, 7);
	step();
	CHECK_STR(heard.kind, "ok");
	CHECK_STR(spent("usd_exact"), "0.003108");
	CHECK_STR(spent("usd"), "0.01");
	CHECK_STR(spent("tokens"), "1008");
	CHECK_STR(spent("turns"), "1");
	CHECK_INT(model_fd(door), -1);
	teardown();
}

static void what_was_billed_and_not_told_costs_what_was_reserved(void)
{
	char most[64];

	setup("");
	open_door();
	CHECK_INT(ask("q", 100), 0);
	(void)snprintf(most, sizeof(most), "%s", spent("usd_exact"));
	CHECK(strcmp(most, "0.00") != 0);
	say_end(world.last.id, "disconnected", true, 0, 0);
	step();
	CHECK_STR(spent("usd_exact"), most);
	CHECK_INT(ask("q2", 100), 0);
	say_end(world.last.id, "unreachable", false, 0, 0);
	step();
	CHECK_STR(heard.kind, "unreachable");
	CHECK_STR(spent("usd_exact"), most);
	CHECK_STR(spent("turns"), "1");
	teardown();
}

static void parallel_calls_together_stay_under_the_cap(void)
{
	int sent = 0;

	setup(",\"max_cost_usd\":\"0.05\"");
	open_door();
	for (int i = 0; i < 20; i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "q%d", i);
		sent += ask(text, 1000) == 0;
	}
	CHECK(sent >= 3 && sent < 20);
	CHECK_INT(world.calls, sent);
	CHECK_STR(why.rule, "budget");
	CHECK(strstr(why.reason, "the policy's max_cost_usd is 0.05: US$0.0") != NULL);
	CHECK(strstr(why.reason, "; end with what you have") != NULL);
	CHECK_INT(strcmp(spent("usd_exact"), "0.05") <= 0, 1);
	for (int i = 0; i < sent; i++)
		say_end(world.ids[i], "ok", true, 0, 0); /* usage unknown: all of it is charged */
	step();
	CHECK_STR(spent("usd"), "0.05");
	CHECK_INT(strcmp(spent("usd_exact"), "0.05") <= 0, 1);
	CHECK_INT(ask("again", 1000), 1);
	teardown();
}

/* A gateway that puts something of its own before each request. */
static void what_is_counted_beyond_is_foreseen_from_then_on(void)
{
	setup(",\"max_input_tokens\":20000");
	open_door();
	CHECK_INT(ask("a", 100), 0);
	say_end(world.last.id, "ok", true, 12000, 10);
	step();
	CHECK_INT(ask("b", 100), 1);
	CHECK_STR(why.reason,
		  "the policy's max_input_tokens is 20000: 8000 tokens are left, too few "
		  "for this request; end with what you have");
	teardown();
}

/* A small file of one colour, or of one page that is repeated, is many tokens. */
static void what_is_compressed_may_be_as_much_as_a_model_reads(void)
{
	static const char *const parts[] = {
		"{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AA\"}}",
		"{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA\",\"format\":\"mp3\"}}",
		"{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\","
		"\"data\":\"AA\"}}",
		"{\"inlineData\":{\"mimeType\":\"application/pdf\",\"data\":\"AA\"}}"
	};

	setup(",\"max_input_tokens\":20000");
	open_door();
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		json_t *body = json_pack("{s:[{s:s,s:[o]}],s:i}", "messages", "role", "user",
					 "content", json_loads(parts[i], 0, NULL), "max_tokens", 9);

		CHECK_INT(ask_body(MODEL_CHAT, NULL, false, body), 1);
		CHECK_STR(why.rule, "budget");
	}
	CHECK_INT(world.calls, 0);
	CHECK_INT(ask("data: a text", 100), 0);
	teardown();
}

static void an_answer_is_cut_to_what_the_budget_holds(void)
{
	setup(",\"max_output_tokens\":120");
	open_door();
	CHECK_INT(ask("a", 100), 0);
	CHECK_INT(world.last.max_output, 100);
	CHECK_INT(ask("b", 100), 0);
	CHECK_INT(world.last.max_output, 20);
	CHECK_INT(ask("c", 100), 1);
	CHECK_STR(why.rule, "budget");
	CHECK_STR(why.reason,
		  "the policy's max_output_tokens is 120: 0 tokens are left, too few for this "
		  "request; end with what you have");
	say_end(world.ids[0], "ok", true, 10, 10);
	step();
	CHECK_INT(ask("c", 100), 0);
	CHECK_INT(world.last.max_output, 90);
	teardown();
}

static void turns_and_what_is_left_are_counted(void)
{
	setup(",\"max_turns\":1,\"max_cost_usd\":\"1.00\",\"max_input_tokens\":1000");
	open_door();
	CHECK_INT(ask("a", 100), 0);
	CHECK_INT(ask("b", 100), 1);
	CHECK_STR(why.reason, "the policy's max_turns is 1: 0 turns are left, too few for this "
			      "request; end with what you have");
	say_end(world.ids[0], "ok", true, 10, 10);
	step();
	AUTO_JSON json_t *left = model_left(door, policy);
	AUTO_FREE char *text = json_dumps(left, JSON_COMPACT);
	CHECK_STR(text, "{\"usd\":\"0.99982\",\"input\":990,\"turns\":0}");
	teardown();
}

/* ---- masking ---- */

static void secrets_do_not_leave_in_any_form(void)
{
	static const char *const forms[] = {
		"the canary is Zq7Rw2Lk9TxV here",
		"WnE3UncyTGs5VHhW",		     /* base64 */
		"5a713752 5a71375277324c6b39547856", /* hexadecimal */
		"%5Aq7Rw2Lk9TxV",		     /* percent */
		"\\u005aq7Rw2Lk9TxV",		     /* escaped */
		"'Zq7Rw2' + 'Lk9TxV'",		     /* joined */
	};
	struct err e = ERR_INIT;

	setup("");
	CHECK_INT(redact_new(&values, &e), 0);
	CHECK_INT(redact_add(values, "Zq7Rw2Lk9TxV", 12, 0, &e), 0);
	CHECK_INT(redact_build(values, &e), 0);
	open_door();
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		CHECK_INT(ask(forms[i], 100), 0);
		AUTO_FREE char *sent = json_dumps(world.last.body, JSON_COMPACT);
		CHECK(strstr(sent, REDACT_MASK) != NULL);
		CHECK(strstr(sent, "Lk9T") == NULL && strstr(sent, "ncyT") == NULL &&
		      strstr(sent, "4c6b") == NULL);
		CHECK(strstr(sent, "\"role\":\"user\"") != NULL);
	}
	CHECK_INT(ask("my key is sk-abcdef0123456789, use it", 100), 0);
	AUTO_FREE char *sent = json_dumps(world.last.body, JSON_COMPACT);
	CHECK(strstr(sent, "abcdef0123456789") == NULL);
	CHECK(strstr(sent, "my key is ") != NULL);
	AUTO_FREE char *log = log_text();
	CHECK(strstr(log, "\"masked\":1") != NULL);
	CHECK(strstr(log, "Zq7Rw2Lk9TxV") == NULL);
	teardown();
}

/* Masked, this text is longer than a request may be. */
static void what_cannot_be_masked_is_not_sent(void)
{
	const size_t n = MODEL_MAX_REQUEST / 4;
	AUTO_FREE char *text = malloc(n + 1);

	setup("");
	open_door();
	for (size_t i = 0; i < n; i++)
		text[i] = i % 2 ? '\n' : '~';
	text[n] = '\0';
	CHECK_INT(ask(text, 100), 1);
	CHECK_STR(why.rule, "/environment/redact");
	CHECK_STR(why.reason,
		  "nothing was sent: the request cannot be looked through for what must not leave "
		  "(masked text: larger than 8388608 bytes)");
	CHECK_INT(world.opened, 0);
	teardown();
}

/* ---- crashes, cancels, resumes ---- */

static void a_broker_that_dies_is_charged_and_asked_once_more(void)
{
	char once[64];

	setup("");
	open_door();
	heard.ends = 0;
	CHECK_INT(ask("q", 100), 0);
	(void)snprintf(once, sizeof(once), "%s", spent("usd_exact"));
	kill_broker();
	step();
	CHECK_INT(heard.ends, 0);
	CHECK_INT(world.opened, 2);
	CHECK_INT(world.calls, 2);
	say_end(world.last.id, "ok", true, 1000, 0);
	step();
	CHECK_STR(heard.kind, "ok");
	CHECK_INT(heard.ends, 1);
	CHECK_STR(spent("turns"), "2");
	CHECK_INT(ask("q again", 100), 0);
	kill_broker();
	step();
	kill_broker();
	step();
	CHECK_STR(heard.kind, "broker-died");
	CHECK_INT(world.opened, 3);
	teardown();
}

static void what_was_heard_in_part_is_not_asked_again(void)
{
	setup("");
	open_door();
	heard.events = heard.ends = 0;
	CHECK_INT(ask_body(MODEL_CHAT, "m", true,
			   json_pack("{s:i,s:[]}", "max_tokens", 50, "messages")),
		  0);
	say_event(world.last.id, "one");
	step();
	CHECK_INT(heard.events, 1);
	CHECK_STR(heard.text, "one");
	kill_broker();
	step();
	CHECK_INT(heard.ends, 1);
	CHECK_STR(heard.kind, "broker-died");
	CHECK_INT(world.calls, 1);
	teardown();
}

static void a_broker_that_says_nonsense_is_over(void)
{
	struct err e = ERR_INIT;
	AUTO_JSON json_t *junk = json_pack("{s:i}", "id", 1);

	setup("");
	open_door();
	CHECK_INT(ask("q", 100), 0);
	CHECK_INT(msg_send(world.now->theirs, BROKER_END, junk, NULL, 0, -1, &e), 0);
	step();
	CHECK_INT(world.opened, 2);
	teardown();
}

static void a_cancelled_call_is_settled_and_told(void)
{
	struct err e = ERR_INIT;

	setup("");
	open_door();
	heard.ends = 0;
	CHECK_INT(ask("q", 100), 0);
	CHECK_INT(model_forget(door, NULL, &e), 0);
	AUTO_FREE char *log = log_text();
	CHECK(strstr(log, "\"kind\":\"cancelled\"") != NULL); /* by then */
	step();
	CHECK_INT(heard.ends, 0); /* who went away hears nothing */
	CHECK_INT(model_fd(door), -1);
	CHECK_STR(spent("turns"), "1");
	teardown();
}

static void a_door_that_closes_settles_what_is_under_way(void)
{
	setup("");
	open_door();
	world.deaf = true;
	CHECK_INT(ask("q", 100), 0);
	CHECK_INT(ask("r", 100), 0);
	model_close(door);
	door = NULL;
	CHECK_INT(world.cancels, 2);
	CHECK_STR(spent("turns"), "2");
	AUTO_FREE char *log = log_text();
	CHECK(strstr(log, "\"kind\":\"cancelled\"") != NULL);
	teardown();
}

static void another_run_that_asks_the_same_pays_nothing(void)
{
	char before[64];
	pid_t child;
	int status = -1;

	setup("");
	open_door();
	CHECK_INT(ask("q", 100), 0);
	say_end(world.last.id, "ok", true, 1000, 7);
	step();
	CHECK_INT(ask("q", 100), 0); /* the same run asks again: it means it */
	CHECK_INT(world.calls, 2);
	say_end(world.last.id, "ok", true, 1000, 8);
	step();
	(void)snprintf(before, sizeof(before), "%s", spent("usd_exact"));
	model_close(door);
	door = NULL;
	case_close(kase);
	kase = NULL;
	(void)fflush(stdout);
	child = fork();
	if (child == 0) { /* another run of the program */
		struct err e = ERR_INIT;
		bool ok = case_open(state, "x-1", true, &kase, &e) == 0;

		open_door();
		heard.ends = 0;
		for (int i = 0; i < 2; i++) {
			ok = ok && ask("q", 100) == 0;
			step();
			ok = ok && heard.ends == i + 1 && strcmp(heard.kind, "ok") == 0;
		}
		ok = ok && world.calls == 2 && strcmp(spent("usd_exact"), before) == 0;
		ok = ok && ask("q", 100) == 0 && world.calls == 3;
		_exit(ok && audit_sync(audit, &e) == 0 ? 0 : 1);
	}
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
	AUTO_FREE char *log = log_text();
	CHECK(strstr(log, "\"type\":\"model.replay\"") != NULL);
	struct err e = ERR_INIT;
	CHECK_INT(case_open(state, "x-1", true, &kase, &e), 0);
	CHECK_STR(spent("turns"), "3"); /* the child's last one is charged as it was reserved */
	teardown();
}

static void a_pause_ends_what_is_under_way_and_it_goes_on_later(void)
{
	struct stop_watch w = { .state = state };
	int status = -1;
	pid_t child;
	struct err e = ERR_INIT;

	setup("");
	w.kase = kase;
	w.audit = audit;
	CHECK_INT(stop_begin(&w, &e), 0);
	open_door();
	heard.ends = 0;
	CHECK_INT(ask("q", 100), 0);
	CHECK_INT(ask_body(MODEL_CHAT, "m", true,
			   json_pack("{s:i,s:[]}", "max_tokens", 50, "messages")),
		  0);
	say_event(world.last.id, "one");
	step();
	CHECK_INT(pause_set(state, NULL, "enough for today", &e), 0);
	child = fork();
	if (child == 0) { /* somebody who lifts it again */
		(void)usleep(100000);
		_exit(chdir(state) < 0 || unlink("pause/all.json") < 0);
	}
	CHECK_INT(stop_point(&e), 0);
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
	CHECK_INT(world.cancels, 2);
	CHECK_STR(spent("turns"), "2");
	CHECK_INT(heard.ends, 0);
	step();
	CHECK_INT(heard.ends, 1); /* of which a part was heard */
	CHECK_STR(heard.kind, "paused");
	CHECK_INT(world.calls, 3); /* the other one is asked again */
	say_end(world.last.id, "ok", true, 10, 10);
	step();
	CHECK_STR(heard.kind, "ok");
	CHECK_STR(spent("turns"), "3");
	stop_end();
	teardown();
}

/* The log's word for a body is where it lies. */
static void body_of(const char *key, char *out, size_t size)
{
	AUTO_FREE char *log = log_text();
	AUTO_BUF struct buf text = BUF_INIT(65536);
	struct err e = ERR_INIT;
	const char *at = strstr(log, key);
	char path[200];

	out[0] = '\0';
	CHECK(at != NULL);
	if (!at)
		return;
	at += strlen(key);
	(void)snprintf(path, sizeof(path), "%s/bodies/%.2s/%.62s", state, at, at + 2);
	CHECK_INT(file_read_at(AT_FDCWD, path, 65536, &text, &e), 0);
	(void)snprintf(out, size, "%s", text.p ? text.p : "");
}

static void bodies_are_kept_where_the_host_says_so(void)
{
	char text[1000];

	setup("");
	config.audit.bodies = true;
	open_door();
	CHECK_INT(ask("my key is sk-abcdef0123456789", 100), 0);
	say_end(world.last.id, "ok", true, 10, 7);
	step();
	body_of("\"request\":\"sha256:", text, sizeof(text));
	CHECK(strstr(text, "\"model\":\"main/m\"") != NULL);
	CHECK(strstr(text, "my key is ") != NULL && !strstr(text, "abcdef0123456789"));
	body_of("\"answer\":\"sha256:", text, sizeof(text));
	CHECK_STR(text, "{\"body\":{\"answer\":\"ok\"},\"events\":[]}");
	teardown();
}

static void a_call_is_in_the_log_and_reserved_before_it_is_sent(void)
{
	setup("");
	open_door();
	CHECK_INT(ask("q", 100), 0);
	AUTO_FREE char *log = log_text();
	CHECK(strstr(log, "\"type\":\"model.call\"") != NULL);
	CHECK(strstr(log, "\"endpoint\":\"main\"") != NULL);
	CHECK(strstr(log, "\"reserved_usd\":\"0.0") != NULL);
	CHECK(strcmp(spent("usd_exact"), "0.00") != 0);
	say_end(world.last.id, "ok", true, 1000, 7);
	step();
	AUTO_FREE char *after = log_text();
	CHECK(strstr(after, "\"type\":\"model.answer\"") != NULL);
	CHECK(strstr(after, "\"usd\":\"0.003105\"") != NULL);
	reopen_case();
	CHECK_STR(spent("usd_exact"), "0.003105");
	teardown();
}

TAP_MAIN(TEST(what_is_not_allowed_is_refused_with_what_is),
	 TEST(the_hosts_bounds_hold_whatever_the_policy_says),
	 TEST(an_answer_costs_what_the_provider_says_to_the_last_digit),
	 TEST(what_was_billed_and_not_told_costs_what_was_reserved),
	 TEST(parallel_calls_together_stay_under_the_cap),
	 TEST(what_is_counted_beyond_is_foreseen_from_then_on),
	 TEST(what_is_compressed_may_be_as_much_as_a_model_reads),
	 TEST(an_answer_is_cut_to_what_the_budget_holds), TEST(turns_and_what_is_left_are_counted),
	 TEST(secrets_do_not_leave_in_any_form), TEST(what_cannot_be_masked_is_not_sent),
	 TEST(a_broker_that_dies_is_charged_and_asked_once_more),
	 TEST(what_was_heard_in_part_is_not_asked_again), TEST(a_broker_that_says_nonsense_is_over),
	 TEST(a_cancelled_call_is_settled_and_told),
	 TEST(a_door_that_closes_settles_what_is_under_way),
	 TEST(another_run_that_asks_the_same_pays_nothing),
	 TEST(a_pause_ends_what_is_under_way_and_it_goes_on_later),
	 TEST(bodies_are_kept_where_the_host_says_so),
	 TEST(a_call_is_in_the_log_and_reserved_before_it_is_sent))
