/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/draft.h"
#include "agent/host/case/service_state.h"
#include "agent/host/cli/cli.h"
#include "agent/host/cli/cmd_service.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/opt.h"
#include "runtime/proto/audit.h"

/* `sickbay service init`: a draft from what a repository says of itself. */
struct init {
	struct service_host at;
	const char *output, *name;
	char repository[PATH_MAX], real_state[PATH_MAX], named[64];
	char file[4096], folder[4096]; /* the service file; the directory it lies in */
	struct audit *audit;
	struct git *git;
	struct manifests found;
	struct draft draft;
};

/* The name of the folder, as far as it is one. */
static int name_of(struct init *i, struct err *e)
{
	const char *slash = strrchr(i->repository, '/');
	size_t n = 0;

	for (const char *p = slash ? slash + 1 : ""; *p && n + 1 < sizeof(i->named); p++) {
		const char c = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;

		i->named[n++] = strchr("abcdefghijklmnopqrstuvwxyz0123456789.-", c) ? c : '-';
	}
	i->named[n] = '\0';
	if (n > 4 && strcmp(i->named + n - 4, ".git") == 0)
		i->named[n - 4] = '\0';
	if (!i->name)
		i->name = i->named;
	if (name_is_safe(i->name))
		return 0;
	return err_set(e, EINVAL,
		       "'%s' is not a plain name (a-z, 0-9, '.', '_', '-'): say one with --name",
		       i->name);
}

static int find_places(struct init *i, const char *repository, struct err *e)
{
	AUTO_FREE char *copy = NULL;
	int r;

	if (!realpath(repository, i->repository))
		return err_sys(e, "repository '%s'", repository);
	r = name_of(i, e);
	if (r == 0 && i->output)
		(void)snprintf(i->file, sizeof(i->file), "%s", i->output);
	else if (r == 0)
		r = service_file_of(i->at.services, i->name, i->file, e);
	if (r < 0)
		return r;
	copy = strdup(i->file);
	if (!copy)
		return err_set(e, ENOMEM, "out of memory");
	(void)snprintf(i->folder, sizeof(i->folder), "%s", dirname(copy));
	if (access(i->file, F_OK) == 0)
		return err_set(
			e, EEXIST,
			"'%s' is there already and is left as it is: say another --output, or "
			"move it away",
			i->file);
	if (dir_make(i->at.state, 0700, e) < 0)
		return -e->code;
	return realpath(i->at.state, i->real_state)
		       ? 0
		       : err_sys(e, "state directory '%s'", i->at.state);
}

static int put(int dir, const char *name, const void *data, size_t n, struct err *e)
{
	return file_publish_once_at(dir, name, data, n, 0644, e);
}

static int write_recipe(struct init *i, int folder, struct err *e)
{
	const struct manifest *npm = manifest_of(&i->found, "npm");
	const struct manifest *lock = manifest_of(&i->found, "npm-lock");
	AUTO_CLOSE int dir = -1;
	char path[128];
	int r;

	(void)snprintf(path, sizeof(path), "recipes/%s", i->name);
	r = dir_make_at(folder, path, 0755, e);
	if (r < 0)
		return r;
	dir = fd_open_beneath(folder, path, O_RDONLY | O_DIRECTORY, 0, e);
	if (dir < 0)
		return dir;
	if (i->draft.npm) {
		r = put(dir, "package.json", npm->text, npm->n, e);
		r = r ? r : put(dir, "package-lock.json", lock->text, lock->n, e);
	}
	r = r ? r : put(dir, "recipe.json", i->draft.recipe, strlen(i->draft.recipe), e);
	return r < 0 ? err_wrap(e, "recipe in '%s/%s'", i->folder, path) : 0;
}

static int write_files(struct init *i, struct err *e)
{
	const char *slash = strrchr(i->file, '/');
	AUTO_CLOSE int folder = -1;
	struct service s = { 0 };
	int r = audit_commit(i->audit, "service.draft",
			     json_pack("{s:s,s:s,s:s}", "service", i->name, "file", i->file,
				       "commit", i->found.commit),
			     e);

	if (r == 0 && access(i->folder, F_OK) != 0)
		r = dir_make(i->folder, 0755, e);
	if (r < 0)
		return r;
	folder = fd_open_dir(i->folder, e);
	if (folder < 0)
		return folder;
	if (i->draft.recipe)
		r = write_recipe(i, folder, e);
	if (r == 0)
		r = put(folder, slash ? slash + 1 : i->file, i->draft.service,
			strlen(i->draft.service), e);
	if (r == 0)
		r = service_load(i->file, &s, e);
	service_release(&s);
	return r;
}

static int init(struct init *i, const char *repository, struct err *e)
{
	char recipe[128];
	struct draft_input in = { .recipe = recipe, .found = &i->found };
	int r = find_places(i, repository, e);

	if (r == 0)
		r = audit_open(i->real_state, &i->audit, e);
	if (r == 0)
		r = git_open(i->real_state, i->name, i->repository, &i->git, e);
	if (r == 0)
		r = manifests_read(i->git, &i->found, e);
	if (r < 0)
		return r;
	(void)snprintf(recipe, sizeof(recipe), "recipes/%s/recipe.json", i->name);
	in.name = i->name;
	in.repository = i->repository;
	r = draft_make(&in, &i->draft, e);
	return r < 0 ? r : write_files(i, e);
}

static void say(const struct init *i)
{
	(void)printf("%s\n", i->file);
	if (i->draft.recipe)
		(void)printf("%s/recipes/%s/recipe.json\n", i->folder, i->name);
	for (size_t k = 0; k < i->draft.open.n; k++)
		(void)printf("fill in   %s\n", i->draft.open.v[k]);
	(void)printf("next      sickbay service check %s\n", i->output ? i->file : i->name);
}

int service_cmd_init(int argc, char **argv, struct err *e)
{
	struct init i = { 0 };
	const struct opt opts[] = {
		{ "name", OPT_STR, &i.name, "NAME", "of the service (default: the folder's)" },
		{ "output", OPT_STR, &i.output, "FILE", "where the draft goes" },
		OPTS_HOST(i.at),
		{ 0 }
	};
	int operands, r;

	if (opt_parse(opts, false, argc, argv, &operands, e) < 0)
		return CLI_USAGE;
	if (operands != 1)
		return cli_usage(e, "service init wants the path of one REPOSITORY");
	r = service_host_load(&i.at, e);
	if (r == 0)
		r = init(&i, argv[1], e);
	if (r == 0)
		say(&i);
	draft_release(&i.draft);
	manifests_release(&i.found);
	git_close(i.git);
	audit_close(i.audit);
	host_config_release(&i.at.host);
	return r < 0 ? CLI_FAILED : CLI_OK;
}
