/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/testrun/check.h"

#include <stdlib.h>
#include <string.h>

#include "agent/host/case/mode.h"
#include "agent/host/case/service_state.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "runtime/base/sha256.h"
#include "runtime/proto/decode.h"

struct checking {
	const struct check_input *in;
	struct world world;
	bool open;
	char commit[65], key[SHA256_HEX];
	struct baseline baseline;
	struct baseline_seen seen;
	const char *at;	   /* where it ended: NULL when it is ready */
	char missing[512]; /* the first thing that is not as it must be, in plain words */
	char why[512];	   /* what failed, in ours */
};

/* In plain words, where the output says it in words that are known. */
static void name_missing(struct checking *c, const char *output)
{
	AUTO_JSON json_t *v = NULL;
	struct err none = ERR_INIT;
	const char *what, *advice;

	if (decode_text(DECODE_MISSING, output, strlen(output), "output", NULL, &v, &none) < 0)
		return;
	what = json_string_value(json_object_get(v, "what"));
	advice = json_string_value(json_object_get(v, "do"));
	if (what && advice)
		(void)snprintf(c->missing, sizeof(c->missing), "%.300s: %s", what, advice);
}

/* A program that is not there is the service's affair; every other failed start is this host's. */
static bool our_fault(const struct checking *c, const struct err *e)
{
	return c->world.no_sandbox && !strstr(e->msg, "execute the program '");
}

/* A step that failed is an answer, not a failure of ours, unless no replica can be built here. */
static int not_ready(struct checking *c, const char *at, struct err *e)
{
	if (our_fault(c, e))
		return -e->code;
	c->at = at;
	(void)snprintf(c->missing, sizeof(c->missing), "%s", e->msg);
	(void)snprintf(c->why, sizeof(c->why), "%s", e->msg);
	name_missing(c, c->seen.output ? c->seen.output : e->msg);
	e->code = 0;
	return 0;
}

static int prepare(struct checking *c, struct err *e)
{
	const struct check_input *in = c->in;
	const struct service *s = in->service;
	int r;

	log_progress("toolchain and image");
	r = world_open(in->state, in->store, s, in->audit, &c->world, e);
	if (r < 0)
		return not_ready(c, "toolchain", e);
	c->open = true;
	r = git_resolve(c->world.git, s->repository.target, c->commit, e);
	log_progress("source and build of %.12s", c->commit);
	if (r == 0)
		r = world_set_source(&c->world, SIDE_BASE, c->commit, e);
	return r < 0 ? not_ready(c, "source", e) : 0;
}

/* A limit ended the suite: that says more than what it had not printed by then. */
static bool cut_short(const struct checking *c, struct err *e)
{
	const struct exit_record *x = &c->seen.exit;
	const struct service_tests *suite = c->in->service->tests.v;

	if (x->kind == EXIT_TIMEOUT)
		return err_set(e, ETIMEDOUT,
			       "the suite did not end within %llu s: raise /tests/0/timeout, or "
			       "limits.wall of the policy for verify",
			       (unsigned long long)suite->timeout_ms / 1000);
	if (x->kind == EXIT_OOM)
		return err_set(
			e, ENOMEM,
			"the suite ran out of memory at %llu MiB: raise limits.memory of the "
			"policy for verify",
			(unsigned long long)x->peak_memory >> 20);
	return false;
}

/* Why a suite that gave results is nothing to compare with. */
static bool unusable(const struct checking *c, struct err *e)
{
	const struct exit_record *x = &c->seen.exit;

	if (!c->baseline.complete)
		return err_set(e, EPROTO,
			       "the suite ended before its reporter saw the end of it (%s %d)",
			       exit_kind_name(x->kind), x->code);
	if (c->baseline.passed == 0)
		return err_set(e, ENODATA, "none of %zu tests passes", c->baseline.tests);
	return false;
}

static int run_suite(struct checking *c, struct err *e)
{
	const uint64_t runs = c->in->service->proof.baseline;
	int r = baseline_key(&c->world, SIDE_BASE, runs, c->key, e);

	log_progress("suite at %.12s, %llu runs", c->commit, (unsigned long long)runs);
	if (r < 0)
		return r;
	r = baseline_take(&c->world, SIDE_BASE, runs, &c->seen, &c->baseline, e);
	if (cut_short(c, e) || r < 0 || unusable(c, e))
		return not_ready(c, "suite", e);
	return baseline_keep(&c->world, c->key, &c->baseline, e);
}

/* When a check of this service last passed; NULL: never. */
static json_t *last_pass(const struct checking *c)
{
	AUTO_JSON json_t *before = NULL;
	struct err none = ERR_INIT;
	char now[CLOCK_RFC3339];
	json_t *passed;

	if (!c->at) {
		clock_rfc3339(clock_real_ns(), now);
		return json_string(now);
	}
	if (service_state_read(c->in->state, c->in->service->name, CHECK_FILE, &before, &none) < 0)
		return NULL;
	passed = json_object_get(before, "passed");
	return json_is_string(passed) ? json_incref(passed) : NULL;
}

static json_t *failing(const struct baseline *b)
{
	json_t *a = json_array(), *status;
	const char *id;

	json_object_foreach(b->status, id, status)
		if (strcmp(json_string_value(status), "fail") == 0)
			(void)json_array_append_new(a, json_string(id));
	return a;
}

static json_t *record_of(const struct checking *c)
{
	const struct service *s = c->in->service;
	const struct baseline *b = &c->baseline;
	AUTO_FREE char *file = realpath(s->file, NULL);
	char now[CLOCK_RFC3339];
	json_t *v;

	clock_rfc3339(clock_real_ns(), now);
	v = json_pack("{s:s,s:s,s:s,s:s,s:b,s:o*}", "schema", CHECK_SCHEMA, "service", s->name,
		      "file", file ? file : s->file, "mode", service_mode_name(s->mode), "ready",
		      c->at == NULL, "passed", last_pass(c));
	if (v && c->at)
		(void)json_object_update_new(v, json_pack("{s:s,s:s,s:s,s:s*}", "at", c->at,
							  "missing", c->missing, "why", c->why,
							  "output", c->seen.output));
	if (v && c->commit[0])
		(void)json_object_set_new(v, "commit", json_string(c->commit));
	if (v && c->open)
		(void)json_object_update_new(v, json_pack("{s:{s:s,s:s},s:s}", "image", "name",
							  c->world.image.name, "digest",
							  c->world.image.digest, "toolchain",
							  c->world.toolchain_id));
	if (v && b->status)
		(void)json_object_update_new(
			v, json_pack("{s:s,s:I,s:I,s:I,s:o,s:I,s:O}", "baseline", c->key, "runs",
				     (json_int_t)b->runs, "tests", (json_int_t)b->tests, "passing",
				     (json_int_t)b->passed, "failing", failing(b), "skipped",
				     (json_int_t)b->skipped, "flaky", b->flaky));
	if (v)
		(void)json_object_set_new(v, "measured",
					  json_pack("{s:s,s:I,s:I,s:I}", "checked", now, "wall_us",
						    (json_int_t)b->wall_us, "cpu_us",
						    (json_int_t)b->cpu_us, "peak_memory",
						    (json_int_t)c->seen.peak_memory));
	return v;
}

static int publish(const struct checking *c, json_t **record, struct err *e)
{
	AUTO_JSON json_t *v = record_of(c);
	int r;

	if (!v)
		return err_set(e, ENOMEM, "service check: out of memory");
	r = audit_commit(c->in->audit, "service.checked",
			 json_pack("{s:s,s:b,s:s,s:s}", "service", c->in->service->name, "ready",
				   c->at == NULL, "commit", c->commit, "baseline", c->key),
			 e);
	if (r == 0)
		r = service_state_write(c->in->state, c->in->service->name, CHECK_FILE, v, e);
	if (r == 0)
		*record = take_ptr(v);
	return r;
}

int service_check(const struct check_input *in, json_t **record, bool *no_sandbox, struct err *e)
{
	struct checking c = { .in = in };
	int r = prepare(&c, e);

	if (r == 0 && !c.at)
		r = run_suite(&c, e);
	log_progress_end();
	if (r == 0)
		r = publish(&c, record, e);
	*no_sandbox = c.world.no_sandbox;
	if (c.open)
		world_close(&c.world);
	baseline_release(&c.baseline);
	free(c.seen.output);
	return r;
}
