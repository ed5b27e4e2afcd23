/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/inside/context_impl.h"
#include "agent/inside/inspect_parts.h"
#include "agent/inside/tools.h"
#include "runtime/base/utf8.h"

#define FRAMES_MAX   8
#define AROUND	     30	 /* lines before and after a frame outside of a small function */
#define FUNCTION_MAX 120 /* lines of a function that is shown whole */
#define BESIDE	     5	 /* lines before and after such a function */
#define FILES_MAX    400
#define LINE_SHOWN   400 /* bytes of a line that are shown */

struct spot {
	const char *file, *function;
	uint32_t line;
};

/* The project's own frames, of the cause first, innermost first; each line once. */
static size_t spots_of(const struct gate_task *task, struct spot v[FRAMES_MAX])
{
	const json_t *x, *f;
	size_t i, k, n = 0;

	json_array_foreach(json_object_get(task->incident, "chain"), i, x)
		json_array_foreach(json_object_get(x, "frames"), k, f) {
			const json_int_t line = json_integer_value(json_object_get(f, "line"));
			const char *file = json_string_value(json_object_get(f, "file"));
			bool seen = false;

			if (!json_is_true(json_object_get(f, "in_app")) || !file || line <= 0 ||
			    line > 10000000 || n == FRAMES_MAX)
				continue;
			for (size_t s = 0; s < n; s++)
				seen = seen || (v[s].line == (uint32_t)line &&
						strcmp(v[s].file, file) == 0);
			if (!seen)
				v[n++] = (struct spot){
					.file = file,
					.function =
						json_string_value(json_object_get(f, "function")),
					.line = (uint32_t)line,
				};
		}
	return n;
}

/* The file as a source; NULL: it cannot be read, or no grammar knows it. */
static struct source *open_source(int dir, const char *path, struct buf *text)
{
	const struct lang *lang = lang_by_path(path);
	struct source *s = NULL;
	struct err none = ERR_INIT;

	if (tools_read(dir, path, text, &none) < 0 || !lang)
		return NULL;
	(void)source_open(path, lang, text->p ? text->p : "", text->n, &s, &none);
	return s;
}

/* ---- code around the frames ---- */

struct range {
	const char *file;
	uint32_t first, last;
};

static struct range range_of(const struct spot *at, const struct source *s)
{
	struct range r = { at->file, at->line > AROUND ? at->line - AROUND : 1, at->line + AROUND };

	if (s) {
		const TSNode f = function_at_line(s, at->line);

		if (!ts_node_is_null(f) && node_line_end(f) - node_line(f) < FUNCTION_MAX) {
			r.first = node_line(f) > BESIDE ? node_line(f) - BESIDE : 1;
			r.last = node_line_end(f) + BESIDE;
		}
	}
	return r;
}

static bool is_marked(const struct spot *v, size_t n, const char *file, uint32_t line)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].line == line && strcmp(v[i].file, file) == 0)
			return true;
	return false;
}

static void put_range(const struct range *r, const char *text, const struct spot *v, size_t n,
		      struct buf *out)
{
	uint32_t line = 1;

	buf_printf(out, "%s, lines %u to %u; > marks a frame\n", r->file, r->first, r->last);
	for (const char *s = text; *s && line <= r->last; line++) {
		const size_t len = strcspn(s, "\n");

		if (line >= r->first) {
			buf_printf(out, "%c %u\t", is_marked(v, n, r->file, line) ? '>' : ' ',
				   line);
			utf8_clean(s, len < LINE_SHOWN ? len : LINE_SHOWN, out);
			buf_putc(out, '\n');
		}
		s += len + (s[len] == '\n');
	}
}

int context_frames(const struct context_job *j, struct buf *out, struct err *e)
{
	struct range shown[FRAMES_MAX];
	struct spot v[FRAMES_MAX];
	const size_t n = spots_of(j->task, v);
	size_t n_shown = 0;

	for (size_t i = 0; i < n; i++) {
		AUTO_BUF struct buf text = BUF_INIT(SOURCE_MAX), one = BUF_INIT(1u << 20);
		AUTO_SOURCE struct source *s = open_source(j->dir, v[i].file, &text);
		bool seen = false;

		for (size_t k = 0; k < n_shown; k++)
			seen = seen || (strcmp(shown[k].file, v[i].file) == 0 &&
					v[i].line >= shown[k].first && v[i].line <= shown[k].last);
		if (seen || !text.p)
			continue;
		shown[n_shown] = range_of(&v[i], s);
		put_range(&shown[n_shown++], text.p, v, n, &one);
		if (buf_check(&one, v[i].file, e) < 0)
			return -e->code;
		if (out->n + 200 < j->max)
			context_cut(one.p, one.n, j->max - out->n, out);
	}
	return 0;
}

/* ---- the map ---- */

static void put_outline(const struct source *s, const char *path, struct buf *out)
{
	AUTO_JSON json_t *outline = NULL;
	const json_t *f, *name;
	struct err none = ERR_INIT;
	size_t i, k;

	if (outline_of(s, &outline, &none) < 0)
		return;
	buf_printf(out, "%s\n", path);
	json_array_foreach(json_object_get(outline, "functions"), i, f) {
		const char *called = json_string_value(json_object_get(f, "name"));

		if (!called)
			continue;
		buf_printf(out, "  %lld-%lld %.120s(",
			   (long long)json_integer_value(json_object_get(f, "line")),
			   (long long)json_integer_value(json_object_get(f, "last")), called);
		json_array_foreach(json_object_get(f, "parameters"), k, name)
			buf_printf(out, "%s%.60s", k ? ", " : "", json_string_value(name));
		buf_puts(out, ")\n");
	}
}

static void map_file(const struct context_job *j, const char *path, struct buf *out)
{
	AUTO_BUF struct buf text = BUF_INIT(SOURCE_MAX), one = BUF_INIT(1u << 20);
	AUTO_SOURCE struct source *s = open_source(j->dir, path, &text);

	if (!s)
		return;
	put_outline(s, path, &one);
	if (one.p && out->n + 100 < j->max)
		context_cut(one.p, one.n, j->max - out->n, out);
}

static bool is_test(const struct gate_task *task, const char *path)
{
	const char *dir = task->test_dir ? task->test_dir : "";
	const size_t n = strlen(dir);

	return n > 0 && strncmp(path, dir, n) == 0 && (dir[n - 1] == '/' || path[n] == '/');
}

int context_map(const struct context_job *j, struct buf *out, struct err *e)
{
	const struct lang *lang = lang_by_name(j->task->language);
	struct spot v[FRAMES_MAX];
	const size_t n = spots_of(j->task, v);
	struct strlist files = { 0 }, done = { 0 };
	bool more = false;
	int r = tools_files(j->dir, "", FILES_MAX, &files, &more, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (strlist_has(&done, v[i].file))
			continue;
		map_file(j, v[i].file, out);
		if (strlist_add(&done, v[i].file) < 0)
			r = err_set(e, ENOMEM, "out of memory");
	}
	for (size_t i = 0; r == 0 && lang && i < files.n && out->n + 100 < j->max; i++)
		if (lang_by_path(files.v[i]) == lang && !is_test(j->task, files.v[i]) &&
		    !strlist_has(&done, files.v[i]))
			map_file(j, files.v[i], out);
	if (r == 0 && more)
		buf_puts(out, "[there are more files]\n");
	strlist_release(&files);
	strlist_release(&done);
	return r;
}

/* ---- tests ---- */

static int put_file(const struct context_job *j, const char *path, struct buf *out)
{
	AUTO_BUF struct buf text = BUF_INIT(SOURCE_MAX), clean = BUF_INIT(3 * SOURCE_MAX);
	struct err none = ERR_INIT;

	if (tools_read(j->dir, path, &text, &none) < 0 || !text.p)
		return 0;
	utf8_clean(text.p, text.n, &clean);
	buf_printf(out, "%s\n", path);
	context_cut(clean.p, clean.n, j->max - out->n, out);
	return 0;
}

/* "lib/stringify.js" is "stringify". */
static void stem_of(const char *path, char out[128])
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	(void)snprintf(out, 128, "%.*s", (int)strcspn(name, "."), name);
}

/* One that is named as the file of the trace, else the shortest. */
static void best_example(const struct context_job *j, const struct strlist *names, const char *stem,
			 char *best, size_t size)
{
	bool best_named = false;
	off_t least = 0;

	for (size_t i = 0; i < names->n; i++) {
		const bool named = *stem && strstr(names->v[i], stem);
		char path[4096];
		struct stat st;

		(void)snprintf(path, sizeof(path), "%s/%s", j->task->test_dir, names->v[i]);
		if (fstatat(j->dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_size < 64 ||
		    (j->task->test_path && strcmp(path, j->task->test_path) == 0))
			continue;
		if (*best && (best_named > named || (best_named == named && st.st_size >= least)))
			continue;
		best_named = named;
		least = st.st_size;
		(void)snprintf(best, size, "%s", path);
	}
}

int context_example(const struct context_job *j, struct buf *out, struct err *e)
{
	const struct lang *lang = lang_by_name(j->task->language);
	struct spot v[FRAMES_MAX];
	char best[4096] = "", stem[128] = "";

	if (!j->task->test_dir || !lang)
		return 0;
	if (spots_of(j->task, v) > 0)
		stem_of(v[0].file, stem);
	for (size_t i = 0; lang->suffixes[i]; i++) {
		struct strlist names = { 0 };
		const int r = tools_list(j->dir, j->task->test_dir, lang->suffixes[i], &names, e);

		if (r == 0)
			best_example(j, &names, stem, best, sizeof(best));
		strlist_release(&names);
		if (r < 0)
			return r;
	}
	return *best ? put_file(j, best, out) : 0;
}

int context_test(const struct context_job *j, struct buf *out, struct err *e)
{
	(void)e;
	return j->task->test_path ? put_file(j, j->task->test_path, out) : 0;
}
