/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/case.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/host/case/calls.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/jmap.h"
#include "runtime/base/sha256.h"
#include "runtime/base/sys.h"

#define RECORD_MAX (64u << 20)
#define CASES_MAX  100000

struct kase {
	char *id, *path;
	int dir, lock;
};

static const struct {
	const char *name, *record;
} stages[STAGE_N] = {
	[STAGE_INCIDENT] = { "incident", "1-incident.json" },
	[STAGE_REPLICA] = { "replica", "2-replica.json" },
	[STAGE_MATCH] = { "match", "3-match.json" },
	[STAGE_PATCH] = { "patch", "4-patch.json" },
	[STAGE_PROOF] = { "proof", "5-proof.json" },
	[STAGE_PULLREQ] = { "pullreq", "6-pullreq.json" },
	[STAGE_OUTCOME] = { "outcome", "7-outcome.json" },
};

static const char *const outcomes[OUTCOME_N] = {
	"proposed",	  "reproduced", "observed",    "not-code",     "already-fixed",
	"not-reproduced", "no-fix",	"needs-scope", "needs-person", "cancelled",
};

const char *stage_name(int stage)
{
	return stage < STAGE_N ? stages[stage].name : "ended";
}

const char *stage_record(int stage)
{
	return stages[stage].record;
}

const char *outcome_name(int outcome)
{
	return outcomes[outcome];
}

int outcome_from_name(const char *name)
{
	for (int i = 0; i < OUTCOME_N; i++)
		if (strcmp(outcomes[i], name) == 0)
			return i;
	return -1;
}

void case_close(struct kase *k)
{
	if (!k)
		return;
	if (k->lock >= 0)
		(void)close(k->lock);
	if (k->dir >= 0)
		(void)close(k->dir);
	free(k->id);
	free(k->path);
	free(k);
}

static int attach(const char *state, const char *id, struct kase **out, struct err *e)
{
	struct kase *k = calloc(1, sizeof(*k));

	if (!k)
		return err_set(e, ENOMEM, "out of memory");
	k->dir = k->lock = -1;
	k->id = strdup(id);
	if (!k->id || asprintf(&k->path, "%s/cases/%s", state, id) < 0) {
		case_close(k);
		return err_set(e, ENOMEM, "out of memory");
	}
	k->dir = open(k->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (k->dir < 0) {
		const int code = errno;

		case_close(k);
		if (code == ENOENT)
			return err_set(e, ENOENT, "no case '%s' in '%s' (see 'sickbay case list')",
				       id, state);
		errno = code;
		return err_sys(e, "open case '%s'", id);
	}
	*out = k;
	return 0;
}

/* What is written next must not continue a line that was cut short. */
static int mend_ledger(const struct kase *k, struct err *e)
{
	AUTO_CLOSE int fd =
		openat(k->dir, "ledger.ndjson", O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	char last = '\n';

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, "open the ledger of case '%s'", k->id);
	if (fstat(fd, &st) < 0 || (st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) < 0))
		return err_sys(e, "read the ledger of case '%s'", k->id);
	return last == '\n' ? 0 : fd_write_all(fd, "\n", 1, "the ledger", e);
}

/* Whoever has the lock is alone: what an earlier process left half done is taken away first. */
static int take_lock(struct kase *k, struct err *e)
{
	int r;

	k->lock = openat(k->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (k->lock < 0)
		return err_sys(e, "open the lock of case '%s'", k->id);
	if (flock(k->lock, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, EBUSY, "case '%s': another process is working on it", k->id);
	file_sweep_at(k->dir, ".");
	file_sweep_at(k->dir, "attempts");
	file_sweep_at(k->dir, "policies");
	file_sweep_at(k->dir, CALLS_DIR);
	r = mend_ledger(k, e);
	return r < 0 ? r : calls_mend(k, e);
}

int case_open(const char *state, const char *id, bool lock, struct kase **out, struct err *e)
{
	struct kase *k = NULL;
	int r;

	if (!name_is_safe(id))
		return err_set(e, EINVAL, "'%s' is not a case id", id);
	r = attach(state, id, &k, e);
	if (r == 0 && k && lock)
		r = take_lock(k, e);
	if (r < 0) {
		case_close(k);
		return r;
	}
	*out = k;
	return 0;
}

static bool has(const struct kase *k, int stage)
{
	return faccessat(k->dir, stages[stage].record, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int case_discard(const char *state, const struct kase *k, struct err *e)
{
	AUTO_FREE char *cases = NULL;
	AUTO_CLOSE int at = -1;

	if (k->lock < 0 || has(k, STAGE_INCIDENT))
		return err_set(e, EBUSY, "case '%s' has begun", k->id);
	if (asprintf(&cases, "%s/cases", state) < 0)
		return err_set(e, ENOMEM, "out of memory");
	at = fd_open_dir(cases, e);
	return at < 0 ? at : tree_remove_at(at, k->id, e);
}

int case_create(const char *state, const char *incident_id, struct kase **out, struct err *e)
{
	AUTO_FREE char *cases = NULL;
	AUTO_CLOSE int at = -1;
	char id[128];
	int r;

	if (asprintf(&cases, "%s/cases", state) < 0)
		return err_set(e, ENOMEM, "out of memory");
	r = dir_make(cases, 0700, e);
	if (r < 0)
		return r;
	at = fd_open_dir(cases, e);
	if (at < 0)
		return at;
	for (unsigned n = 1; n < CASES_MAX; n++) {
		(void)snprintf(id, sizeof(id), "%.56s-%u", incident_id, n);
		if (!name_is_safe(id))
			return err_set(e, EINVAL, "incident id '%s' cannot name a case",
				       incident_id);
		if (mkdirat(at, id, 0700) == 0) {
			r = sys_fsync(at);
			if (r < 0)
				return err_set(e, -r, "sync '%s': %s", cases, strerror(-r));
			return case_open(state, id, true, out, e);
		}
		if (errno != EEXIST)
			return err_sys(e, "make case '%s'", id);
	}
	return err_set(e, EOVERFLOW, "too many cases of incident '%s'", incident_id);
}

const char *case_id(const struct kase *k)
{
	return k->id;
}

const char *case_path(const struct kase *k)
{
	return k->path;
}

int case_dir(const struct kase *k)
{
	return k->dir;
}

int case_stage(const struct kase *k)
{
	if (has(k, STAGE_OUTCOME))
		return STAGE_N;
	for (int i = 0; i < STAGE_OUTCOME; i++)
		if (!has(k, i))
			return i;
	return STAGE_OUTCOME;
}

/* The newest record before a stage, or -1. */
static int predecessor(const struct kase *k, int stage)
{
	for (int i = stage - 1; i >= 0; i--)
		if (has(k, i))
			return i;
	return -1;
}

int case_record_digest(const struct kase *k, int stage, char hex[65], struct err *e)
{
	AUTO_CLOSE int fd = fd_open_beneath(k->dir, stages[stage].record, O_RDONLY, 0, e);

	return fd < 0 ? fd : sha256_fd(fd, hex, e);
}

static int prev_digest(const struct kase *k, int stage, char hex[65], struct err *e)
{
	const int before = predecessor(k, stage);

	(void)memset(hex, '0', 64);
	hex[64] = '\0';
	return before < 0 ? 0 : case_record_digest(k, before, hex, e);
}

int case_compose(const struct kase *k, int stage, json_t *record, char **out, struct err *e)
{
	AUTO_JSON json_t *head = json_object();
	AUTO_JSON json_t *body = record;
	char prev[65];
	int r = prev_digest(k, stage, prev, e);

	if (r < 0)
		return r;
	if (!head || !body ||
	    json_object_set_new(head, "schema",
				json_sprintf("sickbay.case.%s/1", stages[stage].name)) < 0 ||
	    json_object_set_new(head, "case", json_string(k->id)) < 0 ||
	    json_object_set_new(head, "prev", json_sprintf("sha256:%s", prev)) < 0 ||
	    json_object_update(head, body) < 0)
		return err_set(e, ENOMEM, "record '%s': out of memory", stages[stage].record);
	*out = json_dumps(head, JSON_INDENT(1) | JSON_ENSURE_ASCII);
	return *out ? 0 : err_set(e, ENOMEM, "record '%s': out of memory", stages[stage].record);
}

int case_publish_text(struct kase *k, int stage, const char *text, struct err *e)
{
	return file_publish_once_at(k->dir, stages[stage].record, text, strlen(text), 0600, e);
}

int case_publish(struct kase *k, int stage, json_t *record, struct err *e)
{
	AUTO_FREE char *text = NULL;
	int r = case_compose(k, stage, record, &text, e);

	return r < 0 ? r : case_publish_text(k, stage, text, e);
}

static int check_schema(const struct kase *k, int stage, const json_t *v, struct err *e)
{
	char schema[64];

	(void)snprintf(schema, sizeof(schema), "sickbay.case.%s/1", stages[stage].name);
	return record_is(v, schema, stages[stage].record, e) < 0 ? err_wrap(e, "case '%s'", k->id)
								 : 0;
}

static int check_chain(const struct kase *k, int stage, const json_t *v, struct err *e)
{
	const char *prev = json_string_value(json_object_get(v, "prev"));
	char want[65];
	int r = prev_digest(k, stage, want, e);

	if (r < 0)
		return r;
	if (!prev || strncmp(prev, "sha256:", 7) != 0 || strcmp(prev + 7, want) != 0)
		return err_set(e, EBADMSG,
			       "case '%s': '%s' does not follow from the record before it: "
			       "the directory was changed by hand",
			       k->id, stages[stage].record);
	return 0;
}

int case_record(const struct kase *k, int stage, json_t **out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(RECORD_MAX);
	json_error_t why;
	json_t *v;
	int r;

	if (!has(k, stage))
		return err_set(e, ENOENT, "case '%s' has no '%s' yet", k->id, stages[stage].record);
	r = file_read_at(k->dir, stages[stage].record, RECORD_MAX, &text, e);
	if (r < 0)
		return r;
	v = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &why);
	if (!v)
		return err_set(e, EBADMSG, "%s/%s:%d:%d: %s", k->path, stages[stage].record,
			       why.line, why.column, why.text);
	r = check_schema(k, stage, v, e);
	if (r == 0)
		r = check_chain(k, stage, v, e);
	if (r < 0) {
		json_decref(v);
		return r;
	}
	*out = v;
	return 0;
}

int case_write(struct kase *k, const char *name, const void *data, size_t n, struct err *e)
{
	AUTO_CLOSE int at = -1;
	const char *slash = strrchr(name, '/');
	char folder[256] = ".";
	int r;

	if (slash) {
		(void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - name), name);
		r = dir_make_at(k->dir, folder, 0700, e);
		if (r < 0)
			return r;
	}
	at = fd_open_beneath(k->dir, folder, O_RDONLY | O_DIRECTORY, 0, e);
	return at < 0 ? at : file_publish_at(at, slash ? slash + 1 : name, data, n, 0600, e);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int case_list(const char *state, json_t **out, struct err *e)
{
	AUTO_FREE char *path = NULL;
	CLEANUP(cleanup_closedir) DIR *d = NULL;
	const struct dirent *ent;
	struct strlist ids = { 0 };
	json_t *list = json_array();

	if (!list || asprintf(&path, "%s/cases", state) < 0)
		return err_set(e, ENOMEM, "out of memory");
	d = opendir(path);
	if (!d && errno != ENOENT) {
		json_decref(list);
		return err_sys(e, "list '%s'", path);
	}
	while (d && (ent = readdir(d)))
		if (name_is_safe(ent->d_name) && strlist_add(&ids, ent->d_name) < 0)
			break;
	if (ids.n)
		qsort(ids.v, ids.n, sizeof(*ids.v), by_name);
	for (size_t i = 0; i < ids.n; i++)
		(void)json_array_append_new(list, json_string(ids.v[i]));
	strlist_release(&ids);
	*out = list;
	return 0;
}
