/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent/host/case/raw.h"
#include "agent/host/cli/cli.h"
#include "agent/host/cli/rerun.h"
#include "agent/host/cli/session.h"
#include "agent/host/pipeline/rerun.h"
#include "runtime/base/fd.h"

/*
 * The records of the archive become a case of their own in STATE/rerun, where
 * no command looks for cases; it is removed at the end, or by the next re-run
 * of the same case when this one is killed.
 */
#define RERUN_DIR "rerun"

static int put_records(const struct checking *c, struct kase *k, struct err *e)
{
	char name[64];
	int r = 0;

	for (int stage = STAGE_INCIDENT; r == 0 && stage < STAGE_PROOF; stage++) {
		const struct bundle_file *f;

		export_record_name(stage, name);
		f = bundle_find(&c->b, name);
		r = f ? case_write(k, stage_record(stage), f->data, f->n, e)
		      : err_set(e, ENOENT, "%s is not in the archive", name);
	}
	return r;
}

/* What production said is needed again: of the archive, or of this host. */
static int put_raw(const struct checking *c, const char *state, struct err *e)
{
	const json_t *measured = json_object_get(c->p.record[STAGE_INCIDENT], "measured");
	const char *digest = pr_str(json_object_get(measured, "values"), "digest");
	AUTO_BUF struct buf have = BUF_INIT(BUNDLE_FILE_MAX);
	const struct bundle_file *f = NULL;
	struct err none = ERR_INIT;
	char name[BUNDLE_NAME_MAX + 1];

	if (!*digest || raw_file(state, digest, &have, &none) == 0)
		return 0;
	(void)snprintf(name, sizeof(name), EXPORT_RAW "%.64s", digest + strlen("sha256:"));
	f = bundle_find(&c->b, name);
	if (!f)
		return err_set(e, ENOENT,
			       "neither this host nor the archive has what production said (%s): "
			       "export the case with '--with-raw'",
			       digest);
	return raw_import(state, digest, f->data, f->n, e);
}

static int make_case(const struct checking *c, const char *state, struct kase **out, struct err *e)
{
	AUTO_FREE char *at = NULL;
	AUTO_FREE char *folder = NULL;
	struct kase *k = NULL;
	int r;

	if (asprintf(&at, "%s/" RERUN_DIR, state) < 0 ||
	    asprintf(&folder, "%s/cases/%s", at, c->case_id) < 0)
		return err_set(e, ENOMEM, "out of memory");
	r = dir_make(folder, 0700, e);
	if (r == 0)
		r = case_open(at, c->case_id, true, &k, e);
	if (r == 0)
		r = put_records(c, k, e);
	if (r < 0)
		case_close(k);
	else
		*out = k;
	return r;
}

static void remove_case(const char *state, const char *id)
{
	struct err ignored = ERR_INIT;
	AUTO_CLOSE int at = fd_open_dir(state, &ignored);
	char path[300];

	(void)snprintf(path, sizeof(path), RERUN_DIR "/cases/%s", id);
	if (at >= 0)
		(void)tree_remove_at(at, path, &ignored);
}

/* Step by step: whether it holds is the result; in other words only means other measurements. */
static void compare(struct checking *c, const json_t *again)
{
	const json_t *then = c->p.record[STAGE_PROOF];
	const json_t *a = json_object_get(then, "steps"), *b = json_object_get(again, "steps");
	size_t words = 0;

	if (strcmp(pr_str(then, "verdict"), pr_str(again, "verdict")) != 0 ||
	    json_array_size(a) != json_array_size(b) ||
	    !json_equal(json_object_get(then, "proven"), json_object_get(again, "proven"))) {
		check_fail(c, "re-run", "verdict %s with %zu steps; in the case it is %s with %zu",
			   pr_str(again, "verdict"), json_array_size(b), pr_str(then, "verdict"),
			   json_array_size(a));
		return;
	}
	for (size_t i = 0; i < json_array_size(a); i++) {
		const json_t *x = json_array_get(a, i), *y = json_array_get(b, i);

		words += strcmp(pr_str(x, "says"), pr_str(y, "says")) != 0;
		if (json_equal(json_object_get(x, "step"), json_object_get(y, "step")) &&
		    json_equal(json_object_get(x, "side"), json_object_get(y, "side")) &&
		    json_equal(json_object_get(x, "commit"), json_object_get(y, "commit")) &&
		    json_equal(json_object_get(x, "holds"), json_object_get(y, "holds")))
			continue;
		check_fail(c, "re-run", "5-proof.json: /steps/%zu: expected \"%s\", seen \"%s\"", i,
			   pr_str(x, "says"), pr_str(y, "says"));
		return;
	}
	check_ok(c, "re-run",
		 "the proof was repeated in fresh replicas: %zu steps hold as they did%s",
		 json_array_size(b), words ? ", some in other words" : "");
}

static int prove_again(struct checking *c, struct session *s, struct err *e)
{
	AUTO_JSON json_t *again = NULL;
	struct pipeline p = {
		.state = s->state, .service = &s->service, .store = s->store, .audit = s->audit
	};
	int r = make_case(c, s->state, &s->kase, e);

	if (r < 0)
		return r;
	p.kase = s->kase;
	r = audit_commit(s->audit, "case.rerun",
			 json_pack("{s:s,s:s}", "of", c->case_id, "archive", c->digest), e);
	if (r == 0)
		r = pipeline_prove_again(&p, &again, e);
	remove_case(s->state, c->case_id);
	if (r == 0)
		compare(c, again);
	return r;
}

int case_rerun(struct checking *c, const char *state, const char *service, struct err *e)
{
	const struct session_options o = { .state = state, .service = service };
	const char *name = pr_str(json_object_get(c->p.record[STAGE_INCIDENT], "service"), "name");
	struct session s;
	int status;

	if (geteuid() != 0) {
		(void)err_set(e, EPERM, "--re-run builds replicas: it needs root");
		return CLI_FAILED;
	}
	if (!c->p.record[STAGE_PROOF] ||
	    !json_array_size(json_object_get(c->p.record[STAGE_PROOF], "steps"))) {
		(void)err_set(e, ENODATA, "there is no proof in this case to run again");
		return CLI_FAILED;
	}
	status = session_open(&o, &s, e);
	if (status != CLI_OK)
		return status;
	status = session_admit(&s, e);
	if (status == CLI_OK && strcmp(s.service.name, name) != 0) {
		(void)err_set(e, EINVAL, "'%s' is the service '%s', the case is of '%s'", service,
			      s.service.name, name);
		status = CLI_FAILED;
	}
	if (status == CLI_OK && (put_raw(c, s.state, e) < 0 || prove_again(c, &s, e) < 0))
		status = CLI_FAILED;
	session_close(&s);
	return status;
}
