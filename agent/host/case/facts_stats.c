/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/decide.h"
#include "agent/host/case/facts.h"
#include "agent/host/case/money.h"
#include "runtime/base/clock.h"
#include "runtime/base/jmap.h"

static const char *text_of(const json_t *v, const char *key)
{
	const char *s = json_string_value(json_object_get(v, key));

	return s ? s : "";
}

static void count(json_t *o, const char *key, json_int_t more)
{
	(void)json_object_set_new(o, key,
				  json_integer(json_integer_value(json_object_get(o, key)) + more));
}

static json_t *new_figures(void)
{
	return json_pack("{s:i,s:{},s:{},s:i,s:i,s:i,s:i,s:i,s:i,s:s,s:[]}", "cases", 0, "outcomes",
			 "decisions", "judged", 0, "right", 0, "cpu_us", 0, "wall_us", 0,
			 "evaluations", 0, "tokens", 0, "usd", "0.00", "waits");
}

/* Amounts are texts: sums of them stay exact. */
static void pay(json_t *fig, const char *usd)
{
	char text[MONEY_TEXT];
	money sum = 0, more = 0;

	(void)money_parse(text_of(fig, "usd"), &sum);
	(void)money_parse(usd, &more);
	money_text(money_add(sum, more), text);
	(void)json_object_set_new(fig, "usd", json_string(text));
}

static void add(json_t *fig, const json_t *f)
{
	static const char *const sums[] = { "cpu_us", "wall_us", "evaluations", "tokens" };
	const json_t *spent = json_object_get(f, "spent");
	const char *outcome = text_of(f, "outcome"), *word = text_of(f, "decision");
	uint64_t decided, ended;
	bool right;

	count(fig, "cases", 1);
	count(json_object_get(fig, "outcomes"), *outcome ? outcome : "(runs)", 1);
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		count(fig, sums[i], json_integer_value(json_object_get(spent, sums[i])));
	pay(fig, text_of(spent, "usd_exact"));
	if (!*word)
		return;
	count(json_object_get(fig, "decisions"), word, 1);
	if (clock_parse_rfc3339(text_of(f, "decided"), &decided) == 0 &&
	    clock_parse_rfc3339(text_of(f, "ended"), &ended) == 0 && decided >= ended)
		(void)json_array_append_new(
			json_object_get(fig, "waits"),
			json_integer((json_int_t)((decided - ended) / 1000000000u)));
	if (strcmp(outcome, outcome_name(OUTCOME_PROPOSED)) != 0 ||
	    !decision_measures(decision_from_name(word), &right))
		return;
	count(fig, "judged", 1);
	count(fig, "right", right);
}

static int by_size(const void *a, const void *b)
{
	const json_int_t x = *(const json_int_t *)a, y = *(const json_int_t *)b;

	return x < y ? -1 : x > y;
}

static json_t *median(const json_t *list)
{
	const size_t n = json_array_size(list);
	json_int_t *v = n ? calloc(n, sizeof(*v)) : NULL;
	json_t *middle;

	if (!v)
		return json_null();
	for (size_t i = 0; i < n; i++)
		v[i] = json_integer_value(json_array_get(list, i));
	qsort(v, n, sizeof(*v), by_size);
	middle = json_integer(v[n / 2]);
	free(v);
	return middle;
}

static void finish(json_t *fig)
{
	const json_int_t judged = json_integer_value(json_object_get(fig, "judged"));
	const json_int_t right = json_integer_value(json_object_get(fig, "right"));

	(void)json_object_set_new(fig, "to_decision_s", median(json_object_get(fig, "waits")));
	(void)json_object_del(fig, "waits");
	(void)json_object_set_new(fig, "precision",
				  judged ? json_real((double)right / (double)judged) : json_null());
}

static void add_under(json_t *groups, const char *key, const json_t *f)
{
	if (!*key)
		return;
	if (!json_object_get(groups, key))
		(void)json_object_set_new(groups, key, new_figures());
	add(json_object_get(groups, key), f);
}

static const char *policy_of(const json_t *f)
{
	return text_of(json_object_get(json_object_get(f, "policies"), "patch"), "name");
}

json_t *facts_stats(const json_t *facts)
{
	AUTO_JSON json_t *all = new_figures();
	AUTO_JSON json_t *by =
		json_pack("{s:{},s:{},s:{},s:{}}", "service", "operator", "model", "policy");
	const char *kind, *name;
	json_t *groups, *fig;

	for (size_t i = 0; all && by && i < json_array_size(facts); i++) {
		const json_t *f = json_array_get(facts, i);

		add(all, f);
		add_under(json_object_get(by, "service"), text_of(f, "service"), f);
		add_under(json_object_get(by, "operator"), text_of(f, "operator"), f);
		add_under(json_object_get(by, "model"), text_of(f, "model"), f);
		add_under(json_object_get(by, "policy"), policy_of(f), f);
	}
	if (!all || !by)
		return NULL;
	finish(all);
	json_object_foreach(by, kind, groups)
		json_object_foreach(groups, name, fig)
			finish(fig);
	return json_pack("{s:O,s:O}", "all", all, "by", by);
}
