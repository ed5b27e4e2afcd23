/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/pipeline/report.h"

#include <string.h>

#define REPORT_MAX (1u << 18)
#define AROUND	   2 /* lines of code shown on either side */
#define FRAMES_MAX 12

static bool line_at(const struct buf *text, size_t number, const char **line, size_t *n)
{
	const char *p = text->p, *end = text->p + text->n;

	for (size_t i = 1; p && p < end; i++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		*line = p;
		*n = (size_t)((nl ? nl : end) - p);
		if (i == number)
			return true;
		p = nl ? nl + 1 : end;
	}
	return false;
}

/* The repository's own lines around the coordinate, as they are at the base commit. */
static void put_code(struct work *w, struct buf *b)
{
	const struct coordinate *c = &w->incident.coordinate;
	AUTO_BUF struct buf text = BUF_INIT(0);
	struct err none = ERR_INIT;
	const size_t first = c->line > AROUND ? c->line - AROUND : 1;

	if (source_read_file(w->world.store, &w->world.side[SIDE_BASE].source,
			     w->p->service->run.cwd, c->file, &text, &none) < 0)
		return;
	buf_puts(b, "\n");
	for (size_t i = first; i <= c->line + AROUND; i++) {
		const char *line;
		size_t n;

		if (line_at(&text, i, &line, &n))
			buf_printf(b, "    %s%5zu  %.*s\n", i == c->line ? ">" : " ", i,
				   (int)(n > 160 ? 160 : n), line);
	}
}

static void put_frames(const struct work *w, struct buf *b)
{
	const struct exception *root = w->incident.chain.v;
	const struct frame *f = w->incident.chain.n ? root->frames.v : NULL;
	size_t shown = 0;

	for (size_t i = 0; f && i < root->frames.n && shown < FRAMES_MAX; i++) {
		if (!f[i].in_app || !f[i].file)
			continue;
		buf_printf(b, "%s%s (%s:%llu)", shown ? ", called by " : "\nThrough: ",
			   f[i].function ? f[i].function : "a function without a name", f[i].file,
			   (unsigned long long)f[i].line);
		shown++;
	}
	buf_puts(b, shown ? "\n" : "");
}

static void put_where(struct work *w, struct buf *b)
{
	const struct incident *i = &w->incident;
	const struct coordinate *c = &i->coordinate;

	buf_printf(b, "Where: %s at %s:%llu%s%s, the %s.\n", c->type, c->file,
		   (unsigned long long)c->line, c->function ? " in " : "",
		   c->function ? c->function : "", c->rule ? c->rule : "coordinate of the report");
	put_code(w, b);
	put_frames(w, b);
	buf_printf(b, "Reported %llu time%s; deployed commit %s", (unsigned long long)i->count,
		   i->count == 1 ? "" : "s", w->base);
	if (w->same_head)
		buf_printf(b, ", which is the head of %s.\n", w->p->service->repository.target);
	else
		buf_printf(b, ", head of %s %s.\n", w->p->service->repository.target, w->head);
	if (w->known[0])
		buf_printf(b, "That commit is known %s.\n", w->known);
}

static void put_suite(const struct work *w, struct buf *b)
{
	const struct baseline *s = &w->baseline[SIDE_BASE];

	buf_printf(
		b,
		"The suite there: %zu tests, %zu pass, %zu fail, %zu are skipped, %zu flaky (%zu "
		"runs).\n",
		s->tests, s->passed, s->failed, s->skipped, json_object_size(s->flaky), s->runs);
}

static const char *agent_name(const struct service_agent *a)
{
	return a->kind == AGENT_COMMAND ? "the service's own command" : "the built-in one";
}

static void put_role(const struct work *w, const char *what, int role,
		     const struct service_agent *a, struct buf *b)
{
	buf_printf(b, "- %s: %s, at most %llu evaluations, within policy '%s' (%s)\n", what,
		   agent_name(a), (unsigned long long)a->evaluations,
		   policy_name(w->world.policy[role]), policy_digest(w->world.policy[role]));
}

/* A request that a test can send is as good as a call. */
static int tells(const struct work *w)
{
	const struct service_tests *suite = w->p->service->tests.v;

	return json_object_get(w->incident.input, "http") &&
			       suite->new_test.http.client != HTTP_NONE
		       ? 2
		       : incident_tells(&w->incident);
}

/* What the report lacks, or lost on the way here. */
static void put_needs(const struct work *w, struct buf *b)
{
	const struct incident_loss *l = w->incident.loss.v;
	const struct strlist *missing = &w->world.side[SIDE_BASE].source.missing;
	const int how_much = tells(w);

	if (how_much < 2 && json_object_get(w->incident.input, "http"))
		buf_puts(b, "- how a test sends the request that the report has: new_test.http of "
			    "the service file (sickbay-service(5))\n");
	if (how_much == 0)
		buf_puts(b, "- the failing call: the report has neither it nor variables of its "
			    "frames (have the service add \"sickbay.call\", or its SDK send local "
			    "variables: docs/intake.md; by hand: --input FILE)\n");
	else if (how_much == 1)
		buf_puts(b, "- the failing call: the report does not have it; it would be rebuilt "
			    "from the variables of the frames, where those are whole\n");
	for (size_t i = 0; i < w->incident.loss.n; i++)
		buf_printf(b, "- %s: %s\n", l[i].at, l[i].why);
	for (size_t i = 0; i < missing->n; i++)
		buf_printf(b, "- in the source: %s\n", missing->v[i]);
	if (how_much == 2 && !w->incident.loss.n && !missing->n)
		buf_puts(b, "- nothing that is known of\n");
}

static int keep(struct work *w, const char *name, const struct buf *text, struct err *e)
{
	AUTO_BUF struct buf masked = BUF_INIT(REPORT_MAX * 2);
	int r = buf_check(text, name, e);

	if (r == 0 && w->values)
		r = redact_mask(w->values, false, text->p, text->n, &masked, NULL, e);
	if (r < 0)
		return err_wrap(e, "%s", name);
	return w->values ? case_write(w->p->kase, name, masked.p ? masked.p : "", masked.n, e)
			 : case_write(w->p->kase, name, text->p, text->n, e);
}

int report_observed(struct work *w, struct err *e)
{
	const struct service *s = w->p->service;
	const struct service_tests *suite = s->tests.v;
	AUTO_BUF struct buf b = BUF_INIT(REPORT_MAX);

	buf_printf(&b,
		   "# Observed: what sickbay would do about %s\n\n"
		   "Nothing was tried: the mode of '%s' is observe. No agent was started, nothing "
		   "was pushed.\n\n",
		   case_id(w->p->kase), s->name);
	put_where(w, &b);
	put_suite(w, &b);
	buf_printf(
		&b,
		"\n## What it would do\n\n"
		"Mode reproduce: a new test in '%s' (%s) that fails at this place, %llu of %llu "
		"times in fresh replicas.\n"
		"Mode propose: also a change of the code, proven in fresh replicas, as the branch "
		"sickbay/%s beside %s.\n\n",
		suite->new_test.dir, suite->new_test.framework, (unsigned long long)s->proof.repeat,
		(unsigned long long)s->proof.repeat, case_id(w->p->kase), s->repository.target);
	put_role(w, "the test is written by", ROLE_REPRODUCE, &s->agents.reproduce, &b);
	put_role(w, "the code is changed by", ROLE_PATCH, &s->agents.patch, &b);
	buf_puts(&b, "\n## What it would need\n\n");
	put_needs(w, &b);
	buf_printf(&b, "\nThe next mode: sickbay service promote %s\n", s->name);
	return keep(w, REPORT_FILE, &b, e);
}

/* "exact 5, none 1": how the runs compared with the report. */
static void put_runs(const json_t *isolate, struct buf *b)
{
	const char *name, *between = "";
	json_t *n;

	json_object_foreach(json_object_get(isolate, "match"), name, n) {
		buf_printf(b, "%s%s %lld", between, name, (long long)json_integer_value(n));
		between = ", ";
	}
}

static void put_command(const struct work *w, struct buf *b)
{
	const struct service_tests *suite = w->p->service->tests.v;
	const struct strlist *by_hand = suite->check.n ? &suite->check : &suite->one;

	buf_printf(b, "\n    git apply %s/" TEST_PATCH_FILE "\n   ", case_path(w->p->kase));
	for (size_t i = 0; i < by_hand->n; i++)
		buf_printf(b, " %s",
			   strcmp(by_hand->v[i], "@test") == 0 ? w->test_path : by_hand->v[i]);
	buf_puts(b, "\n");
}

int report_reproduced(struct work *w, const struct report_test *t, struct err *e)
{
	const struct coordinate *c = &w->incident.coordinate;
	AUTO_BUF struct buf b = BUF_INIT(REPORT_MAX);
	AUTO_BUF struct buf patch = BUF_INIT(16u << 20);
	int r = changes_unified(&w->test, &patch, e);

	if (r == 0) /* the gate has let no value into the test */
		r = case_write(w->p->kase, TEST_PATCH_FILE, patch.p ? patch.p : "", patch.n, e);
	if (r < 0)
		return r;
	buf_printf(&b, "# Reproduced: %s in %s (%s)\n\n", c->type,
		   c->function ? c->function : c->file, case_id(w->p->kase));
	put_where(w, &b);
	buf_printf(&b,
		   "\n## The test\n\n%s: '%s', in " TEST_PATCH_FILE ".\nIt fails there in %lld "
		   "fresh replicas, in which no agent ran: ",
		   w->test_path, t->name ? t->name : "the new test",
		   (long long)json_integer_value(json_object_get(t->isolate, "runs")));
	put_runs(t->isolate, &b);
	if (t->input_from || tells(w) < 2)
		buf_printf(&b, ".\nThe report has no call to replay: the input is %s",
			   t->input_from ? t->input_from : "the agent's own");
	buf_puts(&b, ".\nBy hand, in the repository:\n");
	put_command(w, &b);
	buf_puts(&b, "\n");
	put_suite(w, &b);
	buf_printf(&b,
		   "\nThe next mode, propose, also changes the code: sickbay service promote %s\n",
		   w->p->service->name);
	return keep(w, REPORT_FILE, &b, e);
}
