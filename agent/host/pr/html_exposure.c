/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/pr/html_stats.h"
#include "agent/host/pr/pr.h"

/* What the policies of these cases leave reachable, side by side. */
#define POLICIES 12
#define ABREAST	 3
#define GLOBS	 24

static const struct question {
	const char *title, *part, *key;
} questions[] = {
	{ "code that may change", "code", "allow" },
	{ "only after a person agrees", "code", "needs_scope" },
	{ "places that can be written", "filesystem", "write" },
	{ "places that can be read", "filesystem", "read" },
	{ "what can be run", "filesystem", "exec" },
	{ "commands not named", "", "commands_default" },
	{ "network", "network", "default" },
	{ "backing services", "network", "backing" },
	{ "models", "model", "allow" },
	{ "money for models, US$", "model", "max_cost_usd" },
	{ "memory", "resources", "memory" },
	{ "time", "resources", "wall" },
};

/* The outermost document that speaks of it decides what is asked for. */
static const json_t *said(const json_t *documents, const struct question *q)
{
	const json_t *d;
	size_t i;

	json_array_foreach(documents, i, d) {
		const json_t *v = *q->part ? json_object_get(json_object_get(d, q->part), q->key)
					   : json_object_get(d, q->key);

		if (v)
			return v;
	}
	return NULL;
}

static void globs(const json_t *list, struct buf *b)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one) {
		if (i == GLOBS)
			break;
		html(b, "%s<code>%s</code>", i ? " " : "",
		     json_is_string(one) ? json_string_value(one) : pr_str(one, "path"));
	}
	if (i < json_array_size(list))
		html(b, " <span class=\"none\">and %zu more</span>", json_array_size(list) - i);
}

static void words(const json_t *v, struct buf *b)
{
	if (json_is_array(v))
		globs(v, b);
	else if (json_is_string(v))
		html(b, "%s", json_string_value(v));
	else if (json_is_boolean(v))
		html(b, "%s", json_is_true(v) ? "yes" : "no");
	else if (json_is_integer(v))
		html(b, "%lld", (long long)json_integer_value(v));
	else
		html(b, "<span class=\"none\">not said</span>");
}

/* Of every document: a deny of any of them holds. */
static size_t denials(const json_t *documents)
{
	static const char *const parts[] = { "code", "filesystem", "commands", "syscalls",
					     "network" };
	const json_t *d;
	size_t i, n = 0;

	json_array_foreach(documents, i, d)
		for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++)
			n += json_array_size(json_object_get(json_object_get(d, parts[k]), "deny"));
	return n;
}

/* {DIGEST: {"cases": n, "role": of the first case that had it, "documents"}} */
static json_t *used(const struct html_stats *in)
{
	json_t *map = json_object();
	const json_t *f;
	size_t i;

	json_array_foreach(in->facts, i, f) {
		const char *role;
		json_t *p;

		json_object_foreach(json_object_get(f, "policies"), role, p) {
			const char *digest = pr_str(p, "digest");
			json_t *documents = json_object_get(in->policies, digest);
			json_t *row = json_object_get(map, digest);

			if (!documents)
				continue;
			(void)json_object_set_new(
				map, digest,
				json_pack("{s:I,s:s,s:O}", "cases",
					  json_integer_value(json_object_get(row, "cases")) + 1,
					  "role", row ? pr_str(row, "role") : role, "documents",
					  documents));
		}
	}
	return map;
}

static double cases_of(const json_t *row)
{
	return (double)json_integer_value(json_object_get(row, "cases"));
}

static const json_t *documents_of(const struct ranked *p)
{
	return json_object_get(p->v, "documents");
}

static void heads(const struct ranked *v, size_t n, struct buf *b)
{
	html(b,
	     "<div class=\"wide\" role=\"group\" aria-label=\"Policies, side by side\"><table "
	     "class=\"many\"><caption>Policies, side by side, those of most cases first</caption>"
	     "<thead><tr><th scope=\"col\">policy</th>");
	for (size_t i = 0; i < n; i++)
		html(b,
		     "<th scope=\"col\" class=\"policy\"><b "
		     "class=\"u\">%s</b><br><code>%.*s&hellip;"
		     "</code></th>",
		     pr_str(json_array_get(documents_of(&v[i]), 0), "name"), 19, v[i].name);
	html(b, "</tr></thead><tbody>\n<tr><th scope=\"row\">for the agent that</th>");
	for (size_t i = 0; i < n; i++)
		html(b, "<td>%s</td>",
		     strcmp(pr_str(v[i].v, "role"), "patch") == 0 ? "patches" : "reproduces");
	html(b, "</tr>\n<tr><th scope=\"row\">cases that it bound</th>");
	for (size_t i = 0; i < n; i++)
		html(b, "<td>%.0f</td>", v[i].by);
	html(b, "</tr>\n");
}

static void side_by_side(const struct ranked *v, size_t n, struct buf *b)
{
	heads(v, n, b);
	for (size_t k = 0; k < sizeof(questions) / sizeof(questions[0]); k++) {
		bool any = false;

		for (size_t i = 0; i < n; i++)
			any = any || said(documents_of(&v[i]), &questions[k]);
		if (!any)
			continue;
		html(b, "<tr><th scope=\"row\">%s</th>", questions[k].title);
		for (size_t i = 0; i < n; i++) {
			html(b, "<td class=\"u\">");
			words(said(documents_of(&v[i]), &questions[k]), b);
			html(b, "</td>");
		}
		html(b, "</tr>\n");
	}
	html(b, "<tr><th scope=\"row\">rules that deny</th>");
	for (size_t i = 0; i < n; i++)
		html(b, "<td>%zu, in %zu documents</td>", denials(documents_of(&v[i])),
		     json_array_size(documents_of(&v[i])));
	html(b, "</tr>\n");
	html_table_end(b);
}

void html_exposure(const struct html_stats *in, struct buf *b)
{
	AUTO_JSON json_t *map = used(in);
	struct ranked *v;
	size_t n;

	v = rank_members(map, cases_of, &n);
	if (n == 0)
		html(b, "<p class=\"none\">No case kept a policy.</p>");
	for (size_t i = 0; i < n && i < POLICIES; i += ABREAST)
		side_by_side(v + i, n - i < ABREAST ? n - i : ABREAST, b);
	if (n > POLICIES)
		html(b,
		     "<p class=\"none\">%zu more policies, which bound fewer cases, are left "
		     "out.</p>",
		     n - POLICIES);
	free(v);
}
