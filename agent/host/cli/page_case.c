/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/case/candidates.h"
#include "agent/host/case/facts.h"
#include "agent/host/cli/page.h"
#include "agent/host/pipeline/stages.h"
#include "agent/host/pr/html.h"
#include "policy/policy.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/proto/audit_read.h"

/* `case show ID --html FILE`: what its records, its ledger and the log say, on one page. */
#define EVENTS_MAX   6000u
#define POLICY_BYTES (4u << 20)
#define LOG_BYTES    (256u << 20)

struct gathered {
	struct html_case page;
	json_t *record[STAGE_N], *facts, *events, *policy;
	struct changes test, patch;
	struct buf verified;
};

static void release(struct gathered *g)
{
	for (int i = 0; i < STAGE_N; i++)
		json_decref(g->record[i]);
	json_decref(g->facts);
	json_decref(g->events);
	json_decref(g->policy);
	changes_release(&g->test);
	changes_release(&g->patch);
	buf_release(&g->verified);
}

static int read_log(const char *state, const struct audit_reading *with, struct buf *out,
		    int *status, struct err *e)
{
	AUTO_CLOSE int dir = audit_log_dir(state, e);
	struct audit_reading r = *with;

	if (dir < 0)
		return dir;
	r.dir = dir;
	r.key = r.file = r.witness = -1;
	return audit_read(&r, out, status, e);
}

static int gather_log(const char *state, struct gathered *g, struct err *e)
{
	const struct audit_reading show = { .words = { "show", "--case", g->page.id, "--json" } };
	const struct audit_reading verify = { .words = { "verify" } };
	AUTO_BUF struct buf text = BUF_INIT(LOG_BYTES);
	int status = 0, r = read_log(state, &show, &text, &status, e);

	if (r == -ENOENT) { /* a case that was brought here without its log */
		*e = (struct err)ERR_INIT;
		g->events = json_array();
		return g->events ? 0 : err_set(e, ENOMEM, "out of memory");
	}
	if (r == 0 && status != 0)
		r = err_set(e, EBADMSG, "the audit log cannot be read");
	if (r == 0)
		r = page_lines("audit log", text.p ? text.p : "", EVENTS_MAX, &g->events,
			       &g->page.events_left_out, e);
	if (r == 0)
		r = read_log(state, &verify, &g->verified, &status, e);
	if (r < 0)
		return r;
	g->page.log_holds = status == 0;
	if (g->verified.p)
		g->verified.p[strcspn(g->verified.p, "\n")] = '\0';
	g->page.log = status == 0 && g->verified.n ? g->verified.p
						   : "the log does not hold: sickbay audit verify";
	return 0;
}

static int gather_changes(struct gathered *g, struct err *e)
{
	const json_t *chosen = candidate_chosen(g->record[STAGE_PATCH], g->record[STAGE_PROOF]);
	const json_t *merged = json_object_get(g->record[STAGE_PROOF], "at_head");
	const json_t *patch = merged ? merged : json_object_get(chosen, "changes");
	const json_t *test = json_object_get(g->record[STAGE_MATCH], "test");

	if (json_array_size(test) && changes_from_json(test, &g->test, e) < 0)
		return err_wrap(e, "%s", stage_record(STAGE_MATCH));
	if (json_array_size(patch) && changes_from_json(patch, &g->patch, e) < 0)
		return err_wrap(e, "%s", stage_record(STAGE_PATCH));
	g->page.test = &g->test;
	g->page.patch = &g->patch;
	return 0;
}

/* What bound the patch agent. */
static int gather_policy(const struct kase *k, struct gathered *g, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(POLICY_BYTES);
	char path[64];

	(void)snprintf(path, sizeof(path), CASE_POLICY, policy_role_name(ROLE_PATCH));
	if (faccessat(case_dir(k), path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (file_read_at(case_dir(k), path, POLICY_BYTES, &text, e) < 0)
		return -e->code;
	if (page_value(path, &text, &g->policy, e) < 0)
		return -e->code;
	g->page.policy = g->policy;
	return 0;
}

static int gather(const char *state, const struct kase *k, struct gathered *g, struct err *e)
{
	g->page.id = case_id(k);
	for (int i = 0; i < STAGE_N; i++) {
		const int r = case_record(k, i, &g->record[i], e);

		if (r < 0 && r != -ENOENT)
			return r;
		g->page.record[i] = g->record[i];
	}
	*e = (struct err)ERR_INIT;
	if (case_facts(k, &g->facts, e) < 0 || gather_changes(g, e) < 0 ||
	    gather_policy(k, g, e) < 0 || gather_log(state, g, e) < 0)
		return -e->code;
	g->page.facts = g->facts;
	g->page.events = g->events;
	return 0;
}

int page_case(const char *state, const struct kase *k, const char *file, struct err *e)
{
	struct gathered g = { .verified = BUF_INIT(1u << 20) };
	AUTO_BUF struct buf page = BUF_INIT(PAGE_BYTES);
	int r = gather(state, k, &g, e);

	if (r == 0)
		r = html_case(&g.page, &page, e);
	if (r == 0)
		r = page_write(file, &page, e);
	release(&g);
	return r;
}
