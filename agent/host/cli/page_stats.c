/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent/host/case/facts.h"
#include "agent/host/cli/page.h"
#include "agent/host/pr/html.h"
#include "policy/policy.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"

/* `stats --html FILE`: the figures, with what the ledger of changes and the cases' policies say. */
#define POLICY_BYTES (4u << 20)
#define DRIFT_BYTES  (64u << 20)
#define DRIFT_LINES  50000

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* Only of the cases that the page is about. */
static int read_drift(int state, const json_t *facts, json_t **out, size_t *left_out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(DRIFT_BYTES);
	AUTO_JSON json_t *all = NULL;
	AUTO_JSON json_t *kept = json_array();
	AUTO_JSON json_t *ids = json_object();
	size_t i;
	json_t *v;
	int r = file_read_at(state, "drift.ndjson", DRIFT_BYTES, &text, e);

	if (r < 0 && r != -ENOENT)
		return r;
	*e = (struct err)ERR_INIT;
	if (page_lines("drift.ndjson", text.p ? text.p : "", DRIFT_LINES, &all, left_out, e) < 0)
		return -e->code;
	json_array_foreach(facts, i, v)
		(void)json_object_set_new(ids, text_of(v, "case"), json_true());
	json_array_foreach(all, i, v)
		if (json_object_get(ids, text_of(v, "case")))
			(void)json_array_append(kept, v);
	if (!ids || !kept)
		return err_set(e, ENOMEM, "out of memory");
	*out = take_ptr(kept);
	return 0;
}

/* The documents of each policy that bound an agent of these cases, by digest. */
static int add_policies(int state, const json_t *fact, json_t *out, struct err *e)
{
	const char *role;
	json_t *p;

	json_object_foreach(json_object_get(fact, "policies"), role, p) {
		AUTO_BUF struct buf text = BUF_INIT(POLICY_BYTES);
		json_t *documents = NULL;
		char path[512];

		if (json_object_get(out, text_of(p, "digest")) || strcmp(role, "verify") == 0)
			continue;
		(void)snprintf(path, sizeof(path), "cases/%s/" CASE_POLICY, text_of(fact, "case"),
			       role);
		if (file_read_at(state, path, POLICY_BYTES, &text, e) < 0) {
			if (e->code != ENOENT)
				return -e->code;
			*e = (struct err)ERR_INIT;
			continue;
		}
		if (page_value(path, &text, &documents, e) < 0)
			return -e->code;
		(void)json_object_set_new(out, text_of(p, "digest"), documents);
	}
	return 0;
}

static void add_time(const json_t *fact, json_t *out)
{
	uint64_t from, to;

	if (strcmp(text_of(fact, "outcome"), outcome_name(OUTCOME_PROPOSED)) == 0 &&
	    clock_parse_rfc3339(text_of(fact, "created"), &from) == 0 &&
	    clock_parse_rfc3339(text_of(fact, "ended"), &to) == 0 && to >= from)
		(void)json_object_set_new(out, text_of(fact, "case"),
					  json_real((double)(to - from) / 1e9));
}

int page_stats(const char *state, const char *title, const json_t *facts, const char *file,
	       struct err *e)
{
	AUTO_JSON json_t *stats = facts_stats(facts);
	AUTO_JSON json_t *drift = NULL;
	AUTO_JSON json_t *policies = json_object();
	AUTO_JSON json_t *first = json_object();
	AUTO_BUF struct buf page = BUF_INIT(PAGE_BYTES);
	AUTO_CLOSE int dir = fd_open_dir(state, e);
	struct html_stats in = { .title = title, .facts = facts, .stats = stats };
	const json_t *v;
	size_t i;
	int r = dir < 0 ? dir : 0;

	if (r == 0 && (!stats || !policies || !first))
		r = err_set(e, ENOMEM, "out of memory");
	if (r == 0)
		r = read_drift(dir, facts, &drift, &in.drift_left_out, e);
	json_array_foreach(facts, i, v) {
		if (r == 0)
			r = add_policies(dir, v, policies, e);
		add_time(v, first);
	}
	in.drift = drift;
	in.policies = policies;
	in.first = first;
	if (r == 0)
		r = html_stats(&in, &page, e);
	if (r == 0)
		r = page_write(file, &page, e);
	return r;
}
