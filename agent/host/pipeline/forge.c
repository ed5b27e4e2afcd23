/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/pipeline/forge.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/host/case/git_impl.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"

#define PACK_MAX  (256u << 20)
#define HAVES_MAX 2000

struct forge_door {
	struct broker *broker;
	const struct service *service;
	uint64_t id;
};

static const struct forge_place *find(const struct host_config *c, const char *name)
{
	const struct forge_place *p = c ? c->forges.v : NULL;

	for (size_t i = 0; c && i < c->forges.n; i++)
		if (strcmp(p[i].name, name) == 0)
			return &p[i];
	return NULL;
}

int forge_open(const struct host_config *c, const struct service *s, struct forge_door **out,
	       struct err *e)
{
	const struct forge_place *const place = find(c, s->forge.name);
	struct forge_door *const d = calloc(1, sizeof(*d));
	AUTO_FREE char *credential = NULL;
	struct broker_setup setup = { 0 };
	struct forge_place one;
	int r = d ? 0 : err_set(e, ENOMEM, "out of memory");

	if (r == 0 && !place)
		r = err_set(e, ENOENT,
			    "the forge '%s' is not in this host's configuration: name it under "
			    "\"forges\" (sickbay-config(5))",
			    s->forge.name);
	if (r == 0) {
		one = *place;
		one.webhook_secret = NULL; /* sickbay-intake's alone */
		if (one.credential)
			r = broker_credential(one.credential, &credential, e);
		one.credential = credential;
	}
	if (r == 0) {
		setup.forges = json_pack("[o]", jmap_write(forge_place_map, &one));
		r = setup.forges ? broker_open(&setup, &d->broker, e)
				 : err_set(e, ENOMEM, "out of memory");
	}
	json_decref(setup.forges);
	if (r < 0) {
		free(d);
		return r;
	}
	d->service = s;
	*out = d;
	return 0;
}

void forge_close(struct forge_door *d)
{
	if (!d)
		return;
	broker_close(d->broker);
	free(d);
}

/* 0: it was done; 1: it was not, and why says so; -EAGAIN: it may be later. */
static int ask(struct forge_door *d, struct forge_ask *a, int fd, struct forge_end *out,
	       char why[512], struct err *e)
{
	a->id = ++d->id;
	a->place = d->service->forge.name;
	if (forge_ask(d->broker, a, fd, out, e) < 0)
		return -e->code;
	if (out->result == FORGE_OK)
		return 0;
	(void)snprintf(why, 512, "forge '%s': %.450s", d->service->forge.name,
		       out->message ? out->message : "it gave no reason");
	return out->result == FORGE_UNREACHED ? err_set(e, EAGAIN, "%s", why) : 1;
}

/* ---- what the token may do ---- */

static int about(struct forge_door *d, char *repository, json_t **out, char why[512], struct err *e)
{
	struct forge_ask a = { .verb = FORGE_ABOUT, .repository = repository };
	struct forge_end end = { 0 };
	const int r = ask(d, &a, -1, &end, why, e);

	*out = r == 0 ? json_incref(end.about) : NULL;
	jmap_release(forge_end_map, &end);
	return r;
}

static bool may(const json_t *about, const char *what)
{
	return json_is_true(json_object_get(json_object_get(about, "permissions"), what));
}

static bool has_scope(const json_t *about, const char *scope)
{
	const char *s = json_string_value(json_object_get(about, "scopes"));
	const size_t n = strlen(scope);

	for (; s && *s; s += strcspn(s, ", "), s += strspn(s, ", "))
		if (strncmp(s, scope, n) == 0 && (!s[n] || s[n] == ',' || s[n] == ' '))
			return true;
	return false;
}

static bool too_much(const struct service *s, const json_t *target, const json_t *fork,
		     char why[512])
{
	static const char *const may_not[][2] = {
		{ "admin", "administer it, and so get round its protection" },
		{ "maintain", "merge into it, and push to its branches" },
		{ "push", "merge into it, and push to its branches" },
	};
	static const char *const scopes[] = { "workflow", "admin:org", "admin:repo_hook",
					      "delete_repo" };

	if (!json_is_object(json_object_get(target, "permissions"))) {
		(void)snprintf(why, 512,
			       "the forge '%s' does not say what the token may do to '%s'",
			       s->forge.name, s->forge.repository);
		return true;
	}
	for (size_t i = 0; i < sizeof(may_not) / sizeof(may_not[0]); i++)
		if (may(target, may_not[i][0])) {
			(void)snprintf(why, 512,
				       "the token of forge '%s' could %s ('%s'): use one of a user "
				       "who may only read it, and a fork of that user's",
				       s->forge.name, may_not[i][1], s->forge.repository);
			return true;
		}
	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++)
		if (has_scope(target, scopes[i])) {
			(void)snprintf(why, 512,
				       "the token of forge '%s' has the scope '%s', which a "
				       "proposal has no use for: make one without it",
				       s->forge.name, scopes[i]);
			return true;
		}
	if (strcmp(s->forge.fork, s->forge.repository) != 0 && !may(fork, "push")) {
		(void)snprintf(why, 512, "the token of forge '%s' may not push to '%s'",
			       s->forge.name, s->forge.fork);
		return true;
	}
	return false;
}

int forge_exposure(struct forge_door *d, json_t **out, char why[512], struct err *e)
{
	AUTO_JSON json_t *target = NULL;
	AUTO_JSON json_t *fork = NULL;
	int r = about(d, d->service->forge.repository, &target, why, e);

	if (r == 0)
		r = about(d, d->service->forge.fork, &fork, why, e);
	if (r)
		return r < 0 ? r : err_set(e, EAGAIN, "%s", why);
	if (out)
		*out = json_pack("{s:O,s:O}", "repository", target, "fork", fork);
	return too_much(d->service, target, fork, why);
}

/* ---- pushing ---- */

/* Objects of theirs that we have, too: what is sent is what lies beyond them. */
static int put_haves(struct git *g, const json_t *refs, struct buf *to, struct err *e)
{
	AUTO_BUF struct buf in = BUF_INIT(1u << 20);
	AUTO_BUF struct buf got = BUF_INIT(1u << 20);
	struct git_run run = { .args = { "cat-file", "--batch-check=%(objectname) %(objecttype)" },
			       .max = 1u << 20 };
	char *save = NULL;
	size_t i;
	json_t *v;

	json_array_foreach(refs, i, v) {
		if (i >= HAVES_MAX)
			break;
		buf_printf(&in, "%s\n", json_string_value(v));
	}
	if (in.n == 0)
		return 0;
	run.in = in.p;
	run.in_len = in.n;
	if (buf_check(&in, "references", e) < 0 || git_must(g, &run, &got, e) < 0)
		return -e->code;
	for (char *line = strtok_r(got.p, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const size_t n = strcspn(line, " ");

		if (strcmp(line + n, " commit") == 0 || strcmp(line + n, " tag") == 0)
			buf_printf(to, "^%.*s\n", (int)n, line);
	}
	return buf_check(to, "references", e);
}

static int make_pack(struct git *g, const char *oid, const json_t *refs, int *fd, struct err *e)
{
	AUTO_BUF struct buf want = BUF_INIT(1u << 20);
	AUTO_BUF struct buf pack = BUF_INIT(PACK_MAX);
	AUTO_CLOSE int out = -1;
	struct git_run run = { .args = { "pack-objects", "--revs", "--stdout", "-q" },
			       .max = PACK_MAX };

	buf_printf(&want, "%s\n", oid);
	if (put_haves(g, refs, &want, e) < 0)
		return -e->code;
	run.in = want.p;
	run.in_len = want.n;
	if (git_must(g, &run, &pack, e) < 0)
		return err_wrap(e, "pack the branch");
	out = memfd_create("pack", MFD_CLOEXEC);
	if (out < 0)
		return err_sys(e, "memfd_create");
	if (fd_write_all(out, pack.p, pack.n, "the pack", e) < 0)
		return -e->code;
	if (lseek(out, 0, SEEK_SET) < 0)
		return err_sys(e, "rewind the pack");
	*fd = take_fd(&out);
	return 0;
}

/* Whether the branch is as we left it: nobody's commits are overwritten. */
static bool may_push(const struct forge_door *d, const struct forge_proposal *p, const char *old,
		     char why[512])
{
	if (!old || (p->lease && strcmp(old, p->lease) == 0))
		return true;
	(void)snprintf(why, 512,
		       "branch '%s' of '%s' is at %.12s, which somebody pushed there: it is theirs "
		       "to bring up to date",
		       p->branch, d->service->forge.fork, old);
	return false;
}

static int push(struct forge_door *d, struct git *g, struct audit *log,
		const struct forge_proposal *p, char why[512], struct err *e)
{
	struct forge_ask a = { .verb = FORGE_REFS,
			       .repository = d->service->forge.fork,
			       .head = (char *)(uintptr_t)p->branch,
			       .oid = (char *)(uintptr_t)p->oid };
	struct forge_end refs = { 0 }, end = { 0 };
	AUTO_CLOSE int pack = -1;
	const char *old;
	int r = ask(d, &a, -1, &refs, why, e);

	old = json_string_value(json_object_get(refs.about, "old"));
	if (r == 0 && (!old || strcmp(old, p->oid) != 0)) {
		r = may_push(d, p, old, why) ? 0 : 1;
		if (r == 0)
			r = make_pack(g, p->oid, json_object_get(refs.about, "refs"), &pack, e);
		if (r == 0)
			r = audit_commit(log, "push",
					 json_pack("{s:s,s:s,s:s,s:s}", "branch", p->branch,
						   "commit", p->oid, "forge",
						   d->service->forge.name, "repository",
						   d->service->forge.fork),
					 e);
		a.verb = FORGE_PUSH;
		a.old = (char *)(uintptr_t)old;
		if (r == 0)
			r = ask(d, &a, pack, &end, why, e);
	}
	jmap_release(forge_end_map, &refs);
	jmap_release(forge_end_map, &end);
	return r;
}

/* ---- proposing ---- */

static json_t *told(const struct forge_door *d, const struct forge_end *end)
{
	json_t *notes = json_array();

	for (size_t i = 0; notes && i < end->notes.n; i++)
		(void)json_array_append_new(notes, json_string(end->notes.v[i]));
	return json_pack("{s:s,s:s,s:I,s:s*,s:s*,s:o}", "forge", d->service->forge.name,
			 "repository", d->service->forge.repository, "number",
			 (json_int_t)end->number, "url", end->url, "state", end->state, "notes",
			 notes);
}

int forge_propose(struct forge_door *d, struct git *g, struct audit *log,
		  const struct forge_proposal *p, json_t **out, char why[512], struct err *e)
{
	const struct service *const s = d->service;
	struct forge_ask a = { .verb = FORGE_PROPOSE,
			       .repository = s->forge.repository,
			       .fork = s->forge.fork,
			       .head = (char *)(uintptr_t)p->branch,
			       .base = (char *)(uintptr_t)p->base,
			       .title = (char *)(uintptr_t)p->title,
			       .body = (char *)(uintptr_t)p->body,
			       .labels = s->forge.labels,
			       .reviewers = s->forge.reviewers,
			       .plain = s->forge.draft,
			       .number = p->number };
	struct forge_end end = { 0 };
	int r = forge_exposure(d, NULL, why, e);

	if (p->lease)
		a.labels = a.reviewers = (struct strlist){ 0 };
	else if (a.reviewers.n == 0 && p->reviewers)
		a.reviewers = *p->reviewers;
	if (r == 0)
		r = push(d, g, log, p, why, e);
	if (r == 0)
		r = audit_commit(log, "forge.propose",
				 json_pack("{s:s,s:s,s:s,s:s}", "forge", s->forge.name,
					   "repository", s->forge.repository, "branch", p->branch,
					   "base", p->base),
				 e);
	if (r == 0)
		r = ask(d, &a, -1, &end, why, e);
	if (r == 0) {
		*out = told(d, &end);
		r = *out ? 0 : err_set(e, ENOMEM, "out of memory");
	}
	jmap_release(forge_end_map, &end);
	return r;
}

int forge_look(struct forge_door *d, uint64_t number, struct forge_end *out, char why[512],
	       struct err *e)
{
	struct forge_ask a = { .verb = FORGE_LOOK,
			       .repository = d->service->forge.repository,
			       .number = number };

	return ask(d, &a, -1, out, why, e);
}

int forge_close_pull(struct forge_door *d, struct audit *log, uint64_t number, const char *reason,
		     char why[512], struct err *e)
{
	const struct service *const s = d->service;
	struct forge_ask a = { .verb = FORGE_CLOSE,
			       .repository = s->forge.repository,
			       .number = number,
			       .body = (char *)(uintptr_t)reason };
	struct forge_end end = { 0 };
	int r = audit_commit(log, "forge.close",
			     json_pack("{s:s,s:s,s:I,s:s}", "forge", s->forge.name, "repository",
				       s->forge.repository, "number", (json_int_t)number, "reason",
				       reason),
			     e);

	if (r == 0)
		r = ask(d, &a, -1, &end, why, e);
	jmap_release(forge_end_map, &end);
	return r;
}
