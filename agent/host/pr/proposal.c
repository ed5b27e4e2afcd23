/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/pr/proposal.h"

#include <string.h>
#include <time.h>

#include "agent/host/case/candidates.h"
#include "agent/host/pipeline/stages.h"
#include "runtime/base/clock.h"

json_t *pr_service_write(const struct service *s)
{
	const struct service_tests *t = s->tests.v;
	const struct strlist *from = t->check.n ? &t->check : &t->one;
	json_t *check = json_array();

	for (size_t i = 0; check && i < from->n; i++)
		(void)json_array_append_new(check, json_string(from->v[i]));
	return json_pack("{s:s,s:s,s:o}", "target", s->repository.target, "root",
			 s->repository.root, "check", check);
}

static int service_read(const json_t *v, struct service *out, struct err *e)
{
	const json_t *check = json_object_get(v, "check");
	struct service_tests *t = calloc(1, sizeof(*t));

	if (!t)
		return err_set(e, ENOMEM, "out of memory");
	out->tests = (struct objlist){ t, 1 };
	out->repository.target = strdup(pr_str(v, "target"));
	out->repository.root = strdup(pr_str(v, "root"));
	if (!out->repository.target || !out->repository.root)
		return err_set(e, ENOMEM, "out of memory");
	if (!*out->repository.target || !json_array_size(check))
		return err_set(e, EBADMSG, "6-pullreq.json: no 'service' that the text names");
	for (size_t i = 0; i < json_array_size(check); i++) {
		const char *word = json_string_value(json_array_get(check, i));

		if (!word)
			return err_set(e, EBADMSG, "6-pullreq.json: /service/check/%zu: no text",
				       i);
		if (strlist_add(&t->check, word) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

static const json_t *chosen(const struct proposal *p)
{
	return candidate_chosen(p->record[STAGE_PATCH], p->record[STAGE_PROOF]);
}

static int read_changes(struct proposal *p, struct err *e)
{
	const json_t *at_head = json_object_get(p->record[STAGE_PROOF], "at_head");
	int r = changes_from_json(json_object_get(p->record[STAGE_MATCH], "test"), &p->test, e);

	if (r < 0)
		return err_wrap(e, "3-match.json");
	if (at_head) { /* brought to the head, and proven there */
		r = changes_from_json(at_head, &p->patch, e);
		return r < 0 ? err_wrap(e, "5-proof.json") : 0;
	}
	r = changes_from_json(json_object_get(chosen(p), "changes"), &p->patch, e);
	return r < 0 ? err_wrap(e, "4-patch.json") : 0;
}

static const char *date_of(const json_t *record)
{
	const json_t *incident = json_object_get(record, "incident");

	if (*pr_str(incident, "last_seen"))
		return pr_str(incident, "last_seen");
	if (*pr_str(incident, "first_seen"))
		return pr_str(incident, "first_seen");
	return pr_str(json_object_get(record, "measured"), "created");
}

int proposal_read(struct proposal *p, const char *case_id, struct err *e)
{
	const json_t *own = p->record[STAGE_PULLREQ];
	const json_t *measured = json_object_get(own, "measured");
	const json_t *checkpoint = json_object_get(measured, "checkpoint");
	int r = read_changes(p, e);

	if (r == 0)
		r = service_read(json_object_get(own, "service"), &p->service, e);
	if (r < 0)
		return r;
	p->date = date_of(p->record[STAGE_INCIDENT]);
	p->in = (struct pr_input){
		.case_id = case_id,
		.service = &p->service,
		.incident = p->record[STAGE_INCIDENT],
		.replica = p->record[STAGE_REPLICA],
		.match = p->record[STAGE_MATCH],
		.patch = chosen(p),
		.tried = p->record[STAGE_PATCH],
		.proof = p->record[STAGE_PROOF],
		.spent = json_object_get(measured, "spent"),
		.test_changes = &p->test,
		.patch_changes = &p->patch,
		.test_path = pr_str(p->record[STAGE_MATCH], "test_path"),
		.evidence = p->evidence,
		.checkpoint_root = pr_str(checkpoint, "root"),
		.checkpoint_size =
			(unsigned long long)json_integer_value(json_object_get(checkpoint, "size")),
	};
	return 0;
}

void proposal_release(struct proposal *p)
{
	for (int i = 0; i < STAGE_N; i++)
		json_decref(p->record[i]);
	service_release(&p->service);
	changes_release(&p->test);
	changes_release(&p->patch);
	*p = (struct proposal){ 0 };
}

/* RFC 5322, in UTC. */
static int mail_date(const char *date, char *out, size_t n, struct err *e)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	uint64_t ns;
	struct tm tm;
	time_t t;

	if (clock_parse_rfc3339(date, &ns) < 0)
		return err_set(e, EBADMSG, "1-incident.json: '%s' is no date", date);
	t = (time_t)(ns / 1000000000u);
	if (!gmtime_r(&t, &tm))
		return err_set(e, EBADMSG, "1-incident.json: '%s' is no date", date);
	(void)snprintf(out, n, "%s, %d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday,
		       months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
	return 0;
}

/* Paths are relative to the folder that is healed; a patch's are relative to the repository. */
static int put_diff(const struct changes *c, const char *root, struct buf *out, struct err *e)
{
	struct changes moved = { .v = calloc(c->n + 1, sizeof(*moved.v)), .n = c->n };
	int r = moved.v ? 0 : err_set(e, ENOMEM, "out of memory");

	for (size_t i = 0; r == 0 && i < c->n; i++) {
		moved.v[i] = c->v[i]; /* borrows the contents */
		if (asprintf(&moved.v[i].path, "%s%s%s", root, *root ? "/" : "", c->v[i].path) <
		    0) {
			moved.v[i].path = NULL;
			r = err_set(e, ENOMEM, "out of memory");
		}
	}
	if (r == 0)
		r = changes_unified(&moved, out, e);
	for (size_t i = 0; moved.v && i < c->n; i++)
		if (moved.v[i].path != c->v[i].path)
			free(moved.v[i].path);
	free(moved.v);
	return r;
}

int proposal_patch(const struct proposal *p, const char *commit, struct buf *out, struct err *e)
{
	AUTO_BUF struct buf message = BUF_INIT(PR_TEXT_MAX);
	char date[64];
	const char *rest;
	int r = pr_message(&p->in, &message, e);

	if (r == 0)
		r = mail_date(p->date, date, sizeof(date), e);
	if (r < 0)
		return r;
	rest = strchr(message.p, '\n');
	buf_printf(out, "From %s Mon Sep 17 00:00:00 2001\nFrom: " PR_AUTHOR "\nDate: %s\n", commit,
		   date);
	buf_puts(out, "Subject: [PATCH] ");
	buf_put(out, message.p, rest ? (size_t)(rest - message.p) : message.n);
	buf_puts(out, "\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"
		      "Content-Transfer-Encoding: 8bit\n");
	buf_puts(out, rest ? rest + 1 : "\n");
	buf_puts(out, "---\n\n");
	r = put_diff(&p->test, p->service.repository.root, out, e);
	if (r == 0)
		r = put_diff(&p->patch, p->service.repository.root, out, e);
	return r < 0 ? r : buf_check(out, PR_PATCH_FILE, e);
}
