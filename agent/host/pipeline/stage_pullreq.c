/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/pipeline/stages.h"
#include "agent/host/pr/pr.h"
#include "runtime/base/fd.h"

/*
 * Stage 6: the proof becomes a commit, a branch and a text.  The checkpoint of
 * the log is kept in the case before anything is derived from it, so that doing
 * the stage again after a kill gives the same commit.
 */
#define PR_MAX	   (1u << 20)
#define CHECKPOINT "checkpoint.json"
#define AUTHOR	   "sickbay <sickbay@localhost>"

struct proposal {
	json_t *incident, *replica, *match, *patch, *proof, *spent, *checkpoint;
	struct changes all; /* the test and the patch; borrows their content */
	char evidence[65], oid[65], branch[128];
	const char *date;
	struct pr_input in;
};

static void proposal_release(struct proposal *p)
{
	json_decref(p->incident);
	json_decref(p->replica);
	json_decref(p->match);
	json_decref(p->patch);
	json_decref(p->proof);
	json_decref(p->spent);
	json_decref(p->checkpoint);
	free(p->all.v);
}

static int load_checkpoint(struct work *w, json_t **out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(65536);
	int r = file_read_at(case_dir(w->p->kase), CHECKPOINT, 65536, &text, e);

	if (r < 0)
		return r;
	*out = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	return *out ? 0 : err_set(e, EBADMSG, "%s: not as it was written", CHECKPOINT);
}

static int take_checkpoint(struct work *w, json_t **out, struct err *e)
{
	struct audit_checkpoint c = { 0 };
	AUTO_FREE char *text = NULL;
	struct err none = ERR_INIT;
	json_t *v;
	int r = load_checkpoint(w, out, &none);

	if (r != -ENOENT)
		return r < 0 ? err_set(e, -r, "%s", none.msg) : 0;
	r = audit_checkpoint(w->p->audit, &c, e);
	if (r < 0)
		return r;
	v = json_pack("{s:I,s:s,s:s}", "size", (json_int_t)c.size, "root", c.root, "note", c.note);
	audit_checkpoint_release(&c);
	text = v ? json_dumps(v, JSON_INDENT(1) | JSON_ENSURE_ASCII) : NULL;
	json_decref(v);
	if (!text)
		return err_set(e, ENOMEM, "out of memory");
	r = case_write(w->p->kase, CHECKPOINT, text, strlen(text), e);
	return r < 0 ? r : load_checkpoint(w, out, e);
}

static int load_records(struct work *w, struct proposal *p, struct err *e)
{
	struct kase *k = w->p->kase;
	int r = case_record(k, STAGE_INCIDENT, &p->incident, e);

	r = r < 0 ? r : case_record(k, STAGE_REPLICA, &p->replica, e);
	r = r < 0 ? r : case_record(k, STAGE_MATCH, &p->match, e);
	r = r < 0 ? r : case_record(k, STAGE_PATCH, &p->patch, e);
	r = r < 0 ? r : case_record(k, STAGE_PROOF, &p->proof, e);
	r = r < 0 ? r : case_record_digest(k, STAGE_PROOF, p->evidence, e);
	r = r < 0 ? r : case_spent(k, &p->spent, e);
	r = r < 0 ? r : work_load_test(w, e);
	r = r < 0 ? r : work_load_patch(w, e);
	return r < 0 ? r : take_checkpoint(w, &p->checkpoint, e);
}

static int fill(struct work *w, struct proposal *p, struct err *e)
{
	const json_t *incident = json_object_get(p->incident, "incident");
	const char *seen = pr_str(incident, "last_seen");

	(void)snprintf(p->branch, sizeof(p->branch), "sickbay/%s", case_id(w->p->kase));
	if (!*seen)
		seen = pr_str(incident, "first_seen");
	p->date = *seen ? seen : pr_str(json_object_get(p->incident, "measured"), "created");
	p->all.v = calloc(w->test.n + w->patch.n + 1, sizeof(*p->all.v));
	if (!p->all.v)
		return err_set(e, ENOMEM, "out of memory");
	memcpy(p->all.v, w->test.v, w->test.n * sizeof(*p->all.v));
	memcpy(p->all.v + w->test.n, w->patch.v, w->patch.n * sizeof(*p->all.v));
	p->all.n = w->test.n + w->patch.n;
	p->in = (struct pr_input){
		.case_id = case_id(w->p->kase),
		.service = w->p->service,
		.incident = p->incident,
		.replica = p->replica,
		.match = p->match,
		.patch = p->patch,
		.proof = p->proof,
		.spent = p->spent,
		.test_changes = &w->test,
		.patch_changes = &w->patch,
		.test_path = w->test_path,
		.evidence = p->evidence,
		.checkpoint_root = pr_str(p->checkpoint, "root"),
		.checkpoint_size = (unsigned long long)json_integer_value(
			json_object_get(p->checkpoint, "size")),
	};
	return 0;
}

static int make_commit(struct work *w, struct proposal *p, struct err *e)
{
	AUTO_BUF struct buf message = BUF_INIT(PR_MAX);
	AUTO_BUF struct buf patch = BUF_INIT(0);
	struct git_commit c = { .parent = w->head,
				.root = w->p->service->repository.root,
				.author = AUTHOR,
				.date = p->date };
	int r = pr_message(&p->in, &message, e);

	if (r < 0)
		return r;
	c.message = message.p;
	r = git_commit_changes(w->world.git, &c, &p->all, p->oid, e);
	if (r == 0)
		r = git_format_patch(w->world.git, p->oid, &patch, e);
	return r < 0 ? r : case_write(w->p->kase, "fix.patch", patch.p, patch.n, e);
}

static int write_text(struct work *w, struct proposal *p, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(PR_MAX);
	int r = pr_render(&p->in, &text, e);

	return r < 0 ? r : case_write(w->p->kase, "pr.md", text.p, text.n, e);
}

static int push(struct work *w, struct proposal *p, struct err *e)
{
	int r = audit_commit(
		w->p->audit, "push",
		json_pack("{s:s,s:s,s:s}", "branch", p->branch, "commit", p->oid, "onto", w->head),
		e);

	return r < 0 ? r : git_push(w->world.git, p->oid, p->branch, e);
}

int stage_pullreq(struct work *w, struct err *e)
{
	struct proposal p = { 0 };
	int r = work_load_replica(w, e);

	if (r == 0)
		r = load_records(w, &p, e);
	if (r == 0)
		r = fill(w, &p, e);
	if (r == 0)
		r = make_commit(w, &p, e);
	if (r == 0)
		r = write_text(w, &p, e);
	if (r == 0)
		r = push(w, &p, e);
	if (r == 0) {
		work_end(w, OUTCOME_PROPOSED, "branch %s awaits a person", p.branch);
		r = work_publish(w, STAGE_PULLREQ,
				 json_pack("{s:s,s:s,s:s,s:{s:s,s:O}}", "branch", p.branch,
					   "parent", w->head, "target",
					   w->p->service->repository.target, "measured", "commit",
					   p.oid, "checkpoint", p.checkpoint),
				 e);
	}
	proposal_release(&p);
	return r;
}
