/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/model.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inside/context.h"
#include "agent/inside/model_impl.h"
#include "runtime/base/sha256.h"
#include "runtime/base/utf8.h"
#include "runtime/proto/model.h"

/*
 * Theory of operation.  The conversation is a list of messages that only grows,
 * so that providers can cache it; where it outgrows its bound, results of old
 * calls are left out.  An answer is looked at before anything of it is done:
 * parts of known kinds, a name and an id for each call.  What is unusable is
 * said once; the second in a row ends the work.  So do answers without a call,
 * and calls that are made again while nothing changed.  Whoever ends here gives
 * up with a reason, unless the changes as they are have passed everything that
 * can be asked: then these are submitted, as what they are.
 */
#define TURNS_MAX     200
#define CALLS_MAX     16	  /* of one answer */
#define PARTS_MAX     256	  /* of one answer */
#define OUTPUT_TOKENS 8192	  /* of one answer */
#define RESULT_MAX    (64u << 10) /* bytes of one result */
#define SAME_NUDGE    3		  /* times that one call is made before it is told off */
#define SAME_END      5
#define SEEN_MAX      256
#define REASON_MAX    1000

struct seen_call {
	uint8_t digest[SHA256_LEN];
	unsigned times;
};

struct loop {
	struct model_agent a;
	json_t *messages, *tools;
	struct buf system;
	struct seen_call seen[SEEN_MAX]; /* since the last change, oldest first */
	size_t n_seen;
	uint64_t seen_at;   /* generation of the changes that they were made with */
	unsigned bad, idle; /* unusable answers, and answers without a call, in a row */
	unsigned turns, calls;
	char why[REASON_MAX]; /* why it ends here; "": it goes on */
};

static void end(struct loop *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void end(struct loop *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(l->why, sizeof(l->why), fmt, ap);
	va_end(ap);
}

static int no_memory(struct err *e)
{
	return err_set(e, ENOMEM, "out of memory");
}

/* ---- a call that the model makes ---- */

/* How often this very call was made since the changes were last different. */
static unsigned times_made(struct loop *l, const char *name, const json_t *input)
{
	AUTO_FREE char *text = json_dumps(input, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	uint8_t digest[SHA256_LEN];
	struct sha256 s;

	if (l->seen_at != l->a.edits.generation)
		l->n_seen = 0;
	l->seen_at = l->a.edits.generation;
	sha256_init(&s);
	sha256_update(&s, name, strlen(name) + 1);
	sha256_update(&s, text ? text : "", text ? strlen(text) : 0);
	sha256_final(&s, digest);
	for (size_t i = 0; i < l->n_seen; i++)
		if (memcmp(l->seen[i].digest, digest, sizeof(digest)) == 0)
			return ++l->seen[i].times;
	if (l->n_seen == SEEN_MAX)
		memmove(l->seen, l->seen + 1, --l->n_seen * sizeof(l->seen[0]));
	memcpy(l->seen[l->n_seen].digest, digest, sizeof(digest));
	l->seen[l->n_seen++].times = 1;
	return 1;
}

static int do_call(struct loop *l, const char *name, const json_t *input, struct tool_result *out,
		   struct err *e)
{
	const unsigned times = times_made(l, name, input);

	if (times >= SAME_END)
		end(l,
		    "the model goes in circles: it called %.100s with the same arguments %u "
		    "times while nothing changed",
		    name, times);
	if (l->a.over || l->why[0])
		return tool_fails(out, e, "the work has ended: this was not done");
	if (times >= SAME_NUDGE)
		return tool_fails(out, e,
				  "this is the same call, made %u times while nothing changed: "
				  "its answer stays what it was; do something else, or give_up",
				  times);
	return model_tools_call(&l->a, name, input, out, e);
}

static int answer_call(struct loop *l, const json_t *part, bool cut, json_t *to, struct err *e)
{
	const char *name = json_string_value(json_object_get(part, "name"));
	const char *invalid = json_string_value(json_object_get(part, "invalid"));
	struct tool_result result = { 0 };
	AUTO_FREE char *text = NULL;
	json_t *row;
	int r;

	l->calls++;
	if (cut)
		r = tool_fails(&result, e,
			       "your answer was cut off at its greatest length; nothing of it was "
			       "done: answer in smaller steps");
	else if (invalid)
		r = tool_fails(&result, e, "not a JSON object, so this was not done: %s", invalid);
	else if (json_array_size(to) >= CALLS_MAX)
		r = tool_fails(&result, e, "at most %d calls in one answer: this was not done",
			       CALLS_MAX);
	else
		r = do_call(l, name, json_object_get(part, "input"), &result, e);
	if (r < 0)
		return r;
	text = json_dumps(result.value, JSON_COMPACT);
	if (text && strlen(text) > RESULT_MAX) {
		free(text);
		text = strdup("{\"error\": \"the result is too long: ask for less\"}");
		result.failed = true;
	}
	json_decref(result.value);
	row = text ? json_pack("{s:s,s:O,s:s,s:b}", "type", "result", "id",
			       json_object_get(part, "id"), "text", text, "error", result.failed)
		   : NULL;
	return json_array_append_new(to, row) < 0 ? no_memory(e) : 0;
}

/* ---- an answer ---- */

static bool is_type(const json_t *part, const char *type)
{
	const char *have = json_string_value(json_object_get(part, "type"));

	return have && strcmp(have, type) == 0;
}

/* The number of its calls; -1: it is not the answer of a turn. */
static int count_calls(const json_t *answer)
{
	const json_t *content = json_object_get(answer, "content"), *part;
	size_t i;
	int n = 0;

	if (!json_is_array(content) || json_array_size(content) > PARTS_MAX)
		return -1;
	json_array_foreach(content, i, part) {
		const bool call = is_type(part, "call");

		if (call && (!json_is_string(json_object_get(part, "id")) ||
			     !json_is_string(json_object_get(part, "name"))))
			return -1;
		if (!call && !is_type(part, "opaque") &&
		    !(is_type(part, "text") && json_is_string(json_object_get(part, "text"))))
			return -1;
		n += call;
	}
	return n;
}

/* Said once; the second in a row ends the work. */
static int unusable(struct loop *l, const char *what, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(1024);

	if (++l->bad > 1) {
		end(l, "the model's answers cannot be used: %s", what);
		return 0;
	}
	buf_printf(&text, "Your last answer could not be used: %s. Nothing of it was done.", what);
	return talk_say(l->messages, text.p, e);
}

/* What it said where it should have called something; "" where it said nothing. */
static void last_words(const json_t *answer, char *out, size_t size)
{
	const json_t *content = json_object_get(answer, "content"), *part;
	AUTO_BUF struct buf b = BUF_INIT(400);
	size_t i;

	json_array_foreach(content, i, part)
		if (is_type(part, "text") && b.n == 0)
			utf8_head(json_string_value(json_object_get(part, "text")), 300, &b);
	(void)snprintf(out, size, "%s", b.p ? b.p : "");
}

static int without_call(struct loop *l, const json_t *answer, bool cut, struct err *e)
{
	char words[400];

	if (cut)
		return unusable(l, "it was cut off at its greatest length before it called a tool",
				e);
	if (++l->idle == 1)
		return talk_say(
			l->messages,
			"You called no tool, so nothing happened. Go on with a tool; end with "
			"submit or give_up.",
			e);
	last_words(answer, words, sizeof(words));
	end(l, "the model ended without a submission%s%s", *words ? "; it said: " : "", words);
	return 0;
}

static int take_answer(struct loop *l, const json_t *answer, struct err *e)
{
	const char *stop = json_string_value(json_object_get(answer, "stop"));
	json_t *content = json_object_get(answer, "content");
	const bool cut = stop && strcmp(stop, "length") == 0;
	const int calls = count_calls(answer);
	json_t *results, *part;
	size_t i;
	int r;

	if (stop && strcmp(stop, "refused") == 0) {
		end(l, "the model refused to answer");
		return 0;
	}
	if (calls < 0)
		return unusable(l, "it is not made of texts and calls of tools", e);
	if (json_array_size(content) > 0) {
		r = talk_add(l->messages, "assistant", json_incref(content), e);
		if (r < 0)
			return r;
	}
	if (calls == 0)
		return without_call(l, answer, cut, e);
	l->idle = 0;
	l->bad = cut ? l->bad + 1 : 0;
	results = json_array();
	r = talk_add(l->messages, "user", results, e);
	json_array_foreach(content, i, part)
		if (r == 0 && is_type(part, "call"))
			r = answer_call(l, part, cut, results, e);
	if (l->bad > 1)
		end(l, "the model's answers cannot be used: they are cut off at their greatest "
		       "length");
	return r;
}

/* ---- a turn ---- */

static bool is_budget(const struct gate_refusal *why)
{
	return why->rule && (strstr(why->rule, "budget") || strstr(why->rule, "/model/max_"));
}

/* The line broke while the answer came: the broker asks again only what cannot have been billed, so
 * here it is asked once more, as a call that is paid for. */
static bool asks_again(struct loop *l, const char *kind)
{
	static const char *const broken[] = { "disconnected", "stalled", "timeout", "broker-died",
					      NULL };

	for (const char *const *k = broken; *k; k++)
		if (strcmp(kind, *k) == 0)
			return ++l->bad <= 1;
	return false;
}

/* How a call ended that brought no answer. */
static int failed_call(struct loop *l, const struct gate_model_end *end_of, struct err *e)
{
	const char *message = end_of->message ? end_of->message : "";

	if (strcmp(end_of->kind, "garbage") == 0 || strcmp(end_of->kind, "too-large") == 0) {
		AUTO_BUF struct buf what = BUF_INIT(512);

		buf_printf(&what, "%s", end_of->kind);
		if (*message)
			buf_printf(&what, " (%.300s)", message);
		return unusable(l, what.p, e);
	}
	if (asks_again(l, end_of->kind))
		return 0;
	if (strcmp(end_of->kind, "budget") == 0)
		end(l, "budget: %.600s", *message ? message : "spent");
	else
		end(l, "the model could not be asked: %.60s%s%.600s", end_of->kind,
		    *message ? ": " : "", message);
	return 0;
}

static int ask_model(struct loop *l, struct gate_model_end *out, struct err *e)
{
	AUTO_JSON json_t *body =
		json_pack("{s:s,s:O,s:O,s:i}", "system", l->system.p, "messages", l->messages,
			  "tools", l->tools, "max_output", OUTPUT_TOKENS);
	const struct gate_model rq = { .protocol = MODEL_TURN, .body = body };
	struct gate_refusal why = { 0 };
	int r;

	if (!body)
		return no_memory(e);
	r = gate_model_call(l->a.gate, &rq, out, &why, e);
	if (r != -EPERM)
		return r;
	*e = (struct err)ERR_INIT;
	end(l, "%s: %.200s: %.500s", is_budget(&why) ? "budget" : "the gate refused the model",
	    why.rule ? why.rule : "", why.reason ? why.reason : "");
	jmap_release(gate_refusal_map, &why);
	return 0;
}

static int turn(struct loop *l, struct err *e)
{
	struct gate_model_end got = { 0 };
	int r = talk_fit(l->messages, e);

	l->turns++;
	if (r == 0)
		r = ask_model(l, &got, e);
	if (r == 0 && !l->why[0])
		r = strcmp(got.kind, MODEL_OK) == 0 ? take_answer(l, got.body, e)
						    : failed_call(l, &got, e);
	jmap_release(gate_model_end_map, &got);
	return r;
}

/* ---- the work ---- */

static int begin(struct loop *l, struct err *e)
{
	AUTO_BUF struct buf text =
		BUF_INIT((size_t)CONTEXT_TOKENS * CONTEXT_TOKEN_SIZE + (64u << 10));
	int r = tools_open(l->a.task->repo, &l->a.dir, e);

	if (r == 0)
		r = context_build(l->a.task, l->a.dir, &text, e);
	context_system(l->a.task, &l->system);
	if (r == 0)
		r = buf_check(&l->system, "rules of the role", e);
	l->messages = json_array();
	l->tools = model_tools_offer(&l->a);
	if (r == 0 && (!l->messages || !l->tools))
		r = no_memory(e);
	if (r == 0)
		r = talk_add(l->messages, "user",
			     json_pack("[{s:s,s:s}]", "type", "text", "text",
				       text.p ? text.p : "There is nothing to tell."),
			     e);
	return r;
}

static int note(struct loop *l, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(512);

	buf_printf(&b, "model agent: %u turns, %u calls of tools, %zu evaluations remembered",
		   l->turns, l->calls, l->a.n_tried);
	return gate_note(l->a.gate, b.p ? b.p : "", e);
}

/* The model ended before it described what had passed. */
static int submit_unsaid(struct loop *l, struct err *e)
{
	const json_t *at = json_object_get(l->a.task->incident, "coordinate");
	const char *function = json_string_value(json_object_get(at, "function"));
	const char *file = json_string_value(json_object_get(at, "file"));
	AUTO_BUF struct buf title = BUF_INIT(256), change = BUF_INIT(4096), clean = BUF_INIT(8192);
	struct gate_submit s = { 0 };

	buf_puts(&title, "Change for the failure in ");
	utf8_head(function ? function : file ? file : "this program", 100, &title);
	buf_printf(&change,
		   "The model's work ended after this change had passed and before it was "
		   "described: %s.",
		   l->why);
	utf8_clean(change.p, change.n, &clean);
	s.title = title.p;
	s.change = clean.p;
	s.test_name = title.p;
	return model_submit(&l->a, &s, NULL, e);
}

static int conclude(struct loop *l, struct err *e)
{
	AUTO_BUF struct buf reason = BUF_INIT(4 * REASON_MAX);
	int r = note(l, e);

	if (r < 0)
		return r;
	if (l->a.proven && l->a.proven == l->a.edits.generation && l->a.edits.n) {
		r = submit_unsaid(l, e);
		if (r != -EPERM)
			return r;
		*e = (struct err)ERR_INIT;
	}
	utf8_clean(l->why, strlen(l->why), &reason);
	return gate_give_up(l->a.gate, reason.p ? reason.p : "the model brought nothing", e);
}

static void loop_release(struct loop *l)
{
	json_decref(l->messages);
	json_decref(l->tools);
	buf_release(&l->system);
	edits_release(&l->a.edits);
	for (size_t i = 0; i < l->a.n_tried; i++) {
		free(l->a.tried[i].operator_name);
		free(l->a.tried[i].file);
		free(l->a.tried[i].summary);
		free(l->a.tried[i].why_not);
	}
	if (l->a.dir >= 0)
		(void)close(l->a.dir);
	free(l);
}

int model_agent_run(struct gate_client *gate, const struct gate_task *task, struct err *e)
{
	struct loop *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return no_memory(e);
	l->system.max = 64u << 10;
	l->a = (struct model_agent){ .gate = gate,
				     .task = task,
				     .dir = -1,
				     .reproduce = strcmp(task->role, "reproduce") == 0,
				     .left = task->evaluations };
	r = begin(l, e);
	while (r == 0 && !l->a.over && !l->why[0]) {
		if (l->turns == TURNS_MAX)
			end(l, "the model took %d turns without a submission", TURNS_MAX);
		else
			r = turn(l, e);
	}
	if (r == 0 && !l->a.over)
		r = conclude(l, e);
	loop_release(l);
	return r;
}
