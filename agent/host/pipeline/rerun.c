/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/pipeline/rerun.h"

#include <string.h>

#include "agent/host/pipeline/privacy.h"
#include "agent/host/pipeline/stages.h"
#include "agent/host/pr/pr.h"
#include "runtime/base/log.h"

static int differs(const char *what, const char *here, const char *then, struct err *e)
{
	if (strcmp(here, then) == 0)
		return 0;
	return err_set(e, EXDEV, "this host has not %s of the case: %s here, %s then", what,
		       *here ? here : "none", *then ? then : "none");
}

static int compare_policies(const struct work *w, const json_t *record, struct err *e)
{
	const json_t *policies = json_object_get(record, "policies");
	char what[64];
	int r = 0;

	for (int role = 0; r == 0 && role < ROLE_N; role++) {
		const json_t *row = json_object_get(policies, policy_role_name(role));

		(void)snprintf(what, sizeof(what), "the policy of %s", policy_role_name(role));
		r = differs(what, policy_digest(w->world.policy[role]), pr_str(row, "digest"), e);
	}
	return r;
}

static int compare_world(const struct work *w, const json_t *record, struct err *e)
{
	const json_t *image = json_object_get(record, "image");
	const char *digest = w->world.image.digest;
	int r = differs("the image", digest ? digest : "", pr_str(image, "digest"), e);

	if (r == 0)
		r = differs("the toolchain", w->world.toolchain_id, pr_str(record, "toolchain"), e);
	if (r == 0)
		r = differs("the reporters", w->world.reporters_id, pr_str(record, "reporters"), e);
	return r < 0 ? r : compare_policies(w, record, e);
}

/* Another kernel or another build of ours does not forbid it; whoever reads the result is told. */
static int tell_host(const json_t *record, struct err *e)
{
	const json_t *then = json_object_get(record, "host");
	AUTO_JSON json_t *now = NULL;
	int r = host_facts(&now, e);

	if (r < 0)
		return r;
	if (strcmp(pr_str(now, "kernel"), pr_str(then, "kernel")) != 0)
		log_warn("the kernel is another one: %s here, %s then", pr_str(now, "kernel"),
			 pr_str(then, "kernel"));
	if (!json_equal(json_object_get(now, "programs"), json_object_get(then, "programs")))
		log_warn("sickbay's own programs are not the ones that made the case");
	return 0;
}

static int prove(struct work *w, const json_t *replica, json_t **out, struct err *e)
{
	int verdict = PROOF_REFUSED, r = work_load_incident(w, e);

	if (r == 0 && w->outcome < 0)
		r = work_open_world(w, e);
	if (r == 0 && w->outcome < 0)
		r = compare_world(w, replica, e);
	if (r == 0 && w->outcome < 0)
		r = tell_host(replica, e);
	if (r == 0 && w->outcome < 0)
		r = work_load_values(w, e);
	if (r == 0 && w->outcome < 0)
		r = work_load_proof(w, e);
	if (r == 0 && w->outcome < 0)
		r = work_prove(w, &verdict, out, e);
	if (r == 0 && w->outcome >= 0)
		r = err_set(e, ENODATA, "the proof cannot be run again: %s", w->reason);
	if (r == 0 && w->values)
		r = privacy_mask_record(w->values, *out, e);
	return r;
}

int pipeline_prove_again(const struct pipeline *p, json_t **out, struct err *e)
{
	struct work w = { .p = p, .outcome = -1 };
	AUTO_JSON json_t *replica = NULL;
	int r = case_record(p->kase, STAGE_REPLICA, &replica, e);

	*out = NULL;
	if (r == 0)
		r = prove(&w, replica, out, e);
	log_progress_end();
	work_release(&w);
	return r;
}
