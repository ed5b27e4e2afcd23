/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/host/pr/pr.h"

#define TRIED_MAX 6

typedef void section(const struct pr_input *in, struct buf *b);

static const json_t *coordinate(const struct pr_input *in)
{
	return json_object_get(json_object_get(in->incident, "incident"), "coordinate");
}

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void counts(const struct changes *c, size_t *added, size_t *removed)
{
	*added = *removed = 0;
	for (size_t i = 0; i < c->n; i++) {
		size_t a, d;

		change_line_counts(&c->v[i], &a, &d);
		*added += a;
		*removed += d;
	}
}

static void refreshed(const struct pr_input *in, struct buf *b)
{
	const char *old = pr_str(json_object_get(in->incident, "refreshes"), "case");

	if (*old)
		buf_printf(b,
			   "It takes the place of the proposal of case %s, whose target moved on; "
			   "all was shown again.\n",
			   old);
}

static void head(const struct pr_input *in, struct buf *b)
{
	const json_t *incident = json_object_get(in->incident, "incident");
	const json_t *risk = json_object_get(in->proof, "risk");
	const json_t *reasons = json_object_get(risk, "reasons");
	size_t added, removed;

	counts(in->patch_changes, &added, &removed);
	buf_printf(b, "**Fix proposed, risk %s.** ", pr_str(risk, "level"));
	pr_prose(b, json_object_get(in->patch, "agent"), pr_str(in->patch, "title"));
	buf_printf(b, ". %zu file%s, +%zu -%zu; one new test.", in->patch_changes->n,
		   in->patch_changes->n == 1 ? "" : "s", added, removed);
	if (number(incident, "count") > 1)
		buf_printf(b, " Reported %lld times.", (long long)number(incident, "count"));
	buf_puts(b, "\n");
	pr_choice(in, b);
	for (size_t i = 0; i < json_array_size(reasons); i++) {
		buf_puts(b, i == 0 ? "Risk: " : "; ");
		md_text(b, json_string_value(json_array_get(reasons, i)));
	}
	buf_puts(b, json_array_size(reasons) ? ".\n" : "");
	pr_authors(in, b);
	refreshed(in, b);
}

/* Why it was taken for a fault of the code, before anything was run. */
static void triage(const struct pr_input *in, struct buf *b)
{
	const json_t *t = json_object_get(in->incident, "triage");

	if (!t)
		return;
	buf_printf(b, "\n\nTriage: %s, rule %s: ", pr_str(t, "class"), pr_str(t, "rule"));
	md_text(b, pr_str(t, "reason"));
	buf_puts(b, ".");
}

static void why(const struct pr_input *in, struct buf *b)
{
	const char *cause = pr_str(in->patch, "cause");

	buf_puts(b, "\n## Why it happened\n");
	if (*cause) {
		md_text(b, cause);
	} else {
		buf_puts(b, "The agent gave no explanation; the trace names ");
		md_code(b, pr_str(coordinate(in), "function"));
		buf_puts(b, ".");
	}
	triage(in, b);
	pr_prose_source(in, b);
}

static void place(struct buf *b, const json_t *c)
{
	const char *function = pr_str(c, "function");
	char text[1024];

	(void)snprintf(text, sizeof(text), "%s:%lld%s%s", pr_str(c, "file"),
		       (long long)number(c, "line"), *function ? " " : "", function);
	md_code(b, text);
}

/* What was said there, without what it was said of: the record holds no more than that. */
static void said(const struct pr_input *in, struct buf *b)
{
	const json_t *chain = json_object_get(json_object_get(in->incident, "incident"), "chain");
	const char *message = pr_str(json_array_get(chain, 0), "message");
	char text[200];

	if (!*message || !json_object_get(json_object_get(in->incident, "measured"), "values"))
		return;
	(void)snprintf(text, sizeof(text), "%.*s", (int)strcspn(message, "\n"), message);
	buf_puts(b, ": ");
	md_code(b, text);
}

static void seen_row(struct buf *b, const char *where, const char *commit, const json_t *detail)
{
	const json_t *seen = json_object_get(detail, "seen");

	buf_printf(b, "| replica, %s %.12s | ", where, commit);
	for (size_t i = 0; i < json_array_size(seen); i++) {
		buf_puts(b, i ? "; " : "");
		md_code(b, json_string_value(json_array_get(seen, i)));
	}
	buf_puts(b, " |\n");
}

/* Where the test's input is from, of a report that has none to replay. */
static void input(const struct pr_input *in, struct buf *b)
{
	const json_t *given = json_object_get(json_object_get(in->incident, "incident"), "input");
	const char *from = pr_str(in->match, "input_from");

	if (!json_object_get(in->incident, "incident") || json_object_get(given, "call") ||
	    json_object_get(given, "script") || json_object_get(given, "command"))
		return;
	buf_puts(b, " The report has no call to replay: the input is ");
	pr_prose(b, json_object_get(in->match, "agent"), *from ? from : "the agent's own");
	buf_puts(b, ".");
}

static void reproduced(const struct pr_input *in, struct buf *b)
{
	const json_t *incident = json_object_get(in->incident, "incident");
	const json_t *isolate = json_object_get(in->match, "isolate");
	const json_t *loss = json_object_get(incident, "loss");
	const json_t *at_head = pr_step(in->proof, 1, "head");

	buf_printf(b, "\n## Reproduced: %s, %lld of %lld\n", pr_str(in->match, "match"),
		   (long long)number(json_object_get(isolate, "match"), pr_str(in->match, "match")),
		   (long long)number(isolate, "runs"));
	buf_puts(b, "| where | failure |\n| --- | --- |\n| production | ");
	md_code(b, pr_str(coordinate(in), "type"));
	buf_puts(b, " at ");
	place(b, coordinate(in));
	said(in, b);
	buf_puts(b, " |\n");
	seen_row(b, "base commit", pr_str(in->replica, "base"), isolate);
	if (at_head)
		seen_row(b, in->service->repository.target, pr_str(in->replica, "head"),
			 json_object_get(at_head, "detail"));
	if (*pr_str(in->replica, "commit_known")) {
		buf_puts(b, "\nThe base commit is known ");
		md_text(b, pr_str(in->replica, "commit_known"));
		buf_puts(b, ".\n");
	}
	buf_puts(b, "\nTest: ");
	md_code(b, in->test_path);
	if (*pr_str(in->match, "test_name")) {
		buf_puts(b, ", ");
		pr_prose(b, json_object_get(in->match, "agent"), pr_str(in->match, "test_name"));
	}
	buf_puts(b, ".");
	input(in, b);
	for (size_t i = 0; i < json_array_size(loss); i++) {
		buf_puts(b, i == 0 ? " Not in the report: " : "; ");
		md_code(b, pr_str(json_array_get(loss, i), "at"));
		buf_puts(b, " ");
		md_text(b, pr_str(json_array_get(loss, i), "why"));
	}
	buf_puts(b, "\n");
}

static void change(const struct pr_input *in, struct buf *b)
{
	AUTO_BUF struct buf diff = BUF_INIT(1u << 20);
	struct err ignored = ERR_INIT;

	buf_puts(b, "\n## The change\n");
	if (changes_unified(in->patch_changes, &diff, &ignored) == 0 && diff.n)
		md_fenced(b, "diff", diff.p, diff.n);
	if (*pr_str(in->patch, "change")) {
		pr_prose(b, json_object_get(in->patch, "agent"), pr_str(in->patch, "change"));
		buf_puts(b, "\n");
	}
}

static void brought(const struct pr_input *in, struct buf *b)
{
	if (json_object_get(in->proof, "at_head"))
		buf_printf(b,
			   "\nThe patch was made at the base commit and merged, line by line, into "
			   "what %s has by now: the change above is the merged one.\n",
			   in->service->repository.target);
}

static void proof_rows(const struct pr_input *in, struct buf *b)
{
	const json_t *rows = json_object_get(in->proof, "steps");

	buf_puts(b, "\n## Proof (fresh replicas, no agent present)\n| step | on | result |\n"
		    "| --- | --- | --- |\n");
	for (int step = 1; step <= 8; step++) {
		for (size_t i = 0; i < json_array_size(rows); i++) {
			const json_t *row = json_array_get(rows, i);

			if (number(row, "step") != step)
				continue;
			buf_printf(b, "| %d %s | %s %.12s | ", step, pr_str(row, "name"),
				   pr_str(row, "side"), pr_str(row, "commit"));
			md_text(b, pr_str(row, "says"));
			buf_puts(b, " |\n");
		}
	}
	brought(in, b);
	if (json_is_true(json_object_get(in->proof, "same_head")))
		buf_printf(b, "\nThe head of %s is the base commit: one side stands for both.\n",
			   in->service->repository.target);
}

static void flaky(const struct pr_input *in, struct buf *b)
{
	json_t *base = json_object_get(
		json_object_get(json_object_get(in->replica, "baseline"), "base"), "flaky");
	const char *id;
	json_t *how;

	json_object_foreach(base, id, how) {
		buf_puts(b, "- flaky at the base, left out: ");
		md_code(b, id);
		buf_puts(b, " (");
		md_text(b, json_string_value(how));
		buf_puts(b, ")\n");
	}
}

static void not_shown(const struct pr_input *in, struct buf *b)
{
	const json_t *mutants = json_object_get(pr_step(in->proof, 5, "base"), "detail");
	const json_t *missing = json_object_get(json_object_get(in->replica, "source"), "missing");
	const json_t *survived = json_object_get(mutants, "survived");

	buf_puts(
		b,
		"\n## Not shown\n- behaviour under concurrency and under production's load\n"
		"- callers outside this repository; code in the test's own process could forge its "
		"results, which steps 5 and 6 bound but do not exclude\n");
	for (size_t i = 0; i < json_array_size(survived) && i < 5; i++) {
		buf_puts(b, "- the new test does not notice this mutant: ");
		md_text(b, json_string_value(json_array_get(survived, i)));
		buf_puts(b, "\n");
	}
	for (size_t i = 0; i < json_array_size(missing) && i < 5; i++) {
		buf_puts(b, "- not in the replica (submodule or LFS): ");
		md_code(b, json_string_value(json_array_get(missing, i)));
		buf_puts(b, "\n");
	}
	flaky(in, b);
}

static void tried(const struct pr_input *in, struct buf *b)
{
	const json_t *agent = json_object_get(in->patch, "agent");
	const json_t *list = json_object_get(agent, "candidates");
	const size_t n = json_array_size(list);
	size_t plausible = 0, shown = 0;

	for (size_t i = 0; i < n; i++)
		plausible += json_is_true(json_object_get(json_array_get(list, i), "plausible"));
	buf_printf(b,
		   "\n## What else was tried\n%zu candidates tried, %zu plausible, %lld "
		   "evaluations.\n",
		   n, plausible, (long long)number(agent, "evaluations"));
	for (int want = 1; want >= 0; want--) {
		for (size_t i = 0; i < n && shown < TRIED_MAX; i++) {
			const json_t *c = json_array_get(list, i);

			if (!*pr_str(c, "why_not") ||
			    json_is_true(json_object_get(c, "plausible")) != (want == 1))
				continue;
			buf_puts(b, "- ");
			md_text(b, pr_str(c, "summary"));
			buf_puts(b, ": ");
			md_text(b, pr_str(c, "why_not"));
			buf_puts(b, "\n");
			shown++;
		}
	}
	pr_others(in, b);
}

static void reviewer(const struct pr_input *in, struct buf *b)
{
	buf_puts(b, "\n## For the reviewer\n");
	pr_questions(in, b);
}

static void cost(const struct pr_input *in, struct buf *b)
{
	const json_t *policies = json_object_get(in->replica, "policies");
	const json_t *p = json_object_get(policies, "patch");

	buf_puts(b, "\n## Cost and scope\n");
	pr_spent(in, b);
	buf_puts(b, "Policy ");
	md_code(b, pr_str(p, "name"));
	buf_printf(b, " %.19s...: wrote %zu file%s, all in scope; 0 network; ", pr_str(p, "digest"),
		   in->patch_changes->n + in->test_changes->n,
		   in->patch_changes->n + in->test_changes->n == 1 ? "" : "s");
	pr_refusals(in, b);
	buf_puts(b, ".\n");
}

/* The block is made to be pasted into a shell: a path is one word there, whatever it holds. */
static void shell_word(struct buf *b, const char *word)
{
	if (*word &&
	    !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			       "%+,-./:=@_")]) {
		buf_puts(b, word);
		return;
	}
	buf_putc(b, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			buf_puts(b, "'\\''");
		else
			buf_putc(b, (unsigned char)*word < ' ' ? '?' : *word);
	}
	buf_putc(b, '\'');
}

static void command_line(const struct pr_input *in, struct buf *b)
{
	const struct service_tests *t = in->service->tests.v;
	const struct strlist *from = t->check.n ? &t->check : &t->one;

	for (size_t i = 0; i < from->n; i++) {
		buf_puts(b, i ? " " : "");
		shell_word(b, strcmp(from->v[i], "@test") == 0 ? in->test_path : from->v[i]);
	}
}

static void check_it(const struct pr_input *in, struct buf *b)
{
	AUTO_BUF struct buf text = BUF_INIT(65536);

	buf_printf(&text, "git checkout sickbay/%s\n", in->case_id);
	command_line(in, &text);
	buf_printf(&text, "    # passes\ngit checkout %s --", in->service->repository.target);
	for (size_t i = 0; i < in->patch_changes->n; i++) {
		char path[4200];

		(void)snprintf(path, sizeof(path), "%s%s%s", in->service->repository.root,
			       *in->service->repository.root ? "/" : "",
			       in->patch_changes->v[i].path);
		buf_putc(&text, ' ');
		shell_word(&text, path);
	}
	buf_puts(&text, "\n# the same test now fails at ");
	shell_word(&text, pr_str(coordinate(in), "file"));
	buf_printf(&text, ":%lld\ngit checkout sickbay/%s -- .\n",
		   (long long)number(coordinate(in), "line"), in->case_id);
	buf_puts(b, "\n## Check it yourself (needs no sickbay)\n");
	md_fenced(b, "sh", text.p ? text.p : "", text.n);
	buf_printf(
		b,
		"\nCase %s, evidence sha256:%s; audit log at %llu entries, root %s: `sickbay audit "
		"show --case %s`, `sickbay audit verify`.\n",
		in->case_id, in->evidence, in->checkpoint_size, in->checkpoint_root, in->case_id);
}

static section *const sections[] = { head,	why,   reproduced, change, proof_rows,
				     not_shown, tried, reviewer,   cost,   check_it };

int pr_render(const struct pr_input *in, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		sections[i](in, out);
	return buf_check(out, "pull request", e);
}

/* What a forge would look up or act on is parted: a message has no other way to quote. */
static void part(const char *begin, const char *s, struct buf *b)
{
	if (md_reference(begin, s) || strncmp(s, "://", 3) == 0)
		buf_putc(b, ' ');
}

/* A subject line: one line, at most 72 bytes, no markup to worry about. */
static void subject(const char *title, struct buf *b)
{
	for (size_t i = 0; i < 72 && title[i]; i++) {
		buf_putc(b, (unsigned char)title[i] < ' ' || md_hidden(title + i) ? ' ' : title[i]);
		part(title, title + i, b);
	}
	buf_puts(b, "\n\n");
}

/* `git am` takes such a line of the message for the begin of a patch, or of another mail; the last
 * is a trailer of ours. */
static bool begins_patch(const char *s)
{
	return strncmp(s, "---", 3) == 0 || strncmp(s, "diff", 4) == 0 ||
	       strncmp(s, "Index:", 6) == 0 || strncmp(s, "From", 4) == 0 || *s == '>' ||
	       strncmp(s, "Sickbay-", 8) == 0;
}

/* One paragraph, wrapped; whatever s holds. */
static void plain(const char *s, struct buf *b)
{
	const char *const begin = s;
	size_t column = 0;

	for (; *s; s++) {
		const size_t hidden = md_hidden(s);
		const bool space = (unsigned char)*s <= ' ' || *s == 0x7f;

		if (hidden) {
			buf_putc(b, '?');
			s += hidden - 1;
			column++;
			continue;
		}
		if (space && column + strcspn(s + 1, " \n") >= 74) {
			buf_putc(b, '\n');
			column = 0;
			continue;
		}
		if (column == 0 && begins_patch(s))
			buf_putc(b, ' ');
		buf_putc(b, space ? ' ' : *s);
		part(begin, s, b);
		column++;
	}
	buf_putc(b, '\n');
}

int pr_message(const struct pr_input *in, struct buf *out, struct err *e)
{
	AUTO_BUF struct buf report = BUF_INIT(65536);
	const json_t *c = coordinate(in);

	subject(*pr_str(in->patch, "title") ? pr_str(in->patch, "title") : "fix a reported failure",
		out);
	if (*pr_str(in->patch, "cause"))
		plain(pr_str(in->patch, "cause"), out);
	buf_putc(out, '\n');
	buf_printf(&report, "Production reported %s at %s:%lld in %s.", pr_str(c, "type"),
		   pr_str(c, "file"), (long long)number(c, "line"), pr_str(c, "function"));
	if (buf_check(&report, "commit message", e) < 0)
		return -e->code;
	plain(report.p, out);
	buf_printf(out,
		   "\nSickbay-Case: %s\nSickbay-Evidence: sha256:%s\nSickbay-Checkpoint: %llu %s\n",
		   in->case_id, in->evidence, in->checkpoint_size, in->checkpoint_root);
	return buf_check(out, "commit message", e);
}
