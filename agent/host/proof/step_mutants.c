/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/proof/steps.h"
#include "runtime/base/cleanup.h"

/*
 * Step 5: does the new test bite?  Small changes of the patched lines, made by
 * an inspection in a fresh replica, are each tried with the new test alone.
 * The ones marked essential take the fix back in some way: all of them must be
 * noticed.  The others show how much of the new behaviour the test pins down.
 */
#define MUTANTS_MAX 24
#define MUTANT_MS   60000
#define OLD_FOLDER  "sickbay-old/"

struct mutant {
	struct change file; /* borrows the path; owns new_data */
	struct changes all; /* the patch with this file in place of its own; v is owned */
	const char *what;   /* borrowed from the document */
	bool essential, killed;
};

struct mutation {
	const struct proof_input *in;
	struct mutant m[MUTANTS_MAX];
	json_t *documents;
	size_t n;
};

/* The lines of the new text that differ from the old one, from the first to the last. */
static void changed_lines(const struct change *ch, size_t *first, size_t *last)
{
	size_t head = 0, tail = 0, total = 1, line = 1;

	while (head < ch->old_len && head < ch->new_len && ch->old_data[head] == ch->new_data[head])
		line += ch->new_data[head++] == '\n';
	while (tail < ch->old_len - head && tail < ch->new_len - head &&
	       ch->old_data[ch->old_len - 1 - tail] == ch->new_data[ch->new_len - 1 - tail])
		tail++;
	*first = line;
	for (size_t i = head; i < ch->new_len - tail; i++)
		total += ch->new_data[i] == '\n' && i + 1 < ch->new_len - tail;
	*last = line + total - 1;
}

static int ask(const struct proof_input *in, const struct change *ch, json_t **out, struct err *e)
{
	AUTO_FREE char *old_path = NULL;
	char lines[64];
	size_t first, last;
	struct change files[2];
	const struct changes both = { .v = files, .n = 2 };

	changed_lines(ch, &first, &last);
	(void)snprintf(lines, sizeof(lines), "%zu-%zu", first, last);
	if (asprintf(&old_path, OLD_FOLDER "%s", ch->path) < 0)
		return err_set(e, ENOMEM, "out of memory");
	files[0] = *ch;
	files[1] = (struct change){ .path = old_path,
				    .kind = CHANGE_ADD,
				    .old_type = -1,
				    .new_data = ch->old_data,
				    .new_len = ch->old_len };
	{
		const char *const args[] = { "mutants",	   ch->path,
					     "--lines",	   lines,
					     "--original", old_path,
					     "--lang",	   in->world->service->language,
					     NULL };

		return proof_inspect(in, SIDE_BASE, args, &both, out, e);
	}
}

static int splice(const struct change *ch, const json_t *row, struct mutant *m, struct err *e)
{
	const json_int_t start = json_integer_value(json_object_get(row, "start"));
	const json_int_t end = json_integer_value(json_object_get(row, "end"));
	const json_t *text = json_object_get(row, "text");
	const size_t n = json_string_length(text);

	if (!json_is_string(text) || start < 0 || end < start || (size_t)end > ch->new_len)
		return err_set(e, EBADMSG, "a mutant of '%s' lies outside the file", ch->path);
	m->file = *ch;
	m->file.new_len = (size_t)start + n + ch->new_len - (size_t)end;
	m->file.new_data = malloc(m->file.new_len + 1);
	if (!m->file.new_data)
		return err_set(e, ENOMEM, "out of memory");
	memcpy(m->file.new_data, ch->new_data, (size_t)start);
	memcpy(m->file.new_data + start, json_string_value(text), n);
	memcpy(m->file.new_data + (size_t)start + n, ch->new_data + end, ch->new_len - (size_t)end);
	m->file.new_data[m->file.new_len] = '\0';
	m->what = json_string_value(json_object_get(row, "what"));
	m->essential = json_is_true(json_object_get(row, "essential"));
	return 0;
}

static int add_mutant(struct mutation *mu, size_t at, const json_t *row, struct err *e)
{
	const struct changes *patch = mu->in->patch;
	struct mutant *m = &mu->m[mu->n];
	const int r = splice(&patch->v[at], row, m, e);

	if (r < 0)
		return r;
	mu->n++;
	m->all.v = malloc(patch->n * sizeof(*m->all.v));
	if (!m->all.v)
		return err_set(e, ENOMEM, "out of memory");
	m->all.n = patch->n;
	memcpy(m->all.v, patch->v, patch->n * sizeof(*m->all.v));
	m->all.v[at] = m->file;
	return 0;
}

static int make_mutants(struct mutation *mu, struct err *e)
{
	const struct changes *patch = mu->in->patch;
	int r = 0;

	for (size_t i = 0; r == 0 && i < patch->n; i++) {
		json_t *doc = NULL;
		const json_t *list;

		if (patch->v[i].kind != CHANGE_MODIFY)
			continue;
		r = ask(mu->in, &patch->v[i], &doc, e);
		if (r < 0)
			return r;
		(void)json_array_append_new(mu->documents, doc);
		list = json_object_get(doc, "mutants");
		for (size_t k = 0; r == 0 && k < json_array_size(list) && mu->n < MUTANTS_MAX; k++)
			r = add_mutant(mu, i, json_array_get(list, k), e);
	}
	return r;
}

static int note_mutant(void *ctx, size_t index, const struct test_report *r, struct err *e)
{
	struct mutation *mu = ctx;

	(void)e;
	mu->m[index].killed = !test_report_green(r);
	return 0;
}

static int run_mutants(struct mutation *mu, struct err *e)
{
	struct testrun_job jobs[MUTANTS_MAX];

	for (size_t i = 0; i < mu->n; i++)
		jobs[i] = (struct testrun_job){ .purpose = "proof 5",
						.side = SIDE_BASE,
						.role = ROLE_VERIFY,
						.what = RUN_ONE,
						.test_path = mu->in->test_path,
						.changes = { mu->in->test, &mu->m[i].all },
						.n_changes = 2,
						.wall_ms = MUTANT_MS };
	return testrun_batch(mu->in->world, jobs, mu->n, 2, note_mutant, mu, e);
}

static int judge_mutants(const struct mutation *mu, struct step_result *r, struct err *e)
{
	size_t killed = 0, essential = 0, missed = 0;
	json_t *survived = json_array();
	const char *first = NULL;

	for (size_t i = 0; survived && i < mu->n; i++) {
		const struct mutant *m = &mu->m[i];

		killed += m->killed;
		essential += m->essential;
		if (m->killed)
			continue;
		missed += m->essential;
		if (m->essential && !first)
			first = m->what;
		(void)json_array_append_new(survived, json_string(m->what ? m->what : "?"));
	}
	r->holds = missed == 0;
	(void)snprintf(r->says, sizeof(r->says),
		       "%zu of %zu mutants of the changed lines killed, %zu of %zu "
		       "that take the fix back%s%.200s",
		       killed, mu->n, essential - missed, essential, first ? "; not noticed: " : "",
		       first ? first : "");
	if (mu->n == 0) {
		r->risk = 2;
		(void)snprintf(r->risk_reason, sizeof(r->risk_reason),
			       "no mutant of the changed lines could be made");
	} else if (killed * 2 < mu->n) {
		r->risk = 1;
		(void)snprintf(r->risk_reason, sizeof(r->risk_reason),
			       "the new test notices %zu of %zu mutants", killed, mu->n);
	}
	r->detail = json_pack("{s:I,s:I,s:I,s:o}", "mutants", (json_int_t)mu->n, "killed",
			      (json_int_t)killed, "essential", (json_int_t)essential, "survived",
			      survived);
	return r->detail ? 0 : err_set(e, ENOMEM, "out of memory");
}

int step_mutants(const struct proof_input *in, int side, struct step_result *r, struct err *e)
{
	struct mutation mu = { .in = in, .documents = json_array() };
	int k = mu.documents ? make_mutants(&mu, e) : err_set(e, ENOMEM, "out of memory");

	(void)side;
	if (k == 0)
		k = run_mutants(&mu, e);
	if (k == 0)
		k = judge_mutants(&mu, r, e);
	for (size_t i = 0; i < mu.n; i++) {
		free(mu.m[i].file.new_data);
		free(mu.m[i].all.v);
	}
	json_decref(mu.documents);
	return k;
}
