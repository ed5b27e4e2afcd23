/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/pipeline/candidate.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/pipeline/privacy.h"
#include "agent/host/pr/pr.h"
#include "runtime/base/fd.h"

#define KEPT_MAX (64u << 20)

static const int refused_as[] = { [PROOF_ACCEPTED] = -1,
				  [PROOF_REFUSED] = OUTCOME_NO_FIX,
				  [PROOF_ALREADY_FIXED] = OUTCOME_ALREADY_FIXED,
				  [PROOF_NEEDS_SCOPE] = OUTCOME_NEEDS_SCOPE };

void trial_release(struct trial *t)
{
	json_decref(t->record);
	*t = (struct trial){ 0 };
}

/* ---- one that was tried in an earlier run, or by an earlier stage ---- */

static void kept_name(size_t i, char out[64])
{
	(void)snprintf(out, 64, "attempts/proof-%zu.json", i);
}

/* 1: it is there, and of this very change. */
static int load(struct work *w, size_t i, const char *digest, struct trial *t, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(KEPT_MAX);
	AUTO_JSON json_t *v = NULL;
	struct err none = ERR_INIT;
	const char *word;
	char name[64];
	int r;

	kept_name(i, name);
	r = file_read_at(case_dir(w->p->kase), name, KEPT_MAX, &text, &none);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set(e, -r, "%s", none.msg);
	v = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	if (strcmp(pr_str(v, "patch"), digest) != 0)
		return 0;
	word = json_string_value(json_object_get(v, "outcome"));
	t->outcome = word ? outcome_from_name(word) : -1;
	(void)snprintf(t->says, sizeof(t->says), "%s", pr_str(v, "says"));
	t->record = json_incref(json_object_get(v, "record"));
	return t->record ? 1 : err_set(e, EBADMSG, "%s: not as it was written", name);
}

static int store(struct work *w, size_t i, const char *digest, const struct trial *t, struct err *e)
{
	AUTO_JSON json_t *v = json_pack("{s:s,s:s*,s:s,s:O}", "patch", digest, "outcome",
					t->outcome < 0 ? NULL : outcome_name(t->outcome), "says",
					t->says, "record", t->record);
	AUTO_FREE char *text = NULL;
	char name[64];

	if (v && w->values && privacy_mask_record(w->values, v, e) < 0)
		return -e->code;
	text = v ? json_dumps(v, JSON_INDENT(1) | JSON_ENSURE_ASCII) : NULL;
	if (!text)
		return err_set(e, ENOMEM, "out of memory");
	kept_name(i, name);
	return case_write(w->p->kase, name, text, strlen(text), e);
}

/* ---- the trial ---- */

static int prove(struct work *w, struct trial *t, struct err *e)
{
	int verdict = PROOF_REFUSED;
	const json_t *no;
	int r = work_prove(w, &verdict, &t->record, e);

	if (r < 0)
		return r;
	t->outcome = refused_as[verdict];
	no = json_object_get(t->record, "refused");
	if (verdict != PROOF_ACCEPTED)
		(void)snprintf(t->says, sizeof(t->says),
			       "proof step %d (%s) refused the patch: %.300s",
			       (int)json_integer_value(json_object_get(no, "step")),
			       pr_str(no, "name"), pr_str(no, "reason"));
	return 0;
}

/* What is in its way before anything is run. */
static int refuse(struct work *w, struct trial *t, struct err *e)
{
	t->outcome = w->outcome;
	(void)snprintf(t->says, sizeof(t->says), "%s", w->reason);
	w->outcome = -1;
	w->reason[0] = '\0';
	t->record = json_pack("{s:s,s:s}", "result", "none", "why", t->says);
	return t->record ? 0 : err_set(e, ENOMEM, "out of memory");
}

static int try_it(struct work *w, const json_t *candidate, struct trial *t, struct err *e)
{
	int r = work_load_proof(w, e);

	if (r == 0 && w->outcome < 0)
		r = trust_before_proof(w, json_object_get(candidate, "agent"), e);
	if (r < 0)
		return r;
	return w->outcome >= 0 ? refuse(w, t, e) : prove(w, t, e);
}

static size_t count_lines(const struct changes *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		size_t added, removed;

		change_line_counts(&c->v[i], &added, &removed);
		n += added + removed;
	}
	return n;
}

int candidate_try(struct work *w, const json_t *candidate, size_t i, bool keep, struct trial *out,
		  struct err *e)
{
	struct trial t = { .outcome = -1 };
	char digest[65];
	int r = work_take_patch(w, candidate, e);

	if (r < 0)
		return r;
	changes_digest(&w->patch, digest);
	t.lines = count_lines(&w->patch);
	r = keep ? load(w, i, digest, &t, e) : 0;
	if (r == 0) {
		r = try_it(w, candidate, &t, e);
		if (r == 0 && keep)
			r = store(w, i, digest, &t, e);
	}
	changes_release(&w->patch);
	changes_release(&w->patch_head);
	if (r < 0)
		trial_release(&t);
	else
		*out = t;
	return r < 0 ? r : 0;
}

static int risk_of(const struct trial *t)
{
	static const char *const levels[] = { "low", "medium", "high" };
	const char *level = pr_str(json_object_get(t->record, "risk"), "level");
	int i = 0;

	while (i < 3 && strcmp(level, levels[i]) != 0)
		i++;
	return i;
}

bool candidate_better(const struct trial *a, const struct trial *b)
{
	const int ra = risk_of(a), rb = risk_of(b);

	return ra != rb ? ra < rb : a->lines < b->lines;
}
