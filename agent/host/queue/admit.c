/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/queue/admit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/case/case.h"
#include "agent/host/case/decide.h"
#include "agent/host/case/house.h"
#include "agent/host/case/mode.h"
#include "agent/host/case/pause.h"
#include "agent/host/queue/absorb.h"
#include "agent/host/queue/bounds.h"
#include "agent/host/queue/spool.h"
#include "agent/host/queue/storm.h"
#include "runtime/base/fd.h"

struct question {
	const struct queue *q;
	const struct service *s;
	const struct group *g;
	int state; /* enum group_state */
	const char *kase, *replaces;
};

/* Each rule: a verdict, why filled where it is not QUEUE_GO; <0 unknown. */
typedef int rule_fn(const struct question *a, char why[QUEUE_WHY], struct err *e);

static int rule_paused(const struct question *a, char why[QUEUE_WHY], struct err *e)
{
	char reason[PAUSE_WHY];
	const int r = pause_active(a->q->state, a->g->service, reason, e);

	if (r == 1)
		(void)snprintf(why, QUEUE_WHY, "paused: %s (sickbay unpause)", reason);
	return r < 0 ? r : r == 1 ? QUEUE_WAIT : QUEUE_GO;
}

static int rule_full(const struct question *a, char why[QUEUE_WHY], struct err *e)
{
	char reason[256];
	const int r = house_may_start(a->q->state, a->q->config, reason, e);

	if (r == 0)
		(void)snprintf(why, QUEUE_WHY, "%s", reason);
	return r < 0 ? r : r == 0 ? QUEUE_WAIT : QUEUE_GO;
}

/* To go on with a case needs less than to begin one, but not nothing: a run that fails for want of
 * room is a run that failed. */
static int rule_room(const struct question *a, char why[QUEUE_WHY], struct err *e)
{
	(void)e;
	if (!house_is_full(a->q->state, 0))
		return QUEUE_GO;
	(void)snprintf(
		why, QUEUE_WHY,
		"'%.200s' has no room left: it goes on when there is some, see `sickbay df` and "
		"`sickbay gc`",
		a->q->state);
	return QUEUE_WAIT;
}

static int rule_suppressed(const struct question *a, char why[QUEUE_WHY], struct err *e)
{
	char reason[256];
	const int r = decision_suppressed(a->q->state, a->g->service, a->g->fingerprint, reason, e);

	if (r == 1)
		(void)snprintf(why, QUEUE_WHY, "suppressed: %s", reason);
	return r < 0 ? r : r == 1 ? QUEUE_CLOSED : QUEUE_GO;
}

static int rule_live(const struct question *a, char why[QUEUE_WHY], struct err *e)
{
	(void)e;
	if (a->state == GROUP_REPAIRING) {
		(void)snprintf(why, QUEUE_WHY, "incident '%s' is being repaired already: %s%s",
			       a->g->id, a->kase ? "case " : "its case begins just now",
			       a->kase ? a->kase : "");
		return QUEUE_WAIT;
	}
	if (a->state == GROUP_INTERRUPTED) {
		(void)snprintf(why, QUEUE_WHY,
			       "case '%s' of this incident has not ended: 'sickbay case resume %s' "
			       "goes on with it, 'sickbay case cancel %s' ends it",
			       a->kase, a->kase, a->kase);
		return QUEUE_WAIT;
	}
	return QUEUE_GO;
}

/* An alert of its own, without a report to repair: nobody waits for it any more. */
static int rule_resolved(const struct question *a, char why[QUEUE_WHY], struct err *e)
{
	(void)e;
	if (!a->g->resolved)
		return QUEUE_GO;
	(void)snprintf(why, QUEUE_WHY, "resolved: the alert ended at %s", a->g->resolved);
	return QUEUE_CLOSED;
}

static int rule_storm(const struct question *a, char why[QUEUE_WHY], struct err *e)
{
	char reason[256];
	const int r = storm_holds(a->q->state, a->g, reason, e);

	if (r == 1)
		(void)snprintf(why, QUEUE_WHY, "%s", reason);
	return r < 0 ? r : r == 1 ? QUEUE_WAIT : QUEUE_GO;
}

static int rule_bounds(const struct question *a, char why[QUEUE_WHY], struct err *e)
{
	const struct bounds_ask bounds = { a->s, a->g, a->replaces };
	int mode = MODE_OBSERVE;
	int r = service_mode_now(a->q->state, a->s, &mode, e);

	if (r < 0 || mode != MODE_PROPOSE)
		return r;
	r = bounds_reached(a->q, &bounds, why, e);
	return r < 0 ? r : r == 1 ? QUEUE_WAIT : QUEUE_GO;
}

static int ask_all(const struct question *a, char why[QUEUE_WHY], struct err *e)
{
	/* whoever reads only the first reason should read the one that a person set */
	/* cppcheck-suppress ctuArrayIndex */
	static rule_fn *const rules[] = { rule_paused, rule_suppressed, rule_resolved, rule_live,
					  rule_storm,  rule_full,	rule_bounds };
	int r = QUEUE_GO;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && r == QUEUE_GO; i++)
		r = rules[i](a, why, e);
	return r;
}

int queue_check(const struct queue *q, const struct service *s, const struct group *g,
		char why[QUEUE_WHY], struct err *e)
{
	struct question a = { .q = q, .s = s, .g = g };

	a.state = group_state(q, g, &a.kase);
	if (a.state == GROUP_INTERRUPTED) { /* to go on is not to begin: it holds what it holds */
		int r = rule_paused(&a, why, e);

		if (r == QUEUE_GO)
			r = rule_storm(&a, why, e);
		return r == QUEUE_GO ? rule_room(&a, why, e) : r;
	}
	return ask_all(&a, why, e);
}

/* The place that was reported, as a path of the repository: services may share one. */
static int lock_place(struct claim *c, const struct service *s, const char *file, char why[256],
		      struct err *e)
{
	AUTO_FREE char *path = NULL;
	struct strlist paths = { 0 };
	int r;

	if (!file)
		return 0;
	if (asprintf(&path, "%s%s%s", s->repository.root, *s->repository.root ? "/" : "", file) <
		    0 ||
	    strlist_add(&paths, path) < 0)
		return err_set(e, ENOMEM, "out of memory");
	r = claim_paths(c, s->repository.url, &paths, why, e);
	strlist_release(&paths);
	return r;
}

/* The lease of the incident, and of the place that it reports. */
static int take(const struct queue *q, const struct service *s, struct admission *a,
		char why[QUEUE_WHY], struct err *e)
{
	char holder[256] = "";
	int r = queue_claim(q->state, a->group.id, &a->claim, e);

	if (r == 0)
		r = lock_place(a->claim, s, a->group.file, holder, e);
	if (r == 1) {
		struct err none = ERR_INIT;

		(void)queue_complete(a->claim, &none);
		(void)snprintf(why, QUEUE_WHY, "%s: wait for it to end", holder);
		return QUEUE_WAIT;
	}
	return r;
}

int queue_admit(const struct queue *q, const struct queue_ask *ask, struct admission *out,
		char why[QUEUE_WHY], struct err *e)
{
	struct admission a = ADMISSION_INIT;
	struct question question = {
		.q = q, .s = ask->service, .g = &a.group, .replaces = ask->replaces
	};
	int r;

	r = q->audit ? house_tidy(q->state, q->config, q->audit, e) : 0;
	if (r < 0)
		return r;
	a.lock = spool_enter(q->state, e);
	if (a.lock < 0)
		return a.lock;
	r = ask->id ? group_load(q->state, ask->id, &a.group, e)
		    : absorb_one(q, ask->report, &a.group, e);
	if (r == 0) {
		question.state = group_state(q, &a.group, &question.kase);
		r = ask_all(&question, why, e);
	}
	if (r == QUEUE_GO)
		r = take(q, ask->service, &a, why, e);
	if (r != QUEUE_GO) {
		queue_release(a.claim);
		a.claim = NULL;
		admission_close(&a);
		return r;
	}
	*out = a;
	return QUEUE_GO;
}

int admission_case(const struct queue *q, struct admission *a, const char *kase, struct err *e)
{
	if (!strlist_has(&a->group.cases, kase) && strlist_add(&a->group.cases, kase) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return group_save(q->state, &a->group, e);
}

void admission_close(struct admission *a)
{
	group_release(&a->group);
	if (a->lock >= 0)
		(void)close(a->lock);
	a->lock = -1;
}

int queue_reclaim(const struct queue *q, const struct kase *k, const struct service *s,
		  struct claim **out, struct err *e)
{
	AUTO_CLOSE int lock = spool_enter(q->state, e);
	AUTO_JSON json_t *v = NULL;
	struct claim *c = NULL;
	const json_t *incident;
	const char *service, *fingerprint;
	char id[GROUP_ID_LEN], why[256] = "";
	int r = lock < 0 ? lock : case_record(k, STAGE_INCIDENT, &v, e);

	if (r < 0)
		return r;
	incident = json_object_get(v, "incident");
	service = json_string_value(json_object_get(json_object_get(v, "service"), "name"));
	fingerprint = json_string_value(json_object_get(incident, "fingerprint"));
	group_id(service ? service : s->name, fingerprint ? fingerprint : case_id(k), id);
	r = queue_claim(q->state, id, &c, e);
	if (r == 0)
		r = lock_place(c, s,
			       json_string_value(json_object_get(
				       json_object_get(incident, "coordinate"), "file")),
			       why, e);
	if (r != 0) {
		queue_release(c);
		return r < 0 ? r : err_set(e, EBUSY, "%s: wait for it to end", why);
	}
	*out = c;
	return 0;
}

int queue_ran(const struct queue *q, const char *id, bool failed, struct err *e)
{
	AUTO_CLOSE int lock = spool_enter(q->state, e);
	struct group g = { 0 };
	int r = lock < 0 ? lock : group_load(q->state, id, &g, e);

	if (r == 0 && (failed || g.failures)) {
		g.failures = failed ? g.failures + 1 : 0;
		r = group_save(q->state, &g, e);
	}
	group_release(&g);
	return r;
}

/* A case whose first record was never written holds nothing: it is as if it had not been made. */
static int discard_unbegun(const struct queue *q, struct err *e)
{
	AUTO_JSON json_t *ids = NULL;
	int r = case_list(q->state, &ids, e);

	for (size_t i = 0; i < json_array_size(ids) && r == 0; i++) {
		const char *id = json_string_value(json_array_get(ids, i));
		struct err none = ERR_INIT;
		struct kase *k = NULL;

		if (case_open(q->state, id, false, &k, &none) < 0 ||
		    case_stage(k) != STAGE_INCIDENT) {
			case_close(k);
			continue;
		}
		case_close(k);
		k = NULL;
		if (case_open(q->state, id, true, &k, &none) == 0)
			r = case_discard(q->state, k, e);
		case_close(k);
	}
	return r;
}

/* Leases of processes that are gone: what they held is free, where their cases stand is in those.
 */
static int drop_leases(const char *state, struct err *e)
{
	AUTO_CLOSE int dir = spool_dir(state, "spool/claimed", e);
	struct strlist names = { 0 };
	int r = dir < 0 ? dir : spool_names(state, "spool/claimed", &names, e);

	for (size_t i = 0; i < names.n && r == 0; i++) {
		char id[GROUP_ID_LEN];

		(void)snprintf(id, sizeof(id), "%.*s", (int)strlen(names.v[i]) - 5, names.v[i]);
		if (!queue_is_claimed(state, id) && unlinkat(dir, names.v[i], 0) < 0)
			r = err_sys(e, "remove '%s'", names.v[i]);
	}
	strlist_release(&names);
	return r;
}

/* Half files of any part of sickbay, two folders deep: who still writes one has it locked. */
static int sweep_folder(int top, const char *name, int depth, struct err *e)
{
	AUTO_CLOSE int fd = openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP(cleanup_closedir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, "list '%s'", name);
	(void)take_fd(&fd);
	file_sweep_at(top, name);
	while (r == 0 && depth && (ent = readdir(d)))
		if (ent->d_type == DT_DIR && ent->d_name[0] != '.')
			r = sweep_folder(dirfd(d), ent->d_name, depth - 1, e);
	return r;
}

int queue_sweep(const struct queue *q, struct err *e)
{
	static const char *const dirs[] = { "spool", "incidents", "storms",
					    "cases", "services",  "raw" };
	AUTO_CLOSE int lock = spool_enter(q->state, e);
	AUTO_CLOSE int top = lock < 0 ? -1 : fd_open_dir(q->state, e);
	int r = top < 0 ? -e->code : 0;

	for (size_t i = 0; r == 0 && i < sizeof(dirs) / sizeof(dirs[0]); i++)
		r = sweep_folder(top, dirs[i], 2, e);
	if (r == 0)
		r = drop_leases(q->state, e);
	return r < 0 ? r : discard_unbegun(q, e);
}
