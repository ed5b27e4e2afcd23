/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/host/pr/pr.h"

/* A pull request about nothing: what is left is what stands in each. */
int pr_words(struct buf *out, struct err *e)
{
	char nothing[] = "";
	struct service_tests tests = { 0 };
	struct changes none = { 0 };
	AUTO_JSON json_t *rows =
		json_pack("{s:[{}], s:{s:[s]}, s:[{s:s, s:s}], s:i}", "steps", "risk", "reasons",
			  "", "loss", "at", "", "why", "", "count", 2);
	AUTO_JSON json_t *record =
		json_pack("{s:O,s:O,s:{s:[s],s:[s]},s:O,s:s}", "incident", rows, "triage", rows,
			  "source", "missing", "", "seen", "", "detail", rows, "input_from",
			  "the agent's own, rebuilt from the variables of the frame");
	struct service service = { .repository = { .target = nothing, .root = nothing },
				   .tests = { &tests, 1 } };
	const struct pr_input in = { .case_id = "",
				     .service = &service,
				     .incident = record,
				     .replica = record,
				     .match = record,
				     .patch = record,
				     .tried = record,
				     .proof = rows,
				     .spent = rows,
				     .test_changes = &none,
				     .patch_changes = &none,
				     .test_path = "",
				     .evidence = "",
				     .checkpoint_root = "" };
	int r;

	if (!rows || !record)
		return err_set(e, ENOMEM, "out of memory");
	r = pr_render(&in, out, e);
	if (r == 0)
		r = pr_message(&in, out, e);
	pr_question_words(out);
	pr_author_words(out);
	return r < 0 ? r : buf_check(out, "words of a pull request", e);
}
