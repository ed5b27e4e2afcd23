/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/case/raw.h"
#include "agent/host/case/service_state.h"
#include "agent/host/incident/convert.h"
#include "agent/host/queue/alert.h"
#include "agent/host/queue/hook.h"
#include "agent/host/queue/intake_impl.h"
#include "agent/host/queue/rate.h"
#include "agent/host/queue/report.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/log.h"
#include "runtime/base/msg.h"
#include "runtime/proto/intake.h"

/*
 * Theory of operation.  A piece of the journal goes through one sickbay-decode;
 * its reports are resolved with their services' files and gathered by service
 * and fingerprint, so that a burst of one failure is one file of the spool with
 * a count.  The names of those files follow from the piece: a piece that is
 * taken in twice, after a kill, replaces itself.  What belongs to no service, or
 * is no report, is counted and said once.
 */
#define GATHERED_MAX 512 /* kinds of failure in one piece; more are put into the spool early */

struct gathered {
	const struct service_in *of;
	struct incident incident;
	uint64_t count;
};

struct service_in {
	char *name, *file;
	struct service service;
	bool missing;
};

struct piece {
	struct intake *i;
	struct segment *seg;
	uint64_t from, to;
	struct service_in *services;
	size_t n_services;
	struct gathered v[GATHERED_MAX];
	size_t n, written;
	uint64_t reached;
	bool stuck; /* the decoder did not get over what is at `reached` */
};

static void drop_gathered(struct piece *p)
{
	for (size_t k = 0; k < p->n; k++)
		incident_release(&p->v[k].incident);
	p->n = 0;
}

static void piece_release(struct piece *p)
{
	drop_gathered(p);
	for (size_t k = 0; k < p->n_services; k++) {
		service_release(&p->services[k].service);
		free(p->services[k].name);
		free(p->services[k].file);
	}
	free(p->services);
}

/* ---- services ---- */

static int load(struct service_in *s, const char *services, struct err *e)
{
	char path[4096], file[PATH_MAX];
	struct err why = ERR_INIT;

	if (service_file_named(services, s->name, path, &why) < 0 ||
	    service_load(path, &s->service, &why) < 0 || !realpath(path, file)) {
		s->missing = true;
		log_warn("reports of '%.60s' are left out: %s", s->name,
			 why.code ? why.msg : "no such service");
		return 0;
	}
	s->file = strdup(file);
	return s->file ? 0 : err_set(e, ENOMEM, "out of memory");
}

/* 1: *out is its file; 0: there is none. */
static int find_service(struct piece *p, const char *name, const struct service_in **out,
			struct err *e)
{
	struct service_in *v;

	for (size_t k = 0; k < p->n_services; k++)
		if (strcmp(p->services[k].name, name) == 0) {
			*out = &p->services[k];
			return !p->services[k].missing;
		}
	if (p->n_services == 256)
		return 0;
	v = p->services ? p->services : calloc(256, sizeof(*v)); /* others point into it */
	if (!v)
		return err_set(e, ENOMEM, "out of memory");
	p->services = v;
	v[p->n_services].name = strdup(name);
	if (!v[p->n_services].name)
		return err_set(e, ENOMEM, "out of memory");
	*out = &v[p->n_services++];
	if (load(&v[p->n_services - 1], p->i->q->config->services, e) < 0)
		return -e->code;
	return !v[p->n_services - 1].missing;
}

/* ---- into the spool ---- */

static int put_one(struct piece *p, struct gathered *g, struct err *e)
{
	const struct queue_report r = { .service = g->of->service.name,
					.service_file = g->of->file,
					.incident = &g->incident };
	struct queue q = *p->i->q;
	char name[96];

	q.now_ns = clock_real_ns();
	g->incident.count = g->count;
	(void)snprintf(name, sizeof(name), "j%012" PRIu64 "-%012" PRIu64 "-%04zu.json",
		       p->seg->number, p->from, p->written++);
	return queue_enqueue_as(&q, &r, name, e);
}

static int put_all(struct piece *p, struct err *e)
{
	for (size_t k = 0; k < p->n; k++)
		if (put_one(p, &p->v[k], e) < 0)
			return -e->code;
	drop_gathered(p);
	return 0;
}

/* The payload as it came, for the first report of its kind in a piece. */
static int keep_raw(const struct piece *p, const json_t *record, struct incident *i, struct err *e)
{
	const json_int_t n = json_integer_value(json_object_get(record, "bytes"));
	const json_int_t end = json_integer_value(json_object_get(record, "end"));
	AUTO_FREE char *payload = malloc(n > 0 ? (size_t)n : 1);
	struct raw_ref ref;

	if (!payload)
		return err_set(e, ENOMEM, "out of memory");
	if (n <= 0 || pread(p->seg->fd, payload, (size_t)n, (off_t)(end - n)) != (ssize_t)n)
		return err_sys(e, "read the journal again");
	if (raw_put(p->i->q->state, "report", i->id, payload, (size_t)n, &ref, e) < 0)
		return -e->code;
	json_decref(i->raw);
	i->raw = json_pack("{s:s,s:I}", "digest", ref.digest, "bytes", (json_int_t)ref.bytes);
	return i->raw ? 0 : err_set(e, ENOMEM, "out of memory");
}

/* One more of a kind: the report that tells most stands for all of them. */
static int add_to(struct piece *p, struct gathered *g, const json_t *record, struct incident *i,
		  struct err *e)
{
	const bool better = incident_tells(i) > incident_tells(&g->incident);
	struct incident other = better ? g->incident : *i;
	char *unused;

	g->count += i->count ? i->count : 1;
	if (better) {
		g->incident = *i;
		unused = g->incident.first_seen;
		g->incident.first_seen = take_ptr(other.first_seen);
	} else {
		unused = g->incident.last_seen;
		g->incident.last_seen = take_ptr(other.last_seen);
	}
	free(unused);
	incident_release(&other);
	return better ? keep_raw(p, record, &g->incident, e) : 0;
}

/* Takes the incident over, also on failure. */
static int gather(struct piece *p, const struct service_in *of, const json_t *record,
		  struct incident *i, struct err *e)
{
	struct gathered *g = p->v;

	for (size_t k = 0; k < p->n; k++, g++)
		if (g->of == of && strcmp(g->incident.fingerprint, i->fingerprint) == 0)
			return add_to(p, g, record, i, e);
	if (p->n == GATHERED_MAX && put_all(p, e) < 0) {
		incident_release(i);
		return -e->code;
	}
	g = &p->v[p->n++];
	*g = (struct gathered){ .of = of, .incident = *i, .count = i->count ? i->count : 1 };
	return keep_raw(p, record, &g->incident, e);
}

/* ---- one report ---- */

static const char *service_of(const struct piece *p, const json_t *record, const json_t *report)
{
	const struct intake_from *from = p->i->q->config->intake.sources.v;
	const size_t k = (size_t)json_integer_value(json_object_get(record, "source"));

	if (k < p->i->q->config->intake.sources.n && from[k].service)
		return from[k].service;
	if (json_object_get(report, "incident"))
		report = json_object_get(report, "incident");
	else if (json_object_get(report, "event"))
		report = json_object_get(report, "event");
	return json_string_value(json_object_get(report, "service"));
}

/* Mapped, with a fingerprint, and named by it. */
static int report_name(const struct service *s, struct incident *i, struct err *e)
{
	char *id = NULL;

	if (report_resolve(s, i, e) < 0)
		return -e->code;
	if (strcmp(i->id, "new") != 0)
		return 0;
	if (asprintf(&id, "%.50s-%.8s", s->name, i->fingerprint + strlen("sha256:")) < 0)
		return err_set(e, ENOMEM, "out of memory");
	free(i->id);
	i->id = id;
	return 0;
}

static int make_incident(const struct service *s, const json_t *report, struct incident *out,
			 struct err *e)
{
	const json_t *native = json_object_get(report, "incident");
	const struct convert c = { .report_name = "report", .service = s->name };
	const int r =
		native ? incident_read(native, out, e) : incident_from_report(&c, report, out, e);

	if (r < 0)
		return r;
	if (strcmp(out->service, s->name) != 0)
		return err_set(e, EINVAL, "it is of service '%.60s', its source is of '%s'",
			       out->service, s->name);
	return report_name(s, out, e);
}

/* What cannot be used is counted; only what is the host's fault ends the piece. */
static int take_report(struct piece *p, const json_t *record, const json_t *report, struct err *e)
{
	const char *name = service_of(p, record, report);
	const struct service_in *of = NULL;
	struct incident i = { 0 };
	struct err why = ERR_INIT;
	int r = name ? find_service(p, name, &of, e) : 0;

	if (r < 0)
		return r;
	if (r == 0) {
		p->i->counts.refused++;
		return 0;
	}
	if (make_incident(&of->service, report, &i, &why) < 0) {
		incident_release(&i);
		if (why.code == ENOMEM)
			return err_set(e, ENOMEM, "out of memory");
		log_warn("a report of '%s' is left out: %s", name, why.msg);
		p->i->counts.refused++;
		return 0;
	}
	p->i->counts.reports++;
	r = rate_count(p->i->q, of->service.name,
		       (uint64_t)json_integer_value(json_object_get(record, "received")),
		       i.count ? i.count : 1, e);
	if (r < 0) {
		incident_release(&i);
		return r;
	}
	return gather(p, of, record, &i, e);
}

static int take_alert(struct piece *p, const json_t *record, const json_t *alert, struct err *e)
{
	const char *name = service_of(p, record, alert);
	const struct service_in *of = NULL;
	struct queue q = *p->i->q;
	int r = name && json_is_string(json_object_get(alert, "status")) &&
				json_is_string(json_object_get(alert, "kind"))
			? find_service(p, name, &of, e)
			: 0;

	if (r <= 0) {
		p->i->counts.refused += r == 0;
		return r;
	}
	p->i->counts.alerts++;
	if (put_all(p, e) < 0) /* what came before it may be what it is about */
		return -e->code;
	q.now_ns = clock_real_ns();
	return alert_take(&q, &of->service, of->file, alert, e);
}

static int take_hook(struct piece *p, const json_t *record, const json_t *hook, struct err *e)
{
	const json_int_t place = json_integer_value(json_object_get(record, "source"));
	const char *kind = json_string_value(json_object_get(record, "kind"));
	char why[QUEUE_WHY] = "";
	const int r = hook_take(p->i->q, (size_t)place, kind ? kind : "", hook, why, e);

	if (r < 0)
		return r;
	p->i->counts.looks += r == 1;
	p->i->counts.ignored += r == 0;
	if (r == 0)
		log_info("a webhook (%s) is left out: %s", kind, why);
	return 0;
}

/* Names of what was left out are worth a line where somebody set up what sends it. */
static void say_ignored(const json_t *record, const char *name)
{
	const char *kind = json_string_value(json_object_get(record, "kind"));

	for (int k = INTAKE_GITHUB; kind && k <= INTAKE_GITEA; k++)
		if (strcmp(kind, intake_kind_words[k]) == 0)
			log_info("a webhook (%s) is left out: %s", kind, name);
}

/* What the decoder says of places in the journal goes on from where it was, within the piece. */
static bool lies_within(const struct piece *p, const json_t *record)
{
	const json_int_t end = json_integer_value(json_object_get(record, "end"));
	const json_int_t bytes = json_integer_value(json_object_get(record, "bytes"));

	return end > (json_int_t)p->reached && end <= (json_int_t)p->to && bytes > 0 &&
	       bytes <= end - (json_int_t)p->reached;
}

static int take_record(struct piece *p, const json_t *record, struct err *e)
{
	const json_t *reports = json_object_get(record, "reports");
	const json_t *alerts = json_object_get(record, "alerts");
	const json_t *hooks = json_object_get(record, "hooks");
	const char *error = json_string_value(json_object_get(record, "error"));
	const char *name;
	json_t *v;

	if (error) {
		p->i->counts.refused++;
		log_warn("a report (%s) is left out: %s",
			 json_string_value(json_object_get(record, "kind")), error);
	}
	for (size_t k = 0; k < json_array_size(reports); k++)
		if (take_report(p, record, json_array_get(reports, k), e) < 0)
			return -e->code;
	for (size_t k = 0; k < json_array_size(alerts); k++)
		if (take_alert(p, record, json_array_get(alerts, k), e) < 0)
			return -e->code;
	for (size_t k = 0; k < json_array_size(hooks); k++)
		if (take_hook(p, record, json_array_get(hooks, k), e) < 0)
			return -e->code;
	json_object_foreach(json_object_get(record, "ignored"), name, v) {
		p->i->counts.ignored += (uint64_t)json_integer_value(v);
		say_ignored(record, name);
	}
	p->reached = (uint64_t)json_integer_value(json_object_get(record, "end"));
	return 0;
}

/* ---- a piece ---- */

static int decode_piece(struct piece *p, struct err *e)
{
	AUTO_JSON json_t *options =
		json_pack("{s:I,s:I}", "from", (json_int_t)p->from, "to", (json_int_t)p->to);
	struct decode *d = NULL;
	int r;

	if (!options)
		return err_set(e, ENOMEM, "out of memory");
	r = decode_open(DECODE_REPORTS, p->seg->fd, "journal", options, &d, e);
	while (r >= 0) {
		AUTO_MSG struct msg m = MSG_INIT;

		r = decode_next(d, &m, e);
		if (r > 0 && !lies_within(p, m.body))
			r = err_set(e, EPROTO, "the decoder named a place that it was not given");
		p->stuck = r < 0;
		if (r <= 0)
			break;
		r = take_record(p, m.body, e);
	}
	decode_close(d);
	return r;
}

static int tell_backlog(struct intake *i, struct err *e)
{
	AUTO_JSON json_t *v = json_pack("{s:I}", "bytes", (json_int_t)i->counts.backlog);

	return v ? msg_send(i->sock, INTAKE_BACKLOG, v, NULL, 0, -1, e)
		 : err_set(e, ENOMEM, "out of memory");
}

/* What is damaged, cut short, or more than the decoder gets over is lost as far as `to`, and said.
 */
static int give_up(struct intake *i, struct segment *seg, uint64_t to, const char *why,
		   struct err *e)
{
	log_warn("the journal's segment %" PRIu64 " is left out from byte %" PRIu64 " to %" PRIu64
		 ": %s",
		 seg->number, seg->done, to, why);
	if (i->q->audit &&
	    audit_note(i->q->audit, "intake.lost",
		       json_pack("{s:I,s:I,s:I,s:s}", "segment", (json_int_t)seg->number, "from",
				 (json_int_t)seg->done, "to", (json_int_t)to, "why", why),
		       e) < 0)
		return -e->code;
	return journal_done(i, seg, to, e);
}

/*
 * One payload must not hold up all that come after it: what was read before it
 * is kept, then it is left out alone.  Without a record's header there is no
 * telling where the next one begins: the rest of a closed segment goes with it.
 */
static int get_past(struct piece *p, struct err *e)
{
	const struct err why = *e;
	uint64_t end = 0;
	int r;

	*e = (struct err)ERR_INIT;
	r = put_all(p, e);
	if (r == 0 && p->reached > p->from)
		return journal_done(p->i, p->seg, p->reached, e);
	if (r == 0)
		r = journal_record_end(p->seg, p->from, &end, e);
	if (r < 0)
		return r;
	if (r == 0 && !p->seg->closed) {
		*e = why;
		return -e->code;
	}
	p->reached = r ? end : p->to;
	p->i->counts.refused++;
	return give_up(p->i, p->seg, p->reached, why.msg, e);
}

static int digest(struct piece *p, struct err *e)
{
	int r = journal_piece(p->i, &p->seg, &p->from, &p->to, e);

	if (r <= 0)
		return r;
	p->reached = p->from;
	r = decode_piece(p, e);
	if (p->stuck) {
		r = get_past(p, e);
	} else if (r >= 0) {
		r = put_all(p, e);
		if (r == 0 && p->reached == p->from && p->seg->closed)
			r = give_up(p->i, p->seg, p->to, "its last record was cut short", e);
		else if (r == 0)
			r = journal_done(p->i, p->seg, p->reached, e);
	}
	return r < 0 ? r : p->reached > p->from;
}

int intake_digest(struct intake *i, struct err *e)
{
	AUTO_FREE struct piece *p = NULL;
	const struct intake_counts before = i->counts;
	int r;

	if (journal_extend(i, e) < 0)
		return -e->code;
	if (clock_mono_ns() < i->retry_ns)
		return 0;
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_set(e, ENOMEM, "out of memory");
	p->i = i;
	r = digest(p, e);
	piece_release(p);
	if (r < 0 && (e->code == ENOSPC || e->code == EDQUOT)) {
		log_warn("what came in waits in the journal: %s", e->msg);
		*e = (struct err)ERR_INIT;
		i->counts = before;
		i->retry_ns = clock_mono_ns() + JOURNAL_RETRY_NS;
		return 0;
	}
	if (r > 0 && tell_backlog(i, e) < 0)
		return -e->code;
	return r;
}
