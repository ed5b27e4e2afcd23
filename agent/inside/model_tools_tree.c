/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/inside/model_impl.h"
#include "agent/inside/model_search.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"

/* Tools that read the tree as the agent's changes leave it, and the task: nothing is asked of the
 * gate.  A path leads nowhere else: it is resolved beneath the tree, without links. */

#define LIST_MAX     400
#define READ_MAX     (24u << 10)
#define LINES_MAX    600
#define HISTORY_MAX  (16u << 10)
#define INCIDENT_MAX (32u << 10)

struct path_args {
	char *path;
};

struct read_args {
	char *path;
	uint64_t first, last;
};

struct search_args {
	char *pattern, *path;
	bool regex;
};

struct history_args {
	uint64_t first;
};

static const struct jmap path_map[] = {
	TOOL_ARG(path_args, path, STR, 0,
		 "directory, relative to the repository's root; absent: the root"),
	{ 0 },
};

static const struct jmap read_map[] = {
	TOOL_ARG(read_args, path, STR, 1, "file, relative to the repository's root"),
	TOOL_ARG(read_args, first, U64, 0, "first line to read, from 1"),
	TOOL_ARG(read_args, last, U64, 0, "last line to read"),
	{ 0 },
};

static const struct jmap search_map[] = {
	TOOL_ARG(search_args, pattern, STR, 1, "text to find within a line"),
	TOOL_ARG(search_args, path, STR, 0, "file or directory to look in; absent: everywhere"),
	TOOL_ARG(search_args, regex, BOOL, 0,
		 "the pattern is a POSIX extended regular expression, without back references"),
	{ 0 },
};

static const struct jmap history_map[] = {
	TOOL_ARG(history_args, first, U64, 0, "first line to show, from 1"),
	{ 0 },
};

static const struct jmap no_map[] = { { 0 } };

/* ---- list ---- */

struct entry {
	char *name;
	bool directory;
	uint64_t bytes;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static int read_entries(DIR *d, struct entry *v, size_t *n, bool *more)
{
	const struct dirent *de;

	while ((de = readdir(d))) {
		struct stat st;

		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 ||
		    fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (*n == LIST_MAX) {
			*more = true;
			break;
		}
		v[*n].name = strdup(de->d_name);
		if (!v[*n].name)
			return -ENOMEM;
		v[*n].directory = S_ISDIR(st.st_mode);
		v[(*n)++].bytes = (uint64_t)st.st_size;
	}
	qsort(v, *n, sizeof(*v), by_name);
	return 0;
}

static json_t *entries_json(const struct entry *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < n; i++) {
		json_t *one = v[i].directory ? json_pack("{s:o,s:s}", "name",
							 tool_text(v[i].name, strlen(v[i].name)),
							 "kind", "directory")
					     : json_pack("{s:o,s:I}", "name",
							 tool_text(v[i].name, strlen(v[i].name)),
							 "bytes", (json_int_t)v[i].bytes);

		(void)json_array_append_new(list, one);
	}
	return list;
}

static int do_list(struct model_agent *a, const void *args, struct tool_result *out, struct err *e)
{
	const struct path_args *in = args;
	const char *path = in->path && *in->path && strcmp(in->path, ".") != 0 ? in->path : NULL;
	AUTO_FREE struct entry *v = calloc(LIST_MAX, sizeof(*v));
	CLEANUP(cleanup_closedir) DIR *d = NULL;
	struct err bad = ERR_INIT;
	bool more = false;
	size_t n = 0;
	int fd, r;

	if (path && !path_is_clean(path))
		return tool_fails(out, e, "'%.200s' is not a path within the repository", path);
	fd = path ? fd_open_beneath(a->dir, path, O_RDONLY | O_DIRECTORY, 0, &bad)
		  : openat(a->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd >= 0 ? fdopendir(fd) : NULL;
	if (!d)
		return tool_fails(out, e, "'%.200s' cannot be listed: %.200s", path ? path : ".",
				  bad.msg);
	r = v ? read_entries(d, v, &n, &more) : -ENOMEM;
	if (r == 0)
		r = tool_gives(
			out,
			json_pack("{s:o,s:b}", "entries", entries_json(v, n), "truncated", more),
			e);
	else
		r = err_set(e, ENOMEM, "out of memory");
	for (size_t i = 0; v && i < n; i++)
		free(v[i].name);
	return r;
}

/* ---- read ---- */

struct piece {
	uint64_t first, last, total;
	bool truncated;
};

/* Lines first..last with their numbers; as many as fit. */
static void put_lines(const char *text, size_t n, uint64_t first, uint64_t last, struct buf *out,
		      struct piece *p)
{
	const char *const end = text + n;
	uint64_t line = 0;

	for (const char *s = text; s < end;) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		const size_t len = (size_t)((nl ? nl : end) - s);

		if (++line >= first && line <= last && !p->truncated) {
			p->truncated = out->n + len + 16 > READ_MAX || line - first >= LINES_MAX;
			if (!p->truncated) {
				buf_printf(out, "%llu\t", (unsigned long long)line);
				buf_put(out, s, len);
				buf_putc(out, '\n');
				p->last = line;
			}
		}
		s += len + 1;
	}
	p->total = line;
}

static int do_read(struct model_agent *a, const void *args, struct tool_result *out, struct err *e)
{
	const struct read_args *in = args;
	AUTO_BUF struct buf text = BUF_INIT(8u << 20), shown = BUF_INIT(READ_MAX + 64);
	struct piece p = { .first = in->first ? in->first : 1 };
	struct err bad = ERR_INIT;

	if (edits_read(&a->edits, a->dir, in->path, &text, &bad) < 0)
		return tool_fails(out, e, "%s", bad.msg);
	put_lines(text.p ? text.p : "", text.n, p.first, in->last ? in->last : UINT64_MAX, &shown,
		  &p);
	if (p.first > p.total && p.total > 0)
		return tool_fails(out, e, "'%.200s' has %llu lines", in->path,
				  (unsigned long long)p.total);
	return tool_gives(out,
			  json_pack("{s:s,s:I,s:I,s:I,s:o,s:b}", "path", in->path, "first",
				    (json_int_t)p.first, "last", (json_int_t)p.last, "lines",
				    (json_int_t)p.total, "text", tool_text(shown.p, shown.n),
				    "truncated", p.truncated),
			  e);
}

static int do_search(struct model_agent *a, const void *args, struct tool_result *out,
		     struct err *e)
{
	const struct search_args *in = args;
	struct err bad = ERR_INIT;
	json_t *found = NULL;

	if (in->path && *in->path && strcmp(in->path, ".") != 0 && !path_is_clean(in->path))
		return tool_fails(out, e, "'%.200s' is not a path within the repository", in->path);
	if (model_search(a, in->pattern, in->regex, in->path, &found, &bad) < 0)
		return bad.code == ENOMEM ? err_set(e, ENOMEM, "out of memory")
					  : tool_fails(out, e, "%s", bad.msg);
	return tool_gives(out, found, e);
}

/* ---- the task ---- */

static int do_history(struct model_agent *a, const void *args, struct tool_result *out,
		      struct err *e)
{
	const struct history_args *in = args;
	const char *s = a->task->history ? a->task->history : "";
	uint64_t line = 1;
	size_t n;

	for (; *s && line < in->first; line++) {
		const char *nl = strchr(s, '\n');

		s = nl ? nl + 1 : s + strlen(s);
	}
	n = strnlen(s, HISTORY_MAX + 1);
	return tool_gives(out,
			  json_pack("{s:I,s:o,s:b}", "first", (json_int_t)line, "text",
				    tool_text(s, n > HISTORY_MAX ? HISTORY_MAX : n), "truncated",
				    n > HISTORY_MAX),
			  e);
}

static int do_incident(struct model_agent *a, const void *args, struct tool_result *out,
		       struct err *e)
{
	AUTO_FREE char *text = json_dumps(a->task->incident, JSON_COMPACT);

	(void)args;
	if (text && strlen(text) > INCIDENT_MAX)
		return tool_gives(out,
				  json_pack("{s:o,s:b}", "text", tool_text(text, INCIDENT_MAX),
					    "truncated", 1),
				  e);
	return tool_gives(out,
			  json_pack("{s:O,s:b}", "incident", a->task->incident, "truncated", 0), e);
}

const struct tool model_tools_tree[] = {
	{ "list", "Lists one directory of the repository.", TOOL_BOTH, path_map, do_list },
	{ "read",
	  "Reads a file of the repository as your changes leave it; each line begins with its "
	  "number "
	  "and a tab, which are not part of it.",
	  TOOL_BOTH, read_map, do_read },
	{ "search", "Finds lines in the repository's files as your changes leave them.", TOOL_BOTH,
	  search_map, do_search },
	{ "history",
	  "Shows the commits up to the deployed one that changed the files of the trace.",
	  TOOL_BOTH, history_map, do_history },
	{ "incident", "Shows what production reported.", TOOL_BOTH, no_map, do_incident },
	{ 0 },
};
