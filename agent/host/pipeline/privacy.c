/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/pipeline/privacy.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/raw.h"
#include "agent/host/incident/triage.h"
#include "agent/host/incident/values.h"
#include "agent/host/pr/pr.h"
#include "runtime/base/fd.h"

#define SERVICE_MAX (1u << 20)
#define OWN_MAX	    (32u << 20)
#define SAID_MAX    (1u << 20) /* of one string in a record */

static int out_of_memory(struct err *e)
{
	return err_set(e, ENOMEM, "values of production: out of memory");
}

/* ---- apart from the record ---- */

static json_t *ref_json(const struct raw_ref *ref)
{
	return json_pack("{s:s,s:I}", "digest", ref->digest, "bytes", (json_int_t)ref->bytes);
}

/* The report as it came is kept already, if we had it (report_convert()). */
static int name_report(const struct pipeline *p, const struct incident *i, json_t *measured,
		       struct err *e)
{
	const char *digest = json_string_value(json_object_get(i->raw, "digest"));

	if (!digest || !raw_has(p->state, digest))
		return 0;
	return json_object_set_new(measured, "raw",
				   json_pack("{s:s,s:O*}", "digest", digest, "bytes",
					     json_object_get(i->raw, "bytes"))) < 0
		       ? out_of_memory(e)
		       : 0;
}

/* Before a commit is known: what triage says may hold words of the report. */
static int mask_triage(const struct incident *i, json_t *record, struct err *e)
{
	AUTO_BUF struct buf own = BUF_INIT(OWN_MAX);
	struct redact *r = NULL;
	int k = redact_new(&r, e);

	triage_words(&own);
	deployed_words(&own);
	if (k == 0)
		k = values_collect(i, r, e);
	if (k == 0)
		k = redact_build(r, e);
	if (k == 0)
		k = buf_check(&own, "own words", e);
	if (k == 0)
		k = redact_learn(r, own.p, own.n, e);
	if (k == 0)
		redact_settle(r);
	if (k == 0)
		k = privacy_mask_record(r, record, e);
	redact_free(r);
	return k;
}

int privacy_keep(const struct pipeline *p, const struct incident *i, json_t *record, struct err *e)
{
	AUTO_JSON json_t *whole = incident_write(i);
	AUTO_FREE char *text = whole ? json_dumps(whole, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	json_t *measured = json_object_get(record, "measured");
	struct raw_ref ref;
	int r;

	if (!text || !measured)
		return out_of_memory(e);
	r = name_report(p, i, measured, e);
	if (r == 0)
		r = raw_put(p->state, "values", case_id(p->kase), text, strlen(text), &ref, e);
	if (r < 0)
		return r;
	if (json_object_set_new(measured, "values", ref_json(&ref)) < 0 ||
	    json_object_set_new(record, "incident", values_shape(i)) < 0)
		return out_of_memory(e);
	return mask_triage(i, record, e);
}

int privacy_load(const struct pipeline *p, const json_t *record, struct incident *out,
		 struct err *e)
{
	const char *digest = json_string_value(json_object_get(
		json_object_get(json_object_get(record, "measured"), "values"), "digest"));
	AUTO_BUF struct buf text = BUF_INIT(RAW_MAX);
	AUTO_JSON json_t *v = NULL;
	int r;

	if (!digest) /* a record of the time when values stood in it */
		return incident_read(json_object_get(record, "incident"), out, e);
	r = raw_get(p->state, digest, &text, e);
	if (r < 0)
		return r;
	v = json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES, NULL);
	if (!v)
		return err_set(e, EBADMSG, "raw '%s': not as it was written", digest);
	return incident_read(v, out, e);
}

/* ---- what may not leave ---- */

struct learning {
	struct redact *r;
	const struct git_tree *tree;
};

static int learn_blob(void *ctx, size_t index, const char *data, size_t n, struct err *e)
{
	const struct learning *l = ctx;

	(void)index;
	return redact_learn(l->r, data, n, e);
}

/* Names of files and what is in them; links and submodules are names. */
static int learn_repository(struct work *w, struct redact *r, struct err *e)
{
	struct git_tree tree = { 0 };
	struct learning l = { .r = r, .tree = &tree };
	size_t files = 0;
	int k = git_tree_read(w->world.git, w->base, "", &tree, e);

	for (size_t i = 0; k == 0 && i < tree.n; i++) {
		k = redact_learn(r, tree.v[i].path, strlen(tree.v[i].path), e);
		if ((tree.v[i].mode & 0170000) == 0100000)
			tree.v[files++] = tree.v[i];
	}
	tree.n = k == 0 ? files : tree.n;
	if (k == 0 && tree.n)
		k = git_blobs(w->world.git, &tree, learn_blob, &l, e);
	git_tree_release(&tree);
	return k;
}

static void put_keys(const json_t *o, struct buf *out)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)o, key, v)
		buf_printf(out, "%s ", key);
}

/* Names of code that the report has too, and of tests that ran before anyone read the report. */
static void learn_names(const struct work *w, struct buf *out)
{
	const struct exception *x = w->incident.chain.v;
	const struct coordinate *c = &w->incident.coordinate;

	buf_printf(out, "%s %s ", c->type ? c->type : "", c->function ? c->function : "");
	for (size_t i = 0; i < w->incident.chain.n; i++) {
		const struct frame *f = x[i].frames.v;

		buf_printf(out, "%s ", x[i].type);
		if (x[i].message)
			(void)values_template(x[i].message, out);
		buf_putc(out, ' ');
		for (size_t n = 0; n < x[i].frames.n; n++)
			if (f[n].in_app && f[n].function)
				buf_printf(out, "%s ", f[n].function);
	}
	for (int side = 0; side < SIDE_N; side++) {
		put_keys(w->baseline[side].status, out);
		put_keys(w->baseline[side].flaky, out);
	}
}

/* Whose words stand in every pull request: the service file's, and our own. */
static int learn_own(struct work *w, struct redact *r, struct err *e)
{
	AUTO_BUF struct buf file = BUF_INIT(SERVICE_MAX);
	AUTO_BUF struct buf own = BUF_INIT(OWN_MAX);
	int k = file_read_at(AT_FDCWD, w->p->service->file, SERVICE_MAX, &file, e);

	if (k == 0)
		k = redact_learn(r, file.p ? file.p : "", file.n, e);
	buf_printf(&own, "%s %s ", w->p->service->name, case_id(w->p->kase));
	for (int i = 0; i < OUTCOME_N; i++)
		buf_printf(&own, "%s ", outcome_name(i));
	for (int i = 0; i < MATCH_N; i++)
		buf_printf(&own, "%s ", match_name(i));
	learn_names(w, &own);
	triage_words(&own);
	deployed_words(&own);
	if (k == 0)
		k = pr_words(&own, e);
	if (k == 0)
		k = buf_check(&own, "own words", e);
	return k < 0 ? k : redact_learn(r, own.p, own.n, e);
}

int privacy_values(struct work *w, struct redact **out, struct err *e)
{
	struct redact *r = NULL;
	int k = redact_new(&r, e);

	if (k == 0)
		k = values_collect(&w->incident, r, e);
	if (k == 0)
		k = redact_build(r, e);
	if (k == 0 && redact_size(r)) {
		k = learn_repository(w, r, e);
		if (k == 0)
			k = learn_own(w, r, e);
	}
	if (k < 0) {
		redact_free(r);
		return k;
	}
	redact_settle(r);
	*out = r;
	return 0;
}

/* ---- records ---- */

/* Members that hold words about what was seen; the others hold names and numbers of our own. */
static bool is_prose(const char *key)
{
	static const char *const names[] = { "says",	"reason",    "reasons",	  "why",
					     "why_not", "detail",    "summary",	  "evidence",
					     "notes",	"seen",	     "title",	  "cause",
					     "change",	"test_name", "input_from" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(key, names[i]) == 0)
			return true;
	return false;
}

static int mask_string(const struct redact *r, json_t *v, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(2u * SAID_MAX);
	int k = redact_mask(r, false, json_string_value(v), json_string_length(v), &out, NULL, e);

	if (k == 0 && json_string_setn(v, out.p ? out.p : "", out.n) < 0)
		k = err_set(e, EBADMSG, "a record's text is not UTF-8 without its values");
	return k;
}

static int mask_below(const struct redact *r, json_t *v, bool prose, struct err *e)
{
	const char *key;
	json_t *member;
	size_t i;
	int k = 0;

	if (json_is_string(v) && prose)
		return mask_string(r, v, e);
	json_array_foreach(v, i, member) {
		k = mask_below(r, member, prose, e);
		if (k < 0)
			return k;
	}
	json_object_foreach(v, key, member) {
		k = mask_below(r, member, prose || is_prose(key), e);
		if (k < 0)
			return k;
	}
	return 0;
}

int privacy_mask_record(const struct redact *r, json_t *record, struct err *e)
{
	return mask_below(r, record, false, e);
}

int privacy_check_text(const struct redact *r, const char *what, const struct buf *text,
		       char why[256], struct err *e)
{
	struct redact_hit hit;
	const int k = redact_find(r, false, text->p ? text->p : "", text->n, &hit, e);

	if (k == 1)
		(void)snprintf(why, 256,
			       "production-data: line %zu of the %s holds a value of the report "
			       "(%s)",
			       hit.line, what, hit.form);
	return k;
}
