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

static int set_why(const struct gate_session *s, struct gate_outcome *out, int end, const char *why,
		   struct err *e)
{
	out->end = end;
	free(out->why);
	out->why = strdup(why);
	return out->why ? leak_mask(s->values, &out->why, e) : err_set(e, ENOMEM, "out of memory");
}

/* It has no second try: a value of production in what it brings is for a person. */
static int submit(const struct gate_session *s, struct gate_outcome *out, struct err *e)
{
	char where[256], why[256], text[600];
	const int r = leak_find(s->values, &out->changes, NULL, where, why, e);

	if (r < 0)
		return r;
	if (r == 1) {
		out->person = true;
		(void)snprintf(text, sizeof(text), LEAK_RULE ": %s: %s", where, why);
		changes_release(&out->changes);
		return set_why(s, out, GATE_FAILED, text, e);
	}
	out->end = GATE_SUBMITTED;
	out->title = strdup("change by the configured agent");
	return out->title ? 0 : err_set(e, ENOMEM, "out of memory");
}

static int read_tree(const struct gate_session *s, const struct changes *seen, struct replica *rep,
		     struct gate_outcome *out, struct err *e)
{
	AUTO_CLOSE int upper = -1;
	int r = sandbox_freeze(replica_sandbox(rep), &upper, e);

	if (r < 0)
		return r;
	r = source_diff(s->world->store, &s->world->side[SIDE_BASE].source,
			s->world->service->run.cwd, upper, seen, &out->changes, e);
	if (r < 0)
		return set_why(s, out, GATE_FAILED, e->msg, e);
	if (out->changes.n == 0)
		return set_why(s, out, GATE_GAVE_UP, "the agent changed nothing", e);
	return submit(s, out, e);
}

int collect_run(const struct gate_session *s, struct gate_outcome *out, struct err *e)
{
	AUTO_FREE char *task = task_text(s, e);
	struct replica_job job = { .purpose = s->role == ROLE_PATCH ? "patch agent"
								    : "reproduction agent",
				   .side = SIDE_BASE,
				   .role = s->role,
				   .argv = (const char *const *)s->agent->command.v,
				   .task = task,
				   .freeze = true };
	struct changes seen = { 0 };
	struct replica *rep = NULL;
	struct err late = ERR_INIT;
	int r;

	if (!task)
		return e->code ? -e->code : err_set(e, ENOMEM, "out of memory");
	r = seen_by_agent(s, &seen, e);
	if (r < 0)
		return r;
	job.changes[job.n_changes++] = &seen;
	r = replica_start(s->world, &job, &rep, e);
	if (r < 0) {
		changes_release(&seen);
		return r;
	}
	r = replica_wait(rep, &out->exit, e);
	if (r >= 0 && replica_invalid(rep)) {
		r = set_why(s, out, GATE_FAILED, replica_invalid(rep), e);
	} else if (r >= 0 && exit_status(&out->exit) != 0) {
		const struct buf *said = sandbox_output(replica_sandbox(rep), 2);
		const size_t n = said && said->p ? said->n : 0;
		char why[400];

		(void)snprintf(why, sizeof(why), "the agent's command ended with %s %d: %.200s",
			       exit_kind_name(out->exit.kind), out->exit.code,
			       n ? said->p + (n > 200 ? n - 200 : 0) : "(silent)");
		r = set_why(s, out, GATE_FAILED, why, e);
	} else if (r >= 0) {
		r = read_tree(s, &seen, rep, out, e);
	}
	changes_release(&seen);
	replica_close(rep);
	if (r >= 0)
		r = audit_commit(s->world->audit, "gate.collect",
				 json_pack("{s:s,s:I}", "role", policy_role_name(s->role), "files",
					   (json_int_t)out->changes.n),
				 &late);
	if (r < 0 && late.code)
		*e = late;
	return r < 0 ? r : 0;
}
