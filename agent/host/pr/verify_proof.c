/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/candidates.h"
#include "agent/host/pipeline/stages.h"
#include "agent/host/pr/verify.h"

/* The patch is the one that was proven, and the pull request is what the records give. */

#define SHOWN 100 /* bytes of a line that is quoted */

static bool step_rows_hold(struct checking *c)
{
	const json_t *rows = json_object_get(c->p.record[STAGE_PROOF], "steps");

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		if (json_is_true(json_object_get(row, "holds")))
			continue;
		check_fail(c, "proof", "5-proof.json: /steps/%zu: step %lld does not hold", i,
			   (long long)json_integer_value(json_object_get(row, "step")));
		return false;
	}
	return json_array_size(rows) > 0;
}

static bool same_changes(struct checking *c, const char *what, const struct changes *ch)
{
	const char *proven = pr_str(json_object_get(c->p.record[STAGE_PROOF], "proven"), what);
	char hex[65], seen[80];

	changes_digest(ch, hex);
	(void)snprintf(seen, sizeof(seen), "sha256:%s", hex);
	if (strcmp(seen, proven) == 0)
		return true;
	check_fail(c, "proof",
		   "the %s of %s has the digest %s, but 5-proof.json proved one that has %s", what,
		   strcmp(what, "test") == 0 ? "3-match.json" : "the proposal", seen,
		   *proven ? proven : "none");
	return false;
}

/* A patch that was brought to a head that had moved: the agent's own one is named beside it. */
static bool base_patch_holds(struct checking *c)
{
	const char *at_base =
		pr_str(json_object_get(c->p.record[STAGE_PROOF], "proven"), "patch_at_base");
	struct changes own = { 0 };
	struct err e = ERR_INIT;
	char hex[65];
	bool same;

	if (!json_object_get(c->p.record[STAGE_PROOF], "at_head"))
		return true;
	if (changes_from_json(json_object_get(candidate_chosen(c->p.record[STAGE_PATCH],
							       c->p.record[STAGE_PROOF]),
					      "changes"),
			      &own, &e) < 0) {
		check_fail(c, "proof", "4-patch.json: %s", e.msg);
		return false;
	}
	changes_digest(&own, hex);
	changes_release(&own);
	same = strncmp(at_base, "sha256:", 7) == 0 && strcmp(at_base + 7, hex) == 0;
	if (!same)
		check_fail(c, "proof",
			   "the patch of 4-patch.json has the digest sha256:%s, but 5-proof.json "
			   "proved %s at the base",
			   hex, at_base);
	return same;
}

static const json_t *last_event(const struct checking *c, const char *type)
{
	for (size_t i = json_array_size(c->events); i-- > 0;) {
		const json_t *event = json_array_get(c->events, i);

		if (strcmp(pr_str(event, "type"), type) == 0)
			return event;
	}
	return NULL;
}

/* What was pushed is what the record names. */
static bool push_holds(struct checking *c)
{
	const json_t *own = c->p.record[STAGE_PULLREQ], *push = last_event(c, "push");
	const char *commit = pr_str(json_object_get(own, "measured"), "commit");

	if (!c->slice)
		return true;
	if (push && strcmp(pr_str(push, "commit"), commit) == 0 &&
	    strcmp(pr_str(push, "branch"), pr_str(own, "branch")) == 0)
		return true;
	check_fail(
		c, "proof",
		"6-pullreq.json names commit %s on %s, but the log says that %s was pushed to %s",
		commit, pr_str(own, "branch"), push ? pr_str(push, "commit") : "nothing",
		push ? pr_str(push, "branch") : "nowhere");
	return false;
}

/* The checkpoint that the pull request names is one of this log: the slice shows that it only
 * grew from there. */
static bool checkpoint_holds(struct checking *c)
{
	const json_t *named = json_object_get(
		json_object_get(c->p.record[STAGE_PULLREQ], "measured"), "checkpoint");

	if (!c->slice)
		return true;
	if (strcmp(pr_str(named, "note"), pr_str(c->slice, "earlier")) != 0)
		check_fail(c, "proof",
			   "6-pullreq.json: /measured/checkpoint/note: not the one that the slice "
			   "of the log begins from");
	else if (strcmp(pr_str(named, "root"), pr_str(c->slice, "earlier_root")) != 0 ||
		 json_integer_value(json_object_get(named, "size")) !=
			 json_integer_value(json_object_get(c->slice, "earlier_size")))
		check_fail(c, "proof",
			   "6-pullreq.json: /measured/checkpoint: size and root are not those of "
			   "its note");
	else
		return true;
	return false;
}

void verify_proof(struct checking *c)
{
	struct err e = ERR_INIT;
	bool ok = true;

	for (int stage = STAGE_INCIDENT; stage <= STAGE_PULLREQ; stage++)
		if (!c->p.record[stage])
			return; /* no pull request; what is missing was said */
	if (proposal_read(&c->p, c->case_id ? c->case_id : "", &e) < 0) {
		check_fail(c, "proof", "%s", e.msg);
		return;
	}
	if (strcmp(pr_str(c->p.record[STAGE_PROOF], "verdict"), "accepted") != 0) {
		check_fail(c, "proof", "5-proof.json: /verdict: expected 'accepted', seen '%s'",
			   pr_str(c->p.record[STAGE_PROOF], "verdict"));
		ok = false;
	}
	ok = step_rows_hold(c) && ok;
	ok = same_changes(c, "test", &c->p.test) && ok;
	ok = same_changes(c, "patch", &c->p.patch) && ok;
	ok = base_patch_holds(c) && ok;
	ok = push_holds(c) && ok;
	ok = checkpoint_holds(c) && ok;
	if (ok)
		check_ok(c, "proof",
			 "all steps hold; the test and the patch are those that were proven, "
			 "proposed and pushed");
}

/* ---- the texts ---- */

static int line_at(const char *text, size_t n, size_t at)
{
	int line = 1;

	for (size_t i = 0; i < at && i < n; i++)
		line += text[i] == '\n';
	return line;
}

static void quote_line(const char *text, size_t n, size_t at, char out[SHOWN + 1])
{
	size_t from = at < n ? at : n, k = 0;

	while (from > 0 && text[from - 1] != '\n')
		from--;
	while (from + k < n && k < SHOWN && text[from + k] != '\n')
		k++;
	memcpy(out, text + from, k);
	out[k] = '\0';
}

/* The text is the one that the record names: its digest was in the log before there was a request.
 */
static bool named_text(const struct checking *c, const char *name, const struct bundle_file *f)
{
	const char *said = pr_str(json_object_get(c->p.record[STAGE_PULLREQ], "texts"), name);
	char hex[65];

	digest_hex(f->data, f->n, hex);
	return strncmp(said, "sha256:", 7) == 0 && strcmp(said + 7, hex) == 0;
}

/* Whether the case was made by a program that is not this one: its words may be others. */
static bool other_build(const struct checking *c)
{
	const json_t *then =
		json_object_get(json_object_get(c->p.record[STAGE_REPLICA], "host"), "programs");
	char now[HOST_DIGEST];
	struct err none = ERR_INIT;

	return *pr_str(then, "sickbay") && host_program(now, &none) == 0 &&
	       strcmp(pr_str(then, "sickbay"), now) != 0;
}

static bool same_text(struct checking *c, const char *name, const struct buf *want)
{
	const struct bundle_file *f = bundle_find(&c->b, name);
	char expected[SHOWN + 1], seen[SHOWN + 1];
	size_t i = 0;

	if (!f) {
		check_fail(c, "pull request", "%s is missing", name);
		return false;
	}
	while (i < f->n && i < want->n && f->data[i] == want->p[i])
		i++;
	if (i == f->n && i == want->n)
		return true;
	if (named_text(c, name, f) && other_build(c)) {
		check_ok(c, "pull request",
			 "%s is, by its SHA-256, the text that 6-pullreq.json names; another build "
			 "of sickbay made it, whose words differ from this one's, first in line %d",
			 name, line_at(f->data, f->n, i));
		c->reworded = true;
		return true;
	}
	quote_line(want->p, want->n, i, expected);
	quote_line(f->data, f->n, i, seen);
	check_fail(c, "pull request", "%s:%d: the records give \"%s\", seen \"%s\"", name,
		   line_at(f->data, f->n, i), expected, seen);
	return false;
}

void verify_pull_request(struct checking *c)
{
	AUTO_BUF struct buf text = BUF_INIT(PR_TEXT_MAX);
	AUTO_BUF struct buf patch = BUF_INIT(PR_PATCH_MAX);
	const json_t *measured = json_object_get(c->p.record[STAGE_PULLREQ], "measured");
	struct err e = ERR_INIT;
	bool ok;

	if (!c->p.in.case_id) { /* there is none, or its records cannot be read */
		if (!c->p.record[STAGE_PULLREQ] &&
		    (bundle_find(&c->b, PR_TEXT_FILE) || bundle_find(&c->b, PR_PATCH_FILE)))
			check_fail(c, "pull request", "there is a text, but no 6-pullreq.json");
		return;
	}
	if (pr_render(&c->p.in, &text, &e) < 0 ||
	    proposal_patch(&c->p, pr_str(measured, "commit"), &patch, &e) < 0) {
		check_fail(c, "pull request", "it cannot be made from the records: %s", e.msg);
		return;
	}
	ok = same_text(c, PR_TEXT_FILE, &text);
	ok = same_text(c, PR_PATCH_FILE, &patch) && ok;
	if (ok && !c->reworded)
		check_ok(c, "pull request",
			 PR_TEXT_FILE " and " PR_PATCH_FILE
				      " are, byte for byte, what the records give");
}
