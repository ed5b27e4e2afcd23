/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "agent/inside/tools.h"
#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/proto/gate.h"

/*
 * The reproduction agent: writes one regression test that replays the input of
 * the incident in the project's own framework and style, asks the gate how its
 * failure compares with the report, makes the input smaller and synthetic while
 * the match stays exact, and submits.  The test calls the entry directly, so
 * that what is thrown escapes with its own stack; it never asserts the bug.
 */
int reproduce_run(struct gate_client *gate, const struct gate_task *task, struct err *e);

/* What a renderer knows beside the input. */
struct subject {
	const struct gate_task *task;
	const char *type, *function; /* of the coordinate; NULL when unknown */
	int dir;		     /* the repository */
};

struct rendered {
	char *path, *content, *title; /* owned; title: how the framework names the test */
};
void rendered_release(struct rendered *r);

typedef int (*renderer)(const struct subject *s, const json_t *normal, struct rendered *out,
			struct err *e);
int render_js(const struct subject *s, const json_t *normal, struct rendered *out, struct err *e);
int render_py(const struct subject *s, const json_t *normal, struct rendered *out, struct err *e);
int render_c(const struct subject *s, const json_t *normal, struct rendered *out, struct err *e);
int render_shell(const struct subject *s, const json_t *normal, struct rendered *out,
		 struct err *e);

/* ---- shared by the renderers (style.c) ---- */

/* "stringify-null-array-element": what is called, and what stands out or where it fails; `join`
 * between words. */
void style_name(const struct subject *s, const json_t *normal, char join, struct buf *out);
/* The same for a reader: "stringify() with a null array element". */
void style_title(const struct subject *s, const json_t *normal, struct buf *out);
/* A path in test_dir that no file has yet: prefix, name, suffix.  free() it. */
int style_path(const struct subject *s, const json_t *normal, const char *prefix, char join,
	       const char *suffix, char **out, struct err *e);
/* The sibling test that a new one should look like: in test_dir, mentions `must`, calls `entry`
 * most; NULL text: none. */
int style_sibling(const struct subject *s, const char *suffix, const char *must, const char *entry,
		  struct buf *text, struct err *e);
/* How names of most siblings of a kind (".js") end: ".js", ".test.js", ".spec.js". */
int style_suffix(const struct subject *s, const char *kind, char out[16], struct err *e);
/* How the text indents by one level: "\t" or spaces; `fallback` when there is none. */
void style_indent(const char *text, const char *fallback, char out[17]);
/* The quote that the text uses more. */
char style_quote(const char *text, char fallback);

/* A string literal, as JavaScript and Python both read it. */
void style_string(struct buf *out, const char *s, size_t n, char quote);

/* Renders the calls of an input; one that is a command cannot be. */
struct script;
typedef int script_renderer(const struct subject *s, const struct script *script,
			    const json_t *normal, struct rendered *out, struct err *e);
int style_script(const struct subject *s, const json_t *normal, script_renderer *render,
		 struct rendered *out, struct err *e);

/* What tests compare results of entry() with: the kind of literal that nearly all of them use. */
enum result_kind {
	RESULT_UNKNOWN,
	RESULT_STRING,
	RESULT_NUMBER,
	RESULT_BOOLEAN,
	RESULT_ARRAY,
	RESULT_OBJECT
};
enum result_kind style_result(const char *text, const char *entry);
/* Must what the entry returns be awaited: as siblings do, or as it is declared in a file of the
 * trace? */
bool style_is_async(const struct subject *s, const char *sibling, const char *entry);
