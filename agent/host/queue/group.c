/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/queue/group.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/case/case.h"
#include "agent/host/case/raw.h"
#include "agent/host/queue/alert.h"
#include "agent/host/queue/spool.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"

#define GROUP_SCHEMA "sickbay.group/1"
#define GROUP_FILE   "group.json"
#define G(member, type, text)                                            \
	{                                                                \
		.name = #member, .kind = (type), .max = 1u << 20,        \
		.offset = offsetof(struct group, member), .help = (text) \
	}
#define GN(member, text)                                                                     \
	{                                                                                    \
		.name = #member, .kind = JMAP_U64, .offset = offsetof(struct group, member), \
		.help = (text)                                                               \
	}

static const struct jmap group_map[] = {
	G(schema, JMAP_STR, "format version"),
	G(id, JMAP_STR, "name of the incident on this host"),
	G(service, JMAP_STR, "what is healed"),
	G(service_file, JMAP_STR, "its service file"),
	G(fingerprint, JMAP_STR, "one for all reports of the same failure"),
	G(type, JMAP_STR, "of the coordinate"),
	G(file, JMAP_STR, "of the coordinate"),
	G(function, JMAP_STR, "of the coordinate"),
	G(first_seen, JMAP_STR, "by production's clock"),
	G(last_seen, JMAP_STR, "by production's clock"),
	G(created, JMAP_STR, "by the host's clock"),
	G(commit, JMAP_STR, "that production ran"),
	G(release, JMAP_STR, "that production ran"),
	G(storm, JMAP_STR, "that it belongs to"),
	G(resolved, JMAP_STR, "when the alert that it is ended"),
	GN(reports, "taken so far"),
	GN(count, "what they count"),
	GN(failures, "runs that failed, one after the other"),
	G(cases, JMAP_STRS, "its repairs, the last one counts"),
	G(samples, JMAP_STRS, "digests of the reports that are kept"),
	G(absorbed, JMAP_STRS, "reports of the spool's last turn"),
	{ 0 },
};

static const char *const states[GROUP_STATE_N] = { "queued", "interrupted", "repairing", "failed",
						   "ended" };

const char *group_state_name(int state)
{
	return states[state];
}

void group_id(const char *service, const char *fingerprint, char out[GROUP_ID_LEN])
{
	char hex[65];

	incident_key(service, fingerprint, hex);
	(void)snprintf(out, GROUP_ID_LEN, "%.40s-%.12s", service, hex);
}

void group_release(struct group *g)
{
	jmap_release(group_map, g);
	*g = (struct group){ 0 };
}

static int group_dir(const char *state, const char *id, struct err *e)
{
	char name[96];

	if (!name_is_safe(id))
		return err_set(e, EINVAL, "'%s' is not the id of an incident", id);
	(void)snprintf(name, sizeof(name), "incidents/%s", id);
	return spool_dir(state, name, e);
}

int group_load(const char *state, const char *id, struct group *out, struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_JSON json_t *v = NULL;
	struct group g = { 0 };
	int r;

	if (!name_is_safe(id))
		return err_set(e, EINVAL, "'%s' is not the id of an incident", id);
	if (asprintf(&path, "%s/incidents/%s/" GROUP_FILE, state, id) < 0)
		return err_set(e, ENOMEM, "out of memory");
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return err_set(e, ENOENT, "no incident '%s' in '%s' (see 'sickbay incident list')",
			       id, state);
	r = spool_read(AT_FDCWD, path, GROUP_SCHEMA, &v, e);
	if (r == 0)
		r = jmap_read(group_map, v, &g, "", e);
	if (r == 0 && (!g.id || !g.service || !g.service_file || !g.fingerprint || !g.first_seen))
		r = err_set(e, EBADMSG, "'%s' is not whole", path);
	if (r < 0) {
		group_release(&g);
		return r;
	}
	*out = g;
	return 0;
}

int group_save(const char *state, const struct group *g, struct err *e)
{
	AUTO_CLOSE int at = group_dir(state, g->id, e);

	return at < 0 ? at : spool_write(at, GROUP_FILE, jmap_write(group_map, g), e);
}

int group_list(const char *state, struct strlist *out, struct err *e)
{
	AUTO_FREE char *path = NULL;
	CLEANUP(cleanup_closedir) DIR *d = NULL;
	const struct dirent *ent;

	if (asprintf(&path, "%s/incidents", state) < 0)
		return err_set(e, ENOMEM, "out of memory");
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, "list '%s'", path);
	while ((ent = readdir(d)))
		if (name_is_safe(ent->d_name) && strlist_add(out, ent->d_name) < 0)
			return err_set(e, ENOMEM, "out of memory");
	return 0;
}

const char *group_deploy(const struct group *g)
{
	return g->commit ? g->commit : g->release;
}

int group_state(const struct queue *q, const struct group *g, const char **kase)
{
	const char *id = g->cases.n ? g->cases.v[g->cases.n - 1] : NULL;
	struct err none = ERR_INIT;
	struct kase *k = NULL;
	int stage;

	*kase = id;
	if (queue_is_claimed(q->state, g->id))
		return GROUP_REPAIRING;
	if (id && case_open(q->state, id, false, &k, &none) < 0)
		*kase = id = NULL;
	stage = k ? case_stage(k) : STAGE_INCIDENT;
	case_close(k);
	if (stage == STAGE_N)
		return GROUP_ENDED;
	if (!id && g->resolved)
		return GROUP_ENDED;
	if (g->failures >= q->config->worker.attempts)
		return GROUP_FAILED;
	return id && stage > STAGE_INCIDENT ? GROUP_INTERRUPTED : GROUP_QUEUED;
}

static int set(char **field, const char *value)
{
	char *copy = value ? strdup(value) : NULL;

	if (value && !copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

/* Production's clock where it says something that can be; what lies ahead of ours cannot. */
static void when(const struct queue *q, const char *stated, const char *other,
		 char out[CLOCK_RFC3339])
{
	uint64_t t = q->now_ns;

	if ((stated && clock_parse_rfc3339(stated, &t) == 0 && t <= q->now_ns) ||
	    (other && clock_parse_rfc3339(other, &t) == 0 && t <= q->now_ns))
		clock_rfc3339(t, out);
	else
		clock_rfc3339(q->now_ns, out);
}

static int begin(const struct queue *q, struct group *g, const struct queue_report *from)
{
	const struct incident *i = from->incident;
	char id[GROUP_ID_LEN], first[CLOCK_RFC3339], now[CLOCK_RFC3339];
	int r = 0;

	group_id(from->service, i->fingerprint, id);
	when(q, i->first_seen, i->last_seen, first);
	clock_rfc3339(q->now_ns, now);
	r |= set(&g->schema, GROUP_SCHEMA);
	r |= set(&g->id, id);
	r |= set(&g->service, from->service);
	r |= set(&g->service_file, from->service_file);
	r |= set(&g->fingerprint, i->fingerprint);
	r |= set(&g->type, i->coordinate.type);
	r |= set(&g->file, i->coordinate.file);
	r |= set(&g->function, i->coordinate.function);
	r |= set(&g->first_seen, first);
	r |= set(&g->last_seen, first);
	r |= set(&g->created, now);
	r |= set(&g->commit, i->deploy.commit);
	r |= set(&g->release, i->deploy.release);
	return r;
}

/* All times are written in the same form, so that they compare as texts. */
static int span(const struct queue *q, struct group *g, const struct incident *i)
{
	char first[CLOCK_RFC3339], last[CLOCK_RFC3339];
	int r = 0;

	when(q, i->first_seen, i->last_seen, first);
	when(q, i->last_seen, i->first_seen, last);
	if (strcmp(first, g->first_seen) < 0)
		r |= set(&g->first_seen, first);
	if (strcmp(last, g->last_seen) > 0)
		r |= set(&g->last_seen, last);
	return r;
}

static int keep(const struct queue *q, struct group *g, const struct incident *i, struct err *e)
{
	AUTO_JSON json_t *v = incident_write(i);
	AUTO_FREE char *text = v ? json_dumps(v, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	struct raw_ref ref;
	int r;

	if (!text)
		return err_set(e, ENOMEM, "out of memory");
	r = raw_put(q->state, "report", g->id, text, strlen(text), &ref, e);
	if (r == 0 && strlist_add(&g->samples, ref.digest) < 0)
		r = err_set(e, ENOMEM, "out of memory");
	return r;
}

int group_add(const struct queue *q, struct group *g, const struct queue_report *from,
	      struct err *e)
{
	const struct incident *i = from->incident;
	int r = g->id ? set(&g->service_file, from->service_file) : begin(q, g, from);

	if (r == 0)
		r = span(q, g, i);
	if (r < 0)
		return err_set(e, ENOMEM, "out of memory");
	g->reports++;
	g->count += i->count ? i->count : 1;
	return g->samples.n < q->config->incidents.samples ? keep(q, g, i, e) : 0;
}

/* What monitors said of the service while it was seen. */
static int put_alerts(const char *state, const struct group *g, json_t *incident, struct err *e)
{
	json_t *metrics = json_object_get(incident, "metrics");
	AUTO_JSON json_t *alerts = NULL;
	uint64_t first = 0, last = 0;

	if (clock_parse_rfc3339(g->first_seen, &first) < 0 ||
	    clock_parse_rfc3339(g->last_seen ? g->last_seen : g->first_seen, &last) < 0)
		return 0;
	if (alert_list(state, g->service, first, last, &alerts, e) < 0)
		return -e->code;
	if (json_array_size(alerts) == 0)
		return 0;
	if (!g->type) /* an alert's own: it has it already, from when it began */
		return json_object_set(incident, "metrics", alerts) < 0
			       ? err_set(e, ENOMEM, "out of memory")
			       : 0;
	if (!json_is_array(metrics)) {
		metrics = json_array();
		if (!metrics || json_object_set_new(incident, "metrics", metrics) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	return json_array_extend(metrics, alerts) < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

/* Ours: written by keep(), and its digest was checked. */
static int read_sample(const char *state, const struct group *g, size_t n, struct incident *out,
		       struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(RAW_MAX);
	AUTO_JSON json_t *v = NULL;
	int r = raw_get(state, g->samples.v[n], &text, e);

	if (r < 0)
		return r;
	v = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	if (!v)
		return err_set(e, EBADMSG, "report of incident '%s': not as it was written", g->id);
	r = put_alerts(state, g, v, e);
	return r < 0 ? r : incident_read(v, out, e);
}

/* The one that tells most, of those that are not erased; the earlier where two tell as much. */
int group_incident(const char *state, const struct group *g, struct incident *out, struct err *e)
{
	struct incident best = { 0 };
	bool any = false;

	for (size_t i = 0; i < g->samples.n; i++) {
		struct incident one = { 0 };

		if (read_sample(state, g, i, &one, e) < 0)
			continue;
		if (!any || incident_tells(&one) > incident_tells(&best)) {
			const struct incident other = best;

			best = one;
			one = other;
			any = true;
		}
		incident_release(&one);
	}
	if (!any)
		return g->samples.n ? err_wrap(e, "reports of incident '%s'", g->id)
				    : err_set(e, ENOENT, "incident '%s' has no report", g->id);
	e->code = 0;
	*out = best;
	return 0;
}
