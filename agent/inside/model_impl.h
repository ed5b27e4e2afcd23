/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "agent/inside/tools.h"
#include "runtime/base/err.h"
#include "runtime/base/jmap.h"
#include "runtime/proto/gate.h"

/* What the loop (model.c), its tools (model_tools*.c) and the agent's changes (model_edits.c)
 * share. */

/* The agent's own changes; nothing of them is in its tree. content NULL: deleted. */
struct edits {
	struct gate_change v[GATE_MAX_CHANGES];
	size_t n;
	uint64_t generation; /* counts what was changed */
};

/* The text of a file as changed; -ENOENT: it is not there. */
int edits_read(const struct edits *x, int dir, const char *path, struct buf *out, struct err *e);
/* One more change, content NULL: deleted; what equals the tree is no change. -E2BIG: too many. */
int edits_put(struct edits *x, int dir, const struct gate_change *change, struct err *e);
/* Copies, for a change that may have to be taken back. */
int edits_copy(const struct edits *from, struct edits *to, struct err *e);
struct objlist edits_list(struct edits *x); /* borrowed */
void edits_release(struct edits *x);

#define TRIED_MAX 64

struct model_agent {
	struct gate_client *gate;
	const struct gate_task *task;
	int dir; /* the tree */
	bool reproduce;
	struct edits edits;
	uint64_t proven; /* generation whose changes passed all that can be asked here; 0: none */
	uint64_t left;	 /* evaluations, as the gate said last */
	struct gate_candidate tried[TRIED_MAX];
	size_t n_tried;
	bool over; /* submitted, or given up */
};

/* ---- the conversation (model_talk.c): a list of a turn's messages ---- */

/* The content is consumed. */
int talk_add(json_t *messages, const char *role, json_t *content, struct err *e);
/* A text of sickbay's own at the end of what the model hears next. */
int talk_say(json_t *messages, const char *text, struct err *e);
/* Where it outgrows its bound the oldest results go, half of the room at once, so that the rest
 * stays as it was for many turns. */
int talk_fit(json_t *messages, struct err *e);

/* ---- tools (model_tools.c: the table; model_tools_*.c) ---- */

/* What a call gives: a JSON object that is bounded; `failed`: it is an error or a refusal. */
struct tool_result {
	json_t *value;
	bool failed;
};

struct tool {
	const char *name;
	const char *help;
	unsigned roles; /* TOOL_REPRODUCE | TOOL_PATCH */
	const struct jmap *args;
	int (*run)(struct model_agent *a, const void *args, struct tool_result *out, struct err *e);
};
#define TOOL_REPRODUCE 1u
#define TOOL_PATCH     2u
#define TOOL_BOTH      3u
#define TOOL_ARGS_MAX  256 /* bytes of a struct that arguments are read into */

/* A row of such a table; `word` ends the name of its enum jmap_kind. */
#define TOOL_ARG(type, field, word, must, text)                                              \
	{                                                                                    \
		.name = #field, .kind = JMAP_##word, .offset = offsetof(struct type, field), \
		.required = (must), .help = (text)                                           \
	}

extern const struct tool model_tools_tree[], model_tools_gate[]; /* end with a row without a name */

/* [{"name","description","schema"}] for a turn. */
json_t *model_tools_offer(const struct model_agent *a);
/* One call. <0: the gate is gone or there is no memory; all else is in the result. */
int model_tools_call(struct model_agent *a, const char *name, const json_t *input,
		     struct tool_result *out, struct err *e);

/* {"error": TEXT} */
int tool_fails(struct tool_result *out, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* {"refused": {"rule","place","reason"}, "instead": TEXT}, what is allowed; releases `why`. */
int tool_refused_changes(const struct model_agent *a, struct tool_result *out,
			 struct gate_refusal *why, struct err *e);
int tool_refused_command(const struct model_agent *a, struct tool_result *out,
			 struct gate_refusal *why, struct err *e);
/* Takes the reference; NULL: no memory. */
int tool_gives(struct tool_result *out, json_t *value, struct err *e);
/* A bounded piece of text as a JSON string: valid UTF-8. */
json_t *tool_text(const char *text, size_t n);

/* Submits the changes with this prose; -EPERM and *why when it is refused. */
int model_submit(struct model_agent *a, const struct gate_submit *prose, struct gate_refusal *why,
		 struct err *e);
