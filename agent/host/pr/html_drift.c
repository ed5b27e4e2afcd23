/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/pr/html_stats.h"
#include "agent/host/pr/pr.h"

/* Where agents changed the code, by the ledger of their changes: a row a module, a square a file.
 */
#define MODULES 30
#define SQUARES 18
#define FILES	1000
#define LABEL	34 /* bytes of a module's name that have room */
#define LEFT	250.0

static long long at(const json_t *row, size_t i)
{
	return json_integer_value(json_array_get(row, i));
}

/* {MODULE: {PATH: [times, added, removed]}} */
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
			if (!module && json_object_set_new(map, key.p, module = json_object()) < 0)
				continue;
			row = json_object_get(module, pr_str(v, "path"));
			(void)json_object_set_new(
				module, pr_str(v, "path"),
				json_pack("[I,I,I]", at(row, 0) + 1,
					  at(row, 1) +
						  json_integer_value(json_object_get(v, "added")),
					  at(row, 2) + json_integer_value(
							       json_object_get(v, "removed"))));
		}
	}
	return map;
}

static double times_of(const json_t *row)
{
	return (double)at(row, 0);
}

static double times_in(const json_t *files)
{
	const char *path;
	json_t *row;
	double n = 0;

	json_object_foreach((json_t *)(uintptr_t)files, path, row)
		n += times_of(row);
	return n;
}

static int heat(double times)
{
	return times >= 4 ? 4 : (int)times;
}

static void squares(const struct ranked *module, double y, struct buf *b)
{
	struct ranked *files;
	size_t n, shown;

	files = rank_members(module->v, times_of, &n);
	shown = n < SQUARES ? n : SQUARES;
	for (size_t i = 0; i < shown; i++)
		html(b,
		     "<rect class=\"h%d\" x=\"%.0f\" y=\"%.0f\" width=\"22\" height=\"22\" "
		     "rx=\"2\">"
		     "<title>%s: %.0f changes, +%lld -%lld lines</title></rect>",
		     heat(files[i].by), LEFT + 26 * (double)i, y, files[i].name, files[i].by,
		     at(files[i].v, 1), at(files[i].v, 2));
	html(b, "<text x=\"%.0f\" y=\"%.0f\">", LEFT + 26 * (double)shown + 6, y + 16);
	if (n > shown)
		html(b, "and %zu more files, ", n - shown);
	html(b, module->by == 1 ? "%.0f change</text>" : "%.0f changes</text>", module->by);
	free(files);
}

static void map_of(const struct ranked *v, size_t n, struct buf *b)
{
	const size_t rows = n < MODULES ? n : MODULES;

	html_drawing(b, "Where agents changed the code, one square a file", STATS_WIDTH,
		     (double)rows * 28 + 4);
	for (size_t i = 0; i < rows; i++) {
		const double y = 28 * (double)i;

		html(b, "<text class=\"strong\" x=\"0\" y=\"%.0f\"><title>%s</title>%.*s%s</text>",
		     y + 18, v[i].name, LABEL, v[i].name,
		     strlen(v[i].name) > LABEL ? "\xe2\x80\xa6" : "");
		squares(&v[i], y + 2, b);
	}
	html_drawing_end(b, "One square a file that a proposal changed, in the row of its service "
			    "and module; those changed most stand first.");
}

static void legend(struct buf *b)
{
	static const char *const words[] = { "once", "twice", "three times", "four times or more" };

	html(b, "<ul class=\"legend\">");
	for (int i = 0; i < 4; i++)
		html(b,
		     "<li><svg aria-hidden=\"true\" viewBox=\"0 0 14 14\"><rect class=\"h%d\" "
		     "x=\"1\" y=\"1\" width=\"12\" height=\"12\" rx=\"2\"/></svg>%s</li>",
		     i + 1, words[i]);
	html(b, "</ul>\n");
}

static void table(const struct ranked *v, size_t n, struct buf *b)
{
	static const char *const columns[] = { "service and module", "file",	 "#changes",
					       "#lines added",	     "#removed", NULL };
	size_t shown = 0, all = 0;

	html(b, "<details><summary>The files</summary>");
	html_table(b, "Files that proposals changed", columns);
	for (size_t i = 0; i < n; i++) {
		struct ranked *files;
		size_t m;

		files = rank_members(v[i].v, times_of, &m);
		all += m;
		for (size_t k = 0; k < m && shown < FILES; k++, shown++)
			html(b,
			     "<tr><td class=\"u\">%s</td><td class=\"mono u\">%s</td><td "
			     "class=\"n\">%.0f</td><td class=\"n\">%lld</td><td "
			     "class=\"n\">%lld</td></tr>\n",
			     v[i].name, files[k].name, files[k].by, at(files[k].v, 1),
			     at(files[k].v, 2));
		free(files);
	}
	html_left_out(b, 5, all - shown);
	html_table_end(b);
	html(b, "</details>\n");
}

void html_drift(const struct html_stats *in, struct buf *b)
{
	AUTO_JSON json_t *map = touched(in->drift);
	struct ranked *v;
	size_t n;

	v = rank_members(map, times_in, &n);
	if (n == 0) {
		html(b, "<p class=\"none\">No proposal changed any code.</p>");
	} else {
		legend(b);
		map_of(v, n, b);
		if (n > MODULES)
			html(b, "<p class=\"none\">%zu more modules stand in the table.</p>",
			     n - MODULES);
		table(v, n, b);
	}
	if (in->drift_left_out)
		html(b, "<p class=\"none\">%zu lines of the ledger were left out.</p>",
		     in->drift_left_out);
	free(v);
}
