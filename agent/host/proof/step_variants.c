/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/request.h"
#include "agent/host/proof/kind.h"
#include "agent/host/proof/steps.h"
#include "runtime/base/cleanup.h"

/*
 * Step 6: inputs near the failing one that no agent saw, made by an inspection
 * in a fresh replica from a seed.  A program in the project's own language
 * evaluates them once before and once after the patch.  It holds when no
 * variant fails as production did, every value that came before comes again,
 * and an error of another kind is still the same kind of error.  The input
 * itself is among them as the control: when it does not fail in that program
 * as it did in production, nothing was shown.
 */
#define CONTROL	     "control"
#define INPUT_FILE   "sickbay-input.json"
#define HARNESS_NAME "sickbay-variants"
#define HARNESS_MS   300000

struct variants {
	const struct proof_input *in;
	json_t *input;	       /* as a test replays it */
	json_t *document;      /* what the inspection made */
	struct change harness; /* borrows from the document */
	char path[4200];
	json_t *values[3];   /* before, after, and before once more: {ID: event} */
	char *kind, *coarse; /* of the control's failure before the patch */
	bool controlled;     /* it failed as production did */
	size_t total, kept, mended, errors_kept, unsteady, changed;
	char first[300]; /* why it does not hold */
};

static const char *suffix(const char *language)
{
	if (strcmp(language, "javascript") == 0)
		return "js";
	return strcmp(language, "python") == 0 ? "py" : "c";
}

static int make_variants(struct variants *v, struct err *e)
{
	const struct service *svc = v->in->world->service;
	const struct service_tests *suite = svc->tests.v;
	AUTO_FREE char *input = json_dumps(v->input, JSON_COMPACT | JSON_ENSURE_ASCII);
	char count[32], seed[32];
	struct change file = { .path = (char[]){ INPUT_FILE },
			       .kind = CHANGE_ADD,
			       .old_type = -1,
			       .new_data = input,
			       .new_len = input ? strlen(input) : 0 };
	const struct changes files = { .v = &file, .n = 1 };
	const char *const args[] = { "variants",
				     "--lang",
				     svc->language,
				     "--input",
				     INPUT_FILE,
				     "--seed",
				     seed,
				     "--count",
				     count,
				     "--framework",
				     suite->new_test.framework,
				     "--out",
				     v->path,
				     "--module",
				     suite->new_test.module ? suite->new_test.module : "",
				     NULL };

	if (!input)
		return err_set(e, ENOMEM, "out of memory");
	(void)snprintf(seed, sizeof(seed), "%llu", (unsigned long long)v->in->seed);
	(void)snprintf(count, sizeof(count), "%llu", (unsigned long long)svc->proof.variants);
	(void)snprintf(v->path, sizeof(v->path), "%s/%s.%s", suite->new_test.dir, HARNESS_NAME,
		       suffix(svc->language));
	return proof_inspect(v->in, SIDE_BASE, args, &files, &v->document, e);
}

static int take_harness(struct variants *v, struct err *e)
{
	const char *text = json_string_value(
		json_object_get(json_object_get(v->document, "harness"), "content"));

	v->total = json_array_size(json_object_get(v->document, "variants"));
	v->total -= v->total > 0; /* the control */
	if (!text)
		return err_set(e, EBADMSG, "the inspection gave no harness");
	v->harness = (struct change){ .path = v->path,
				      .kind = CHANGE_ADD,
				      .old_type = -1,
				      .new_data = (char *)(uintptr_t)text,
				      .new_len = strlen(text) };
	return 0;
}

static int note_values(void *ctx, size_t index, const struct test_report *r, struct err *e)
{
	struct variants *v = ctx;
	size_t i;
	const json_t *ev;

	v->values[index] = json_object();
	for (i = 0; v->values[index] && i < json_array_size(r->values); i++) {
		const char *id;

		ev = json_array_get(r->values, i);
		id = json_string_value(json_object_get(ev, "id"));
		if (!id || json_object_set(v->values[index], id, (json_t *)(uintptr_t)ev) < 0)
			return err_set(e, EBADMSG, "variants: an event without an id");
	}
	if (!v->values[index])
		return err_set(e, ENOMEM, "out of memory");
	if (i == 0 && index != 1)
		return err_set(e, ENODATA, "the variants' program reported nothing (%s %d): %.200s",
			       exit_kind_name(r->exit.kind), r->exit.code, r->output);
	return 0;
}

static int run_variants(struct variants *v, struct err *e)
{
	const struct changes harness = { .v = &v->harness, .n = 1 };
	struct testrun_job jobs[3];

	for (int i = 0; i < 3; i++)
		jobs[i] = (struct testrun_job){ .purpose = "proof 6",
						.side = SIDE_BASE,
						.role = ROLE_VERIFY,
						.what = RUN_HARNESS,
						.test_path = v->path,
						.changes = { &harness },
						.n_changes = 1,
						.wall_ms = HARNESS_MS };
	jobs[1].changes[jobs[1].n_changes++] = v->in->patch;
	return testrun_batch(v->in->world, jobs, 3, 3, note_values, v, e);
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static const char *message_of(const struct objlist *chain)
{
	const struct exception *x = chain->v;

	return chain->n && x[0].message ? x[0].message : "";
}

/*
 * How near a failure is to production's, of the same type in the same function:
 * NEAR has the same kind of message, SAME wants the same member of nothing as
 * well.  The first one that is asked about, the control's, says what is wanted.
 */
enum nearness { OTHER, NEAR, SAME };

static int compare_kind(struct variants *v, const char *message, struct err *e)
{
	AUTO_FREE char *kind = failure_kind(message, true);
	AUTO_FREE char *coarse = failure_kind(message, false);

	if (!kind || !coarse)
		return err_set(e, ENOMEM, "out of memory");
	if (!v->kind) {
		v->kind = take_ptr(kind);
		v->coarse = take_ptr(coarse);
		return SAME;
	}
	if (strcmp(kind, v->kind) == 0)
		return SAME;
	return strcmp(coarse, v->coarse) == 0 ? NEAR : OTHER;
}

static int nearness(struct variants *v, const json_t *ev, struct err *e)
{
	struct objlist chain = { 0 };
	struct coordinate seen = { 0 };
	int m, r;

	if (strcmp(text_of(ev, "outcome"), "throw") != 0)
		return OTHER;
	r = testrun_trace(v->in->world, text_of(ev, "lang"), text_of(ev, "stack"), &chain, e);
	if (r < 0) {
		e->code = 0; /* a trace that cannot be read shows no place: then it is another
				failure */
		return OTHER;
	}
	m = match_compare(&v->in->incident->coordinate, &chain, &seen);
	r = m == MATCH_EXACT || m == MATCH_SAME_FUNCTION ? compare_kind(v, message_of(&chain), e)
							 : OTHER;
	exceptions_release(&chain);
	return r;
}

static void object_to(struct variants *v, const char *id, const char *why, const json_t *after)
{
	const json_t *list = json_object_get(v->document, "variants");
	const char *what = "";

	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(text_of(json_array_get(list, i), "id"), id) == 0)
			what = text_of(json_array_get(list, i), "what");
	v->changed++;
	if (!v->first[0])
		(void)snprintf(v->first, sizeof(v->first), "%.120s %s%s%.60s", what, why,
			       after ? " " : "", after ? text_of(after, "type") : "");
}

static int compare(struct variants *v, const char *id, const json_t *before, const json_t *after,
		   struct err *e)
{
	const bool threw = strcmp(text_of(before, "outcome"), "throw") == 0;
	const bool throws = after && strcmp(text_of(after, "outcome"), "throw") == 0;
	const int was = threw ? nearness(v, before, e) : OTHER;
	const int is = throws ? nearness(v, after, e) : OTHER;

	if (was < 0 || is < 0)
		return -e->code;
	if (!after)
		object_to(v, id, "gives no answer any more", NULL);
	else if (is == SAME)
		object_to(v, id, "still fails as production did:", after);
	else if (was == SAME || (was == NEAR && !throws))
		v->mended++;
	else if (threw && !throws)
		object_to(v, id, "hid an error that the base reported:", before);
	else if (threw && strcmp(text_of(before, "type"), text_of(after, "type")) != 0)
		object_to(v, id, "is another error than at the base:", after);
	else if (threw)
		v->errors_kept++;
	else if (throws)
		object_to(v, id, "gave a value at the base and now throws", after);
	else if (strcmp(text_of(before, "digest"), text_of(after, "digest")) != 0)
		object_to(v, id, "gives another value than at the base", NULL);
	else
		v->kept++;
	return 0;
}

/* Before the patch the input itself fails as production did, afterwards it does not. */
static int control(struct variants *v, struct err *e)
{
	const json_t *before = json_object_get(v->values[0], CONTROL);
	const json_t *after = json_object_get(v->values[1], CONTROL);
	const int was = before ? nearness(v, before, e) : OTHER;
	const int is = was == SAME && after ? nearness(v, after, e) : OTHER;

	if (was < 0 || is < 0)
		return -e->code;
	v->controlled = was == SAME;
	if (is == SAME)
		object_to(v, CONTROL, "still fails as production did:", after);
	return 0;
}

/* What the base itself answers in another way each time (an hour, a token) tells nothing of a
 * patch. */
static bool is_steady(const struct variants *v, const char *id, const json_t *before)
{
	static const char *const same[] = { "outcome", "type", "digest" };
	const json_t *again = json_object_get(v->values[2], id);

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (strcmp(text_of(before, same[i]), text_of(again, same[i])) != 0)
			return false;
	return true;
}

static int compare_all(struct variants *v, struct err *e)
{
	const char *id;
	json_t *before;
	int r = 0;

	json_object_foreach(v->values[0], id, before) {
		if (r < 0 || strcmp(id, CONTROL) == 0)
			continue;
		if (is_steady(v, id, before))
			r = compare(v, id, before, json_object_get(v->values[1], id), e);
		else
			v->unsteady++;
	}
	return r;
}

static int judge(struct variants *v, struct step_result *r, struct err *e)
{
	char unsteady[80] = "";

	if (control(v, e) < 0 || compare_all(v, e) < 0)
		return -e->code;
	if (v->unsteady)
		(void)snprintf(unsteady, sizeof(unsteady),
			       ", %zu give another value each time they are asked", v->unsteady);
	r->holds = v->changed == 0;
	(void)snprintf(
		r->says, sizeof(r->says),
		"%zu unseen variants: %zu give the base's value, %zu failed as production did "
		"and no longer do, %zu are the same other error%s%s%.220s",
		v->total, v->kept, v->mended, v->errors_kept, unsteady, v->changed ? "; " : "",
		v->first);
	if (!v->controlled) {
		r->risk = 3;
		(void)snprintf(r->risk_reason, sizeof(r->risk_reason),
			       "the reported input did not fail in the variants' program, so they "
			       "show nothing");
	} else if (v->unsteady > v->total / 2) {
		r->risk = 2;
		(void)snprintf(r->risk_reason, sizeof(r->risk_reason),
			       "most variants give another value each time at the base, so they "
			       "show little");
	} else if (v->total < 20) {
		r->risk = 1;
		(void)snprintf(r->risk_reason, sizeof(r->risk_reason),
			       "only %zu variants of the input could be made", v->total);
	}
	r->detail = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "variants", (json_int_t)v->total,
			      "seed", (json_int_t)v->in->seed, "kept", (json_int_t)v->kept,
			      "mended", (json_int_t)v->mended, "errors_kept",
			      (json_int_t)v->errors_kept, "unsteady", (json_int_t)v->unsteady,
			      "objections", (json_int_t)v->changed);
	return r->detail ? 0 : err_set(e, ENOMEM, "out of memory");
}

/* No input of calls in the report: said, not hidden. */
static int without(struct step_result *r)
{
	r->holds = true;
	r->risk = 3;
	(void)snprintf(r->says, sizeof(r->says), "not shown: the report holds no call to vary");
	(void)snprintf(r->risk_reason, sizeof(r->risk_reason),
		       "no held-out variants could be tried");
	return 0;
}

int step_variants(const struct proof_input *in, int side, struct step_result *r, struct err *e)
{
	struct variants v = { .in = in };
	int k = request_replayed(in->world->service->tests.v, in->incident->input, &v.input, e);

	(void)side;
	if (k == 0 && !json_object_get(v.input, "call") && !json_object_get(v.input, "script")) {
		json_decref(v.input);
		return without(r);
	}
	if (k == 0)
		k = make_variants(&v, e);
	if (k == 0)
		k = take_harness(&v, e);
	if (k == 0)
		k = run_variants(&v, e);
	if (k == 0)
		k = judge(&v, r, e);
	json_decref(v.input);
	json_decref(v.document);
	json_decref(v.values[0]);
	json_decref(v.values[1]);
	json_decref(v.values[2]);
	free(v.kind);
	free(v.coarse);
	return k;
}
