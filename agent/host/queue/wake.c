/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/queue/wake.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/queue/spool.h"
#include "runtime/base/fd.h"

/* CASE.json waits; CASE+taken.json is being looked at, or was when its reader was killed. */
#define WAITS	  ".json"
#define TAKEN	  "+taken.json" /* no case's name has a plus */
#define NAME_ROOM 256

static void name_of(const char *kase, const char *end, char out[NAME_ROOM])
{
	(void)snprintf(out, NAME_ROOM, "%.200s%s", kase, end);
}

int wake_put(const char *state, const char *kase, json_t *what, struct err *e)
{
	AUTO_CLOSE int dir = spool_dir(state, WAKE_DIR, e);
	char name[NAME_ROOM];

	name_of(kase, WAITS, name);
	if (dir < 0) {
		json_decref(what);
		return dir;
	}
	(void)json_object_set_new(what, "schema", json_string(WAKE_SCHEMA));
	return spool_write(dir, name, what, e);
}

static int add(struct strlist *out, const char *file, struct err *e)
{
	const size_t n = strlen(file), taken = strlen(TAKEN);
	const size_t end =
		n > taken && strcmp(file + n - taken, TAKEN) == 0 ? taken : strlen(WAITS);
	char name[NAME_ROOM];

	(void)snprintf(name, sizeof(name), "%.*s", (int)(n - end), file);
	if (strlist_has(out, name))
		return 0;
	return strlist_add(out, name) < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

int wake_list(const char *state, struct strlist *out, struct err *e)
{
	struct strlist files = { 0 };
	int r = spool_names(state, WAKE_DIR, &files, e);

	for (size_t i = 0; r == 0 && i < files.n; i++)
		r = add(out, files.v[i], e);
	strlist_release(&files);
	return r;
}

int wake_take(const char *state, const char *kase, struct err *e)
{
	AUTO_CLOSE int dir = spool_dir(state, WAKE_DIR, e);
	char from[NAME_ROOM], to[NAME_ROOM];

	if (dir < 0)
		return dir;
	name_of(kase, WAITS, from);
	name_of(kase, TAKEN, to);
	if (renameat(dir, from, dir, to) == 0)
		return 1;
	if (errno != ENOENT)
		return err_sys(e, "take '" WAKE_DIR "/%s'", from);
	return faccessat(dir, to, F_OK, 0) == 0; /* of one who was killed */
}

int wake_done(const char *state, const char *kase, struct err *e)
{
	AUTO_CLOSE int dir = spool_dir(state, WAKE_DIR, e);
	char name[NAME_ROOM];

	if (dir < 0)
		return dir;
	name_of(kase, TAKEN, name);
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return err_sys(e, "remove '" WAKE_DIR "/%s'", name);
	return 0;
}
