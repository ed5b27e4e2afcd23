/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/testrun/backing.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/testrun/backing_impl.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/proto/stub.h"

#define INPUT_MAX  (64u << 20)
#define REPOSITORY "repository:"

/* ---- what members are made of ---- */

static int put_hosts(struct world *w, struct backing *b, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(8192);
	int r = scratch_layer_make(w, &b->hosts, e);

	buf_puts(&text, "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");
	for (size_t i = 0; i < b->n; i++)
		buf_printf(&text, "%s %s\n", b->v[i].service->address, b->v[i].service->name);
	if (r == 0)
		r = buf_check(&text, "hosts", e);
	return r < 0 ? r : layer_put_file(b->hosts.fd, "etc/hosts", text.p, text.n, 0644, 0, 0, e);
}

static bool of_repository(const char *name)
{
	return strncmp(name, REPOSITORY, strlen(REPOSITORY)) == 0;
}

/* A file of the operator's, or of the commit that is looked at. */
int backing_input(struct world *w, int side, const char *name, struct buf *out, struct err *e)
{
	AUTO_FREE char *path = NULL;

	if (of_repository(name))
		return source_read_file(w->store, &w->side[side].source, w->service->run.cwd,
					name + strlen(REPOSITORY), out, e);
	path = service_path(w->service, name);
	if (!path)
		return err_set(e, ENOMEM, "out of memory");
	return file_read_at(AT_FDCWD, path, INPUT_MAX, out, e);
}

static int open_one(struct world *w, struct backing_one *o, const struct service_backing *svc,
		    struct err *e)
{
	AUTO_FREE char *recipe = NULL;
	int r = image_find(w->store, svc->image, &o->image, e);

	o->service = svc;
	if (r == 0)
		r = image_layers(w->store, &o->image, &o->image_layers, e);
	if (r == 0)
		r = scratch_layer_make(w, &o->own, e);
	if (r == 0)
		r = layer_put_dir(o->own.fd, svc->cwd + 1, 0755, (unsigned)svc->user,
				  (unsigned)svc->user, e);
	if (r < 0 || !svc->recipe)
		return r;
	recipe = service_path(w->service, svc->recipe);
	if (!recipe)
		return err_set(e, ENOMEM, "out of memory");
	r = toolchain_prepare(w->store, w->audit, recipe, o->packages_id, e);
	return r < 0 ? r : layer_open(w->store, o->packages_id, &o->packages, e);
}

static struct backing *make(size_t n)
{
	struct backing *b = calloc(1, sizeof(*b) + n * sizeof(b->v[0]));

	if (!b)
		return NULL;
	b->n = n;
	b->hosts.fd = -1;
	for (size_t i = 0; i < n; i++) {
		b->v[i].packages = b->v[i].own.fd = -1;
		for (int side = 0; side < SIDE_N; side++)
			b->v[i].prepared[side] = b->v[i].stub[side].fd = -1;
	}
	return b;
}

int backing_open(struct world *w, struct err *e)
{
	const struct objlist *list = &w->service->backing;
	int r = 0;

	if (list->n == 0)
		return 0;
	w->backing = make(list->n);
	if (!w->backing)
		return err_set(e, ENOMEM, "out of memory");
	for (size_t i = 0; r == 0 && i < list->n; i++) {
		const struct service_backing *svc = (const struct service_backing *)list->v + i;

		r = open_one(w, &w->backing->v[i], svc, e);
		if (r < 0)
			(void)err_wrap(e, "backing service '%s'", svc->name);
	}
	return r < 0 ? r : put_hosts(w, w->backing, e);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void backing_close(struct world *w)
{
	struct backing *b = w->backing;

	if (!b)
		return;
	for (size_t i = 0; i < b->n; i++) {
		struct backing_one *o = &b->v[i];

		image_release(&o->image);
		layer_fds_release(&o->image_layers);
		close_fd(&o->packages);
		change_layer_drop(w, &o->own);
		for (int side = 0; side < SIDE_N; side++) {
			close_fd(&o->prepared[side]);
			change_layer_drop(w, &o->stub[side]);
		}
	}
	change_layer_drop(w, &b->hosts);
	free(b);
	w->backing = NULL;
}

int backing_hosts(const struct world *w)
{
	return w->backing ? w->backing->hosts.fd : -1;
}

/* The operator's is checked here, where he sees what is wrong with it; what the repository holds is
 * read in the member alone. */
int backing_put_stub(struct world *w, struct backing_one *o, int side, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(INPUT_MAX);
	struct change_layer *l = &o->stub[side];
	struct stub stub = { 0 };
	uint8_t digest[SHA256_LEN];
	int r = backing_input(w, side, o->service->stub, &text, e);

	change_layer_drop(w, l);
	if (r == 0 && !of_repository(o->service->stub))
		r = stub_parse(o->service->stub, text.p ? text.p : "", text.n, &stub, e);
	stub_release(&stub);
	if (r < 0)
		return r;
	sha256_of(text.p ? text.p : "", text.n, digest);
	sha256_hex(digest, o->stub_sha256[side]);
	r = scratch_layer_make(w, l, e);
	return r < 0 ? r
		     : layer_put_file(l->fd, &MEMBER_STUB_FILE[1], text.p ? text.p : "", text.n,
				      0644, 0, 0, e);
}

json_t *backing_write(const struct world *w)
{
	json_t *list = w->backing ? json_array() : NULL;

	for (size_t i = 0; list && i < w->backing->n; i++) {
		const struct backing_one *o = &w->backing->v[i];
		const char *base = o->prepared_id[SIDE_BASE], *head = o->prepared_id[SIDE_HEAD];

		(void)json_array_append_new(
			list,
			json_pack("{s:s,s:s,s:s,s:s*,s:s*,s:s*,s:s*}", "name", o->service->name,
				  "image", o->image.name, "digest", o->image.digest, "packages",
				  *o->packages_id ? o->packages_id : NULL, "base",
				  *base ? base : NULL, "head", *head ? head : NULL, "stub",
				  o->service->stub));
	}
	return list;
}

/* ---- members ---- */

/* Top-most first: hosts, its own directory, what was prepared, its packages, its image. */
static int stack(const struct world *w, const struct backing_one *o, int side, bool bare,
		 int *layers, size_t *n, struct err *e)
{
	const int above[] = { w->backing->hosts.fd, o->own.fd, o->stub[side].fd,
			      bare ? -1 : o->prepared[side], o->packages };
	size_t k = 0;

	for (size_t i = 0; i < sizeof(above) / sizeof(above[0]); i++)
		if (above[i] >= 0)
			layers[k++] = above[i];
	for (size_t i = 0; i < o->image_layers.n; i++) {
		if (k == MEMBER_LAYERS)
			return err_set(e, E2BIG, "image '%s' has too many layers", o->image.name);
		layers[k++] = o->image_layers.v[i];
	}
	*n = k;
	return 0;
}

int members_add(struct members *m, const struct backing_one *o, int side, bool bare, struct err *e)
{
	struct world *w = m->world;
	int layers[MEMBER_LAYERS], r;
	char name[80];
	struct member_job job = { .name = name,
				  .state = w->state,
				  .service = o->service,
				  .image_env = &o->image.env,
				  .layers = layers,
				  .host_root = o->image.host,
				  .freeze = bare,
				  .agent_program = w->agent_program,
				  .wall_ms = m->wall_ms,
				  .beside = members_sandbox(m) };

	(void)snprintf(name, sizeof(name), "%s-%s", m->replica, o->service->name);
	r = stack(w, o, side, bare, layers, &job.n_layers, e);
	if (r < 0)
		return r;
	r = member_open(&job, &m->v[m->n], e);
	w->no_sandbox = r < 0;
	m->n += r == 0;
	return r;
}

struct members *members_new(struct world *w, const char *replica, uint64_t wall_ms)
{
	struct members *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->world = w;
	m->wall_ms = wall_ms;
	(void)snprintf(m->replica, sizeof(m->replica), "%s", replica);
	return m;
}

/* All start at once, and each takes its time. */
int members_ready(struct members *m, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->n; i++)
		r = member_begin(m->v[i], e);
	for (size_t i = 0; r == 0 && i < m->n; i++)
		r = member_await(m->v[i], e);
	return r;
}

/* What may run beside an agent is the policy's to say; where no agent is, all that the service
 * has. */
static bool wanted(const struct world *w, size_t index, int role)
{
	return role == ROLE_VERIFY ||
	       policy_backing_allowed(w->policy[role], w->backing->v[index].service->name);
}

int members_log_one(struct world *w, const struct backing_one *o, const char *replica, int side,
		    struct err *e)
{
	return audit_effect(w->audit, "member.start",
			    json_pack("{s:s,s:s,s:s,s:s*,s:s*,s:s*}", "replica", replica, "member",
				      o->service->name, "image", o->image.name, "packages",
				      *o->packages_id ? o->packages_id : NULL, "prepared",
				      *o->prepared_id[side] ? o->prepared_id[side] : NULL, "stub",
				      o->service->stub),
			    e);
}

int members_log(struct world *w, const struct members_job *job, struct err *e)
{
	int r = 0;

	for (size_t i = 0; w->backing && r == 0 && i < w->backing->n; i++)
		if (wanted(w, i, job->role))
			r = members_log_one(w, &w->backing->v[i], job->replica, job->side, e);
	return r;
}

int members_start(struct world *w, const struct members_job *job, struct members **out,
		  struct err *e)
{
	struct members *m;
	int r = 0;

	*out = NULL;
	if (!w->backing)
		return 0;
	m = members_new(w, job->replica, job->wall_ms);
	if (!m)
		return err_set(e, ENOMEM, "out of memory");
	for (size_t i = 0; r == 0 && i < w->backing->n; i++)
		if (wanted(w, i, job->role))
			r = members_add(m, &w->backing->v[i], job->side, false, e);
	if (r == 0)
		r = members_ready(m, e);
	if (r < 0 || m->n == 0) {
		members_close(m);
		return r;
	}
	*out = m;
	return 0;
}

const struct sandbox *members_sandbox(const struct members *m)
{
	return m->n ? member_sandbox(m->v[0]) : NULL;
}

size_t members_count(const struct members *m)
{
	return m->n;
}

int members_fd(const struct members *m, size_t index)
{
	return member_fd(m->v[index]);
}

int members_step(struct members *m, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->n; i++)
		r = member_step(m->v[i], e);
	return r;
}

static void account(struct members *m, struct member *one)
{
	const struct exit_record *x = member_end(one);
	struct err ignored = ERR_INIT;
	struct world *w = m->world;

	w->spent.cpu_us += x->cpu_us;
	if (audit_note(w->audit, "member.exit",
		       json_pack("{s:s,s:s,s:s,s:i,s:I,s:I,s:I}", "replica", m->replica, "member",
				 member_service(one)->name, "exit", exit_kind_name(x->kind), "code",
				 x->code, "cpu_us", (json_int_t)x->cpu_us, "wall_us",
				 (json_int_t)x->wall_us, "peak_memory", (json_int_t)x->peak_memory),
		       &ignored) < 0)
		log_warn("%s", ignored.msg);
}

void members_close(struct members *m)
{
	if (!m)
		return;
	for (size_t i = m->n; i > 0; i--) {
		account(m, m->v[i - 1]);
		member_close(m->v[i - 1]);
	}
	free(m);
}
