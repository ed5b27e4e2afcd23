/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "agent/inside/model_impl.h"
#include "runtime/base/id.h"
#include "runtime/base/utf8.h"

/* Tools that the gate decides: what it refuses is said with the rule and with what is allowed
 * instead. */

#define OUTPUT_SHOWN (8u << 10)
#define RUN_MOST_S   3600
#define TITLE_MAX    200
#define PROSE_MAX    8000

#define PROSE(type, field, must, most, text)                                              \
	{                                                                                 \
		.name = #field, .kind = JMAP_STR, .offset = offsetof(struct type, field), \
		.required = (must), .min = (must), .max = (most), .help = (text)          \
	}

struct write_args {
	char *path, *content, *old, *new;
	bool delete, executable;
};

struct run_args {
	struct strlist argv;
	char *cwd;
	uint64_t seconds;
};

struct evaluate_args {
	int kind;
	char *note;
};

struct submit_args {
	char *title, *cause, *change, *test_name;
};

struct give_up_args {
	char *reason;
};

static const char *const patch_kinds[] = { "quick", "full", NULL };
static const int patch_kind_of[] = { GATE_KIND_QUICK, GATE_KIND_FULL };

static const struct jmap write_map[] = {
	TOOL_ARG(write_args, path, STR, 1, "file, relative to the repository's root"),
	TOOL_ARG(write_args, content, STR, 0, "the whole new content of the file"),
	TOOL_ARG(write_args, old, STR, 0,
		 "instead of content: text that stands exactly once in the file, without line "
		 "numbers"),
	TOOL_ARG(write_args, new, STR, 0, "what takes the place of old"),
	TOOL_ARG(write_args, delete, BOOL, 0, "the file is deleted"),
	TOOL_ARG(write_args, executable, BOOL, 0, "the file is executable"),
	{ 0 },
};

static const struct jmap run_map[] = {
	TOOL_ARG(run_args, argv, STRS, 1, "the program and its arguments; no shell is in between"),
	TOOL_ARG(run_args, cwd, STR, 0, "directory, relative to the repository's root"),
	{ .name = "seconds",
	  .kind = JMAP_U64,
	  .offset = offsetof(struct run_args, seconds),
	  .max = RUN_MOST_S,
	  .help = "longest run" },
	{ 0 },
};

static const struct jmap evaluate_map[] = {
	{ .name = "kind",
	  .kind = JMAP_ENUM,
	  .offset = offsetof(struct evaluate_args, kind),
	  .required = 1,
	  .words = patch_kinds,
	  .help = "quick: the new test; full: the new test, then every test" },
	PROSE(evaluate_args, note, 0, TITLE_MAX, "what you changed, in a few words"),
	{ 0 },
};

static const struct jmap reproduce_map[] = {
	PROSE(evaluate_args, note, 0, TITLE_MAX, "what the test does, in a few words"),
	{ 0 },
};

static const struct jmap submit_map[] = {
	PROSE(submit_args, title, 1, TITLE_MAX, "one line for the pull request"),
	PROSE(submit_args, cause, 1, PROSE_MAX, "why production failed"),
	PROSE(submit_args, change, 1, PROSE_MAX, "what the change does about it"),
	PROSE(submit_args, test_name, 0, TITLE_MAX, "how the framework names the new test"),
	{ 0 },
};

static const struct jmap give_up_map[] = {
	PROSE(give_up_args, reason, 1, PROSE_MAX, "why there is nothing to submit"),
	{ 0 },
};

static const struct jmap no_map[] = { { 0 } };

/* ---- write ---- */

static size_t count_of(const char *text, const char *part)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, part)); p += strlen(part))
		n++;
	return n;
}

/* The answer is given already: 1, or what went wrong. */
static int said(int r)
{
	return r < 0 ? r : 1;
}

static int replaced(struct model_agent *a, const struct write_args *in, char **content,
		    struct tool_result *out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(GATE_MAX_CONTENT), made = BUF_INIT(GATE_MAX_CONTENT);
	struct err bad = ERR_INIT;
	const char *at;
	size_t n;

	if (edits_read(&a->edits, a->dir, in->path, &text, &bad) < 0)
		return said(tool_fails(out, e, "%s", bad.msg));
	n = *in->old && text.p ? count_of(text.p, in->old) : 0;
	if (n != 1)
		return said(tool_fails(
			out, e,
			"the text of old stands %zu times in '%.200s', not once: read the file and "
			"give more of its lines exactly as they are",
			n, in->path));
	at = strstr(text.p, in->old);
	buf_put(&made, text.p, (size_t)(at - text.p));
	buf_puts(&made, in->new);
	buf_puts(&made, at + strlen(in->old));
	if (buf_check(&made, in->path, &bad) < 0)
		return said(tool_fails(out, e, "%s", bad.msg));
	*content = made.p ? buf_take(&made) : strdup("");
	return *content ? 0 : err_set(e, ENOMEM, "out of memory");
}

/* 0 and *content is what the file becomes (NULL: deleted); 1: the answer says what is wrong. */
static int new_content(struct model_agent *a, const struct write_args *in, char **content,
		       struct tool_result *out, struct err *e)
{
	const int ways = (in->content != NULL) + (in->old != NULL) + in->delete;

	*content = NULL;
	if (ways != 1 || (in->old != NULL) != (in->new != NULL))
		return said(tool_fails(
			out, e, "give content, or old and new, or delete: exactly one of them"));
	if (in->old)
		return replaced(a, in, content, out, e);
	if (in->delete)
		return 0;
	*content = strdup(in->content);
	return *content ? 0 : err_set(e, ENOMEM, "out of memory");
}

static json_t *paths_changed(const struct edits *x)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < x->n; i++)
		(void)json_array_append_new(list, json_string(x->v[i].path));
	return list;
}

/* The gate looks at all changes together; what it refuses is taken back. */
static int try_changes(struct model_agent *a, const struct gate_change *c, struct tool_result *out,
		       struct err *e)
{
	AUTO_FREE struct edits *before = calloc(1, sizeof(*before));
	struct gate_refusal why = { 0 };
	struct err bad = ERR_INIT;
	struct objlist list;
	int r = before ? edits_copy(&a->edits, before, e) : err_set(e, ENOMEM, "out of memory");

	if (r == 0) {
		r = edits_put(&a->edits, a->dir, c, &bad);
		list = edits_list(&a->edits);
		if (r == 0 && list.n > 0)
			r = gate_check(a->gate, &list, &why, e);
		else if (r < 0)
			r = said(tool_fails(out, e, "%s", bad.msg));
	}
	if (r == 0)
		r = tool_gives(out,
			       json_pack("{s:s,s:b,s:o}", "path", c->path, "in_scope", 1, "changed",
					 paths_changed(&a->edits)),
			       e);
	else if (before && (r == -EPERM || r == 1)) {
		edits_release(&a->edits);
		a->edits = *before;
		before->n = 0;
		r = r == 1 ? 0 : tool_refused_changes(a, out, &why, e);
	}
	if (before)
		edits_release(before);
	return r;
}

static int do_write(struct model_agent *a, const void *args, struct tool_result *out, struct err *e)
{
	const struct write_args *in = args;
	AUTO_FREE char *content = NULL;
	struct gate_change c = { .path = in->path, .executable = in->executable };
	int r = new_content(a, in, &content, out, e);

	if (r != 0)
		return r < 0 ? r : 0;
	if (content && strlen(content) > GATE_MAX_CONTENT)
		return tool_fails(out, e, "a file has at most %u bytes", GATE_MAX_CONTENT);
	c.content = content;
	return try_changes(a, &c, out, e);
}

/* ---- run ---- */

static json_t *output_json(const char *text)
{
	AUTO_BUF struct buf tail = BUF_INIT(OUTPUT_SHOWN + 8);

	utf8_tail(text ? text : "", OUTPUT_SHOWN, &tail);
	return tool_text(tail.p, tail.n);
}

static bool is_long(const char *text)
{
	return text && strlen(text) > OUTPUT_SHOWN;
}

static int do_run(struct model_agent *a, const void *args, struct tool_result *out, struct err *e)
{
	const struct run_args *in = args;
	const struct gate_run rq = { .argv = in->argv,
				     .cwd = in->cwd && *in->cwd && strcmp(in->cwd, ".") != 0
						    ? in->cwd
						    : NULL,
				     .changes = edits_list(&a->edits),
				     .timeout_ms = in->seconds * 1000 };
	struct gate_refusal why = { 0 };
	struct gate_ran ran = { 0 };
	int r;

	if (in->argv.n == 0 || in->argv.n > 256)
		return tool_fails(out, e, "argv has 1 to 256 words: the program and its arguments");
	r = gate_command(a->gate, &rq, &ran, &why, e);
	if (r == -EPERM)
		return tool_refused_command(a, out, &why, e);
	if (r == 0)
		r = tool_gives(out,
			       json_pack("{s:s,s:I,s:o,s:o,s:b}", "exit", ran.exit ? ran.exit : "",
					 "code", (json_int_t)ran.code, "out", output_json(ran.out),
					 "err", output_json(ran.err), "truncated",
					 is_long(ran.out) || is_long(ran.err)),
			       e);
	jmap_release(gate_ran_map, &ran);
	return r;
}

/* ---- evaluate ---- */

static json_t *verdict_json(const struct gate_verdict *v)
{
	json_t *broken = json_array();

	for (size_t i = 0; broken && i < v->broken.n; i++)
		(void)json_array_append_new(broken, json_string(v->broken.v[i]));
	return json_pack("{s:b,s:b,s:s,s:s,s:I,s:I,s:o,s:O*,s:o,s:I}", "passed", v->passed, "built",
			 v->built, "match", v->match ? v->match : "none", "exit",
			 v->exit ? v->exit : "", "tests", (json_int_t)v->tests, "failed",
			 (json_int_t)v->failed, "broken", broken, "chain", v->chain, "output",
			 output_json(v->output), "evaluations_left", (json_int_t)v->left);
}

static char *why_not(const struct gate_verdict *v)
{
	AUTO_BUF struct buf b = BUF_INIT(1024);

	if (v->passed)
		return NULL;
	if (!v->built) {
		buf_puts(&b, "does not build");
	} else if (v->broken.n) {
		buf_printf(&b, "%zu tests that passed fail, first ", v->broken.n);
		utf8_head(v->broken.v[0], 200, &b);
	} else {
		buf_printf(&b, "the new test fails (match %s)", v->match ? v->match : "none");
	}
	return buf_take(&b);
}

/* For the reviewer: what was tried besides what is submitted. */
static void remember(struct model_agent *a, const char *note, const struct gate_verdict *v)
{
	struct gate_candidate *c = &a->tried[a->n_tried];

	if (a->n_tried == TRIED_MAX || a->edits.n == 0)
		return;
	*c = (struct gate_candidate){ .operator_name = strdup("model"),
				      .file = strdup(a->edits.v[0].path),
				      .summary = strdup(note ? note : ""),
				      .why_not = why_not(v),
				      .plausible = v->passed };
	if (c->operator_name && c->file && c->summary) {
		a->n_tried++;
		return;
	}
	free(c->operator_name);
	free(c->file);
	free(c->summary);
	free(c->why_not);
}

static int evaluate(struct model_agent *a, int kind, char *note, struct tool_result *out,
		    struct err *e)
{
	const struct gate_evaluate rq = { .kind = kind,
					  .changes = edits_list(&a->edits),
					  .note = note };
	struct gate_answer answer = { 0 };
	int r;

	if (a->edits.n == 0)
		return tool_fails(out, e, "nothing is changed: use write first");
	r = gate_evaluate(a->gate, &rq, &answer, e);
	if (r < 0)
		return r;
	if (answer.refused)
		return tool_refused_changes(a, out, &answer.refusal, e);
	a->left = answer.verdict.left;
	if (answer.verdict.passed && kind != GATE_KIND_QUICK)
		a->proven = a->edits.generation;
	remember(a, note, &answer.verdict);
	r = tool_gives(out, verdict_json(&answer.verdict), e);
	gate_answer_release(&answer);
	return r;
}

static int do_evaluate(struct model_agent *a, const void *args, struct tool_result *out,
		       struct err *e)
{
	const struct evaluate_args *in = args;

	return evaluate(a, patch_kind_of[in->kind], in->note, out, e);
}

static int do_reproduce(struct model_agent *a, const void *args, struct tool_result *out,
			struct err *e)
{
	const struct evaluate_args *in = args;

	return evaluate(a, GATE_KIND_REPRODUCE, in->note, out, e);
}

/* ---- the end, and what is left ---- */

static int do_budget(struct model_agent *a, const void *args, struct tool_result *out,
		     struct err *e)
{
	struct gate_left left = { 0 };
	int r = gate_budget(a->gate, &left, e);

	(void)args;
	if (r == 0)
		r = tool_gives(out,
			       json_pack("{s:I,s:I,s:O*}", "evaluations",
					 (json_int_t)left.evaluations, "commands",
					 (json_int_t)left.runs, "model", left.model),
			       e);
	jmap_release(gate_left_map, &left);
	return r;
}

int model_submit(struct model_agent *a, const struct gate_submit *prose, struct gate_refusal *why,
		 struct err *e)
{
	struct gate_submit s = *prose;
	int r;

	s.changes = edits_list(&a->edits);
	s.candidates = (struct objlist){ .v = a->tried, .n = a->n_tried };
	if (!a->reproduce)
		s.test_name = a->task->test_path;
	r = gate_submit(a->gate, &s, why, e);
	a->over = a->over || r == 0;
	return r;
}

static int do_submit(struct model_agent *a, const void *args, struct tool_result *out,
		     struct err *e)
{
	const struct submit_args *in = args;
	const struct gate_submit prose = { .title = in->title,
					   .cause = in->cause,
					   .change = in->change,
					   .test_name = in->test_name ? in->test_name : in->title };
	struct gate_refusal why = { 0 };
	int r;

	if (a->edits.n == 0)
		return tool_fails(out, e, "nothing is changed: use write first, or give_up");
	if (a->proven != a->edits.generation && a->left > 0)
		return tool_fails(out, e,
				  a->reproduce ? "evaluate did not say that this test matches "
						 "exactly: only that can be submitted"
					       : "evaluate with kind full did not say that these "
						 "changes pass: only such can be submitted");
	r = model_submit(a, &prose, &why, e);
	if (r == -EPERM)
		return tool_refused_changes(a, out, &why, e);
	return r < 0 ? r : tool_gives(out, json_pack("{s:b}", "submitted", 1), e);
}

static int do_give_up(struct model_agent *a, const void *args, struct tool_result *out,
		      struct err *e)
{
	const struct give_up_args *in = args;
	int r = gate_give_up(a->gate, in->reason, e);

	a->over = a->over || r == 0;
	return r < 0 ? r : tool_gives(out, json_pack("{s:b}", "given_up", 1), e);
}

const struct tool model_tools_gate[] = {
	{ "write",
	  "Changes one file in your set of changes: whole content, an exact replacement of old by "
	  "new, or delete. The policy is asked at once; what it refuses is not changed.",
	  TOOL_BOTH, write_map, do_write },
	{ "run",
	  "Runs a command in a fork of the repository with your changes, without network. What it "
	  "leaves is dropped: only write changes anything.",
	  TOOL_BOTH, run_map, do_run },
	{ "evaluate",
	  "Has your changes tried in a fresh replica. quick: does the new test pass? full: and "
	  "every "
	  "test that passed before? Costs one evaluation.",
	  TOOL_PATCH, evaluate_map, do_evaluate },
	{ "evaluate",
	  "Has your new test run in a fresh replica, and says how its failure compares with the "
	  "report: it must match exactly. Costs one evaluation.",
	  TOOL_REPRODUCE, reproduce_map, do_reproduce },
	{ "budget", "Says what is left to spend.", TOOL_BOTH, no_map, do_budget },
	{ "submit",
	  "Ends your work with the changes as they are: for what evaluate said passes. The host "
	  "proves "
	  "it again on its own.",
	  TOOL_BOTH, submit_map, do_submit },
	{ "give_up", "Ends your work without changes, with an honest reason.", TOOL_BOTH,
	  give_up_map, do_give_up },
	{ 0 },
};
