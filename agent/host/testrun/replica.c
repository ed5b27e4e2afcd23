/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/host/case/stop.h"
#include "agent/host/testrun/backing.h"
#include "agent/host/testrun/world.h"
#include "runtime/base/id.h"
#include "runtime/base/log.h"

#define LAYERS_MAX 64
#define ENV_MAX	   128

struct replica {
	struct world *world;
	struct sandbox *sandbox;
	struct policy_compiled *compiled;
	struct change_layer changes[5];
	size_t n_changes;
	char name[40];
	struct strlist env;
	struct members *members; /* beside it; NULL: none */
	bool borrowed;		 /* they are somebody else's to close */
	int epoll;		 /* over all of their sandboxes; -1: there is only one */
	char invalid[496];
};

/* Top-most first: changes, the build, the source, the agent's toolchain, the service's, the
 * reporters, the image. */
static int stack_layers(const struct replica *r, const struct replica_job *job, int *layers,
			size_t *n, struct err *e)
{
	const struct world *w = r->world;
	size_t k = 0;

	for (size_t i = r->n_changes; i > 0; i--)
		layers[k++] = r->changes[i - 1].fd;
	if (w->side[job->side].built >= 0 && !job->unbuilt)
		layers[k++] = w->side[job->side].built;
	layers[k++] = w->side[job->side].layer;
	if (backing_hosts(w) >= 0)
		layers[k++] = backing_hosts(w);
	if (job->agent && w->agent_toolchain[job->role] >= 0)
		layers[k++] = w->agent_toolchain[job->role];
	if (w->toolchain >= 0)
		layers[k++] = w->toolchain;
	layers[k++] = w->reporters;
	for (size_t i = 0; i < w->image_layers.n; i++) {
		if (k == LAYERS_MAX)
			return err_set(e, E2BIG, "image '%s' has too many layers", w->image.name);
		layers[k++] = w->image_layers.v[i];
	}
	*n = k;
	return 0;
}

int replica_set_env(struct strlist *env, const char *assignment)
{
	const size_t n = strcspn(assignment, "=") + 1;

	for (size_t i = 0; i < env->n; i++) {
		if (strncmp(env->v[i], assignment, n) == 0) {
			char *copy = strdup(assignment);

			if (!copy)
				return -ENOMEM;
			free(env->v[i]);
			env->v[i] = copy;
			return 0;
		}
	}
	return strlist_add(env, assignment);
}

/* Later settings win: the image's as far as the policy passes it, the policy's, the service's, the
 * reporter's, the agent's. */
static int build_env(struct replica *r, const struct sandbox_spec *spec,
		     const struct replica_job *job, struct err *e)
{
	const struct world *w = r->world;
	const struct strmap *own = &w->service->run.env;
	int bad = 0;

	for (char *const *p = spec->envp; p && *p; p++)
		bad |= replica_set_env(&r->env, *p);
	for (size_t i = 0; i < own->n; i++) {
		AUTO_FREE char *line = NULL;

		bad |= asprintf(&line, "%s=%s", own->v[i].key, own->v[i].value) < 0;
		bad = bad ? bad : replica_set_env(&r->env, line);
	}
	if (job->results_fd > 2) {
		char line[64];

		(void)snprintf(line, sizeof(line), "SICKBAY_RESULTS_FD=%d", job->results_fd);
		bad |= replica_set_env(&r->env, line);
	}
	for (size_t i = 0; job->env && i < job->env->n; i++)
		bad |= replica_set_env(&r->env, job->env->v[i]);
	return bad ? err_set(e, ENOMEM, "out of memory") : 0;
}

static int make_task(struct replica *r, const char *task, struct err *e)
{
	static const struct changes none = { 0 };
	struct change_layer *l = &r->changes[r->n_changes];
	int k = change_layer_make(r->world, &none, l, e);

	if (k < 0)
		return k;
	r->n_changes++;
	return layer_put_file(l->fd, REPLICA_TASK + 1, task, strlen(task), 0644, 0, 0, e);
}

static int make_changes(struct replica *r, const struct replica_job *job, struct err *e)
{
	for (size_t i = 0; i < job->n_changes; i++) {
		int k;

		if (job->changes[i]->n == 0)
			continue;
		k = change_layer_make(r->world, job->changes[i], &r->changes[r->n_changes], e);
		if (k < 0)
			return k;
		r->n_changes++;
	}
	return job->task ? make_task(r, job->task, e) : 0;
}

static int log_start(struct replica *r, const struct replica_job *job,
		     const struct members_job *beside, struct err *e)
{
	struct world *w = r->world;
	int k = audit_effect(w->audit, "replica.start",
			     json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "replica", r->name,
				       "purpose", job->purpose, "role", policy_role_name(job->role),
				       "policy", policy_name(w->policy[job->role]), "policy_sha256",
				       policy_digest(w->policy[job->role]), "commit",
				       w->side[job->side].source.commit, "image", w->image.name),
			     e);

	if (k == 0 && beside)
		k = members_log(w, beside, e);
	return k < 0 ? k : audit_sync(w->audit, e);
}

/* ---- members beside it ---- */

#define MEMBERS_SLACK_MS 600000 /* until the payload runs */

static int start_members(struct replica *r, const struct replica_job *job,
			 const struct sandbox_spec *spec, struct err *e)
{
	const struct members_job beside = { .replica = r->name,
					    .side = job->side,
					    .role = job->role,
					    .wall_ms = spec->limits.wall_ms + MEMBERS_SLACK_MS };
	int k;

	r->members = job->members;
	r->borrowed = job->members != NULL;
	if (job->alone || job->members)
		return log_start(r, job, NULL, e);
	k = log_start(r, job, &beside, e);
	return k < 0 ? k : members_start(r->world, &beside, &r->members, e);
}

static int watch(const struct replica *r, int fd, struct err *e)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &ev) < 0
		       ? err_sys(e, "watch the members of a replica")
		       : 0;
}

static int watch_all(struct replica *r, struct err *e)
{
	int k;

	if (!r->members)
		return 0;
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (r->epoll < 0)
		return err_sys(e, "watch the members of a replica");
	k = watch(r, sandbox_fd(r->sandbox), e);
	for (size_t i = 0; k == 0 && i < members_count(r->members); i++)
		k = watch(r, members_fd(r->members, i), e);
	return k;
}

static int start(struct replica *r, const struct replica_job *job, struct err *e)
{
	struct world *w = r->world;
	const struct sandbox_capture capture = { .to = job->results_fd, .max = 64u << 20 };
	int layers[LAYERS_MAX + 8], k;
	struct sandbox_spec spec = { .name = r->name,
				     .state = w->state,
				     .layers = layers,
				     .host_root = w->image.host,
				     .freeze = job->freeze,
				     .binds = job->binds,
				     .n_binds = job->n_binds,
				     .uid = SOURCE_UID,
				     .gid = SOURCE_UID,
				     .cwd = w->service->run.cwd,
				     .argv = (char *const *)(uintptr_t)job->argv,
				     .loopback = true,
				     .envp = w->image.env.v, /* compiled into what passes */
				     .stdin_fd = -1,
				     .fds = job->fds,
				     .n_fds = job->n_fds,
				     .admit = job->admit,
				     .ctx = job->ctx,
				     .captures = &capture,
				     .n_captures = job->results_fd > 2 };

	k = make_changes(r, job, e);
	if (k == 0)
		k = stack_layers(r, job, layers, &spec.n_layers, e);
	if (k == 0)
		k = policy_compile(w->policy[job->role], &w->places, &spec, &r->compiled, e);
	if (k == 0)
		k = build_env(r, &spec, job, e);
	if (k < 0)
		return k;
	spec.envp = r->env.v;
	if (job->wall_ms && (!spec.limits.wall_ms || job->wall_ms < spec.limits.wall_ms))
		spec.limits.wall_ms = job->wall_ms;
	spec_defaults(&spec);
	k = start_members(r, job, &spec, e);
	if (k < 0)
		return k;
	spec.beside = r->members ? members_sandbox(r->members) : NULL;
	k = sandbox_start(&spec, &r->sandbox, e);
	w->no_sandbox = k < 0;
	return k < 0 ? k : watch_all(r, e);
}

int replica_start(struct world *w, const struct replica_job *job, struct replica **out,
		  struct err *e)
{
	struct replica *r;
	char id[ID_LEN];
	int k = stop_point(e);

	if (k < 0)
		return k;
	r = calloc(1, sizeof(*r));
	if (!r)
		return err_set(e, ENOMEM, "out of memory");
	id_random(id);
	(void)snprintf(r->name, sizeof(r->name), "rp-%s", id);
	r->world = w;
	r->epoll = -1;
	k = start(r, job, e);
	if (k < 0) {
		replica_close(r);
		return err_wrap(e, "replica for %s", job->purpose);
	}
	w->spent.replicas++;
	*out = r;
	return 0;
}

struct sandbox *replica_sandbox(struct replica *r)
{
	return r->sandbox;
}

int replica_fd(const struct replica *r)
{
	return r->epoll >= 0 ? r->epoll : sandbox_fd(r->sandbox);
}

const char *replica_invalid(const struct replica *r)
{
	return r->invalid[0] ? r->invalid : NULL;
}

/* A payload whose backing service is gone can only fail for that reason. */
int replica_step(struct replica *r, struct err *e)
{
	struct err dead = ERR_INIT;

	if (r->members && !r->invalid[0] && members_step(r->members, &dead) < 0) {
		(void)snprintf(r->invalid, sizeof(r->invalid), "%s", dead.msg);
		if (sandbox_kill(r->sandbox, e) < 0)
			return -e->code;
		return 1;
	}
	return sandbox_step(r->sandbox, e);
}

int replica_wait(struct replica *r, struct exit_record *out, struct err *e)
{
	int k = 0;

	if (!r->members)
		return sandbox_wait(r->sandbox, out, e);
	while (k == 0) {
		struct pollfd p = { .fd = r->epoll, .events = POLLIN };

		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return err_sys(e, "wait for a replica");
		k = replica_step(r, e);
	}
	if (k < 0)
		return k;
	*out = *sandbox_exit(r->sandbox);
	return 0;
}

/* What the policy wants to be told of: "CALL by PROGRAM", each pair once. */
static void log_notified(struct replica *r, const struct exit_record *x)
{
	AUTO_JSON json_t *calls = sandbox_notified(r->sandbox);
	AUTO_JSON json_t *seen = json_object();
	struct err ignored = ERR_INIT;
	json_t *list = json_array(), *value;
	const char *name;

	for (size_t i = 0; i < json_array_size(calls); i++) {
		const json_t *c = json_array_get(calls, i);
		char text[64];

		(void)snprintf(text, sizeof(text), "%s by %s",
			       json_string_value(json_object_get(c, "syscall")),
			       json_string_value(json_object_get(c, "comm")));
		(void)json_object_set_new(seen, text, json_true());
	}
	json_object_foreach(seen, name, value)
		(void)json_array_append_new(list, json_string(name));
	if (audit_note(r->world->audit, "replica.notify",
		       json_pack("{s:s,s:I,s:o}", "replica", r->name, "count",
				 (json_int_t)x->notified, "calls", list),
		       &ignored) < 0)
		log_warn("%s", ignored.msg);
}

static void account(struct replica *r)
{
	struct err ignored = ERR_INIT;
	const struct exit_record *x = sandbox_exit(r->sandbox);
	struct world *w = r->world;

	w->spent.cpu_us += x->cpu_us;
	if (x->peak_memory > w->spent.peak_memory)
		w->spent.peak_memory = x->peak_memory;
	if (x->notified)
		log_notified(r, x);
	if (audit_note(w->audit, "replica.exit",
		       json_pack("{s:s,s:s,s:i,s:I,s:I,s:I}", "replica", r->name, "exit",
				 exit_kind_name(x->kind), "code", x->code, "cpu_us",
				 (json_int_t)x->cpu_us, "wall_us", (json_int_t)x->wall_us,
				 "peak_memory", (json_int_t)x->peak_memory),
		       &ignored) < 0)
		log_warn("%s", ignored.msg);
}

void replica_close(struct replica *r)
{
	if (!r)
		return;
	if (r->sandbox) {
		struct err ignored = ERR_INIT;

		if (sandbox_exit(r->sandbox)->kind == EXIT_RUNNING &&
		    sandbox_kill(r->sandbox, &ignored) < 0)
			log_warn("%s", ignored.msg);
		account(r);
		sandbox_close(r->sandbox);
	}
	if (!r->borrowed)
		members_close(r->members);
	if (r->epoll >= 0)
		(void)close(r->epoll);
	for (size_t i = 0; i < r->n_changes; i++)
		change_layer_drop(r->world, &r->changes[i]);
	policy_compiled_free(r->compiled);
	strlist_release(&r->env);
	free(r);
}
