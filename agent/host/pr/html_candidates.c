/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/candidates.h"
#include "agent/host/case/case.h"
#include "agent/host/pr/html.h"
#include "agent/host/pr/pr.h"

/* What was tried for a patch, drawn and told: one mark a candidate, by what became of it. */
#define WIDTH  900.0
#define LEFT   150.0
#define POINTS 2000
#define GAP    34

enum fate { CHOSEN, PLAUSIBLE, TRIED, REFUSED, FATES };
static const char *const fate_words[] = { "chosen", "plausible", "tried", "refused" };

struct candidate {
	const json_t
		*about; /* of an agent's list, or what it submitted, or a refusal of the gate */
	const char *by; /* which agent */
	const char *what, *why;
	enum fate fate;
};

struct candidates {
	struct candidate *v;
	size_t n, left_out, of[FATES];
	size_t agents; /* how many there were that brought or tried something */
};

/* ---- collected from the records ---- */

static void add(struct candidates *c, const struct candidate *one)
{
	c->of[one->fate]++;
	if (c->n == POINTS)
		c->left_out++;
	else
		c->v[c->n++] = *one;
}

static const char *failing_step(const json_t *proof)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(proof, "steps"), i, v)
		if (!json_is_true(json_object_get(v, "holds")))
			return pr_str(v, "says");
	return "the proof refused it";
}

/* What became of what an agent submitted. */
static void judge(const struct html_case *in, size_t at, struct candidate *c)
{
	const json_t *proof = in->record[STAGE_PROOF], *v;
	const bool mine = candidate_index(proof) == at;
	size_t i;

	c->fate = mine ? CHOSEN : PLAUSIBLE;
	if (proof && mine && strcmp(pr_str(proof, "verdict"), "accepted") != 0) {
		c->fate = REFUSED;
		c->why = failing_step(proof);
	}
	json_array_foreach(json_object_get(proof, "others"), i, v) {
		if (mine || (size_t)json_integer_value(json_object_get(v, "candidate")) != at)
			continue;
		c->fate = strcmp(pr_str(v, "verdict"), "accepted") == 0 ? PLAUSIBLE : REFUSED;
		c->why = pr_str(v, "says");
	}
}

/* An agent's own list; "end" is what became of the one that it submitted. */
static void of_agent(const json_t *agent, const struct candidate *end, struct candidates *out)
{
	const json_t *list = json_object_get(agent, "candidates"), *v;
	size_t i;

	json_array_foreach(list, i, v) {
		struct candidate one = *end;

		one.about = v;
		one.what = pr_str(v, "summary");
		if (!json_is_true(json_object_get(v, "plausible")))
			one.fate = TRIED;
		else if (*pr_str(v, "why_not"))
			one.fate = PLAUSIBLE;
		if (*pr_str(v, "why_not"))
			one.why = pr_str(v, "why_not");
		add(out, &one);
	}
}

static void collect(const struct html_case *in, struct candidates *out)
{
	const json_t *patch = in->record[STAGE_PATCH], *v;
	AUTO_JSON json_t *refused = candidate_refusals(patch);
	const json_t *also = json_object_get(patch, "also");
	size_t i, n = candidate_count(patch);

	for (i = 0; i < n; i++) {
		const json_t *one = candidate_at(patch, i), *agent = json_object_get(one, "agent");
		const char *by = candidate_author(agent);
		struct candidate c = { one, by ? by : "", pr_str(one, "title"), "", CHOSEN };

		judge(in, i, &c);
		if (json_array_size(json_object_get(agent, "candidates")))
			of_agent(agent, &c, out);
		else
			add(out, &c);
		out->agents++;
	}
	for (i = 0; i < json_array_size(also) + (n == 0); i++) {
		const json_t *agent = json_object_get(
			i < json_array_size(also) ? json_array_get(also, i) : patch, "agent");
		const char *by = candidate_author(agent);
		const struct candidate c = { NULL, by ? by : "", "", "", TRIED };

		of_agent(agent, &c, out);
		out->agents++;
	}
	json_array_foreach(refused, i, v) {
		const struct candidate c = { v, "the gate", pr_str(v, "path"), pr_str(v, "reason"),
					     REFUSED };

		add(out, &c);
	}
}

/* ---- drawn ---- */

static void mark(struct buf *b, const struct candidate *c, double x)
{
	const double y = 22 + (double)c->fate * GAP;

	if (c->fate == CHOSEN)
		html(b, "<path class=\"fgood\" d=\"M%.1f %.1fl9 9l-9 9l-9 -9z\">", x, y - 9);
	else if (c->fate == REFUSED)
		html(b, "<path class=\"cross\" d=\"M%.1f %.1fl10 10m0 -10l-10 10\">", x - 5, y - 5);
	else
		html(b, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"6\">",
		     c->fate == PLAUSIBLE ? "ring" : "open", x, y);
	html(b, "<title>%s</title>", *c->what ? c->what : c->why);
	html(b, c->fate == CHOSEN || c->fate == REFUSED ? "</path>" : "</circle>");
}

static void plot(const struct candidates *c, struct buf *b)
{
	const double step = (WIDTH - LEFT - 28) / (double)(c->n > 1 ? c->n - 1 : 1);
	const size_t every = c->n > 20 ? (c->n + 19) / 20 : 1;

	html_drawing(b, "Candidates in the order in which they were tried", WIDTH + 10, 164);
	for (int f = 0; f < FATES; f++) {
		html(b, "<line class=\"axis\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%d\" y2=\"%d\"/>", LEFT,
		     WIDTH, 22 + f * GAP, 22 + f * GAP);
		html(b, "<text class=\"strong\" x=\"0\" y=\"%d\">%s: %zu</text>", 26 + f * GAP,
		     fate_words[f], c->of[f]);
	}
	for (size_t i = 0; i < c->n; i++) {
		const double x = LEFT + 14 + step * (double)i;

		mark(b, &c->v[i], x);
		if (i % every == 0)
			html(b, "<text x=\"%.1f\" y=\"158\" text-anchor=\"middle\">%zu</text>", x,
			     i + 1);
	}
	html_drawing_end(
		b, "From left to right in the order in which they were tried. A diamond was "
		   "chosen; a ring passed, and ranked below it; a circle did not pass; a cross was "
		   "refused, by the proof or to an agent at the gate.");
}

/* ---- told ---- */

static void row(const struct candidate *c, size_t no, bool agents, struct buf *b)
{
	const long long line = json_integer_value(json_object_get(c->about, "line"));

	html(b, "<tr><td class=\"n\">%zu</td><td class=\"w\"><b class=\"%s\">%s</b></td>", no,
	     c->fate == CHOSEN	  ? "good"
	     : c->fate == REFUSED ? "bad"
				  : "soft",
	     fate_words[c->fate]);
	if (agents)
		html(b, "<td class=\"u op\">%s</td>", c->by);
	html(b, "<td class=\"u op\">%s</td><td class=\"mono u path\">%s",
	     pr_str(c->about, "operator"), pr_str(c->about, "file"));
	if (line)
		html(b, ":%lld", line);
	html(b, "</td><td class=\"u\">%s</td><td class=\"u soft\">%s</td></tr>\n", c->what, c->why);
}

static void table(const struct candidates *c, struct buf *b)
{
	static const char *const one[] = { "#no.",  "result",	    "operator",
					   "place", "what it does", "why it was not taken",
					   NULL };
	static const char *const more[] = {
		"#no.", "result", "by", "operator", "place", "what it does", "why it was not taken",
		NULL
	};
	const bool agents = c->agents > 1 || c->of[REFUSED] > 0;

	html_table(b, "Candidates, in this order", agents ? more : one);
	for (size_t i = 0; i < c->n && i < HTML_ITEMS; i++)
		row(&c->v[i], i + 1, agents, b);
	html_left_out(b, 6 + agents, c->left_out + (c->n > HTML_ITEMS ? c->n - HTML_ITEMS : 0));
	html_table_end(b);
}

static void notes_of(const json_t *agent, struct buf *b)
{
	const json_t *notes = json_object_get(agent, "notes"), *v;
	const char *by = candidate_author(agent);
	size_t i;

	json_array_foreach(notes, i, v) {
		if (i == HTML_ITEMS)
			break;
		html(b, "<li class=\"soft u\">%s notes: %s</li>", by ? by : "the agent",
		     json_string_value(v));
	}
	html_left_out(b, 0, i < json_array_size(notes) ? json_array_size(notes) - i : 0);
}

static void notes(const json_t *patch, struct buf *b)
{
	const json_t *also = json_object_get(patch, "also"), *v;
	size_t i;

	html(b, "<ul class=\"notes\">");
	for (i = 0; i < candidate_count(patch); i++)
		notes_of(json_object_get(candidate_at(patch, i), "agent"), b);
	if (i == 0)
		notes_of(json_object_get(patch, "agent"), b);
	json_array_foreach(also, i, v) {
		const char *by = candidate_author(json_object_get(v, "agent"));

		if (i == HTML_ITEMS)
			break;
		html(b, "<li class=\"u\">%s brought nothing: %s</li>", by ? by : "an agent",
		     pr_str(v, "why"));
		notes_of(json_object_get(v, "agent"), b);
	}
	html(b, "</ul>\n");
}

void html_candidates(const struct html_case *in, struct buf *b)
{
	const json_t *patch = in->record[STAGE_PATCH];
	struct candidates c = { .v = calloc(POINTS, sizeof(*c.v)) };

	if (!c.v) {
		b->failed = ENOMEM;
		return;
	}
	if (patch)
		collect(in, &c);
	if (c.n == 0) {
		html(b, "<p class=\"none\">%s</p>",
		     patch ? "The agent named no candidate." : "No change of the code was tried.");
	} else {
		plot(&c, b);
		table(&c, b);
	}
	if (*pr_str(patch, "why"))
		html(b, "<p class=\"u\">It ended with: %s</p>", pr_str(patch, "why"));
	notes(patch, b);
	free(c.v);
}
