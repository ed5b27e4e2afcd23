/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>

#include "agent/inside/input.h"
#include "agent/inside/reproduce.h"
#include "runtime/base/id.h"

#define TEXT_MAX (2u << 20)

/* 'it'\''s': nothing in it means anything to a shell. */
static void put_quoted(struct buf *out, const char *s)
{
	buf_putc(out, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_puts(out, "'\\''");
		else
			buf_putc(out, *s);
	}
	buf_putc(out, '\'');
}

static int put_files(const struct command *c, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < c->files.n; i++) {
		const char *path = c->files.v[i].key;
		const char *slash = strrchr(path, '/');

		if (!path_is_clean(path))
			return err_set(e, EINVAL, "/command/files: '%s' is not a clean path", path);
		if (slash) {
			AUTO_FREE char *dir = strndup(path, (size_t)(slash - path));

			buf_puts(out, "mkdir -p ");
			put_quoted(out, dir ? dir : ".");
			buf_putc(out, '\n');
		}
		buf_puts(out, "printf '%s' ");
		put_quoted(out, c->files.v[i].value);
		buf_puts(out, " > ");
		put_quoted(out, path);
		buf_putc(out, '\n');
	}
	return 0;
}

/* A program of the repository is named from its root, the files of the test lie in a directory of
 * its own. */
static void put_command(const struct command *c, struct buf *out)
{
	const char *program = c->argv.v[0];

	if (c->input) {
		buf_puts(out, "printf '%s' ");
		put_quoted(out, c->input);
		buf_puts(out, " | ");
	}
	if (strchr(program, '/') && program[0] != '/')
		buf_puts(out, "\"$root\"/");
	put_quoted(out, program);
	for (size_t i = 1; i < c->argv.n; i++) {
		buf_putc(out, ' ');
		put_quoted(out, c->argv.v[i]);
	}
	buf_puts(out, c->input ? "\n" : " < /dev/null\n");
}

static int render_command(const struct subject *s, const struct command *c, const json_t *normal,
			  struct rendered *out, struct err *e)
{
	AUTO_BUF struct buf content = BUF_INIT(TEXT_MAX), title = BUF_INIT(512);
	AUTO_FREE char *path = NULL;
	int r = style_path(s, normal, "", '-', ".sh", &path, e);

	if (r < 0)
		return r;
	style_title(s, normal, &title);
	buf_printf(&content,
		   "#!/bin/sh\n"
		   "# %s: the program must not die of a signal\n"
		   "root=$PWD\n"
		   "dir=$(mktemp -d) && cd \"$dir\" || exit 1\n"
		   "trap 'rm -rf \"$dir\"' EXIT\n",
		   title.p);
	r = put_files(c, &content, e);
	if (r < 0)
		return r;
	put_command(c, &content);
	buf_puts(&content, "[ $? -lt 126 ]\n");
	r = buf_check(&content, "test", e);
	if (r == 0)
		*out = (struct rendered){ take_ptr(path), buf_take(&content), buf_take(&title) };
	return r;
}

int render_shell(const struct subject *s, const json_t *normal, struct rendered *out, struct err *e)
{
	const json_t *object = json_object_get(normal, "command");
	struct command c = { 0 };
	int r;

	if (!object)
		return err_set(e, EINVAL, "a call cannot be replayed by a shell test");
	r = jmap_read(command_map, object, &c, "/command", e);
	if (r == 0)
		r = render_command(s, &c, normal, out, e);
	jmap_release(command_map, &c);
	return r;
}
