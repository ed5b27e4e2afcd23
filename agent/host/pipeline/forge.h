/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/git.h"
#include "agent/host/case/host_config.h"
#include "agent/host/case/service.h"
#include "runtime/proto/audit.h"
#include "runtime/proto/broker_forge.h"

/*
 * Where pull requests are opened: by sickbay-broker, at the forge that the
 * service names.  A branch goes to the fork, never to the repository itself, and
 * only where the token could not merge there (promise 3): that is asked each
 * time, before anything is pushed.
 */
struct forge_door;

/* One broker for this forge. -ENOENT: the host's configuration has none of that name. */
int forge_open(const struct host_config *c, const struct service *s, struct forge_door **out,
	       struct err *e);
void forge_close(struct forge_door *d); /* NULL is fine */

/*
 * What the token may do, of both repositories: {"repository": {...}, "fork": {...}}.  1: it may
 * more than propose, and `why` says what to change; 0: it may not; <0: unknown.
 */
int forge_exposure(struct forge_door *d, json_t **about, char why[512], struct err *e);

struct forge_proposal {
	const char *branch, *oid, *base; /* sickbay/CASE, its commit, the target's branch */
	const char *title, *body;
	const struct strlist *reviewers; /* where the service file names none; NULL: nobody */
	/* What the branch is where it is there already; NULL: our own.  Anything else is a
	 * person's work, and nothing is pushed.  Labels and reviewers stay as they are then. */
	const char *lease;
	uint64_t number; /* of the pull request that is brought up to date, or 0 */
};
/*
 * Pushes the branch and opens the draft, or brings both up to date; each is in the log before it
 * happens.  1: refused by the forge or by forge_exposure(), why says so; 0: *out is
 * {"forge","repository","number","url","state"} with "notes" of what was wanted and not had.
 */
int forge_propose(struct forge_door *d, struct git *g, struct audit *log,
		  const struct forge_proposal *p, json_t **out, char why[512], struct err *e);
/* How it stands: release with forge_end_map. 1: it is not told, out->result and why say why. */
int forge_look(struct forge_door *d, uint64_t number, struct forge_end *out, char why[512],
	       struct err *e);
/* Closes it with a reason where it is open; in the log first. 1: it was not, why says so. */
int forge_close_pull(struct forge_door *d, struct audit *log, uint64_t number, const char *reason,
		     char why[512], struct err *e);
