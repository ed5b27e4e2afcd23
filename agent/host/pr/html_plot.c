/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/case.h"
#include "agent/host/pr/html.h"
#include "agent/host/pr/pr.h"
#include "runtime/base/clock.h"

/* What a case did in the course of time, and what was tried, drawn from its records and its part of
 * the log.  Each drawing has a sentence that says what is in it. */
#define WIDTH	 900.0
#define LEFT	 150.0
#define ROW	 26.0
#define LANES	 16
#define REPLICAS 4096
#define POINTS	 4096
#define MARKS	 600

struct axis {
	double from, to; /* seconds */
};

static double seconds_of(const json_t *event)
{
	uint64_t ns;

	return clock_parse_rfc3339(pr_str(event, "ts"), &ns) < 0 ? 0 : (double)ns / 1e9;
}

static struct axis axis_of(const struct html_case *in)
{
	const size_t n = json_array_size(in->events);
	struct axis a = { 0, 1 };

	if (n) {
		a.from = seconds_of(json_array_get(in->events, 0));
		a.to = seconds_of(json_array_get(in->events, n - 1));
	}
	if (a.to <= a.from)
		a.to = a.from + 1;
	return a;
}

static double x_of(const struct axis *a, double at)
{
	const double x = LEFT + (WIDTH - LEFT) * (at - a->from) / (a->to - a->from);

	return x < LEFT ? LEFT : x > WIDTH ? WIDTH : x;
}

static void ticks(struct buf *b, const struct axis *a, double top, double bottom)
{
	static const double steps[] = { 1,   2,	  5,	10,   30,   60,	   120,
					300, 600, 1800, 3600, 7200, 21600, 86400 };
	const double span = a->to - a->from;
	double step = steps[0];

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		step = steps[i];
		if (span / step <= 8)
			break;
	}
	for (int i = 0; i < 200 && step * i <= span; i++) {
		const double t = step * i, x = x_of(a, a->from + t);

		html(b, "<line class=\"axis\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>", x,
		     top, x, bottom);
		html(b, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", x, bottom + 15);
		if (step < 60)
			html(b, "%.0f s", t);
		else if (step < 3600)
			html(b, "%.0f min", t / 60);
		else
			html(b, "%.0f h", t / 3600);
		html(b, "</text>");
	}
}

static const char *type_of(const json_t *event)
{
	return pr_str(event, "type");
}

/* ---- the strip ---- */

struct bar {
	const char *name, *purpose;
	double from, to;
};

struct strip {
	struct bar *v;
	size_t n;
	const char *lane[LANES];
	size_t lanes, replicas;
};

static void begin_bar(struct strip *s, const json_t *event, double end)
{
	const bool call = *pr_str(event, "call");

	if (s->n < REPLICAS)
		s->v[s->n++] = (struct bar){ pr_str(event, call ? "call" : "replica"),
					     call ? "calls to models" : pr_str(event, "purpose"),
					     seconds_of(event), end };
	s->replicas += !call;
}

static void end_bar(struct strip *s, const json_t *event)
{
	const char *name =
		*pr_str(event, "call") ? pr_str(event, "call") : pr_str(event, "replica");

	for (size_t i = s->n; i-- > 0;)
		if (strcmp(s->v[i].name, name) == 0) {
			s->v[i].to = seconds_of(event);
			return;
		}
}

static size_t lane_of(struct strip *s, const char *purpose)
{
	for (size_t i = 0; i < s->lanes; i++)
		if (strcmp(s->lane[i], purpose) == 0)
			return i;
	if (s->lanes == LANES)
		return LANES - 1;
	s->lane[s->lanes] = purpose;
	return s->lanes++;
}

static void collect(const struct html_case *in, const struct axis *a, struct strip *s)
{
	const json_t *v;
	size_t i;

	json_array_foreach(in->events, i, v) {
		const char *type = type_of(v);

		if (strcmp(type, "replica.start") == 0 || strcmp(type, "model.call") == 0)
			begin_bar(s, v, a->to);
		else if (strcmp(type, "replica.exit") == 0 || strcmp(type, "model.answer") == 0)
			end_bar(s, v);
	}
	for (i = 0; i < s->n; i++)
		(void)lane_of(s, s->v[i].purpose);
}

/* "2-replica.json" -> "replica" */
static void stage_label(const json_t *event, char out[24])
{
	const char *record = pr_str(event, "record");
	const char *dash = strchr(record, '-');

	(void)snprintf(out, 24, "%.*s", dash ? (int)strcspn(dash + 1, ".") : 0,
		       dash ? dash + 1 : "");
}

/* A stage lasts from the record before it to its own. */
static void stages(const struct html_case *in, const struct axis *a, struct buf *b)
{
	double before = a->from;
	const json_t *v;
	size_t i;

	html(b, "<text class=\"strong\" x=\"0\" y=\"19\">stages</text>");
	json_array_foreach(in->events, i, v) {
		const double at = seconds_of(v), x = x_of(a, before), w = x_of(a, at) - x;
		char name[24];

		if (strcmp(type_of(v), "record.publish") != 0)
			continue;
		stage_label(v, name);
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
		html(b, "<text x=\"0\" y=\"%.1f\">%.*s</text>", 36 + ROW * (double)i + 15, 22,
		     s->lane[i]);
	for (size_t i = 0; i < s->n; i++) {
		const struct bar *r = &s->v[i];
		const size_t lane = lane_of(s, r->purpose);
		const double x = x_of(a, r->from), w = x_of(a, r->to) - x;

		html(b,
		     "<rect class=\"f%zu\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"15\" "
		     "rx=\"2\" opacity=\"0.75\"><title>%s, %.1f s</title></rect>",
		     lane % 4 + 1, x, 36 + ROW * (double)lane + 3, w < 2 ? 2 : w, r->purpose,
		     r->to - r->from);
	}
}

static void strip(const struct html_case *in, struct buf *b)
{
	const struct axis a = axis_of(in);
	struct strip s = { .v = calloc(REPLICAS, sizeof(*s.v)) };
	double bottom;

	if (!s.v) {
		b->failed = ENOMEM;
		return;
	}
	collect(in, &a, &s);
	bottom = 36 + ROW * (double)s.lanes;
	html(b,
	     "<figure><svg role=\"img\" aria-label=\"Stages and replicas over time\" "
	     "viewBox=\"0 0 %.0f %.0f\">",
	     WIDTH + 10, bottom + 22);
	ticks(b, &a, 28, bottom);
	stages(in, &a, b);
	bars(&s, &a, b);
	html(b, "</svg><figcaption>%zu replicas in ", s.replicas);
	html_span(b, (a.to - a.from) * 1e6);
	html(b, ", one bar each, in a row by what it was for; above them the stages of the case."
		"</figcaption></figure>\n");
	free(s.v);
}

/* ---- the list ---- */

static bool is_told(const char *type)
{
	static const char *const told[] = {
		"case.begin",  "record.publish", "gate.submit", "gate.deny",	"gate.violation",
		"proof.step",  "push",		 "case.end",	"case.stopped", "case.cancel",
		"case.decide", "drift.add",	 "case.rerun",	"front.start",
	};

	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		if (strcmp(type, told[i]) == 0)
			return true;
	return false;
}

static const char *words_of(const char *type)
{
	static const struct {
		const char *type, *words;
	} rows[] = {
		{ "case.begin", "The case begins" },
		{ "record.publish", "Record published" },
		{ "gate.submit", "An agent submits" },
		{ "gate.deny", "Refused to an agent" },
		{ "gate.violation", "An agent broke the rules of the gate" },
		{ "proof.step", "Step of the proof" },
		{ "push", "Pushed" },
		{ "case.end", "The case ends" },
		{ "drift.add", "Entered in the ledger of changes by agents" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(type, rows[i].type) == 0)
			return rows[i].words;
	return type;
}

/* What an event says beside its kind: strings and numbers, not digests. */
static void details_of(const json_t *event, struct buf *b)
{
	static const char *const keys[] = { "record",	"step",	  "side",   "path", "rule",
					    "place",	"reason", "branch", "says", "outcome",
					    "decision", "role",	  "sha256" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const json_t *v = json_object_get(event, keys[i]);

		if (json_is_integer(v))
			html(b, " <span class=\"soft\">%s %lld</span>", keys[i],
			     (long long)json_integer_value(v));
		else if (json_is_string(v) && strcmp(keys[i], "sha256") == 0)
			html(b, " <code class=\"soft\">%.*s</code>", 12, json_string_value(v));
		else if (json_is_string(v))
			html(b, " <span class=\"soft u\">%.*s</span>", 300, json_string_value(v));
	}
}

static void moment(struct buf *b, const char *kind, const json_t *event, double offset)
{
	html(b, "<li class=\"%s\"><span class=\"at\">+", kind);
	html_span(b, offset * 1e6);
	html(b, "</span><span class=\"dot\" aria-hidden=\"true\"></span><span><b>%s</b>",
	     words_of(type_of(event)));
	details_of(event, b);
	html(b, "</span></li>\n");
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

void html_timeline(const struct html_case *in, struct buf *b)
{
	const json_t *i = json_object_get(in->record[STAGE_INCIDENT], "incident"), *v;
	const struct axis a = axis_of(in);
	size_t k, shown = 0;

	if (json_array_size(in->events))
		strip(in, b);
	html(b, "<ol class=\"time\">");
	outside(b, pr_str(i, "first_seen"), "First reported", "");
	json_array_foreach(in->events, k, v) {
		const char *type = type_of(v);
		const char *kind =
			strncmp(type, "gate.deny", 9) == 0 ? "no"
			: strncmp(type, "case.", 5) == 0 || strcmp(type, "record.publish") == 0
				? "stage"
				: "step";

		if (is_told(type) && ++shown <= MARKS)
			moment(b, kind, v, seconds_of(v) - a.from);
	}
	json_array_foreach(json_object_get(in->facts, "decisions"), k, v)
		outside(b, pr_str(v, "at"), pr_str(v, "decision"), pr_str(v, "note"));
	html(b, "</ol>");
	if (shown > MARKS)
		html(b, "<p class=\"soft\">%zu more stand in the log.</p>", shown - MARKS);
	if (!json_array_size(in->events))
		html(b, "<p class=\"none\">The log has nothing of this case.</p>");
}

/* ---- budget ---- */

struct series {
	const char *type, *key, *title, *unit;
	const char *limit; /* member of the policy's "model", or NULL */
	double scale;	   /* of one in the log */
	bool text;	   /* the log has it as text: "0.01" */
};

static double amount(const struct series *s, const json_t *event)
{
	const json_t *v = json_object_get(event, s->key);

	if (strcmp(type_of(event), s->type) != 0)
		return 0;
	if (!s->key[0])
		return 1;
	return s->text ? strtod(pr_str(event, s->key), NULL)
		       : (double)json_integer_value(v) * s->scale;
}

static double total(const struct html_case *in, const struct series *s)
{
	const json_t *v;
	double sum = 0;
	size_t i;

	json_array_foreach(in->events, i, v)
		sum += amount(s, v);
	return sum;
}

/* Of the patch agent's policy: the outermost document that says it. */
static const json_t *limit_of(const struct html_case *in, const char *key)
{
	const json_t *v;
	size_t i;

	json_array_foreach(in->policy, i, v) {
		const json_t *limit =
			key ? json_object_get(json_object_get(v, "model"), key) : NULL;

		if (limit)
			return limit;
	}
	return NULL;
}

/* A line that only rises: what was spent by then. */
static void panel(const struct html_case *in, const struct series *s, double sum, struct buf *b)
{
	const struct axis a = axis_of(in);
	const json_t *limit = limit_of(in, s->limit);
	const double top = 12, bottom = 92;
	double so_far = 0, y = bottom;
	const json_t *v;
	size_t i, n = 0;

	html(b,
	     "<figure><svg role=\"img\" aria-label=\"%s over time\" viewBox=\"0 0 %.0f 112\">"
	     "<text class=\"strong\" x=\"0\" y=\"24\">%s</text><text x=\"0\" y=\"42\">",
	     s->title, WIDTH + 10, s->title);
	html(b, s->scale < 1 || s->text ? "%.2f %s" : "%.0f %s", sum, s->unit);
	html(b, "</text>");
	if (json_is_string(limit))
		html(b, "<text x=\"0\" y=\"58\">of at most %s</text>", json_string_value(limit));
	else if (json_is_integer(limit))
		html(b, "<text x=\"0\" y=\"58\">of at most %lld</text>",
		     (long long)json_integer_value(limit));
	ticks(b, &a, top, bottom);
	html(b, "<path class=\"line\" d=\"M%.1f %.1f", LEFT, bottom);
	json_array_foreach(in->events, i, v) {
		const double more = amount(s, v);

		if (more <= 0 || ++n > POINTS)
			continue;
		so_far += more;
		html(b, "H%.1f", x_of(&a, seconds_of(v)));
		y = bottom - (bottom - top) * so_far / sum;
		html(b, "V%.1f", y);
	}
	html(b, "H%.1f\"/></svg></figure>\n", WIDTH);
}

void html_budget(const struct html_case *in, struct buf *b)
{
	static const struct series all[] = {
		{ "replica.start", "", "Replicas", "started", NULL, 1, false },
		{ "replica.exit", "cpu_us", "Processor", "s", NULL, 1e-6, false },
		{ "model.answer", "usd", "Money", "US dollars", "max_cost_usd", 1, true },
		{ "model.answer", "input", "Tokens read", "", "max_input_tokens", 1, false },
		{ "model.answer", "output", "Tokens written", "", "max_output_tokens", 1, false },
	};
	const json_t *spent = json_object_get(in->facts, "spent");
	bool any = false;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const double sum = total(in, &all[i]);

		if (sum > 0)
			panel(in, &all[i], sum, b);
		any = any || sum > 0;
	}
	if (!any)
		html(b, "<p class=\"none\">The log has nothing that this case spent.</p>");
	html(b, "<p>The ledger of the case, added up: %lld evaluations, %lld replicas, ",
	     (long long)json_integer_value(json_object_get(spent, "evaluations")),
	     (long long)json_integer_value(json_object_get(spent, "replicas")));
	html_span(b, (double)json_integer_value(json_object_get(spent, "cpu_us")));
	html(b, " of processor in ");
	html_span(b, (double)json_integer_value(json_object_get(spent, "wall_us")));
	html(b, ", %lld tokens, US$%s.</p>",
	     (long long)json_integer_value(json_object_get(spent, "tokens")),
	     *pr_str(spent, "usd_exact") ? pr_str(spent, "usd_exact") : "0.00");
}
