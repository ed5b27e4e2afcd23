/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/case.h"
#include "runtime/proto/audit.h"

/*
 * How a process that works on a case hears of the operator: a pause freezes its
 * replicas and makes it wait where it stands, and a cancel (a file "cancel" in
 * the case's directory) ends them.  It looks four times a second while it waits
 * for replicas, and before each effect.  One case at a time.
 */
struct stop_watch {
	const char *state, *service; /* service NULL: only a pause of everything counts */
	struct kase *kase; /* NULL: nothing that could be cancelled (service check, ...) */
	struct audit *audit;
};

/* Everything is borrowed until stop_end(). */
int stop_begin(const struct stop_watch *w, struct err *e);
void stop_end(void);
/* Returns once nothing is paused; -ECANCELED when the case is to end. 0 without stop_begin(). */
int stop_point(struct err *e);

/* Called before it stands still for a pause, and before a cancel ends things: whoever has something
 * under way outside of replicas ends it there. One at a time; NULL: none. */
void stop_on_hold(void (*f)(void *ctx), void *ctx);

struct stop_request {
	const char *reason;
	bool keep; /* what replicas wrote goes to STATE/kept/CASE first */
};
/* Asks whoever works on the case to end it; it need not be locked. */
int stop_ask(struct kase *k, const struct stop_request *req, struct err *e);
/* Whether that was asked of the case: 1 and the reason, or 0. */
int stop_asked(const struct kase *k, char reason[256]);

/* Removes STATE/kept/CASE; -ENOENT when there is none. */
int kept_discard(const char *state, const char *id, struct err *e);
/* {"replicas":[names],"path"} or NULL when nothing was kept. */
json_t *kept_show(const char *state, const char *id);
