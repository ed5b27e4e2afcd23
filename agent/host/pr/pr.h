/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "agent/host/case/service.h"
#include "policy/change.h"
#include "runtime/base/buf.h"

/*
 * The pull request, as a pure function of a case's records and ledger: the
 * same records give the same bytes.  Text that came from a report, a
 * repository or an agent is data here: it is escaped, so that it can neither
 * link, nor load, nor forge a heading.
 */
struct pr_input {
	const char *case_id;
	const struct service *service;
	const json_t *incident, *replica, *match, *proof; /* the records */
	const json_t *patch; /* the candidate of 4-patch.json that was chosen */
	const json_t *tried; /* 4-patch.json: what else there was */
	const json_t *spent; /* sums of the ledger */
	const struct changes *test_changes, *patch_changes;
	const char *test_path, *evidence; /* SHA-256 of 5-proof.json */
	const char *checkpoint_root;
	unsigned long long checkpoint_size;
};

int pr_render(const struct pr_input *in, struct buf *out, struct err *e);
/* Subject, body and trailers. */
int pr_message(const struct pr_input *in, struct buf *out, struct err *e);

/* The words that stand in every pull request, whatever it is about. */
int pr_words(struct buf *out, struct err *e);

/* ---- shared by the files of this folder ---- */
void md_text(struct buf *b,
	     const char *s); /* prose: control bytes, markup and links made harmless */
void md_code(struct buf *b, const char *s); /* `code`, whatever backticks s holds */
void md_fenced(struct buf *b, const char *lang, const char *s, size_t n);
/* Bytes of a character at the begin of text that is not shown as what it is: 0 when it is harmless.
 */
size_t md_hidden(const char *text);
/* Bytes of a name, an issue or a change that a forge would look up, or act on ("fixes" before it),
 * at s in a text; 0: none. */
size_t md_reference(const char *begin, const char *s);
const char *pr_str(const json_t *o, const char *key); /* "" when there is none */
const json_t *pr_step(const json_t *proof, int step,
		      const char *side); /* a row of the proof, or NULL */
/* authors.c: who wrote what, who else tried, what was paid. */
void pr_authors(const struct pr_input *in, struct buf *b);
/* An agent's prose, marked where it is a model's. */
void pr_prose(struct buf *b, const json_t *agent, const char *text);
void pr_prose_source(const struct pr_input *in, struct buf *b);
void pr_others(const struct pr_input *in, struct buf *b);
void pr_spent(const struct pr_input *in, struct buf *b);
void pr_refusals(const struct pr_input *in, struct buf *b);
void pr_author_words(struct buf *b); /* of all kinds of agents */
void pr_choice(const struct pr_input *in, struct buf *b);
void pr_questions(const struct pr_input *in, struct buf *b);
void pr_question_words(struct buf *b); /* of all questions */
