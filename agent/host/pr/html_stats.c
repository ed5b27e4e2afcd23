/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/pr/html_stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/case.h"
#include "agent/host/case/facts.h"
#include "agent/host/pr/pr.h"

/* `stats --html`: many cases on one page, for who decides how far agents are trusted. */
#define GROUPS 40
#define MONTHS 24
#define CASES  2000
#define REASON 300

typedef void part_fn(const struct html_stats *in, struct buf *b);

static long long number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const json_t *all_of(const struct html_stats *in)
{
	return json_object_get(in->stats, "all");
}

/* ---- shared ---- */

static int by_figure(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->by != y->by)
		return x->by > y->by ? -1 : 1;
	return strcmp(x->name, y->name);
}

struct ranked *rank_members(const json_t *object, double (*figure)(const json_t *v), size_t *n)
{
	struct ranked *v = calloc(json_object_size(object) + 1, sizeof(*v));
	const char *name;
	json_t *one;

	*n = 0;
	json_object_foreach((json_t *)(uintptr_t)object, name, one)
		if (v)
			v[(*n)++] = (struct ranked){ name, one, figure(one) };
	if (v)
		qsort(v, *n, sizeof(*v), by_figure);
	return v;
}

/* A bar in a cell; what it is as long as stands beside it in figures. */
static void bar(struct buf *b, const char *class, double share, bool of_whole)
{
	html(b, "<td class=\"bar\"><svg aria-hidden=\"true\" viewBox=\"0 0 300 14\">");
	if (of_whole)
		html(b, "<rect class=\"band\" width=\"300\" height=\"14\" rx=\"2\"/>");
	html(b, "<rect class=\"%s\" width=\"%.1f\" height=\"14\" rx=\"2\"/></svg></td>", class,
	     share > 0 ? 2 + 298 * share : 0);
}

static double share_of(long long n, long long of)
{
	return of > 0 ? (double)n / (double)of : 0;
}

/* ---- outcomes ---- */

struct meaning {
	const char *name, *class;
};
static const struct meaning outcome_means[] = {
	{ "proposed", "fgood" }, { "already-fixed", "fgood" }, { "reproduced", "fgood" },
	{ "no-fix", "fbad" },	 { "not-reproduced", "fbad" }, { NULL, "f2" },
};
static const struct meaning decision_means[] = {
	{ "merged", "fgood" },	{ "merged-edited", "fgood" }, { "closed-wrong", "fbad" },
	{ "reverted", "fbad" }, { "recurred", "fbad" },	      { NULL, "f2" },
};

static const char *class_of(const struct meaning *m, const char *name)
{
	while (m->name && strcmp(m->name, name) != 0)
		m++;
	return m->class;
}

static void counts(const char *caption, const char *of, const json_t *object,
		   const struct meaning *means, struct buf *b)
{
	const char *const columns[] = { of, "#cases", "#share", "drawn", NULL };
	long long sum = 0, most = 1;
	struct ranked *v;
	size_t n;

	v = rank_members(object, json_number_value, &n);
	for (size_t i = 0; i < n; i++)
		sum += (long long)v[i].by;
	most = n && v[0].by > 1 ? (long long)v[0].by : 1;
	if (n == 0)
		html(b, "<p class=\"none\">%s: none yet.</p>", caption);
	else
		html_table(b, caption, columns);
	for (size_t i = 0; i < n; i++) {
		const long long cases = (long long)v[i].by;

		html(b,
		     "<tr><th scope=\"row\" class=\"w\">%s</th><td class=\"n\">%lld</td><td "
		     "class=\"n\">%.0f&nbsp;%%</td>",
		     v[i].name, cases, 100 * share_of(cases, sum));
		bar(b, class_of(means, v[i].name), share_of(cases, most), false);
		html(b, "</tr>\n");
	}
	if (n)
		html_table_end(b);
	free(v);
}

static void outcomes(const struct html_stats *in, struct buf *b)
{
	const json_t *all = all_of(in);

	html(b, "<p>How sickbay's own work on %lld cases ended.</p>", number(all, "cases"));
	counts("How cases ended", "outcome", json_object_get(all, "outcomes"), outcome_means, b);
	counts("What people decided afterwards", "decision", json_object_get(all, "decisions"),
	       decision_means, b);
}

/* ---- precision and cost ---- */

static void share(const json_t *fig, struct buf *b)
{
	const json_t *p = json_object_get(fig, "precision");

	if (json_is_real(p))
		html(b, "%lld of %lld (%.0f&nbsp;%%)", number(fig, "right"), number(fig, "judged"),
		     100 * json_real_value(p));
	else
		html(b, "<span class=\"none\">not judged</span>");
}

static void wait(const json_t *fig, struct buf *b)
{
	const json_t *v = json_object_get(fig, "to_decision_s");

	if (json_is_integer(v))
		html_span(b, (double)json_integer_value(v) * 1e6);
	else
		html(b, "&ndash;");
}

static void figure_row(const char *name, const json_t *fig, struct buf *b)
{
	html(b,
	     "<tr><th scope=\"row\" class=\"u\">%s</th><td class=\"n\">%lld</td><td "
	     "class=\"n\">%lld</td><td class=\"n\">",
	     name, number(fig, "cases"),
	     number(json_object_get(fig, "outcomes"), outcome_name(OUTCOME_PROPOSED)));
	share(fig, b);
	html(b, "</td>");
	bar(b, "f1", json_number_value(json_object_get(fig, "precision")), true);
	html(b, "<td class=\"n\">");
	wait(fig, b);
	html(b, "</td><td class=\"n\">%.2f</td><td class=\"n\">%lld</td><td class=\"n\">",
	     (double)number(fig, "usd_micro") / 1e6, number(fig, "tokens"));
	html_span(b, (double)number(fig, "cpu_us"));
	html(b, "</td></tr>\n");
}

static double cases_of(const json_t *fig)
{
	return (double)number(fig, "cases");
}

static void group_head(const char *kind, struct buf *b)
{
	html(b, "<tr><th scope=\"rowgroup\" colspan=\"9\" class=\"group\">by %s</th></tr>\n", kind);
}

static void groups(const char *kind, const json_t *members, struct buf *b)
{
	struct ranked *v;
	size_t n;

	v = rank_members(members, cases_of, &n);
	if (n)
		group_head(kind, b);
	for (size_t i = 0; i < n && i < GROUPS; i++)
		figure_row(v[i].name, v[i].v, b);
	html_left_out(b, 9, n > GROUPS ? n - GROUPS : 0);
	free(v);
}

/* {MONTH: [facts]} of when cases were begun. */
static json_t *months_of(const json_t *facts)
{
	json_t *map = json_object();
	const json_t *v;
	size_t i;

	json_array_foreach(facts, i, v) {
		char month[8];
		json_t *list;

		(void)snprintf(month, sizeof(month), "%.7s", pr_str(v, "created"));
		if (!*month)
			continue;
		list = json_object_get(map, month);
		if (!list && json_object_set_new(map, month, list = json_array()) < 0)
			return map;
		(void)json_array_append(list, (json_t *)(uintptr_t)v);
	}
	return map;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct ranked *)a)->name, ((const struct ranked *)b)->name);
}

static double nothing(const json_t *v)
{
	(void)v;
	return 0;
}

static void by_month(const struct html_stats *in, struct buf *b)
{
	AUTO_JSON json_t *map = months_of(in->facts);
	struct ranked *v;
	size_t n;

	v = rank_members(map, nothing, &n);
	if (!v || n < 2) { /* one month is all that there is */
		free(v);
		return;
	}
	qsort(v, n, sizeof(*v), by_name);
	group_head(n > MONTHS ? "month, the last ones" : "month", b);
	for (size_t i = n > MONTHS ? n - MONTHS : 0; i < n; i++) {
		AUTO_JSON json_t *stats = facts_stats(v[i].v);

		figure_row(v[i].name, json_object_get(stats, "all"), b);
	}
	free(v);
}

static void precision(const struct html_stats *in, struct buf *b)
{
	static const char *const columns[] = { "which",	 "#cases",     "#proposed",
					       "#right", "0 to 100 %", "#to a decision",
					       "#US$",	 "#tokens",    "#processor",
					       NULL };
	const char *kind;
	json_t *members;

	html(b, "<p>Precision is the share of judged proposals that a person merged and that were "
		"neither reverted nor followed by the same failure.</p>");
	html_table(b, "Precision, the median time to a decision, and cost", columns);
	figure_row("All", all_of(in), b);
	by_month(in, b);
	json_object_foreach(json_object_get(in->stats, "by"), kind, members)
		groups(kind, members, b);
	html_table_end(b);
}

/* ---- time to a proposal ---- */

static const struct bin {
	double below; /* seconds */
	const char *name;
} bins[] = {
	{ 10, "< 10 s" }, { 30, "30 s" },    { 60, "1 min" },	 { 120, "2 min" },
	{ 300, "5 min" }, { 600, "10 min" }, { 1800, "30 min" }, { 3600, "1 h" },
	{ 7200, "2 h" },  { 21600, "6 h" },  { 86400, "1 d" },	 { 1e18, "more" },
};
#define BINS (sizeof(bins) / sizeof(bins[0]))

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* How many cases took how long: a column a span, from the first to the last that has any. */
static void columns_of(const double *v, size_t n, struct buf *b)
{
	size_t in_bin[BINS] = { 0 }, most = 1, first = BINS, last = 0, at = 0;
	double width;

	for (size_t i = 0; i < n; i++) {
		while (v[i] >= bins[at].below)
			at++;
		most = ++in_bin[at] > most ? in_bin[at] : most;
		first = at < first ? at : first;
		last = at;
	}
	width = (STATS_WIDTH - 20) / (double)(last - first + 1);
	width = width > 90 ? 90 : width;
	html_drawing(b, "How many cases took how long to a proposal", STATS_WIDTH, 170);
	for (size_t i = first; i <= last; i++) {
		const double h = 110 * (double)in_bin[i] / (double)most;
		const double x = 10 + width * (double)(i - first);

		html(b,
		     "<rect class=\"f1\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>"
		     "<text class=\"strong\" x=\"%.1f\" y=\"%.1f\" "
		     "text-anchor=\"middle\">%zu</text>"
		     "<text x=\"%.1f\" y=\"158\" text-anchor=\"middle\">%s</text>",
		     x + 3, 138 - h, width - 6, h, x + width / 2, 132 - h, in_bin[i], x + width / 2,
		     bins[i].name);
	}
	html(b, "<line class=\"axis\" x1=\"10\" x2=\"%.0f\" y1=\"138\" y2=\"138\"/>", STATS_WIDTH);
	html_drawing_end(b, "From the begin of a case until its proposal. A column has the cases "
			    "that took less than what stands beneath it, and not less than what "
			    "stands beneath the one before.");
}

static void quantiles(const double *v, size_t n, struct buf *b)
{
	static const char *const columns[] = { "#cases",       "#fastest", "#median",
					       "#nine of ten", "#slowest", NULL };
	const size_t at[] = { 0, n / 2, (n * 9 + 9) / 10 - 1, n - 1 };

	html_table(b, "Time from the begin of a case until its proposal", columns);
	html(b, "<tr><td class=\"n\">%zu</td>", n);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		html(b, "<td class=\"n\">");
		html_span(b, v[at[i]] * 1e6);
		html(b, "</td>");
	}
	html(b, "</tr>\n");
	html_table_end(b);
}

static void times(const struct html_stats *in, struct buf *b)
{
	double *v = calloc(json_object_size(in->first) + 1, sizeof(*v));
	const char *id;
	json_t *s;
	size_t n = 0;

	json_object_foreach((json_t *)(uintptr_t)in->first, id, s)
		if (v)
			v[n++] = json_real_value(s);
	if (n == 0) {
		html(b, "<p class=\"none\">No case made a proposal.</p>");
	} else {
		qsort(v, n, sizeof(*v), by_value);
		columns_of(v, n, b);
		quantiles(v, n, b);
	}
	free(v);
}

/* ---- the page ---- */

static void head(const struct html_stats *in, struct buf *b)
{
	const json_t *all = all_of(in);

	html(b,
	     "<header>\n<p class=\"kicker\">sickbay &middot; figures</p>\n<h1>%s</h1>\n"
	     "<dl class=\"facts\"><div><dt>Cases</dt><dd>%lld</dd></div>"
	     "<div><dt>Proposed</dt><dd>%lld</dd></div>"
	     "<div><dt>Right, of those judged</dt><dd>",
	     in->title, number(all, "cases"),
	     number(json_object_get(all, "outcomes"), outcome_name(OUTCOME_PROPOSED)));
	share(all, b);
	html(b, "</dd></div><div><dt>To a decision (median)</dt><dd>");
	wait(all, b);
	html(b, "</dd></div><div><dt>Spent</dt><dd>US$%.2f, ",
	     (double)number(all, "usd_micro") / 1e6);
	html_span(b, (double)number(all, "cpu_us"));
	html(b, " processor</dd></div></dl>\n</header>\n");
}

static const char *badge_of(const char *outcome)
{
	const char *fill = class_of(outcome_means, outcome);

	return strcmp(fill, "fgood") == 0 ? "good" : strcmp(fill, "fbad") == 0 ? "bad" : "warn";
}

static void cases(const struct html_stats *in, struct buf *b)
{
	static const char *const columns[] = { "case",	   "begun",  "outcome", "decision",
					       "patch by", "reason", NULL };
	const json_t *v;
	size_t i;

	html_table(b, "The cases, by their ids", columns);
	json_array_foreach(in->facts, i, v) {
		const char *outcome = pr_str(v, "outcome");

		if (i == CASES)
			break;
		html(b, "<tr><td class=\"mono w\">%s</td><td>", pr_str(v, "case"));
		html_date(b, pr_str(v, "created"));
		html(b,
		     "</td><td class=\"w\"><b class=\"%s\">%s</b></td><td class=\"w\">%s</td><td "
		     "class=\"u\">%s</td><td class=\"u soft\">",
		     badge_of(outcome), *outcome ? outcome : "not ended", pr_str(v, "decision"),
		     pr_str(v, "patch_by"));
		html_cut(b, pr_str(v, "reason"), strlen(pr_str(v, "reason")), REASON);
		html(b, "</td></tr>\n");
	}
	html_left_out(b, 6, json_array_size(in->facts) - i);
	html_table_end(b);
}

static const struct html_part parts[] = {
	{ "outcomes", "Outcomes" },
	{ "precision", "Precision and cost" },
	{ "times", "Time to a proposal" },
	{ "drift", "Where agents changed code" },
	{ "exposure", "What policies leave reachable" },
	{ "cases", "The cases" },
};
static part_fn *const fns[] = { outcomes, precision, times, html_drift, html_exposure, cases };

int html_stats(const struct html_stats *in, struct buf *out, struct err *e)
{
	html_begin(out, in->title);
	head(in, out);
	html_contents(out, parts, sizeof(parts) / sizeof(parts[0]));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		html_part_begin(out, &parts[i]);
		fns[i](in, out);
		html_part_end(out);
	}
	html_end(out);
	return buf_check(out, "page", e);
}
