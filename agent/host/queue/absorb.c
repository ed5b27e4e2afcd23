/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/queue/absorb.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/queue/spool.h"
#include "agent/host/queue/storm.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/sys.h"

/*
 * One turn: the oldest reports of the spool are read, added to their incidents
 * in memory, each incident is written once, then the reports are removed.  A
 * kill in between leaves reports whose names the incidents have: the next turn
 * does not count those again.
 */
#define TURN 256

struct touched {
	struct group group;
	bool is_new;
	struct strlist names; /* of this turn's reports */
};

struct turn {
	const struct queue *q;
	int spool;
	struct touched *v;
	size_t n;
};

static void turn_release(struct turn *t)
{
	for (size_t i = 0; i < t->n; i++) {
		group_release(&t->v[i].group);
		strlist_release(&t->v[i].names);
	}
	free(t->v);
}

/* 0: *out is the incident, as it is on disk or zeroed. */
static int find(struct turn *t, const char *id, struct touched **out, struct err *e)
{
	struct touched *v;
	struct err none = ERR_INIT;
	int r;

	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->v[i].group.id, id) == 0) {
			*out = &t->v[i];
			return 0;
		}
	v = realloc(t->v, (t->n + 1) * sizeof(*v));
	if (!v)
		return err_set(e, ENOMEM, "out of memory");
	t->v = v;
	v[t->n] = (struct touched){ 0 };
	r = group_load(t->q->state, id, &v[t->n].group, &none);
	if (r < 0 && r != -ENOENT)
		return err_set(e, -r, "%s", none.msg);
	v[t->n].is_new = r < 0;
	*out = &v[t->n];
	return 0;
}

static int add(struct turn *t, const char *name, const struct queue_report *from, struct err *e)
{
	char id[GROUP_ID_LEN];
	struct touched *to = NULL;
	int r;

	group_id(from->service, from->incident->fingerprint, id);
	r = find(t, id, &to, e);
	if (r < 0)
		return r;
	if (!to->group.id || !strlist_has(&to->group.absorbed, name))
		r = group_add(t->q, &to->group, from, e);
	if (r == 0 && to == &t->v[t->n])
		t->n++;
	else if (r < 0 && to == &t->v[t->n])
		group_release(&to->group);
	if (r == 0 && strlist_add(&to->names, name) < 0)
		r = err_set(e, ENOMEM, "out of memory");
	return r;
}

static int read_report(struct turn *t, const char *name, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	struct incident i = { 0 };
	struct queue_report from = { .incident = &i };
	int r = spool_read(t->spool, name, REPORT_SCHEMA, &v, e);

	if (r == 0)
		r = incident_read(json_object_get(v, "incident"), &i, e);
	if (r < 0 && r != -ENOMEM && r != -EIO) {
		(void)err_wrap(e, "%s", name);
		e->code = EBADMSG; /* whatever it is: trying again makes it no better */
	}
	if (r < 0)
		return -e->code;
	from.service = json_string_value(json_object_get(v, "service"));
	from.service_file = json_string_value(json_object_get(v, "service_file"));
	r = !from.service || !from.service_file || !i.fingerprint
		    ? err_set(e, EBADMSG, "'%s' is not whole", name)
		    : add(t, name, &from, e);
	incident_release(&i);
	return r;
}

/* What is no report of ours is kept aside: nothing else would ever take it away. */
static int put_aside(struct turn *t, const char *name, struct err *e)
{
	AUTO_CLOSE int at = spool_dir(t->q->state, "spool/refused", e);

	if (at < 0)
		return at;
	log_warn("report '%s' is put aside in spool/refused", name);
	return renameat(t->spool, name, at, name) < 0 ? err_sys(e, "put aside '%s'", name) : 0;
}

static int save(struct turn *t, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < t->n && r == 0; i++) {
		struct touched *to = &t->v[i];

		strlist_release(&to->group.absorbed);
		to->group.absorbed = to->names;
		to->names = (struct strlist){ 0 };
		if (to->is_new)
			r = storm_consider(t->q, &to->group, true, e);
		if (r == 0)
			r = group_save(t->q->state, &to->group, e);
		for (size_t n = 0; n < to->group.absorbed.n && r == 0; n++)
			if (unlinkat(t->spool, to->group.absorbed.v[n], 0) < 0)
				r = err_sys(e, "remove '%s'", to->group.absorbed.v[n]);
	}
	return r;
}

static int run_turn(struct turn *t, const struct strlist *names, size_t *taken, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < names->n && i < TURN && r == 0; i++) {
		r = read_report(t, names->v[i], e);
		if (r == -EBADMSG) {
			log_warn("%s", e->msg);
			r = put_aside(t, names->v[i], e);
			continue;
		}
		*taken += r == 0;
	}
	return r < 0 ? r : save(t, e);
}

int queue_absorb(const struct queue *q, size_t *taken, struct err *e)
{
	AUTO_CLOSE int lock = spool_enter(q->state, e);
	AUTO_CLOSE int at = lock < 0 ? -1 : spool_dir(q->state, "spool/new", e);
	struct turn t = { .q = q, .spool = at };
	struct strlist names = { 0 };
	int r = at < 0 ? -e->code : spool_names(q->state, "spool/new", &names, e);

	*taken = 0;
	if (r == 0 && names.n)
		r = run_turn(&t, &names, taken, e);
	turn_release(&t);
	strlist_release(&names);
	return r;
}

int absorb_one(const struct queue *q, const struct queue_report *from, struct group *out,
	       struct err *e)
{
	struct err none = ERR_INIT;
	char id[GROUP_ID_LEN];
	struct group g = { 0 };
	bool is_new;
	int r;

	group_id(from->service, from->incident->fingerprint, id);
	r = group_load(q->state, id, &g, &none);
	if (r < 0 && r != -ENOENT)
		return err_set(e, -r, "%s", none.msg);
	is_new = r == -ENOENT;
	r = group_add(q, &g, from, e);
	if (r == 0 && is_new)
		r = storm_consider(q, &g, false, e);
	if (r == 0)
		r = group_save(q->state, &g, e);
	if (r < 0)
		group_release(&g);
	else
		*out = g;
	return r;
}
