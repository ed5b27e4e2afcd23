/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/queue/spool.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/sys.h"

int queue_host(const char *file, const char *state, struct host_config *config, char *dir,
	       struct err *e)
{
	if (host_config_load(file, config, e) < 0)
		return -e->code;
	state = state ? state : config->state;
	if (dir_make(state, 0700, e) < 0)
		return -e->code;
	return realpath(state, dir) ? 0 : err_sys(e, "state directory '%s'", state);
}

int spool_dir(const char *state, const char *name, struct err *e)
{
	AUTO_CLOSE int top = fd_open_dir(state, e);
	const int r = top < 0 ? top : dir_make_at(top, name, 0700, e);

	return r < 0 ? r : fd_open_beneath(top, name, O_RDONLY | O_DIRECTORY, 0, e);
}

int spool_enter(const char *state, struct err *e)
{
	AUTO_CLOSE int at = spool_dir(state, "spool", e);
	AUTO_CLOSE int fd = -1;

	if (at < 0)
		return at;
	fd = openat(at, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(e, "open the lock of the queue");
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_sys(e, "lock the queue");
	return take_fd(&fd);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_record(const char *name)
{
	const size_t n = strlen(name);

	return name[0] != '.' && n > 5 && strcmp(name + n - 5, ".json") == 0;
}

int spool_names(const char *state, const char *dir, struct strlist *out, struct err *e)
{
	AUTO_FREE char *path = NULL;
	CLEANUP(cleanup_closedir) DIR *d = NULL;
	const struct dirent *ent;

	if (asprintf(&path, "%s/%s", state, dir) < 0)
		return err_set(e, ENOMEM, "out of memory");
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, "list '%s'", path);
	while ((ent = readdir(d)))
		if (is_record(ent->d_name) && strlist_add(out, ent->d_name) < 0)
			return err_set(e, ENOMEM, "out of memory");
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_name);
	return 0;
}

int spool_read(int dir, const char *name, const char *schema, json_t **out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(SPOOL_RECORD_MAX);
	AUTO_JSON json_t *v = NULL;
	json_error_t why;
	const char *got;
	int r = file_read_at(dir, name, SPOOL_RECORD_MAX, &text, e);

	if (r < 0)
		return r;
	v = json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &why);
	if (!v)
		return err_set(e, EBADMSG, "%s:%d:%d: %s", name, why.line, why.column, why.text);
	got = json_string_value(json_object_get(v, "schema"));
	if (!got || strcmp(got, schema) != 0)
		return err_set(e, EBADMSG, "'%s' has the format '%s'; this sickbay reads '%s'",
			       name, got ? got : "(none)", schema);
	*out = take_ptr(v);
	return 0;
}

int spool_write(int dir, const char *name, json_t *record, struct err *e)
{
	AUTO_JSON json_t *own = record;
	AUTO_FREE char *text = own ? json_dumps(own, JSON_INDENT(1) | JSON_ENSURE_ASCII) : NULL;

	if (!text)
		return err_set(e, ENOMEM, "'%s': out of memory", name);
	return file_publish_at(dir, name, text, strlen(text), 0600, e);
}

int queue_enqueue_as(const struct queue *q, const struct queue_report *r, const char *name,
		     struct err *e)
{
	AUTO_CLOSE int lock = spool_enter(q->state, e);
	AUTO_CLOSE int at = lock < 0 ? -1 : spool_dir(q->state, "spool/new", e);
	char now[CLOCK_RFC3339];

	if (at < 0)
		return -e->code;
	clock_rfc3339(q->now_ns, now);
	return spool_write(at, name,
			   json_pack("{s:s,s:s,s:s,s:s,s:o}", "schema", REPORT_SCHEMA, "service",
				     r->service, "service_file", r->service_file, "received", now,
				     "incident", incident_write(r->incident)),
			   e);
}

int queue_enqueue(const struct queue *q, const struct queue_report *r, struct err *e)
{
	char name[64], id[ID_LEN];

	id_random(id);
	(void)snprintf(name, sizeof(name), "%020" PRIu64 "-%s.json", clock_real_ns(), id);
	return queue_enqueue_as(q, r, name, e);
}

size_t queue_length(const char *state)
{
	struct strlist names = { 0 };
	struct err none = ERR_INIT;
	size_t n;

	(void)spool_names(state, "spool/new", &names, &none);
	n = names.n;
	strlist_release(&names);
	return n;
}
