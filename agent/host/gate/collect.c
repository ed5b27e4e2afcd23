/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/gate/collect.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/gate/leak.h"
#include "agent/host/gate/seen.h"
#include "runtime/base/log.h"

static char *task_text(const struct gate_session *s, struct err *e)
{
	AUTO_JSON json_t *incident = leak_incident(s->values, s->role, s->incident, e);
	AUTO_JSON json_t *task =
		json_pack("{s:s,s:s,s:s*,s:O,s:s*}", "role", policy_role_name(s->role), "repo",
			  s->world->service->run.cwd, "test_path", s->test_path, "incident",
			  incident, "history", s->history);

	return task ? json_dumps(task, JSON_INDENT(1) | JSON_ENSURE_ASCII) : NULL;
}

static int finish(struct monitor *m, int end, const char *why)
{
	struct gate_outcome *out = &m->out;

	m->over = true;
	out->end = end;
	free(out->why);
	out->why = strdup(why);
	return out->why ? leak_mask(m->s->values, &out->why, m->e) : monitor_no_memory(m);
}

/* It has no second try: a value of production in what it brings is for a person. */
static int submit(struct monitor *m)
{
	struct gate_outcome *out = &m->out;
	char where[256], why[256], text[600];
	const int r = leak_find(m->s->values, &out->changes, NULL, where, why, m->e);

	if (r < 0)
		return r;
	if (r == 1) {
		out->person = true;
		(void)snprintf(text, sizeof(text), LEAK_RULE ": %s: %s", where, why);
		changes_release(&out->changes);
		return finish(m, GATE_FAILED, text);
	}
	m->over = true;
	out->end = GATE_SUBMITTED;
	out->title = strdup("change by the configured agent");
	return out->title ? 0 : monitor_no_memory(m);
}

static int read_tree(struct monitor *m)
{
	const struct world *w = m->s->world;
	AUTO_CLOSE int upper = -1;
	struct err bad = ERR_INIT;
	int r = sandbox_freeze(replica_sandbox(m->replica), &upper, m->e);

	if (r < 0)
		return r;
	r = source_diff(w->store, &w->side[SIDE_BASE].source, w->service->run.cwd, upper, &m->seen,
			&m->out.changes, &bad);
	if (r < 0)
		return finish(m, GATE_FAILED, bad.msg);
	if (m->out.changes.n == 0)
		return finish(m, GATE_GAVE_UP, "the agent changed nothing");
	return submit(m);
}

int collect_start(struct monitor *m)
{
	AUTO_FREE char *task = task_text(m->s, m->e);
	struct replica_job job = { .argv = (const char *const *)m->s->agent->command.v,
				   .task = task,
				   .freeze = true };

	if (!task)
		return m->e->code ? -m->e->code : monitor_no_memory(m);
	m->eof = true; /* there is nobody to hear */
	return monitor_start(m, &job);
}

static int ended_badly(struct monitor *m)
{
	const struct buf *said = sandbox_output(replica_sandbox(m->replica), 2);
	const size_t n = said && said->p ? said->n : 0;
	char why[400];

	(void)snprintf(why, sizeof(why), "the agent's command ended with %s %d: %.200s",
		       exit_kind_name(m->out.exit.kind), m->out.exit.code,
		       n ? said->p + (n > 200 ? n - 200 : 0) : "(silent)");
	return finish(m, GATE_FAILED, why);
}

int collect_ended(struct monitor *m)
{
	const struct gate_session *s = m->s;
	int r = exit_status(&m->out.exit) != 0 ? ended_badly(m) : read_tree(m);

	if (r >= 0)
		r = audit_commit(s->world->audit, "gate.collect",
				 json_pack("{s:s,s:I}", "role", policy_role_name(s->role), "files",
					   (json_int_t)m->out.changes.n),
				 m->e);
	return r < 0 ? r : 0;
}
