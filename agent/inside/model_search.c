/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/model_search.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define PATTERN_MAX 200
#define HITS_MAX    100
#define LINE_SHOWN  240
#define LINE_TRIED  4096 /* bytes of a line that an expression is tried on */
#define FILE_BYTES  (1u << 20)
#define FILES_MAX   20000

struct search {
	const struct model_agent *agent;
	const char *pattern;
	bool regex;
	regex_t compiled;
	struct strlist files;
	json_t *hits;
	bool truncated, full; /* there is more; no more hits are taken */
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ---- which files ---- */

static bool beneath(const char *file, const char *path)
{
	const size_t n = strlen(path);

	return n == 0 || strcmp(file, path) == 0 || (strncmp(file, path, n) == 0 && file[n] == '/');
}

/* Files that only the changes have. */
static int add_edited(struct search *s, const char *path)
{
	const struct edits *x = &s->agent->edits;
	int r = 0;

	for (size_t i = 0; r == 0 && i < x->n; i++)
		if (beneath(x->v[i].path, path) && !strlist_has(&s->files, x->v[i].path))
			r = strlist_add(&s->files, x->v[i].path);
	return r;
}

static int find_files(struct search *s, const char *path, struct err *e)
{
	struct err none = ERR_INIT;
	int r = tools_files(s->agent->dir, path, FILES_MAX, &s->files, &s->truncated, &none);

	if (r == -ENOMEM)
		return err_set(e, ENOMEM, "out of memory");
	r = r == -ENOTDIR ? strlist_add(&s->files, path) : 0;
	if (r == 0)
		r = add_edited(s, path);
	if (r < 0)
		return err_set(e, ENOMEM, "out of memory");
	if (s->files.n == 0)
		return err_set(e, ENOENT, "there is no file in '%.200s'", *path ? path : ".");
	qsort(s->files.v, s->files.n, sizeof(s->files.v[0]), by_text);
	return 0;
}

/* ---- which lines ---- */

static bool matches(const struct search *s, const char *line, size_t n)
{
	char text[LINE_TRIED + 1];

	if (!s->regex)
		return memmem(line, n, s->pattern, strlen(s->pattern)) != NULL;
	n = n > LINE_TRIED ? LINE_TRIED : n;
	memcpy(text, line, n);
	text[n] = '\0';
	return regexec(&s->compiled, text, 0, NULL, 0) == 0;
}

static int add_hit(struct search *s, const char *file, size_t number, const char *line, size_t n)
{
	json_t *hit = json_pack("{s:s,s:I,s:o}", "file", file, "line", (json_int_t)number, "text",
				tool_text(line, n > LINE_SHOWN ? LINE_SHOWN : n));

	return json_array_append_new(s->hits, hit) < 0 ? -ENOMEM : 0;
}

static int search_text(struct search *s, const char *file, const char *text, size_t n)
{
	const char *const end = text + n;
	size_t number = 0;
	int r = 0;

	for (const char *p = text; r == 0 && p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const size_t len = (size_t)((nl ? nl : end) - p);

		number++;
		if (matches(s, p, len)) {
			s->full = json_array_size(s->hits) == HITS_MAX;
			if (s->full)
				return 0;
			r = add_hit(s, file, number, p, len);
		}
		p += len + 1;
	}
	return r;
}

static int search_file(struct search *s, const char *file)
{
	AUTO_BUF struct buf text = BUF_INIT(FILE_BYTES);
	struct err none = ERR_INIT;

	/* what cannot be read as one text of moderate size has no lines to show */
	if (edits_read(&s->agent->edits, s->agent->dir, file, &text, &none) < 0 || !text.p ||
	    memchr(text.p, '\0', text.n))
		return 0;
	return search_text(s, file, text.p, text.n);
}

static int compile(struct search *s, struct err *e)
{
	char why[128];
	int r;

	if (!*s->pattern || strlen(s->pattern) > PATTERN_MAX)
		return err_set(e, EINVAL, "the pattern is empty or longer than %d bytes",
			       PATTERN_MAX);
	if (!s->regex)
		return 0;
	for (const char *p = s->pattern; (p = strchr(p, '\\')) && p[1]; p += 2)
		if (p[1] >= '1' && p[1] <= '9') {
			s->regex = false;
			return err_set(e, EINVAL, "back references are not supported");
		}
	r = regcomp(&s->compiled, s->pattern, REG_EXTENDED | REG_NOSUB);
	if (r == 0)
		return 0;
	(void)regerror(r, &s->compiled, why, sizeof(why));
	s->regex = false;
	return err_set(e, EINVAL, "the expression is wrong: %s", why);
}

int model_search(const struct model_agent *a, const char *pattern, bool regex, const char *path,
		 json_t **out, struct err *e)
{
	struct search s = { .agent = a, .pattern = pattern, .regex = regex };
	int r = compile(&s, e);

	if (r == 0)
		r = find_files(&s, path && strcmp(path, ".") != 0 ? path : "", e);
	s.hits = json_array();
	for (size_t i = 0; r == 0 && i < s.files.n && !s.full; i++)
		if (search_file(&s, s.files.v[i]) < 0)
			r = err_set(e, ENOMEM, "out of memory");
	if (r == 0) {
		*out = json_pack("{s:O,s:b}", "hits", s.hits, "truncated", s.truncated || s.full);
		r = *out ? 0 : err_set(e, ENOMEM, "out of memory");
	}
	json_decref(s.hits);
	strlist_release(&s.files);
	if (s.regex)
		regfree(&s.compiled);
	return r;
}
