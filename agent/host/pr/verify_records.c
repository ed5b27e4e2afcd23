/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/money.h"
#include "agent/host/pr/verify.h"
#include "policy/policy.h"
#include "runtime/proto/decode.h"

/* The records against each other and against the log; the policies and the ledger against the
 * records. */

#define HEX64 64

static const struct bundle_file *record_file(const struct checking *c, int stage)
{
	char name[64];

	export_record_name(stage, name);
	return bundle_find(&c->b, name);
}

/* The last event of the log that published this record, or NULL. */
static const json_t *publication(const struct checking *c, int stage)
{
	for (size_t i = json_array_size(c->events); i-- > 0;) {
		const json_t *event = json_array_get(c->events, i);

		if (strcmp(pr_str(event, "record"), stage_record(stage)) == 0)
			return event;
	}
	return NULL;
}

/* Schema, case, and the digest of the record before. */
static bool head_holds(struct checking *c, int stage, const char prev[65])
{
	const json_t *v = c->p.record[stage];
	char schema[64], want[80];

	(void)snprintf(schema, sizeof(schema), "sickbay.case.%s/1", stage_name(stage));
	(void)snprintf(want, sizeof(want), "sha256:%s", prev);
	if (strcmp(pr_str(v, "schema"), schema) != 0)
		check_fail(c, "records", "%s: /schema: expected %s, seen '%s'", stage_record(stage),
			   schema, pr_str(v, "schema"));
	else if (!c->case_id || strcmp(pr_str(v, "case"), c->case_id) != 0)
		check_fail(c, "records", "%s: /case: expected %s, seen '%s'", stage_record(stage),
			   c->case_id ? c->case_id : "?", pr_str(v, "case"));
	else if (strcmp(pr_str(v, "prev"), want) != 0)
		check_fail(c, "records",
			   "%s: /prev: it names a record before it with %s, expected %s",
			   stage_record(stage), pr_str(v, "prev"), want);
	else
		return true;
	return false;
}

static bool log_holds(struct checking *c, int stage, const char digest[65])
{
	const json_t *event = publication(c, stage);
	const char *logged = pr_str(event, "sha256");

	if (!c->slice)
		return true; /* what the log says is not known: that was said */
	if (event && !*logged)
		check_fail(c, "records",
			   "%s: the log has no digest of it: the case was made by a version "
			   "before 1 of exports",
			   stage_record(stage));
	else if (!event)
		check_fail(c, "records", "%s: the log does not say that it was published",
			   stage_record(stage));
	else if (strcmp(logged, digest) != 0)
		check_fail(c, "records",
			   "%s: its SHA-256 is %s, expected %s (record %lld of the log)",
			   stage_record(stage), digest, logged,
			   (long long)json_integer_value(json_object_get(event, "seq")));
	else
		return true;
	return false;
}

/* True where it holds; `prev` becomes its digest. */
static bool record_holds(struct checking *c, int stage, char prev[65])
{
	const struct bundle_file *f = record_file(c, stage);
	struct err e = ERR_INIT;
	char digest[65];
	bool ok;

	digest_hex(f->data, f->n, digest);
	ok = log_holds(c, stage, digest);
	if (decode_text(DECODE_JSON, f->data, f->n, stage_record(stage), NULL, &c->p.record[stage],
			&e) < 0) {
		check_fail(c, "records", "%s", e.msg);
		ok = false;
	} else {
		ok = head_holds(c, stage, prev) && ok;
	}
	memcpy(prev, digest, sizeof(digest));
	if (stage == STAGE_PROOF)
		memcpy(c->p.evidence, digest, sizeof(digest));
	return ok;
}

void verify_records(struct checking *c)
{
	char prev[65];
	bool ok = true;
	int n = 0;

	memset(prev, '0', HEX64);
	prev[HEX64] = '\0';
	for (int stage = 0; stage < STAGE_N; stage++) {
		if (record_file(c, stage)) {
			ok = record_holds(c, stage, prev) && ok;
			n++;
		} else if (stage == STAGE_INCIDENT || publication(c, stage)) {
			check_fail(c, "records", "%s is missing%s", stage_record(stage),
				   publication(c, stage) ? ": the log says that it was published"
							 : "");
			ok = false;
		}
	}
	if (ok)
		check_ok(c, "records", "%d records, each names the one before it%s", n,
			 c->slice ? ", and is the one that the log has" : "");
}

/* ---- policies ---- */

/* Every replica of the role was started under this policy. */
static bool replicas_hold(struct checking *c, const char *role, const char *digest)
{
	for (size_t i = 0; i < json_array_size(c->events); i++) {
		const json_t *event = json_array_get(c->events, i);

		if (strcmp(pr_str(event, "type"), "replica.start") != 0 ||
		    strcmp(pr_str(event, "role"), role) != 0 ||
		    strcmp(pr_str(event, "policy_sha256"), digest) == 0)
			continue;
		check_fail(c, "policies",
			   "%s: a replica was started under %s (record %lld of the log), expected "
			   "%s",
			   role, pr_str(event, "policy_sha256"),
			   (long long)json_integer_value(json_object_get(event, "seq")), digest);
		return false;
	}
	return true;
}

static bool policy_holds(struct checking *c, int role)
{
	const json_t *row = json_object_get(json_object_get(c->p.record[STAGE_REPLICA], "policies"),
					    policy_role_name(role));
	const struct bundle_file *f;
	AUTO_JSON json_t *documents = NULL;
	AUTO_FREE char *again = NULL;
	struct err e = ERR_INIT;
	char name[64], digest[80];

	(void)snprintf(name, sizeof(name), CASE_POLICY, policy_role_name(role));
	f = bundle_find(&c->b, name);
	if (!f) {
		check_fail(c, "policies", "%s is missing", name);
		return false;
	}
	if (decode_text(DECODE_JSON, f->data, f->n, name, NULL, &documents, &e) < 0 ||
	    policy_documents_digest(documents, digest, &e) < 0) {
		check_fail(c, "policies", "%s", e.msg);
		return false;
	}
	again = json_dumps(documents, CASE_POLICY_FORM);
	if (strcmp(pr_str(row, "digest"), digest) != 0)
		check_fail(c, "policies", "%s: its digest is %s, 2-replica.json expects %s", name,
			   digest, pr_str(row, "digest"));
	else if (!again || strlen(again) != f->n || memcmp(again, f->data, f->n) != 0)
		check_fail(c, "policies", "%s: not in the form in which sickbay writes it", name);
	else
		return replicas_hold(c, policy_role_name(role), digest);
	return false;
}

void verify_policies(struct checking *c)
{
	bool ok = true;

	if (!c->p.record[STAGE_REPLICA])
		return;
	for (int role = 0; role < ROLE_N; role++)
		ok = policy_holds(c, role) && ok;
	if (ok)
		check_ok(
			c, "policies",
			"each role's is the one of 2-replica.json, and every replica ran under it");
}

/* ---- ledger ---- */

/* The amount of a line or record, 0 where there is none. */
static money amount(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	money m = 0;

	return text && money_parse(text, &m) == 0 ? m : 0;
}

/* Do the numbers of `spent` come out where the ledger's first lines are summed up? */
static bool sums_reach(const json_t *lines, const json_t *spent)
{
	static const char *const keys[] = { "evaluations", "replicas", "cpu_us", "wall_us",
					    "tokens" };
	const money paid = amount(spent, "usd_exact");
	json_int_t sum[5] = { 0 };
	money usd = 0;

	for (size_t i = 0; i <= json_array_size(lines); i++) {
		bool same = usd == paid;

		for (size_t k = 0; k < 5; k++)
			same = same &&
			       sum[k] == json_integer_value(json_object_get(spent, keys[k]));
		if (same)
			return true;
		usd = money_add(usd, amount(json_array_get(lines, i), "usd"));
		for (size_t k = 0; k < 5; k++)
			sum[k] += json_integer_value(
				json_object_get(json_array_get(lines, i), keys[k]));
	}
	return false;
}

/* The ledger's lines as an array; a line that a crash cut short counts for nothing. */
static json_t *ledger_lines(const struct bundle_file *f, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(BUNDLE_FILE_MAX + 16);
	const char *p = f->data;
	json_t *v = NULL;

	buf_putc(&text, '[');
	for (const char *nl; (nl = strchr(p, '\n')); p = nl + 1) {
		if (nl == p || nl[-1] != '}')
			continue;
		if (text.n > 1)
			buf_putc(&text, ',');
		buf_put(&text, p, (size_t)(nl - p));
	}
	buf_putc(&text, ']');
	if (buf_check(&text, "ledger.ndjson", e) < 0)
		return NULL;
	return decode_text(DECODE_JSON, text.p, text.n, "ledger.ndjson", NULL, &v, e) < 0 ? NULL
											  : v;
}

static bool end_holds(struct checking *c, const struct bundle_file *f)
{
	const json_t *at_end = json_object_get(c->p.record[STAGE_OUTCOME], "ledger");
	const json_int_t bytes = json_integer_value(json_object_get(at_end, "bytes"));
	char hex[65];

	if (!c->p.record[STAGE_OUTCOME])
		return true;
	if (!at_end || bytes < 0 || (size_t)bytes > f->n) {
		check_fail(c, "ledger",
			   "ledger.ndjson: it has %zu bytes, 7-outcome.json expects "
			   "%lld",
			   f->n, (long long)bytes);
		return false;
	}
	digest_hex(f->data, (size_t)bytes, hex);
	if (strcmp(hex, pr_str(at_end, "sha256")) == 0)
		return true;
	check_fail(c, "ledger",
		   "ledger.ndjson: the SHA-256 of its first %lld bytes is %s, 7-outcome.json "
		   "expects %s",
		   (long long)bytes, hex, pr_str(at_end, "sha256"));
	return false;
}

void verify_ledger(struct checking *c)
{
	const json_t *own = c->p.record[STAGE_PULLREQ];
	const json_t *spent = json_object_get(json_object_get(own, "measured"), "spent");
	const struct bundle_file *f = bundle_find(&c->b, "records/ledger.ndjson");
	const struct bundle_file none = { .data = (char[]){ "" } };
	AUTO_JSON json_t *lines = NULL;
	struct err e = ERR_INIT;
	bool ok = end_holds(c, f ? f : &none);

	lines = ledger_lines(f ? f : &none, &e);
	if (!lines) {
		check_fail(c, "ledger", "%s", e.msg);
		return;
	}
	if (spent && !sums_reach(lines, spent)) {
		check_fail(c, "ledger",
			   "ledger.ndjson: no beginning of it adds up to what 6-pullreq.json says "
			   "was spent");
		ok = false;
	}
	if (ok)
		check_ok(c, "ledger", "%zu lines%s", json_array_size(lines),
			 c->p.record[STAGE_OUTCOME] ? ", as they were when the case ended" : "");
}
