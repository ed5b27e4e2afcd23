/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/host/case/candidates.h"
#include "agent/host/case/case.h"
#include "agent/host/pr/html.h"
#include "agent/host/pr/pr.h"

/* `case show ID --html`: a case on one page, for who has to answer for it. */
typedef void part_fn(const struct html_case *in, struct buf *b);

static const json_t *incident_of(const struct html_case *in)
{
	return json_object_get(in->record[STAGE_INCIDENT], "incident");
}

static long long number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const char *class_of(const char *outcome)
{
	if (strcmp(outcome, outcome_name(OUTCOME_PROPOSED)) == 0 ||
	    strcmp(outcome, outcome_name(OUTCOME_ALREADY_FIXED)) == 0)
		return "good";
	if (!*outcome || strcmp(outcome, outcome_name(OUTCOME_NO_FIX)) == 0 ||
	    strcmp(outcome, outcome_name(OUTCOME_NOT_REPRODUCED)) == 0)
		return "bad";
	return "warn";
}

static void fact(struct buf *b, const char *name, const char *value)
{
	if (value && *value)
		html(b, "<div><dt>%s</dt><dd class=\"u\">%s</dd></div>", name, value);
}

static void fact_code(struct buf *b, const char *name, const char *value)
{
	if (value && *value)
		html(b, "<dt>%s</dt><dd><code>%s</code></dd>", name, value);
}

static void fact_date(struct buf *b, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	html(b, "<div><dt>%s</dt><dd>", name);
	html_date(b, value);
	html(b, "</dd></div>");
}

static bool is_accepted(const struct html_case *in)
{
	return strcmp(pr_str(in->record[STAGE_PROOF], "verdict"), "accepted") == 0;
}

/* ---- the head ---- */

static void facts(const struct html_case *in, struct buf *b)
{
	const json_t *i = incident_of(in), *spent = json_object_get(in->facts, "spent");
	const json_t *risk = json_object_get(in->record[STAGE_PROOF], "risk");

	html(b, "<dl class=\"facts\">");
	fact(b, "Service", pr_str(in->facts, "service"));
	fact_date(b, "Reported", pr_str(i, "first_seen"));
	fact_date(b, "Begun", pr_str(in->facts, "created"));
	fact_date(b, "Ended", pr_str(in->facts, "ended"));
	fact(b, "Test by", pr_str(in->facts, "test_by"));
	fact(b, "Patch by", pr_str(in->facts, "patch_by"));
	if (is_accepted(in))
		fact(b, "Risk", pr_str(risk, "level"));
	fact(b, "Decided", pr_str(in->facts, "decision"));
	html(b, "<div><dt>Spent</dt><dd>");
	html_span(b, (double)number(spent, "wall_us"));
	html(b, " wall, ");
	html_span(b, (double)number(spent, "cpu_us"));
	html(b, " processor, %lld replicas, US$%s</dd></div></dl>\n", number(spent, "replicas"),
	     *pr_str(spent, "usd") ? pr_str(spent, "usd") : "0.00");
}

static void ids(const struct html_case *in, struct buf *b)
{
	const json_t *i = incident_of(in);

	html(b, "<dl class=\"rec ids\">");
	fact_code(b, "Base commit", pr_str(in->record[STAGE_REPLICA], "base"));
	fact(b, "which is known", pr_str(in->record[STAGE_REPLICA], "commit_known"));
	fact_code(b, "Commit of the fix",
		  pr_str(json_object_get(in->record[STAGE_PULLREQ], "measured"), "commit"));
	fact_code(b, "Fingerprint", pr_str(i, "fingerprint"));
	html(b, "</dl>\n");
}

static void head(const struct html_case *in, struct buf *b)
{
	const char *outcome = pr_str(in->facts, "outcome");
	const json_t *c = json_object_get(incident_of(in), "coordinate");

	html(b, "<header>\n<p class=\"kicker\">sickbay &middot; case</p>\n<h1>%s</h1>\n", in->id);
	html(b, "<p class=\"lede\"><span class=\"badge %s\">%s</span>", class_of(outcome),
	     *outcome ? outcome : "not ended");
	html(b, "<span class=\"u\">%s</span></p>\n", pr_str(in->facts, "reason"));
	if (c)
		html(b,
		     "<p class=\"lede\">Production reported <code>%s</code> at "
		     "<code>%s:%lld</code> "
		     "in <code>%s</code>.</p>\n",
		     pr_str(c, "type"), pr_str(c, "file"), number(c, "line"),
		     pr_str(c, "function"));
	facts(in, b);
	ids(in, b);
	html(b, "</header>\n");
}

/* ---- coordinates ---- */

static void chain(const json_t *exceptions, struct buf *b)
{
	const json_t *x, *f;
	size_t i, k;

	json_array_foreach(exceptions, i, x) {
		html(b,
		     "<p class=\"u\"><code>%s</code>: %s</p><div class=\"wide\" tabindex=\"0\">"
		     "<table><thead><tr><th>frame</th><th>file</th><th class=\"n\">line</th><th>"
		     "</th></tr></thead><tbody>",
		     pr_str(x, "type"), pr_str(x, "message"));
		json_array_foreach(json_object_get(x, "frames"), k, f) {
			if (k == 60) {
				html(b, "<tr><td colspan=\"4\">and %zu more</td></tr>",
				     json_array_size(json_object_get(x, "frames")) - k);
				break;
			}
			html(b,
			     "<tr><td class=\"mono u\">%s</td><td class=\"mono u\">%s</td>"
			     "<td class=\"n\">%lld</td><td class=\"soft\">%s</td></tr>",
			     pr_str(f, "function"), pr_str(f, "file"), number(f, "line"),
			     json_is_true(json_object_get(f, "in_app")) ? "own code" : "");
		}
		html(b, "</tbody></table></div>");
	}
}

static void losses(const json_t *loss, struct buf *b)
{
	const json_t *v;
	size_t i;

	if (!json_array_size(loss))
		return;
	html(b, "<h3>What the report does not have</h3><ul>");
	json_array_foreach(loss, i, v)
		html(b, "<li><code>%s</code> %s</li>", pr_str(v, "at"), pr_str(v, "why"));
	html(b, "</ul>");
}

static void seen_rows(const json_t *match, struct buf *b)
{
	const json_t *isolate = json_object_get(match, "isolate");
	const char *grade;
	const json_t *v;
	json_t *n;
	size_t i;

	json_array_foreach(json_object_get(isolate, "seen"), i, v)
		html(b,
		     "<tr><th scope=\"row\">Seen in fresh replicas</th>"
		     "<td class=\"mono u\">%s</td></tr>",
		     json_string_value(v));
	html(b, "<tr><th scope=\"row\">How they compare</th><td><b class=\"%s\">%s</b>",
	     strcmp(pr_str(match, "match"), "exact") == 0 ? "good" : "warn",
	     *pr_str(match, "match") ? pr_str(match, "match") : "not compared");
	json_object_foreach(json_object_get(isolate, "match"), grade, n)
		html(b, ", %s in %lld of %lld runs", grade, (long long)json_integer_value(n),
		     number(isolate, "runs"));
	html(b, "</td></tr>");
}

static void coordinates(const struct html_case *in, struct buf *b)
{
	const json_t *i = incident_of(in), *c = json_object_get(i, "coordinate");
	const json_t *match = in->record[STAGE_MATCH];
	const json_t *triage = json_object_get(in->record[STAGE_INCIDENT], "triage");

	html(b,
	     "<table><tbody><tr><th scope=\"row\">Reported</th><td class=\"mono u\">%s at "
	     "%s:%lld %s</td></tr>",
	     pr_str(c, "type"), pr_str(c, "file"), number(c, "line"), pr_str(c, "function"));
	html(b, "<tr><th scope=\"row\">Chosen as</th><td>%s</td></tr>", pr_str(c, "rule"));
	if (match)
		seen_rows(match, b);
	if (triage)
		html(b,
		     "<tr><th scope=\"row\">Triage</th><td class=\"u\">%s, by rule %s: %s"
		     "</td></tr>",
		     pr_str(triage, "class"), pr_str(triage, "rule"), pr_str(triage, "reason"));
	html(b, "</tbody></table>");
	if (json_array_size(json_object_get(i, "chain"))) {
		html(b, "<details><summary>The frames that were reported</summary>");
		chain(json_object_get(i, "chain"), b);
		html(b, "</details>");
	}
	losses(json_object_get(i, "loss"), b);
}

/* ---- the change ---- */

static void change(const struct html_case *in, struct buf *b)
{
	const json_t *p = candidate_chosen(in->record[STAGE_PATCH], in->record[STAGE_PROOF]);
	const bool model = candidate_by_model(json_object_get(p, "agent"));

	if (p && !is_accepted(in))
		html(b, "<p><b class=\"bad\">It was not proposed.</b> What an agent submitted "
			"last:</p>");
	if (p && *pr_str(p, "cause"))
		html(b, "<p class=\"u\">%s%s</p>", model ? "A model wrote: " : "",
		     pr_str(p, "cause"));
	if (p && *pr_str(p, "change"))
		html(b, "<p class=\"u\">%s%s</p>", model ? "And of its change: " : "",
		     pr_str(p, "change"));
	if (in->patch && in->patch->n)
		html_diff(b, in->patch);
	else
		html(b, "<p class=\"none\">There is no change of the code.</p>");
	if (in->test && in->test->n) {
		html(b, "<h3>The new test</h3>");
		html_diff(b, in->test);
	}
}

/* ---- the proof ---- */

static void one_step(const json_t *row, struct buf *b)
{
	const bool holds = json_is_true(json_object_get(row, "holds"));
	const json_t *detail = json_object_get(row, "detail");
	const json_t *measured = json_object_get(row, "measured");

	html(b,
	     "<li><details%s><summary><span class=\"mark %s\" aria-hidden=\"true\">%s</span>"
	     "<span class=\"num\">%lld</span><span class=\"what\">%s</span>"
	     "<span class=\"side\">%s %.*s</span><span class=\"says u\"><b class=\"%s\">%s.</b> %s"
	     "</span></summary><div class=\"in\">",
	     holds ? "" : " open", holds ? "good" : "bad", holds ? "\xe2\x9c\x93" : "\xe2\x9c\x97",
	     number(row, "step"), pr_str(row, "name"), pr_str(row, "side"), 12,
	     pr_str(row, "commit"), holds ? "good" : "bad", holds ? "Holds" : "Does not hold",
	     pr_str(row, "says"));
	html(b, "<dl class=\"rec\"><dt>commit</dt><dd><code>%s</code></dd><dt>took</dt><dd>",
	     pr_str(row, "commit"));
	html_span(b, (double)number(measured, "wall_us"));
	html(b, "</dd></dl>");
	if (json_object_size(detail))
		html_value(b, detail, 0);
	html(b, "</div></details></li>\n");
}

static void proof(const struct html_case *in, struct buf *b)
{
	const json_t *p = in->record[STAGE_PROOF];
	const json_t *rows = json_object_get(p, "steps"), *v;
	const json_t *reasons = json_object_get(json_object_get(p, "risk"), "reasons");
	size_t i;

	if (!json_array_size(rows)) {
		html(b, "<p class=\"none\">Nothing came as far as a proof.</p>");
		return;
	}
	html(b,
	     "<p>Each step was run by the host in fresh replicas in which no agent ever was. "
	     "Verdict: <b class=\"%s\">%s</b>.</p><ol class=\"steps\">",
	     is_accepted(in) ? "good" : "bad", pr_str(p, "verdict"));
	for (int step = 1; step <= 8; step++)
		json_array_foreach(rows, i, v)
			if (number(v, "step") == step)
				one_step(v, b);
	html(b, "</ol>");
	if (is_accepted(in) && json_array_size(reasons)) {
		html(b, "<h3>Risk: %s</h3><ul>", pr_str(json_object_get(p, "risk"), "level"));
		json_array_foreach(reasons, i, v)
			html(b, "<li class=\"u\">%s</li>", json_string_value(v));
		html(b, "</ul>");
	}
}

/* ---- refusals ---- */

static size_t refusal_rows(const char *who, const json_t *record, struct buf *b)
{
	AUTO_JSON json_t *list = candidate_refusals(record);
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		html(b,
		     "<tr><td>%s</td><td class=\"mono u\">%s</td><td class=\"u\">%s</td>"
		     "<td class=\"mono u\">%s<br>%s</td><td>%s</td></tr>",
		     who, pr_str(v, "path"), pr_str(v, "reason"), pr_str(v, "rule"),
		     pr_str(v, "place"), pr_str(v, "decision"));
	return json_array_size(list);
}

static size_t proof_refusals(const json_t *record, struct buf *b)
{
	const json_t *v;
	size_t i, n = 0;

	json_array_foreach(json_object_get(record, "steps"), i, v) {
		if (json_is_true(json_object_get(v, "holds")))
			continue;
		html(b,
		     "<tr><td>proof step %lld</td><td></td><td class=\"u\">%s</td>"
		     "<td>%s</td><td>refused</td></tr>",
		     number(v, "step"), pr_str(v, "says"), pr_str(v, "name"));
		n++;
	}
	return n;
}

static void refusals(const struct html_case *in, struct buf *b)
{
	static const char *const roles[] = { "reproduce", "patch", "verify" };
	const json_t *policies = json_object_get(in->record[STAGE_REPLICA], "policies");
	AUTO_BUF struct buf rows = BUF_INIT(4u << 20);
	size_t n = refusal_rows("agent of the test", in->record[STAGE_MATCH], &rows);

	n += refusal_rows("agent of the patch", in->record[STAGE_PATCH], &rows);
	n += proof_refusals(in->record[STAGE_PROOF], &rows);
	if (n) {
		html(b, "<div class=\"wide\" tabindex=\"0\"><table><thead><tr><th>asked by</th>"
			"<th>about</th><th>why it was refused</th><th>line of the policy</th>"
			"<th></th></tr></thead><tbody>");
		buf_put(b, rows.p, rows.n);
		html(b, "</tbody></table></div>");
	} else {
		html(b, "<p>Nothing was refused.</p>");
	}
	html(b, "<h3>Policies</h3><dl class=\"rec\">");
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		const json_t *p = json_object_get(policies, roles[i]);

		if (p)
			html(b, "<dt>%s</dt><dd><b>%s</b> <code>%s</code></dd>", roles[i],
			     pr_str(p, "name"), pr_str(p, "digest"));
	}
	html(b, "</dl>");
}

/* ---- the page ---- */

static const struct html_part parts[] = {
	{ "timeline", "Timeline" },	{ "coordinates", "Reported and seen" },
	{ "change", "The change" },	{ "proof", "Proof" },
	{ "candidates", "Candidates" }, { "budget", "Budget over time" },
	{ "refusals", "Refusals" },	{ "log", "The log" },
};
static part_fn *const fns[] = { html_timeline,	 coordinates, change,	proof,
				html_candidates, html_budget, refusals, html_log };

int html_case(const struct html_case *in, struct buf *out, struct err *e)
{
	AUTO_BUF struct buf title = BUF_INIT(512);

	buf_printf(&title, "case %s", in->id);
	if (buf_check(&title, "page", e) < 0)
		return -e->code;
	html_begin(out, title.p);
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
