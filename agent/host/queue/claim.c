/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/host/queue/group.h"
#include "agent/host/queue/spool.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"

/*
 * A lease is a lock (flock) on STATE/spool/claimed/ID.json: the kernel drops it
 * with the process that has it, so there is no time after which work is taken
 * from someone who is only slow.  The file holds the paths that the repair
 * touches; it stays where the process was killed, and says that there is work
 * to be taken up again.
 */
#define CLAIM_SCHEMA "sickbay.claim/1"
#define CLAIMED	     "spool/claimed"

struct claim {
	char *state, *incident;
	char name[80];
	int dir, fd;   /* fd: the lock itself */
	json_t *paths; /* [{"repository","path"}] */
};

void queue_release(struct claim *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		(void)close(c->fd);
	if (c->dir >= 0)
		(void)close(c->dir);
	json_decref(c->paths);
	free(c->state);
	free(c->incident);
	free(c);
}

static bool same_file(int dir, const char *name, int fd)
{
	struct stat a, b;

	return fstatat(dir, name, &a, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &b) == 0 &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static int write_claim(const struct claim *c, struct err *e)
{
	AUTO_JSON json_t *v = json_pack("{s:s,s:s,s:i,s:O}", "schema", CLAIM_SCHEMA, "incident",
					c->incident, "pid", (int)getpid(), "paths", c->paths);
	AUTO_FREE char *text = v ? json_dumps(v, JSON_COMPACT) : NULL;

	if (!text)
		return err_set(e, ENOMEM, "out of memory");
	/* in place: the lock is on this very file; who reads it has the queue's lock, or finds it
	 * cut short by a kill, which holds no path */
	if (ftruncate(c->fd, 0) < 0 || lseek(c->fd, 0, SEEK_SET) < 0)
		return err_sys(e, "write the lease of incident '%s'", c->incident);
	return fd_write_all(c->fd, text, strlen(text), "the lease", e);
}

static int take(struct claim *c, struct err *e)
{
	c->fd = openat(c->dir, c->name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (c->fd < 0)
		return err_sys(e, "open the lease of incident '%s'", c->incident);
	if (flock(c->fd, LOCK_EX | LOCK_NB) < 0 || !same_file(c->dir, c->name, c->fd))
		return err_set(e, EBUSY, "incident '%s': another process is repairing it",
			       c->incident);
	return write_claim(c, e);
}

int queue_claim(const char *state, const char *incident, struct claim **out, struct err *e)
{
	struct claim *c;
	int r = 0;

	if (!name_is_safe(incident))
		return err_set(e, EINVAL, "'%s' is not the id of an incident", incident);
	c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(e, ENOMEM, "out of memory");
	c->fd = -1;
	c->state = strdup(state);
	c->incident = strdup(incident);
	c->paths = json_array();
	(void)snprintf(c->name, sizeof(c->name), "%s.json", incident);
	c->dir = spool_dir(state, CLAIMED, e);
	if (c->dir < 0)
		r = c->dir;
	else if (!c->state || !c->incident || !c->paths)
		r = err_set(e, ENOMEM, "out of memory");
	else
		r = take(c, e);
	if (r < 0) {
		queue_release(c);
		return r;
	}
	*out = c;
	return 0;
}

/* Whether someone has the lock on this file of the directory. */
static bool is_held(int dir, const char *name)
{
	AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

bool queue_is_claimed(const char *state, const char *incident)
{
	struct err none = ERR_INIT;
	AUTO_CLOSE int dir = spool_dir(state, CLAIMED, &none);
	char name[80];

	(void)snprintf(name, sizeof(name), "%.70s.json", incident);
	return dir >= 0 && is_held(dir, name);
}

/* Equal, or one is a directory of the other. */
static bool overlap(const char *a, const char *b)
{
	const size_t n = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

	if (strncmp(a, b, n) != 0)
		return false;
	return n == 0 || a[n] == b[n] || a[n] == '/' || b[n] == '/' || a[n - 1] == '/';
}

/* The first path of theirs that meets one of ours. */
static const char *meets(const json_t *theirs, const char *repository, const struct strlist *ours)
{
	const json_t *one;
	size_t at;

	json_array_foreach((json_t *)(uintptr_t)theirs, at, one) {
		const char *repo = json_string_value(json_object_get(one, "repository"));
		const char *path = json_string_value(json_object_get(one, "path"));

		for (size_t i = 0; repo && path && i < ours->n; i++)
			if (strcmp(repo, repository) == 0 && overlap(path, ours->v[i]))
				return path;
	}
	return NULL;
}

/* 1: a live claim has one of these paths. */
static int find_holder(const struct claim *c, const char *repository, const struct strlist *paths,
		       char why[256], struct err *e)
{
	struct strlist names = { 0 };
	int r = spool_names(c->state, CLAIMED, &names, e);

	for (size_t i = 0; i < names.n && r == 0; i++) {
		AUTO_JSON json_t *v = NULL;
		struct err none = ERR_INIT;
		const char *path;

		if (strcmp(names.v[i], c->name) == 0 || !is_held(c->dir, names.v[i]) ||
		    spool_read(c->dir, names.v[i], CLAIM_SCHEMA, &v, &none) < 0)
			continue;
		path = meets(json_object_get(v, "paths"), repository, paths);
		if (path)
			(void)snprintf(why, 256,
				       "'%.100s' is being changed by the repair of incident '%.*s'",
				       path, (int)strlen(names.v[i]) - 5, names.v[i]);
		r = path != NULL;
	}
	strlist_release(&names);
	return r;
}

int claim_paths(struct claim *c, const char *repository, const struct strlist *paths, char why[256],
		struct err *e)
{
	int r = queue_heartbeat(c, e);

	if (r == 0)
		r = find_holder(c, repository, paths, why, e);
	for (size_t i = 0; i < paths->n && r == 0; i++) {
		const struct strlist one = { .v = &paths->v[i], .n = 1 };

		if (!meets(c->paths, repository, &one) &&
		    json_array_append_new(c->paths, json_pack("{s:s,s:s}", "repository", repository,
							      "path", paths->v[i])) < 0)
			r = err_set(e, ENOMEM, "out of memory");
	}
	return r == 0 ? write_claim(c, e) : r;
}

int queue_lock(struct claim *c, const char *repository, const struct strlist *paths, char why[256],
	       struct err *e)
{
	AUTO_CLOSE int lock = spool_enter(c->state, e);

	return lock < 0 ? lock : claim_paths(c, repository, paths, why, e);
}

int queue_heartbeat(struct claim *c, struct err *e)
{
	if (!same_file(c->dir, c->name, c->fd))
		return err_set(e, ESTALE, "the lease of incident '%s' was taken away", c->incident);
	return futimens(c->fd, NULL) < 0 ? err_sys(e, "the lease of incident '%s'", c->incident)
					 : 0;
}

int queue_complete(struct claim *c, struct err *e)
{
	int r = queue_heartbeat(c, e);

	if (r == 0 && unlinkat(c->dir, c->name, 0) < 0)
		r = err_sys(e, "complete incident '%s'", c->incident);
	return r;
}
