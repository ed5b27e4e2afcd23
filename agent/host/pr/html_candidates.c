/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/host/case/candidates.h"
#include "agent/host/case/case.h"
#include "agent/host/pr/html.h"
#include "agent/host/pr/pr.h"
#include "runtime/base/jmap.h"

/* What was tried for a patch, drawn and told: one mark a candidate, by what became of it. */
#define WIDTH  900.0
#define LEFT   150.0
#define POINTS 4096
#define MARKS  600

enum fate { CHOSEN, PLAUSIBLE, TRIED, REFUSED, FATES };
static const char *const fate_words[] = { "chosen", "plausible", "tried", "refused" };

static void mark(struct buf *b, int fate, double x, double y)
{
	if (fate == CHOSEN)
		html(b, "<path class=\"fgood\" d=\"M%.1f %.1fl9 9l-9 9l-9 -9z\">", x, y - 9);
	else if (fate == REFUSED)
		html(b, "<path class=\"cross\" d=\"M%.1f %.1fl10 10m0 -10l-10 10\">", x - 5, y - 5);
	else
		html(b, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%d\">",
		     fate == PLAUSIBLE ? "ring" : "open", x, y, 6);
}

static void close_mark(struct buf *b, int fate, const char *title)
{
	html(b, "<title>%s</title>", title);
	html(b, fate == CHOSEN || fate == REFUSED ? "</path>" : "</circle>");
}

static int fate_of(const json_t *c)
{
	if (!json_is_true(json_object_get(c, "plausible")))
		return TRIED;
	return *pr_str(c, "why_not") ? PLAUSIBLE : CHOSEN;
}

static void plot(const json_t *list, const json_t *refused, struct buf *b)
{
	const size_t n = json_array_size(list), all = n + json_array_size(refused);
	const double step = (WIDTH - LEFT - 20) / (double)(all > 1 ? all : 2);
	size_t count[FATES] = { 0 };
	const json_t *v;
	size_t i;

	html(b,
	     "<figure><svg role=\"img\" aria-label=\"Candidates in the order in which they were "
	     "tried\" viewBox=\"0 0 %.0f 150\">",
	     WIDTH + 10);
	for (int f = 0; f < FATES; f++)
		html(b, "<line class=\"axis\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%d\" y2=\"%d\"/>", LEFT,
		     WIDTH, 22 + f * 34, 22 + f * 34);
	for (i = 0; i < all && i < POINTS; i++) {
		const double x = LEFT + 14 + step * (double)i;
		const int fate = i < n ? fate_of(json_array_get(list, i)) : REFUSED;

		v = i < n ? json_array_get(list, i) : json_array_get(refused, i - n);
		mark(b, fate, x, 22 + fate * 34);
		close_mark(b, fate, i < n ? pr_str(v, "summary") : pr_str(v, "reason"));
		count[fate]++;
	}
	for (int f = 0; f < FATES; f++)
		html(b, "<text class=\"strong\" x=\"0\" y=\"%d\">%s: %zu</text>", 26 + f * 34,
		     fate_words[f], count[f]);
	html(b, "</svg><figcaption>From left to right in the order in which they were tried: a "
		"diamond is the one that was chosen, a ring passed the new test and ranked below "
		"it, a circle did not pass, a cross is what the policy refused to an agent."
		"</figcaption></figure>\n");
}

static void candidate_table(const json_t *list, struct buf *b)
{
	const json_t *v;
	size_t i;

	html(b, "<div class=\"wide\" tabindex=\"0\"><table><thead><tr><th class=\"n\">no.</th><th>"
		"result</th><th>operator</th><th>place</th><th>what it does</th><th>why it was not "
		"taken</th></tr></thead><tbody>");
	json_array_foreach(list, i, v) {
		const long long line = json_integer_value(json_object_get(v, "line"));
		const int fate = fate_of(v);

		if (i == MARKS) {
			html(b, "<tr><td colspan=\"6\">and %zu more</td></tr>",
			     json_array_size(list) - i);
			break;
		}
		html(b,
		     "<tr><td class=\"n\">%zu</td><td class=\"w %s\">%s</td><td class=\"w\">%s</td>"
		     "<td class=\"mono u w\">%s",
		     i + 1, fate == CHOSEN ? "good" : "", fate_words[fate], pr_str(v, "operator"),
		     pr_str(v, "file"));
		if (line)
			html(b, ":%lld", line);
		html(b, "</td><td class=\"u\">%s</td><td class=\"u soft\">%s</td></tr>",
		     pr_str(v, "summary"), pr_str(v, "why_not"));
	}
	html(b, "</tbody></table></div>");
}

void html_candidates(const struct html_case *in, struct buf *b)
{
	const json_t *patch = in->record[STAGE_PATCH];
	AUTO_JSON json_t *refused = candidate_refusals(patch);
	const json_t *chosen = candidate_chosen(patch, in->record[STAGE_PROOF]);
	const json_t *agent = json_object_get(chosen ? chosen : patch, "agent");
	const json_t *list = json_object_get(agent, "candidates"), *v;
	size_t i;

	if (!json_array_size(list) && !json_array_size(refused)) {
		html(b, "<p class=\"none\">%s</p>",
		     patch ? "The agent named no candidates beside what it submitted."
			   : "No change of the code was tried.");
	} else {
		plot(list, refused, b);
		if (json_array_size(list))
			candidate_table(list, b);
	}
	json_array_foreach(json_object_get(agent, "notes"), i, v)
		html(b, "<p class=\"soft u\">%s</p>", json_string_value(v));
	json_array_foreach(json_object_get(in->record[STAGE_PROOF], "others"), i, v)
		html(b, "<p class=\"u\">Candidate %lld: %s. %s</p>",
		     (long long)json_integer_value(json_object_get(v, "candidate")),
		     pr_str(v, "verdict"), pr_str(v, "says"));
}
