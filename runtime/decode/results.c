/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/decode/results.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/jmap.h"
#include "runtime/base/jsonc.h"
#include "runtime/decode/trace.h"

/*
 * What the reporter of a toolchain layer writes on a descriptor of its own, one
 * JSON object a line (docs/man/sickbay-incident.5).  It runs beside the tests,
 * so none of it is believed: it is only made readable here.
 */
#define LINES_MAX  200000
#define LINE_MAX_  (1u << 20)
#define FAULTS_MAX 2000

struct results {
	const struct source *in;
	size_t line;
	struct tests tests;
	json_t *faults, *values;
	json_int_t plan; /* -1: none stated */
	bool ended;
};

DEFINE_CLEANUP(struct jsonc, jsonc_free);

int tests_init(struct tests *t, struct err *e)
{
	*t = (struct tests){ .list = json_array(), .seen = json_object() };
	if (t->list && t->seen)
		return 0;
	tests_release(t);
	return err_set(e, ENOMEM, "results: out of memory");
}

void tests_release(struct tests *t)
{
	json_decref(t->list);
	json_decref(t->seen);
	*t = (struct tests){ 0 };
}

int tests_add(struct tests *t, const char *id, enum test_status status, double ms, struct err *e)
{
	static const char *const words[] = { "pass", "fail", "skip", "todo" };
	json_int_t nth = json_integer_value(json_object_get(t->seen, id)) + 1;
	char unique[TEST_ID_MAX + 32];
	json_t *test;

	if (strlen(id) > TEST_ID_MAX)
		return err_set(e, E2BIG, "a test's id is longer than %d bytes", TEST_ID_MAX);
	if (json_array_size(t->list) >= LINES_MAX)
		return err_set(e, E2BIG, "more than %d tests", LINES_MAX);
	(void)snprintf(unique, sizeof(unique), "%s", id);
	for (; json_object_get(t->seen, unique); nth++) /* "x#2" may be a name of its own */
		(void)snprintf(unique, sizeof(unique), "%s#%lld", id, (long long)nth);
	test = json_pack("{s:s, s:s, s:f}", "id", unique, "status", words[status], "ms", ms);
	if (!test || json_array_append_new(t->list, test) < 0 ||
	    json_object_set_new(t->seen, unique, json_integer(1)) < 0 ||
	    (nth > 1 && json_object_set_new(t->seen, id, json_integer(nth - 1)) < 0))
		return err_set(e, ENOMEM, "results: out of memory");
	return 0;
}

int tests_value(const struct tests *t, json_int_t plan, bool ended, json_t **out, struct err *e)
{
	*out = json_pack("{s:O, s:[], s:[], s:b, s:o*}", "tests", t->list, "faults", "values",
			 "ended", ended, "plan", plan < 0 ? NULL : json_integer(plan));
	return *out ? 0 : err_set(e, ENOMEM, "results: out of memory");
}

static int wrong(const struct results *r, struct err *e, const char *what)
{
	return source_error(e, r->in, r->line, 1, "%s", what);
}

/* ---- one event each ---- */

static int on_test(struct results *r, const json_t *ev, struct err *e)
{
	static const char *const words[] = { "pass", "fail", "skip", "todo" };
	const char *id = json_string_value(json_object_get(ev, "id"));
	const char *status = json_string_value(json_object_get(ev, "status"));
	const json_t *ms = json_object_get(ev, "ms");

	if (!id || !*id || !status || (ms && !json_is_number(ms)))
		return wrong(r, e, "a test needs 'id', 'status' and perhaps a number 'ms'");
	for (int i = 0; i < 4; i++) {
		struct err why = ERR_INIT;

		if (strcmp(words[i], status) != 0)
			continue;
		return tests_add(&r->tests, id, (enum test_status)i, json_number_value(ms), &why) <
				       0
			       ? wrong(r, e, why.msg)
			       : 0;
	}
	return wrong(r, e, "'status' is none of pass, fail, skip, todo");
}

static const struct language {
	const char *name;
	trace_reader *read;
} languages[] = {
	{ "node", node_trace },
	{ "python", python_trace },
	{ "sanitizer", sanitizer_trace },
};

/* A trace that cannot be read is a fault without a chain: the test failed all the same. */
static int chain_of(const struct results *r, trace_reader *read, const char *stack, json_t **chain,
		    struct err *e)
{
	AUTO_TEXT struct text text = { 0 };
	AUTO_TRACE struct trace t = { 0 };

	if (text_read(r->in->name, stack, strlen(stack), &text, e) < 0 || trace_init(&t, e) < 0)
		return -e->code;
	read(&text, read == node_trace, &t);
	if (t.failed)
		return err_set(e, ENOMEM, "%s: out of memory", r->in->name);
	*chain = json_incref(t.chain);
	return 0;
}

static int on_fault(struct results *r, const json_t *ev, struct err *e)
{
	const json_t *test = json_object_get(ev, "test");
	const char *lang = json_string_value(json_object_get(ev, "lang"));
	const char *stack = json_string_value(json_object_get(ev, "stack"));
	trace_reader *read = NULL;
	json_t *chain = NULL;
	json_t *fault;

	for (size_t i = 0; lang && i < sizeof(languages) / sizeof(languages[0]); i++)
		if (strcmp(languages[i].name, lang) == 0)
			read = languages[i].read;
	if (!read || !stack || (test && !json_is_string(test) && !json_is_null(test)))
		return wrong(r, e,
			     "a fault needs 'test', 'lang' (node, python, sanitizer) and 'stack'");
	if (json_array_size(r->faults) >= FAULTS_MAX)
		return 0; /* the tests' own status still counts each failure */
	if (chain_of(r, read, stack, &chain, e) < 0)
		return -e->code;
	fault = json_pack("{s:O?, s:o}", "test", json_is_string(test) ? test : NULL, "chain",
			  chain);
	if (!fault || json_array_append_new(r->faults, fault) < 0)
		return err_set(e, ENOMEM, "%s: out of memory", r->in->name);
	return 0;
}

/* What a variant of the input gave: a value (by digest) or an exception. */
static int on_value(struct results *r, const json_t *ev, struct err *e)
{
	static const char *const strings[] = { "id", "outcome", "digest", "type", "stack", "lang" };
	const char *outcome = json_string_value(json_object_get(ev, "outcome"));
	json_t *value = json_object();
	int bad = value ? 0 : -1;

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		json_t *v = json_object_get(ev, strings[i]);

		if (json_is_string(v))
			bad |= json_object_set(value, strings[i], v);
	}
	if (bad < 0 || json_array_append_new(r->values, value) < 0)
		return err_set(e, ENOMEM, "%s: out of memory", r->in->name);
	if (!json_object_get(value, "id") || !outcome ||
	    (strcmp(outcome, "value") != 0 && strcmp(outcome, "throw") != 0))
		return wrong(r, e, "a value needs 'id' and 'outcome' (value or throw)");
	return 0;
}

static int on_plan(struct results *r, const json_t *ev, struct err *e)
{
	const json_t *n = json_object_get(ev, "n");

	if (!json_is_integer(n) || json_integer_value(n) < 0)
		return wrong(r, e, "a plan needs a number 'n'");
	r->plan = json_integer_value(n);
	return 0;
}

static int on_end(struct results *r, const json_t *ev, struct err *e)
{
	(void)ev;
	(void)e;
	r->ended = true;
	return 0;
}

static const struct event {
	const char *name;
	int (*run)(struct results *r, const json_t *ev, struct err *e);
} events[] = {
	{ "test", on_test }, { "fault", on_fault }, { "value", on_value },
	{ "plan", on_plan }, { "end", on_end },
};

/* ":1:COLUMN: reason" of a line alone, as a place in the whole. */
static int not_json(const struct results *r, const struct err *why, struct err *e)
{
	const char *s = strncmp(why->msg, ":1:", 3) == 0 ? why->msg + 3 : "";
	unsigned long column;

	if (!text_number(&s, &column) || !text_starts(s, ": "))
		return wrong(r, e, why->msg);
	return source_error(e, r->in, r->line, column, "%s", s + 2);
}

static int line_parse(struct results *r, const char *line, size_t n, struct err *e)
{
	CLEANUP(cleanup_jsonc_free) struct jsonc *j = NULL;
	struct err why = ERR_INIT;
	const char *name;

	if (r->ended)
		return wrong(r, e, "something follows the 'end' event");
	if (n > LINE_MAX_)
		return wrong(r, e, "line longer than 1 MiB");
	if (jsonc_parse("", line, n, JSONC_STRICT, &j, &why) < 0)
		return not_json(r, &why, e);
	name = json_string_value(json_object_get(jsonc_root(j), "e"));
	for (size_t i = 0; name && i < sizeof(events) / sizeof(events[0]); i++)
		if (strcmp(events[i].name, name) == 0)
			return events[i].run(r, jsonc_root(j), e);
	return wrong(r, e, "the event 'e' is none of test, fault, value, plan, end");
}

static int lines_parse(struct results *r, struct err *e)
{
	const char *p = r->in->text;
	const char *const end = p + r->in->n;
	int rc = 0;

	for (r->line = 1; p < end && rc == 0; r->line++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const size_t n = nl ? (size_t)(nl - p) : (size_t)(end - p);

		if (r->line > LINES_MAX)
			return wrong(r, e, "too many lines");
		if (!nl && !r->ended) /* the writer was killed in the middle of it */
			break;
		if (n)
			rc = line_parse(r, p, n, e);
		p += n + (nl != NULL);
	}
	return rc;
}

int results_decode(const struct source *in, json_t **out, struct err *e)
{
	struct results r = { .in = in, .plan = -1, .faults = json_array(), .values = json_array() };
	int rc = tests_init(&r.tests, e);

	if (rc == 0 && (!r.faults || !r.values))
		rc = err_set(e, ENOMEM, "%s: out of memory", in->name);
	if (rc == 0)
		rc = lines_parse(&r, e);
	if (rc == 0) {
		*out = json_pack("{s:O, s:O, s:O, s:b, s:o*}", "tests", r.tests.list, "faults",
				 r.faults, "values", r.values, "ended", r.ended, "plan",
				 r.plan < 0 ? NULL : json_integer(r.plan));
		if (!*out)
			rc = err_set(e, ENOMEM, "%s: out of memory", in->name);
	}
	tests_release(&r.tests);
	json_decref(r.faults);
	json_decref(r.values);
	return rc;
}
