/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/case.h"
#include "agent/host/pr/html_plot.h"
#include "agent/host/pr/pr.h"

/* What a case spent: a line that only rises for each thing that it spends, and a row a stage. */
#define POINTS 4096
#define STAGES 60

struct series {
	const char *type, *key, *title, *column;
	const char *limit; /* member of the policy's "model", or NULL */
	double scale;	   /* of one in the log */
	bool text;	   /* the log has it as text: "0.01" */
};

static const struct series all[] = {
	{ "replica.start", "", "Replicas", "#replicas", NULL, 1, false },
	{ "replica.exit", "cpu_us", "Processor, s", "#processor, s", NULL, 1e-6, false },
	{ "model.answer", "usd", "Money, US$", "#US$", "max_cost_usd", 1, true },
	{ "model.answer", "input", "Tokens read", "#tokens read", "max_input_tokens", 1, false },
	{ "model.answer", "output", "Tokens written", "#tokens written", "max_output_tokens", 1,
	  false },
};
#define SERIES (sizeof(all) / sizeof(all[0]))

static double amount(const struct series *s, const json_t *event)
{
	const json_t *v = json_object_get(event, s->key);

	if (strcmp(event_type(event), s->type) != 0)
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

static void put_amount(const struct series *s, double v, struct buf *b)
{
	if (s->text)
		html(b, "%.4f", v);
	else
		html(b, s->scale < 1 ? "%.2f" : "%.0f", v);
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

static void panel(const struct html_case *in, const struct series *s, double sum, struct buf *b)
{
	const struct axis a = plot_axis(in);
	const json_t *limit = limit_of(in, s->limit);
	const double top = 12, bottom = 92;
	double so_far = 0;
	const json_t *v;
	size_t i, n = 0;

	html_drawing(b, s->title, PLOT_WIDTH + 10, 112);
	html(b, "<text class=\"strong\" x=\"0\" y=\"24\">%s</text><text x=\"0\" y=\"42\">",
	     s->title);
	put_amount(s, sum, b);
	html(b, "</text>");
	if (json_is_string(limit))
		html(b, "<text x=\"0\" y=\"58\">of at most %s</text>", json_string_value(limit));
	else if (json_is_integer(limit))
		html(b, "<text x=\"0\" y=\"58\">of at most %lld</text>",
		     (long long)json_integer_value(limit));
	plot_ticks(b, &a, top, bottom);
	html(b, "<path class=\"line\" d=\"M%.1f %.1f", PLOT_LEFT, bottom);
	json_array_foreach(in->events, i, v) {
		const double more = amount(s, v);

		if (more <= 0 || ++n > POINTS)
			continue;
		so_far += more;
		html(b, "H%.1fV%.1f", plot_x(&a, event_seconds(v)),
		     bottom - (bottom - top) * so_far / sum);
	}
	html(b, "H%.1f\"/>", PLOT_WIDTH);
	html_drawing_end(b, "");
}

static void stage_row(const char *name, const double sums[SERIES], const double v[SERIES],
		      struct buf *b)
{
	html(b, "<tr><th scope=\"row\">%s</th>", name);
	for (size_t i = 0; i < SERIES; i++) {
		if (sums[i] <= 0)
			continue;
		html(b, "<td class=\"n\">");
		put_amount(&all[i], v[i], b);
		html(b, "</td>");
	}
	html(b, "</tr>\n");
}

/* What each stage spent: from the record before it to its own. */
static void by_stage(const struct html_case *in, const double sums[SERIES], struct buf *b)
{
	const char *columns[SERIES + 2] = { "stage" };
	double spent[SERIES] = { 0 };
	size_t i, k, n = 1, rows = 0;
	const json_t *v;
	char name[24];

	for (k = 0; k < SERIES; k++)
		if (sums[k] > 0)
			columns[n++] = all[k].column;
	html_table(b, "What each stage spent, by the log", columns);
	json_array_foreach(in->events, i, v) {
		for (k = 0; k < SERIES; k++)
			spent[k] += amount(&all[k], v);
		event_stage(v, name);
		if (!*name)
			continue;
		if (rows++ < STAGES)
			stage_row(name, sums, spent, b);
		memset(spent, 0, sizeof(spent));
	}
	html_left_out(b, n, rows > STAGES ? rows - STAGES : 0);
	stage_row("together", sums, sums, b);
	html_table_end(b);
}

static void ledger(const struct html_case *in, struct buf *b)
{
	const json_t *spent = json_object_get(in->facts, "spent");

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

void html_budget(const struct html_case *in, struct buf *b)
{
	double sums[SERIES];
	bool any = false;

	for (size_t i = 0; i < SERIES; i++) {
		sums[i] = total(in, &all[i]);
		if (sums[i] > 0)
			panel(in, &all[i], sums[i], b);
		any = any || sums[i] > 0;
	}
	if (any)
		by_stage(in, sums, b);
	else
		html(b, "<p class=\"none\">The log has nothing that this case spent.</p>");
	ledger(in, b);
}
