/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "policy/change.h"
#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/sandbox/spec.h"

/*
 * A scope policy: what an agent may do.  Loaded from JSON with comments,
 * merged with what it extends and with the built-in floor (a narrower source
 * may only narrow), its own tests run, every rule bound to a mechanism.
 * Nothing here touches a replica: decisions are pure functions, compile() fills a sandbox spec.
 */
struct policy;

enum policy_role { ROLE_REPRODUCE, ROLE_PATCH, ROLE_VERIFY, ROLE_N };
enum policy_decision { POLICY_DENY, POLICY_NEEDS_SCOPE, POLICY_NOTIFY, POLICY_ALLOW };

/* Why: which rule of which file, in the words of its author. */
struct policy_verdict {
	int decision;	 /* enum policy_decision */
	char rule[128];	 /* JSON pointer, "" for the default */
	char place[256]; /* file:line:column */
	char reason[512];
	char mechanism[64]; /* "mount", "landlock", "seccomp", "cgroup", "gate", "diff" */
};

const char *policy_role_name(int role);
const char *policy_decision_name(int decision);

/* `name`: a path, or "preset:NAME".  Errors are file:line:column: ... */
int policy_load(const char *name, struct policy **out, struct err *e);
int policy_parse(const char *name, const char *text, size_t n, struct policy **out, struct err *e);
/* The text as it stands, or would stand, in the file `path`: it may extend files beside it. */
int policy_parse_file(const char *path, const char *text, size_t n, struct policy **out,
		      struct err *e);
/* *p narrowed by another source (the repository's own at the base commit). */
int policy_narrow(struct policy *p, const struct policy *by, struct err *e);
void policy_free(struct policy *p);

const char *policy_name(const struct policy *p);
const char *policy_digest(const struct policy *p); /* "sha256:..." over the effective policy */
/* The effective policy as the documents that it is made of, in the order in which they are asked,
 * without their comments: a new array, NULL when out of memory. */
json_t *policy_documents(const struct policy *p);
/* What policy_digest() says of a policy of these documents. */
int policy_documents_digest(const json_t *documents, char out[80], struct err *e);
bool policy_has_role(const struct policy *p, int role);

/*
 * Questions; what: "read", "write", "exec" (a command as n words), "syscall", "reach", and of one
 * path of the repository "patch" (an existing file), "add", "delete".  -EINVAL: not a question.
 */
int policy_ask(const struct policy *p, const char *what, const char *const *args, size_t n,
	       struct policy_verdict *out, struct err *e);
void policy_explain(const struct policy *p, FILE *to);
/* What the document states and another source overrules, as one line each; their number. */
size_t policy_notes(const struct policy *p, FILE *to);
json_t *policy_explain_json(const struct policy *p);

/* Places of the replica that @image, @repo, @build and @tmp stand for. */
struct policy_places {
	const char *image, *repo, *build, *tmp; /* absolute paths inside */
};
/*
 * Fills limits, seccomp, devices, tmpfs, rules, hidden paths, loopback and environment of a spec.
 * spec->envp is taken as the image's environment (NULL: empty) and replaced by what the policy sets
 * and passes of it, with PATH, HOME and LANG where neither says.  A place that is NULL is not
 * there: rules about it are left out.  What the spec points to is owned by *keep, released with
 * policy_compiled_free().
 */
struct policy_compiled;
int policy_compile(const struct policy *p, const struct policy_places *at,
		   struct sandbox_spec *spec, struct policy_compiled **keep, struct err *e);
void policy_compiled_free(struct policy_compiled *c);

/* Checks a set of changes; *out is the first refusal (or ALLOW). new_test: path of the case's own
 * new test or NULL. */
int policy_check_changes(const struct policy *p, const struct changes *c, const char *new_test,
			 struct policy_verdict *out, struct err *e);

/*
 * filesystem.mask: edits one file of the source layer (path relative to the repository) before it
 * is written.  environment.redact: edits text on its way from a replica to a model or a pull
 * request. *hit says whether anything was hidden; the buffer's maximum bounds the result.
 */
int policy_mask(const struct policy *p, const char *path, struct buf *text, bool *hit,
		struct err *e);
/* Whether a mask names the file; NULL: whether there is any mask. */
bool policy_masks(const struct policy *p, const char *path);
int policy_redact(const struct policy *p, struct buf *text, bool *hit, struct err *e);

struct policy_budget { /* gate limits; 0: none stated */
	uint64_t max_tool_calls, max_turns, max_input_tokens, max_output_tokens;
	char max_cost_usd[32];
};
/* Whether the model may be asked at all; name: ENDPOINT/MODEL. */
bool policy_model_allowed(const struct policy *p, const char *name);
/* model.on_exhausted: whether an agent is ended once its model's budget is used up; else it is
 * told.
 */
bool policy_stops_exhausted(const struct policy *p);
/* Whether removing or widening a check is refused: the proof's syntactic inspection finds it. `out`
 * (may be NULL) says by which rule. */
bool policy_weakening_denied(const struct policy *p, struct policy_verdict *out);
/* The backing services that may be started beside the agent. */
bool policy_backing_allowed(const struct policy *p, const char *name);
void policy_budget(const struct policy *p, struct policy_budget *out);

/* The JSON Schema text of the format, and the presets, embedded in the program. */
const char *policy_schema(void);
/* Name of the i-th preset, NULL past the last; *text (may be NULL) gets its text. */
const char *policy_preset(size_t i, const char **text);
