/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/testrun/backing_impl.h"
#include "images/layer.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/log.h"
#include "runtime/base/sha256.h"

/*
 * A prepared layer: the service's first commands, its program, the seeds, a
 * clean stop, and what all this wrote as a layer of the store.  It is named by
 * what it was made from.  A seed that runs in the application sees this commit
 * of it and the backing services above its own, so both are part of the name.
 */
#define FORMAT	  "sickbay.backing/1"
#define INPUT_MAX (64u << 20)
#define SAID_MAX  280
#define SLACK_MS  600000 /* beyond the time that the seeds may take */

/* Of no use to a layer: what a running root has there. */
static const char *const left_out[] = { "dev", "proc", "run", "sys", "tmp", NULL };

static bool seeds_in(const struct objlist *l, int place)
{
	const struct service_seed *s = l->v;

	for (size_t i = 0; i < l->n; i++)
		if (s[i].in == place)
			return true;
	return false;
}

/* ---- the name ---- */

static void add(struct sha256 *h, const char *text)
{
	const char *s = text ? text : "";

	sha256_update(h, s, strlen(s) + 1);
}

static void add_list(struct sha256 *h, const struct strlist *l)
{
	for (size_t i = 0; i < l->n; i++)
		add(h, l->v[i]);
	add(h, NULL);
}

static int add_inputs(struct world *w, int side, const struct objlist *l, struct sha256 *h,
		      struct err *e)
{
	const struct service_seed *s = l->v;
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->n; i++) {
		AUTO_BUF struct buf text = BUF_INIT(INPUT_MAX);

		if (!s[i].input)
			continue;
		r = backing_input(w, side, s[i].input, &text, e);
		if (r == 0) {
			sha256_update(h, &text.n, sizeof(text.n));
			sha256_update(h, text.p ? text.p : "", text.n);
		}
	}
	return r;
}

static void add_application(struct world *w, int side, size_t index, struct sha256 *h)
{
	const struct service *s = w->service;

	add(h, w->side[side].source.layer);
	add(h, w->image.digest);
	add(h, w->toolchain_id);
	add_list(h, &s->build.production);
	add_list(h, &s->build.sanitizer);
	for (size_t i = 0; i < s->run.env.n; i++) {
		add(h, s->run.env.v[i].key);
		add(h, s->run.env.v[i].value);
	}
	for (size_t i = 0; i < index; i++)
		add(h, w->backing->v[i].prepared_id[side]);
}

static int name_layer(struct world *w, int side, size_t index, char id[80], struct err *e)
{
	const struct backing_one *o = &w->backing->v[index];
	uint8_t digest[SHA256_LEN];
	char hex[SHA256_HEX];
	struct sha256 h;
	int r;

	sha256_init(&h);
	add(&h, FORMAT);
	add(&h, o->service->name);
	add(&h, o->service->address);
	add(&h, o->service->digest);
	add(&h, o->image.digest);
	add(&h, o->packages_id);
	if (seeds_in(&o->service->seed, SEED_APPLICATION))
		add_application(w, side, index, &h);
	r = add_inputs(w, side, &o->service->init, &h, e);
	if (r == 0)
		r = add_inputs(w, side, &o->service->seed, &h, e);
	if (r < 0)
		return err_wrap(e, "backing service '%s'", o->service->name);
	sha256_final(&h, digest);
	sha256_hex(digest, hex);
	(void)snprintf(id, 80, "sha256-%s", hex);
	return 0;
}

/* ---- the making ---- */

static int seed_application(struct members *m, int side, const struct service_seed *s,
			    struct err *e)
{
	const struct replica_job job = { .purpose = "seed",
					 .side = side,
					 .role = ROLE_VERIFY,
					 .argv = (const char *const *)s->run.v,
					 .wall_ms = s->timeout_ms,
					 .members = m };
	struct replica *rep = NULL;
	struct exit_record x;
	int r = replica_start(m->world, &job, &rep, e);

	if (r < 0)
		return r;
	r = replica_wait(rep, &x, e);
	if (r >= 0 && replica_invalid(rep)) {
		r = err_set(e, EHOSTDOWN, "%s", replica_invalid(rep));
	} else if (r >= 0 && exit_status(&x) != 0) {
		const struct buf *said = sandbox_output(replica_sandbox(rep), 2);
		const size_t n = said && said->p ? said->n : 0;

		r = err_set(e, EIO, "seed '%s' ended with %s %d: %s", s->run.v[0],
			    exit_kind_name(x.kind), x.code,
			    n ? said->p + (n > SAID_MAX ? n - SAID_MAX : 0) : "it said nothing");
	}
	replica_close(rep);
	return r < 0 ? r : 0;
}

static int run_all(struct members *m, int side, const struct objlist *l, struct err *e)
{
	struct member *one = m->v[m->n - 1];
	const struct service_seed *s = l->v;
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->n; i++) {
		AUTO_BUF struct buf input = BUF_INIT(INPUT_MAX);

		if (s[i].in == SEED_APPLICATION) {
			r = seed_application(m, side, &s[i], e);
			continue;
		}
		if (s[i].input)
			r = backing_input(m->world, side, s[i].input, &input, e);
		if (r == 0)
			r = member_run(one, &s[i].run, &input, s[i].timeout_ms, e);
	}
	return r;
}

/* Those above it first, where the application will want them; then this one. */
static int start_all(struct members *m, int side, size_t index, struct err *e)
{
	const struct backing *b = m->world->backing;
	const struct service_backing *svc = b->v[index].service;
	const size_t first = seeds_in(&svc->seed, SEED_APPLICATION) ? 0 : index;
	int r = 0;

	for (size_t i = first; r == 0 && i <= index; i++)
		r = members_log_one(m->world, &b->v[i], m->replica, side, e);
	if (r == 0)
		r = audit_sync(m->world->audit, e);
	for (size_t i = first; r == 0 && i < index; i++)
		r = members_add(m, &b->v[i], side, false, e);
	if (r == 0)
		r = members_ready(m, e);
	if (r == 0)
		r = members_add(m, &b->v[index], side, true, e);
	return r;
}

static uint64_t longest(const struct service_backing *s)
{
	const struct objlist *const lists[] = { &s->init, &s->seed };
	uint64_t sum = s->ready.timeout_ms + s->stop_timeout_ms + SLACK_MS;

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < lists[k]->n; i++)
			sum += ((const struct service_seed *)lists[k]->v + i)->timeout_ms;
	return sum;
}

static int fill(struct members *m, int side, size_t index, int *layer, struct err *e)
{
	const struct service_backing *svc = m->world->backing->v[index].service;
	struct member *one;
	int r = start_all(m, side, index, e);

	if (r < 0)
		return r;
	one = m->v[m->n - 1];
	r = run_all(m, side, &svc->init, e);
	if (r == 0)
		r = member_begin(one, e);
	if (r == 0)
		r = member_await(one, e);
	if (r == 0)
		r = run_all(m, side, &svc->seed, e);
	if (r == 0)
		r = member_stop(one, e);
	return r < 0 ? r : member_freeze(one, layer, e);
}

static int record(struct world *w, const struct backing_one *o, const char *id, struct err *e)
{
	AUTO_JSON json_t *obj =
		json_pack("{s:s,s:s,s:s++,s:s,s:s,s:[]}", "format", FORMAT, "layer", id, "name",
			  w->service->name, ".", o->service->name, "image", o->image.name,
			  "image_digest", o->image.digest, "packages");
	AUTO_FREE char *text = obj ? json_dumps(obj, JSON_INDENT(2)) : NULL;
	char file[96];

	if (!text)
		return err_set(e, ENOMEM, "out of memory");
	(void)snprintf(file, sizeof(file), "%s.json", id);
	return file_publish_at(w->store->records, file, text, strlen(text), 0600, e);
}

/* The frozen upper lies in memory and goes with the member: the layer is a copy of it. */
static int keep(struct world *w, const struct backing_one *o, const char *id, int frozen,
		struct err *e)
{
	const struct tree_copy how = { .overlay = true, .skip = left_out };
	struct layer_draft draft = { .dir = -1 };
	int r = layer_begin(w->store, id, &draft, e);

	if (r == 0)
		r = layer_copy_tree(draft.dir, frozen, o->service->name, &how, NULL, e);
	if (r == 0)
		r = record(w, o, id, e);
	if (r == 0)
		r = audit_commit(w->audit, "member.publish",
				 json_pack("{s:s,s:s,s:s}", "name", o->service->name, "image",
					   o->image.name, "layer", id),
				 e);
	if (r == 0)
		r = layer_publish(w->store, &draft, e);
	layer_drop(w->store, &draft);
	return r;
}

static int make(struct world *w, int side, size_t index, const char *id, struct err *e)
{
	const struct backing_one *o = &w->backing->v[index];
	char random[ID_LEN], name[40];
	AUTO_CLOSE int frozen = -1;
	struct members *m;
	int r;

	id_random(random);
	(void)snprintf(name, sizeof(name), "rp-%s", random);
	m = members_new(w, name, longest(o->service));
	if (!m)
		return err_set(e, ENOMEM, "out of memory");
	log_progress("preparing backing service '%s'", o->service->name);
	r = fill(m, side, index, &frozen, e);
	if (r == 0)
		r = keep(w, o, id, frozen, e);
	members_close(m);
	return r;
}

static int prepare_one(struct world *w, int side, size_t index, struct err *e)
{
	struct backing_one *o = &w->backing->v[index];
	char id[80];
	int r;

	if (o->service->stub)
		return backing_put_stub(w, o, side, e);
	if (o->service->init.n == 0 && o->service->seed.n == 0)
		return 0;
	r = name_layer(w, side, index, id, e);
	if (r == 0 && !layer_exists(w->store, id))
		r = make(w, side, index, id, e);
	if (r < 0)
		return r;
	if (o->prepared[side] >= 0)
		(void)close(take_fd(&o->prepared[side]));
	memcpy(o->prepared_id[side], id, sizeof(id));
	return layer_open(w->store, id, &o->prepared[side], e);
}

int backing_prepare(struct world *w, int side, struct err *e)
{
	int r = 0;

	for (size_t i = 0; w->backing && r == 0 && i < w->backing->n; i++)
		r = prepare_one(w, side, i, e);
	log_progress_end();
	return r;
}
