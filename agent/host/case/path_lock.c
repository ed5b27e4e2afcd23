/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/path_lock.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"

/*
 * Whoever takes a lease holds the lock of the directory meanwhile: so the files
 * that are there are all leases that are held, plus those of dead holders, which
 * are told by their free lock and removed.
 */
#define SCHEMA	  "sickbay.paths/1"
#define LEASE_MAX (4u << 20)

struct path_lock {
	int dir, fd;
	char name[80];
};

static int open_dir(const char *state, struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = -1;
	int r;

	if (asprintf(&path, "%s/paths", state) < 0)
		return err_set(e, ENOMEM, "out of memory");
	r = dir_make(path, 0700, e);
	dir = r < 0 ? r : fd_open_dir(path, e);
	if (dir < 0)
		return dir;
	while (flock(dir, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_sys(e, "lock '%s'", path);
	return take_fd(&dir);
}

static json_t *lease_of(const struct path_claim *c)
{
	json_t *paths = json_array();

	for (size_t i = 0; i < c->changes->n; i++)
		(void)json_array_append_new(paths,
					    json_sprintf("%s%s%s", c->root, *c->root ? "/" : "",
							 c->changes->v[i].path));
	return json_pack("{s:s,s:s,s:s,s:o}", "schema", SCHEMA, "case", c->case_id, "repository",
			 c->repository, "paths", paths);
}

static bool above(const char *a, const char *b)
{
	const size_t n = strlen(a);

	return strncmp(a, b, n) == 0 && (b[n] == '\0' || b[n] == '/');
}

/* The first of ours that another lease has too, or NULL. */
static const char *overlap(const json_t *ours, const json_t *theirs)
{
	const json_t *a = json_object_get(ours, "paths"), *b = json_object_get(theirs, "paths");

	if (!json_equal(json_object_get(ours, "repository"), json_object_get(theirs, "repository")))
		return NULL;
	for (size_t i = 0; i < json_array_size(a); i++) {
		const char *own = json_string_value(json_array_get(a, i));

		for (size_t k = 0; k < json_array_size(b); k++) {
			const char *other = json_string_value(json_array_get(b, k));

			if (other && (above(own, other) || above(other, own)))
				return own;
		}
	}
	return NULL;
}

static int against(int dir, const char *name, const json_t *ours, struct err *e)
{
	AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_BUF struct buf text = BUF_INIT(LEASE_MAX);
	AUTO_JSON json_t *theirs = NULL;
	const char *path;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, "open the lease 'paths/%s'", name);
	if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
		if (unlinkat(dir, name, 0) < 0)
			return err_sys(e, "remove the lease 'paths/%s'", name);
		return 0;
	}
	if (fd_read_all(fd, LEASE_MAX, name, &text, e) < 0)
		return -e->code;
	theirs = text.p ? json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL) : NULL;
	if (!theirs)
		return err_set(e, EBUSY, "the lease 'paths/%s' cannot be read", name);
	path = overlap(ours, theirs);
	return path ? err_set(e, EBUSY, "'%s' is being repaired by case '%s'", path,
			      json_string_value(json_object_get(theirs, "case")))
		    : 0;
}

static int against_all(int dir, const json_t *ours, struct err *e)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(cleanup_closedir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;
	int r = d ? 0 : err_sys(e, "list the leases of paths");

	while (r == 0 && (ent = readdir(d)))
		if (ent->d_name[0] != '.')
			r = against(dir, ent->d_name, ours, e);
	return r;
}

/* Locked before it has content: nobody else looks at it until we let go of the directory. */
static int write_lease(struct path_lock *l, const json_t *lease, struct err *e)
{
	AUTO_FREE char *text = json_dumps(lease, JSON_INDENT(1) | JSON_ENSURE_ASCII);

	l->fd = openat(l->dir, l->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (l->fd < 0)
		return err_sys(e, "make the lease 'paths/%s'", l->name);
	if (flock(l->fd, LOCK_EX | LOCK_NB) < 0)
		return err_sys(e, "lock the lease 'paths/%s'", l->name);
	if (!text)
		return err_set(e, ENOMEM, "out of memory");
	return fd_write_all(l->fd, text, strlen(text), l->name, e);
}

int path_lock_take(const char *state, const struct path_claim *c, struct path_lock **out,
		   struct err *e)
{
	AUTO_JSON json_t *lease = lease_of(c);
	struct path_lock *l = calloc(1, sizeof(*l));
	int r;

	if (!l || !lease) {
		free(l);
		return err_set(e, ENOMEM, "lease of paths: out of memory");
	}
	l->fd = -1;
	(void)snprintf(l->name, sizeof(l->name), "%s.json", c->case_id);
	l->dir = open_dir(state, e);
	r = l->dir < 0 ? l->dir : against_all(l->dir, lease, e);
	if (r == 0)
		r = write_lease(l, lease, e);
	if (l->dir >= 0)
		(void)flock(l->dir, LOCK_UN);
	if (r < 0) {
		path_lock_release(l);
		return r;
	}
	*out = l;
	return 0;
}

void path_lock_release(struct path_lock *l)
{
	if (!l)
		return;
	if (l->fd >= 0)
		(void)unlinkat(l->dir, l->name, 0);
	cleanup_close(&l->fd);
	cleanup_close(&l->dir);
	free(l);
}
