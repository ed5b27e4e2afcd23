/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/base/jmap.h"
#include "runtime/base/jsonc.h"
#include "runtime/decode/trace.h"

/*
 * A report is plain text with a trace in it, or a log of JSON lines in which
 * an instrumented service wrote one:
 *   {"time","level":"error","service","release","err":{"type","message","stack","cause"},
 *    "call":{"module","export","args":[...]}}
 * The first such line is the event; what else the log holds is left out.
 */
#define CAUSES_MAX 16

DEFINE_CLEANUP(struct jsonc, jsonc_free);
#define AUTO_JSONC CLEANUP(cleanup_jsonc_free)

static const char *member(const json_t *obj, const char *name)
{
	return json_string_value(json_object_get(obj, name));
}

/* The event: the whole text, or the first line that has an "err". NULL: none. */
static json_t *event_find(const struct text *t, const struct source *in, size_t *line, size_t *more)
{
	json_t *found = NULL;

	for (size_t i = 0; i < t->n; i++) {
		AUTO_JSONC struct jsonc *j = NULL;
		struct err why = ERR_INIT;
		const char *s = text_skip(t->line[i]);

		if (*s != '{' || jsonc_parse(in->name, s, strlen(s), JSONC_STRICT, &j, &why) < 0 ||
		    !json_is_object(json_object_get(jsonc_root(j), "err")))
			continue;
		if (found) {
			++*more;
			continue;
		}
		*line = i + 1;
		found = json_deep_copy(jsonc_root(j));
	}
	return found;
}

static json_t *event_whole(const struct source *in)
{
	AUTO_JSONC struct jsonc *j = NULL;
	struct err why = ERR_INIT;

	if (in->n == 0 || in->text[strspn(in->text, " \t\r\n")] != '{' ||
	    jsonc_parse(in->name, in->text, in->n, JSONC_STRICT, &j, &why) < 0 ||
	    !json_is_object(json_object_get(jsonc_root(j), "err")))
		return NULL;
	return json_deep_copy(jsonc_root(j));
}

/* What the logger kept of the error's own properties. */
static void properties_read(const json_t *err, struct trace *t)
{
	json_t *x = json_array_get(t->chain, json_array_size(t->chain) - 1);
	const char *code = member(err, "code");
	json_int_t status = json_integer_value(json_object_get(err, "status"));

	if (!status)
		status = json_integer_value(json_object_get(err, "statusCode"));
	if (code)
		trace_code(t, x, code, strlen(code));
	trace_status(t, x, status > 0 ? (unsigned long)status : 0);
}

/* The stack of one error object; where there is none, what else it says. */
static int error_read(const struct source *in, const json_t *err, trace_reader *reader,
		      struct trace *t, struct err *e)
{
	const char *stack = member(err, "stack"), *type = member(err, "type");
	const char *message = member(err, "message");
	AUTO_TEXT struct text text = { 0 };

	if (stack) {
		if (text_read(in->name, stack, strlen(stack), &text, e) < 0)
			return -e->code;
		reader(&text, true, t);
	}
	if (json_array_size(t->chain) > 0)
		return 0;
	type = type ? type : member(err, "name");
	type = type && *type ? type : "Error";
	(void)trace_exception(t, type, strlen(type), message ? message : "");
	trace_loss(t, "frames", "the logged error has no stack that can be read");
	return 0;
}

/* In front of what was read before; 0 or -ENOMEM. */
static int put_before(struct trace *t, struct trace *out)
{
	if (t->failed || json_array_extend(t->chain, out->chain) < 0 ||
	    json_array_extend(out->loss, t->loss) < 0 ||
	    json_array_extend(out->context, t->context) < 0 ||
	    json_object_update(out->runtime, t->runtime) < 0)
		return -ENOMEM;
	json_decref(out->chain);
	out->chain = json_incref(t->chain);
	return 0;
}

/* One error object and, inwards, its causes: each stack in front of the chain, for the cause comes
 * first. */
static int errors_read(const struct source *in, const json_t *err, trace_reader *reader,
		       struct trace *out, struct err *e)
{
	for (int depth = 0; json_is_object(err); depth++, err = json_object_get(err, "cause")) {
		AUTO_TRACE struct trace t = { 0 };

		if (depth == CAUSES_MAX)
			return source_error(e, in, 1, 1, "more than %d causes", CAUSES_MAX);
		if (trace_init(&t, e) < 0 || error_read(in, err, reader, &t, e) < 0)
			return -e->code;
		properties_read(err, &t);
		if (put_before(&t, out) < 0)
			return err_set(e, ENOMEM, "%s: out of memory", in->name);
	}
	return 0;
}

/* The call that the service logged, checked for its shape. */
static int call_read(const struct source *in, size_t line, const json_t *ev, json_t *calls,
		     struct err *e)
{
	const json_t *call = json_object_get(ev, "call");
	AUTO_JSON json_t *copy = NULL;

	if (!call)
		return 0;
	if (!json_is_array(json_object_get(call, "args")) ||
	    (json_object_get(call, "export") && !member(call, "export")))
		return source_error(e, in, line, 1,
				    "'call' needs an array 'args', and 'export' must be a string");
	copy = json_deep_copy(call);
	return copy && json_array_append(calls, copy) == 0
		       ? 0
		       : err_set(e, ENOMEM, "%s: out of memory", in->name);
}

static json_t *event_facts(const json_t *ev)
{
	static const char *const names[] = { "time", "service", "release", "environment" };
	json_t *facts = json_object();

	for (size_t i = 0; facts && i < sizeof(names) / sizeof(names[0]); i++) {
		json_t *v = json_object_get(ev, names[i]);

		if (json_is_string(v) && json_object_set(facts, names[i], v) < 0)
			return NULL;
	}
	return facts;
}

int report_decode(const struct source *in, trace_reader *reader, const char *what, json_t **out,
		  struct err *e)
{
	AUTO_TEXT struct text text = { 0 };
	AUTO_TRACE struct trace t = { 0 };
	AUTO_JSON json_t *calls = json_array();
	AUTO_JSON json_t *ev = NULL;
	AUTO_JSON json_t *value = NULL;
	size_t line = 1, more = 0;

	if (!calls || text_read(in->name, in->text, in->n, &text, e) < 0 || trace_init(&t, e) < 0)
		return calls ? -e->code : err_set(e, ENOMEM, "%s: out of memory", in->name);
	ev = event_whole(in);
	if (!ev)
		ev = event_find(&text, in, &line, &more);
	if (!ev)
		reader(&text, false, &t);
	else if (errors_read(in, json_object_get(ev, "err"), reader, &t, e) < 0 ||
		 call_read(in, line, ev, calls, e) < 0)
		return -e->code;
	for (size_t i = 0; i < json_array_size(t.chain); i++)
		trace_code_of_message(&t, json_array_get(t.chain, i));
	if (more)
		trace_loss(&t, "report", "%zu later events in the log were left out", more);
	if (json_array_size(t.chain) == 0 && !t.failed)
		return source_error(e, in, text.n, 1, "found no %s", what);
	value = json_pack("{s:O, s:O, s:O, s:O, s:O, s:o}", "chain", t.chain, "calls", calls,
			  "loss", t.loss, "context", t.context, "runtime", t.runtime, "event",
			  event_facts(ev));
	if (!value || t.failed)
		return err_set(e, ENOMEM, "%s: out of memory", in->name);
	*out = take_ptr(value);
	return 0;
}
