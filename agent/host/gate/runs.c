/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/gate/runs.h"

#include <stdlib.h>
#include <string.h>

#include "agent/host/gate/monitor.h"
#include "agent/host/gate/shown.h"
#include "agent/host/incident/values.h"
#include "runtime/base/sha256.h"
#include "runtime/base/utf8.h"

#define AGENT_PATH  "/opt/sickbay/bin/sickbay-agent"
#define ARGS_LOGGED 16
#define ARG_LOGGED  200

struct run {
	uint64_t number; /* in the order of asking */
	struct gate_run rq;
	struct changes changes;
	struct replica *replica; /* NULL: it waits */
	char key[HEARD_KEY];
};

static void run_free(struct run *r)
{
	if (!r)
		return;
	replica_close(r->replica);
	jmap_release(gate_run_map, &r->rq);
	changes_release(&r->changes);
	free(r);
}

int runs_add(struct runs *all, struct gate_run *rq, struct changes *c, const char *key)
{
	for (size_t i = 0; i < RUNS_MAX; i++) {
		if (all->v[i])
			continue;
		all->v[i] = calloc(1, sizeof(*all->v[i]));
		if (!all->v[i])
			return -ENOMEM;
		*all->v[i] = (struct run){ .number = ++all->asked, .rq = *rq, .changes = *c };
		(void)snprintf(all->v[i]->key, HEARD_KEY, "%s", key);
		*rq = (struct gate_run){ 0 };
		*c = (struct changes){ 0 };
		return 0;
	}
	return -EBUSY;
}

int runs_fd(const struct runs *all, size_t i)
{
	return all->v[i] && all->v[i]->replica ? replica_fd(all->v[i]->replica) : -1;
}

size_t runs_bytes(const struct runs *all)
{
	size_t n = 0;

	for (size_t i = 0; i < RUNS_MAX; i++)
		n += all->v[i] ? changes_bytes(&all->v[i]->changes) : 0;
	return n;
}

void runs_release(struct runs *all)
{
	for (size_t i = 0; i < RUNS_MAX; i++)
		run_free(all->v[i]);
	*all = (struct runs){ 0 };
}

/* ---- start ---- */

static json_t *argv_logged(const struct strlist *argv)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < argv->n && i < ARGS_LOGGED; i++) {
		AUTO_BUF struct buf part = BUF_INIT(ARG_LOGGED + 8);

		utf8_head(argv->v[i], ARG_LOGGED, &part);
		if (json_array_append_new(list, json_string(part.p ? part.p : "")) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static void argv_digest(const struct strlist *argv, char hex[SHA256_HEX])
{
	uint8_t digest[SHA256_LEN];
	struct sha256 s;

	sha256_init(&s);
	for (size_t i = 0; i < argv->n; i++)
		sha256_update(&s, argv->v[i], strlen(argv->v[i]) + 1);
	sha256_final(&s, digest);
	sha256_hex(digest, hex);
}

/* An effect: the start of the replica makes it durable. */
static int log_run(struct monitor *m, const struct run *r)
{
	AUTO_JSON json_t *argv = argv_logged(&r->rq.argv);
	AUTO_JSON json_t *masked = NULL;
	char changes[65], digest[SHA256_HEX];

	if (!argv)
		return monitor_no_memory(m);
	masked = m->s->values ? values_mask(m->s->values, argv, m->e) : json_incref(argv);
	if (!masked)
		return m->e->code ? -m->e->code : monitor_no_memory(m);
	argv_digest(&r->rq.argv, digest);
	changes_digest(&r->changes, changes);
	return audit_effect(m->s->world->audit, "gate.run",
			    json_pack("{s:s,s:I,s:O,s:s,s:s}", "role", policy_role_name(m->s->role),
				      "id", (json_int_t)r->rq.id, "argv", masked, "argv_sha256",
				      digest, "changes", changes),
			    m->e);
}

/* The agent's program goes to the directory and becomes the command: what cannot be started is the
 * command's failure, not the replica's. */
static int make_argv(struct monitor *m, const struct run *r, struct strlist *out)
{
	const char *repo = m->s->world->service->run.cwd;
	AUTO_FREE char *where = NULL;
	int bad = asprintf(&where, "%s%s%s", repo, r->rq.cwd ? "/" : "",
			   r->rq.cwd ? r->rq.cwd : "") < 0;

	bad = bad || strlist_add(out, AGENT_PATH) < 0 || strlist_add(out, "--exec") < 0 ||
	      strlist_add(out, where) < 0;
	for (size_t i = 0; !bad && i < r->rq.argv.n; i++)
		bad = strlist_add(out, r->rq.argv.v[i]) < 0;
	return bad ? monitor_no_memory(m) : 0;
}

static int start_one(struct monitor *m, struct run *r)
{
	const struct sandbox_bind bind = { .fd = m->s->world->agent_program, .target = AGENT_PATH };
	struct replica_job job = { .purpose = "command",
				   .side = SIDE_BASE,
				   .role = m->s->role,
				   .wall_ms = r->rq.timeout_ms,
				   .binds = &bind,
				   .n_binds = 1 };
	struct strlist argv = { 0 };
	int k = make_argv(m, r, &argv);

	if (k == 0)
		k = log_run(m, r);
	if (k == 0) {
		job.argv = (const char *const *)argv.v;
		job.changes[job.n_changes++] = &m->seen;
		job.changes[job.n_changes++] = &r->changes;
		k = replica_start(m->s->world, &job, &r->replica, m->e);
	}
	strlist_release(&argv);
	return k;
}

static struct run *first_waiting(const struct runs *all)
{
	struct run *first = NULL;

	for (size_t i = 0; i < RUNS_MAX; i++)
		if (all->v[i] && !all->v[i]->replica &&
		    (!first || all->v[i]->number < first->number))
			first = all->v[i];
	return first;
}

int runs_start(struct monitor *m)
{
	const uint64_t width = m->s->agent->parallel ? m->s->agent->parallel : 1;
	struct run *next = first_waiting(&m->runs);
	uint64_t live = 0;
	int r = 0;

	for (size_t i = 0; i < RUNS_MAX; i++)
		live += m->runs.v[i] && m->runs.v[i]->replica;
	for (; r == 0 && next && live < width; live++) {
		r = start_one(m, next);
		next = first_waiting(&m->runs);
	}
	return r;
}

/* ---- what was seen ---- */

static int take_output(struct monitor *m, const struct run *r, int fd, char **text)
{
	const struct buf *raw = sandbox_output(replica_sandbox(r->replica), fd);

	return shown_text(m->s, raw ? raw->p : NULL, raw && raw->p ? raw->n : 0,
			  GATE_MAX_OUTPUT - 1, text, m->e);
}

static int finish_run(struct monitor *m, const struct run *r)
{
	const struct exit_record *x = sandbox_exit(replica_sandbox(r->replica));
	const char *kind =
		replica_invalid(r->replica) ? "backing-service-ended" : exit_kind_name(x->kind);
	struct gate_ran ran = { .id = r->rq.id, .code = x->code > 0 ? (uint64_t)x->code : 0 };
	json_t *body = NULL;
	int k = take_output(m, r, 1, &ran.out);

	if (k == 0)
		k = take_output(m, r, 2, &ran.err);
	if (k == 0) {
		ran.exit = strdup(kind);
		body = ran.exit ? jmap_write(gate_ran_map, &ran) : NULL;
		k = body ? 0 : monitor_no_memory(m);
	}
	jmap_release(gate_ran_map, &ran);
	if (k == 0)
		k = audit_note(m->s->world->audit, "gate.ran",
			       json_pack("{s:I,s:s,s:i}", "id", (json_int_t)r->rq.id, "exit", kind,
					 "code", x->code),
			       m->e);
	if (k == 0)
		k = heard_keep(m, r->key, body);
	if (k < 0) {
		json_decref(body);
		return k;
	}
	return monitor_answer(m, GATE_RAN, body);
}

int runs_step(struct monitor *m, size_t i)
{
	struct run *r = m->runs.v[i];
	int k = replica_step(r->replica, m->e);

	if (k != 1)
		return k;
	k = finish_run(m, r);
	run_free(r);
	m->runs.v[i] = NULL;
	return k;
}
