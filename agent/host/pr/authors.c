/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/host/case/candidates.h"
#include "agent/host/pr/pr.h"

/* Who wrote what a pull request holds, who else tried, and what was paid for it. */

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* The words of a command, as one piece of code. */
static void command_of(struct buf *b, const json_t *agent)
{
	const json_t *words = json_object_get(agent, "command");
	AUTO_BUF struct buf line = BUF_INIT(4096);

	for (size_t i = 0; i < json_array_size(words); i++) {
		buf_puts(&line, i ? " " : "");
		buf_puts(&line, json_string_value(json_array_get(words, i)));
	}
	if (line.n && !line.failed) {
		buf_puts(b, " ");
		md_code(b, line.p);
	}
}

static void model_of(struct buf *b, const json_t *agent, const char *before)
{
	const char *model = pr_str(agent, "model");

	if (!*model)
		return;
	buf_puts(b, before);
	md_code(b, model);
}

static void author(struct buf *b, const json_t *agent)
{
	const char *kind = pr_str(agent, "author");

	if (strcmp(kind, "model") == 0) {
		buf_puts(b, "the model");
		model_of(b, agent, " ");
	} else if (strcmp(kind, "external") == 0) {
		buf_puts(b, "the external agent");
		command_of(b, agent);
		model_of(b, agent, " with ");
	} else if (strcmp(kind, "command") == 0) {
		buf_puts(b, "the command");
		command_of(b, agent);
	} else {
		buf_puts(b, "the built-in agent, without a model");
	}
}

void pr_authors(const struct pr_input *in, struct buf *b)
{
	buf_puts(b, "Test by ");
	author(b, json_object_get(in->match, "agent"));
	buf_puts(b, "; change by ");
	author(b, json_object_get(in->patch, "agent"));
	buf_puts(b, ".\n");
}

void pr_prose(struct buf *b, const json_t *agent, const char *text)
{
	md_text(b, text);
	if (candidate_by_model(agent))
		buf_puts(b, " _(text by a model)_");
}

void pr_prose_source(const struct pr_input *in, struct buf *b)
{
	const json_t *agent = json_object_get(in->patch, "agent");

	if (candidate_by_model(agent))
		buf_puts(b, "\n_(text by a model, which nobody checked; what was checked is the "
			    "proof below)_\n");
	else
		buf_printf(b, "\n_(%s)_\n",
			   strcmp(pr_str(agent, "author"), "built-in") == 0
				   ? "derived from trace, source and runs; no text by a model"
				   : "text and change by the command that the service file names");
}

/* ---- who else tried ---- */

static void other(struct buf *b, const char *what, const json_t *agent, const char *why)
{
	buf_printf(b, "- a %s by ", what);
	author(b, agent);
	buf_puts(b, ": ");
	md_text(b, *why ? why : "no reason given");
	buf_puts(b, "\n");
}

static void others_of_test(const struct pr_input *in, struct buf *b)
{
	const json_t *also = json_object_get(in->match, "also");

	for (size_t i = 0; i < json_array_size(also); i++) {
		const json_t *one = json_array_get(also, i);

		other(b, "test", json_object_get(one, "agent"), pr_str(one, "why"));
	}
}

void pr_others(const struct pr_input *in, struct buf *b)
{
	const json_t *others = json_object_get(in->proof, "others");
	const json_t *also = json_object_get(in->tried, "also");

	others_of_test(in, b);
	for (size_t i = 0; i < json_array_size(others); i++) {
		const json_t *one = json_array_get(others, i);
		const json_int_t at = number(one, "candidate");

		other(b, "change",
		      json_object_get(candidate_at(in->tried, at > 0 ? (size_t)at : 0), "agent"),
		      pr_str(one, "says"));
	}
	for (size_t i = 0; i < json_array_size(also); i++) {
		const json_t *one = json_array_get(also, i);

		other(b, "change", json_object_get(one, "agent"), pr_str(one, "why"));
	}
}

/* ---- what it cost ---- */

void pr_spent(const struct pr_input *in, struct buf *b)
{
	const json_t *s = in->spent;

	buf_printf(b, "US$%s", pr_str(s, "usd"));
	if (strcmp(pr_str(s, "usd_exact"), pr_str(s, "usd")) != 0 && *pr_str(s, "usd_exact"))
		buf_printf(b, " (%s exactly)", pr_str(s, "usd_exact"));
	buf_printf(b, ", %lld tokens", (long long)number(s, "tokens"));
	if (number(s, "turns"))
		buf_printf(b,
			   " (read %lld, of them %lld cached; written %lld, of them %lld "
			   "reasoning) in %lld call%s of a model",
			   (long long)number(s, "input_tokens"),
			   (long long)number(s, "cached_tokens"),
			   (long long)number(s, "output_tokens"),
			   (long long)number(s, "reasoning_tokens"), (long long)number(s, "turns"),
			   number(s, "turns") == 1 ? "" : "s");
	buf_printf(b, "; %lld evaluations, %lld replicas, %.1f cpu-s, %.1f s wall. ",
		   (long long)number(s, "evaluations"), (long long)number(s, "replicas"),
		   (double)number(s, "cpu_us") / 1e6, (double)number(s, "wall_us") / 1e6);
}

void pr_refusals(const struct pr_input *in, struct buf *b)
{
	AUTO_JSON json_t *of_patch = candidate_refusals(in->tried);
	AUTO_JSON json_t *of_test = candidate_refusals(in->match);
	const size_t n = json_array_size(of_test) + json_array_size(of_patch);
	const json_t *first = json_array_get(json_array_size(of_patch) ? of_patch : of_test, 0);

	buf_printf(b, "%zu refusal%s", n, n == 1 ? "" : "s");
	if (first) {
		buf_puts(b, " (first: ");
		md_text(b, pr_str(first, "reason"));
		buf_puts(b, ", ");
		md_text(b, pr_str(first, "place"));
		buf_puts(b, ")");
	}
}

/* Of all kinds of agents. */
void pr_author_words(struct buf *b)
{
	static const char *const kinds[] = { "built-in", "command", "model", "external" };
	struct pr_input in = { 0 };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		AUTO_JSON json_t *by = json_pack("{s:{s:s,s:s},s:i}", "agent", "author", kinds[i],
						 "model", " ", "turns", 2);

		in.match = in.patch = in.spent = by;
		pr_authors(&in, b);
		pr_prose(b, json_object_get(by, "agent"), "");
		pr_prose_source(&in, b);
		other(b, "test or change", json_object_get(by, "agent"), "");
		pr_spent(&in, b);
	}
}
