/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/host/case/candidates.h"
#include "agent/host/case/case.h"
#include "agent/host/pr/html.h"
#include "agent/host/pr/pr.h"

/* `case show ID --html`: a case on one page, for who has to answer for it. */
#define CHAIN_MOST  20
#define FRAMES_MOST 60
#define SEEN_MOST   50

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

static bool is_accepted(const struct html_case *in)
{
	return strcmp(pr_str(in->record[STAGE_PROOF], "verdict"), "accepted") == 0;
}

static void fact(struct buf *b, const char *name, const char *value)
{
	if (value && *value)
		html(b, "<div><dt>%s</dt><dd class=\"u\">%s</dd></div>", name, value);
}

/* What the report, the proof and the log come to, in a few words each. */
static void reported(const json_t *incident, struct buf *b)
{
	const long long n = number(incident, "count");

	if (!*pr_str(incident, "first_seen"))
		return;
	html(b, "<div><dt>Reported</dt><dd>");
	html_date(b, pr_str(incident, "first_seen"));
	if (n > 1)
		html(b, ", %lld times until ", n);
	if (n > 1)
		html_date(b, pr_str(incident, "last_seen"));
	html(b, "</dd></div>");
}

static void proven(const struct html_case *in, struct buf *b)
{
	const json_t *steps = json_object_get(in->record[STAGE_PROOF], "steps"), *v;
	size_t i, holds = 0;

	if (!json_array_size(steps))
		return;
	json_array_foreach(steps, i, v)
		holds += json_is_true(json_object_get(v, "holds"));
	html(b, "<div><dt>Proof</dt><dd><b class=\"%s\">%s</b>: %zu of %zu steps hold</dd></div>",
	     is_accepted(in) ? "good" : "bad", pr_str(in->record[STAGE_PROOF], "verdict"), holds,
	     json_array_size(steps));
}

static void logged(const struct html_case *in, struct buf *b)
{
	if (in->log)
		html(b, "<div><dt>Audit log</dt><dd><b class=\"%s\">%s</b></dd></div>",
		     in->log_holds ? "good" : "bad", in->log_holds ? "holds" : "does not hold");
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

/* ---- the head ---- */

static void facts(const struct html_case *in, struct buf *b)
{
	const json_t *i = incident_of(in), *spent = json_object_get(in->facts, "spent");
	const json_t *risk = json_object_get(in->record[STAGE_PROOF], "risk");

	html(b, "<dl class=\"facts\">");
	fact(b, "Service", pr_str(in->facts, "service"));
	reported(i, b);
	fact_date(b, "Begun", pr_str(in->facts, "created"));
	fact_date(b, "Ended", pr_str(in->facts, "ended"));
	fact(b, "Test by", pr_str(in->facts, "test_by"));
	fact(b, "Patch by", pr_str(in->facts, "patch_by"));
	proven(in, b);
	if (is_accepted(in))
		fact(b, "Risk", pr_str(risk, "level"));
	fact(b, "Decided", pr_str(in->facts, "decision"));
	logged(in, b);
	html(b, "<div><dt>Spent</dt><dd>");
	html_span(b, (double)number(spent, "wall_us"));
	html(b, " wall, ");
	html_span(b, (double)number(spent, "cpu_us"));
	html(b, " processor, %lld replicas, US$%s</dd></div></dl>\n", number(spent, "replicas"),
	     *pr_str(spent, "usd") ? pr_str(spent, "usd") : "0.00");
}

static void known(struct buf *b, const char *how)
{
	if (*how)
		html(b, "<dt>How it is known</dt><dd class=\"u\">%s</dd>", how);
}

static void ids(const struct html_case *in, struct buf *b)
{
	const json_t *measured = json_object_get(in->record[STAGE_PULLREQ], "measured");
	const json_t *i = incident_of(in);

	html(b, "<dl class=\"rec ids\">");
	fact_code(b, "Pull request", pr_str(json_object_get(measured, "pull_request"), "url"));
	fact_code(b, "Branch", pr_str(in->record[STAGE_PULLREQ], "branch"));
	fact_code(b, "Base commit", pr_str(in->record[STAGE_REPLICA], "base"));
	known(b, pr_str(in->record[STAGE_REPLICA], "commit_known"));
	fact_code(b, "Commit of the fix", pr_str(measured, "commit"));
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

static void frame(const json_t *f, struct buf *b)
{
	const bool own = json_is_true(json_object_get(f, "in_app"));

	html(b,
	     "<tr><td class=\"mono u\">%s</td><td class=\"mono u\">%s</td><td class=\"n\">%lld"
	     "</td><td class=\"soft\">%s</td></tr>",
	     pr_str(f, "function"), pr_str(f, "file"), number(f, "line"),
	     own ? "own code" : "not of the repository");
}

static void chain(const json_t *exceptions, struct buf *b)
{
	static const char *const columns[] = { "function", "file", "#line", "whose", NULL };
	const json_t *x, *f;
	size_t i, k;

	json_array_foreach(exceptions, i, x) {
		const json_t *frames = json_object_get(x, "frames");

		if (i == CHAIN_MOST)
			break;
		html(b, "<p class=\"u\"><code>%s</code>: %s</p>", pr_str(x, "type"),
		     pr_str(x, "message"));
		html_table(b, "Frames, the innermost first", columns);
		json_array_foreach(frames, k, f) {
			if (k == FRAMES_MOST)
				break;
			frame(f, b);
		}
		html_left_out(b, 4, json_array_size(frames) - k);
		html_table_end(b);
	}
	if (json_array_size(exceptions) > CHAIN_MOST)
		html(b, "<p class=\"none\">and %zu more exceptions</p>",
		     json_array_size(exceptions) - CHAIN_MOST);
}

/* Texts as a list, as far as they are shown. */
static void texts(const json_t *list, struct buf *b)
{
	const json_t *v;
	size_t i;

	html(b, "<ul>");
	json_array_foreach(list, i, v) {
		if (i == HTML_ITEMS)
			break;
		html(b, "<li class=\"u\">%s</li>", json_string_value(v));
	}
	html_left_out(b, 0, json_array_size(list) - i);
	html(b, "</ul>");
}

static void losses(const json_t *loss, struct buf *b)
{
	const json_t *v;
	size_t i;

	if (!json_array_size(loss))
		return;
	html(b, "<h3>What the report does not have</h3><ul>");
	json_array_foreach(loss, i, v) {
		if (i == HTML_ITEMS)
			break;
		html(b, "<li class=\"u\"><code>%s</code> %s</li>", pr_str(v, "at"),
		     pr_str(v, "why"));
	}
	html_left_out(b, 0, json_array_size(loss) - i);
	html(b, "</ul>");
}

static void seen_rows(const json_t *match, struct buf *b)
{
	const json_t *isolate = json_object_get(match, "isolate");
	const char *grade;
	const json_t *v;
	json_t *n;
	size_t i;

	json_array_foreach(json_object_get(isolate, "seen"), i, v) {
		if (i == SEEN_MOST)
			break;
		html(b,
		     "<tr><th scope=\"row\">Seen in fresh replicas</th>"
		     "<td class=\"mono u\">%s</td></tr>",
		     json_string_value(v));
	}
	html_left_out(b, 2, json_array_size(json_object_get(isolate, "seen")) - i);
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
	     "<table><caption>The failure, in production and in replicas</caption><tbody><tr>"
	     "<th scope=\"row\">Reported</th><td class=\"mono u\">%s at "
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
		html_diff(b, "The change of the code", in->patch);
	else
		html(b, "<p class=\"none\">There is no change of the code.</p>");
	if (in->test && in->test->n) {
		html(b, "<h3>The new test</h3>");
		html_diff(b, "The new test", in->test);
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
	     "<span class=\"side\">%s %.*s</span><span class=\"more\">evidence</span>"
	     "<span class=\"says u\"><b class=\"%s\">%s.</b> %s"
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
		html_value(b, detail);
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
		html(b, "<h3>Risk: %s</h3>", pr_str(json_object_get(p, "risk"), "level"));
		texts(reasons, b);
	}
}

/* ---- refusals ---- */

static size_t refusal_rows(const char *who, const json_t *record, size_t before, struct buf *b)
{
	AUTO_JSON json_t *list = candidate_refusals(record);
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v) {
		if (before + i >= HTML_ITEMS)
			break;
		html(b,
		     "<tr><td>%s</td><td class=\"mono u\">%s</td><td class=\"u\">%s</td>"
		     "<td class=\"mono u\">%s<br>%s</td><td class=\"w\">%s</td></tr>\n",
		     who, pr_str(v, "path"), pr_str(v, "reason"), pr_str(v, "rule"),
		     pr_str(v, "place"), pr_str(v, "decision"));
	}
	return json_array_size(list);
}

/* At the gate: each with the line of the policy that refused it. */
static size_t gate_refusals(const struct html_case *in, struct buf *b)
{
	static const char *const columns[] = { "asked by",	     "about",
					       "why it was refused", "line of the policy",
					       "decision",	     NULL };
	AUTO_BUF struct buf rows = BUF_INIT(b->max);
	size_t n = refusal_rows("the test's agent", in->record[STAGE_MATCH], 0, &rows);

	n += refusal_rows("the patch's agent", in->record[STAGE_PATCH], n, &rows);
	if (n == 0)
		return 0;
	html_table(b, "Refused to agents at the gate", columns);
	buf_put(b, rows.p, rows.n);
	html_left_out(b, 5, n > HTML_ITEMS ? n - HTML_ITEMS : 0);
	html_table_end(b);
	return n;
}

static size_t proof_refusals(const json_t *record, struct buf *b)
{
	static const char *const columns[] = { "step", "what must hold", "why it was refused",
					       NULL };
	const json_t *steps = json_object_get(record, "steps"), *v;
	size_t i, n = 0;

	json_array_foreach(steps, i, v) {
		if (json_is_true(json_object_get(v, "holds")))
			continue;
		if (n++ == 0)
			html_table(b, "Refused by the proof", columns);
		html(b,
		     "<tr><td class=\"w\">proof step %lld</td><td>%s</td><td class=\"u\">%s</td>"
		     "</tr>\n",
		     number(v, "step"), pr_str(v, "name"), pr_str(v, "says"));
	}
	if (n)
		html_table_end(b);
	return n;
}

static void refusals(const struct html_case *in, struct buf *b)
{
	static const char *const columns[] = { "role", "policy", "digest", NULL };
	static const char *const roles[] = { "reproduce", "patch", "verify" };
	const json_t *policies = json_object_get(in->record[STAGE_REPLICA], "policies");
	size_t n = gate_refusals(in, b);

	n += proof_refusals(in->record[STAGE_PROOF], b);
	if (n == 0)
		html(b, "<p>Nothing was refused.</p>");
	html_table(b, "Policies that bound the case", columns);
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		const json_t *p = json_object_get(policies, roles[i]);

		if (p)
			html(b,
			     "<tr><th scope=\"row\">%s</th><td class=\"u\">%s</td><td "
			     "class=\"mono\">%s</td></tr>\n",
			     roles[i], pr_str(p, "name"), pr_str(p, "digest"));
	}
	html_table_end(b);
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
