/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/incident/redact.h"
#include "agent/host/pipeline/stages.h"

/*
 * Production's values within a case: kept apart from its records (STATE/raw),
 * read back for each run of the pipeline, and kept out of everything that
 * leaves.  See docs/adr/0050-where-production-s-values-are.md.
 */

/* Keeps what production said in STATE/raw, owned by the case; *record gets the incident without its
 * values and, under "measured", where they are. */
int privacy_keep(const struct pipeline *p, const struct incident *i, json_t *record, struct err *e);
/* The incident with its values, as privacy_keep() kept it. -EIDRM: they were erased. */
int privacy_load(const struct pipeline *p, const json_t *record, struct incident *out,
		 struct err *e);
/* All values of the work's incident, without those that stand in the repository at the base commit
 * or in the operator's own files. */
int privacy_values(struct work *w, struct redact **out, struct err *e);
/* Masks what a stage says in words, in place: a record holds no value of production. */
int privacy_mask_record(const struct redact *r, json_t *record, struct err *e);
/* 1: a text of the pull request holds a value, and why says where; 0: none does. */
int privacy_check_text(const struct redact *r, const char *what, const struct buf *text,
		       char why[256], struct err *e);
