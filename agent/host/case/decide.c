/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/decide.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/host/case/mode.h"
#include "agent/host/incident/incident.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/base/sha256.h"
#include "runtime/base/sys.h"

#define FILE_NAME   "decisions.ndjson"
#define SCHEMA	    "sickbay.decision/1"
#define SUPPRESSION "sickbay.suppression/1"
#define FILE_MAX    (4u << 20)
#define ENTRY_MAX   65536
#define NAME_LEN    80

enum measure { NO_MEASURE, RIGHT, WRONG };

static const struct {
	const char *name;
	bool of_proposal; /* makes sense only where something was proposed */
	bool judges;
	enum measure measure;
} decisions[DECISION_N] = {
	[DECISION_MERGED] = { "merged", true, true, RIGHT },
	[DECISION_MERGED_EDITED] = { "merged-edited", true, true, RIGHT },
	[DECISION_CLOSED_WRONG] = { "closed-wrong", false, true, WRONG },
	[DECISION_EXPECTED] = { "expected-behaviour", false, true, WRONG },
	[DECISION_DUPLICATE] = { "duplicate", false, true, NO_MEASURE },
	[DECISION_REVERTED] = { "reverted", true, true, WRONG },
	[DECISION_RECURRED] = { "recurred", false, true, WRONG },
	[DECISION_LIFTED] = { "lifted", false, false, NO_MEASURE },
	[DECISION_AUDITED] = { "audited", true, false, NO_MEASURE },
};

bool decision_judges(int decision)
{
	return decisions[decision].judges;
}

bool decision_measures(int decision, bool *right)
{
	*right = decisions[decision].measure == RIGHT;
	return decisions[decision].measure != NO_MEASURE;
}

const char *decision_name(int decision)
{
	return decisions[decision].name;
}

int decision_from_name(const char *name)
{
	for (int i = 0; i < DECISION_N; i++)
		if (strcmp(decisions[i].name, name) == 0)
			return i;
	return -1;
}

/* ---- what is suppressed: STATE/suppressed/SHA-256 of service and fingerprint.json ---- */

static void entry_name(const char *service, const char *fingerprint, char name[NAME_LEN])
{
	char hex[65];

	incident_key(service, fingerprint, hex);
	(void)snprintf(name, NAME_LEN, "%s.json", hex);
}

static int open_suppressed(const char *state, bool make, struct err *e)
{
	AUTO_FREE char *path = NULL;
	int fd;

	if (asprintf(&path, "%s/suppressed", state) < 0)
		return err_set(e, ENOMEM, "out of memory");
	if (make && dir_make(path, 0700, e) < 0)
		return -e->code;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "'%s'", path) : fd;
}

static int read_entry(int dir, const char *name, json_t **out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(ENTRY_MAX);
	int r = file_read_at(dir, name, ENTRY_MAX, &text, e);

	if (r < 0)
		return r;
	*out = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	if (!*out)
		return err_set(e, EBADMSG, "'suppressed/%s': not as it was written", name);
	r = record_is(*out, SUPPRESSION, name, e);
	if (r < 0) {
		json_decref(*out);
		*out = NULL;
		return err_wrap(e, "'suppressed'");
	}
	return 0;
}

static const char *text_of(const json_t *v, const char *key)
{
	const char *s = json_string_value(json_object_get(v, key));

	return s ? s : "";
}

int decision_suppressed(const char *state, const char *service, const char *fingerprint,
			char why[256], struct err *e)
{
	AUTO_CLOSE int dir = open_suppressed(state, false, e);
	AUTO_JSON json_t *v = NULL;
	char name[NAME_LEN];
	int r = dir < 0 ? dir : 0;

	entry_name(service, fingerprint, name);
	if (r == 0)
		r = read_entry(dir, name, &v, e);
	if (r == -ENOENT) {
		e->code = 0;
		return 0;
	}
	if (r < 0)
		return err_wrap(e, "cannot see whether it is expected behaviour");
	(void)snprintf(why, 256, "expected behaviour since %s (case %s)%s%s", text_of(v, "since"),
		       text_of(v, "case"), *text_of(v, "note") ? ": " : "", text_of(v, "note"));
	return 1;
}

int decision_suppressions(const char *state, json_t **out, struct err *e)
{
	AUTO_JSON json_t *list = json_array();
	AUTO_CLOSE int dir = open_suppressed(state, false, e);
	const int copy = dir < 0 ? -1 : openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(cleanup_closedir) DIR *d = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *ent;

	if (dir < 0 && dir != -ENOENT)
		return dir;
	e->code = 0;
	while (d && (ent = readdir(d))) {
		const char *dot = strrchr(ent->d_name, '.');
		json_t *v = NULL;

		if (ent->d_name[0] == '.' || !dot || strcmp(dot, ".json") != 0)
			continue;
		if (read_entry(dir, ent->d_name, &v, e) < 0)
			return -e->code;
		(void)json_object_del(v, "schema");
		if (json_array_append_new(list, v) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	*out = take_ptr(list);
	return *out ? 0 : err_set(e, ENOMEM, "out of memory");
}

/* ---- the lines of a case ---- */

static void digest_of(const char *text, size_t n, char out[SHA256_HEX])
{
	uint8_t digest[SHA256_LEN];

	sha256_of(text, n, digest);
	sha256_hex(digest, out);
}

static int read_line(const struct kase *k, const char *line, size_t n, char prev[SHA256_HEX],
		     json_t *list, struct err *e)
{
	json_t *v = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
	const char *said = text_of(v, "prev");

	if (!v || strncmp(said, "sha256:", 7) != 0 || strcmp(said + 7, prev) != 0) {
		json_decref(v);
		return err_set(e, EBADMSG,
			       "case '%s': line %zu of " FILE_NAME
			       " does not follow from the one before it: it was changed by hand",
			       case_id(k), json_array_size(list) + 1);
	}
	if (record_is(v, SCHEMA, FILE_NAME, e) < 0) {
		json_decref(v);
		return err_wrap(e, "case '%s'", case_id(k));
	}
	digest_of(line, n, prev);
	return json_array_append_new(list, v) < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

/* Whole lines only: one that a crash cut short never took effect. *end: where the next begins. */
static int read_lines(const struct kase *k, json_t **out, char prev[SHA256_HEX], size_t *end,
		      struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(FILE_MAX);
	AUTO_JSON json_t *list = json_array();
	int r = case_record_digest(k, STAGE_OUTCOME, prev, e);

	if (r == 0)
		r = file_read_at(case_dir(k), FILE_NAME, FILE_MAX, &text, e);
	if (r == -ENOENT) {
		e->code = 0;
		r = 0;
	}
	*end = 0;
	for (const char *nl; r == 0 && text.p && (nl = memchr(text.p + *end, '\n', text.n - *end));
	     *end = (size_t)(nl - text.p) + 1)
		r = read_line(k, text.p + *end, (size_t)(nl - text.p) - *end, prev, list, e);
	if (r < 0)
		return r;
	*out = take_ptr(list);
	return *out ? 0 : err_set(e, ENOMEM, "out of memory");
}

int case_decisions(const struct kase *k, json_t **out, struct err *e)
{
	char prev[SHA256_HEX];
	size_t end;

	if (case_stage(k) != STAGE_N) {
		*out = json_array();
		return *out ? 0 : err_set(e, ENOMEM, "out of memory");
	}
	return read_lines(k, out, prev, &end, e);
}

bool case_is_decided(const struct kase *k)
{
	AUTO_JSON json_t *all = NULL;
	struct err none = ERR_INIT;
	size_t i;
	json_t *v;

	if (case_decisions(k, &all, &none) < 0)
		return true; /* not ours to add to */
	json_array_foreach(all, i, v) {
		const int d = decision_from_name(text_of(v, "decision"));

		if (d >= 0 && decision_judges(d))
			return true;
	}
	return false;
}

static int append(int fd, size_t end, const json_t *line, struct err *e)
{
	AUTO_FREE char *text = json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII);
	AUTO_BUF struct buf b = BUF_INIT(ENTRY_MAX);
	int r;

	buf_puts(&b, text ? text : "");
	buf_putc(&b, '\n');
	if (!text || buf_check(&b, "decision", e) < 0)
		return err_set(e, ENOMEM, "decision: out of memory, or too long a note");
	if (ftruncate(fd, (off_t)end) < 0 || lseek(fd, (off_t)end, SEEK_SET) < 0)
		return err_sys(e, FILE_NAME);
	r = fd_write_all(fd, b.p, b.n, FILE_NAME, e);
	if (r == 0)
		r = sys_fsync(fd);
	return r < 0 && !e->code ? err_set(e, -r, "sync " FILE_NAME ": %s", strerror(-r)) : r;
}

struct deciding {
	const char *state;
	struct kase *k;
	const struct decision_note *d;
	const char *service, *fingerprint;
	char now[CLOCK_RFC3339];
};

static int suppress(const struct deciding *c, struct err *e)
{
	AUTO_CLOSE int dir = open_suppressed(c->state, true, e);
	AUTO_JSON json_t *v = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s*}", "schema", SUPPRESSION,
					"service", c->service, "fingerprint", c->fingerprint,
					"case", case_id(c->k), "since", c->now, "note", c->d->note);
	AUTO_FREE char *text = v ? json_dumps(v, JSON_INDENT(1) | JSON_ENSURE_ASCII) : NULL;
	char name[NAME_LEN];

	if (dir < 0)
		return dir;
	if (!text)
		return err_set(e, ENOMEM, "out of memory");
	entry_name(c->service, c->fingerprint, name);
	return file_publish_at(dir, name, text, strlen(text), 0600, e);
}

static int lift(const struct deciding *c, struct err *e)
{
	AUTO_CLOSE int dir = open_suppressed(c->state, true, e);
	char name[NAME_LEN];

	if (dir < 0)
		return dir;
	entry_name(c->service, c->fingerprint, name);
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return err_sys(e, "lift the suppression of '%s'", c->fingerprint);
	return sys_fsync(dir) < 0 ? err_set(e, EIO, "sync '%s/suppressed'", c->state) : 0;
}

static int take_effect(const struct deciding *c, struct err *e)
{
	char why[256];

	switch (c->d->decision) {
	case DECISION_EXPECTED:
		return suppress(c, e);
	case DECISION_LIFTED:
		return lift(c, e);
	case DECISION_CLOSED_WRONG:
	case DECISION_REVERTED:
		(void)snprintf(why, sizeof(why), "case %s was %s", case_id(c->k),
			       decision_name(c->d->decision));
		return service_demote(c->state, c->service, why, e);
	default:
		return 0;
	}
}

/* What the words cannot mean of this case. */
static int check(const struct deciding *c, struct err *e)
{
	AUTO_JSON json_t *end = NULL;
	char why[256];
	int r = case_record(c->k, STAGE_OUTCOME, &end, e);

	if (r < 0)
		return r == -ENOENT
			       ? err_set(e, EBUSY,
					 "case '%s' has not ended: there is nothing to decide on "
					 "yet",
					 case_id(c->k))
			       : r;
	if (decisions[c->d->decision].of_proposal &&
	    strcmp(text_of(end, "outcome"), outcome_name(OUTCOME_PROPOSED)) != 0)
		return err_set(e, EINVAL,
			       "case '%s' ended as %s: nothing was proposed that could "
			       "be %s",
			       case_id(c->k), text_of(end, "outcome"),
			       decision_name(c->d->decision));
	if (c->d->decision != DECISION_EXPECTED && c->d->decision != DECISION_LIFTED)
		return 0;
	if (!*c->fingerprint)
		return err_set(e, EINVAL,
			       "the incident of case '%s' has no fingerprint: there is "
			       "nothing to suppress by",
			       case_id(c->k));
	r = decision_suppressed(c->state, c->service, c->fingerprint, why, e);
	if (r == 0 && c->d->decision == DECISION_LIFTED)
		return err_set(e, ENOENT, "fingerprint '%s' of %s is not suppressed",
			       c->fingerprint, c->service);
	return r < 0 ? r : 0;
}

/* In the log, in the case, in effect: whoever is killed in between does it again. */
static int decide(const struct deciding *c, int fd, struct audit *a, struct err *e)
{
	AUTO_JSON json_t *before = NULL;
	AUTO_JSON json_t *line = NULL;
	const char *word = decision_name(c->d->decision);
	char prev[SHA256_HEX];
	size_t end;
	int r = read_lines(c->k, &before, prev, &end, e);

	if (r < 0)
		return r;
	line = json_pack("{s:s,s:s,s:s,s:s,s:o,s:s*,s:s*,s:s*,s:o}", "schema", SCHEMA, "case",
			 case_id(c->k), "decision", word, "at", c->now, "login_uid",
			 audit_login_uid(), "source", c->d->source, "note", c->d->note, "commit",
			 c->d->commit, "prev", json_sprintf("sha256:%s", prev));
	if (!line)
		return err_set(e, EINVAL, "decision: the note is not UTF-8");
	audit_set_case(a, case_id(c->k));
	r = audit_commit(a, "case.decide",
			 json_pack("{s:s,s:s,s:s,s:s*,s:s*,s:s*}", "decision", word, "service",
				   c->service, "fingerprint", c->fingerprint, "source",
				   c->d->source, "note", c->d->note, "commit", c->d->commit),
			 e);
	r = r < 0 ? r : append(fd, end, line, e);
	return r < 0 ? r : take_effect(c, e);
}

int case_decide(const char *state, struct kase *k, const struct decision_note *d, struct audit *a,
		struct err *e)
{
	struct deciding c = { .state = state, .k = k, .d = d };
	AUTO_JSON json_t *first = NULL;
	AUTO_CLOSE int fd = -1;
	int r = case_record(k, STAGE_INCIDENT, &first, e);

	if (r < 0)
		return r;
	c.service = text_of(json_object_get(first, "service"), "name");
	c.fingerprint = text_of(json_object_get(first, "incident"), "fingerprint");
	clock_rfc3339(clock_real_ns(), c.now);
	r = check(&c, e);
	if (r < 0)
		return r;
	fd = openat(case_dir(k), FILE_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "open " FILE_NAME " of case '%s'", case_id(k));
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_sys(e, "lock " FILE_NAME " of case '%s'", case_id(k));
	return decide(&c, fd, a, e);
}
