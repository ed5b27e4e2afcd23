/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/testrun/testrun.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/proto/decode.h"

#define TAIL_MAX     4096
#define BUILD_FAILED 96 /* exit status of the wrapper when the build step failed */
#define RESULTS_LOW  40 /* the results descriptor is one of 40..167 */
#define RESULTS_SPAN 128

struct testrun {
	struct world *world;
	struct replica *replica;
	int results_fd;
	size_t output_max;
	const struct service_tests *suite;
	struct strlist argv;
};

/* ---- the command ---- */

static void quote(struct buf *b, const char *arg)
{
	buf_puts(b, " '");
	for (; *arg; arg++) {
		if (*arg == '\'')
			buf_puts(b, "'\\''");
		else
			buf_putc(b, *arg);
	}
	buf_putc(b, '\'');
}

static const struct strlist *build_command(const struct world *w)
{
	const struct service *s = w->service;
	const bool production = s->build.production.n && (w->deployed || !s->build.sanitizer.n);

	return production ? &s->build.production : &s->build.sanitizer;
}

/* "/bin/sh -c 'BUILD || exit 96; exec TEST'": one replica for both. */
static int with_build(struct testrun *t, const struct strlist *build, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(1u << 20);
	int bad;

	for (size_t i = 0; i < build->n; i++)
		quote(&b, build->v[i]);
	buf_printf(&b, " 1>&2 || exit %d; exec", BUILD_FAILED);
	for (size_t i = 0; i < t->argv.n; i++)
		quote(&b, t->argv.v[i]);
	if (buf_check(&b, "command", e) < 0)
		return -e->code;
	strlist_release(&t->argv);
	bad = strlist_add(&t->argv, "/bin/sh") | strlist_add(&t->argv, "-c") |
	      strlist_add(&t->argv, b.p);
	return bad ? err_set(e, ENOMEM, "out of memory") : 0;
}

/* How a program of the language is started where the service file does not say. */
static const struct strlist *harness_command(const struct testrun *t)
{
	static char word_node[] = "node", word_python[] = "python3", word_test[] = "@test";
	static char *node[] = { word_node, word_test, NULL };
	static char *python[] = { word_python, word_test, NULL };
	static const struct strlist of_node = { node, 2 }, of_python = { python, 2 }, none = { 0 };
	const char *lang = t->world->service->language;

	if (t->suite->harness.n)
		return &t->suite->harness;
	if (strcmp(lang, "javascript") == 0)
		return &of_node;
	return strcmp(lang, "python") == 0 ? &of_python : &none;
}

static const struct strlist *command_of(const struct testrun *t, int what)
{
	if (what == RUN_HARNESS)
		return harness_command(t);
	return what == RUN_ONE ? &t->suite->one : &t->suite->command;
}

static int make_command(struct testrun *t, const struct testrun_job *job, struct err *e)
{
	const struct strlist *from = command_of(t, job->what);
	const struct strlist *build = build_command(t->world);
	bool changed = false;

	for (size_t i = 0; !job->argv && i < from->n; i++) {
		const bool name = job->test_path && strcmp(from->v[i], "@test") == 0;

		if (strlist_add(&t->argv, name ? job->test_path : from->v[i]) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	for (size_t i = 0; job->argv && job->argv[i]; i++)
		if (strlist_add(&t->argv, job->argv[i]) < 0)
			return err_set(e, ENOMEM, "out of memory");
	for (size_t i = 0; i < job->n_changes; i++)
		changed = changed || job->changes[i]->n;
	return build->n && changed ? with_build(t, build, e) : 0;
}

int testrun_start(struct world *w, const struct testrun_job *job, struct testrun **out,
		  struct err *e)
{
	struct testrun *t = calloc(1, sizeof(*t));
	struct replica_job rj = { .purpose = job->purpose,
				  .side = job->side,
				  .role = job->role,
				  .n_changes = job->n_changes,
				  .wall_ms = job->wall_ms };
	int r;

	if (!t)
		return err_set(e, ENOMEM, "out of memory");
	t->world = w;
	t->suite = w->service->tests.v;
	t->output_max = job->output_max ? job->output_max : TAIL_MAX;
	t->results_fd = RESULTS_LOW + (int)(clock_mono_ns() / 1009 % RESULTS_SPAN);
	memcpy(rj.changes, job->changes, sizeof(rj.changes));
	rj.results_fd = t->results_fd;
	if (!rj.wall_ms)
		rj.wall_ms = t->suite->timeout_ms;
	r = make_command(t, job, e);
	rj.argv = (const char *const *)t->argv.v;
	if (r == 0)
		r = replica_start(w, &rj, &t->replica, e);
	if (r < 0) {
		testrun_close(t);
		return r;
	}
	*out = t;
	return 0;
}

struct replica *testrun_replica(struct testrun *t)
{
	return t->replica;
}

void testrun_close(struct testrun *t)
{
	if (!t)
		return;
	replica_close(t->replica);
	strlist_release(&t->argv);
	free(t);
}

/* ---- what was seen ---- */

void exceptions_release(struct objlist *chain)
{
	static const struct jmap chain_row[] = { { .name = "c",
						   .kind = JMAP_LIST,
						   .sub = exception_map,
						   .size = sizeof(struct exception) },
						 { 0 } };

	jmap_release(chain_row, chain);
}

void test_report_release(struct test_report *r)
{
	json_decref(r->status);
	json_decref(r->values);
	exceptions_release(&r->chain);
	free(r->fault_test);
	free(r->output);
	free(r->invalid);
	*r = (struct test_report){ 0 };
}

bool test_report_green(const struct test_report *r)
{
	return r->built && r->complete && r->exit.kind == EXIT_EXITED && r->exit.code == 0 &&
	       r->passed > 0 && r->failed == 0 && r->chain.n == 0;
}

static void count(struct test_report *r, const char *status)
{
	r->tests++;
	if (strcmp(status, "pass") == 0)
		r->passed++;
	else if (strcmp(status, "fail") == 0)
		r->failed++;
	else
		r->skipped++;
}

static int take_tests(const json_t *results, struct test_report *r, struct err *e)
{
	const json_t *list = json_object_get(results, "tests");

	r->status = json_object();
	for (size_t i = 0; r->status && i < json_array_size(list); i++) {
		const json_t *t = json_array_get(list, i);
		const char *id = json_string_value(json_object_get(t, "id"));
		const char *status = json_string_value(json_object_get(t, "status"));

		if (!id || !status)
			return err_set(e, EBADMSG, "test results: an entry without id or status");
		count(r, status);
		if (json_object_set_new(r->status, id, json_string(status)) < 0)
			return err_set(e, EBADMSG, "test results: bad test id");
	}
	return r->status ? 0 : err_set(e, ENOMEM, "out of memory");
}

/* The first fault's chain, through the incident's own tables and path rules. */
static int take_chain(const struct world *w, const json_t *chain, struct objlist *out,
		      struct err *e)
{
	struct incident seen = { 0 };
	AUTO_JSON json_t *holder = json_pack("{s:O}", "chain", (json_t *)(uintptr_t)chain);
	static const struct jmap map[] = { { .name = "chain",
					     .kind = JMAP_LIST,
					     .offset = offsetof(struct incident, chain),
					     .sub = exception_map,
					     .size = sizeof(struct exception) },
					   { 0 } };
	int k = holder ? jmap_read(map, holder, &seen, "", e) : err_set(e, ENOMEM, "out of memory");

	if (k == 0)
		k = world_resolve(w, &seen, e);
	if (k == 0) {
		*out = seen.chain;
		seen.chain = (struct objlist){ 0 };
	}
	incident_release(&seen);
	return k;
}

int testrun_trace(const struct world *w, const char *lang, const char *stack, struct objlist *chain,
		  struct err *e)
{
	const enum decode_format f = strcmp(lang, "node") == 0	   ? DECODE_NODE
				     : strcmp(lang, "python") == 0 ? DECODE_PYTHON
								   : DECODE_SANITIZER;
	AUTO_JSON json_t *report = NULL;
	const int r = decode_text(f, stack, strlen(stack), "trace", NULL, &report, e);

	return r < 0 ? r : take_chain(w, json_object_get(report, "chain"), chain, e);
}

static int take_faults(const struct world *w, const json_t *results, struct test_report *r,
		       struct err *e)
{
	const json_t *fault = json_array_get(json_object_get(results, "faults"), 0);
	const char *test = json_string_value(json_object_get(fault, "test"));

	if (!fault)
		return 0;
	if (test && !(r->fault_test = strdup(test)))
		return err_set(e, ENOMEM, "out of memory");
	return take_chain(w, json_object_get(fault, "chain"), &r->chain, e);
}

static int take_results(struct testrun *t, struct test_report *r, struct err *e)
{
	const bool tap = t->suite->format == TESTS_TAP;
	const struct buf *raw =
		sandbox_output(replica_sandbox(t->replica), tap ? 1 : t->results_fd);
	AUTO_JSON json_t *results = NULL;
	json_t *values;
	int k = decode_text(tap ? DECODE_TAP : DECODE_RESULTS, raw && raw->p ? raw->p : "",
			    raw ? raw->n : 0, "test results", NULL, &results, e);

	if (k < 0)
		return k;
	r->complete = json_is_true(json_object_get(results, "ended"));
	k = take_tests(results, r, e);
	if (k == 0)
		k = take_faults(t->world, results, r, e);
	values = json_object_get(results, "values");
	r->values = values ? json_incref(values) : json_array();
	return k;
}

/* A sanitizer or an abort speaks on standard error; nothing in the process reports it. */
static int take_crash(struct testrun *t, struct test_report *r, struct err *e)
{
	const struct buf *raw = sandbox_output(replica_sandbox(t->replica), 2);
	AUTO_JSON json_t *report = NULL;
	struct err none = ERR_INIT;
	const json_t *chain;

	if (r->chain.n || !raw || !raw->n || (r->exit.kind == EXIT_EXITED && r->exit.code == 0) ||
	    strcmp(t->world->service->language, "c") != 0)
		return 0;
	if (decode_text(DECODE_SANITIZER, raw->p, raw->n, "standard error", NULL, &report, &none) <
	    0)
		return 0; /* no report in it: the exit record says what there is to say */
	chain = json_object_get(report, "chain");
	return json_array_size(chain) ? take_chain(t->world, chain, &r->chain, e) : 0;
}

static void put_printable(const char *p, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)p[i];

		buf_putc(out, c == '\n' || c == '\t' || (c >= ' ' && c < 0x7f) ? (char)c : '?');
	}
}

/* The end; of a longer bound also the beginning, where the first thing that went wrong stands. */
static void ends_of(const struct buf *raw, size_t max, struct buf *out)
{
	const size_t n = raw && raw->n ? raw->n : 0;
	const size_t head = max > TAIL_MAX && n > max ? max / 2 : 0;
	const size_t from = n > max - head ? n - (max - head) : 0;

	if (head) {
		put_printable(raw->p, head, out);
		buf_puts(out, "\n[...]\n");
	}
	if (n)
		put_printable(raw->p + from, n - from, out);
}

static int take_output(struct testrun *t, struct test_report *r, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(t->output_max + 32);

	ends_of(sandbox_output(replica_sandbox(t->replica), 1), t->output_max / 2, &b);
	ends_of(sandbox_output(replica_sandbox(t->replica), 2), t->output_max / 2, &b);
	r->output = buf_take(&b);
	return r->output ? 0 : err_set(e, ENOMEM, "out of memory");
}

/* Neither a result nor a fault of such a run is looked at. */
static int report_invalid(struct testrun *t, struct test_report *r, struct test_report *out,
			  struct err *e)
{
	r->status = json_object();
	r->values = json_array();
	r->invalid = strdup(replica_invalid(t->replica));
	r->output = strdup(replica_invalid(t->replica));
	if (!r->status || !r->values || !r->invalid || !r->output) {
		test_report_release(r);
		return err_set(e, ENOMEM, "out of memory");
	}
	*out = *r;
	return 0;
}

int testrun_report(struct testrun *t, struct test_report *out, struct err *e)
{
	struct test_report r = { .exit = *sandbox_exit(replica_sandbox(t->replica)) };
	int k;

	if (replica_invalid(t->replica))
		return report_invalid(t, &r, out, e);
	r.built = !(r.exit.kind == EXIT_EXITED && r.exit.code == BUILD_FAILED);
	k = take_results(t, &r, e);
	if (k == 0)
		k = take_crash(t, &r, e);
	if (k == 0)
		k = take_output(t, &r, e);
	if (k < 0) {
		test_report_release(&r);
		return k;
	}
	*out = r;
	return 0;
}

/* ---- the build ---- */

bool testrun_builds(const struct world *w)
{
	return build_command(w)->n > 0;
}

int testrun_build(struct world *w, int side, struct err *e)
{
	const struct strlist *build = build_command(w);
	const struct service_tests *suite = w->service->tests.v;
	const struct replica_job job = { .purpose = "build",
					 .side = side,
					 .role = ROLE_VERIFY,
					 .unbuilt = true,
					 .freeze = true,
					 .alone = true,
					 .argv = (const char *const *)build->v,
					 .wall_ms = suite->timeout_ms };
	struct replica *rep = NULL;
	struct exit_record x;
	int r;

	if (!build->n)
		return 0;
	r = replica_start(w, &job, &rep, e);
	if (r < 0)
		return r;
	r = sandbox_wait(replica_sandbox(rep), &x, e);
	if (r >= 0 && exit_status(&x) != 0) {
		const struct buf *err = sandbox_output(replica_sandbox(rep), 2);
		const size_t n = err && err->n ? err->n : 0, from = n > 300 ? n - 300 : 0;

		r = err_set(e, ENOEXEC, "build of %.12s failed (%s %d): %.300s",
			    w->side[side].source.commit, exit_kind_name(x.kind), x.code,
			    n ? err->p + from : "no output");
	}
	if (r >= 0)
		r = sandbox_freeze(replica_sandbox(rep), &w->side[side].built, e);
	replica_close(rep);
	return r < 0 ? r : 0;
}
