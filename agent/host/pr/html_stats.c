/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/case.h"
#include "agent/host/pr/html.h"
#include "agent/host/pr/pr.h"

/* `stats --html`: many cases on one page, for who decides how far agents are trusted. */
#define WIDTH	900.0
#define MODULES 400
#define FILES	4000

typedef void part_fn(const struct html_stats *in, struct buf *b);

static long long number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const json_t *all_of(const struct html_stats *in)
{
	return json_object_get(in->stats, "all");
}

/* ---- outcomes ---- */

/* Rows of a bar each, the longest as wide as there is room. */
static void bar_rows(const json_t *counts, const char *label, const char *class, struct buf *b)
{
	long long most = 1;
	const char *name;
	json_t *v;
	size_t i = 0;

	json_object_foreach((json_t *)(uintptr_t)counts, name, v)
		most = json_integer_value(v) > most ? json_integer_value(v) : most;
	if (!json_object_size(counts)) {
		html(b, "<p class=\"none\">None yet.</p>");
		return;
	}
	html(b, "<figure><svg role=\"img\" aria-label=\"%s\" viewBox=\"0 0 %.0f %zu\">", label,
	     WIDTH, json_object_size(counts) * 26);
	json_object_foreach((json_t *)(uintptr_t)counts, name, v) {
		const long long n = json_integer_value(v);

		html(b,
		     "<text class=\"strong\" x=\"0\" y=\"%zu\">%s</text>"
		     "<rect class=\"%s\" x=\"150\" y=\"%zu\" width=\"%.1f\" height=\"16\" "
		     "rx=\"2\"/>"
		     "<text x=\"%.1f\" y=\"%zu\">%lld</text>",
		     i * 26 + 17, name, class, i * 26 + 4, 680.0 * (double)n / (double)most,
		     158 + 680.0 * (double)n / (double)most, i * 26 + 17, n);
		i++;
	}
	html(b, "</svg></figure>\n");
}

static void outcomes(const struct html_stats *in, struct buf *b)
{
	const json_t *all = all_of(in);

	html(b, "<p>How sickbay's own work on %lld cases ended.</p>", number(all, "cases"));
	bar_rows(json_object_get(all, "outcomes"), "Outcomes", "f1", b);
	html(b, "<h3>What people decided</h3>");
	bar_rows(json_object_get(all, "decisions"), "Decisions", "f4", b);
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
	     "<tr><th scope=\"row\" class=\"u\">%s</th><td class=\"n\">%lld</td><td class=\"n\">",
	     name, number(fig, "cases"));
	share(fig, b);
	html(b, "</td><td class=\"n\">");
	wait(fig, b);
	html(b, "</td><td class=\"n\">%.2f</td><td class=\"n\">%lld</td><td class=\"n\">",
	     (double)number(fig, "usd_micro") / 1e6, number(fig, "tokens"));
	html_span(b, (double)number(fig, "cpu_us"));
	html(b, "</td></tr>\n");
}

static void precision(const struct html_stats *in, struct buf *b)
{
	const char *kind, *name;
	json_t *groups, *fig;

	html(b,
	     "<p>Precision is the share of judged proposals that a person merged and that were "
	     "neither reverted nor followed by the same failure.</p>"
	     "<div class=\"wide\" tabindex=\"0\"><table><thead><tr><th></th><th class=\"n\">cases"
	     "</th><th class=\"n\">right</th><th class=\"n\">to a decision</th><th class=\"n\">US$"
	     "</th><th class=\"n\">tokens</th><th class=\"n\">processor</th></tr></thead><tbody>");
	figure_row("All", all_of(in), b);
	json_object_foreach(json_object_get(in->stats, "by"), kind, groups) {
		if (!json_object_size(groups))
			continue;
		html(b, "<tr><td colspan=\"7\" class=\"soft\">by %s</td></tr>", kind);
		json_object_foreach(groups, name, fig)
			figure_row(name, fig, b);
	}
	html(b, "</tbody></table></div>\n");
}

/* ---- time to a proposal ---- */

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void dots(const double *v, size_t n, struct buf *b)
{
	const double most = v[n - 1] > 0 ? v[n - 1] : 1;

	html(b,
	     "<figure><svg role=\"img\" aria-label=\"Time to a proposal, one dot a case\" "
	     "viewBox=\"0 0 %.0f 70\"><line class=\"axis\" x1=\"10\" x2=\"890\" y1=\"40\" "
	     "y2=\"40\"/>",
	     WIDTH);
	for (size_t i = 0; i < n && i < FILES; i++)
		html(b, "<circle class=\"f1\" opacity=\"0.6\" cx=\"%.1f\" cy=\"40\" r=\"6\"/>",
		     10 + 880 * v[i] / most);
	html(b,
	     "<line class=\"cap\" x1=\"%.1f\" x2=\"%.1f\" y1=\"18\" y2=\"56\"/>"
	     "<text class=\"strong\" x=\"%.1f\" y=\"14\" text-anchor=\"%s\">median ",
	     10 + 880 * v[n / 2] / most, 10 + 880 * v[n / 2] / most, 10 + 880 * v[n / 2] / most,
	     v[n / 2] < most / 2 ? "start" : "end");
	html_span(b, v[n / 2] * 1e6);
	html(b, "</text><text x=\"10\" y=\"66\">0 s</text><text x=\"890\" y=\"66\" "
		"text-anchor=\"end\">");
	html_span(b, most * 1e6);
	html(b,
	     "</text></svg><figcaption>From the begin of a case until its proposal, one dot a "
	     "case: %zu.</figcaption></figure>\n",
	     n);
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
		dots(v, n, b);
	}
	free(v);
}

/* ---- drift ---- */

/* {MODULE: {PATH: [times, added, removed]}} of the ledger of changes. */
static json_t *touched(const json_t *drift)
{
	json_t *map = json_object();
	const json_t *line, *v;
	size_t i, k;

	json_array_foreach(drift, i, line) {
		json_array_foreach(json_object_get(line, "paths"), k, v) {
			AUTO_BUF struct buf key = BUF_INIT(8192);
			json_t *module, *row;

			buf_printf(&key, "%s: %s", pr_str(line, "service"),
				   strcmp(pr_str(v, "module"), ".") == 0 ? "top folder"
									 : pr_str(v, "module"));
			if (!map || key.failed)
				continue;
			module = json_object_get(map, key.p);
			if (!module && json_object_size(map) < MODULES) {
				module = json_object();
				(void)json_object_set_new(map, key.p, module);
			}
			row = json_object_get(module, pr_str(v, "path"));
			(void)json_object_set_new(
				module, pr_str(v, "path"),
				json_pack(
					"[I,I,I]", json_integer_value(json_array_get(row, 0)) + 1,
					json_integer_value(json_array_get(row, 1)) +
						json_integer_value(json_object_get(v, "added")),
					json_integer_value(json_array_get(row, 2)) +
						json_integer_value(json_object_get(v, "removed"))));
		}
	}
	return map;
}

static int heat(long long times)
{
	return times >= 4 ? 4 : (int)times;
}

/* One square a file, in the row of its module; the darker, the more often. */
static void map_of(const json_t *map, struct buf *b)
{
	const char *module, *path;
	json_t *files, *row;
	size_t y = 0;

	html(b,
	     "<figure><svg role=\"img\" aria-label=\"Where agents changed the code, one square a "
	     "file\" viewBox=\"0 0 %.0f %zu\">",
	     WIDTH, json_object_size(map) * 28 + 4);
	json_object_foreach((json_t *)(uintptr_t)map, module, files) {
		size_t x = 0;

		html(b, "<text class=\"strong\" x=\"0\" y=\"%zu\">%.*s</text>", y * 28 + 18, 34,
		     module);
		json_object_foreach(files, path, row) {
			const long long n = json_integer_value(json_array_get(row, 0));

			if (x == 25)
				break;
			html(b,
			     "<rect class=\"h%d\" x=\"%zu\" y=\"%zu\" width=\"22\" height=\"22\" "
			     "rx=\"2\"><title>%s: %lld changes, +%lld -%lld lines</title></rect>",
			     heat(n), 250 + x * 26, y * 28 + 2, path, n,
			     (long long)json_integer_value(json_array_get(row, 1)),
			     (long long)json_integer_value(json_array_get(row, 2)));
			x++;
		}
		y++;
	}
	html(b, "</svg><figcaption>One square a file that a proposal changed, in the row of its "
		"service and module; the fuller, the more often (once, twice, three times, more)."
		"</figcaption></figure>\n");
}

static void drift(const struct html_stats *in, struct buf *b)
{
	AUTO_JSON json_t *map = touched(in->drift);
	const char *module, *path;
	json_t *files, *row;

	if (!json_object_size(map)) {
		html(b, "<p class=\"none\">No proposal changed any code.</p>");
		return;
	}
	map_of(map, b);
	html(b, "<details><summary>The files</summary><div class=\"wide\" tabindex=\"0\"><table>"
		"<thead><tr><th>service and module</th><th>file</th><th class=\"n\">changes</th>"
		"<th class=\"n\">lines added</th><th class=\"n\">removed</th></tr></thead><tbody>");
	json_object_foreach(map, module, files)
		json_object_foreach(files, path, row)
			html(b,
			     "<tr><td class=\"u\">%s</td><td class=\"mono u\">%s</td><td "
			     "class=\"n\">%lld"
			     "</td><td class=\"n\">%lld</td><td class=\"n\">%lld</td></tr>",
			     module, path, (long long)json_integer_value(json_array_get(row, 0)),
			     (long long)json_integer_value(json_array_get(row, 1)),
			     (long long)json_integer_value(json_array_get(row, 2)));
	html(b, "</tbody></table></div></details>\n");
}

/* ---- exposure ---- */

/* The outermost document that speaks of it decides what is asked for. */
static const json_t *said(const json_t *documents, const char *part, const char *key)
{
	const json_t *d;
	size_t i;

	json_array_foreach(documents, i, d) {
		const json_t *v = *part ? json_object_get(json_object_get(d, part), key)
					: json_object_get(d, key);

		if (v)
			return v;
	}
	return NULL;
}

static void words(const json_t *v, struct buf *b)
{
	const json_t *one;
	size_t i;

	if (json_is_array(v)) {
		json_array_foreach(v, i, one) {
			const char *s =
				json_is_string(one) ? json_string_value(one) : pr_str(one, "path");

			html(b, "%s<code>%s</code>", i ? " " : "", s);
		}
	} else if (json_is_string(v)) {
		html(b, "%s", json_string_value(v));
	} else if (json_is_boolean(v)) {
		html(b, "%s", json_is_true(v) ? "yes" : "no");
	} else if (json_is_integer(v)) {
		html(b, "%lld", (long long)json_integer_value(v));
	} else {
		html(b, "<span class=\"none\">nothing</span>");
	}
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

static void exposure(const struct html_stats *in, struct buf *b)
{
	static const struct {
		const char *title, *part, *key;
	} rows[] = {
		{ "code that may change", "code", "allow" },
		{ "only after a person agrees", "code", "needs_scope" },
		{ "places that can be written", "filesystem", "write" },
		{ "places that can be read", "filesystem", "read" },
		{ "what can be run", "filesystem", "exec" },
		{ "commands not named", "", "commands_default" },
		{ "network", "network", "default" },
		{ "backing services", "network", "backing" },
		{ "models", "model", "models" },
		{ "money for models, US$", "model", "max_cost_usd" },
		{ "memory", "resources", "memory" },
		{ "time", "resources", "wall" },
	};
	const char *digest;
	json_t *documents;

	if (!json_object_size(in->policies))
		html(b, "<p class=\"none\">No case kept a policy.</p>");
	json_object_foreach((json_t *)(uintptr_t)in->policies, digest, documents) {
		html(b, "<h3 class=\"u\">%s <code class=\"soft\">%.*s</code></h3><table><tbody>",
		     pr_str(json_array_get(documents, 0), "name"), 26, digest);
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			const json_t *v = said(documents, rows[i].part, rows[i].key);

			if (!v)
				continue;
			html(b, "<tr><th scope=\"row\">%s</th><td class=\"u\">", rows[i].title);
			words(v, b);
			html(b, "</td></tr>");
		}
		html(b,
		     "<tr><th scope=\"row\">rules that deny</th><td>%zu, in %zu documents</td></tr>"
		     "</tbody></table>\n",
		     denials(documents), json_array_size(documents));
	}
}

/* ---- the page ---- */

static void head(const struct html_stats *in, struct buf *b)
{
	const json_t *all = all_of(in);

	html(b,
	     "<header>\n<p class=\"kicker\">sickbay &middot; figures</p>\n<h1>%s</h1>\n"
	     "<dl class=\"facts\"><div><dt>Cases</dt><dd>%lld</dd></div>"
	     "<div><dt>Right, of those judged</dt><dd>",
	     in->title, number(all, "cases"));
	share(all, b);
	html(b, "</dd></div><div><dt>To a decision (median)</dt><dd>");
	wait(all, b);
	html(b, "</dd></div><div><dt>Spent</dt><dd>US$%.2f, ",
	     (double)number(all, "usd_micro") / 1e6);
	html_span(b, (double)number(all, "cpu_us"));
	html(b, " processor</dd></div></dl>\n</header>\n");
}

static void cases(const struct html_stats *in, struct buf *b)
{
	const json_t *v;
	size_t i;

	html(b, "<div class=\"wide\" tabindex=\"0\"><table><thead><tr><th>case</th><th>begun</th>"
		"<th>outcome</th><th "
		"class=\"w\">decision</th><th>by</th><th>reason</th></tr></thead><tbody>");
	json_array_foreach(in->facts, i, v) {
		if (i == FILES)
			break;
		html(b, "<tr><td class=\"mono w\">%s</td><td class=\"w\">", pr_str(v, "case"));
		html_date(b, pr_str(v, "created"));
		html(b,
		     "</td><td class=\"w\">%s</td><td class=\"w\">%s</td><td class=\"u w\">%s</td>"
		     "<td class=\"u soft\">%s</td></tr>",
		     pr_str(v, "outcome"), pr_str(v, "decision"), pr_str(v, "patch_by"),
		     pr_str(v, "reason"));
	}
	html(b, "</tbody></table></div>\n");
}

static const struct html_part parts[] = {
	{ "outcomes", "Outcomes" },
	{ "precision", "Precision and cost" },
	{ "times", "Time to a proposal" },
	{ "drift", "Where agents changed code" },
	{ "exposure", "What policies leave reachable" },
	{ "cases", "The cases" },
};
static part_fn *const fns[] = { outcomes, precision, times, drift, exposure, cases };

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
