/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/loop.h"

#include <string.h>

#include "agent/inside/model.h"
#include "agent/inside/patch.h"
#include "agent/inside/reproduce.h"
#include "runtime/proto/gate.h"

static const struct {
	const char *agent, *role;
	int (*run)(struct gate_client *gate, const struct gate_task *task, struct err *e);
} roles[] = {
	{ "built-in", "reproduce", reproduce_run },
	{ "built-in", "patch", patch_run },
	{ "model", "reproduce", model_agent_run },
	{ "model", "patch", model_agent_run },
};

static int run_role(struct gate_client *gate, const struct gate_task *task, struct err *e)
{
	const char *agent = task->agent ? task->agent : "built-in";

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (strcmp(task->role, roles[i].role) == 0 && strcmp(agent, roles[i].agent) == 0)
			return roles[i].run(gate, task, e);
	return err_set(e, EPROTO, "unknown role '%s' of agent '%s'", task->role, agent);
}

int agent_loop(int fd, struct err *e)
{
	struct gate_client *gate = NULL;
	struct gate_task task = { 0 };
	int r = gate_connect(fd, "sickbay-agent", &gate, &task, e);

	if (r == 0) {
		r = run_role(gate, &task, e);
		if (r < 0)
			r = err_wrap(e, "%s", task.role);
	}
	jmap_release(gate_task_map, &task);
	gate_client_close(gate);
	return r;
}
