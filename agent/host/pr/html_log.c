/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/host/case/case.h"
#include "agent/host/pr/html_plot.h"
#include "agent/host/pr/pr.h"

/* The case's part of the log: the checkpoint that its proposal names, the digests of its records,
 * and the entries themselves, from both ends where there are very many. */
#define ROWS   3000
#define MEMBER 500 /* bytes of one value */

static bool is_frame(const char *key)
{
	static const char *const frame[] = { "v", "seq", "ts", "type", "case", "prev" };

	for (size_t i = 0; i < sizeof(frame) / sizeof(frame[0]); i++)
		if (strcmp(key, frame[i]) == 0)
			return true;
	return false;
}

/* What stands in full elsewhere on the page, and in hundreds of entries. */
static bool is_repeated(const char *key)
{
	return strcmp(key, "policy_sha256") == 0 || strcmp(key, "commit") == 0;
}

static void member(const char *key, const json_t *v, struct buf *b)
{
	html(b, "<span class=\"soft\">%s</span> ", key);
	if (json_is_array(v) || json_is_object(v))
		html(b, "(%zu) ", json_array_size(v) + json_object_size(v));
	else if (is_repeated(key) && json_string_length(v) > 19)
		html(b, "%.*s&hellip;", 19, json_string_value(v));
	else if (json_is_string(v))
		html_cut(b, json_string_value(v), json_string_length(v), MEMBER);
	else
		html_value(b, v);
	html(b, " ");
}

static void row(const json_t *event, struct buf *b)
{
	const char *key;
	json_t *v;

	html(b,
	     "<tr><td class=\"n\">%lld</td><td class=\"mono w\">%.*s</td><td "
	     "class=\"w\">%s</td><td class=\"u\">",
	     (long long)json_integer_value(json_object_get(event, "seq")), 12,
	     strlen(pr_str(event, "ts")) > 11 ? pr_str(event, "ts") + 11 : "", event_type(event));
	json_object_foreach((json_t *)(uintptr_t)event, key, v)
		if (!is_frame(key))
			member(key, v, b);
	html(b, "</td></tr>\n");
}

static void checkpoint(const struct html_case *in, struct buf *b)
{
	const json_t *c = json_object_get(json_object_get(in->record[STAGE_PULLREQ], "measured"),
					  "checkpoint");

	if (in->log)
		html(b, "<p>When this page was made: <b class=\"%s\">%s</b></p>",
		     in->log_holds ? "good" : "bad", in->log);
	if (!c) {
		html(b,
		     "<p class=\"none\">The case made no proposal, so it names no checkpoint.</p>");
		return;
	}
	html(b,
	     "<p>The proposal names this checkpoint: the log had <b>%lld</b> entries then.</p>"
	     "<dl class=\"rec\"><dt>root</dt><dd><code>%s</code></dd></dl>"
	     "<details><summary>The signed note</summary><pre class=\"plain\" "
	     "aria-label=\"The signed note\">%s</pre></details>\n",
	     (long long)json_integer_value(json_object_get(c, "size")), pr_str(c, "root"),
	     pr_str(c, "note"));
}

/* What the log says of each record, in full: what an auditor compares. */
static void records(const struct html_case *in, struct buf *b)
{
	static const char *const columns[] = { "record", "#entry", "published (UTC)",
					       "SHA-256 of the file", NULL };
	const json_t *v;
	size_t i, n = 0;

	html_table(b, "Records of the case, as the log has them", columns);
	json_array_foreach(in->events, i, v) {
		if (!*pr_str(v, "record") || n++ >= HTML_ITEMS)
			continue;
		html(b,
		     "<tr><th scope=\"row\" class=\"w\">%s</th><td class=\"n\">%lld</td><td "
		     "class=\"mono w\">%.*s</td><td class=\"mono\">%s</td></tr>\n",
		     pr_str(v, "record"), (long long)json_integer_value(json_object_get(v, "seq")),
		     12, strlen(pr_str(v, "ts")) > 11 ? pr_str(v, "ts") + 11 : "",
		     pr_str(v, "sha256"));
	}
	html_left_out(b, 4, n > HTML_ITEMS ? n - HTML_ITEMS : 0);
	html_table_end(b);
}

static void entries(const struct html_case *in, struct buf *b)
{
	static const char *const columns[] = { "#no.", "time (UTC)", "what", "of it", NULL };
	const size_t n = json_array_size(in->events), left = in->events_left_out;
	const size_t half = left || n > ROWS ? ROWS / 2 : n;
	const json_t *v;
	size_t i;

	html(b, "<details><summary>%zu entries of this case</summary>", n + left);
	html_table(b, "The log, as far as it is about this case", columns);
	json_array_foreach(in->events, i, v) {
		if (i < half || i + half >= n)
			row(v, b);
		if (i + 1 == half && half < n)
			html(b,
			     "<tr><td colspan=\"4\" class=\"none\">%zu entries are left out here: "
			     "sickbay audit show --case %s</td></tr>\n",
			     left + (n > 2 * half ? n - 2 * half : 0), in->id);
	}
	html_table_end(b);
	html(b, "</details>\n");
}

void html_log(const struct html_case *in, struct buf *b)
{
	checkpoint(in, b);
	if (json_array_size(in->events)) {
		records(in, b);
		entries(in, b);
	}
	html(b,
	     "<h3>Check it yourself</h3><pre class=\"plain\" aria-label=\"Commands\"><code>"
	     "sickbay audit verify\nsickbay audit show --case %s\n"
	     "sickbay case export %s --output case.tar\nsickbay case verify case.tar</code></pre>",
	     in->id, in->id);
}
