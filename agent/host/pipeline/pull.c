/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/pipeline/pull.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/host/case/decide.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"

#define OWED	 "closing"
#define SCHEMA	 "sickbay.closing/1"
#define OWED_MAX 65536

void pull_release(struct pull *p)
{
	json_decref(p->record);
	free(p->service);
	*p = (struct pull){ 0 };
}

static const char *text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

int pull_of(const struct kase *k, struct pull *out)
{
	AUTO_JSON json_t *first = NULL;
	const json_t *measured, *at;
	struct err none = ERR_INIT;

	*out = (struct pull){ 0 };
	if (case_record(k, STAGE_PULLREQ, &out->record, &none) < 0 ||
	    case_record(k, STAGE_INCIDENT, &first, &none) < 0) {
		pull_release(out);
		return 0;
	}
	measured = json_object_get(out->record, "measured");
	at = json_object_get(measured, "pull_request");
	out->forge = text(at, "forge");
	out->repository = text(at, "repository");
	out->branch = text(out->record, "branch");
	out->commit = text(measured, "commit");
	out->number = (uint64_t)json_integer_value(json_object_get(at, "number"));
	out->service = strdup(text(json_object_get(first, "incident"), "service"));
	if (out->number && out->service && *out->service)
		return 1;
	pull_release(out);
	return 0;
}

int pull_check_place(const struct pull *p, const struct service *s, struct err *e)
{
	if (s->forge.name && strcmp(s->forge.name, p->forge) == 0 &&
	    strcmp(s->forge.repository, p->repository) == 0)
		return 0;
	return err_set(e, EINVAL,
		       "its pull request is in '%s' of forge '%s', which service '%s' names no "
		       "longer: close it there, and say what became of it by 'sickbay case decide'",
		       p->repository, p->forge, s->name);
}

/* ---- how one stands ---- */

bool pull_is_edited(const struct pull_at *at)
{
	return at->branch[0] && strcmp(at->head, at->commit) != 0;
}

static int look(const struct pull_host *h, const struct pull *p, struct forge_end *now,
		char why[512], struct err *e)
{
	struct forge_door *d = NULL;
	int r = forge_open(h->config, h->service, &d, e);

	if (r == 0)
		r = forge_look(d, p->number, now, why, e);
	forge_close(d);
	if (r == 1 && now->result == FORGE_UNKNOWN)
		return 0; /* it is gone */
	return r == 1 ? err_set(e, EAGAIN, "%s", why) : r;
}

int pull_standing(const struct pull_host *h, const struct kase *earlier, struct pull_at *out,
		  char why[512], struct err *e)
{
	struct forge_end now = { 0 };
	struct err elsewhere = ERR_INIT;
	struct pull p;
	int r = 0;

	*out = (struct pull_at){ 0 };
	if (!pull_of(earlier, &p))
		return 0;
	if (pull_check_place(&p, h->service, &elsewhere) == 0) {
		r = look(h, &p, &now, why, e);
		if (r == 0 && now.state && strcmp(now.state, "open") == 0) {
			(void)snprintf(out->branch, sizeof(out->branch), "%s", p.branch);
			(void)snprintf(out->commit, sizeof(out->commit), "%s", p.commit);
			(void)snprintf(out->head, sizeof(out->head), "%s",
				       now.head ? now.head : "");
			out->number = p.number;
		} else if (r == 0 && now.state) {
			(void)snprintf(
				why, 512,
				"pull request %llu of case '%s' is %s at forge '%s': nothing "
				"takes its place",
				(unsigned long long)p.number, case_id(earlier), now.state, p.forge);
			r = 1;
		}
	}
	jmap_release(forge_end_map, &now);
	pull_release(&p);
	return r;
}

/* ---- closing ---- */

static int owed_dir(const char *state, bool make, struct err *e)
{
	char path[PATH_MAX];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/" OWED, state);
	if (make && dir_make(path, 0700, e) < 0)
		return -e->code;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "'%s'", path) : fd;
}

static void owed_name(const char *id, char out[200])
{
	(void)snprintf(out, 200, "%.180s.json", id);
}

static int owe(const char *state, const char *id, const char *reason, struct err *e)
{
	AUTO_CLOSE int dir = owed_dir(state, true, e);
	AUTO_JSON json_t *v =
		json_pack("{s:s,s:s,s:s}", "schema", SCHEMA, "case", id, "reason", reason);
	AUTO_FREE char *out = v ? json_dumps(v, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	char name[200];

	if (dir < 0)
		return dir;
	if (!out)
		return err_set(e, EINVAL, "the reason is not UTF-8");
	owed_name(id, name);
	return file_publish_at(dir, name, out, strlen(out), 0600, e);
}

/* Held from owing to deciding, so that who pays does not take it for one that was never decided. */
static int lock_owed(const char *state, bool make, struct err *e)
{
	AUTO_CLOSE int dir = owed_dir(state, make, e);

	if (dir < 0)
		return dir;
	if (flock(dir, LOCK_EX) < 0)
		return err_sys(e, "lock '" OWED "'");
	return take_fd(&dir);
}

int pull_refuse(const char *state, struct kase *k, const char *reason,
		const struct decision_note *d, struct audit *a, struct err *e)
{
	AUTO_CLOSE int lock = lock_owed(state, true, e);
	const bool before = case_is_decided(k);

	if (lock < 0 || (!before && owe(state, case_id(k), reason, e) < 0) ||
	    case_decide(state, k, d, a, e) < 0)
		return -e->code;
	return !before;
}

/* 1: *out; 0: nothing is owed. */
static int read_owed(const char *state, const char *id, json_t **out, struct err *e)
{
	struct err none = ERR_INIT;
	AUTO_CLOSE int dir = owed_dir(state, false, &none);
	AUTO_BUF struct buf b = BUF_INIT(OWED_MAX);
	char name[200];
	int r = dir < 0 ? dir : 0;

	owed_name(id, name);
	if (r == 0)
		r = file_read_at(dir, name, OWED_MAX, &b, &none);
	if (r < 0)
		return r == -ENOENT ? 0 : err_set(e, -r, "%s", none.msg);
	*out = json_loadb(b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
	if (!*out || !json_is_string(json_object_get(*out, "reason")) ||
	    record_is(*out, SCHEMA, name, &none) < 0) {
		json_decref(*out);
		*out = NULL;
		return err_set(e, EBADMSG, "'" OWED "/%s': not as it was written", name);
	}
	return 1;
}

static int forget(const char *state, const char *id, struct err *e)
{
	AUTO_CLOSE int dir = owed_dir(state, false, e);
	char name[200];

	if (dir < 0)
		return dir;
	owed_name(id, name);
	return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? err_sys(e, "'" OWED "/%s'", name)
							     : 0;
}

bool pull_is_owed(const char *state, const char *id)
{
	struct err none = ERR_INIT;
	AUTO_CLOSE int dir = owed_dir(state, false, &none);
	char name[200];

	owed_name(id, name);
	return dir >= 0 && faccessat(dir, name, F_OK, 0) == 0;
}

static int close_at_forge(const struct pull_host *h, const struct pull *p, const char *reason,
			  char why[512], struct err *e)
{
	struct forge_door *d = NULL;
	int r = pull_check_place(p, h->service, e);

	if (r == 0)
		r = forge_open(h->config, h->service, &d, e);
	if (r == 0)
		r = forge_close_pull(d, h->audit, p->number, reason, why, e);
	forge_close(d);
	return r;
}

/* Of who was killed between owing and deciding. */
static int forget_undecided(const char *state, const struct kase *k, struct err *e)
{
	AUTO_CLOSE int lock = lock_owed(state, false, e);

	if (lock < 0)
		return lock;
	return case_is_decided(k) ? 0 : forget(state, case_id(k), e);
}

int pull_pay(const struct pull_host *h, const struct kase *k, char why[512], struct err *e)
{
	AUTO_JSON json_t *owed = NULL;
	struct pull p;
	int r = read_owed(h->state, case_id(k), &owed, e);

	if (r <= 0)
		return r;
	if (!case_is_decided(k))
		return forget_undecided(h->state, k, e);
	if (!pull_of(k, &p))
		return forget(h->state, case_id(k), e);
	audit_set_case(h->audit, case_id(k));
	r = close_at_forge(h, &p, text(owed, "reason"), why, e);
	pull_release(&p);
	return r ? r : forget(h->state, case_id(k), e);
}
