/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/drift.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/host/case/case.h"
#include "agent/host/case/decide.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/sys.h"

#define FILE_NAME "drift.ndjson"
#define SCHEMA	  "sickbay.drift/1"
#define FILE_MAX  (256u << 20)
#define LINE_MAX_ (4u << 20)
#define DAY_NS	  UINT64_C(86400000000000)

static const char *text_of(const json_t *v, const char *key)
{
	const char *s = json_string_value(json_object_get(v, key));

	return s ? s : "";
}

/* The directory that holds a file, "." at the top. */
static void module_of(const char *path, char out[256])
{
	const char *slash = strrchr(path, '/');

	(void)snprintf(out, 256, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
}

/* ---- the file ---- */

/* Locked until it is closed. */
static int open_ledger(const char *state, int flags, struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int fd = -1;

	if (asprintf(&path, "%s/" FILE_NAME, state) < 0)
		return err_set(e, ENOMEM, "out of memory");
	fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "'%s'", path);
	while (flock(fd, (flags & O_ACCMODE) == O_RDONLY ? LOCK_SH : LOCK_EX) < 0)
		if (errno != EINTR)
			return err_sys(e, "lock '%s'", path);
	return take_fd(&fd);
}

/* Whole lines; *end: where the next one begins, after what a crash may have cut short. */
static int read_ledger(int fd, json_t **out, size_t *end, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(FILE_MAX);
	AUTO_JSON json_t *list = json_array();
	int r = fd_read_all(fd, FILE_MAX, FILE_NAME, &text, e);

	*end = 0;
	for (const char *nl; r == 0 && text.p && (nl = memchr(text.p + *end, '\n', text.n - *end));
	     *end = (size_t)(nl - text.p) + 1) {
		json_t *v = json_loadb(text.p + *end, (size_t)(nl - text.p) - *end,
				       JSON_REJECT_DUPLICATES, NULL);

		if (!v)
			return err_set(e, EBADMSG, FILE_NAME ": line %zu is not as it was written",
				       json_array_size(list) + 1);
		if (json_array_append_new(list, v) < 0)
			return err_set(e, ENOMEM, "out of memory");
	}
	if (r < 0)
		return r;
	*out = take_ptr(list);
	return 0;
}

static json_t *line_of(const struct drift_change *c)
{
	json_t *paths = json_array();
	char now[CLOCK_RFC3339];

	for (size_t i = 0; i < c->patch->n; i++) {
		char module[256];
		size_t added, removed;

		change_line_counts(&c->patch->v[i], &added, &removed);
		module_of(c->patch->v[i].path, module);
		(void)json_array_append_new(paths, json_pack("{s:s,s:s,s:I,s:I}", "path",
							     c->patch->v[i].path, "module", module,
							     "added", (json_int_t)added, "removed",
							     (json_int_t)removed));
	}
	clock_rfc3339(clock_real_ns(), now);
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "schema", SCHEMA, "at", now, "service",
			 c->service, "case", c->case_id, "operator", c->operator_name, "paths",
			 paths);
}

static int write_line(int fd, size_t end, const json_t *line, struct err *e)
{
	AUTO_FREE char *text = line ? json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	AUTO_BUF struct buf b = BUF_INIT(LINE_MAX_);
	int r;

	buf_puts(&b, text ? text : "");
	buf_putc(&b, '\n');
	if (!text || buf_check(&b, FILE_NAME, e) < 0)
		return err_set(e, ENOMEM, FILE_NAME ": out of memory");
	if (ftruncate(fd, (off_t)end) < 0 || lseek(fd, (off_t)end, SEEK_SET) < 0)
		return err_sys(e, FILE_NAME);
	r = fd_write_all(fd, b.p, b.n, FILE_NAME, e);
	if (r == 0 && (r = sys_fsync(fd)) < 0)
		r = err_set(e, -r, "sync " FILE_NAME ": %s", strerror(-r));
	return r;
}

int drift_append(const char *state, const struct drift_change *c, struct audit *a, struct err *e)
{
	AUTO_CLOSE int fd = open_ledger(state, O_RDWR | O_CREAT, e);
	AUTO_JSON json_t *before = NULL;
	AUTO_JSON json_t *line = NULL;
	size_t end;
	int r = fd < 0 ? fd : read_ledger(fd, &before, &end, e);

	for (size_t i = 0; r == 0 && i < json_array_size(before); i++)
		if (strcmp(text_of(json_array_get(before, i), "case"), c->case_id) == 0)
			return 0;
	if (r < 0)
		return r;
	line = line_of(c);
	r = audit_commit(a, "drift.add",
			 json_pack("{s:s,s:s,s:I}", "service", c->service, "operator",
				   c->operator_name, "files", (json_int_t)c->patch->n),
			 e);
	return r < 0 ? r : write_line(fd, end, line, e);
}

/* ---- what it says of a patch ---- */

/* What a person took back, or never took, is no drift. */
static bool rejected(const char *state, const char *id)
{
	AUTO_JSON json_t *list = NULL;
	struct err ignored = ERR_INIT;
	struct kase *k = NULL;
	bool right = true;
	int last = -1;

	if (case_open(state, id, false, &k, &ignored) < 0)
		return false; /* its case is gone: the change is still there */
	if (case_decisions(k, &list, &ignored) == 0)
		for (size_t i = 0; i < json_array_size(list); i++) {
			const int d =
				decision_from_name(text_of(json_array_get(list, i), "decision"));

			if (d >= 0 && decision_judges(d))
				last = d;
		}
	case_close(k);
	if (last < 0 || last == DECISION_RECURRED)
		return false;
	return last == DECISION_DUPLICATE || (decision_measures(last, &right) && !right);
}

struct tally {
	size_t file, same_operator, module;
};

/* One line counts once for a file and once for its module. */
static void count(const json_t *line, const char *path, const char *op, struct tally *t)
{
	const json_t *paths = json_object_get(line, "paths");
	bool file = false, module = false;
	char own[256];

	module_of(path, own);
	for (size_t i = 0; i < json_array_size(paths); i++) {
		const json_t *p = json_array_get(paths, i);

		file = file || strcmp(text_of(p, "path"), path) == 0;
		module = module || strcmp(text_of(p, "module"), own) == 0;
	}
	t->file += file;
	t->module += module;
	t->same_operator += file && *op && strcmp(text_of(line, "operator"), op) == 0;
}

static const char *ordinal(size_t n, char text[24])
{
	static const char *const words[] = { "first", "second",	 "third",  "fourth", "fifth",
					     "sixth", "seventh", "eighth", "ninth",  "tenth" };

	if (n >= 1 && n <= sizeof(words) / sizeof(words[0]))
		return words[n - 1];
	(void)snprintf(text, 24, "change no. %zu,", n);
	return text;
}

static int tell(const struct tally *t, const char *path, const struct drift_change *c,
		const struct service *s, struct drift_view *v)
{
	const bool same = t->same_operator > 0;
	char number[24];

	if (t->file == 0)
		return 0;
	v->risk += t->file >= 2 ? 2 : 1;
	return json_array_append_new(
		v->reasons, json_sprintf("%s %s in %s in %llu days",
					 ordinal((same ? t->same_operator : t->file) + 1, number),
					 same ? c->operator_name : "change by an agent", path,
					 (unsigned long long)s->drift.window_days));
}

static void hold_against(const struct tally *t, const char *path, const struct service *s,
			 struct drift_view *v)
{
	char module[256];

	if (v->over)
		return;
	module_of(path, module);
	v->over = true;
	if (t->file >= s->drift.per_file)
		(void)snprintf(v->why, sizeof(v->why),
			       "agents changed '%.120s' %zu times in %llu days, the budget of its "
			       "service (drift.per_file): a person should look at it as a whole",
			       path, t->file, (unsigned long long)s->drift.window_days);
	else if (t->module >= s->drift.per_module)
		(void)snprintf(v->why, sizeof(v->why),
			       "agents changed '%.120s' %zu times in %llu days, the budget of its "
			       "service (drift.per_module): a person should look at it as a whole",
			       module, t->module, (unsigned long long)s->drift.window_days);
	else
		v->over = false;
}

static bool counts(const json_t *line, const struct drift_change *c, uint64_t since)
{
	uint64_t at;

	return strcmp(text_of(line, "service"), c->service) == 0 &&
	       strcmp(text_of(line, "case"), c->case_id) != 0 &&
	       clock_parse_rfc3339(text_of(line, "at"), &at) == 0 && at >= since;
}

static int weigh(const json_t *lines, const struct service *s, const struct drift_change *c,
		 struct drift_view *v, struct err *e)
{
	for (size_t i = 0; i < c->patch->n; i++) {
		const char *path = c->patch->v[i].path;
		struct tally t = { 0 };

		for (size_t k = 0; k < json_array_size(lines); k++)
			count(json_array_get(lines, k), path, c->operator_name, &t);
		if (tell(&t, path, c, s, v) < 0)
			return err_set(e, ENOMEM, "out of memory");
		hold_against(&t, path, s, v);
	}
	return 0;
}

int drift_weigh(const char *state, const struct service *s, const struct drift_change *c,
		struct drift_view *out, struct err *e)
{
	const uint64_t now = clock_real_ns(), back = s->drift.window_days * DAY_NS;
	AUTO_CLOSE int fd = open_ledger(state, O_RDONLY, e);
	struct drift_view v = { .reasons = json_array() };
	AUTO_JSON json_t *all = NULL;
	AUTO_JSON json_t *lines = json_array();
	size_t end;
	int r = fd == -ENOENT ? 0 : fd < 0 ? fd : read_ledger(fd, &all, &end, e);

	for (size_t i = 0; r == 0 && i < json_array_size(all); i++) {
		json_t *line = json_array_get(all, i);

		if (counts(line, c, now > back ? now - back : 0) &&
		    !rejected(state, text_of(line, "case")))
			(void)json_array_append(lines, line);
	}
	if (fd == -ENOENT)
		*e = (struct err)ERR_INIT;
	if (r == 0)
		r = weigh(lines, s, c, &v, e);
	if (r < 0) {
		json_decref(v.reasons);
		return r;
	}
	*out = v;
	return 0;
}
