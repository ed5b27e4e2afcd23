/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/case.h"
#include "agent/host/pr/html_plot.h"
#include "agent/host/pr/pr.h"

/* What a case did, from the report to what a person decided: drawn, and told. */
#define ROW	  26.0
#define TOP	  36.0
#define LANES	  24
#define REPLICAS  4096
#define OF_A_KIND 100 /* moments of one type of event */

/* ---- drawn: a bar for each replica and each call ---- */

enum who { AGENT, MODEL, HOST, WHOS };
static const struct {
	const char *class, *words;
} whos[] = {
	[AGENT] = { "f1", "a replica with an agent in it" },
	[MODEL] = { "f2", "a call to a model" },
	[HOST] = { "f4", "a fresh replica without an agent" },
};

struct bar {
	const char *name, *purpose;
	double from, to;
};

struct strip {
	struct bar *v;
	size_t n, replicas, left_out;
	const char *lane[LANES];
	size_t lanes;
	bool has[WHOS];
};

static const char calls[] = "calls to models", others[] = "other replicas";

static enum who who_of(const char *purpose)
{
	const size_t n = strlen(purpose);

	if (purpose == calls)
		return MODEL;
	return n >= 5 && strcmp(purpose + n - 5, "agent") == 0 ? AGENT : HOST;
}

static void begin_bar(struct strip *s, const json_t *event, double end)
{
	const bool call = *pr_str(event, "call");

	s->replicas += !call;
	if (s->n == REPLICAS)
		s->left_out++;
	else
		s->v[s->n++] = (struct bar){ pr_str(event, call ? "call" : "replica"),
					     call ? calls : pr_str(event, "purpose"),
					     event_seconds(event), end };
}

static void end_bar(struct strip *s, const json_t *event)
{
	const char *name =
		*pr_str(event, "call") ? pr_str(event, "call") : pr_str(event, "replica");

	for (size_t i = s->n; i-- > 0;)
		if (strcmp(s->v[i].name, name) == 0) {
			s->v[i].to = event_seconds(event);
			return;
		}
}

/* The last lane is for what no other has room for. */
static size_t lane_of(struct strip *s, const char *purpose)
{
	for (size_t i = 0; i < s->lanes; i++)
		if (strcmp(s->lane[i], purpose) == 0)
			return i;
	if (s->lanes < LANES) {
		s->lane[s->lanes] = s->lanes == LANES - 1 ? others : purpose;
		s->lanes++;
	}
	return s->lanes - 1;
}

static void collect(const struct html_case *in, const struct axis *a, struct strip *s)
{
	const json_t *v;
	size_t i;

	json_array_foreach(in->events, i, v) {
		const char *type = event_type(v);

		if (strcmp(type, "replica.start") == 0 || strcmp(type, "model.call") == 0)
			begin_bar(s, v, a->to);
		else if (strcmp(type, "replica.exit") == 0 || strcmp(type, "model.answer") == 0)
			end_bar(s, v);
	}
	for (i = 0; i < s->n; i++) {
		(void)lane_of(s, s->v[i].purpose);
		s->has[who_of(s->v[i].purpose)] = true;
	}
}

/* A stage lasts from the record before it to its own. */
static void stages(const struct html_case *in, const struct axis *a, struct buf *b)
{
	double before = a->from;
	const json_t *v;
	size_t i;

	html(b, "<text class=\"strong\" x=\"0\" y=\"19\">stages</text>");
	json_array_foreach(in->events, i, v) {
		const double at = event_seconds(v), x = plot_x(a, before), w = plot_x(a, at) - x;
		char name[24];

		if (strcmp(event_type(v), "record.publish") != 0)
			continue;
		event_stage(v, name);
		html(b,
		     "<rect class=\"band\" x=\"%.1f\" y=\"4\" width=\"%.1f\" "
		     "height=\"20\"><title>%s"
		     "</title></rect>",
		     x, w < 1 ? 1 : w, name);
		if (w > 8.0 * (double)strlen(name))
			html(b, "<text x=\"%.1f\" y=\"19\">%s</text>", x + 5, name);
		before = at;
	}
}

static void bars(struct strip *s, const struct axis *a, struct buf *b)
{
	for (size_t i = 0; i < s->lanes; i++)
		html(b, "<text x=\"0\" y=\"%.1f\">%.*s</text>", TOP + ROW * (double)i + 15, 22,
		     s->lane[i]);
	for (size_t i = 0; i < s->n; i++) {
		const struct bar *r = &s->v[i];
		const double x = plot_x(a, r->from), w = plot_x(a, r->to) - x;

		html(b,
		     "<rect class=\"bar %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"15\" "
		     "rx=\"2\"><title>%s, %.1f s</title></rect>",
		     whos[who_of(r->purpose)].class, x,
		     TOP + ROW * (double)lane_of(s, r->purpose) + 3, w < 2 ? 2 : w, r->purpose,
		     r->to - r->from);
	}
}

static void legend(const struct strip *s, struct buf *b)
{
	html(b, "<ul class=\"legend\">");
	for (int i = 0; i < WHOS; i++)
		if (s->has[i])
			html(b,
			     "<li><svg aria-hidden=\"true\" viewBox=\"0 0 14 14\"><rect "
			     "class=\"bar %s\" width=\"14\" height=\"14\" rx=\"2\"/></svg>%s</li>",
			     whos[i].class, whos[i].words);
	html(b, "</ul>");
}

/* What is drawn, in figures. */
static void strip_table(struct strip *s, struct buf *b)
{
	static const char *const columns[] = { "what for", "by", "#how many", "#together", NULL };

	html(b, "<details><summary>In figures</summary>");
	html_table(b, "Replicas and calls, by what they were for", columns);
	for (size_t i = 0; i < s->lanes; i++) {
		double sum = 0;
		size_t n = 0;

		for (size_t k = 0; k < s->n; k++)
			if (lane_of(s, s->v[k].purpose) == i) {
				sum += s->v[k].to - s->v[k].from;
				n++;
			}
		html(b,
		     "<tr><th scope=\"row\">%s</th><td>%s</td><td class=\"n\">%zu</td><td "
		     "class=\"n\">",
		     s->lane[i], whos[who_of(s->lane[i])].words, n);
		html_span(b, sum * 1e6);
		html(b, "</td></tr>\n");
	}
	html_table_end(b);
	html(b, "</details>\n");
}

static void strip(const struct html_case *in, struct buf *b)
{
	const struct axis a = plot_axis(in);
	struct strip s = { .v = calloc(REPLICAS, sizeof(*s.v)) };
	double bottom;

	if (!s.v) {
		b->failed = ENOMEM;
		return;
	}
	collect(in, &a, &s);
	bottom = TOP + ROW * (double)s.lanes;
	html_drawing(b, "Stages and replicas over time", PLOT_WIDTH + 10, bottom + 22);
	plot_ticks(b, &a, 28, bottom);
	stages(in, &a, b);
	bars(&s, &a, b);
	html_drawing_end(b, "");
	legend(&s, b);
	html(b, "<p class=\"soft\">%zu replica%s in ", s.replicas, s.replicas == 1 ? "" : "s");
	html_span(b, (a.to - a.from) * 1e6);
	html(b, ", one bar each, in a row by what it was for; above them the stages of the case.");
	if (s.left_out)
		html(b, " %zu bars are left out.", s.left_out);
	html(b, "</p>\n");
	if (s.lanes)
		strip_table(&s, b);
	free(s.v);
}

/* ---- told: one line a moment ---- */

static const struct told {
	const char *type, *class, *words;
	const char *keys[4]; /* what the event says beside its type, in this order */
} told[] = {
	{ "case.begin", "stage", "The case begins", { 0 } },
	{ "record.publish", "stage", "Record published:", { "record" } },
	{ "gate.submit", "step", "An agent submits", { "role" } },
	{ "gate.collect", "step", "What an agent's program changed is read", { 0 } },
	{ "gate.deny", "no", "Refused to an agent:", { "path", "reason", "rule", "place" } },
	{ "gate.violation", "no", "An agent broke the rules of the gate:", { "why" } },
	{ "front.start", "step", "An agent program of somebody else starts:", { "program" } },
	{ "proof.step", "step", "Proof step", { "step", "holds", "says", "side" } },
	{ "push", "step", "Branch pushed:", { "branch", "repository" } },
	{ "forge.propose", "step", "A draft is asked for at the forge:", { "repository" } },
	{ "forge.close",
	  "step",
	  "A draft is closed at the forge:",
	  { "repository", "number", "reason" } },
	{ "drift.add", "step", "Entered in the ledger of changes by agents", { 0 } },
	{ "case.stopped", "no", "Stopped:", { "reason", "what" } },
	{ "case.cancel", "stage", "A person cancels:", { "reason" } },
	{ "case.end", "stage", "The case ends:", { "outcome", "reason" } },
	{ "case.rerun", "stage", "The case is run again, from", { "of" } },
};
#define TOLD (sizeof(told) / sizeof(told[0]))

/* Words for values that are words of the log's own. */
static const char *value_words(const char *key, const char *value)
{
	static const struct {
		const char *key, *value, *words;
	} rows[] = {
		{ "role", "reproduce", "a test" },
		{ "role", "patch", "a change" },
		{ "side", "base", "" },
		{ "side", "head", "(at the head of the target branch)" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].key, key) == 0 && strcmp(rows[i].value, value) == 0)
			return rows[i].words;
	return value;
}

static void details_of(const struct told *t, const json_t *event, struct buf *b)
{
	for (size_t i = 0; i < 4 && t->keys[i]; i++) {
		const json_t *v = json_object_get(event, t->keys[i]);

		if (json_is_integer(v))
			html(b, " <b>%lld</b>", (long long)json_integer_value(v));
		else if (json_is_boolean(v))
			html(b, " <b class=\"%s\">%s</b>:", json_is_true(v) ? "good" : "bad",
			     json_is_true(v) ? "holds" : "does not hold");
		else if (strcmp(t->keys[i], "outcome") == 0)
			html(b, " <b>%s</b>:", pr_str(event, "outcome"));
		else if (json_string_length(v))
			html(b, " <span class=\"soft u\">%s</span>",
			     value_words(t->keys[i], json_string_value(v)));
	}
}

static void moment(struct buf *b, const struct told *t, const json_t *event, double offset)
{
	const json_t *holds = json_object_get(event, "holds");

	html(b, "<li class=\"%s\"><span class=\"at\">+", json_is_false(holds) ? "no" : t->class);
	html_span(b, offset * 1e6);
	html(b, "</span><span class=\"dot\" aria-hidden=\"true\"></span><span><b>%s</b>", t->words);
	details_of(t, event, b);
	html(b, "</span></li>\n");
}

static void moments(const struct html_case *in, struct buf *b)
{
	const double begun = plot_axis(in).from;
	size_t shown[TOLD] = { 0 }, i;
	const json_t *v;

	json_array_foreach(in->events, i, v)
		for (size_t k = 0; k < TOLD; k++)
			if (strcmp(told[k].type, event_type(v)) == 0 && shown[k]++ < OF_A_KIND)
				moment(b, &told[k], v, event_seconds(v) - begun);
	for (size_t k = 0; k < TOLD; k++)
		if (shown[k] > OF_A_KIND)
			html(b,
			     "<li><span class=\"at\"></span><span class=\"dot\" "
			     "aria-hidden=\"true\"></span>"
			     "<span class=\"none\">%zu more like &ldquo;%s&rdquo; stand in the "
			     "log</span></li>\n",
			     shown[k] - OF_A_KIND, told[k].words);
}

static void outside(struct buf *b, const char *when, const char *what, const char *note)
{
	if (!*when)
		return;
	html(b, "<li class=\"stage\"><span class=\"at\">");
	html_date(b, when);
	html(b,
	     "</span><span class=\"dot\" aria-hidden=\"true\"></span><span><b>%s</b> "
	     "<span class=\"soft u\">%s</span></span></li>\n",
	     what, note);
}

static void decisions(const struct html_case *in, struct buf *b)
{
	const json_t *list = json_object_get(in->facts, "decisions"), *v;
	size_t i;

	json_array_foreach(list, i, v) {
		AUTO_BUF struct buf what = BUF_INIT(256);

		if (i == OF_A_KIND)
			break;
		buf_printf(&what, "A person decided: %.100s", pr_str(v, "decision"));
		outside(b, pr_str(v, "at"), what.p ? what.p : "", pr_str(v, "note"));
	}
	if (json_array_size(list) > OF_A_KIND)
		html_left_out(b, 0, json_array_size(list) - OF_A_KIND);
}

void html_timeline(const struct html_case *in, struct buf *b)
{
	const json_t *i = json_object_get(in->record[STAGE_INCIDENT], "incident");

	if (json_array_size(in->events))
		strip(in, b);
	else
		html(b, "<p class=\"none\">The log has nothing of this case.</p>");
	html(b, "<ol class=\"time\">");
	outside(b, pr_str(i, "first_seen"), "Production reports it for the first time", "");
	outside(b, pr_str(in->facts, "created"), "sickbay takes it up",
		"the times below count from here");
	moments(in, b);
	decisions(in, b);
	html(b, "</ol>");
}
