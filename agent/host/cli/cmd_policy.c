/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/cli/cli.h"
#include "agent/host/cli/cmd_policy.h"
#include "policy/policy.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/opt.h"

/* `sickbay policy ...`: what an agent may do, before one is there. */
DEFINE_CLEANUP(struct policy, policy_free);
#define AUTO_POLICY CLEANUP(cleanup_policy_free)

/* Every file is checked; the first failure is the command's, those after it are printed as they
 * come. */
static int policy_cmd_check(int argc, char **argv, struct err *e)
{
	static const struct opt opts[] = { { 0 } };
	int n = 0, status = CLI_OK;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n == 0)
		return cli_usage(e, "policy check: name a file, or preset:NAME");
	for (int i = 1; i <= n; i++) {
		AUTO_POLICY struct policy *p = NULL;
		struct err why = ERR_INIT;

		if (policy_load(argv[i], &p, &why) < 0) {
			if (status == CLI_OK)
				*e = why;
			else
				(void)fprintf(stderr, "sickbay: %s\n", why.msg);
			status = CLI_FAILED;
			continue;
		}
		(void)printf("%s: ok: policy '%s'\n", argv[i], policy_name(p));
		(void)policy_notes(p, stdout);
	}
	return status;
}

int policy_print_json(json_t *v, struct err *e)
{
	AUTO_FREE char *text = v ? json_dumps(v, JSON_INDENT(2)) : NULL;

	json_decref(v);
	if (!text)
		return err_set(e, ENOMEM, "policy: out of memory"), CLI_FAILED;
	return puts(text) < 0 ? CLI_FAILED : CLI_OK;
}

static json_t *question_json(int argc, char **argv)
{
	json_t *a = json_array();

	for (int i = 0; i < argc; i++)
		(void)json_array_append_new(a, json_string(argv[i]));
	return a;
}

static int print_answer(const struct policy_verdict *v, int argc, char **argv, bool json,
			struct err *e)
{
	if (json)
		return policy_print_json(json_pack("{s:o,s:s,s:s,s:s,s:s,s:s}", "question",
						   question_json(argc, argv), "decision",
						   policy_decision_name(v->decision), "rule",
						   v->rule, "place", v->place, "reason", v->reason,
						   "mechanism", v->mechanism),
					 e);
	(void)printf("%s:", policy_decision_name(v->decision));
	for (int i = 0; i < argc; i++)
		(void)printf(" %s", argv[i]);
	(void)printf("\n  rule       %s\n  place      %s\n", v->rule[0] ? v->rule : "none: default",
		     v->place);
	if (v->reason[0])
		(void)printf("  reason     %s\n", v->reason);
	if (v->mechanism[0])
		(void)printf("  mechanism  %s\n", v->mechanism);
	return CLI_OK;
}

static int answer(const struct policy *p, int argc, char **argv, bool json, struct err *e)
{
	struct policy_verdict v;
	int status;

	if (policy_ask(p, argv[0], (const char *const *)(argv + 1), (size_t)argc - 1, &v, e) < 0)
		return CLI_USAGE;
	status = print_answer(&v, argc, argv, json, e);
	if (status != CLI_OK)
		return status;
	return v.decision == POLICY_ALLOW || v.decision == POLICY_NOTIFY ? CLI_OK : CLI_SCOPE;
}

static int policy_cmd_explain(int argc, char **argv, struct err *e)
{
	bool json = false;
	const struct opt opts[] = {
		{ "json", OPT_FLAG, &json, NULL, "print JSON" },
		{ 0 },
	};
	AUTO_POLICY struct policy *p = NULL;
	int n = 0;

	if (opt_parse(opts, true, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n == 0)
		return cli_usage(e, "policy explain: name a file, or preset:NAME");
	if (policy_load(argv[1], &p, e) < 0)
		return CLI_FAILED;
	if (n > 1)
		return answer(p, n - 1, argv + 2, json, e);
	if (json)
		return policy_print_json(policy_explain_json(p), e);
	policy_explain(p, stdout);
	return CLI_OK;
}

static int policy_cmd_schema(int argc, char **argv, struct err *e)
{
	(void)argv;
	if (argc > 1)
		return cli_usage(e, "policy schema takes no arguments");
	return fputs(policy_schema(), stdout) < 0 ? CLI_FAILED : CLI_OK;
}

static int policy_cmd_presets(int argc, char **argv, struct err *e)
{
	const char *text, *name;

	if (argc > 2)
		return cli_usage(e, "policy presets takes at most one name");
	for (size_t i = 0; (name = policy_preset(i, &text)); i++) {
		if (argc == 1)
			(void)printf("preset:%s\n", name);
		else if (strcmp(argv[1], name) == 0)
			return fputs(text, stdout) < 0 ? CLI_FAILED : CLI_OK;
	}
	return argc == 1 ? CLI_OK : cli_usage(e, "no preset '%s'", argv[1]);
}

int cmd_policy(int argc, char **argv, struct err *e)
{
	static const struct command table[] = {
		{ "check", policy_cmd_check, "FILE...", "read, check and test policies" },
		{ "explain", policy_cmd_explain, "[--json] FILE [QUESTION...]",
		  "every rule and who enforces it, or one answer" },
		{ "diff", policy_cmd_diff, "[--json] A B",
		  "whether B allows anything that A does not, with a witness" },
		{ "fmt", policy_cmd_fmt, "FILE... [--check | --write]",
		  "policies in their canonical form, comments kept" },
		{ "presets", policy_cmd_presets, "[NAME]", "the built-in policies" },
		{ "replay", policy_cmd_replay, "--since DATE POLICY [--state DIR] [--json]",
		  "what past cases would have met under another policy" },
		{ "schema", policy_cmd_schema, "", "the format as a JSON Schema" },
		{ "suggest", policy_cmd_suggest, "CASE [--state DIR] [--service FILE] [--json]",
		  "the narrowest change that would allow what a case was refused" },
		{ 0 },
	};

	return cli_dispatch(table, "policy", argc, argv, e);
}
