/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/candidates.h"
#include "agent/host/pipeline/agents.h"
#include "agent/host/pipeline/candidate.h"

/*
 * Stage 5: the proof.  Where the target moved on, the patch is first brought to
 * its head, by a merge of the texts; what is brought there is nothing that
 * anyone believes: the steps run with it at the head, as they run with the
 * patch at the base commit.
 */

static char *copy_bytes(const char *data, size_t n)
{
	char *copy = malloc(n + 1);

	if (!copy)
		return NULL;
	memcpy(copy, data, n);
	copy[n] = '\0';
	return copy;
}

/* A change with other texts; both may be NULL. */
static int put_change(struct changes *to, const struct change *like, const struct git_text *was,
		      const struct git_text *is, struct err *e)
{
	struct change ch = *like;

	ch.path = strdup(like->path);
	ch.old_data = was->p ? copy_bytes(was->p, was->n) : NULL;
	ch.old_len = was->n;
	ch.new_data = is->p ? copy_bytes(is->p, is->n) : NULL;
	ch.new_len = is->n;
	if (ch.path && (ch.old_data || !was->p) && (ch.new_data || !is->p))
		return changes_put(to, &ch) < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
	free(ch.path);
	free(ch.old_data);
	free(ch.new_data);
	return err_set(e, ENOMEM, "out of memory");
}

/* -ENOENT quietly: the head has no such file. */
static int head_text(struct work *w, const char *path, struct buf *out, struct err *e)
{
	struct err none = ERR_INIT;
	const int r = source_read_file(w->world.store, &w->world.side[SIDE_HEAD].source,
				       w->p->service->run.cwd, path, out, &none);

	return r < 0 && r != -ENOENT && r != -ENOTDIR ? err_set(e, -r, "%s", none.msg)
						      : (r < 0 ? -ENOENT : 0);
}

static void cannot(struct work *w, const char *path, const char *why)
{
	work_end(w, OUTCOME_NEEDS_PERSON,
		 "'%.200s' differs between the base commit and %.100s: the patch does not apply "
		 "there (%s)",
		 path, w->p->service->repository.target, why);
}

static int merge_one(struct work *w, const struct change *ch, const struct buf *now, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(64u << 20);
	const struct git_merge m = { .scratch = w->world.scratch_path,
				     .ours = { now->p ? now->p : "", now->n },
				     .was = { ch->old_data, ch->old_len },
				     .theirs = { ch->new_data, ch->new_len } };
	struct git_text is;
	const int r = git_merge_text(w->world.git, &m, &out, e);

	if (r < 0)
		return r;
	if (r == 0) {
		cannot(w, ch->path, "the same lines were changed, or it is not text");
		return 0;
	}
	w->merged = true;
	is = (struct git_text){ out.p ? out.p : "", out.n };
	return put_change(&w->patch_head, ch, &m.ours, &is, e);
}

static int bring_one(struct work *w, const struct change *ch, struct err *e)
{
	const struct git_text was = { ch->old_data, ch->old_len },
			      is = { ch->new_data, ch->new_len };
	AUTO_BUF struct buf now = BUF_INIT(0);
	const int r = head_text(w, ch->path, &now, e);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT && ch->kind != CHANGE_ADD)
		cannot(w, ch->path, "it is not there any more");
	else if (r == 0 && ch->kind == CHANGE_ADD)
		cannot(w, ch->path, "it was added there, too");
	else if (r == -ENOENT ||
		 (now.n == ch->old_len && memcmp(now.n ? now.p : "", ch->old_data, now.n) == 0))
		return put_change(&w->patch_head, ch, &was, &is, e);
	else if (ch->kind == CHANGE_MODIFY && ch->type == ch->old_type &&
		 ch->type != CHANGE_SYMLINK)
		return merge_one(w, ch, &now, e);
	else
		cannot(w, ch->path, "only a changed file can be merged");
	return 0;
}

/* A new test must be new at the head as well. */
static int check_test(struct work *w, struct err *e)
{
	for (size_t i = 0; i < w->test.n; i++) {
		const struct change *ch = &w->test.v[i];
		AUTO_BUF struct buf now = BUF_INIT(0);
		const int r = ch->kind == CHANGE_ADD ? head_text(w, ch->path, &now, e) : -ENOENT;

		if (r < 0 && r != -ENOENT)
			return r;
		if (r == 0 && (now.n != ch->new_len ||
			       memcmp(now.n ? now.p : "", ch->new_data, now.n) != 0)) {
			work_end(w, OUTCOME_NEEDS_PERSON,
				 "the new test '%.200s' would replace a file of that name at the "
				 "head of %.100s",
				 ch->path, w->p->service->repository.target);
			return 0;
		}
	}
	return 0;
}

int work_bring_to_head(struct work *w, struct err *e)
{
	int r = 0;

	changes_release(&w->patch_head);
	w->merged = false;
	if (w->same_head)
		return 0;
	for (size_t i = 0; r == 0 && w->outcome < 0 && i < w->patch.n; i++)
		r = bring_one(w, &w->patch.v[i], e);
	return r < 0 || w->outcome >= 0 ? r : check_test(w, e);
}

static json_t *digest(const struct changes *c)
{
	char hex[65];

	changes_digest(c, hex);
	return json_sprintf("sha256:%s", hex);
}

/* Which test and which patch the steps ran with: the one that is proposed, at the head. */
static int note_proven(const struct work *w, json_t *record, struct err *e)
{
	json_t *proven = json_pack("{s:o,s:o}", "test", digest(&w->test), "patch",
				   digest(w->merged ? &w->patch_head : &w->patch));
	int r = json_object_set_new(record, "proven", proven);

	if (r == 0 && w->merged) {
		r = json_object_set_new(proven, "patch_at_base", digest(&w->patch));
		r |= json_object_set_new(record, "at_head", changes_to_json(&w->patch_head));
	}
	if (r == 0)
		return 0;
	json_decref(record);
	return err_set(e, ENOMEM, "out of memory");
}

int work_load_proof(struct work *w, struct err *e)
{
	int r = work_load_test(w, e);

	if (r == 0)
		r = work_load_replica(w, e);
	if (r == 0)
		r = work_load_patch(w, e);
	return r < 0 ? r : work_bring_to_head(w, e);
}

int work_prove(struct work *w, int *verdict, json_t **record, struct err *e)
{
	struct proof_input in;
	int r;

	work_proof_input(w, &in);
	r = proof_run(&in, verdict, record, e);
	if (r < 0)
		return r;
	r = note_proven(w, *record, e);
	if (r < 0) /* it let go of it */
		*record = NULL;
	return r;
}

/* ---- which of the candidates ---- */

struct trials {
	const json_t *patch; /* 4-patch.json */
	struct trial v[AGENTS_MAX];
	size_t n;
};

static int try_all(struct work *w, struct trials *t, struct err *e)
{
	const size_t n = candidate_count(t->patch);
	int r = n && n <= AGENTS_MAX
			? 0
			: err_set(e, EBADMSG, "4-patch.json: %zu candidates, expected 1 to %d", n,
				  AGENTS_MAX);

	for (size_t i = 0; r == 0 && i < n; i++) {
		r = candidate_try(w, candidate_at(t->patch, i), i, n > 1, &t->v[i], e);
		t->n += r == 0;
	}
	return r;
}

/* The best that was accepted; where none was, the first one. */
static size_t choose(const struct trials *t)
{
	size_t best = 0;

	for (size_t i = 1; i < t->n; i++)
		if (t->v[i].outcome < 0 &&
		    (t->v[best].outcome >= 0 || candidate_better(&t->v[i], &t->v[best])))
			best = i;
	return best;
}

/* What became of the others stands beside the proof of the one that was chosen. */
static int note_others(const struct trials *t, size_t best, json_t *record, struct err *e)
{
	json_t *others = json_array();
	int r = others ? json_object_set_new(record, "others", others) : -1;

	r |= json_object_set_new(record, "candidate", json_integer((json_int_t)best));
	for (size_t i = 0; r == 0 && i < t->n; i++) {
		const struct trial *o = &t->v[i];
		const json_t *agent = json_object_get(candidate_at(t->patch, i), "agent");

		if (i != best)
			r = json_array_append_new(
				others,
				json_pack("{s:I,s:s*,s:s,s:s,s:O*,s:O*}", "candidate",
					  (json_int_t)i, "agent", candidate_author(agent),
					  "verdict", o->outcome < 0 ? "accepted" : "refused",
					  "says",
					  o->outcome < 0 ? "it holds, but ranks lower" : o->says,
					  "refused", json_object_get(o->record, "refused"), "risk",
					  json_object_get(o->record, "risk")));
	}
	return r ? err_set(e, ENOMEM, "out of memory") : 0;
}

static void end_refused(struct work *w, const struct trials *t)
{
	struct agents_end end = { .outcome = -1, .several = t->n > 1 };

	for (size_t i = 0; i < t->n; i++)
		agents_end_add(&end, json_object_get(candidate_at(t->patch, i), "agent"),
			       t->v[i].outcome, t->v[i].says);
	work_end(w, end.outcome, "%s", end.reason);
}

static int conclude(struct work *w, struct trials *t, struct err *e)
{
	const size_t best = choose(t);
	json_t *record = t->v[best].record;
	int r = t->n > 1 ? note_others(t, best, record, e) : 0;

	if (r < 0)
		return r;
	if (t->v[best].outcome >= 0)
		end_refused(w, t);
	return work_publish(w, STAGE_PROOF, json_incref(record), e);
}

int stage_proof(struct work *w, struct err *e)
{
	AUTO_JSON json_t *patch = NULL;
	struct trials t = { 0 };
	int r = case_record(w->p->kase, STAGE_PATCH, &patch, e);

	t.patch = patch;
	if (r == 0)
		r = try_all(w, &t, e);
	if (r == 0)
		r = conclude(w, &t, e);
	for (size_t i = 0; i < t.n; i++)
		trial_release(&t.v[i]);
	return r;
}
