/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/stop.h"
#include "agent/host/pipeline/forge.h"
#include "agent/host/pipeline/privacy.h"
#include "agent/host/pipeline/reviewers.h"
#include "agent/host/pipeline/stages.h"
#include "agent/host/pr/proposal.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/sha256.h"

/*
 * Stage 6: the proof becomes a commit, a branch and a text.  The checkpoint of
 * the log is kept in the case before anything is derived from it, so that doing
 * the stage again after a kill gives the same commit.
 */
#define CHECKPOINT "checkpoint.json"

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
	if (r == 0 && c.unwitnessed) {
		r = err_set(e, EIO,
			    "no pull request is made: the witness has not its checkpoint: %s: put "
			    "that right and resume the case",
			    c.unwitnessed);
		audit_checkpoint_release(&c);
	}
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

/* The record as far as it is known before there is a commit. */
static int begin_record(struct work *w, const char *branch, json_t **out, struct err *e)
{
	AUTO_JSON json_t *checkpoint = NULL;
	AUTO_JSON json_t *spent = NULL;
	int r = case_spent(w->p->kase, &spent, e);

	if (r == 0)
		r = take_checkpoint(w, &checkpoint, e);
	if (r < 0)
		return r;
	*out = json_pack("{s:s,s:s,s:s,s:o,s:{s:O,s:O}}", "branch", branch, "parent", w->head,
			 "target", w->p->service->repository.target, "service",
			 pr_service_write(w->p->service), "measured", "checkpoint", checkpoint,
			 "spent", spent);
	return *out ? 0 : err_set(e, ENOMEM, "out of memory");
}

static int load_records(struct work *w, struct proposal *p, const char *branch, struct err *e)
{
	struct kase *k = w->p->kase;
	int r = 0;

	for (int stage = STAGE_INCIDENT; r == 0 && stage <= STAGE_PROOF; stage++)
		r = case_record(k, stage, &p->record[stage], e);
	r = r < 0 ? r : case_record_digest(k, STAGE_PROOF, p->evidence, e);
	r = r < 0 ? r : begin_record(w, branch, &p->record[STAGE_PULLREQ], e);
	return r < 0 ? r : proposal_read(p, case_id(k), e);
}

/* The test and the patch as one commit on the target's head. */
static int make_commit(struct work *w, const struct proposal *p, char oid[65], struct err *e)
{
	AUTO_BUF struct buf message = BUF_INIT(PR_TEXT_MAX);
	struct changes all = { .n = p->test.n + p->patch.n };
	struct git_commit c = { .parent = w->head,
				.root = w->p->service->repository.root,
				.author = PR_AUTHOR,
				.date = p->date };
	int r = pr_message(&p->in, &message, e);

	if (r < 0)
		return r;
	c.message = message.p;
	all.v = calloc(all.n + 1, sizeof(*all.v)); /* borrows the contents */
	if (!all.v)
		return err_set(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < p->test.n; i++)
		all.v[i] = p->test.v[i];
	for (size_t i = 0; i < p->patch.n; i++)
		all.v[p->test.n + i] = p->patch.v[i];
	r = git_commit_changes(w->world.git, &c, &all, oid, e);
	free(all.v);
	return r;
}

/* Writes a side file; its digest goes into the record. */
static int keep_text(struct work *w, json_t *texts, const char *name, const struct buf *text,
		     struct err *e)
{
	uint8_t digest[SHA256_LEN];
	char hex[SHA256_HEX];
	int r = case_write(w->p->kase, name, text->p, text->n, e);

	if (r < 0)
		return r;
	sha256_of(text->p, text->n, digest);
	sha256_hex(digest, hex);
	return json_object_set_new(texts, name, json_sprintf("sha256:%s", hex)) < 0
		       ? err_set(e, ENOMEM, "out of memory")
		       : 0;
}

static int write_texts(struct work *w, struct proposal *p, const char *oid, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(PR_TEXT_MAX);
	AUTO_BUF struct buf patch = BUF_INIT(PR_PATCH_MAX);
	json_t *own = p->record[STAGE_PULLREQ], *texts = json_object();
	int r;

	if (json_object_set_new(own, "texts", texts) < 0 ||
	    json_object_set_new(json_object_get(own, "measured"), "commit", json_string(oid)) < 0)
		return err_set(e, ENOMEM, "out of memory");
	r = proposal_patch(p, oid, &patch, e);
	if (r == 0)
		r = keep_text(w, texts, PR_PATCH_FILE, &patch, e);
	if (r == 0)
		r = pr_render(&p->in, &text, e);
	return r < 0 ? r : keep_text(w, texts, PR_TEXT_FILE, &text, e);
}

/* What is counted and hashed here says nothing of production, and differs from run to run. */
static int check_values(struct work *w, const struct proposal *p, const char *branch, struct err *e)
{
	AUTO_BUF struct buf message = BUF_INIT(PR_TEXT_MAX);
	AUTO_BUF struct buf text = BUF_INIT(PR_TEXT_MAX);
	AUTO_BUF struct buf name = BUF_INIT(256);
	struct pr_input in = p->in;
	char why[256];
	int r;

	in.spent = NULL;
	in.evidence = in.checkpoint_root = "";
	in.checkpoint_size = 0;
	buf_puts(&name, branch);
	r = pr_message(&in, &message, e);
	if (r == 0)
		r = pr_render(&in, &text, e);
	if (r == 0)
		r = privacy_check_text(w->values, "commit message", &message, why, e);
	if (r == 0)
		r = privacy_check_text(w->values, "pull request", &text, why, e);
	if (r == 0)
		r = privacy_check_text(w->values, "branch", &name, why, e);
	if (r == 1)
		work_end(w, OUTCOME_NEEDS_PERSON, "%s", why);
	return r < 0 ? r : 0;
}

static int push(struct work *w, const char *branch, const char *oid, struct err *e)
{
	int r = stop_point(e);

	if (r == 0)
		r = audit_commit(w->p->audit, "push",
				 json_pack("{s:s,s:s,s:s}", "branch", branch, "commit", oid, "onto",
					   w->head),
				 e);
	return r < 0 ? r : git_push(w->world.git, oid, branch, e);
}

/* At the forge that the service names, from its fork. A refusal is for a person. */
static int propose_at_forge(struct work *w, struct proposal *p, const struct pull_at *to,
			    const char *oid, struct err *e)
{
	AUTO_BUF struct buf title = BUF_INIT(PR_TEXT_MAX);
	AUTO_BUF struct buf body = BUF_INIT(PR_TEXT_MAX);
	struct forge_proposal at = { .branch = to->branch,
				     .oid = oid,
				     .lease = to->commit[0] ? to->commit : NULL,
				     .number = to->number,
				     .base = w->p->service->repository.target };
	struct strlist reviewers = { 0 };
	struct forge_door *d = NULL;
	json_t *told = NULL;
	char why[512];
	int r = stop_point(e);

	if (r == 0)
		r = pr_message(&p->in, &title, e);
	if (r == 0)
		r = pr_render(&p->in, &body, e);
	if (r == 0)
		r = forge_open(w->p->config, w->p->service, &d, e);
	if (r == 0)
		r = reviewers_find(w, p, &reviewers, e);
	if (r == 0) {
		title.p[strcspn(title.p, "\n")] = '\0'; /* the commit's subject */
		at.title = title.p;
		at.body = body.p;
		at.reviewers = &reviewers;
		log_progress("a draft at '%s'", w->p->service->forge.name);
		r = forge_propose(d, w->world.git, w->p->audit, &at, &told, why, e);
	}
	forge_close(d);
	strlist_release(&reviewers);
	if (r == 1)
		work_end(w, OUTCOME_NEEDS_PERSON, "%s", why);
	else if (r == 0 &&
		 json_object_set_new(json_object_get(p->record[STAGE_PULLREQ], "measured"),
				     "pull_request", told) < 0)
		r = err_set(e, ENOMEM, "out of memory");
	return r < 0 ? r : 0;
}

static void say_proposed(struct work *w, const struct proposal *p, const char *branch)
{
	const json_t *at = json_object_get(json_object_get(p->record[STAGE_PULLREQ], "measured"),
					   "pull_request");
	const char *url = json_string_value(json_object_get(at, "url"));

	if (url)
		work_end(w, OUTCOME_PROPOSED, "%.300s awaits a person", url);
	else
		work_end(w, OUTCOME_PROPOSED, "branch %s awaits a person", branch);
}

/* The branch of its own; of a case that begins another one again, that of the pull request that
 * it brings up to date. */
static int choose_branch(struct work *w, struct pull_at *to, struct err *e)
{
	char why[512];
	int r = 0;

	*to = (struct pull_at){ 0 };
	if (w->p->service->forge.name)
		r = refresh_pull(w->p, to, why, e);
	if (r == 1)
		work_end(w, OUTCOME_NEEDS_PERSON, "%s", why);
	if (!to->branch[0])
		(void)snprintf(to->branch, sizeof(to->branch), "sickbay/%s", case_id(w->p->kase));
	return r < 0 ? r : 0;
}

int stage_pullreq(struct work *w, struct err *e)
{
	struct proposal p = { 0 };
	struct pull_at to = { 0 };
	char oid[65];
	int r = trust_before_proposal(w, e);

	if (r == 0 && w->outcome < 0)
		r = choose_branch(w, &to, e);
	if (r < 0 || w->outcome >= 0)
		return r;
	r = work_load_replica(w, e);
	if (r == 0)
		r = load_records(w, &p, to.branch, e);
	if (r == 0)
		r = trust_record(w, json_object_get(p.record[STAGE_PULLREQ], "measured"), e);
	if (r == 0)
		r = check_values(w, &p, to.branch, e);
	if (r < 0 || w->outcome >= 0) {
		proposal_release(&p);
		return r;
	}
	r = make_commit(w, &p, oid, e);
	if (r == 0)
		r = write_texts(w, &p, oid, e);
	if (r == 0 && w->p->service->forge.name)
		r = propose_at_forge(w, &p, &to, oid, e);
	else if (r == 0)
		r = push(w, to.branch, oid, e);
	if (r == 0 && w->outcome < 0)
		r = trust_after_push(w, e);
	if (r == 0) {
		if (w->outcome < 0)
			say_proposed(w, &p, to.branch);
		r = work_publish(w, STAGE_PULLREQ, json_incref(p.record[STAGE_PULLREQ]), e);
	}
	proposal_release(&p);
	return r;
}
