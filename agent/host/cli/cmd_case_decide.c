/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/host/case/decide.h"
#include "agent/host/cli/cli.h"
#include "runtime/base/jmap.h"
#include "runtime/base/opt.h"

/* What people did with a case: `case decide`, `case audit`. */

static int record(const char *state, const char *id, const struct decision_note *d, struct err *e)
{
	struct audit *a = NULL;
	struct kase *k = NULL;
	int r = case_open(state, id, false, &k, e);

	if (r == 0)
		r = audit_open(state, &a, e);
	if (r == 0)
		r = case_decide(state, k, d, a, e);
	audit_close(a);
	case_close(k);
	return r < 0 ? CLI_FAILED : CLI_OK;
}

static int unknown(const char *word, struct err *e)
{
	const char *words[DECISION_N], *near;
	char all[256] = "";
	size_t n = 0;

	for (int i = 0; i < DECISION_N; i++) {
		if (i == DECISION_AUDITED)
			continue;
		words[n++] = decision_name(i);
		(void)strncat(all, n > 1 ? ", " : "", sizeof(all) - strlen(all) - 1);
		(void)strncat(all, decision_name(i), sizeof(all) - strlen(all) - 1);
	}
	near = word_nearest(word, words, n);
	if (near)
		return cli_usage(e, "'%s' is not a decision; did you mean '%s'?", word, near);
	return cli_usage(e, "'%s' is not a decision: %s", word, all);
}

int cmd_case_decide(int argc, char **argv, struct err *e)
{
	const char *state = CLI_STATE_DEFAULT;
	struct decision_note d = { 0 };
	const struct opt opts[] = { { "state", OPT_STR, &state, "DIR", "state directory" },
				    { "note", OPT_STR, &d.note, "TEXT", "why" },
				    { "commit", OPT_STR, &d.commit, "COMMIT",
				      "what was merged, or reverted it" },
				    { 0 } };
	int operands;

	if (opt_parse(opts, false, argc, argv, &operands, e) < 0)
		return CLI_USAGE;
	if (operands != 2)
		return cli_usage(e, "case decide wants a case id and a decision");
	d.decision = decision_from_name(argv[2]);
	if (d.decision < 0 || d.decision == DECISION_AUDITED)
		return unknown(argv[2], e);
	return record(state, argv[1], &d, e);
}

int cmd_case_audit(int argc, char **argv, struct err *e)
{
	const char *state = CLI_STATE_DEFAULT;
	struct decision_note d = { .decision = DECISION_AUDITED };
	const struct opt opts[] = { { "state", OPT_STR, &state, "DIR", "state directory" },
				    { "by-note", OPT_STR, &d.note, "TEXT",
				      "who looked, at what, and what was found" },
				    { 0 } };
	int operands;

	if (opt_parse(opts, false, argc, argv, &operands, e) < 0)
		return CLI_USAGE;
	if (operands != 1)
		return cli_usage(e, "case audit wants one case id");
	if (!d.note || !*d.note)
		return cli_usage(e, "case audit wants --by-note TEXT: who looked, at what, and "
				    "what was found");
	return record(state, argv[1], &d, e);
}
