/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/queue/storm.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/case/notify.h"
#include "agent/host/queue/spool.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/sha256.h"

#define STORM_SCHEMA "sickbay.storm/1"
#define STORMS	     "storms"
#define S(member, type)                                           \
	{                                                         \
		.name = #member, .kind = (type), .max = 1u << 20, \
		.offset = offsetof(struct storm, member)          \
	}

static const char *const scopes[] = { "service", "deploy", NULL };

static const struct jmap storm_map[] = {
	S(schema, JMAP_STR),
	S(id, JMAP_STR),
	{ .name = "scope",
	  .kind = JMAP_ENUM,
	  .words = scopes,
	  .offset = offsetof(struct storm, scope) },
	S(of, JMAP_STR),
	S(opened, JMAP_STR),
	S(resumed, JMAP_STR),
	S(reason, JMAP_STR),
	S(by, JMAP_STR),
	S(incidents, JMAP_STRS),
	{ 0 },
};

static void storm_release(struct storm *s)
{
	jmap_release(storm_map, s);
	*s = (struct storm){ 0 };
}

static int storm_read(int dir, const char *name, struct storm *out, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	struct storm s = { 0 };
	int r = spool_read(dir, name, STORM_SCHEMA, &v, e);

	if (r == 0)
		r = jmap_read(storm_map, v, &s, "", e);
	if (r == 0 && (!s.id || !s.of || !s.opened))
		r = err_set(e, EBADMSG, "'%s/%s' is not whole", STORMS, name);
	if (r < 0) {
		storm_release(&s);
		return r;
	}
	*out = s;
	return 0;
}

static int storm_write(int dir, const struct storm *s, struct err *e)
{
	char name[96];

	(void)snprintf(name, sizeof(name), "%s.json", s->id);
	return spool_write(dir, name, jmap_write(storm_map, s), e);
}

static const char *key_of(const struct group *g, int scope)
{
	return scope == STORM_SERVICE ? g->service : group_deploy(g);
}

static bool covers(const struct storm *s, const struct group *g)
{
	const char *key = key_of(g, s->scope);

	return !s->resumed && key && s->of && strcmp(key, s->of) == 0;
}

/* 1: *out is the open storm over this incident. */
static int find_open(const char *state, const struct group *g, struct storm *out, struct err *e)
{
	AUTO_CLOSE int dir = spool_dir(state, STORMS, e);
	struct strlist names = { 0 };
	int r = dir < 0 ? dir : spool_names(state, STORMS, &names, e);

	for (size_t i = 0; i < names.n && r == 0; i++) {
		struct storm s = { 0 };

		r = storm_read(dir, names.v[i], &s, e);
		if (r == 0 && covers(&s, g)) {
			*out = s;
			r = 1;
		} else {
			storm_release(&s);
		}
	}
	strlist_release(&names);
	return r;
}

int storm_holds(const char *state, const struct group *g, char why[256], struct err *e)
{
	struct storm s = { 0 };
	const int r = find_open(state, g, &s, e);

	if (r == 1)
		(void)snprintf(why, 256,
			       "storm '%.80s': %zu new incidents of one %s; repairs wait until a "
			       "person runs 'sickbay storm resume %.80s'",
			       s.id, s.incidents.n, scopes[s.scope], s.id);
	storm_release(&s);
	return r;
}

/* Its place in time tells whether an incident is as new as another one. */
static bool near(const struct group *a, const struct group *b, uint64_t window_ms)
{
	const uint64_t window = window_ms * 1000000;
	uint64_t x, y;

	if (clock_parse_rfc3339(a->first_seen, &x) < 0 ||
	    clock_parse_rfc3339(b->first_seen, &y) < 0)
		return true; /* we wrote both; what cannot be read must not hide a storm */
	return (x > y ? x - y : y - x) <= window;
}

/* The other incidents that are new now, in no storm yet and under the same key. */
static int neighbours(const struct queue *q, const struct group *g, int scope, struct strlist *out,
		      struct err *e)
{
	struct strlist ids = { 0 };
	int r = group_list(q->state, &ids, e);

	for (size_t i = 0; i < ids.n && r == 0; i++) {
		struct group o = { 0 };
		const char *key;

		if (strcmp(ids.v[i], g->id) == 0)
			continue;
		r = group_load(q->state, ids.v[i], &o, e);
		if (r == -ENOENT) { /* a kill came before its first record */
			r = 0;
			continue;
		}
		key = r == 0 ? key_of(&o, scope) : NULL;
		if (key && strcmp(key, key_of(g, scope)) == 0 && !o.storm &&
		    near(&o, g, q->config->storm.window_ms) && strlist_add(out, o.id) < 0)
			r = err_set(e, ENOMEM, "out of memory");
		group_release(&o);
	}
	strlist_release(&ids);
	return r;
}

/* service-20261122t113005, or deploy-XXXXXXXX-...: safe as a file name, and readable. */
static void name_storm(const struct queue *q, int scope, const char *of, char out[80])
{
	char now[CLOCK_RFC3339], at[16] = "", digest[SHA256_HEX] = "";
	uint8_t raw[SHA256_LEN];

	clock_rfc3339(q->now_ns, now);
	(void)snprintf(at, sizeof(at), "%.4s%.2s%.2st%.2s%.2s%.2s", now, now + 5, now + 8, now + 11,
		       now + 14, now + 17);
	sha256_of(of, strlen(of), raw);
	sha256_hex(raw, digest);
	if (scope == STORM_SERVICE)
		(void)snprintf(out, 80, "%.40s-%s", of, at);
	else
		(void)snprintf(out, 80, "deploy-%.8s-%s", digest, at);
}

static int join_others(const struct queue *q, const struct storm *s, const char *self,
		       struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < s->incidents.n && r == 0; i++) {
		struct group o = { 0 };

		if (strcmp(s->incidents.v[i], self) == 0)
			continue;
		r = group_load(q->state, s->incidents.v[i], &o, e);
		if (r == 0) {
			free(o.storm);
			o.storm = strdup(s->id);
			r = o.storm ? group_save(q->state, &o, e)
				    : err_set(e, ENOMEM, "out of memory");
		}
		group_release(&o);
	}
	return r;
}

static json_t *words(const struct strlist *l)
{
	json_t *a = json_array();

	for (size_t i = 0; i < l->n; i++)
		(void)json_array_append_new(a, json_string(l->v[i]));
	return a;
}

/* Who is called at night wants to know what to do. */
static void tell(const char *state, const struct storm *s, const char *service)
{
	char text[400];

	(void)snprintf(text, sizeof(text),
		       "%zu new failures of %s %.80s at one time: no repair of it begins until "
		       "'sickbay storm resume %s --reason TEXT'",
		       s->incidents.n, scopes[s->scope], s->of, s->id);
	notify_note(state, "storm", service, NULL, text);
}

/* In the log, on disk, and in each of its incidents. */
static int open_storm(const struct queue *q, int scope, struct group *g, struct strlist *members,
		      struct err *e)
{
	AUTO_CLOSE int dir = spool_dir(q->state, STORMS, e);
	char id[80], now[CLOCK_RFC3339];
	struct storm s = { .scope = scope };
	int r = dir < 0 ? dir : 0;

	name_storm(q, scope, key_of(g, scope), id);
	clock_rfc3339(q->now_ns, now);
	s.schema = strdup(STORM_SCHEMA);
	s.id = strdup(id);
	s.of = strdup(key_of(g, scope));
	s.opened = strdup(now);
	g->storm = strdup(id);
	if (r == 0 && (!s.schema || !s.id || !s.of || !s.opened || !g->storm ||
		       strlist_add(members, g->id) < 0))
		r = err_set(e, ENOMEM, "out of memory");
	s.incidents = *members;
	if (r == 0 && q->audit)
		r = audit_commit(q->audit, "storm.open",
				 json_pack("{s:s,s:s,s:s,s:o}", "storm", id, scopes[scope], s.of,
					   "opened", now, "incidents", words(members)),
				 e);
	if (r == 0)
		r = storm_write(dir, &s, e);
	if (r == 0)
		tell(q->state, &s, g->service);
	if (r == 0)
		r = join_others(q, &s, g->id, e);
	*members = (struct strlist){ 0 };
	storm_release(&s);
	return r;
}

static int join(const struct queue *q, struct storm *s, struct group *g, struct err *e)
{
	AUTO_CLOSE int dir = spool_dir(q->state, STORMS, e);

	if (dir < 0)
		return dir;
	g->storm = s->id ? strdup(s->id) : NULL;
	if (!g->storm ||
	    (!strlist_has(&s->incidents, g->id) && strlist_add(&s->incidents, g->id) < 0))
		return err_set(e, ENOMEM, "out of memory");
	return storm_write(dir, s, e);
}

int storm_consider(const struct queue *q, struct group *g, bool may_open, struct err *e)
{
	struct storm s = { 0 };
	int r = find_open(q->state, g, &s, e);

	if (r == 1)
		r = join(q, &s, g, e);
	storm_release(&s);
	for (int scope = STORM_SERVICE; scope <= STORM_DEPLOY && may_open && r == 0 && !g->storm;
	     scope++) {
		struct strlist members = { 0 };

		if (!key_of(g, scope))
			continue;
		r = neighbours(q, g, scope, &members, e);
		if (r == 0 && members.n + 1 >= q->config->storm.fingerprints)
			r = open_storm(q, scope, g, &members, e);
		strlist_release(&members);
	}
	return r;
}

static int resume(const struct queue *q, int dir, struct storm *s, const char *reason,
		  struct err *e)
{
	char now[CLOCK_RFC3339], by[24];
	AUTO_BUF struct buf uid = BUF_INIT(31);
	struct err none = ERR_INIT;
	int r;

	if (s->resumed)
		return err_set(e, EALREADY, "storm '%s' was resumed at %s", s->id, s->resumed);
	clock_rfc3339(q->now_ns, now);
	(void)file_read_at(AT_FDCWD, "/proc/self/loginuid", 31, &uid, &none);
	(void)snprintf(by, sizeof(by), "%.20s",
		       uid.n && strcmp(uid.p, "4294967295") != 0 ? uid.p : "unset");
	s->resumed = strdup(now);
	s->reason = strdup(reason);
	s->by = strdup(by);
	if (!s->resumed || !s->reason || !s->by)
		return err_set(e, ENOMEM, "out of memory");
	r = audit_commit(q->audit, "storm.resume",
			 json_pack("{s:s,s:s,s:s,s:o}", "storm", s->id, scopes[s->scope], s->of,
				   "reason", reason, "incidents", words(&s->incidents)),
			 e);
	return r < 0 ? r : storm_write(dir, s, e);
}

int storm_resume(const struct queue *q, const char *id, const char *reason, struct err *e)
{
	AUTO_CLOSE int lock = spool_enter(q->state, e);
	AUTO_CLOSE int dir = lock < 0 ? -1 : spool_dir(q->state, STORMS, e);
	struct storm s = { 0 };
	char name[96];
	int r;

	if (dir < 0)
		return -e->code;
	(void)snprintf(name, sizeof(name), "%.80s.json", id);
	if (!name_is_safe(id) || faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, ENOENT, "no storm '%s' (see 'sickbay storm list')", id);
	r = storm_read(dir, name, &s, e);
	if (r == 0)
		r = resume(q, dir, &s, reason, e);
	storm_release(&s);
	return r;
}

int storm_list(const char *state, bool open_only, json_t **out, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	AUTO_JSON json_t *list = json_array();
	struct strlist names = { 0 };
	int r = spool_names(state, STORMS, &names, e);

	if (names.n)
		dir = spool_dir(state, STORMS, e);
	for (size_t i = 0; i < names.n && r == 0; i++) {
		struct storm s = { 0 };

		r = storm_read(dir, names.v[i], &s, e);
		if (r == 0 && !(open_only && s.resumed))
			(void)json_array_append_new(list, jmap_write(storm_map, &s));
		storm_release(&s);
	}
	strlist_release(&names);
	if (r == 0)
		*out = take_ptr(list);
	return r;
}
