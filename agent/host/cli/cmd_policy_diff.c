/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "agent/host/cli/cli.h"
#include "agent/host/cli/cmd_policy.h"
#include "policy/wider.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/jmap.h"
#include "runtime/base/opt.h"

/* `sickbay policy diff A B`: for whoever reviews a change of a policy. */
DEFINE_CLEANUP(struct policy, policy_free);
#define AUTO_POLICY CLEANUP(cleanup_policy_free)

static const char *text_of(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

static int print_text(const char *a, const char *b, const json_t *rows)
{
	size_t i;
	const json_t *row;

	if (json_array_size(rows) == 0)
		return printf("%s allows nothing that %s does not\n", b, a) < 0 ? CLI_FAILED
										: CLI_OK;
	(void)printf("%s is wider than %s\n", b, a);
	json_array_foreach(rows, i, row)
		(void)printf("  %s: %s\n    %s: %s\n    %s: %s\n", text_of(row, "what"),
			     text_of(row, "witness"), a, text_of(row, "a"), b, text_of(row, "b"));
	return CLI_CLOSED;
}

int policy_cmd_diff(int argc, char **argv, struct err *e)
{
	bool json = false;
	const struct opt opts[] = {
		{ "json", OPT_FLAG, &json, NULL, "print JSON" },
		{ 0 },
	};
	AUTO_POLICY struct policy *a = NULL;
	AUTO_POLICY struct policy *b = NULL;
	AUTO_JSON json_t *rows = NULL;
	int n = 0, status;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n != 2)
		return cli_usage(e, "policy diff: name two policies, A and B");
	if (policy_load(argv[1], &a, e) < 0 || policy_load(argv[2], &b, e) < 0 ||
	    policy_wider(a, b, &rows, e) < 0)
		return CLI_FAILED;
	if (!json)
		return print_text(argv[1], argv[2], rows);
	status = policy_print_json(json_pack("{s:s,s:s,s:s,s:b,s:O}", "schema",
					     "sickbay.policy-diff/1", "a", policy_digest(a), "b",
					     policy_digest(b), "wider", json_array_size(rows) > 0,
					     "witnesses", rows),
				   e);
	return status != CLI_OK ? status : json_array_size(rows) ? CLI_CLOSED : CLI_OK;
}
