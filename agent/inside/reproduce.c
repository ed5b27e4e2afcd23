/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/reproduce.h"

#include <stdbool.h>
#include <string.h>

#include "agent/inside/input.h"
#include "agent/inside/message.h"
#include "agent/inside/rebuild.h"
#include "agent/inside/shrink.h"

/*
 * Theory of operation.  The input is brought into normal form, rendered as a
 * test and evaluated: that verdict decides.  Only an exact match is worked on;
 * the input is then made smaller and synthetic, and because the name of the
 * test follows from the input, the test that is submitted was itself the last
 * one evaluated as exact.  Anything less is submitted as what it is (the host
 * decides) or given up with the reason.
 *
 * A report without a call may hold one all the same, in its frames' variables
 * (rebuild.h).  The first such call that fails exactly there, and with the same
 * message but for its values, is worked on like a reported one.
 */
#define SHRINK_MOST 80 /* questions spent on a smaller test */

static const struct {
	const char *framework;
	renderer render;
} renderers[] = {
	{ "tape", render_js }, { "node:test", render_js }, { "mocha", render_js },
	{ "jest", render_js }, { "pytest", render_py },	   { "unittest", render_py },
	{ "c", render_c },     { "shell", render_shell },
};

struct work {
	struct gate_client *gate;
	struct subject subject;
	renderer render;
	struct gate_verdict verdict; /* of the last evaluation */
	char *refusal;
	struct corpus corpus;
	char *shape;	     /* of the message that the reported input gives */
	const char *rebuilt; /* whose variables gave the input; NULL: the report has it */
};

static renderer find_renderer(const char *framework)
{
	for (size_t i = 0; i < sizeof(renderers) / sizeof(renderers[0]); i++)
		if (strcmp(renderers[i].framework, framework) == 0)
			return renderers[i].render;
	return NULL;
}

void rendered_release(struct rendered *r)
{
	free(r->path);
	free(r->content);
	free(r->title);
	*r = (struct rendered){ 0 };
}

static void forget_verdict(struct work *w)
{
	jmap_release(gate_verdict_map, &w->verdict);
	memset(&w->verdict, 0, sizeof(w->verdict));
	free(take_ptr(w->refusal));
}

static char *note_of(const struct rendered *t)
{
	AUTO_BUF struct buf b = BUF_INIT(1024);

	buf_printf(&b, "replay: %s", t->title);
	return buf_take(&b);
}

/* Renders an input and has it evaluated; the verdict is kept. */
static int evaluate(struct work *w, const json_t *input, struct err *e)
{
	struct rendered t = { 0 };
	int r = w->render(&w->subject, input, &t, e);

	if (r == 0) {
		AUTO_FREE char *note = note_of(&t);
		struct gate_change change = { .path = t.path, .content = t.content };
		const struct gate_evaluate ask = { .kind = GATE_KIND_REPRODUCE,
						   .changes = { &change, 1 },
						   .note = note };
		struct gate_answer a = { 0 };

		r = gate_evaluate(w->gate, &ask, &a, e);
		if (r == 0) {
			forget_verdict(w);
			w->verdict = a.verdict;
			w->refusal = take_ptr(a.refusal.reason);
			memset(&a.verdict, 0, sizeof(a.verdict));
			gate_answer_release(&a);
		}
	}
	rendered_release(&t);
	return r;
}

static bool is_match(const struct work *w, const char *match)
{
	return w->verdict.match && strcmp(w->verdict.match, match) == 0;
}

/* The same coordinate and the same message but for its values: another failure of that line does
 * not count. */
static int still_exact(void *arg, const json_t *input, struct err *e)
{
	struct work *w = arg;
	AUTO_FREE char *shape = NULL;
	const int r = evaluate(w, input, e);

	if (r < 0 || !is_match(w, "exact"))
		return r < 0 ? r : 0;
	shape = message_shape(w->verdict.chain, &w->corpus);
	return shape && strcmp(shape, w->shape) == 0;
}

/* The budget that is left for shrinking, after one last evaluation. */
static size_t budget(const struct work *w)
{
	const uint64_t left = w->verdict.left;

	if (left <= 1)
		return 0;
	return left - 1 < SHRINK_MOST ? left - 1 : SHRINK_MOST;
}

/* What a pointer of the incident's `personal` (RFC 6901, with or without "/input") leads to. */
static json_t *pointed(json_t *v, const char *pointer)
{
	AUTO_FREE char *copy = strdup(pointer);
	char *save = NULL;

	for (char *p = copy ? strtok_r(copy, "/", &save) : NULL; p && v;
	     p = strtok_r(NULL, "/", &save))
		v = json_is_array(v) ? json_array_get(v, strtoul(p, NULL, 10))
				     : json_object_get(v, p);
	return copy ? v : NULL;
}

static void add_leaves(json_t *list, json_t *v)
{
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_string(v) || json_is_number(v))
		(void)json_array_append(list, v);
	json_array_foreach(v, i, member)
		add_leaves(list, member);
	json_object_foreach(v, key, member) {
		(void)json_array_append_new(list, json_string(key));
		add_leaves(list, member);
	}
}

static json_t *personal_values(const json_t *incident)
{
	json_t *input = json_object_get(incident, "input"), *list = json_array(), *pointer;
	size_t i;

	json_array_foreach(json_object_get(incident, "personal"), i, pointer) {
		const char *at = json_string_value(pointer);

		if (at)
			add_leaves(list,
				   pointed(input, strncmp(at, "/input/", 7) == 0 ? at + 6 : at));
	}
	return list;
}

static int load_corpus(struct work *w, struct err *e)
{
	return w->corpus.text.p ? 0 : corpus_load(w->subject.dir, &w->corpus, e);
}

static int load_shape(struct work *w, struct err *e)
{
	const int r = load_corpus(w, e);

	if (r < 0)
		return r;
	w->shape = message_shape(w->verdict.chain, &w->corpus);
	return w->shape ? 0 : err_set(e, ENOMEM, "out of memory");
}

/* Whether what was seen says what the report says, but for values; a report without a message says
 * nothing against it. */
static int says_the_same(struct work *w, struct err *e)
{
	const json_t *chain = json_object_get(w->subject.task->incident, "chain");
	AUTO_FREE char *want = NULL, *seen = NULL;

	if (!json_string_length(json_object_get(json_array_get(chain, 0), "message")))
		return 1;
	if (load_corpus(w, e) < 0)
		return -e->code;
	want = message_shape(chain, &w->corpus);
	seen = message_shape(w->verdict.chain, &w->corpus);
	if (!want || !seen)
		return err_set(e, ENOMEM, "out of memory");
	return strcmp(want, seen) == 0;
}

static int make_small(struct work *w, json_t **input, struct buf *kept, struct err *e)
{
	AUTO_JSON json_t *personal = personal_values(w->subject.task->incident);
	struct shrink s = { .still = still_exact,
			    .arg = w,
			    .personal = personal,
			    .budget = budget(w),
			    .fixed = strcmp(w->subject.task->framework, "c") == 0 };
	int r = load_shape(w, e);

	if (r == 0)
		r = shrink_input(&s, input, e);
	if (r == 0) {
		s.budget += budget(w) > SHRINK_MOST / 2 ? SHRINK_MOST / 2 : 0;
		r = shrink_synthesise(&s, &w->corpus, input, kept, e);
	}
	if (r == 0)
		r = shrink_input(&s, input, e);
	shrink_release(&s);
	return r;
}

static void describe(const struct work *w, const struct rendered *t, const json_t *input,
		     struct buf *title, struct buf *cause, struct buf *change)
{
	const json_t *coordinate = json_object_get(w->subject.task->incident, "coordinate");
	const char *file = json_string_value(json_object_get(coordinate, "file"));
	const long long line = (long long)json_integer_value(json_object_get(coordinate, "line"));

	style_title(&w->subject, input, title);
	if (file)
		buf_printf(cause, "%s at %s:%lld%s%s; match with the report: %s.",
			   w->subject.type ? w->subject.type : "failure", file, line,
			   w->subject.function ? " in " : "",
			   w->subject.function ? w->subject.function : "",
			   w->verdict.match ? w->verdict.match : "unknown");
	buf_printf(change, "Adds %s, which replays %s%s as a %s test.", t->path,
		   w->rebuilt ? "the call rebuilt from the variables of " : "the reported input",
		   w->rebuilt ? w->rebuilt : "", w->subject.task->framework);
}

/* The simplest test there is was refused: nothing better follows. */
static int give_up_refused(struct work *w, const struct gate_refusal *no, struct err *e)
{
	AUTO_BUF struct buf why = BUF_INIT(4096);

	buf_printf(&why, "the gate refused the test by %s: %s: %s", no->rule ? no->rule : "a rule",
		   no->place ? no->place : "", no->reason ? no->reason : "");
	return gate_give_up(w->gate, why.p ? why.p : "the gate refused the test", e);
}

static int submit(struct work *w, const json_t *input, struct err *e)
{
	AUTO_BUF struct buf title = BUF_INIT(256), cause = BUF_INIT(4096), change = BUF_INIT(8192);
	struct gate_refusal no = { 0 };
	struct rendered t = { 0 };
	int r = w->render(&w->subject, input, &t, e);

	if (r == 0) {
		struct gate_change one = { .path = t.path, .content = t.content };
		struct gate_submit s = { .changes = { &one, 1 }, .test_name = t.title };
		AUTO_BUF struct buf from = BUF_INIT(1024);

		describe(w, &t, input, &title, &cause, &change);
		s.title = title.p;
		s.cause = cause.p;
		s.change = change.p;
		if (w->rebuilt)
			buf_printf(&from, "rebuilt from the variables of the frame %s", w->rebuilt);
		s.input_from = from.p;
		r = gate_submit(w->gate, &s, &no, e);
		if (r == -EPERM)
			r = give_up_refused(w, &no, e);
		jmap_release(gate_refusal_map, &no);
	}
	rendered_release(&t);
	return r;
}

static int give_up_unmatched(struct work *w, struct err *e)
{
	AUTO_BUF struct buf why = BUF_INIT(4096);

	if (w->refusal)
		buf_printf(&why, "the gate refused the test: %s", w->refusal);
	else
		buf_printf(&why,
			   "replaying the reported input gives '%s', not the reported failure",
			   w->verdict.match ? w->verdict.match : "none");
	return gate_give_up(w->gate, why.p, e);
}

/* What was last evaluated is made small, and submitted if it may leave. */
static int conclude(struct work *w, json_t **input, struct err *e)
{
	AUTO_BUF struct buf kept = BUF_INIT(1u << 16), why = BUF_INIT(1u << 16);
	int r = 0;

	if (!is_match(w, "exact") && !is_match(w, "same-function") && !is_match(w, "flaky"))
		return give_up_unmatched(w, e);
	if (is_match(w, "exact"))
		r = make_small(w, input, &kept, e);
	if (r < 0)
		return r;
	if (kept.n > 0) {
		buf_printf(&why,
			   "the failure needs the production value at %s, which may not leave",
			   kept.p);
		return gate_needs_person(w->gate, why.p, e);
	}
	r = evaluate(w, *input, e);
	return r < 0 ? r : submit(w, *input, e);
}

static int run(struct work *w, json_t **input, struct err *e)
{
	const int r = evaluate(w, *input, e);

	return r < 0 ? r : conclude(w, input, e);
}

/* What has to be added to the report, in one line. */
static int give_up_without(struct work *w, const struct buf *why, struct err *e)
{
	static const char add[] = "have the service add the call to its reports (\"sickbay.call\", "
				  "docs/intake.md)";
	static const char place[] = "/tests/0/new_test/http of the service file has to say how a "
				    "test sends the request that the report has; else ";
	const json_t *input = json_object_get(w->subject.task->incident, "input");
	const char *lost = json_string_value(json_object_get(input, "http_lost"));
	AUTO_BUF struct buf text = BUF_INIT(8192);

	if (lost)
		buf_printf(&text, "the report's request cannot be replayed: %s; ", lost);
	else if (json_object_get(input, "http"))
		buf_puts(&text, place);
	if (why->n)
		buf_printf(&text,
			   "the report has no call to replay, and its frames' variables give none: "
			   "%s; %s",
			   why->p, add);
	else
		buf_printf(&text,
			   "the report has no call to replay and no variables of its own frames: "
			   "%s, or its SDK send local variables (Sentry: includeLocalVariables)",
			   add);
	return gate_give_up(w->gate, text.p ? text.p : add, e);
}

/* 1: the call fails as reported; 0: it does not, and why says so. */
static int try_rebuilt(struct work *w, const json_t *call, json_t **input, struct buf *why,
		       struct err *e)
{
	struct err odd = ERR_INIT;
	int r;

	w->rebuilt = json_string_value(json_object_get(call, "from"));
	if (input_normal(json_object_get(call, "input"), input, &odd) < 0) {
		buf_printf(why, "%s%s: %s", why->n ? "; " : "", w->rebuilt, odd.msg);
		return 0;
	}
	r = evaluate(w, *input, e);
	if (r == 0)
		r = is_match(w, "exact") ? says_the_same(w, e) : 0;
	if (r == 0)
		buf_printf(why, "%s%s: that call gives '%s'%s", why->n ? "; " : "", w->rebuilt,
			   w->verdict.match ? w->verdict.match : "none",
			   is_match(w, "exact") ? ", but another message than the report's" : "");
	return r;
}

static int run_rebuilt(struct work *w, struct err *e)
{
	AUTO_BUF struct buf why = BUF_INIT(8192);
	AUTO_JSON json_t *calls = NULL, *input = NULL;
	int r = rebuild_calls(&w->subject, &calls, &why, e);

	for (size_t i = 0; r == 0 && i < json_array_size(calls); i++) {
		json_decref(input);
		input = NULL;
		r = try_rebuilt(w, json_array_get(calls, i), &input, &why, e);
	}
	if (r > 0)
		return conclude(w, &input, e);
	return r < 0 ? r : give_up_without(w, &why, e);
}

int reproduce_run(struct gate_client *gate, const struct gate_task *task, struct err *e)
{
	const json_t *coordinate = json_object_get(task->incident, "coordinate");
	struct work w = {
		.gate = gate,
		.subject = { .task = task,
			     .type = json_string_value(json_object_get(coordinate, "type")),
			     .function = json_string_value(json_object_get(coordinate, "function")),
			     .dir = -1 },
		.render = find_renderer(task->framework),
	};
	AUTO_JSON json_t *input = NULL;
	struct err why = ERR_INIT;
	int r;

	if (!w.render)
		return gate_give_up(gate, "there is no renderer for this test framework", e);
	r = input_normal(json_object_get(task->incident, "input"), &input, &why);
	if (r < 0 && r != -ENOENT)
		return gate_give_up(gate, why.msg, e);
	r = tools_open(task->repo, &w.subject.dir, e);
	if (r == 0)
		r = input ? run(&w, &input, e) : run_rebuilt(&w, e);
	forget_verdict(&w);
	corpus_release(&w.corpus);
	free(w.shape);
	if (w.subject.dir >= 0)
		(void)close(w.subject.dir);
	return r;
}
