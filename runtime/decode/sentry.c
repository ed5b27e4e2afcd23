/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "runtime/base/buf.h"
#include "runtime/base/clock.h"
#include "runtime/base/jmap.h"
#include "runtime/decode/reports.h"
#include "runtime/decode/vars.h"

/*
 * Sentry's envelopes and events, as its SDKs send them (Sentry's developer
 * documentation: envelopes, event payloads).  An envelope is a header line, then
 * items: a header line each with "type" and perhaps "length", and the payload.
 * Frames are oldest first; exception values are cause first.
 */
#define ITEMS_MAX	100
#define BREADCRUMBS_MAX 50
#define META_DEPTH	16

static const char *str(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

/* ---- what was cut, as "_meta" says it ---- */

static void meta_leaf(struct trace *t, const char *at, const json_t *leaf)
{
	const json_t *len = json_object_get(leaf, "len");
	const json_t *rem = json_array_get(json_array_get(json_object_get(leaf, "rem"), 0), 0);
	const char *why = json_string_value(rem);

	if (json_is_integer(len))
		trace_loss(t, at, "the reporter cut it: there were %lld", json_integer_value(len));
	else if (why)
		trace_loss(t, at, "the reporter removed it (%.80s)", why);
	else
		trace_loss(t, at, "the reporter changed it");
}

static void meta_walk(struct trace *t, const json_t *v, struct buf *at, int depth)
{
	const size_t n = at->n;
	const char *key;
	json_t *item;

	if (depth == META_DEPTH || !json_is_object(v))
		return;
	json_object_foreach((json_t *)(uintptr_t)v, key, item) {
		if (*key == '\0') {
			meta_leaf(t, n ? at->p : "event", item);
			continue;
		}
		buf_printf(at, "%s%s", n ? "." : "", key);
		if (!at->failed)
			meta_walk(t, item, at, depth + 1);
		at->n = n;
		at->failed = 0;
		if (at->p)
			at->p[n] = '\0';
	}
}

/* ---- exceptions ---- */

static unsigned long positive(const json_t *v)
{
	const json_int_t n = json_integer_value(v);

	return n > 0 && n < 1000000000 ? (unsigned long)n : 0;
}

static const char *frame_file(const json_t *f)
{
	const char *file = str(f, "abs_path");

	if (!file || !*file)
		file = str(f, "filename");
	if (file && strncmp(file, "file://", 7) == 0)
		file += 7;
	return file && *file ? file : NULL;
}

/* "_meta" has the event's shape, with elements by their number. */
static const json_t *meta_at(const json_t *meta, size_t i)
{
	char name[24];

	(void)snprintf(name, sizeof(name), "%zu", i);
	return json_object_get(meta, name);
}

struct event {
	const json_t *root;
	enum vars_form form;
};

static void vars_read(struct trace *t, const struct event *ev, const json_t *meta, const json_t *f,
		      json_t *to)
{
	const json_t *vars = json_object_get(f, "vars");
	json_t *values = NULL, *lost = NULL;
	struct err none = ERR_INIT;

	if (!json_object_size(vars))
		return;
	if (vars_typed(vars, ev->form, json_object_get(meta, "vars"), &values, &lost, &none) < 0 ||
	    json_object_set_new(to, "vars", values) < 0 ||
	    (lost && json_object_set_new(to, "vars_lost", lost) < 0))
		t->failed = true;
}

static void frame_read(struct trace *t, const struct event *ev, const json_t *meta, json_t *x,
		       const json_t *f)
{
	const char *const file = frame_file(f), *const function = str(f, "function");
	const struct place p = { .file = file,
				 .function = function,
				 .file_len = file ? strlen(file) : 0,
				 .function_len = function ? strlen(function) : 0,
				 .line = positive(json_object_get(f, "lineno")),
				 .column = positive(json_object_get(f, "colno")) };
	json_t *frames = json_object_get(x, "frames");
	const size_t before = json_array_size(frames);

	trace_frame(t, x, &p);
	if (json_array_size(frames) > before)
		vars_read(t, ev, meta, f, json_array_get(frames, before));
}

static void exception_read(struct trace *t, const struct event *ev, size_t n, const json_t *v)
{
	const char *type = str(v, "type"), *value = str(v, "value");
	const json_t *frames = json_object_get(json_object_get(v, "stacktrace"), "frames");
	const json_t *meta = json_object_get(
		json_object_get(json_object_get(ev->root, "_meta"), "exception"), "values");
	json_t *x;

	meta = json_object_get(json_object_get(meta_at(meta, n), "stacktrace"), "frames");
	type = type && *type ? type : "Error";
	x = trace_exception(t, type, strlen(type), value ? value : "");
	if (x && json_array_size(frames) == 0)
		trace_loss(t, "frames", "the event has no stack for %.80s", type);
	for (size_t i = json_array_size(frames); x && i-- > 0;)
		frame_read(t, ev, meta_at(meta, i), x, json_array_get(frames, i));
}

/* ---- the rest of an event ---- */

static json_t *time_of(const json_t *v)
{
	char out[CLOCK_RFC3339];
	uint64_t ns;

	if (json_is_string(v) && clock_parse_rfc3339(json_string_value(v), &ns) == 0)
		return json_incref((json_t *)(uintptr_t)v);
	if (!json_is_number(v) || json_number_value(v) < 0 || json_number_value(v) > 4e9)
		return NULL;
	clock_rfc3339((uint64_t)(json_number_value(v) * 1e6) * 1000, out);
	return json_string(out);
}

static json_t *event_facts(const json_t *ev)
{
	static const char *const same[] = { "release", "environment", "transaction",
					    "server_name" };
	json_t *facts = json_object(), *time = time_of(json_object_get(ev, "timestamp"));

	if (facts && time)
		(void)json_object_set(facts, "time", time);
	json_decref(time);
	for (size_t i = 0; facts && i < sizeof(same) / sizeof(same[0]); i++)
		if (str(ev, same[i]))
			(void)json_object_set(facts, same[i], json_object_get(ev, same[i]));
	return facts;
}

static void runtime_read(struct trace *t, const json_t *ev)
{
	static const char *const languages[][2] = { { "node", "javascript" },
						    { "javascript", "javascript" },
						    { "python", "python" },
						    { "native", "c" } };
	const json_t *rt = json_object_get(json_object_get(ev, "contexts"), "runtime");
	const char *platform = str(ev, "platform"), *version = str(rt, "version");

	for (size_t i = 0; platform && i < sizeof(languages) / sizeof(languages[0]); i++)
		if (strcmp(platform, languages[i][0]) == 0)
			(void)json_object_set_new(t->runtime, "language",
						  json_string(languages[i][1]));
	if (version)
		(void)json_object_set_new(t->runtime, "version", json_string(version));
}

static bool says_json(const json_t *headers)
{
	const char *key;
	json_t *v;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)headers, key, v)
		if (strcasecmp(key, "content-type") == 0 && json_is_string(v))
			return strncasecmp(json_string_value(v), "application/json", 16) == 0;
	json_array_foreach(headers, i, v) {
		const char *name = json_string_value(json_array_get(v, 0));
		const char *value = json_string_value(json_array_get(v, 1));

		if (name && value && strcasecmp(name, "content-type") == 0)
			return strncasecmp(value, "application/json", 16) == 0;
	}
	return false;
}

/* Some SDKs send a body as its text. */
static void read_body(json_t *http)
{
	const char *text = json_string_value(json_object_get(http, "body"));
	const struct source in = { .name = "body" };
	AUTO_JSON json_t *own = NULL;
	struct err why = ERR_INIT;

	if (text && says_json(json_object_get(http, "headers")) &&
	    payload_json(&in, text, strlen(text), &own, &why) == 0)
		(void)json_object_set(http, "body", own);
}

/* Method, URL, query, headers and body; an SDK has taken out what it holds for secret. */
static json_t *http_of(const json_t *ev)
{
	static const char *const names[][2] = { { "method", "method" },
						{ "url", "url" },
						{ "query_string", "query" },
						{ "headers", "headers" },
						{ "data", "body" } };
	const json_t *rq = json_object_get(ev, "request");
	json_t *http = json_object();

	for (size_t i = 0; http && i < sizeof(names) / sizeof(names[0]); i++) {
		json_t *v = json_object_get(rq, names[i][0]);

		if (v && !json_is_null(v))
			(void)json_object_set(http, names[i][1], v);
	}
	read_body(http);
	if (json_object_size(http))
		return http;
	json_decref(http);
	return NULL;
}

static json_t *breadcrumbs_of(const json_t *ev, struct trace *t)
{
	const json_t *all = json_object_get(ev, "breadcrumbs");
	const json_t *v = json_is_array(all) ? all : json_object_get(all, "values");
	const size_t n = json_array_size(v), skip = n > BREADCRUMBS_MAX ? n - BREADCRUMBS_MAX : 0;
	json_t *out = n ? json_array() : NULL;

	if (skip)
		trace_loss(t, "breadcrumbs", "the first %zu of %zu are left out", skip, n);
	for (size_t i = skip; out && i < n; i++)
		(void)json_array_append(out, json_array_get(v, i));
	return out;
}

static json_t *more_of(const json_t *ev, struct trace *t)
{
	json_t *more = json_pack("{s:s}", "format", "sentry");
	json_t *http = http_of(ev), *crumbs = breadcrumbs_of(ev, t);

	if (more && str(ev, "event_id"))
		(void)json_object_set(more, "id", json_object_get(ev, "event_id"));
	if (more && http)
		(void)json_object_set_new(more, "input", json_pack("{s:O}", "http", http));
	if (more && crumbs)
		(void)json_object_set(more, "breadcrumbs", crumbs);
	/* set by the service: scope.setContext("sickbay", { call: {...} }) or in "extra" */
	payload_call(more,
		     json_object_get(json_object_get(json_object_get(ev, "contexts"), "sickbay"),
				     "call"));
	payload_call(more, json_object_get(json_object_get(ev, "extra"), "sickbay.call"));
	json_decref(http);
	json_decref(crumbs);
	return more;
}

static int event_read(const json_t *ev, struct findings *out, struct err *e)
{
	const json_t *x = json_object_get(ev, "exception");
	const json_t *values = json_is_array(x) ? x : json_object_get(x, "values");
	const char *platform = str(ev, "platform");
	const struct event event = { ev, platform && strcmp(platform, "python") == 0
						 ? VARS_REPR
						 : VARS_INSPECTOR };
	AUTO_BUF struct buf at = BUF_INIT(512);
	AUTO_TRACE struct trace t = { 0 };

	if (json_array_size(values) == 0) {
		findings_ignore(out, "event without exception");
		return 0;
	}
	if (trace_init(&t, e) < 0)
		return -e->code;
	for (size_t i = 0; i < json_array_size(values); i++)
		exception_read(&t, &event, i, json_array_get(values, i));
	runtime_read(&t, ev);
	meta_walk(&t, json_object_get(ev, "_meta"), &at, 0);
	return findings_report(out, &t, event_facts(ev), more_of(ev, &t), e);
}

int sentry_event(const struct source *in, struct findings *out, struct err *e)
{
	AUTO_JSON json_t *ev = NULL;

	if (payload_json(in, in->text, in->n, &ev, e) < 0)
		return -e->code;
	if (!json_is_object(ev))
		return source_error(e, in, 1, 1, "an event is an object");
	return event_read(ev, out, e);
}

/* ---- envelopes ---- */

static size_t line_end(const struct source *in, size_t at)
{
	const char *nl = at < in->n ? memchr(in->text + at, '\n', in->n - at) : NULL;

	return nl ? (size_t)(nl - in->text) : in->n;
}

/* One item: its header and payload; *at moves past it. */
static int item_read(const struct source *in, size_t *at, struct findings *out, struct err *e)
{
	const size_t head_end = line_end(in, *at);
	AUTO_JSON json_t *head = NULL;
	struct source item = { .name = in->name, .options = in->options };
	const json_t *length;
	const char *type;
	size_t body = head_end + 1, n;

	if (payload_json(in, in->text + *at, head_end - *at, &head, e) < 0)
		return err_wrap(e, "the header of an item");
	type = str(head, "type");
	length = json_object_get(head, "length");
	if (!type)
		return source_error(e, in, 1, 1, "an item of the envelope has no type");
	if (body > in->n)
		body = in->n;
	n = json_is_integer(length) ? (size_t)json_integer_value(length)
				    : line_end(in, body) - body;
	if (json_integer_value(length) < 0 || n > in->n - body)
		return source_error(e, in, 1, 1, "the item '%.40s' is cut short", type);
	*at = body + n;
	if (*at < in->n && in->text[*at] == '\n')
		++*at;
	if (strcmp(type, "event") != 0) {
		findings_ignore(out, strlen(type) < 40 ? type : "item with a long type");
		return 0;
	}
	item.text = in->text + body;
	item.n = n;
	return sentry_event(&item, out, e);
}

int sentry_envelope(const struct source *in, struct findings *out, struct err *e)
{
	size_t at = line_end(in, 0);
	AUTO_JSON json_t *head = NULL;
	size_t items = 0;
	int r = payload_json(in, in->text, at, &head, e);

	if (r < 0)
		return err_wrap(e, "the envelope's header");
	for (at++; r == 0 && at < in->n;) {
		if (in->text[at] == '\n') {
			at++;
			continue;
		}
		if (++items > ITEMS_MAX)
			return source_error(e, in, 1, 1, "more than %d items", ITEMS_MAX);
		r = item_read(in, &at, out, e);
	}
	return r;
}
