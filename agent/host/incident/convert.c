/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/incident/convert.h"

#include <fcntl.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/sha256.h"

#define REPORT_MAX (16u << 20)

static const enum decode_format formats[] = { DECODE_NODE, DECODE_PYTHON, DECODE_SANITIZER };

int convert_format(const char *name, enum decode_format *out, struct err *e)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(decode_format_name(formats[i]), name) == 0) {
			*out = formats[i];
			return 0;
		}
	}
	return err_set(e, EINVAL,
		       "'%s' is not a report format; want node, python, sanitizer or core", name);
}

static int out_of_memory(struct err *e)
{
	return err_set(e, ENOMEM, "convert: out of memory");
}

/* One of the operator's JSON files beside the report; *out stays NULL without a path. */
static int side_file(const char *path, json_t **out, struct err *e)
{
	AUTO_CLOSE int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : -1;

	if (!path)
		return 0;
	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	return decode_value(DECODE_JSON, fd, path, NULL, out, e);
}

/* Sets obj[name] unless there is one already; steals v, which may be NULL. */
static int put(json_t *obj, const char *name, json_t *v)
{
	if (!v)
		return 0;
	if (json_object_get(obj, name)) {
		json_decref(v);
		return 0;
	}
	return json_object_set_new(obj, name, v);
}

static int put_raw(json_t *inc, const struct buf *text)
{
	uint8_t digest[SHA256_LEN];
	char hex[SHA256_HEX];

	sha256_of(text->p ? text->p : "", text->n, digest);
	sha256_hex(digest, hex);
	return put(
		inc, "raw",
		json_pack("{s:s+, s:I}", "digest", "sha256:", hex, "bytes", (json_int_t)text->n));
}

/* The name of a service as an incident may carry it: what is not allowed becomes '-'. */
static json_t *service_name(const char *s)
{
	static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char fine[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	char name[64];
	size_t n = 0;

	for (; s && *s && n < 48; s++) {
		const char *big = strchr(upper, *s);

		if (big)
			name[n++] = fine[big - upper];
		else if (strchr(fine, *s))
			name[n++] = *s;
		else if (n && name[n - 1] != '-')
			name[n++] = '-';
	}
	while (n && name[n - 1] == '-')
		n--;
	return n ? json_stringn(name, n) : json_string("service");
}

static bool is_crash(const json_t *report)
{
	const json_t *x = json_array_get(json_object_get(report, "chain"), 0);
	const char *type = json_string_value(json_object_get(x, "type"));

	return type && (strstr(type, "Sanitizer") || strncmp(type, "SIG", 3) == 0 ||
			strcmp(type, "Abort") == 0 || strcmp(type, "Assertion") == 0);
}

static int put_times(json_t *inc, const json_t *event)
{
	json_t *time = json_object_get(event, "time");
	uint64_t ns;

	if (!time || clock_parse_rfc3339(json_string_value(time), &ns) < 0)
		return 0;
	return put(inc, "first_seen", json_incref(time)) | put(inc, "last_seen", json_incref(time));
}

/* What the report itself says. */
static int put_report(json_t *inc, const struct convert *c, const json_t *report)
{
	static const char *const same[][2] = {
		{ "chain", "chain" },	  { "loss", "loss" },	  { "runtime", "runtime" },
		{ "threads", "context" }, { "signal", "signal" }, { "breadcrumbs", "breadcrumbs" }
	};
	const json_t *event = json_object_get(report, "event");
	const char *format = json_string_value(json_object_get(report, "format"));
	int r = put_times(inc, event);

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		json_t *v = json_object_get(report, same[i][1]);

		if (json_array_size(v) || json_object_size(v))
			r |= put(inc, same[i][0], json_incref(v));
	}
	r |= put(inc, "schema", json_string("sickbay.incident/1"));
	r |= put(inc, "id", json_string("new"));
	r |= put(inc, "service",
		 service_name(c->service ? c->service
					 : json_string_value(json_object_get(event, "service"))));
	r |= put(inc, "kind", json_string(is_crash(report) ? "crash" : "exception"));
	r |= put(inc, "count", json_integer(1));
	r |= put(inc, "source",
		 json_pack("{s:s,s:O*,s:O*}", "format",
			   format ? format : decode_format_name(c->from), "id",
			   json_object_get(report, "id"), "trace",
			   json_object_get(report, "trace")));
	r |= put(inc, "environment", json_incref(json_object_get(event, "environment")));
	return r;
}

/* The file of --input says what was put in; else the call that was logged with the error. */
static int put_input(json_t *inc, const struct convert *c, const json_t *report, struct err *e)
{
	json_t *call = json_array_get(json_object_get(report, "calls"), 0);
	json_t *input = NULL;

	if (side_file(c->input, &input, e) < 0)
		return -e->code;
	if (!input && call)
		input = json_pack("{s:O}", "call", call);
	else if (!input)
		input = json_incref(json_object_get(report, "input"));
	return put(inc, "input", input) < 0 ? out_of_memory(e) : 0;
}

static int put_deploy(json_t *inc, const struct convert *c, const json_t *report, struct err *e)
{
	const json_t *event = json_object_get(report, "event");
	AUTO_JSON json_t *deploy = NULL;
	int r = 0;

	if (side_file(c->deploy, &deploy, e) < 0)
		return -e->code;
	if (deploy && !json_is_object(deploy))
		return err_set(e, EINVAL,
			       "%s:1:1: want an object with commit, previous, release, "
			       "image, time, known",
			       c->deploy);
	if (!deploy)
		deploy = json_object();
	if (!deploy)
		return out_of_memory(e);
	r |= put(deploy, "release", json_incref(json_object_get(event, "release")));
	r |= put(deploy, "image", json_incref(json_object_get(event, "image")));
	if (json_object_get(deploy, "commit"))
		r |= put(deploy, "known", json_string("stated with the report"));
	r |= put(inc, "deploy", json_incref(deploy));
	return r < 0 ? out_of_memory(e) : 0;
}

static int put_metrics(json_t *inc, const struct convert *c, struct err *e)
{
	json_t *metrics = NULL;

	if (side_file(c->metrics, &metrics, e) < 0)
		return -e->code;
	if (json_is_object(metrics)) {
		json_t *list = json_pack("[o]", metrics);

		if (!list)
			return out_of_memory(e);
		metrics = list;
	}
	return put(inc, "metrics", metrics) < 0 ? out_of_memory(e) : 0;
}

static int replace(char **s, const char *with, struct err *e)
{
	char *new = strdup(with);

	if (!new)
		return out_of_memory(e);
	free(*s);
	*s = new;
	return 0;
}

int incident_finish(const struct convert *c, struct incident *i, struct err *e)
{
	char print[72], id[64];

	if (incident_resolve(i, &c->paths, e) < 0)
		return -e->code;
	incident_fingerprint(i, print);
	(void)snprintf(id, sizeof(id), "%.50s-%.8s", i->service, print + strlen("sha256:"));
	return replace(&i->fingerprint, print, e) < 0 || replace(&i->id, id, e) < 0 ? -e->code : 0;
}

static int build(const struct convert *c, const json_t *report, const struct buf *raw,
		 struct incident *out, struct err *e)
{
	AUTO_JSON json_t *inc = json_object();

	if (!inc || put_report(inc, c, report) < 0 || (raw && put_raw(inc, raw) < 0))
		return out_of_memory(e);
	if (put_input(inc, c, report, e) < 0 || put_deploy(inc, c, report, e) < 0 ||
	    put_metrics(inc, c, e) < 0)
		return -e->code;
	return incident_read(inc, out, e) < 0 ? err_wrap(e, "%s", c->report_name) : 0;
}

int incident_from_report(const struct convert *c, const json_t *report, struct incident *out,
			 struct err *e)
{
	return build(c, report, NULL, out, e);
}

int incident_convert(const struct convert *c, struct incident *out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(REPORT_MAX);
	AUTO_JSON json_t *report = NULL;
	struct incident i = { 0 };

	if (fd_read_all(c->report, REPORT_MAX, c->report_name, &text, e) < 0 ||
	    decode_text(c->from, text.p ? text.p : "", text.n, c->report_name, NULL, &report, e) <
		    0)
		return -e->code;
	if (c->keep)
		buf_put(c->keep, text.p, text.n);
	if (build(c, report, &text, &i, e) < 0)
		return -e->code;
	if (incident_finish(c, &i, e) < 0) {
		incident_release(&i);
		return -e->code;
	}
	*out = i;
	return 0;
}
