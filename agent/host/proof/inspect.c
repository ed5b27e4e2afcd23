/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/host/proof/steps.h"
#include "runtime/proto/decode.h"

#define AGENT_PATH "/opt/sickbay/bin/sickbay-agent"
#define ARGS_MAX   32
#define INSPECT_MS 60000

int proof_inspect(const struct proof_input *in, int side, const char *const *args,
		  const struct changes *files, json_t **out, struct err *e)
{
	struct world *w = in->world;
	const struct sandbox_bind bind = { .fd = w->agent_program, .target = AGENT_PATH };
	const char *argv[ARGS_MAX + 3] = { AGENT_PATH, "--inspect" };
	struct replica_job job = { .purpose = "inspect",
				   .side = side,
				   .role = ROLE_VERIFY,
				   .unbuilt = true,
				   .alone = true,
				   .argv = argv,
				   .binds = &bind,
				   .n_binds = 1,
				   .wall_ms = INSPECT_MS };
	struct replica *rep = NULL;
	const struct buf *said;
	struct exit_record x;
	int r;

	for (size_t i = 0; i < ARGS_MAX && args[i]; i++)
		argv[i + 2] = args[i];
	if (files)
		job.changes[job.n_changes++] = files;
	r = replica_start(w, &job, &rep, e);
	if (r < 0)
		return r;
	r = sandbox_wait(replica_sandbox(rep), &x, e);
	if (r >= 0 && exit_status(&x) != 0) {
		said = sandbox_output(replica_sandbox(rep), 2);
		r = err_set(e, EIO, "inspect %s ended with %s %d: %.300s", args[0],
			    exit_kind_name(x.kind), x.code, said && said->p ? said->p : "");
	}
	if (r >= 0) {
		said = sandbox_output(replica_sandbox(rep), 1);
		r = decode_text(DECODE_JSON, said && said->p ? said->p : "", said ? said->n : 0,
				"inspect", NULL, out, e);
	}
	replica_close(rep);
	return r < 0 ? r : 0;
}
