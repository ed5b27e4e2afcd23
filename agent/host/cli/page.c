/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/cli/page.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/base/jsonc.h"

DEFINE_CLEANUP(struct jsonc, jsonc_free);
#define AUTO_JSONC CLEANUP(cleanup_jsonc_free)

int page_write(const char *file, const struct buf *page, struct err *e)
{
	const char *slash = strrchr(file, '/');
	const char *name = slash ? slash + 1 : file;
	AUTO_FREE char *folder = slash ? strndup(file, (size_t)(slash - file) + 1) : strdup(".");
	AUTO_CLOSE int at = -1;

	if (strcmp(file, "-") == 0)
		return fd_write_all(STDOUT_FILENO, page->p, page->n, "standard output", e);
	if (!folder)
		return err_set(e, ENOMEM, "out of memory");
	if (!*name)
		return err_set(e, EINVAL, "'%s' names no file", file);
	at = fd_open_dir(folder, e);
	return at < 0 ? at : file_publish_at(at, name, page->p, page->n, 0644, e);
}

int page_value(const char *name, const struct buf *text, json_t **out, struct err *e)
{
	AUTO_JSONC struct jsonc *j = NULL;
	json_t *v;

	if (jsonc_parse(name, text->p ? text->p : "", text->n, JSONC_STRICT, &j, e) < 0)
		return -e->code;
	v = json_deep_copy(jsonc_root(j));
	if (!v)
		return err_set(e, ENOMEM, "out of memory");
	*out = v;
	return 0;
}

static int add_line(const char *name, const char *line, size_t n, json_t *list, struct err *e)
{
	struct buf one = { .p = (char *)(uintptr_t)line, .n = n }; /* borrowed */
	json_t *v = NULL;

	if (page_value(name, &one, &v, e) < 0)
		return -e->code;
	return json_array_append_new(list, v) < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

int page_lines(const char *name, const char *text, size_t most, json_t **out, size_t *left_out,
	       struct err *e)
{
	AUTO_JSON json_t *list = json_array();
	size_t n = 0, at = 0, gap, after;

	for (const char *p = text; *p; p++)
		n += *p == '\n';
	gap = n > most ? n - most : 0; /* after the first half */
	after = most / 2;
	for (const char *p = text, *end; *p; p = end + (*end != '\0'), at++) {
		end = p + strcspn(p, "\n");
		if (end > p && (at < after || at >= after + gap) &&
		    add_line(name, p, (size_t)(end - p), list, e) < 0)
			return -e->code;
	}
	if (!list)
		return err_set(e, ENOMEM, "out of memory");
	*left_out = gap;
	*out = take_ptr(list);
	return 0;
}
