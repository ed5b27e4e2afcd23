/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/pr/export.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent/host/case/raw.h"
#include "agent/host/pr/proposal.h"
#include "policy/policy.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"

char *export_head(const char *case_id, bool raw)
{
	AUTO_JSON json_t *head = json_pack("{s:s,s:s,s:b}", "schema", EXPORT_SCHEMA, "case",
					   case_id, "raw", (int)raw);

	return head ? json_dumps(head, JSON_INDENT(1) | JSON_ENSURE_ASCII) : NULL;
}

void export_record_name(int stage, char out[64])
{
	(void)snprintf(out, 64, "records/%s", stage_record(stage));
}

int export_mtime(const json_t *incident_record, uint64_t *out, struct err *e)
{
	const char *created = pr_str(json_object_get(incident_record, "measured"), "created");
	uint64_t ns;

	if (clock_parse_rfc3339(created, &ns) < 0)
		return err_set(e, EBADMSG, "1-incident.json: /measured/created: '%.40s' is no date",
			       created);
	*out = ns / 1000000000u;
	return 0;
}

/* A side file of the case; 0 also when it is not there. */
static int put_file(const struct kase *k, const char *from, const char *as, struct bundle *out,
		    struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(BUNDLE_FILE_MAX);
	int r;

	if (faccessat(case_dir(k), from, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	r = file_read_at(case_dir(k), from, BUNDLE_FILE_MAX, &text, e);
	return r < 0 ? r : bundle_put(out, as, text.p ? text.p : "", text.n, e);
}

static int put_records(const struct kase *k, struct bundle *out, struct err *e)
{
	char name[64];
	int r = 0;

	for (int stage = 0; r == 0 && stage < STAGE_N; stage++) {
		export_record_name(stage, name);
		r = put_file(k, stage_record(stage), name, out, e);
	}
	for (int role = 0; r == 0 && role < ROLE_N; role++) {
		(void)snprintf(name, sizeof(name), CASE_POLICY, policy_role_name(role));
		r = put_file(k, name, name, out, e);
	}
	if (r == 0)
		r = put_file(k, "ledger.ndjson", "records/ledger.ndjson", out, e);
	if (r == 0)
		r = put_file(k, PR_TEXT_FILE, PR_TEXT_FILE, out, e);
	return r < 0 ? r : put_file(k, PR_PATCH_FILE, PR_PATCH_FILE, out, e);
}

/* What production said; what was erased in the meantime is not there any more. */
static int put_raw(const char *state, const json_t *incident, struct bundle *out, struct err *e)
{
	json_t *v;
	const char *key;

	json_object_foreach(json_object_get(incident, "measured"), key, v) {
		const char *digest = json_string_value(json_object_get(v, "digest"));
		AUTO_BUF struct buf file = BUF_INIT(BUNDLE_FILE_MAX);
		char name[BUNDLE_NAME_MAX + 1];
		int r;

		if (!digest || strncmp(digest, "sha256:", 7) != 0)
			continue;
		(void)snprintf(name, sizeof(name), EXPORT_RAW "%s", digest + 7);
		r = raw_file(state, digest, &file, e);
		if (r == -EIDRM) {
			log_warn("%s", e->msg);
			*e = (struct err)ERR_INIT;
			continue;
		}
		if (r == 0)
			r = bundle_put(out, name, file.p, file.n, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int export_case(const char *state, const struct kase *k, bool raw, struct bundle *out,
		uint64_t *mtime, struct err *e)
{
	AUTO_JSON json_t *incident = NULL;
	AUTO_FREE char *head = export_head(case_id(k), raw);
	int r = case_record(k, STAGE_INCIDENT, &incident, e);

	if (r == 0)
		r = export_mtime(incident, mtime, e);
	if (r == 0 && !head)
		r = err_set(e, ENOMEM, "out of memory");
	if (r == 0)
		r = bundle_put(out, EXPORT_HEAD, head, strlen(head), e);
	if (r == 0 && raw)
		r = put_raw(state, incident, out, e);
	return r < 0 ? r : put_records(k, out, e);
}
