/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/notify.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/log.h"

#define OUTBOX	    "notify"
#define NOTE_MAX    65536
#define WAITING_MAX 1000 /* more are not noted: the receiver has been away for long */

static void close_dir(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

static int outbox(const char *state)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/" OUTBOX, state);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static json_t *note(const char *id, const char *event, const char *service, const char *kase,
		    const char *text)
{
	char now[CLOCK_RFC3339];

	clock_rfc3339(clock_real_ns(), now);
	return json_pack("{s:s,s:s,s:s,s:s,s:s*,s:s*,s:s}", "schema", NOTIFY_SCHEMA, "id", id,
			 "event", event, "at", now, "service", service, "case", kase, "text", text);
}

void notify_note(const char *state, const char *event, const char *service, const char *kase,
		 const char *text)
{
	AUTO_CLOSE int dir = outbox(state);
	AUTO_FREE char *out = NULL;
	AUTO_JSON json_t *v = NULL;
	struct strlist waiting = { 0 };
	struct err e = ERR_INIT;
	char id[ID_LEN], name[100];
	int r;

	if (dir < 0)
		return; /* nobody is told */
	r = notify_waiting(state, &waiting, &e);
	if (r == 0 && waiting.n >= WAITING_MAX)
		r = err_set(&e, ENOSPC, "%d notes wait already", WAITING_MAX);
	strlist_release(&waiting);
	id_random(id);
	v = note(id, event, service, kase, text);
	out = v ? json_dumps(v, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	if (r == 0 && !out)
		r = err_set(&e, ENOMEM, "out of memory");
	(void)snprintf(name, sizeof(name), "%020llu-%s.json", (unsigned long long)clock_real_ns(),
		       id);
	if (r == 0)
		r = file_publish_at(dir, name, out, strlen(out), 0600, &e);
	if (r < 0)
		log_warn("nobody is told of '%s': %s", event, e.msg);
}

static int is_note(const struct dirent *d)
{
	const size_t n = strlen(d->d_name);

	return n > 5 && d->d_name[0] != '.' && strcmp(d->d_name + n - 5, ".json") == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int notify_waiting(const char *state, struct strlist *out, struct err *e)
{
	const int fd = outbox(state);
	CLEANUP(close_dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, "open the notes of '%s'", state);
	if (!d) {
		(void)close(fd);
		return err_sys(e, "list the notes of '%s'", state);
	}
	while ((ent = readdir(d)))
		if (is_note(ent) && strlist_add(out, ent->d_name) < 0)
			return err_set(e, ENOMEM, "out of memory");
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_name);
	return 0;
}

int notify_read(const char *state, const char *name, json_t **out, struct err *e)
{
	AUTO_CLOSE int dir = outbox(state);
	AUTO_BUF struct buf text = BUF_INIT(NOTE_MAX);
	const int r = dir < 0 ? err_sys(e, "open the notes of '%s'", state)
			      : file_read_at(dir, name, NOTE_MAX, &text, e);

	if (r < 0)
		return r;
	*out = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	return *out ? 0 : err_set(e, EBADMSG, "note '%s': not as it was written", name);
}

void notify_drop(const char *state, const char *name)
{
	AUTO_CLOSE int dir = outbox(state);

	if (dir >= 0)
		(void)unlinkat(dir, name, 0);
}

int notify_begin(const char *state, bool wanted, struct err *e)
{
	AUTO_FREE char *path = NULL;
	struct strlist waiting = { 0 };
	int r;

	if (asprintf(&path, "%s/" OUTBOX, state) < 0)
		return err_set(e, ENOMEM, "out of memory");
	if (wanted)
		return dir_make(path, 0700, e);
	r = notify_waiting(state, &waiting, e);
	for (size_t i = 0; i < waiting.n; i++)
		notify_drop(state, waiting.v[i]);
	strlist_release(&waiting);
	(void)rmdir(path);
	return r;
}
