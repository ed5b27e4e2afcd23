/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proto/gate.h"

#include <sys/socket.h>

#include "runtime/base/msg.h"
#include "tests/tap.h"

/* The host's end of a fresh gate; what it says is written before the agent asks. */
static int host, agent_end;
static struct gate_client *client;
static struct gate_task task;

static void say(uint16_t type, const struct jmap *map, const void *in)
{
	struct err e = ERR_INIT;
	AUTO_JSON json_t *body = jmap_write(map, in);

	CHECK_INT(msg_send(host, type, body, NULL, 0, -1, &e), 0);
}

static void hear(uint16_t type, struct msg *m)
{
	struct err e = ERR_INIT;

	CHECK_INT(msg_recv(host, 1000, m, &e), 1);
	CHECK_INT(m->type, type);
}

static int join(void)
{
	int pair[2];
	struct err e = ERR_INIT;
	struct gate_task t = { .role = (char[]){ "reproduce" },
			       .language = (char[]){ "javascript" },
			       .framework = (char[]){ "tape" },
			       .repo = (char[]){ "/app" },
			       .module = (char[]){ "../" },
			       .incident = json_pack("{s:s}", "schema", "sickbay.incident/1"),
			       .evaluations = 7,
			       .seed = 3 };
	int r;

	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	host = pair[0];
	agent_end = pair[1];
	say(GATE_TASK, gate_task_map, &t);
	json_decref(t.incident);
	task = (struct gate_task){ 0 };
	r = gate_connect(agent_end, "test", &client, &task, &e);
	CHECK_STR(e.msg, "");
	return r;
}

static void leave(void)
{
	jmap_release(gate_task_map, &task);
	gate_client_close(client);
	(void)close(host);
}

static void agent_says_hello_and_receives_its_task(void)
{
	AUTO_MSG struct msg m = MSG_INIT;

	CHECK_INT(join(), 0);
	hear(GATE_HELLO, &m);
	CHECK_INT(json_integer_value(json_object_get(m.body, "version")), GATE_VERSION);
	CHECK_STR(task.role, "reproduce");
	CHECK_STR(task.module, "../");
	CHECK_INT((long long)task.evaluations, 7);
	leave();
}

static void answers_are_matched_by_id_in_any_order(void)
{
	struct gate_change change = { .path = (char[]){ "test/a.js" }, .content = (char[]){ "x" } };
	const struct gate_evaluate ask = { .kind = GATE_KIND_QUICK, .changes = { &change, 1 } };
	const struct gate_verdict second = { .id = 2, .match = (char[]){ "exact" }, .left = 5 };
	const struct gate_refusal first = { .id = 1, .reason = (char[]){ "out of scope" } };
	struct gate_answer a = { 0 };
	struct err e = ERR_INIT;
	uint64_t id = 0;

	CHECK_INT(join(), 0);
	CHECK_INT(gate_ask(client, &ask, &id, &e), 0);
	CHECK_INT((long long)id, 1);
	say(GATE_REFUSED, gate_refusal_map, &first);
	say(GATE_RESULT, gate_verdict_map, &second);
	CHECK_INT(gate_evaluate(client, &ask, &a, &e), 0);
	CHECK_INT((long long)a.id, 2);
	CHECK(!a.refused);
	CHECK_STR(a.verdict.match, "exact");
	gate_answer_release(&a);
	CHECK_INT((long long)gate_outstanding(client), 1);
	CHECK_INT(gate_next(client, &a, &e), 1);
	CHECK(a.refused);
	CHECK_STR(a.refusal.reason, "out of scope");
	gate_answer_release(&a);
	CHECK_INT(gate_next(client, &a, &e), 0);
	leave();
}

static void evaluation_carries_content_and_kind(void)
{
	struct gate_change changes[] = { { .path = (char[]){ "a" }, .content = (char[]){ "1\n" } },
					 { .path = (char[]){ "b" } } };
	const struct gate_evaluate ask = { .kind = GATE_KIND_FULL, .changes = { changes, 2 } };
	AUTO_MSG struct msg hello = MSG_INIT, m = MSG_INIT;
	struct gate_evaluate got = { 0 };
	struct err e = ERR_INIT;
	uint64_t id = 0;

	CHECK_INT(join(), 0);
	CHECK_INT(gate_ask(client, &ask, &id, &e), 0);
	hear(GATE_HELLO, &hello);
	hear(GATE_EVALUATE, &m);
	CHECK_INT(jmap_read(gate_evaluate_map, m.body, &got, "", &e), 0);
	CHECK_INT(got.kind, GATE_KIND_FULL);
	CHECK_INT((long long)got.changes.n, 2);
	CHECK_STR(((struct gate_change *)got.changes.v)[0].content, "1\n");
	CHECK(((struct gate_change *)got.changes.v)[1].content == NULL);
	jmap_release(gate_evaluate_map, &got);
	leave();
}

static void refused_submission_may_be_changed_and_tried_again(void)
{
	struct gate_change change = { .path = (char[]){ "test/a.js" }, .content = (char[]){ "x" } };
	const struct gate_submit s = { .changes = { &change, 1 }, .title = (char[]){ "t" } };
	const struct gate_refusal no = { .id = 1,
					 .rule = (char[]){ "tests" },
					 .reason = (char[]){ "outside of test" } };
	const struct gate_done done = { .id = 2 };
	struct gate_refusal why = { 0 };
	struct err e = ERR_INIT;

	CHECK_INT(join(), 0);
	say(GATE_REFUSED, gate_refusal_map, &no);
	CHECK_INT(gate_submit(client, &s, &why, &e), -EPERM);
	CHECK_STR(e.msg, "gate: refused by tests: outside of test");
	CHECK_STR(why.rule, "tests");
	jmap_release(gate_refusal_map, &why);
	say(GATE_DONE, gate_done_map, &done);
	CHECK_INT(gate_submit(client, &s, NULL, &e), 0);
	leave();
}

static void host_that_goes_away_is_reported(void)
{
	struct err e = ERR_INIT;

	CHECK_INT(join(), 0);
	CHECK_INT(shutdown(host, SHUT_WR), 0);
	CHECK_INT(gate_give_up(client, "no input", &e), -ECONNRESET);
	CHECK_STR(e.msg, "gate: closed by the host");
	leave();
}

static void too_many_changes_are_refused_with_their_place(void)
{
	AUTO_JSON json_t *body = json_pack("{s:i,s:s,s:[]}", "id", 1, "kind", "quick", "changes");
	struct gate_evaluate got = { 0 };
	struct err e = ERR_INIT;

	for (int i = 0; i <= GATE_MAX_CHANGES; i++)
		(void)json_array_append_new(json_object_get(body, "changes"),
					    json_pack("{s:s}", "path", "a"));
	CHECK(jmap_read(gate_evaluate_map, body, &got, "", &e) < 0);
	CHECK(strstr(e.msg, "/changes") != NULL);
	jmap_release(gate_evaluate_map, &got);
}

TAP_MAIN(TEST(agent_says_hello_and_receives_its_task), TEST(answers_are_matched_by_id_in_any_order),
	 TEST(evaluation_carries_content_and_kind),
	 TEST(refused_submission_may_be_changed_and_tried_again),
	 TEST(host_that_goes_away_is_reported), TEST(too_many_changes_are_refused_with_their_place))
