/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/f5/model_double.h"

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

TAP_MAIN(TEST(what_is_not_allowed_is_refused_with_what_is),
	 TEST(the_hosts_bounds_hold_whatever_the_policy_says),
	 TEST(an_answer_costs_what_the_provider_says_to_the_last_digit),
	 TEST(what_was_billed_and_not_told_costs_what_was_reserved),
	 TEST(parallel_calls_together_stay_under_the_cap),
	 TEST(what_is_counted_beyond_is_foreseen_from_then_on),
	 TEST(what_is_compressed_may_be_as_much_as_a_model_reads),
	 TEST(an_answer_is_cut_to_what_the_budget_holds), TEST(turns_and_what_is_left_are_counted),
	 TEST(secrets_do_not_leave_in_any_form), TEST(what_cannot_be_masked_is_not_sent))
