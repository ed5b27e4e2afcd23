/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/queue/alert.h"

#include <stdlib.h>
#include <string.h>

#include "agent/host/queue/group.h"
#include "agent/host/queue/report.h"
#include "agent/host/queue/spool.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/sha256.h"

#define ALERTS_DIR "alerts"

static const char *str(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static void digest_of(const char *const *parts, char hex[SHA256_HEX])
{
	uint8_t digest[SHA256_LEN];
	struct sha256 s;

	sha256_init(&s);
	for (; *parts; parts++)
		sha256_update(&s, *parts, strlen(*parts) + 1);
	sha256_final(&s, digest);
	sha256_hex(digest, hex);
}

static void file_of(const char *service, const json_t *alert, char out[128])
{
	const char *name = str(alert, "name"), *print = str(alert, "fingerprint");
	const char *const parts[] = { service, str(alert, "kind"), name ? name : "",
				      print ? print : "", NULL };
	char hex[SHA256_HEX];

	digest_of(parts, hex);
	(void)snprintf(out, 128, "%.60s-%.16s.json", service, hex);
}

static uint64_t time_of(const char *text, uint64_t otherwise)
{
	uint64_t ns;

	return text && clock_parse_rfc3339(text, &ns) == 0 ? ns : otherwise;
}

static bool overlaps(const json_t *record, uint64_t from, uint64_t to)
{
	const uint64_t starts = time_of(str(record, "starts"), 0);
	const uint64_t ends = time_of(str(record, "ends"), UINT64_MAX - ALERT_WINDOW);

	return (starts < ALERT_WINDOW || starts - ALERT_WINDOW <= to) &&
	       ends + ALERT_WINDOW >= from;
}

int alert_list(const char *state, const char *service, uint64_t from_ns, uint64_t to_ns,
	       json_t **out, struct err *e)
{
	AUTO_JSON json_t *list = json_array();
	struct strlist names = { 0 };
	AUTO_CLOSE int at = -1;
	int r = list ? spool_names(state, ALERTS_DIR, &names, e)
		     : err_set(e, ENOMEM, "out of memory");

	if (r == 0 && names.n)
		at = spool_dir(state, ALERTS_DIR, e);
	r = names.n && at < 0 ? -e->code : r;
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		AUTO_JSON json_t *v = NULL;
		const char *of;

		r = spool_read(at, names.v[i], ALERT_SCHEMA, &v, e);
		of = r == 0 ? str(v, "service") : NULL;
		if (!of || strcmp(of, service) != 0 || !overlaps(v, from_ns, to_ns))
			continue;
		(void)json_object_del(v, "schema");
		(void)json_object_del(v, "service");
		if (json_array_append(list, v) < 0)
			r = err_set(e, ENOMEM, "out of memory");
	}
	strlist_release(&names);
	if (r == 0)
		*out = json_incref(list);
	return r;
}

/* Whether a report of the service came in its time: then that is what it is about. */
static int is_joined(const struct queue *q, const char *service, uint64_t starts, bool *out,
		     struct err *e)
{
	struct strlist ids = { 0 };
	const size_t n = strlen(service);
	size_t taken;
	int r = queue_absorb(q, &taken, e); /* what came just before it, too */

	*out = false;
	if (r == 0)
		r = group_list(q->state, &ids, e);
	for (size_t i = 0; r == 0 && !*out && i < ids.n; i++) {
		struct group g = { 0 };

		if (strncmp(ids.v[i], service, n < 40 ? n : 40) != 0)
			continue;
		r = group_load(q->state, ids.v[i], &g, e);
		if (r < 0)
			break;
		*out = g.type && strcmp(g.service, service) == 0 &&
		       time_of(g.last_seen, 0) + ALERT_WINDOW >= starts;
		group_release(&g);
	}
	strlist_release(&ids);
	return r;
}

/* What an alert without reports is filed by. */
static void fingerprint_of(const char *service, const json_t *alert, char hex[SHA256_HEX])
{
	const char *const parts[] = { service, str(alert, "kind"),
				      str(alert, "name") ? str(alert, "name") : "", NULL };

	digest_of(parts, hex);
}

/* Its incident, where it has one of its own, is closed when the alert ends (ends NULL: opened). */
static int mark(const struct queue *q, const char *service, const json_t *alert, const char *ends,
		struct err *e)
{
	char hex[SHA256_HEX], print[80], id[GROUP_ID_LEN];
	AUTO_CLOSE int lock = -1;
	struct err none = ERR_INIT;
	struct group g = { 0 };
	size_t taken;
	int r = queue_absorb(q, &taken, e); /* it may wait in the spool */

	if (r < 0)
		return r;
	lock = spool_enter(q->state, e);
	if (lock < 0)
		return lock;
	fingerprint_of(service, alert, hex);
	(void)snprintf(print, sizeof(print), "sha256:%s", hex);
	group_id(service, print, id);
	if (group_load(q->state, id, &g, &none) < 0)
		return none.code == ENOENT ? 0 : err_set(e, none.code, "%s", none.msg);
	free(g.resolved);
	g.resolved = ends ? strdup(ends) : NULL;
	r = ends && !g.resolved ? err_set(e, ENOMEM, "out of memory") : group_save(q->state, &g, e);
	group_release(&g);
	return r;
}

/* Its name follows from the alert: after a kill it is put there again, not once more. */
static int enqueue_alone(const struct queue *q, const struct service *s, const char *service_file,
			 const json_t *alert, struct err *e)
{
	const char *const title = str(alert, "name") ? str(alert, "name") : "";
	const char *const starts = str(alert, "starts") ? str(alert, "starts") : "";
	const char *const once[] = { s->name, str(alert, "kind"), title, starts, NULL };
	struct incident i = { 0 };
	const struct queue_report r = { .service = s->name,
					.service_file = service_file,
					.incident = &i };
	AUTO_JSON json_t *v = NULL;
	struct err why = ERR_INIT;
	char hex[SHA256_HEX], name[64];
	int k;

	fingerprint_of(s->name, alert, hex);
	v = json_pack("{s:s,s:o,s:s,s:s,s:o,s:i,s:s*,s:s*,s:[O],s:{s:s},s:[],s:[{s:s,s:s}]}",
		      "schema", "sickbay.incident/1", "id",
		      json_sprintf("%.50s-%.8s", s->name, hex), "service", s->name, "kind",
		      str(alert, "kind"), "fingerprint", json_sprintf("sha256:%s", hex), "count", 1,
		      "first_seen", str(alert, "starts"), "last_seen", str(alert, "starts"),
		      "metrics", alert, "source", "format", "alertmanager", "chain", "loss", "at",
		      "chain", "why",
		      "an alert has no stack, and no report of the service came at its time");
	if (!v)
		return err_set(e, ENOMEM, "out of memory");
	k = incident_read(v, &i, &why);
	if (k == -ENOMEM)
		return err_set(e, ENOMEM, "out of memory");
	if (k < 0) { /* as its sender made it: no reason to take nothing more in */
		log_warn("an alert of '%s' is left out: %s", s->name, why.msg);
		return 0;
	}
	digest_of(once, hex);
	(void)snprintf(name, sizeof(name), "a%.40s.json", hex);
	k = queue_enqueue_as(q, &r, name, e);
	incident_release(&i);
	return k;
}

static int note(const struct queue *q, const char *service, const json_t *alert, bool firing,
		struct err *e)
{
	json_t *what;

	if (!q->audit)
		return 0;
	what = json_pack("{s:s,s:s*,s:s}", "service", service, "name", str(alert, "name"), "kind",
			 str(alert, "kind"));
	return firing ? audit_note(q->audit, "intake.alert", what, e)
		      : audit_note(q->audit, "intake.resolved", what, e);
}

int alert_take(const struct queue *q, const struct service *s, const char *service_file,
	       const json_t *alert, struct err *e)
{
	AUTO_CLOSE int at = spool_dir(q->state, ALERTS_DIR, e);
	const bool firing = strcmp(str(alert, "status"), "firing") == 0;
	const uint64_t starts = time_of(str(alert, "starts"), q->now_ns);
	AUTO_JSON json_t *record = json_deep_copy(alert);
	AUTO_JSON json_t *before = NULL;
	struct err none = ERR_INIT;
	char name[128], now[CLOCK_RFC3339];
	bool joined = false;

	if (at < 0 || !record)
		return at < 0 ? at : err_set(e, ENOMEM, "out of memory");
	file_of(s->name, alert, name);
	if (spool_read(at, name, ALERT_SCHEMA, &before, &none) < 0 && none.code != ENOENT)
		return err_set(e, none.code, "%s", none.msg);
	clock_rfc3339(q->now_ns, now);
	(void)json_object_set_new(record, "schema", json_string(ALERT_SCHEMA));
	(void)json_object_set_new(record, "service", json_string(s->name));
	if (!firing && !str(alert, "ends"))
		(void)json_object_set_new(record, "ends", json_string(now));
	if (note(q, s->name, alert, firing, e) < 0)
		return -e->code;
	/* repeated while it fires: one incident.  The record is last: a kill before it does all
	 * again */
	if (!firing) {
		if (mark(q, s->name, alert, str(record, "ends"), e) < 0)
			return -e->code;
	} else if (!before || str(before, "ends")) {
		if (before && mark(q, s->name, alert, NULL, e) < 0)
			return -e->code;
		if (is_joined(q, s->name, starts, &joined, e) < 0)
			return -e->code;
		if (!joined && enqueue_alone(q, s, service_file, alert, e) < 0)
			return -e->code;
	}
	return spool_write(at, name, json_incref(record), e);
}
