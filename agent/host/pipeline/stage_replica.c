/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/pipeline/stages.h"
#include "agent/host/testrun/backing.h"
#include "runtime/base/log.h"
#include "runtime/base/sha256.h"

/*
 * Stage 2: which commits, which layers, which policies, and what the suite
 * does there before anyone changed a thing.
 */

/* What a person has to add, as there is nothing to begin with. */
static void end_unknown(struct work *w, const struct deployed *d)
{
	work_end(w, OUTCOME_NEEDS_PERSON,
		 "which commit production ran is not known: the report states none, %s, and %s; "
		 "have the reporter name its release (Sentry: release, OpenTelemetry: "
		 "service.version) and give the service file a \"release\" pattern, or label the "
		 "image",
		 w->incident.deploy.release
			 ? "the service file has no \"release\" pattern for the one it names"
			 : "it names no release",
		 d->known);
}

/* The base is what production ran; without it the case ends. */
static int resolve_commits(struct work *w, struct deployed *d, struct err *e)
{
	int r = deployed_find(w, d, e);

	if (r == 0) {
		end_unknown(w, d);
		return 0;
	}
	if (r > 0)
		r = deployed_resolve(w, d, e);
	if (r == 0)
		r = git_resolve(w->world.git, w->p->service->repository.target, w->head, e);
	if (r == 0)
		w->same_head = strcmp(w->base, w->head) == 0;
	return r;
}

/* What `service check`, or an earlier case, found under the same conditions is not looked for
 * again. */
static int take_baseline(struct work *w, int side, struct err *e)
{
	const uint64_t runs = w->p->service->proof.baseline;
	struct baseline *b = &w->baseline[side];
	char key[SHA256_HEX];
	int r = baseline_key(&w->world, side, runs, key, e);

	if (r == 0)
		r = baseline_kept(&w->world, key, b, e);
	if (r != -ENOENT)
		return r;
	e->code = 0;
	log_progress("suite at %.12s, %llu runs", side == SIDE_BASE ? w->base : w->head,
		     (unsigned long long)runs);
	r = baseline_take(&w->world, side, runs, NULL, b, e);
	return r < 0 ? r : baseline_keep(&w->world, key, b, e);
}

static int take_baselines(struct work *w, struct err *e)
{
	int r;

	log_progress("source and build of %.12s", w->base);
	r = world_set_source(&w->world, SIDE_BASE, w->base, e);
	if (r == 0 && !w->same_head)
		r = world_set_source(&w->world, SIDE_HEAD, w->head, e);
	if (r == 0)
		r = take_baseline(w, SIDE_BASE, e);
	if (r == 0 && !w->same_head)
		r = take_baseline(w, SIDE_HEAD, e);
	return r;
}

static json_t *policies(const struct work *w)
{
	json_t *o = json_object();

	for (int role = 0; o && role < ROLE_N; role++)
		(void)json_object_set_new(o, policy_role_name(role),
					  json_pack("{s:s,s:s}", "name",
						    policy_name(w->world.policy[role]), "digest",
						    policy_digest(w->world.policy[role])));
	return o;
}

static json_t *missing(const struct source *s)
{
	json_t *a = json_array();

	for (size_t i = 0; a && i < s->missing.n; i++)
		(void)json_array_append_new(a, json_string(s->missing.v[i]));
	return a;
}

/* The policies themselves, beside the record that has their digests. */
static int keep_policies(const struct work *w, struct err *e)
{
	int r = 0;

	for (int role = 0; r == 0 && role < ROLE_N; role++) {
		AUTO_JSON json_t *documents = policy_documents(w->world.policy[role]);
		AUTO_FREE char *text = documents ? json_dumps(documents, CASE_POLICY_FORM) : NULL;
		char name[64];

		if (!text)
			return err_set(e, ENOMEM, "out of memory");
		(void)snprintf(name, sizeof(name), CASE_POLICY, policy_role_name(role));
		r = case_write(w->p->kase, name, text, strlen(text), e);
	}
	return r;
}

static int replicate(struct work *w, const struct deployed *d, struct err *e)
{
	const struct source *src = &w->world.side[SIDE_BASE].source;
	json_t *record, *host = NULL;
	int r = take_baselines(w, e);

	if (r == 0)
		r = keep_policies(w, e);
	if (r == 0)
		r = host_facts(&host, e);
	if (r < 0)
		return r;
	w->have_replica = true;
	(void)snprintf(w->known, sizeof(w->known), "%s", d->known);
	record = json_pack(
		"{s:s,s:s,s:s,s:s,s:{s:s,s:s*},s:s,s:s,s:{s:I,s:o},s:o,s:o,s:o*,s:{s:o,s:o*}}",
		"base", w->base, "commit_from", d->from, "commit_known", d->known, "head", w->head,
		"image", "name", w->world.image.name, "digest", w->world.image.digest, "toolchain",
		w->world.toolchain_id, "reporters", w->world.reporters_id, "source", "files",
		(json_int_t)src->files, "missing", missing(src), "policies", policies(w), "host",
		host, "backing", backing_write(&w->world), "baseline", "base",
		baseline_write(&w->baseline[SIDE_BASE]), "head",
		w->same_head ? NULL : baseline_write(&w->baseline[SIDE_HEAD]));
	return work_publish(w, STAGE_REPLICA, record, e);
}

int stage_replica(struct work *w, struct err *e)
{
	struct deployed d = { 0 };
	int r = resolve_commits(w, &d, e);

	if (r == 0 && w->outcome < 0)
		r = replicate(w, &d, e);
	deployed_release(&d);
	return r;
}
