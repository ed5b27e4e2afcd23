/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/decide.h"
#include "agent/host/cli/cli.h"
#include "agent/host/pipeline/pull.h"
#include "runtime/base/jmap.h"
#include "runtime/base/log.h"
#include "runtime/base/opt.h"

/* What people did with a case: `case decide`, `case audit`. */

struct deciding {
	const char *state, *config;
	struct decision_note d;
};

/* Says no to what is proposed: its pull request is closed. */
static bool is_no(int decision)
{
	return decision == DECISION_CLOSED_WRONG || decision == DECISION_EXPECTED ||
	       decision == DECISION_DUPLICATE;
}

/* 1: its pull request is to be closed now; 0: it was decided, and that is all. */
static int decide(const struct deciding *o, struct kase *k, struct audit *a, struct err *e)
{
	AUTO_FREE char *reason = NULL;
	struct pull p;

	if (!is_no(o->d.decision) || !pull_of(k, &p))
		return case_decide(o->state, k, &o->d, a, e);
	pull_release(&p);
	if (asprintf(&reason, "Closed by who decides on case %s: %s%s%s", case_id(k),
		     decision_name(o->d.decision), o->d.note ? ": " : "",
		     o->d.note ? o->d.note : "") < 0)
		return err_set(e, ENOMEM, "out of memory");
	return pull_refuse(o->state, k, reason, &o->d, a, e);
}

/* It was decided: what is not closed now is closed by the next `forge poll`. */
static void close_pull(const struct deciding *o, const struct kase *k, struct audit *a)
{
	struct host_config config = { 0 };
	const struct pull_host h = { o->state, &config, NULL, a };
	struct err e = ERR_INIT;
	char why[512];
	int r = host_config_load(o->config, &config, &e);

	if (r == 0)
		r = cli_forge_pay(&h, k, why, &e);
	if (r)
		log_warn("its pull request is not closed yet, 'sickbay forge poll' tries again: %s",
			 r < 0 ? e.msg : why);
	host_config_release(&config);
}

static int record(const struct deciding *o, const char *id, struct err *e)
{
	struct audit *a = NULL;
	struct kase *k = NULL;
	int r = case_open(o->state, id, false, &k, e);

	if (r == 0)
		r = audit_open(o->state, &a, e);
	if (r == 0)
		r = decide(o, k, a, e);
	if (r == 1)
		close_pull(o, k, a);
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
	struct deciding o = { .state = CLI_STATE_DEFAULT };
	const struct opt opts[] = {
		{ "state", OPT_STR, &o.state, "DIR", "state directory" },
		{ "config", OPT_STR, &o.config, "FILE", "the host's configuration" },
		{ "note", OPT_STR, &o.d.note, "TEXT", "why" },
		{ "commit", OPT_STR, &o.d.commit, "COMMIT", "what was merged, or reverted it" },
		{ 0 }
	};
	int operands;

	if (opt_parse(opts, false, argc, argv, &operands, e) < 0)
		return CLI_USAGE;
	if (operands != 2)
		return cli_usage(e, "case decide wants a case id and a decision");
	o.d.decision = decision_from_name(argv[2]);
	if (o.d.decision < 0 || o.d.decision == DECISION_AUDITED)
		return unknown(argv[2], e);
	return record(&o, argv[1], e);
}

int cmd_case_audit(int argc, char **argv, struct err *e)
{
	struct deciding o = { .state = CLI_STATE_DEFAULT, .d.decision = DECISION_AUDITED };
	const struct opt opts[] = { { "state", OPT_STR, &o.state, "DIR", "state directory" },
				    { "by-note", OPT_STR, &o.d.note, "TEXT",
				      "who looked, at what, and what was found" },
				    { 0 } };
	int operands;

	if (opt_parse(opts, false, argc, argv, &operands, e) < 0)
		return CLI_USAGE;
	if (operands != 1)
		return cli_usage(e, "case audit wants one case id");
	if (!o.d.note || !*o.d.note)
		return cli_usage(e, "case audit wants --by-note TEXT: who looked, at what, and "
				    "what was found");
	return record(&o, argv[1], e);
}
