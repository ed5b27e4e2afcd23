/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/service_state.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/jsonc.h"

#define RECORD_MAX (16u << 20)

int service_file_named(const char *services, const char *name, char path[4096], struct err *e)
{
	int len;

	if (!name_is_safe(name))
		return err_set(e, ENOENT, "'%.60s' is no service's name", name);
	len = snprintf(path, 4096, "%s/%s.json", services ? services : SERVICES_DEFAULT, name);
	return len < 4096 ? 0 : err_set(e, ENAMETOOLONG, "service '%.60s...': too long", name);
}

int service_file_of(const char *services, const char *name, char path[4096], struct err *e)
{
	const size_t n = strlen(name);
	const bool file = strchr(name, '/') || (n > 5 && strcmp(name + n - 5, ".json") == 0);

	if (!file && !name_is_safe(name))
		return err_set(e, EINVAL,
			       "service '%s': neither a file nor a plain name (a-z, 0-9, '.', '_', "
			       "'-')",
			       name);
	if (!file)
		return service_file_named(services, name, path, e);
	return snprintf(path, 4096, "%s", name) < 4096
		       ? 0
		       : err_set(e, ENAMETOOLONG, "service '%.60s...': too long", name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* NAME.json of a file, NAME of a directory. */
static int take_name(const char *entry, bool file, struct strlist *out, struct err *e)
{
	char name[NAME_MAX + 1];
	const size_t n = strlen(entry);

	if (file && (n < 6 || strcmp(entry + n - 5, ".json") != 0))
		return 0;
	(void)snprintf(name, sizeof(name), "%.*s", (int)(file ? n - 5 : n), entry);
	if (!name_is_safe(name)) /* a draft of an editor, a recipe of the same name */
		return 0;
	return strlist_add(out, name) < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

static int names_in(const char *path, bool files, struct strlist *out, struct err *e)
{
	CLEANUP(cleanup_closedir) DIR *d = opendir(path);
	struct strlist names = { 0 };
	const struct dirent *ent;
	int r = 0;

	if (!d && errno != ENOENT)
		return err_sys(e, "list '%s'", path);
	while (r == 0 && d && (ent = readdir(d)))
		if (ent->d_name[0] != '.')
			r = take_name(ent->d_name, files, &names, e);
	if (r < 0) {
		strlist_release(&names);
		return r;
	}
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	*out = names;
	return 0;
}

int service_names(const char *services, struct strlist *out, struct err *e)
{
	return names_in(services ? services : SERVICES_DEFAULT, true, out, e);
}

int service_states(const char *state, struct strlist *out, struct err *e)
{
	AUTO_FREE char *path = NULL;

	if (asprintf(&path, "%s/services", state) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return names_in(path, false, out, e);
}

static int open_dir(const char *state, const char *service, bool make, struct err *e)
{
	char path[PATH_MAX];

	if (!name_is_safe(service))
		return err_set(e, EINVAL, "'%s' is not the name of a service", service);
	if (snprintf(path, sizeof(path), "%s/services/%s", state, service) >= (int)sizeof(path))
		return err_set(e, ENAMETOOLONG, "state directory '%s'", state);
	if (make && dir_make(path, 0700, e) < 0)
		return -e->code;
	return fd_open_dir(path, e);
}

DEFINE_CLEANUP(struct jsonc, jsonc_free);

int service_state_read(const char *state, const char *service, const char *file, json_t **out,
		       struct err *e)
{
	AUTO_CLOSE int dir = open_dir(state, service, false, e);
	CLEANUP(cleanup_jsonc_free) struct jsonc *j = NULL;
	AUTO_BUF struct buf text = BUF_INIT(RECORD_MAX);
	int r = dir < 0 ? dir : file_read_at(dir, file, RECORD_MAX, &text, e);

	if (r == 0)
		r = jsonc_parse(file, text.p ? text.p : "", text.n, JSONC_STRICT, &j, e);
	if (r < 0)
		return err_wrap(e, "service '%s'", service);
	*out = json_deep_copy(jsonc_root(j));
	return *out ? 0 : err_set(e, ENOMEM, "out of memory");
}

int service_state_write(const char *state, const char *service, const char *file, const json_t *v,
			struct err *e)
{
	AUTO_FREE char *text = json_dumps(v, JSON_INDENT(1));
	AUTO_CLOSE int dir = open_dir(state, service, true, e);

	if (dir < 0)
		return dir;
	if (!text)
		return err_set(e, ENOMEM, "service '%s': %s: out of memory", service, file);
	if (file_publish_at(dir, file, text, strlen(text), 0600, e) < 0)
		return err_wrap(e, "service '%s'", service);
	return 0;
}
