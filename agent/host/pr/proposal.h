/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/case.h"
#include "agent/host/pr/pr.h"

/*
 * What a pull request is made of, read from a case's records alone: the same
 * reader serves the stage that makes it and whoever checks it later, far from
 * the service file and the ledger.  What is not in the records before it is in
 * 6-pullreq.json: "service" (of the service file), and under "measured" the
 * "checkpoint", what was "spent" and, once it is made, the "commit".
 */
struct proposal {
	json_t *record[STAGE_N]; /* the records, owned; the ones that are used are 0 to 5 */
	char evidence[65];	 /* SHA-256 of 5-proof.json */
	struct service service;	 /* only what pr_service_write() keeps */
	struct changes test, patch;
	const char *date; /* of the commit: RFC 3339 */
	struct pr_input in;
};

#define PR_TEXT_MAX   (1u << 20)
#define PR_PATCH_MAX  (64u << 20)
#define PR_AUTHOR     "sickbay <sickbay@localhost>"
#define PR_TEXT_FILE  "pr.md"
#define PR_PATCH_FILE "fix.patch"

/* Fills the rest from record[] and evidence; on failure *p must still be released. */
int proposal_read(struct proposal *p, const char *case_id, struct err *e);
void proposal_release(struct proposal *p);
/* The patch as `git am` takes it. */
int proposal_patch(const struct proposal *p, const char *commit, struct buf *out, struct err *e);

/* The part of a service file that the text is made from: {"target","root","check"}. */
json_t *pr_service_write(const struct service *s);
