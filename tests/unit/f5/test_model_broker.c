/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/f5/model_double.h"

/* ---- what the broker is given ---- */

static void keys_of_other_endpoints_are_not_read(void)
{
	setup("");
	open_door();
	CHECK_INT(ask("q", 100), 0);
	CHECK_STR(world.endpoints, "main ");
	say_end(world.last.id, "ok", true, 10, 7);
	step();
	teardown();
}

static void an_endpoint_is_given_where_one_of_its_models_is_allowed(void)
{
	setup("");
	CHECK_INT(strlist_add(&models, "side/t"), 0); /* which the policy does not allow */
	open_door();
	CHECK_INT(ask("q", 100), 0);
	CHECK_STR(world.endpoints, "main ");
	teardown();
	setup("");
	CHECK_INT(strlist_add(&models, "side/s"), 0);
	open_door();
	CHECK_INT(ask("q", 100), 0);
	CHECK_STR(world.endpoints, "main side ");
	teardown();
}

static void another_role_has_a_broker_of_its_own(void)
{
	struct strlist mine = { 0 };

	setup("");
	CHECK_INT(strlist_add(&mine, "side/s"), 0);
	open_door();
	CHECK_INT(ask("q", 100), 0);
	say_end(world.last.id, "ok", true, 10, 7);
	step();
	CHECK_INT(ask("again", 100), 0);
	say_end(world.last.id, "ok", true, 10, 7);
	step();
	CHECK_INT(world.opened, 1);
	{
		const struct model_listener to = { .on_event = on_event, .on_end = on_end };
		AUTO_JSON json_t *body = question("q", 100);
		const struct gate_model rq = { .id = 77, .body = body };
		struct err e = ERR_INIT;

		CHECK_INT(model_ask(door, policy, &mine, &rq, &to, &why, &e), 0);
		CHECK_STR(e.msg, "");
	}
	CHECK_INT(world.opened, 2);
	CHECK_STR(world.endpoints, "side ");
	teardown();
	strlist_release(&mine);
}

static void a_call_is_given_no_more_time_than_its_listener_has(void)
{
	setup("");
	open_door();
	patience = 1234;
	CHECK_INT(ask("q", 100), 0);
	CHECK_INT((long long)world.last.total_ms, 1234);
	say_end(world.last.id, "ok", true, 10, 7);
	step();
	patience = 0;
	CHECK_INT(ask("and now", 100), 1);
	CHECK_STR(why.rule, "budget");
	CHECK_STR(why.reason, "the policy's wall clock is used up: end with what you have");
	patience = UINT64_MAX;
	CHECK_INT(ask("and then", 100), 0);
	CHECK_INT((long long)world.last.total_ms, 0);
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

TAP_MAIN(TEST(keys_of_other_endpoints_are_not_read),
	 TEST(an_endpoint_is_given_where_one_of_its_models_is_allowed),
	 TEST(another_role_has_a_broker_of_its_own),
	 TEST(a_call_is_given_no_more_time_than_its_listener_has),
	 TEST(a_broker_that_dies_is_charged_and_asked_once_more),
	 TEST(what_was_heard_in_part_is_not_asked_again), TEST(a_broker_that_says_nonsense_is_over),
	 TEST(a_cancelled_call_is_settled_and_told),
	 TEST(a_door_that_closes_settles_what_is_under_way),
	 TEST(another_run_that_asks_the_same_pays_nothing),
	 TEST(a_pause_ends_what_is_under_way_and_it_goes_on_later),
	 TEST(bodies_are_kept_where_the_host_says_so),
	 TEST(a_call_is_in_the_log_and_reserved_before_it_is_sent))
