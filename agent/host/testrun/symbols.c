/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/testrun/symbols.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/id.h"
#include "runtime/base/log.h"
#include "runtime/base/spawn.h"
#include "runtime/proto/decode.h"

#define PROGRAM	   "/opt/sickbay/bin/sickbay-symbols"
#define CORE_FD	   3
#define SYMBOLS_MS 120000
#define SAID_MAX   300

static const char *text(const json_t *v, const char *name)
{
	const char *s = json_string_value(json_object_get(v, name));

	return s ? s : "";
}

static const json_t *program_of(const struct symbols_job *job)
{
	return json_object_get(job->facts, "executable");
}

/*
 * What production ran, as far as anybody says so: the report, the image's label.
 * Where nobody does the target's head is tried: the build id tells whether it was that.
 */
static const char *named(const struct symbols_job *job, const struct world *w,
			 const char *of_release)
{
	if (job->commit || of_release)
		return job->commit ? job->commit : of_release;
	if (w->image.revision && is_object_id(w->image.revision))
		return w->image.revision;
	return job->service->repository.target;
}

static int set_source(const struct symbols_job *job, struct world *w, struct err *e)
{
	AUTO_FREE char *ref = NULL;
	char commit[65];
	int r = 0;

	if (!job->commit && job->release)
		r = service_ref_of(job->service, job->release, &ref, e);
	if (r == 0)
		r = git_resolve(w->git, named(job, w, ref), commit, e);
	if (r < 0)
		return r;
	log_progress("source and production's build of %.12s", commit);
	return world_set_source(w, SIDE_BASE, commit, e);
}

static char *task_of(const struct symbols_job *job)
{
	AUTO_JSON json_t *task = json_pack("{s:s,s:s,s:O}", "tree", job->service->run.cwd,
					   "program", text(program_of(job), "path"), "modules",
					   json_object_get(job->facts, "modules"));

	return task ? json_dumps(task, JSON_COMPACT) : NULL;
}

/* Nothing but our own program runs in the replica that has the core. */
static int run(const struct symbols_job *job, struct world *w, int program, json_t **out,
	       struct err *e)
{
	static const char *const argv[] = { PROGRAM, REPLICA_TASK, NULL };
	const struct sandbox_bind bind = { .fd = program, .target = PROGRAM };
	const struct sandbox_fd core = { .from = job->core, .to = CORE_FD };
	AUTO_FREE char *task = task_of(job);
	const struct replica_job rj = { .purpose = "symbols",
					.side = SIDE_BASE,
					.role = ROLE_VERIFY,
					.alone = true,
					.argv = argv,
					.binds = &bind,
					.n_binds = 1,
					.fds = &core,
					.n_fds = 1,
					.task = task,
					.wall_ms = SYMBOLS_MS };
	struct replica *rep = NULL;
	const struct buf *said;
	struct exit_record x;
	int r;

	if (!task)
		return err_set(e, ENOMEM, "out of memory");
	r = replica_start(w, &rj, &rep, e);
	if (r < 0)
		return r;
	r = replica_wait(rep, &x, e);
	if (r >= 0 && exit_status(&x) != 0) {
		said = sandbox_output(replica_sandbox(rep), 2);
		r = err_set(e, EIO, "%s: its symbols: %s %d: %.*s", job->name,
			    exit_kind_name(x.kind), x.code,
			    said && said->p ? (int)(said->n < SAID_MAX ? said->n : SAID_MAX) : 0,
			    said && said->p ? said->p : "");
	}
	if (r >= 0) {
		said = sandbox_output(replica_sandbox(rep), 1);
		r = decode_text(DECODE_SYMBOLS, said && said->p ? said->p : "", said ? said->n : 0,
				"symbols", job->facts, out, e);
	}
	replica_close(rep);
	return r < 0 ? r : 0;
}

/* Where the replica has the program; "" where it has not. */
static const char *found_program(const struct symbols_job *job, const json_t *trace)
{
	const char *id = text(program_of(job), "build_id");
	const json_t *objects = json_object_get(trace, "objects");

	for (size_t i = 0; *id && i < json_array_size(objects); i++) {
		const json_t *o = json_array_get(objects, i);

		if (strcmp(text(o, "build_id"), id) == 0 && *text(o, "path"))
			return text(o, "path");
	}
	return "";
}

static int not_found(const struct symbols_job *job, const struct world *w, struct err *e)
{
	const char *id = text(program_of(job), "build_id");
	const char *path = text(program_of(job), "path");

	if (!*id)
		return err_set(e, ENOENT,
			       "%s: it does not say which build of '%.200s' crashed: link the "
			       "program with --build-id, and keep bit 4 of coredump_filter set",
			       job->name, *path ? path : "the program");
	return err_set(
		e, ENOENT,
		"%s: nothing in the replica has the build id %s, which production's '%.200s' "
		"has: looked at that path of image '%s' and below '%s', built from %.12s; name "
		"the deployed commit (--deploy), and let build.production build with "
		"production's compiler, flags and directory (run.cwd)",
		job->name, id, path, w->image.name, job->service->run.cwd,
		w->side[SIDE_BASE].source.commit);
}

static int take(const struct symbols_job *job, const struct world *w, json_t *trace,
		struct symbols *out, struct err *e)
{
	const size_t n = strlen(job->service->run.cwd);
	const char *found = found_program(job, trace);

	if (!*found)
		return not_found(job, w, e);
	if (w->side[SIDE_BASE].built >= 0 && strncmp(found, job->service->run.cwd, n) == 0 &&
	    found[n] == '/')
		memcpy(out->commit, w->side[SIDE_BASE].source.commit, sizeof(out->commit));
	out->trace = json_incref(trace);
	return 0;
}

static int open_program(struct err *e)
{
	char path[4096];
	int fd;

	if (spawn_sibling("sickbay-symbols", path, sizeof(path), e) < 0)
		return -e->code;
	fd = open(path, O_PATH | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open '%s'", path) : fd;
}

int symbols_read(const struct symbols_job *job, struct symbols *out, struct err *e)
{
	AUTO_CLOSE int program = open_program(e);
	AUTO_JSON json_t *trace = NULL;
	struct world w;
	int r;

	*out = (struct symbols){ 0 };
	if (program < 0)
		return program;
	r = world_open(job->state, job->store, job->service, job->audit, &w, e);
	if (r < 0)
		return r;
	w.deployed = true;
	r = set_source(job, &w, e);
	if (r == 0)
		r = run(job, &w, program, &trace, e);
	if (r == 0)
		r = take(job, &w, trace, out, e);
	log_progress_end();
	world_close(&w);
	return r;
}

void symbols_release(struct symbols *s)
{
	json_decref(s->trace);
	*s = (struct symbols){ 0 };
}
