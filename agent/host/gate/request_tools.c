/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/gate/monitor.h"
#include "runtime/base/id.h"

/* What an agent may ask beside evaluations: a command in a fork, whether changes are in scope, what
 * is left to spend. */

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

static int admit_run(struct monitor *m, struct gate_run *rq, struct changes *c)
{
	const uint64_t id = rq->id;
	int r = c->n ? monitor_allowed(m, id, c) : 1;

	if (r == 1)
		r = may_run(m, rq);
	if (r != 1)
		return r;
	r = runs_add(&m->runs, rq, c);
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

int monitor_on_budget(struct monitor *m, const json_t *body)
{
	struct gate_budget rq = { 0 };
	struct err bad = ERR_INIT;
	struct gate_left left = { .evaluations = monitor_evaluations_left(m),
				  .runs = monitor_runs_left(m) };
	int r;

	if (jmap_read(gate_budget_map, body, &rq, "", &bad) < 0)
		return monitor_foul(m, bad.msg);
	left.id = rq.id;
	if (m->s->models) {
		left.model = model_left(m->s->models, m->s->world->policy[m->s->role]);
		if (!left.model)
			return monitor_no_memory(m);
	}
	r = monitor_answer(m, GATE_LEFT, jmap_write(gate_left_map, &left));
	json_decref(left.model);
	return r;
}
