/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/pause.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/host/case/notify.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/jmap.h"
#include "runtime/base/sys.h"

/*
 * Each file has one size from the beginning, text and blanks: writing it again
 * changes blocks that are there.  The order is always: content, fsync, rename,
 * fsync of the directory.  The lock of the directory keeps operators apart; the
 * reader takes none, since one rename is all it can meet.
 */
#define SCHEMA	  "sickbay.pause/1"
#define FILE_SIZE 4096
#define RESERVE	  8
#define ALL	  "all.json"
#define NAME_LEN  96
#define LAST_BIT                                                                         \
	S_ISVTX /* of the directory: all is paused, and there was no file left to say so \
		 */

static int open_dir(const char *state, struct err *e)
{
	AUTO_FREE char *path = NULL;
	int fd;

	if (asprintf(&path, "%s/pause", state) < 0)
		return err_set(e, ENOMEM, "out of memory");
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "'%s'", path) : fd;
}

static int open_locked(const char *state, struct err *e)
{
	AUTO_CLOSE int dir = open_dir(state, e);

	if (dir < 0)
		return dir;
	while (flock(dir, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_sys(e, "lock '%s/pause'", state);
	return take_fd(&dir);
}

static int file_of(const char *service, char name[NAME_LEN], struct err *e)
{
	if (service && !name_is_safe(service))
		return err_set(e, EINVAL, "'%s' is not the name of a service", service);
	(void)snprintf(name, NAME_LEN, service ? "service-%s.json" : ALL, service);
	return 0;
}

/* A file that is there pauses, whatever it holds: one without content is owed and has no reason. */
static json_t *read_entry(int dir, const char *name)
{
	AUTO_BUF struct buf text = BUF_INIT(FILE_SIZE);
	struct err ignored = ERR_INIT;
	json_t *v = NULL;

	if (file_read_at(dir, name, FILE_SIZE, &text, &ignored) == 0)
		v = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(v) && json_is_string(json_object_get(v, "why")))
		return v;
	json_decref(v);
	return json_pack("{s:s,s:s,s:b}", "schema", SCHEMA, "why", "(the reason was not written)",
			 "owed", 1);
}

/* 1: there is such a file. */
static int is_there(int dir, const char *name, struct err *e)
{
	if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : err_sys(e, "'pause/%s'", name);
}

static int look(int dir, const char *service, char why[PAUSE_WHY], struct err *e)
{
	char name[NAME_LEN];
	int r = file_of(service, name, e);

	r = r < 0 ? r : is_there(dir, name, e);
	if (r == 1) {
		AUTO_JSON json_t *v = read_entry(dir, name);
		const char *text = json_string_value(json_object_get(v, "why"));

		(void)snprintf(why, PAUSE_WHY, "%s: %s", service ? service : "all",
			       text ? text : "");
	}
	return r;
}

int pause_active(const char *state, const char *service, char why[PAUSE_WHY], struct err *e)
{
	AUTO_CLOSE int dir = open_dir(state, e);
	struct stat st;
	int r;

	if (dir == -ENOENT) {
		e->code = 0;
		return 0;
	}
	if (dir < 0)
		return err_wrap(e, "cannot see whether it is paused");
	r = look(dir, NULL, why, e);
	if (r == 0 && service)
		r = look(dir, service, why, e);
	if (r < 0)
		return err_wrap(e, "cannot see whether it is paused");
	if (r == 1)
		return 1;
	if (fstat(dir, &st) < 0)
		return err_sys(e, "cannot see whether it is paused: '%s/pause'", state);
	if (!(st.st_mode & LAST_BIT))
		return 0;
	(void)snprintf(why, PAUSE_WHY, "all: (no file was left to write the reason to)");
	return 1;
}

/* ---- writing ---- */

static int sync_dir(int dir, struct err *e)
{
	const int r = sys_fsync(dir);

	return r < 0 ? err_set(e, -r, "sync the pause directory: %s", strerror(-r)) : 0;
}

/* Text and blanks, of the one size. */
static void fill(char page[FILE_SIZE], const char *text)
{
	const size_t n = strnlen(text, FILE_SIZE - 1);

	memset(page, ' ', FILE_SIZE);
	memcpy(page, text, n);
	page[FILE_SIZE - 1] = '\n';
}

static int overwrite(int dir, const char *name, const json_t *v, struct err *e)
{
	AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_FREE char *text = json_dumps(v, JSON_COMPACT | JSON_ENSURE_ASCII);
	char page[FILE_SIZE];
	ssize_t w;

	if (fd < 0)
		return err_sys(e, "open 'pause/%s'", name);
	if (!text || strlen(text) >= FILE_SIZE)
		return err_set(e, ENOMEM, "'pause/%s': out of memory", name);
	fill(page, text);
	w = pwrite(fd, page, FILE_SIZE, 0);
	if (w != FILE_SIZE || fsync(fd) < 0)
		return err_sys(e, "write 'pause/%s'", name);
	return 0;
}

static void slot_name(int i, char name[NAME_LEN])
{
	(void)snprintf(name, NAME_LEN, "reserve-%d", i);
}

int pause_reserve(const char *state, struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = -1;
	char page[FILE_SIZE], name[NAME_LEN];
	int r;

	if (asprintf(&path, "%s/pause", state) < 0)
		return err_set(e, ENOMEM, "out of memory");
	r = dir_make(path, 0700, e);
	dir = r < 0 ? -1 : open_locked(state, e);
	if (dir < 0)
		return -e->code;
	file_sweep_at(dir, ".");
	fill(page, "");
	for (int i = 0; r == 0 && i < RESERVE; i++) {
		slot_name(i, name);
		r = is_there(dir, name, e);
		if (r == 0)
			r = file_publish_at(dir, name, page, sizeof(page), 0600, e);
		r = r < 0 ? r : 0;
	}
	return r < 0 ? err_wrap(e, "the files in reserve, by which to pause when the disk is full")
		     : 0;
}

/* A file in reserve becomes the pause; -ENOENT when none is left. */
static int take_slot(int dir, const char *name, const json_t *v, struct err *e)
{
	char slot[NAME_LEN];
	int r = -ENOENT;

	for (int i = 0; r == -ENOENT && i < RESERVE; i++) {
		struct err unsaid = ERR_INIT;

		slot_name(i, slot);
		if (faccessat(dir, slot, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		(void)overwrite(dir, slot, v, &unsaid); /* a pause without a reason is one */
		r = sys_rename(dir, slot, dir, name, 0);
	}
	if (r < 0)
		return err_set(e, -r, "'pause/%s': %s", name, strerror(-r));
	return sync_dir(dir, e);
}

static int set_last_bit(int dir, bool on, struct err *e)
{
	struct stat st;

	if (fstat(dir, &st) < 0 ||
	    fchmod(dir, on ? st.st_mode | LAST_BIT : st.st_mode & ~(unsigned)LAST_BIT) < 0)
		return err_sys(e, "change the mode of the pause directory");
	return sync_dir(dir, e);
}

static json_t *entry(const char *service, const char *why)
{
	char now[CLOCK_RFC3339], text[PAUSE_WHY];
	json_t *said = NULL;

	clock_rfc3339(clock_real_ns(), now);
	(void)snprintf(text, sizeof(text), "%s", why);
	/* cut within a character, or not UTF-8 from some byte on: what stands before that */
	for (size_t n = strlen(text) + 1; n && !said; text[--n] = '\0')
		said = json_string(text);
	return json_pack("{s:s,s:s?,s:o,s:s,s:o,s:b}", "schema", SCHEMA, "service", service, "why",
			 said, "since", now, "login_uid", audit_login_uid(), "owed", 1);
}

int pause_set(const char *state, const char *service, const char *why, struct err *e)
{
	struct err unsaid = ERR_INIT;
	AUTO_JSON json_t *v = NULL;
	AUTO_CLOSE int dir = -1;
	char name[NAME_LEN];
	int r = file_of(service, name, e);

	if (r < 0)
		return r;
	(void)pause_reserve(state,
			    &unsaid); /* what can be made is used, what cannot is not missed */
	dir = open_locked(state, e);
	if (dir < 0)
		return dir;
	v = entry(service, why);
	if (!v)
		return err_set(e, ENOMEM, "out of memory");
	r = is_there(dir, name, e);
	if (r == 1) {
		(void)overwrite(dir, name, v, &unsaid);
		return 0;
	}
	r = r < 0 ? r : take_slot(dir, name, v, e);
	if (r != -ENOENT)
		return r;
	e->code = 0;
	r = set_last_bit(dir, true, e);
	return r < 0 ? r : service != NULL;
}

/* ---- the log ---- */

static bool owed(const json_t *v)
{
	return !json_is_false(json_object_get(v, "owed"));
}

static json_t *event(const json_t *v, const char *scope)
{
	return json_pack("{s:s,s:O,s:O*,s:O*}", "scope", scope, "reason", json_object_get(v, "why"),
			 "since", json_object_get(v, "since"), "login_uid",
			 json_object_get(v, "login_uid"));
}

static int settle_one(const char *state, int dir, const char *name, struct audit *a, struct err *e)
{
	AUTO_JSON json_t *v = read_entry(dir, name);
	char scope[NAME_LEN] = "all";
	int r;

	if (!owed(v))
		return 0;
	if (strcmp(name, ALL) != 0)
		(void)snprintf(scope, sizeof(scope), "%.*s", (int)(strlen(name) - 13), name + 8);
	r = audit_commit(a, "pause.set", event(v, scope), e);
	if (r == 0 && json_object_set_new(v, "owed", json_false()) == 0)
		r = overwrite(dir, name, v, e);
	if (r == 0)
		notify_note(state, "paused", strcmp(name, ALL) ? scope : NULL, NULL,
			    json_string_value(json_object_get(v, "why")));
	return r;
}

/* Names of what is paused, sorted. */
static int names_of(int dir, struct strlist *out, struct err *e)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(cleanup_closedir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;

	if (!d)
		return err_sys(e, "list the pause directory");
	while ((ent = readdir(d))) {
		const size_t n = strlen(ent->d_name);

		if (n < 5 || strcmp(ent->d_name + n - 5, ".json") != 0 ||
		    (strcmp(ent->d_name, ALL) != 0 && strncmp(ent->d_name, "service-", 8) != 0))
			continue;
		if (strlist_add(out, ent->d_name) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

/* The bit was only for want of a file. */
static int replace_bit(int dir, struct err *e)
{
	AUTO_JSON json_t *v = entry(NULL, "(no file was left to write the reason to)");
	int r = is_there(dir, ALL, e);

	if (r == 0)
		r = v ? take_slot(dir, ALL, v, e) : err_set(e, ENOMEM, "out of memory");
	return r < 0 ? r : set_last_bit(dir, false, e);
}

int pause_settle(const char *state, struct audit *a, struct err *e)
{
	struct strlist names = { 0 };
	AUTO_CLOSE int dir = -1;
	struct stat st;
	int r = pause_reserve(state, e);

	dir = r < 0 ? -1 : open_locked(state, e);
	if (dir < 0)
		return -e->code;
	if (fstat(dir, &st) < 0)
		return err_sys(e, "'%s/pause'", state);
	if (st.st_mode & LAST_BIT)
		r = replace_bit(dir, e);
	if (r == 0)
		r = names_of(dir, &names, e);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = settle_one(state, dir, names.v[i], a, e);
	strlist_release(&names);
	return r;
}

/* Back into the reserve, or away when that is full. */
static int give_back(int dir, const char *name, struct err *e)
{
	char slot[NAME_LEN];

	for (int i = 0; i < RESERVE; i++) {
		slot_name(i, slot);
		if (faccessat(dir, slot, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		if (sys_rename(dir, name, dir, slot, RENAME_NOREPLACE) == 0)
			return sync_dir(dir, e);
	}
	if (unlinkat(dir, name, 0) < 0)
		return err_sys(e, "remove 'pause/%s'", name);
	return sync_dir(dir, e);
}

int pause_clear(const char *state, const char *service, struct audit *a, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	char name[NAME_LEN];
	int r = file_of(service, name, e);

	if (r == 0)
		r = pause_settle(state, a, e);
	if (r < 0)
		return r;
	dir = open_locked(state, e);
	if (dir < 0)
		return dir;
	r = is_there(dir, name, e);
	if (r == 0)
		return err_set(e, ENOENT, "%s%s is not paused", service ? "service " : "",
			       service ? service : "'all'");
	if (r == 1)
		r = audit_commit(a, "pause.clear",
				 json_pack("{s:s}", "scope", service ? service : "all"), e);
	return r < 0 ? r : give_back(dir, name, e);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_into(int dir, json_t *list, struct err *e)
{
	struct strlist names = { 0 };
	int r = names_of(dir, &names, e);

	if (r == 0 && names.n)
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		json_t *v = read_entry(dir, names.v[i]);

		if (!v || json_object_del(v, "schema") < 0 || json_array_append_new(list, v) < 0)
			r = err_set(e, ENOMEM, "out of memory");
	}
	strlist_release(&names);
	return r;
}

int pause_list(const char *state, json_t **out, struct err *e)
{
	AUTO_JSON json_t *list = json_array();
	AUTO_CLOSE int dir = open_dir(state, e);
	struct stat st;
	int r = 0;

	if (dir == -ENOENT)
		e->code = 0;
	else if (dir < 0)
		return dir;
	if (!list)
		return err_set(e, ENOMEM, "out of memory");
	if (dir >= 0)
		r = list_into(dir, list, e);
	if (r == 0 && dir >= 0 && fstat(dir, &st) == 0 && (st.st_mode & LAST_BIT))
		r = json_array_append_new(list, entry(NULL, "(no file was left to write the "
							    "reason to)"));
	if (r < 0)
		return r == -1 ? err_set(e, ENOMEM, "out of memory") : r;
	*out = take_ptr(list);
	return 0;
}
