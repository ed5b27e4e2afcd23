/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/base/jmap.h"
#include "runtime/decode/reports.h"

/*
 * OTLP's messages in protobuf's wire format (the encoding document of Protocol
 * Buffers; opentelemetry/proto: trace, logs, common, resource), to the tree that
 * their JSON mapping would be.  One table a message; fields that no table names
 * are skipped by their wire type.
 */
enum field_kind { F_MESSAGE, F_MESSAGES, F_STRING, F_HEX, F_BOOL, F_INT, F_DOUBLE, F_TIME };

struct field {
	unsigned number;
	const char *name; /* NULL: the table's end */
	enum field_kind kind;
	const struct field *sub;
};

#define DEPTH_MAX 24
#define NODES_MAX 400000

static const struct field any_value[8], key_value[3];
static const struct field array_value[] = { { 1, "values", F_MESSAGES, any_value }, { 0 } };
static const struct field list_value[] = { { 1, "values", F_MESSAGES, key_value }, { 0 } };
static const struct field any_value[8] = {
	{ 1, "stringValue", F_STRING, NULL },
	{ 2, "boolValue", F_BOOL, NULL },
	{ 3, "intValue", F_INT, NULL },
	{ 4, "doubleValue", F_DOUBLE, NULL },
	{ 5, "arrayValue", F_MESSAGE, array_value },
	{ 6, "kvlistValue", F_MESSAGE, list_value },
	{ 7, "bytesValue", F_HEX, NULL },
	{ 0 },
};
static const struct field key_value[3] = {
	{ 1, "key", F_STRING, NULL },
	{ 2, "value", F_MESSAGE, any_value },
	{ 0 },
};
static const struct field resource[] = { { 1, "attributes", F_MESSAGES, key_value }, { 0 } };
static const struct field span_event[] = {
	{ 1, "timeUnixNano", F_TIME, NULL },
	{ 2, "name", F_STRING, NULL },
	{ 3, "attributes", F_MESSAGES, key_value },
	{ 0 },
};
static const struct field span[] = {
	{ 1, "traceId", F_HEX, NULL },
	{ 2, "spanId", F_HEX, NULL },
	{ 5, "name", F_STRING, NULL },
	{ 7, "startTimeUnixNano", F_TIME, NULL },
	{ 8, "endTimeUnixNano", F_TIME, NULL },
	{ 9, "attributes", F_MESSAGES, key_value },
	{ 11, "events", F_MESSAGES, span_event },
	{ 0 },
};
static const struct field scope_spans[] = { { 2, "spans", F_MESSAGES, span }, { 0 } };
static const struct field resource_spans[] = {
	{ 1, "resource", F_MESSAGE, resource },
	{ 2, "scopeSpans", F_MESSAGES, scope_spans },
	{ 0 },
};
static const struct field traces[] = { { 1, "resourceSpans", F_MESSAGES, resource_spans }, { 0 } };
static const struct field log_record[] = {
	{ 1, "timeUnixNano", F_TIME, NULL },
	{ 3, "severityText", F_STRING, NULL },
	{ 5, "body", F_MESSAGE, any_value },
	{ 6, "attributes", F_MESSAGES, key_value },
	{ 9, "traceId", F_HEX, NULL },
	{ 10, "spanId", F_HEX, NULL },
	{ 11, "observedTimeUnixNano", F_TIME, NULL },
	{ 0 },
};
static const struct field scope_logs[] = { { 2, "logRecords", F_MESSAGES, log_record }, { 0 } };
static const struct field resource_logs[] = {
	{ 1, "resource", F_MESSAGE, resource },
	{ 2, "scopeLogs", F_MESSAGES, scope_logs },
	{ 0 },
};
static const struct field logs_request[] = {
	{ 1, "resourceLogs", F_MESSAGES, resource_logs },
	{ 0 },
};

struct wire {
	const uint8_t *p, *end;
	size_t nodes; /* made so far */
};

static int varint(struct wire *w, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && w->p < w->end; shift += 7) {
		const uint8_t b = *w->p++;

		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*out = v;
			return 0;
		}
	}
	return -1;
}

static int fixed(struct wire *w, size_t n, uint64_t *out)
{
	*out = 0;
	if ((size_t)(w->end - w->p) < n)
		return -1;
	for (size_t i = 0; i < n; i++)
		*out |= (uint64_t)w->p[i] << (8 * i);
	w->p += n;
	return 0;
}

static int bytes(struct wire *w, struct wire *out)
{
	uint64_t n;

	if (varint(w, &n) < 0 || n > (uint64_t)(w->end - w->p))
		return -1;
	*out = (struct wire){ .p = w->p, .end = w->p + n };
	w->p += n;
	return 0;
}

static json_t *hex(const struct wire *v)
{
	AUTO_BUF struct buf b = BUF_INIT(512);

	for (const uint8_t *p = v->p; p < v->end && b.n < 256; p++)
		buf_printf(&b, "%02x", *p);
	return json_string(b.p ? b.p : "");
}

/* Text that is not UTF-8 is no string of the format: its ASCII is kept. */
static json_t *text(const struct wire *v)
{
	AUTO_BUF struct buf ascii = BUF_INIT(1u << 20);
	json_t *s = json_stringn((const char *)v->p, (size_t)(v->end - v->p));

	if (s)
		return s;
	for (const uint8_t *p = v->p; p < v->end; p++)
		if (*p >= 0x20 && *p < 0x7f)
			buf_putc(&ascii, (char)*p);
	return json_stringn(ascii.p ? ascii.p : "", ascii.n);
}

static json_t *message(struct wire *w, const struct field *table, int depth);

static json_t *number_of(struct wire *w, const struct field *f)
{
	uint64_t n;

	if (varint(w, &n) < 0)
		return NULL;
	if (f->kind == F_BOOL)
		return json_boolean(n != 0);
	return f->kind == F_INT ? json_integer((json_int_t)n) : NULL;
}

static json_t *fixed_of(struct wire *w, const struct field *f)
{
	char number[32];
	uint64_t n;
	double d;

	if (fixed(w, 8, &n) < 0)
		return NULL;
	if (f->kind == F_DOUBLE) {
		memcpy(&d, &n, sizeof(d));
		return json_real(d);
	}
	(void)snprintf(number, sizeof(number), "%" PRIu64, n);
	return f->kind == F_TIME ? json_string(number) : NULL;
}

static json_t *bytes_of(struct wire *w, const struct field *f, int depth)
{
	struct wire sub;
	json_t *v;

	if (bytes(w, &sub) < 0)
		return NULL;
	if (f->kind == F_STRING)
		return text(&sub);
	if (f->kind == F_HEX)
		return hex(&sub);
	if (!f->sub)
		return NULL;
	sub.nodes = w->nodes;
	v = message(&sub, f->sub, depth + 1);
	w->nodes = sub.nodes;
	return v;
}

/* NULL: not what the table says. */
static json_t *value_of(struct wire *w, const struct field *f, unsigned type, int depth)
{
	switch (type) {
	case 0:
		return number_of(w, f);
	case 1:
		return fixed_of(w, f);
	case 2:
		return bytes_of(w, f, depth);
	default:
		return NULL;
	}
}

static int skip(struct wire *w, unsigned type)
{
	struct wire sub;
	uint64_t n;

	switch (type) {
	case 0:
		return varint(w, &n);
	case 1:
		return fixed(w, 8, &n);
	case 2:
		return bytes(w, &sub);
	case 5:
		return fixed(w, 4, &n);
	default: /* groups are of no message that is read here */
		return -1;
	}
}

static int put(json_t *to, const struct field *f, json_t *v)
{
	json_t *list;

	if (!v)
		return -1;
	if (f->kind != F_MESSAGES)
		return json_object_set_new(to, f->name, v);
	list = json_object_get(to, f->name);
	if (!list) {
		list = json_array();
		if (json_object_set_new(to, f->name, list) < 0) {
			json_decref(v);
			return -1;
		}
	}
	return json_array_append_new(list, v);
}

static json_t *message(struct wire *w, const struct field *table, int depth)
{
	AUTO_JSON json_t *out = json_object();

	if (depth > DEPTH_MAX || !out)
		return NULL;
	while (w->p < w->end) {
		const struct field *f = table;
		uint64_t tag;

		if (varint(w, &tag) < 0 || ++w->nodes > NODES_MAX)
			return NULL;
		while (f->name && f->number != tag >> 3)
			f++;
		if (!f->name ? skip(w, tag & 7) < 0
			     : put(out, f, value_of(w, f, tag & 7, depth)) < 0)
			return NULL;
	}
	return json_incref(out);
}

int otlp_from_protobuf(const struct source *in, bool logs, json_t **out, struct err *e)
{
	const uint8_t *const p = (const uint8_t *)in->text;
	struct wire w = { .p = p, .end = p + in->n };

	*out = message(&w, logs ? logs_request : traces, 0);
	if (*out)
		return 0;
	return err_set(e, EBADMSG, "%s: byte %zu: not an export request in protobuf", in->name,
		       (size_t)(w.p - p));
}
