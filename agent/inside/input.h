/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/base/jmap.h"

/*
 * The input of an incident, as far as a test can replay it: calls or a command.
 *
 *   {"call": {"module": "shop", "export": "price", "args": [...], "kwargs": {...},
 *             "receiver": CALL, "new": true}}
 *   {"script": [{"let": "cart", "module": "shop", "call": "Cart"},
 *               {"let": "line", "on": "$cart", "call": "add", "args": ["apple"]},
 *               {"on": "$line", "call": "total", "kwargs": {"count": 1}}]}
 *   {"script": [{"module": "app.js", "request": true, "args": ["GET", "/x", {"query": {...}}]}]}
 *   {"command": {"argv": ["prog", "-x"], "stdin": "text", "files": {"path": "text"}}}
 *
 * A call is a script of one step, or of two when it has a receiver: normal form
 * is always a script or a command.  In a script "$name" is the value that an
 * earlier step let; a string that begins with "$" is written "$$...".  The last
 * step is the one that failed.  `call` absent: the module itself is called.
 *
 * Values are JSON and what JSON lacks, as objects of one member:
 *   {"$undefined": true}  {"$number": "Infinity" | "-Infinity" | "NaN" | "-0"}
 *   {"$bigint": "123"}  {"$date": "2026-11-22T06:41:00Z"}  {"$bytes": "00ff"}
 */
struct step {
	char *let, *on, *module, *call;
	bool construct;	       /* JavaScript's new */
	bool request;	       /* JavaScript: a request to this application, not a call of it */
	json_t *args, *kwargs; /* array, object; NULL when absent */
};

struct script {
	struct objlist steps; /* struct step */
};

struct command {
	struct strlist argv;
	char *input;
	struct strmap files;
};

extern const struct jmap script_map[], command_map[];

/* Checks the input of an incident and returns its normal form, {"script"} or {"command"}. */
int input_normal(const json_t *input, json_t **out, struct err *e);

enum value_kind {
	VALUE_PLAIN, /* JSON */
	VALUE_UNDEFINED,
	VALUE_NUMBER,
	VALUE_BIGINT,
	VALUE_DATE,
	VALUE_BYTES,
	VALUE_NAME, /* "$name": of an earlier step */
};
/* What a value stands for; *text is the payload of all kinds but VALUE_PLAIN and VALUE_UNDEFINED,
 * borrowed. */
enum value_kind value_kind(const json_t *v, const char **text);

/* Whether a word of an input is the protocol's or a test client's (a content type, the name of a
 * header's parameter), and so no value of anybody. */
bool input_is_protocol(const char *text, bool is_key);
/* "null-array-element", "empty-string-argument"...: what stands out in the last call; "" when
 * nothing does. */
void input_describe(const json_t *normal, struct buf *out);
