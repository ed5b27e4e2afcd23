/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/base/clock.h"
#include "runtime/base/jmap.h"
#include "runtime/decode/reports.h"

/*
 * OpenTelemetry over HTTP: the span event named "exception", or a log record
 * with the attribute exception.type (OTLP 1.x; semantic conventions for
 * exceptions).  The stack is a string in the runtime's own form.  Nothing else
 * of a trace is an incident; it is counted.
 */
#define SPANS_MAX 100000

static const json_t *array_of(const json_t *o, const char *name)
{
	return json_object_get(o, name);
}

/* The string of an attribute; numbers and booleans are not one. */
static const char *attribute(const json_t *list, const char *name)
{
	size_t i;
	json_t *kv;

	json_array_foreach(list, i, kv) {
		const char *key = json_string_value(json_object_get(kv, "key"));

		if (key && strcmp(key, name) == 0)
			return json_string_value(
				json_object_get(json_object_get(kv, "value"), "stringValue"));
	}
	return NULL;
}

static const char *either(const json_t *list, const char *a, const char *b)
{
	const char *v = attribute(list, a);

	return v ? v : attribute(list, b);
}

static trace_reader *reader_of(const char *language, const char *stack)
{
	if (strstr(stack, "Traceback (most recent call last)"))
		return python_trace;
	if (strstr(stack, "AddressSanitizer") || strstr(stack, "runtime error:"))
		return sanitizer_trace;
	if (language && strcmp(language, "python") == 0)
		return python_trace;
	if (!language || strcmp(language, "nodejs") == 0 || strcmp(language, "webjs") == 0)
		return node_trace;
	return NULL;
}

/* What a stack in another language's form would be taken for is no frame of anything. */
static void no_frames(const char *stack, const char *language, struct trace *t)
{
	if (!stack)
		trace_loss(t, "frames", "the exception has no stack");
	else if (!reader_of(language, stack))
		trace_loss(t, "frames", "stacks of the language '%.40s' are not read", language);
	else
		trace_loss(t, "frames", "the stack is in a form that is not known here");
}

static int stack_read(const struct source *in, const json_t *attributes, const json_t *resource,
		      struct trace *t, struct err *e)
{
	const char *stack = attribute(attributes, "exception.stacktrace");
	const char *type = attribute(attributes, "exception.type");
	const char *message = attribute(attributes, "exception.message");
	const char *language = attribute(resource, "telemetry.sdk.language");
	AUTO_TEXT struct text text = { 0 };

	if (stack && reader_of(language, stack)) {
		if (text_read(in->name, stack, strlen(stack), &text, e) < 0)
			return -e->code;
		reader_of(language, stack)(&text, true, t);
	}
	if (json_array_size(t->chain) == 0) {
		(void)trace_exception(t, type ? type : "Error", strlen(type ? type : "Error"),
				      message ? message : "");
		no_frames(stack, language, t);
	}
	if (language)
		(void)json_object_set_new(
			t->runtime, "language",
			json_string(strcmp(language, "nodejs") == 0 ? "javascript" : language));
	if (attribute(resource, "process.runtime.version"))
		(void)json_object_set_new(
			t->runtime, "version",
			json_string(attribute(resource, "process.runtime.version")));
	return 0;
}

/* Nanoseconds as the string or number that JSON has. */
static void put_time(json_t *facts, const json_t *v)
{
	const char *s = json_string_value(v);
	char *end = NULL;
	const unsigned long long ns =
		s ? strtoull(s, &end, 10) : (unsigned long long)json_integer_value(v);
	char out[CLOCK_RFC3339];

	if (ns == 0 || (s && *end))
		return;
	clock_rfc3339(ns, out);
	(void)json_object_set_new(facts, "time", json_string(out));
}

static void put_text(json_t *to, const char *name, const char *v)
{
	if (v && *v)
		(void)json_object_set_new(to, name, json_string(v));
}

static json_t *facts_of(const json_t *resource, const json_t *time)
{
	json_t *facts = json_object();

	if (!facts)
		return NULL;
	put_time(facts, time);
	put_text(facts, "service", attribute(resource, "service.name"));
	put_text(facts, "release", attribute(resource, "service.version"));
	put_text(facts, "environment",
		 either(resource, "deployment.environment.name", "deployment.environment"));
	put_text(facts, "image", either(resource, "oci.manifest.digest", "container.image.id"));
	return facts;
}

static json_t *more_of(const json_t *span, const json_t *attributes)
{
	const json_t *a = array_of(span, "attributes");
	const char *call = attribute(attributes, "sickbay.call");
	const char *method = either(a, "http.request.method", "http.method");
	const char *url = either(a, "url.full", "http.url");
	json_t *more = json_pack("{s:s,s:s*,s:s*}", "format", "otlp", "id",
				 json_string_value(json_object_get(span, "spanId")), "trace",
				 json_string_value(json_object_get(span, "traceId")));
	json_t *http = json_object(), *text;

	put_text(http, "method", method);
	put_text(http, "url", url ? url : either(a, "url.path", "http.target"));
	put_text(http, "query", attribute(a, "url.query"));
	if (more && json_object_size(http))
		(void)json_object_set_new(more, "input", json_pack("{s:O}", "http", http));
	json_decref(http);
	/* set by the service on the event or the span */
	call = call ? call : attribute(a, "sickbay.call");
	text = call ? json_string(call) : NULL;
	payload_call(more, text);
	json_decref(text);
	return more;
}

struct place_in {
	const struct source *in;
	const json_t *resource;
	struct findings *out;
};

static int exception_read(const struct place_in *at, const json_t *attributes, const json_t *span,
			  const json_t *time, struct err *e)
{
	AUTO_TRACE struct trace t = { 0 };

	if (trace_init(&t, e) < 0 || stack_read(at->in, attributes, at->resource, &t, e) < 0)
		return -e->code;
	return findings_report(at->out, &t, facts_of(at->resource, time), more_of(span, attributes),
			       e);
}

static int span_read(const struct place_in *at, const json_t *span, struct err *e)
{
	bool any = false;
	size_t i;
	json_t *ev;

	json_array_foreach(array_of(span, "events"), i, ev) {
		const char *name = json_string_value(json_object_get(ev, "name"));

		if (!name || strcmp(name, "exception") != 0)
			continue;
		any = true;
		if (exception_read(at, array_of(ev, "attributes"), span,
				   json_object_get(ev, "timeUnixNano"), e) < 0)
			return -e->code;
	}
	if (!any)
		findings_ignore(at->out, "span without exception");
	return 0;
}

static int log_read(const struct place_in *at, const json_t *record, struct err *e)
{
	const json_t *a = array_of(record, "attributes");
	const json_t *time = json_object_get(record, "timeUnixNano");

	if (!attribute(a, "exception.type") && !attribute(a, "exception.stacktrace")) {
		findings_ignore(at->out, "log record without exception");
		return 0;
	}
	if (!time)
		time = json_object_get(record, "observedTimeUnixNano");
	return exception_read(at, a, record, time, e);
}

/* The spans or records of one scope. */
static int scope_read(const struct place_in *at, const json_t *list, bool logs, size_t *seen,
		      struct err *e)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item) {
		if (++*seen > SPANS_MAX)
			return source_error(e, at->in, 1, 1, "more than %d records", SPANS_MAX);
		if ((logs ? log_read : span_read)(at, item, e) < 0)
			return -e->code;
	}
	return 0;
}

static int resource_read(const struct place_in *at, const json_t *r, bool logs, size_t *seen,
			 struct err *e)
{
	size_t i;
	json_t *scope;

	json_array_foreach(array_of(r, logs ? "scopeLogs" : "scopeSpans"), i, scope)
		if (scope_read(at, array_of(scope, logs ? "logRecords" : "spans"), logs, seen, e) <
		    0)
			return -e->code;
	return 0;
}

int otlp_tree(const struct source *in, const json_t *root, bool logs, struct findings *out,
	      struct err *e)
{
	size_t i, seen = 0;
	json_t *r;

	if (!json_is_object(root))
		return source_error(e, in, 1, 1, "an export request is an object");
	json_array_foreach(array_of(root, logs ? "resourceLogs" : "resourceSpans"), i, r) {
		const struct place_in at = { in,
					     array_of(json_object_get(r, "resource"), "attributes"),
					     out };

		if (resource_read(&at, r, logs, &seen, e) < 0)
			return -e->code;
	}
	return 0;
}
