/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/testrun/world.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/host/testrun/backing.h"
#include "agent/host/testrun/testrun.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/log.h"
#include "runtime/base/spawn.h"
#include "runtime/proto/decode.h"

#define REPOSITORY_POLICY ".sickbay/policy.json"

static int open_agent(struct world *w, struct err *e)
{
	char path[4096];
	int r = spawn_sibling("sickbay-agent", path, sizeof(path), e);

	if (r < 0)
		return r;
	w->agent_program = open(path, O_PATH | O_CLOEXEC);
	return w->agent_program < 0 ? err_sys(e, "open '%s'", path) : 0;
}

/* Change layers of one process lie in a directory of its own, so that a later run can tell what is
 * left over. */
static int open_scratch(struct world *w, struct err *e)
{
	char id[ID_LEN];
	int r;

	id_random(id);
	if (asprintf(&w->scratch_path, "%s/tmp/%d-%s", w->state, (int)getpid(), id) < 0)
		return err_set(e, ENOMEM, "out of memory");
	r = dir_make(w->scratch_path, 0700, e);
	if (r < 0)
		return r;
	w->scratch = fd_open_dir(w->scratch_path, e);
	if (w->scratch < 0)
		return w->scratch;
	return flock(w->scratch, LOCK_EX | LOCK_NB) < 0 ? err_sys(e, "lock '%s'", w->scratch_path)
							: 0;
}

/* The lock of a directory goes with its owner: one that can be had belongs to nobody. */
static int sweep_one(int tmp, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = openat(tmp, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return 0;
	return tree_remove_at(tmp, name, e);
}

int world_sweep(const char *state, struct err *e)
{
	AUTO_FREE char *path = NULL;
	CLEANUP(cleanup_closedir) DIR *d = NULL;
	const struct dirent *ent;
	int r = 0;

	if (asprintf(&path, "%s/tmp", state) < 0)
		return err_set(e, ENOMEM, "out of memory");
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, "list '%s'", path);
	while (r == 0 && (ent = readdir(d)))
		if (ent->d_name[0] != '.')
			r = sweep_one(dirfd(d), ent->d_name, e);
	return r;
}

static int load_policies(struct world *w, struct err *e)
{
	const char *const names[ROLE_N] = { [ROLE_REPRODUCE] = w->service->policy.reproduce,
					    [ROLE_PATCH] = w->service->policy.patch,
					    [ROLE_VERIFY] = w->service->policy.verify };

	for (int role = 0; role < ROLE_N; role++) {
		AUTO_FREE char *path = service_path(w->service, names[role]);
		int r;

		if (!path)
			return err_set(e, ENOMEM, "out of memory");
		r = policy_load(path, &w->policy[role], e);
		if (r == 0 && !policy_has_role(w->policy[role], role))
			r = err_set(e, EINVAL,
				    "policy '%s' is not for the role '%s': see its \"roles\"", path,
				    policy_role_name(role));
		if (r < 0)
			return r;
	}
	return 0;
}

static int open_recipe(struct world *w, const char *name, char id[80], int *layer, struct err *e)
{
	AUTO_FREE char *recipe = name ? service_path(w->service, name) : NULL;
	int r;

	if (!name)
		return 0;
	if (!recipe)
		return err_set(e, ENOMEM, "out of memory");
	r = toolchain_prepare(w->store, w->audit, recipe, id, e);
	return r < 0 ? r : layer_open(w->store, id, layer, e);
}

static int open_toolchains(struct world *w, struct err *e)
{
	const struct service_agent *const agents[ROLE_N] = {
		[ROLE_REPRODUCE] = &w->service->agents.reproduce,
		[ROLE_PATCH] = &w->service->agents.patch,
	};
	int r = open_recipe(w, w->service->toolchain.recipe, w->toolchain_id, &w->toolchain, e);

	for (int role = 0; r == 0 && role < ROLE_N; role++)
		if (agents[role])
			r = open_recipe(w, agents[role]->toolchain, w->agent_toolchain_id[role],
					&w->agent_toolchain[role], e);
	return r;
}

static int open_image(struct world *w, struct err *e)
{
	int r = image_find(w->store, w->service->image.production, &w->image, e);

	if (r == 0)
		r = image_layers(w->store, &w->image, &w->image_layers, e);
	if (r == 0)
		r = reporters_layer(w->store, w->reporters_id, e);
	return r < 0 ? r : layer_open(w->store, w->reporters_id, &w->reporters, e);
}

int world_open(const char *state, struct store *store, const struct service *service,
	       struct audit *audit, struct world *out, struct err *e)
{
	struct world w = { .state = state,
			   .store = store,
			   .service = service,
			   .audit = audit,
			   .toolchain = -1,
			   .reporters = -1,
			   .agent_program = -1,
			   .scratch = -1 };
	int r;

	for (int i = 0; i < SIDE_N; i++)
		w.side[i].layer = w.side[i].built = -1;
	for (int i = 0; i < ROLE_N; i++)
		w.agent_toolchain[i] = -1;
	w.places = (struct policy_places){
		.image = "/", .repo = service->run.cwd, .build = service->run.cwd, .tmp = "/tmp"
	};
	r = load_policies(&w, e);
	if (r == 0)
		r = open_agent(&w, e);
	if (r == 0)
		r = open_scratch(&w, e);
	if (r == 0)
		r = open_image(&w, e);
	if (r == 0)
		r = open_toolchains(&w, e);
	if (r == 0)
		r = git_open(state, service->name, service->repository.url, &w.git, e);
	if (r == 0)
		r = backing_open(&w, e);
	if (r < 0) {
		world_close(&w);
		return r;
	}
	*out = w;
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void world_close(struct world *w)
{
	struct err ignored = ERR_INIT;

	backing_close(w);
	for (int i = 0; i < SIDE_N; i++) {
		close_fd(&w->side[i].layer);
		close_fd(&w->side[i].built);
		source_release(&w->side[i].source);
	}
	for (int i = 0; i < ROLE_N; i++) {
		policy_free(w->policy[i]);
		close_fd(&w->agent_toolchain[i]);
	}
	close_fd(&w->toolchain);
	close_fd(&w->reporters);
	close_fd(&w->agent_program);
	close_fd(&w->scratch);
	if (w->scratch_path) {
		char *slash = strrchr(w->scratch_path, '/');

		*slash = '\0';
		w->scratch = open(w->scratch_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (w->scratch >= 0 && tree_remove_at(w->scratch, slash + 1, &ignored) < 0)
			log_warn("%s", ignored.msg);
		close_fd(&w->scratch);
	}
	free(w->scratch_path);
	layer_fds_release(&w->image_layers);
	image_release(&w->image);
	git_close(w->git);
	*w = (struct world){ .toolchain = -1, .reporters = -1, .agent_program = -1, .scratch = -1 };
}

/*
 * The repository's own policy, as it stands at the base commit: it can only
 * narrow what the operator allows.  Its text is untrusted, so sickbay-decode
 * reads it and the checker gets it back as plain JSON.
 */
static int narrow_by_repository(struct world *w, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(1u << 20);
	AUTO_JSON json_t *parsed = NULL;
	AUTO_FREE char *plain = NULL;
	struct policy *own = NULL;
	struct err none = ERR_INIT;
	int r = source_read_file(w->store, &w->side[SIDE_BASE].source, w->service->run.cwd,
				 REPOSITORY_POLICY, &text, &none);

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return err_set(e, -r, "%s", none.msg);
	r = decode_text(DECODE_JSONC, text.p, text.n, REPOSITORY_POLICY, NULL, &parsed, e);
	if (r < 0)
		return r;
	plain = json_dumps(json_object_get(parsed, "value"), JSON_INDENT(1));
	if (!plain)
		return err_set(e, ENOMEM, "out of memory");
	r = policy_parse(REPOSITORY_POLICY, plain, strlen(plain), &own, e);
	for (int role = 0; r == 0 && role < ROLE_N; role++)
		if (policy_has_role(own, role))
			r = policy_narrow(w->policy[role], own, e);
	policy_free(own);
	return r < 0 ? err_wrap(e, "the repository's own policy") : 0;
}

int world_set_source(struct world *w, int side, const char *commit, struct err *e)
{
	int r;

	source_release(&w->side[side].source);
	close_fd(&w->side[side].layer);
	close_fd(&w->side[side].built);
	r = source_make(w->store, w->git, commit, w->service->repository.root, w->service->run.cwd,
			&w->side[side].source, e);
	if (r == 0)
		r = layer_open(w->store, w->side[side].source.layer, &w->side[side].layer, e);
	if (r == 0 && side == SIDE_BASE)
		r = narrow_by_repository(w, e);
	if (r == 0)
		r = testrun_build(w, side, e);
	return r < 0 || w->deployed ? r : backing_prepare(w, side, e);
}

int world_resolve(const struct world *w, struct incident *i, struct err *e)
{
	struct strpair pairs[64];
	struct strmap map = { .v = pairs };
	struct incident_paths paths = { .paths = &map, .in_app = &w->service->in_app };
	char own[420];

	service_strmap(w->service, &map, 60);
	(void)snprintf(own, sizeof(own), "%s/", w->service->run.cwd);
	pairs[map.n++] = (struct strpair){ own, (char[]){ "" } };
	return incident_resolve(i, &paths, e);
}

/* ---- changes as a layer ---- */

static int put_change(const struct world *w, int dir, const struct change *ch, struct err *e)
{
	char path[4300];

	if (source_put_parents(dir, w->service->run.cwd + 1, ch->path, e) < 0)
		return -e->code;
	(void)snprintf(path, sizeof(path), "%s/%s", w->service->run.cwd + 1, ch->path);
	if (ch->kind == CHANGE_DELETE)
		return layer_put_whiteout(dir, path, e);
	if (ch->type == CHANGE_SYMLINK)
		return layer_put_link(dir, path, ch->new_data, SOURCE_UID, SOURCE_UID, e);
	if (ch->type == CHANGE_OTHER)
		return err_set(e, EINVAL, "'%s' is neither a file nor a link", ch->path);
	return layer_put_file(dir, path, ch->new_data, ch->new_len,
			      ch->type == CHANGE_EXECUTABLE ? 0755 : 0644, SOURCE_UID, SOURCE_UID,
			      e);
}

int scratch_layer_make(struct world *w, struct change_layer *out, struct err *e)
{
	struct change_layer l = { .fd = -1 };

	id_random(l.name);
	if (mkdirat(w->scratch, l.name, 0755) < 0)
		return err_sys(e, "make a layer of changes");
	l.fd = openat(w->scratch, l.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	*out = l;
	return l.fd < 0 ? err_sys(e, "open a layer of changes") : 0;
}

int change_layer_make(struct world *w, const struct changes *c, struct change_layer *out,
		      struct err *e)
{
	struct change_layer l;
	int r = scratch_layer_make(w, &l, e);

	if (r < 0)
		return r;
	r = layer_put_dir(l.fd, w->service->run.cwd + 1, 0755, SOURCE_UID, SOURCE_UID, e);
	for (size_t i = 0; r == 0 && i < c->n; i++)
		r = put_change(w, l.fd, &c->v[i], e);
	if (r < 0) {
		change_layer_drop(w, &l);
		return r;
	}
	*out = l;
	return 0;
}

void change_layer_drop(struct world *w, struct change_layer *l)
{
	struct err ignored = ERR_INIT;

	close_fd(&l->fd);
	if (l->name[0] && tree_remove_at(w->scratch, l->name, &ignored) < 0)
		log_warn("%s", ignored.msg);
	l->name[0] = '\0';
}
