/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/host/case/case.h"
#include "agent/host/pr/html.h"
#include "agent/host/pr/pr.h"

/* The case's part of the log, with the checkpoint that its proposal names. */
#define ROWS 3000

static bool is_frame(const char *key)
{
	static const char *const frame[] = { "v", "seq", "ts", "type", "case", "prev" };

	for (size_t i = 0; i < sizeof(frame) / sizeof(frame[0]); i++)
		if (strcmp(key, frame[i]) == 0)
			return true;
	return false;
}

static void row(const json_t *event, struct buf *b)
{
	const char *key;
	json_t *v;

	html(b,
	     "<tr><td class=\"n\">%lld</td><td class=\"mono w\">%.*s</td><td "
	     "class=\"w\">%s</td><td class=\"u\">",
	     (long long)json_integer_value(json_object_get(event, "seq")), 12,
	     strlen(pr_str(event, "ts")) > 11 ? pr_str(event, "ts") + 11 : "",
	     pr_str(event, "type"));
	json_object_foreach((json_t *)(uintptr_t)event, key, v) {
		if (is_frame(key))
			continue;
		html(b, "<span class=\"soft\">%s</span> ", key);
		if (json_is_array(v) || json_is_object(v))
			html(b, "(%zu) ", json_array_size(v) + json_object_size(v));
		else
			html_value(b, v, 0);
		html(b, " ");
	}
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
	     "tabindex=\"0\">%s</pre>"
	     "</details>\n",
	     (long long)json_integer_value(json_object_get(c, "size")), pr_str(c, "root"),
	     pr_str(c, "note"));
}

static void rows(const struct html_case *in, struct buf *b)
{
	const json_t *v;
	size_t i;

	html(b,
	     "<details><summary>%zu entries of this case</summary><div class=\"wide\" "
	     "tabindex=\"0\"><table class=\"log\"><thead><tr><th class=\"n\">no.</th><th>time "
	     "(UTC)</th><th>what"
	     "</th><th>of it</th></tr></thead><tbody>\n",
	     json_array_size(in->events) + in->events_left_out);
	json_array_foreach(in->events, i, v) {
		if (i == ROWS)
			break;
		row(v, b);
	}
	html(b, "</tbody></table></div></details>\n");
	if (json_array_size(in->events) > ROWS || in->events_left_out)
		html(b, "<p class=\"soft\">%zu entries are not on this page.</p>",
		     (json_array_size(in->events) > ROWS ? json_array_size(in->events) - ROWS : 0) +
			     in->events_left_out);
}

void html_log(const struct html_case *in, struct buf *b)
{
	checkpoint(in, b);
	rows(in, b);
	html(b,
	     "<h3>Check it yourself</h3><pre class=\"plain\" tabindex=\"0\"><code>"
	     "sickbay audit verify\nsickbay audit show --case %s\n"
	     "sickbay case export %s --output case.tar\nsickbay case verify case.tar</code></pre>",
	     in->id, in->id);
}
