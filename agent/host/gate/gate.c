/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/host/gate/collect.h"
#include "agent/host/gate/external.h"
#include "agent/host/gate/monitor.h"
#include "agent/host/gate/seen.h"
#include "runtime/base/log.h"

/*
 * Theory of operation.  One loop waits for three kinds of things: the agent's
 * replica (its end, its limits), the agent's socket (requests), and the forks
 * that evaluate candidates.  A request is looked up in one table that says
 * which role may ask and how often; whatever the table, the message's own
 * table or the policy does not allow is refused (a reason goes back) or, where
 * it cannot be an honest mistake, ends the replica.  Evaluations queue behind
 * the width the service allows, are numbered by the agent's own ids, and so
 * give the same record whatever order they end in.
 */
void gate_outcome_release(struct gate_outcome *o)
{
	changes_release(&o->changes);
	free(o->why);
	free(o->title);
	free(o->cause);
	free(o->change);
	free(o->test_name);
	free(o->input_from);
	json_decref(o->candidates);
	json_decref(o->refusals);
	json_decref(o->notes);
	*o = (struct gate_outcome){ 0 };
}

/* ---- evaluations ---- */

static int start_waiting(struct monitor *m)
{
	const size_t width = m->s->agent->parallel < WIDTH_MAX ? m->s->agent->parallel : WIDTH_MAX;

	for (size_t i = 0; i < width && m->n_queue; i++) {
		struct waiting w;
		int r;

		if (m->live[i])
			continue;
		w = m->queue[0];
		memmove(m->queue, m->queue + 1, --m->n_queue * sizeof(w));
		r = evaluation_start(m->s, &w.req, &w.changes, w.left, &m->live[i], m->e);
		memcpy(m->live_key[i], w.key, sizeof(w.key));
		jmap_release(gate_evaluate_map, &w.req);
		changes_release(&w.changes);
		if (r < 0)
			return r;
	}
	return 0;
}

static int finish_evaluation(struct monitor *m, struct evaluation *v, const char *key)
{
	const struct gate_verdict *g = evaluation_verdict(v);
	AUTO_JSON json_t *body = jmap_write(gate_verdict_map, g);
	int r = 0;

	if (!body)
		return monitor_no_memory(m);
	if (m->s->on_attempt)
		r = m->s->on_attempt(m->s->ctx, g->id, evaluation_changes(v), evaluation_note(v),
				     body, m->e);
	if (r == 0)
		r = heard_keep(m, key, body);
	return r < 0 ? r : monitor_answer(m, GATE_RESULT, json_incref(body));
}

static int step_evaluation(struct monitor *m, size_t i)
{
	int r = replica_step(evaluation_replica(m->live[i]), m->e);

	if (r == 1)
		r = evaluation_next(m->live[i], m->e);
	if (r == 1) {
		r = finish_evaluation(m, m->live[i], m->live_key[i]);
		evaluation_free(m->live[i]);
		m->live[i] = NULL;
	}
	return r;
}

/* ---- the built-in agents ---- */

static int built_in_start(struct monitor *m)
{
	static const char *const argv[] = { AGENT_PATH, NULL };
	const struct sandbox_bind bind = { .fd = m->s->world->agent_program, .target = AGENT_PATH };
	struct sandbox_fd fd = { .to = GATE_FD };
	struct replica_job job = {
		.argv = argv, .fds = &fd, .n_fds = 1, .binds = &bind, .n_binds = 1
	};
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(m->e, "make the gate's socket");
	fd.from = pair[1];
	m->sock = pair[0];
	r = monitor_start(m, &job);
	(void)close(pair[1]);
	return r;
}

static int built_in_ended(struct monitor *m)
{
	const struct buf *err = sandbox_output(replica_sandbox(m->replica), 2);
	const struct exit_record *x = &m->out.exit;
	char why[400];

	(void)snprintf(why, sizeof(why), "the agent ended without an answer (%s %d): %.200s",
		       exit_kind_name(x->kind), x->code, err && err->p ? err->p : "");
	return monitor_foul(m, why);
}

/* ---- the loop ---- */

static const struct agent_way ways[] = {
	[AGENT_BUILT_IN] = { built_in_start, built_in_ended, NULL, NULL },
	[AGENT_COMMAND] = { collect_start, collect_ended, NULL, NULL },
	[AGENT_MODEL] = { built_in_start, built_in_ended, NULL, NULL },
	[AGENT_EXTERNAL] = { external_start, collect_ended, external_cut, external_tree },
};

int monitor_start(struct monitor *m, struct replica_job *job)
{
	const struct gate_session *s = m->s;
	int r = seen_by_agent(s, &m->seen, m->e);

	if (r < 0)
		return r;
	job->purpose = s->role == ROLE_PATCH ? "patch agent" : "reproduction agent";
	job->side = SIDE_BASE;
	job->role = s->role;
	job->changes[job->n_changes++] = &m->seen;
	return replica_start(s->world, job, &m->replica, m->e);
}

/* What it asked before it went is heard, unless another speaks for it: that one's client is gone.
 * Then its end says what it was. */
int monitor_ended(struct monitor *m)
{
	while (!m->over && !m->eof && !m->way->cut) {
		const int r = monitor_request(m);

		if (r < 0)
			return r;
	}
	m->out.exit = *sandbox_exit(replica_sandbox(m->replica));
	if (m->over)
		return 0;
	if (replica_invalid(m->replica))
		return monitor_foul(m, replica_invalid(m->replica));
	return m->way->ended(m);
}

static int step_agent(struct monitor *m)
{
	const int r = replica_step(m->replica, m->e);

	return r == 1 ? monitor_ended(m) : r;
}

static int agent_fd(const struct monitor *m)
{
	return replica_fd(m->replica);
}

static int request_fd(const struct monitor *m)
{
	return m->eof && !m->way->cut ? -1 : m->sock;
}

static int step_request(struct monitor *m)
{
	const int r = m->eof ? 0 : monitor_request(m);

	return r == 0 && m->eof && !m->over && m->way->cut ? m->way->cut(m) : r;
}

/* What is waited for beside the evaluations, and what is done when it is readable; the agent's end
 * comes last, so that what it said before is heard. */
static const struct awaited {
	int (*fd)(const struct monitor *m); /* -1: nothing to wait for */
	int (*step)(struct monitor *m);
} awaited[] = {
	{ request_fd, step_request },
	{ monitor_models_fd, monitor_models_step },
	{ external_grace_fd, external_late },
	{ agent_fd, step_agent },
};
#define AWAITED (sizeof(awaited) / sizeof(awaited[0]))

static int turn(struct monitor *m)
{
	struct pollfd p[AWAITED + WIDTH_MAX + RUNS_MAX], *const live = p + AWAITED,
								*const runs = live + WIDTH_MAX;
	int r = start_waiting(m);

	if (r == 0)
		r = runs_start(m);
	if (r < 0)
		return r;
	for (size_t i = 0; i < AWAITED; i++)
		p[i] = (struct pollfd){ .fd = awaited[i].fd(m), .events = POLLIN };
	for (size_t i = 0; i < WIDTH_MAX; i++)
		live[i] = (struct pollfd){
			.fd = m->live[i] ? replica_fd(evaluation_replica(m->live[i])) : -1,
			.events = POLLIN
		};
	for (size_t i = 0; i < RUNS_MAX; i++)
		runs[i] = (struct pollfd){ .fd = runs_fd(&m->runs, i), .events = POLLIN };
	if (poll(p, AWAITED + WIDTH_MAX + RUNS_MAX, -1) < 0 && errno != EINTR)
		return err_sys(m->e, "wait for the agent");
	for (size_t i = 0; r >= 0 && !m->over && i < WIDTH_MAX; i++)
		if (live[i].revents)
			r = step_evaluation(m, i);
	for (size_t i = 0; r >= 0 && !m->over && i < RUNS_MAX; i++)
		if (runs[i].revents)
			r = runs_step(m, i);
	for (size_t i = 0; r >= 0 && !m->over && i < AWAITED; i++)
		if (p[i].revents)
			r = awaited[i].step(m);
	return r < 0 ? r : 0;
}

static void close_monitor(struct monitor *m)
{
	for (size_t i = 0; i < WIDTH_MAX; i++)
		evaluation_free(m->live[i]);
	for (size_t i = 0; i < m->n_queue; i++) {
		jmap_release(gate_evaluate_map, &m->queue[i].req);
		changes_release(&m->queue[i].changes);
	}
	runs_release(&m->runs);
	json_decref(m->heard);
	if (m->replica && m->out.exit.kind == EXIT_RUNNING) {
		struct err ignored = ERR_INIT;

		if (sandbox_kill(replica_sandbox(m->replica), &ignored) < 0)
			log_warn("%s", ignored.msg);
		m->out.exit = *sandbox_exit(replica_sandbox(m->replica));
	}
	replica_close(m->replica);
	changes_release(&m->seen);
	json_decref(m->left_out);
	external_close(m);
	if (m->sock >= 0)
		(void)close(m->sock);
}

static int run_agent(struct monitor *m)
{
	struct err late = ERR_INIT;
	int r = m->way->start(m);

	while (r == 0 && !m->over)
		r = turn(m);
	if (m->s->models && model_forget(m->s->models, m, &late) < 0 && r == 0) {
		*m->e = late;
		r = -late.code;
	}
	close_monitor(m);
	return r;
}

int gate_run(const struct gate_session *s, struct gate_outcome *out, struct err *e)
{
	AUTO_FREE struct monitor *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return err_set(e, ENOMEM, "gate: out of memory");
	m->s = s;
	m->e = e;
	m->sock = m->grace = -1;
	m->front = (struct front){ .pid = -1, .gate = -1 };
	m->way = &ways[s->agent->kind];
	m->out.candidates = json_array();
	m->out.refusals = json_array();
	m->out.notes = json_array();
	if (!m->out.candidates || !m->out.refusals || !m->out.notes)
		r = monitor_no_memory(m);
	else
		r = run_agent(m);
	if (r < 0) {
		gate_outcome_release(&m->out);
		return r;
	}
	*out = m->out;
	return 0;
}
