/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "agent/host/case/facts.h"
#include "agent/host/case/money.h"
#include "agent/host/cli/cli.h"
#include "agent/host/cli/page.h"
#include "runtime/base/jmap.h"
#include "runtime/base/opt.h"

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void print_counts(const char *title, json_t *counts)
{
	const char *name;
	json_t *n;

	(void)printf("%-11s", title);
	json_object_foreach(counts, name, n)
		(void)printf(" %s %lld;", name, (long long)json_integer_value(n));
	(void)fputs(json_object_size(counts) ? "\n" : " none\n", stdout);
}

/* "3 of 4 (75 %)" */
static void precision(const json_t *fig, char out[48])
{
	const json_t *p = json_object_get(fig, "precision");

	if (json_is_null(p))
		(void)snprintf(out, 48, "no decision yet");
	else
		(void)snprintf(out, 48, "%lld of %lld (%.0f %%)", (long long)number(fig, "right"),
			       (long long)number(fig, "judged"), 100 * json_real_value(p));
}

static void age(const json_t *fig, char out[48])
{
	const json_t *v = json_object_get(fig, "to_decision_s");
	const double s = (double)json_integer_value(v);

	if (json_is_null(v))
		(void)snprintf(out, 48, "-");
	else if (s < 7200)
		(void)snprintf(out, 48, "%.0f min", s / 60);
	else
		(void)snprintf(out, 48, "%.1f h", s / 3600);
}

static void cents(const json_t *fig, char out[MONEY_TEXT])
{
	const char *exact = json_string_value(json_object_get(fig, "usd"));
	money m = 0;

	(void)money_parse(exact ? exact : "0", &m);
	money_cents(m, out);
}

static void print_all(const json_t *fig)
{
	char right[48], wait[48], usd[MONEY_TEXT];

	precision(fig, right);
	age(fig, wait);
	cents(fig, usd);
	(void)printf("cases       %lld\n", (long long)number(fig, "cases"));
	print_counts("outcomes", json_object_get(fig, "outcomes"));
	print_counts("decisions", json_object_get(fig, "decisions"));
	(void)printf("right       %s\nto decision %s (median)\n", right, wait);
	(void)printf("spent       US$%s, %lld tokens, %lld evaluations, %.1f cpu-s, %.1f s wall\n",
		     usd, (long long)number(fig, "tokens"), (long long)number(fig, "evaluations"),
		     (double)number(fig, "cpu_us") / 1e6, (double)number(fig, "wall_us") / 1e6);
}

static void print_groups(json_t *by)
{
	const char *kind, *name;
	json_t *groups, *fig;

	(void)printf("\n%-9s %-28s %6s %-20s %10s %10s %12s\n", "by", "", "cases", "right", "US$",
		     "cpu-s", "to decision");
	json_object_foreach(by, kind, groups) {
		json_object_foreach(groups, name, fig) {
			char right[48], wait[48], usd[MONEY_TEXT];

			precision(fig, right);
			age(fig, wait);
			cents(fig, usd);
			(void)printf("%-9s %-28s %6lld %-20s %10s %10.1f %12s\n", kind, name,
				     (long long)number(fig, "cases"), right, usd,
				     (double)number(fig, "cpu_us") / 1e6, wait);
		}
	}
}

static int print_page(const char *state, const struct case_filter *f, const json_t *facts,
		      const char *file, struct err *e)
{
	char title[160];

	(void)snprintf(title, sizeof(title), "%s%.100s", f->service ? "Cases of " : "All cases",
		       f->service ? f->service : "");
	return page_stats(state, title, facts, file, e) < 0 ? CLI_FAILED : CLI_OK;
}

int cmd_stats(int argc, char **argv, struct err *e)
{
	const char *state = CLI_STATE_DEFAULT, *since = NULL, *page = NULL;
	struct case_filter f = { 0 };
	bool json = false;
	const struct opt opts[] = { { "service", OPT_STR, &f.service, "NAME", "one service" },
				    { "since", OPT_STR, &since, "WHEN",
				      "cases begun since a date, or within an age (30d)" },
				    { "state", OPT_STR, &state, "DIR", "state directory" },
				    { "json", OPT_FLAG, &json, NULL, "print JSON" },
				    { "html", OPT_STR, &page, "FILE",
				      "write a page for a browser; - is standard output" },
				    { 0 } };
	AUTO_JSON json_t *facts = NULL;
	AUTO_JSON json_t *stats = NULL;
	int operands;

	if (opt_parse(opts, false, argc, argv, &operands, e) < 0)
		return CLI_USAGE;
	if (operands != 0)
		return cli_usage(e, "stats takes no operands");
	if (page && json)
		return cli_usage(e, "stats: --json or --html, not both");
	if (since && facts_since(since, &f.since, e) < 0)
		return CLI_USAGE;
	if (facts_find(state, &f, &facts, e) < 0)
		return CLI_FAILED;
	if (page)
		return print_page(state, &f, facts, page, e);
	stats = facts_stats(facts);
	if (!stats) {
		(void)err_set(e, ENOMEM, "out of memory");
		return CLI_FAILED;
	}
	if (json) {
		(void)json_dumpf(stats, stdout, JSON_INDENT(1));
		(void)fputc('\n', stdout);
		return CLI_OK;
	}
	print_all(json_object_get(stats, "all"));
	print_groups(json_object_get(stats, "by"));
	return CLI_OK;
}
