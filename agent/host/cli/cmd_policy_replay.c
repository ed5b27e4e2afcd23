/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/host/cli/cli.h"
#include "agent/host/cli/cmd_policy.h"
#include "agent/host/cli/policy_past.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/jmap.h"
#include "runtime/base/opt.h"

/* `sickbay policy replay`: what the agents of past cases did, put to another policy. */
DEFINE_CLEANUP(struct policy, policy_free);
#define AUTO_POLICY CLEANUP(cleanup_policy_free)

struct replay {
	const char *state;
	const struct policy *policy;
	uint64_t since;
	json_t *rows;
	size_t cases, unknown; /* looked at; requests of which nothing was kept */
};

/* "2026-11-22" is its midnight; else RFC 3339. */
static int parse_date(const char *text, uint64_t *out)
{
	char full[64];

	if (clock_parse_rfc3339(text, out) == 0)
		return 0;
	if (strlen(text) != 10)
		return -EINVAL;
	(void)snprintf(full, sizeof(full), "%sT00:00:00Z", text);
	return clock_parse_rfc3339(full, out);
}

/* 1: the case was begun since then. */
static int is_recent(const struct replay *r, const struct kase *k, struct err *e)
{
	AUTO_JSON json_t *record = NULL;
	const char *created;
	uint64_t at;

	if (case_stage(k) == STAGE_INCIDENT)
		return 0;
	if (case_record(k, STAGE_INCIDENT, &record, e) < 0)
		return -e->code;
	created =
		json_string_value(json_object_get(json_object_get(record, "measured"), "created"));
	if (!created || clock_parse_rfc3339(created, &at) < 0)
		return err_set(e, EBADMSG, "case '%s': its incident does not say when it began",
			       case_id(k));
	return at >= r->since;
}

static int put_row(struct replay *r, const struct kase *k, const struct past_ask *a,
		   const struct policy_verdict *v, struct err *e)
{
	const char *const what = !a->changes.n		 ? "request"
				 : a->role == ROLE_PATCH ? "patch"
							 : "new test";
	json_t *row = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "case", case_id(k), "role",
				policy_role_name(a->role), "what", what, "path", a->path, "then",
				a->refused ? "refused" : "allowed", "now",
				past_is_allowed(v) ? "allowed" : "refused", "rule", v->rule,
				"place", v->place, "reason", v->reason);

	if (!row || json_array_append_new(r->rows, row) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return 0;
}

static int replay_case(struct replay *r, const struct kase *k, struct err *e)
{
	struct past past = { 0 };
	int status = past_load(k, &past, e);

	for (size_t i = 0; status == 0 && i < past.n; i++) {
		const struct past_ask *const a = &past.v[i];
		struct policy_verdict v;

		if (!policy_has_role(r->policy, a->role))
			continue;
		status = past_ask_again(a, r->policy, &v, e);
		r->unknown += status == 1;
		if (status == 0 && past_is_allowed(&v) == a->refused)
			status = put_row(r, k, a, &v, e);
		else if (status == 1)
			status = 0;
	}
	past_release(&past);
	return status;
}

static int replay_all(struct replay *r, struct err *e)
{
	AUTO_JSON json_t *ids = NULL;
	const json_t *id;
	size_t i;
	int status = case_list(r->state, &ids, e);

	json_array_foreach(ids, i, id) {
		struct kase *k = NULL;

		if (status < 0)
			break;
		status = case_open(r->state, json_string_value(id), false, &k, e);
		if (status == 0)
			status = is_recent(r, k, e);
		if (status == 1) {
			r->cases++;
			status = replay_case(r, k, e);
		}
		case_close(k);
	}
	return status < 0 ? status : 0;
}

static const char *text_of(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

static int print_text(const struct replay *r)
{
	const json_t *row;
	size_t i;

	json_array_foreach(r->rows, i, row)
		(void)printf("%-24s %-9s %-8s %s -> %s  %s\n    %s%s%s (%s)\n",
			     text_of(row, "case"), text_of(row, "role"), text_of(row, "what"),
			     text_of(row, "then"), text_of(row, "now"), text_of(row, "path"),
			     text_of(row, "rule"), text_of(row, "rule")[0] ? ": " : "",
			     text_of(row, "reason"), text_of(row, "place"));
	(void)printf("%zu case%s looked at, %zu answer%s would be another", r->cases,
		     r->cases == 1 ? "" : "s", json_array_size(r->rows),
		     json_array_size(r->rows) == 1 ? "" : "s");
	if (r->unknown)
		(void)printf("; of %zu refused request%s too little was kept to ask again",
			     r->unknown, r->unknown == 1 ? "" : "s");
	return putchar('\n') == EOF ? CLI_FAILED : CLI_OK;
}

int policy_cmd_replay(int argc, char **argv, struct err *e)
{
	const char *since = NULL;
	bool json = false;
	struct replay r = { .state = CLI_STATE_DEFAULT };
	const struct opt opts[] = {
		{ "since", OPT_STR, &since, "DATE", "cases begun at or after this (YYYY-MM-DD)" },
		{ "state", OPT_STR, &r.state, "DIR", "state directory (" CLI_STATE_DEFAULT ")" },
		{ "json", OPT_FLAG, &json, NULL, "print JSON" },
		{ 0 },
	};
	AUTO_POLICY struct policy *p = NULL;
	AUTO_JSON json_t *rows = json_array();
	int n = 0, status;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n != 1 || !since)
		return cli_usage(e, "policy replay wants --since DATE and one policy");
	if (parse_date(since, &r.since) < 0)
		return cli_usage(e, "policy replay: '%.64s' is no date such as 2026-11-22", since);
	if (policy_load(argv[1], &p, e) < 0)
		return CLI_FAILED;
	r.policy = p;
	r.rows = rows;
	if (!rows || replay_all(&r, e) < 0)
		return CLI_FAILED;
	if (json)
		status = policy_print_json(
			json_pack("{s:s,s:s,s:I,s:I,s:O}", "schema", "sickbay.policy-replay/1",
				  "policy", policy_digest(p), "cases", (json_int_t)r.cases,
				  "unknown", (json_int_t)r.unknown, "changes", rows),
			e);
	else
		status = print_text(&r);
	return status != CLI_OK ? status : json_array_size(rows) ? CLI_CLOSED : CLI_OK;
}
