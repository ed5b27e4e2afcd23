/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/patch.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/msg.h"
#include "tests/tap.h"

/* A gate of the test's own: it answers by what a candidate's text contains. */
struct rules {
	const char *heals;  /* passes the new test when the change contains this */
	const char *breaks; /* fails the suite when it contains this; NULL: nothing does */
	bool refuse;	    /* every evaluation is refused */
	const char *forbid; /* a submission that contains this is refused; NULL: none */
	bool reverse;	    /* outstanding requests are answered last first */
	unsigned parallel;
};

struct outcome {
	char *content, *title, *cause, *gave_up;
	size_t tried, evaluations, most_outstanding;
};

static void outcome_release(struct outcome *o)
{
	free(o->content);
	free(o->title);
	free(o->cause);
	free(o->gave_up);
}

static const char mapper[] = "'use strict';\n"
			     "\n"
			     "function encode(text) {\n"
			     "  if (text.length === 0) {\n"
			     "    return text;\n"
			     "  }\n"
			     "  return escape(text);\n"
			     "}\n"
			     "\n"
			     "function each(list, fn) {\n"
			     "  var out = [];\n"
			     "  for (var i = 0; i < list.length; i++) {\n"
			     "    out.push(fn(list[i]));\n"
			     "  }\n"
			     "  return out;\n"
			     "}\n"
			     "\n"
			     "module.exports = function (list) {\n"
			     "  return each(list, encode);\n"
			     "};\n";

static json_t *incident(void)
{
	return json_pack(
		"{s:[{s:s,s:s,s:[{s:s,s:s,s:i,s:b},{s:s,s:s,s:i,s:b},{s:s,s:s,s:i,s:b}]}]}",
		"chain", "type", "TypeError", "message",
		"Cannot read properties of null (reading 'length')", "frames", "file", "lib/a.js",
		"function", "encode", "line", 4, "in_app", 1, "file", "lib/a.js", "function",
		"Object.each", "line", 13, "in_app", 1, "file", "lib/a.js", "function",
		"module.exports", "line", 19, "in_app", 1);
}

static json_t *task_body(const char *repo, const struct rules *r)
{
	json_t *x = incident();
	struct gate_task t = {
		.role = strdup("patch"),
		.language = strdup("javascript"),
		.framework = strdup("tape"),
		.repo = strdup(repo),
		.module = strdup("../"),
		.test_dir = strdup("test"),
		.test_path = strdup("test/new.js"),
		.incident = x,
		.evaluations = 30,
		.parallel = r->parallel,
	};
	json_t *body = jmap_write(gate_task_map, &t);

	jmap_release(gate_task_map, &t);
	return body;
}

static void answer(int sock, const struct rules *r, const struct gate_evaluate *q)
{
	const struct gate_change *c = q->changes.v;
	const bool heals = r->heals && strstr(c->content, r->heals);
	const bool breaks = q->kind == GATE_KIND_FULL && r->breaks && strstr(c->content, r->breaks);
	struct gate_verdict v = {
		.id = q->id, .built = true, .passed = heals && !breaks, .match = strdup("exact")
	};
	struct gate_refusal no = { .id = q->id,
				   .rule = strdup("limits.evaluations"),
				   .place = strdup("p.json:1:1"),
				   .reason = strdup("spent") };
	AUTO_JSON json_t *body =
		r->refuse ? jmap_write(gate_refusal_map, &no) : jmap_write(gate_verdict_map, &v);
	struct err e = ERR_INIT;

	CHECK_INT(msg_send(sock, r->refuse ? GATE_REFUSED : GATE_RESULT, body, NULL, 0, -1, &e), 0);
	jmap_release(gate_verdict_map, &v);
	jmap_release(gate_refusal_map, &no);
}

static void finish(int sock, uint64_t id)
{
	struct gate_done done = { .id = id };
	AUTO_JSON json_t *body = jmap_write(gate_done_map, &done);
	struct err e = ERR_INIT;

	CHECK_INT(msg_send(sock, GATE_DONE, body, NULL, 0, -1, &e), 0);
}

/* Answers what is outstanding, in the order the rules say. */
static void flush(int sock, const struct rules *r, struct gate_evaluate *q, size_t *n)
{
	for (size_t i = 0; i < *n; i++) {
		struct gate_evaluate *one = &q[r->reverse ? *n - 1 - i : i];

		answer(sock, r, one);
		jmap_release(gate_evaluate_map, one);
	}
	*n = 0;
}

static void refuse(int sock, uint64_t id)
{
	struct gate_refusal no = { .id = id,
				   .rule = strdup("diff.paths"),
				   .place = strdup("p.json:2:1"),
				   .reason = strdup("not here") };
	AUTO_JSON json_t *body = jmap_write(gate_refusal_map, &no);
	struct err e = ERR_INIT;

	CHECK_INT(msg_send(sock, GATE_REFUSED, body, NULL, 0, -1, &e), 0);
	jmap_release(gate_refusal_map, &no);
}

static void take_submission(int sock, const json_t *body, const struct rules *r, struct outcome *o)
{
	struct gate_submit s = { 0 };
	struct err e = ERR_INIT;

	CHECK_INT(jmap_read(gate_submit_map, body, &s, "", &e), 0);
	CHECK_INT((long long)s.changes.n, 1);
	if (r->forbid && strstr(((struct gate_change *)s.changes.v)->content, r->forbid)) {
		refuse(sock, s.id);
		jmap_release(gate_submit_map, &s);
		return;
	}
	o->content = strdup(((struct gate_change *)s.changes.v)->content);
	o->title = strdup(s.title);
	o->cause = strdup(s.cause);
	o->tried = s.candidates.n;
	finish(sock, s.id);
	jmap_release(gate_submit_map, &s);
}

static void take_surrender(int sock, const json_t *body, struct outcome *o)
{
	struct gate_give_up g = { 0 };
	struct err e = ERR_INIT;

	CHECK_INT(jmap_read(gate_give_up_map, body, &g, "", &e), 0);
	o->gave_up = strdup(g.reason);
	finish(sock, g.id);
	jmap_release(gate_give_up_map, &g);
}

static void serve(int sock, const char *repo, const struct rules *r, struct outcome *o)
{
	struct gate_evaluate waiting[64];
	size_t n = 0;
	struct err e = ERR_INIT;

	while (!o->content && !o->gave_up) {
		AUTO_MSG struct msg m = MSG_INIT;
		/* a short silence means that the agent waits for what is outstanding */
		const int got = msg_recv(sock, n > 0 ? 30 : 10000, &m, &e);

		if (got == -ETIMEDOUT && n > 0) {
			o->most_outstanding = n > o->most_outstanding ? n : o->most_outstanding;
			flush(sock, r, waiting, &n);
			continue;
		}
		CHECK_INT(got, 1);
		if (got != 1)
			return;
		if (m.type == GATE_HELLO) {
			AUTO_JSON json_t *task = task_body(repo, r);

			CHECK_INT(msg_send(sock, GATE_TASK, task, NULL, 0, -1, &e), 0);
		} else if (m.type == GATE_EVALUATE && n < 64) {
			waiting[n] = (struct gate_evaluate){ 0 };
			CHECK_INT(jmap_read(gate_evaluate_map, m.body, &waiting[n++], "", &e), 0);
			o->evaluations++;
		} else if (m.type == GATE_SUBMIT) {
			take_submission(sock, m.body, r, o);
		} else if (m.type == GATE_GIVE_UP) {
			take_surrender(sock, m.body, o);
		}
	}
}

static int agent(int sock)
{
	struct gate_client *gate = NULL;
	struct gate_task task = { 0 };
	struct err e = ERR_INIT;
	int r = gate_connect(sock, "test", &gate, &task, &e);

	if (r == 0)
		r = patch_run(gate, &task, &e);
	jmap_release(gate_task_map, &task);
	gate_client_close(gate);
	return r == 0 ? 0 : 1;
}

static void run(const struct rules *r, struct outcome *o)
{
	char repo[] = P_tmpdir "/sickbay-test-patch.XXXXXX";
	int pair[2], status = -1;
	struct err e = ERR_INIT;

	*o = (struct outcome){ 0 };
	CHECK(mkdtemp(repo) != NULL);
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);

	AUTO_CLOSE int dir = fd_open_dir(repo, &e);

	CHECK_INT(dir_make_at(dir, "lib", 0755, &e), 0);

	AUTO_CLOSE int lib = fd_open_beneath(dir, "lib", O_RDONLY | O_DIRECTORY, 0, &e);

	CHECK_INT(file_publish_at(lib, "a.js", mapper, strlen(mapper), 0644, &e), 0);
	(void)fflush(stdout);

	const pid_t pid = fork();

	if (pid == 0) {
		(void)close(pair[0]);
		_exit(agent(pair[1]));
	}
	(void)close(pair[1]);
	serve(pair[0], repo, r, o);
	(void)close(pair[0]);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	CHECK_INT(tree_remove_at(dir, "lib", &e), 0);
	CHECK_INT(rmdir(repo), 0);
}

static void the_nearest_general_guard_is_submitted(void)
{
	const struct rules r = { .heals = "=== null", .parallel = 1 };
	struct outcome o;

	run(&r, &o);
	CHECK(o.content &&
	      strstr(o.content, "  if (text === null || typeof text === 'undefined' || "
				"text.length === 0) {\n    return text;\n"));
	CHECK_STR(o.title ? o.title : "", "encode: handle a null value");
	CHECK(o.cause && strstr(o.cause, "encode() at lib/a.js:4 uses 'text' without a check"));
	CHECK(o.cause && strstr(o.cause, "each() at lib/a.js:13 passes it as 'list[i]'"));
	CHECK(o.cause && strstr(o.cause, "lib/a.js:19 hands over the function 'encode'"));
	CHECK(o.tried > 1);
	outcome_release(&o);
}

static void what_breaks_other_tests_is_passed_over(void)
{
	const struct rules r = { .heals = "=== null", .breaks = "(text", .parallel = 2 };
	struct outcome o;

	run(&r, &o);
	CHECK(!o.content || !strstr(o.content, "(text === null"));
	CHECK(o.content || o.gave_up);
	outcome_release(&o);
}

static void a_callback_can_be_wrapped_at_its_caller(void)
{
	const struct rules r = { .heals = "each(list, function (", .parallel = 2 };
	struct outcome o;

	run(&r, &o);
	CHECK(o.content && strstr(o.content, "each(list, function (value) {\n"
					     "    return value === null || typeof value === "
					     "'undefined' ? value : encode(value);\n  });"));
	outcome_release(&o);
}

static void the_order_of_answers_does_not_matter(void)
{
	const struct rules one = { .heals = "null", .breaks = "text === null ||", .parallel = 1 };
	const struct rules many = {
		.heals = "null", .breaks = "text === null ||", .parallel = 6, .reverse = true
	};
	struct outcome a, b;

	run(&one, &a);
	run(&many, &b);
	CHECK(a.content && b.content);
	if (a.content && b.content)
		CHECK_STR(a.content, b.content);
	CHECK_INT((long long)a.evaluations, (long long)b.evaluations);
	CHECK_INT((long long)a.tried, (long long)b.tried);
	CHECK_INT((long long)a.most_outstanding, 1);
	CHECK(b.most_outstanding > 1 && b.most_outstanding <= 6);
	outcome_release(&a);
	outcome_release(&b);
}

static void it_abstains_when_nothing_heals(void)
{
	const struct rules r = { .heals = NULL, .parallel = 2 };
	struct outcome o;

	run(&r, &o);
	CHECK(!o.content);
	CHECK(o.gave_up && strstr(o.gave_up, "no candidate passes the new test"));
	CHECK(o.gave_up && strstr(o.gave_up, "left the new test failing"));
	CHECK(o.evaluations <= 30);
	outcome_release(&o);
}

static void refused_evaluations_end_in_an_honest_surrender(void)
{
	const struct rules r = { .refuse = true, .parallel = 2 };
	struct outcome o;

	run(&r, &o);
	CHECK(!o.content);
	CHECK(o.gave_up && strstr(o.gave_up, "no candidate"));
	outcome_release(&o);
}

static void a_refused_submission_gives_way_to_the_next_best(void)
{
	const struct rules r = { .heals = "=== null", .forbid = "text === null", .parallel = 2 };
	struct outcome o;

	run(&r, &o);
	CHECK(o.content && !strstr(o.content, "text === null"));
	outcome_release(&o);
}

static void when_every_submission_is_refused_it_says_so(void)
{
	const struct rules r = { .heals = "=== null", .forbid = "null", .parallel = 2 };
	struct outcome o;

	run(&r, &o);
	CHECK(!o.content);
	CHECK(o.gave_up && strstr(o.gave_up, "every change that passes all tests was refused"));
	outcome_release(&o);
}

TAP_MAIN(TEST(a_refused_submission_gives_way_to_the_next_best),
	 TEST(when_every_submission_is_refused_it_says_so),
	 TEST(the_nearest_general_guard_is_submitted), TEST(what_breaks_other_tests_is_passed_over),
	 TEST(a_callback_can_be_wrapped_at_its_caller), TEST(the_order_of_answers_does_not_matter),
	 TEST(it_abstains_when_nothing_heals), TEST(refused_evaluations_end_in_an_honest_surrender))
