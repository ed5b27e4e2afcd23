/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/gate/monitor.h"
#include "runtime/base/id.h"

/* What an agent may ask beside evaluations: a command in a fork, whether changes are in scope, what
 * is left to spend. */

/* What is being tried counts as well: its changes are held until its verdict. */
static size_t held(const struct monitor *m)
{
	size_t n = runs_bytes(&m->runs);

	for (size_t i = 0; i < m->n_queue; i++)
		n += changes_bytes(&m->queue[i].changes);
	for (size_t i = 0; i < WIDTH_MAX; i++)
		n += m->live[i] ? changes_bytes(evaluation_changes(m->live[i])) : 0;
	return n;
}

int monitor_has_room(struct monitor *m, uint64_t id, const struct changes *c)
{
	const size_t there = held(m), more = changes_bytes(c);
	char why[200];

	if (m->n_queue == QUEUE_MAX)
		return monitor_refuse_plain(m, id, "queue", "too many requests are waiting");
	if (there + more <= HELD_MAX)
		return 1;
	(void)snprintf(why, sizeof(why),
		       "the contents of these files are %zu KiB and those of what waits %zu KiB, "
		       "at most %u in all: ask again once that was answered",
		       more >> 10, there >> 10, HELD_MAX >> 10);
	return monitor_refuse_plain(m, id, "queue", why);
}

/* 1: the policy lets it run; 0: refused and said so. */
static int may_run(struct monitor *m, const struct gate_run *rq)
{
	const struct policy *const p = m->s->world->policy[m->s->role];
	struct policy_verdict v;

	if (rq->cwd && !path_is_clean(rq->cwd))
		return monitor_refuse_plain(m, rq->id, "run",
					    "the directory is not one of the repository");
	if (policy_ask(p, "exec", (const char *const *)rq->argv.v, rq->argv.n, &v, m->e) < 0)
		return -m->e->code;
	if (v.decision != POLICY_ALLOW && v.decision != POLICY_NOTIFY)
		return monitor_refuse(m, rq->id, &v, rq->argv.v[0]);
	if (monitor_runs_left(m) == 0)
		return monitor_refuse_plain(m, rq->id, "budget",
					    "no command is left in the budget");
	return 1;
}

/* The question as it was in an earlier run of the case; NULL: no memory. */
static json_t *question_of(const struct gate_run *rq, const struct changes *c)
{
	json_t *argv = json_array();
	char digest[65];

	changes_digest(c, digest);
	for (size_t i = 0; argv && i < rq->argv.n; i++)
		(void)json_array_append_new(argv, json_string(rq->argv.v[i]));
	return json_pack("{s:o,s:s*,s:I,s:s}", "run", argv, "cwd", rq->cwd, "timeout",
			 (json_int_t)rq->timeout_ms, "changes", digest);
}

static int again(struct monitor *m, uint64_t id, uint16_t type, json_t *body)
{
	if (json_object_set_new(body, "id", json_integer((json_int_t)id)) < 0) {
		json_decref(body);
		return monitor_no_memory(m);
	}
	return monitor_answer(m, type, body);
}

static int admit_run(struct monitor *m, struct gate_run *rq, struct changes *c)
{
	const uint64_t id = rq->id;
	char key[HEARD_KEY];
	json_t *body = NULL;
	int r = c->n ? monitor_allowed(m, id, c) : 1;

	if (r == 1)
		r = may_run(m, rq);
	if (r == 1)
		r = monitor_has_room(m, id, c);
	if (r != 1)
		return r;
	r = heard_before(m, question_of(rq, c), key, &body);
	if (r == 1) {
		m->out.runs++;
		return again(m, id, GATE_RAN, body);
	}
	if (r == 0)
		r = runs_add(&m->runs, rq, c, key);
	if (r == -EBUSY)
		return monitor_refuse_plain(m, id, "queue", "too many commands are waiting");
	if (r < 0)
		return monitor_no_memory(m);
	m->out.runs++;
	return 0;
}

int monitor_on_run(struct monitor *m, const json_t *body)
{
	struct gate_run rq = { 0 };
	struct changes c = { 0 };
	struct err bad = ERR_INIT;
	int r = jmap_read(gate_run_map, body, &rq, "", &bad);

	if (r < 0)
		r = monitor_foul(m, bad.msg);
	else if (gate_changes(m->s->world, SIDE_BASE, &rq.changes, &c, &bad) < 0)
		r = monitor_refuse_plain(m, rq.id, "changes", bad.msg);
	else
		r = admit_run(m, &rq, &c);
	jmap_release(gate_run_map, &rq);
	changes_release(&c);
	return r;
}

int monitor_on_check(struct monitor *m, const json_t *body)
{
	struct gate_check rq = { 0 };
	struct changes c = { 0 };
	struct err bad = ERR_INIT;
	int r = jmap_read(gate_check_map, body, &rq, "", &bad);

	if (r < 0)
		r = monitor_foul(m, bad.msg);
	else if (gate_changes(m->s->world, SIDE_BASE, &rq.changes, &c, &bad) < 0)
		r = monitor_refuse_plain(m, rq.id, "changes", bad.msg);
	else
		r = monitor_allowed(m, rq.id, &c);
	if (r == 1)
		r = monitor_answer(m, GATE_DONE, json_pack("{s:I}", "id", (json_int_t)rq.id));
	jmap_release(gate_check_map, &rq);
	changes_release(&c);
	return r;
}

static int say_left(struct monitor *m, uint64_t id, const char *key)
{
	struct gate_left left = { .id = id,
				  .evaluations = monitor_evaluations_left(m),
				  .runs = monitor_runs_left(m) };
	json_t *body;
	int r;

	if (m->s->models) {
		left.model = model_left(m->s->models, m->s->world->policy[m->s->role]);
		if (!left.model)
			return monitor_no_memory(m);
	}
	body = jmap_write(gate_left_map, &left);
	json_decref(left.model);
	r = body ? heard_keep(m, key, body) : monitor_no_memory(m);
	if (r < 0) {
		json_decref(body);
		return r;
	}
	return monitor_answer(m, GATE_LEFT, body);
}

int monitor_on_budget(struct monitor *m, const json_t *body)
{
	struct gate_budget rq = { 0 };
	struct err bad = ERR_INIT;
	char key[HEARD_KEY];
	json_t *before = NULL;
	int r;

	if (jmap_read(gate_budget_map, body, &rq, "", &bad) < 0)
		return monitor_foul(m, bad.msg);
	r = heard_before(m, json_pack("{s:b}", "budget", 1), key, &before);
	if (r == 1)
		return again(m, rq.id, GATE_LEFT, before);
	return r < 0 ? r : say_left(m, rq.id, key);
}
