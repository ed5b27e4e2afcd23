/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/syntax/fault.h"
#include "agent/syntax/splice.h"
#include "agent/syntax/style.h"

/*
 * Repair operators.  A site is a place in the source that may be wrong; an
 * operator looks at one and adds candidates, each a splice of one file.  An
 * operator is a row of a table in one of the ops_*.c files, and the tables are
 * listed in op.c.  Operators read; they never evaluate anything.
 */
enum site_role {
	SITE_FAULT,    /* a frame's own line, with the expression that may hold the value */
	SITE_CALLER,   /* a call in a frame: the argument from which the value came */
	SITE_CALLBACK, /* a call in a frame that hands over the function that then failed */
};

struct site {
	const struct source *src;
	const struct style *style;
	const struct fault *fault;
	enum site_role role;
	unsigned distance; /* frames from the innermost in-app one */
	uint32_t line;
	TSNode function, statement;
	TSNode subject; /* the suspicious expression; null node when none is known */
	char *name;	/* its text, or NULL */
	TSNode call;	/* CALLER, CALLBACK: the call in this frame */
	bool helper; /* CALLER: it calls what it was handed, for whoever hands it: a general helper
		      */
	unsigned passed; /* CALLBACK: how many arguments it is called with; 0: not known */
};

struct op;
struct candidate {
	const struct op *op;
	const struct source *src;
	struct splice splice;
	char *summary; /* "returns early when x is null or undefined" */
	char *subject; /* the text of the value it deals with */
	char *after;   /* the whole file with the change: built once, for comparing and sending */
	enum site_role role;
	unsigned distance, line;
	unsigned order; /* among those of one operator at one site: donors nearest first */
	bool general;	/* deals with more inputs than the one seen */
	bool deletes;	/* takes behaviour away */
};

struct candidates {
	struct candidate *v;
	size_t n, cap, max;
	const struct op *by; /* the operator that is at work */
	struct err failed;   /* first failure while generating: code 0 when none */
};

struct op {
	const char *name;  /* as the reviewer reads it: "null-guard" */
	const char *langs; /* names, space separated; NULL: all */
	unsigned faults;   /* enum fault_class */
	unsigned roles;	   /* 1 << enum site_role */
	unsigned prior;	   /* how seldom this template is the right one; smaller first */
	void (*generate)(const struct site *site, struct candidates *out);
};

/* Runs every operator that fits the site. */
void operators_run(const struct site *site, struct candidates *out);
/* All operators, in table order; NULL after the last. */
const struct op *operator_at(size_t i);

/*
 * Adds one candidate.  Takes the edits of `splice` over, whatever happens;
 * duplicates of the resulting text and texts that parse worse than before are
 * dropped.  `summary` is a printf format.
 */
void candidate_add(struct candidates *c, const struct site *site, struct splice *splice,
		   unsigned flags, const char *summary, ...) __attribute__((format(printf, 5, 6)));
#define CAND_GENERAL 0x100u /* flags: these, or'ed with the order (0 to 255) */
#define CAND_DELETES 0x200u
void candidates_release(struct candidates *c);

/* ---- what operators share (op_help.c) ---- */
/* Texts of statements with which the function already leaves early, nearest first, usable at `at`.
 */
#define DONORS_MAX 4
struct donors {
	char *v[DONORS_MAX];
	size_t n;
};
void donors_of(const struct site *site, size_t at, struct donors *out);
void donors_release(struct donors *d);
/* No calls, assignments or increments in it: may be evaluated twice. */
bool expression_pure(const struct source *s, TSNode node);
/* Is a parameter of the function the name? Its index, or -1. */
int parameter_index(const struct source *s, TSNode function, const char *name);
/* Inserts `if (cond) body` above the site's statement. */
void add_guard(const struct site *site, struct candidates *out, const char *cond, const char *body,
	       unsigned flags, const char *what);
/* The same once for each donor, nearest first; `why` continues "leaves with 'return x' when ...".
 */
void add_guards(const struct site *site, struct candidates *out, const char *cond, unsigned flags,
		const char *why);
/* Calls fn for each node of the classes on the site's line, at most `max` times. */
typedef void (*target_fn)(const struct site *site, TSNode target, struct candidates *out);
void each_target(const struct site *site, unsigned classes, unsigned max, target_fn fn,
		 struct candidates *out);
/* One edit: the node becomes the text. */
void add_rewrite(const struct site *site, struct candidates *out, TSNode node, const char *text,
		 unsigned flags, const char *what);
/* If the statement is `if (cond) leave`: its condition without brackets; null node else. */
TSNode guard_condition(const struct source *s, TSNode statement);
/* "x is null or undefined" in the language's words, for prose. */
const char *null_words(const struct lang *lang);
