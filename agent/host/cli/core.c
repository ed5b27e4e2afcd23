/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/cli/core.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/host/case/raw.h"
#include "agent/host/case/service_state.h"
#include "agent/host/cli/cli.h"
#include "agent/host/incident/convert.h"
#include "agent/host/testrun/symbols.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/sys.h"
#include "runtime/proto/decode.h"
#include "runtime/sandbox/cgroup.h"

#define PIECE (1u << 20)
#define ROOM  (32u << 20) /* bytes that a core leaves of the disk: the log and the journal go on */

/* Its name is gone before the first byte is there: whatever ends this process, nothing stays. */
static int open_unnamed(const char *state, struct err *e)
{
	char path[4096], id[ID_LEN];
	int fd, len;

	len = snprintf(path, sizeof(path), "%s/raw", state);
	if (len < 0 || (size_t)len + ID_LEN + 8 > sizeof(path))
		return err_set(e, ENAMETOOLONG, "state directory '%s'", state);
	if (dir_make(path, 0750, e) < 0)
		return -e->code;
	id_random(id);
	(void)snprintf(path + len, sizeof(path) - (size_t)len, "/core-%s", id);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(e, "make '%s'", path);
	if (unlink(path) < 0) {
		(void)close(fd);
		return err_sys(e, "remove the name '%s'", path);
	}
	return fd;
}

/* Anybody's crash writes here, and several at a time. */
static int check_room(int fd, const char *name, struct err *e)
{
	struct statvfs s;

	if (fstatvfs(fd, &s) < 0)
		return err_sys(e, "the disk of the state directory");
	return (uint64_t)s.f_bavail * s.f_frsize >= ROOM
		       ? 0
		       : err_set(e, ENOSPC,
				 "%s: it is not read: fewer than %u MiB are free on the disk of "
				 "the state directory",
				 name, ROOM >> 20);
}

static int copy(int from, int to, const char *name, struct err *e)
{
	AUTO_FREE char *piece = malloc(PIECE);
	uint64_t total = 0;
	ssize_t n = 1;

	if (!piece)
		return err_set(e, ENOMEM, "out of memory");
	while (n > 0) {
		n = read(from, piece, PIECE);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			return err_sys(e, "read %s", name);
		else if (n > 0 && (total += (uint64_t)n) > CORE_MAX)
			return err_set(e, EFBIG,
				       "%s: larger than the %llu MiB that are read: see "
				       "coredump_filter in core(5) for what need not be dumped",
				       name, CORE_MAX >> 20);
		else if (n > 0 && (check_room(to, name, e) < 0 ||
				   fd_write_all(to, piece, (size_t)n, "the core", e) < 0))
			return -e->code;
	}
	return 0;
}

/* The same file, for who may only read it. */
static int reopen(int fd, struct err *e)
{
	char path[40];
	int again;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY | O_CLOEXEC);
	return again < 0 ? err_sys(e, "open the core again") : again;
}

int core_take(const char *state, int in, const char *name, struct core *out, struct err *e)
{
	AUTO_CLOSE int fd = open_unnamed(state, e);
	struct core c = { .fd = -1 };
	int r = fd < 0 ? fd : copy(in, fd, name, e);

	if (r < 0)
		return r;
	(void)snprintf(c.name, sizeof(c.name), "%s", name);
	c.fd = reopen(fd, e);
	r = c.fd < 0 ? c.fd : decode_value(DECODE_CORE, c.fd, name, NULL, &c.facts, e);
	if (r < 0) {
		core_release(&c);
		return r;
	}
	*out = c;
	return 0;
}

void core_release(struct core *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	json_decref(c->facts);
	*c = (struct core){ .fd = -1 };
}

/* ---- whose it is ---- */

int core_check(uint64_t pid, struct err *e)
{
	const int r = cgroup_holds(pid, e);

	if (r < 0)
		return err_wrap(e, "a core is not taken");
	return r ? err_set(e, EPERM,
			   "a core is not taken: process %llu runs in a replica, which is not "
			   "production",
			   (unsigned long long)pid)
		 : 0;
}

static const char *path_of(const struct core *c)
{
	const char *path =
		json_string_value(json_object_get(json_object_get(c->facts, "executable"), "path"));

	return path ? path : "";
}

/* The longest prefix of production's paths that the program lies below; 0: none. */
static size_t maps(const struct service *s, const char *path)
{
	const struct service_path *p = s->paths.v;
	size_t best = 0;

	for (size_t i = 0; i < s->paths.n; i++) {
		const size_t n = strlen(p[i].production);
		const bool whole = n && (p[i].production[n - 1] == '/' || path[n] == '/');

		if (n > best && strncmp(path, p[i].production, n) == 0 && whole)
			best = n;
	}
	return best;
}

/* A service file that cannot be read is another command's to complain of. */
static size_t maps_named(const char *services, const char *name, const char *path)
{
	struct err none = ERR_INIT;
	struct service s = { 0 };
	char file[4096];
	size_t n;

	if (service_file_of(services, name, file, &none) < 0 || service_load(file, &s, &none) < 0)
		return 0;
	n = maps(&s, path);
	service_release(&s);
	return n;
}

int core_service(const struct core *c, const char *services, char **name, struct err *e)
{
	const char *path = path_of(c);
	struct strlist names = { 0 };
	size_t best = 0;
	int r = service_names(services, &names, e);

	*name = NULL;
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		const size_t n = maps_named(services, names.v[i], path);

		if (n <= best)
			continue;
		best = n;
		free(*name);
		*name = strdup(names.v[i]);
	}
	strlist_release(&names);
	if (r == 0 && !*name)
		r = err_set(e, ENOENT,
			    "%s: '%.300s' is no program of a service here: none has \"paths\" that "
			    "map it",
			    c->name, *path ? path : "the program");
	return r;
}

/* ---- the incident ---- */

static int keep_trace(const struct core_host *h, const json_t *trace, struct incident *i,
		      struct err *e)
{
	AUTO_FREE char *text = json_dumps(trace, JSON_COMPACT);
	struct raw_ref ref;

	if (!text)
		return err_set(e, ENOMEM, "out of memory");
	if (raw_put(h->state, "report", i->id, text, strlen(text), &ref, e) < 0)
		return -e->code;
	json_decref(i->raw);
	i->raw = json_pack("{s:s,s:I}", "digest", ref.digest, "bytes", (json_int_t)ref.bytes);
	return i->raw ? 0 : err_set(e, ENOMEM, "out of memory");
}

/* A program that was built from a commit and has production's build id says what production ran. */
static int set_commit(struct incident *i, const char *commit, struct err *e)
{
	if (i->deploy.commit || !*commit)
		return 0;
	free(i->deploy.known);
	i->deploy.commit = strdup(commit);
	i->deploy.known = strdup("the program built from it has production's build id");
	return i->deploy.commit && i->deploy.known ? 0 : err_set(e, ENOMEM, "out of memory");
}

static int deploy_of(const struct report_options *o, json_t **out, struct err *e)
{
	AUTO_CLOSE int fd = o->deploy ? open(o->deploy, O_RDONLY | O_CLOEXEC | O_NOCTTY) : -1;

	if (!o->deploy)
		return 0;
	if (fd < 0)
		return err_sys(e, "open '%s'", o->deploy);
	return decode_value(DECODE_JSON, fd, o->deploy, NULL, out, e);
}

int core_convert(const struct core_host *h, const struct core *c, const struct report_options *o,
		 const struct service *s, bool keep, struct incident *out, struct err *e)
{
	struct strpair pairs[64];
	struct strmap map = { .v = pairs };
	const struct convert how = { .from = DECODE_CORE,
				     .report_name = c->name,
				     .input = o->input,
				     .deploy = o->deploy,
				     .metrics = o->metrics,
				     .service = s->name,
				     .paths = { .paths = &map, .in_app = &s->in_app } };
	AUTO_JSON json_t *deploy = NULL;
	struct symbols_job job = { .state = h->state,
				   .store = h->store,
				   .service = s,
				   .audit = h->audit,
				   .core = c->fd,
				   .name = c->name,
				   .facts = c->facts };
	struct symbols seen = { 0 };
	struct incident i = { 0 };
	int r = deploy_of(o, &deploy, e);

	if (r < 0)
		return r;
	job.commit = json_string_value(json_object_get(deploy, "commit"));
	job.release = json_string_value(json_object_get(deploy, "release"));
	service_strmap(s, &map, 64);
	r = symbols_read(&job, &seen, e);
	if (r == 0)
		r = incident_from_report(&how, seen.trace, &i, e);
	if (r == 0)
		r = set_commit(&i, seen.commit, e);
	if (r == 0)
		r = incident_finish(&how, &i, e);
	if (r == 0 && keep)
		r = keep_trace(h, seen.trace, &i, e);
	symbols_release(&seen);
	if (r < 0) {
		incident_release(&i);
		return r;
	}
	*out = i;
	return 0;
}

/*
 * A service that crashes again and again would start a replica for each core:
 * one at a time is read of each service, and what comes meanwhile is left out.
 */
static int lock_service(const char *state, const struct service *s, struct audit *audit,
			struct err *e)
{
	AUTO_CLOSE int fd = -1;
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/services/%s", state, s->name);
	if (dir_make(path, 0700, e) < 0)
		return -e->code;
	(void)snprintf(path, sizeof(path), "%s/services/%s/core.lock", state, s->name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return take_fd(&fd);
	if (errno != EWOULDBLOCK)
		return err_sys(e, "lock '%s'", path);
	if (audit_commit(audit, "core.left-out", json_pack("{s:s}", "service", s->name), e) < 0)
		return -e->code;
	return err_set(e, EBUSY, "another core of service '%s' is being read: this one is left out",
		       s->name);
}

static int status_of(int r)
{
	if (r == 0)
		return CLI_OK;
	return r == -ENOENT || r == -EBUSY ? CLI_CLOSED : CLI_FAILED;
}

int core_run(const char *state, const struct core *c, const struct report_options *o,
	     const struct service *s, bool keep, struct incident *out, struct err *e)
{
	struct core_host h = { .state = state };
	AUTO_CLOSE int lock = -1;
	int status = CLI_FAILED;

	if (store_open(state, &h.store, e) == 0 && audit_open(state, &h.audit, e) == 0 &&
	    (status = cli_hold(state, s->name, h.audit, e)) == CLI_OK) {
		lock = lock_service(state, s, h.audit, e);
		status = status_of(lock < 0 ? lock : core_convert(&h, c, o, s, keep, out, e));
		cli_hold_end();
	}
	audit_close(h.audit);
	store_close(h.store);
	return status;
}
