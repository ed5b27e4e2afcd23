/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/jmap.h"

/*
 * What an agent inside a replica may say to the gate, and what it hears.  One
 * unix stream socket, inherited as fd GATE_FD; frames of runtime/base/msg.h.
 * The agent speaks first; each request carries an id that its answer repeats,
 * and several may be outstanding.  A request that is not legal in the present
 * stage, or that its table refuses, ends the replica.
 */
#define GATE_FD 3

enum gate_msg {
	GATE_HELLO = 1,	 /* {"version":1,"name":...} -> GATE_TASK */
	GATE_TASK,	 /* struct below as an object */
	GATE_EVALUATE,	 /* {"id","kind","changes":[{"path","content"|null}],"note"} -> GATE_RESULT */
	GATE_RESULT,	 /* {"id","verdict":{...}} see gate_verdict */
	GATE_SUBMIT,	 /* {"id","changes":[...],"explanation":{...},"candidates":[...]} -> GATE_DONE; once */
	GATE_GIVE_UP,	 /* {"id","reason"} -> GATE_DONE; once */
	GATE_NOTE,	 /* {"text"}: for the case's record; no answer */
	GATE_DONE,	 /* {"id"}: the agent should exit */
	GATE_REFUSED	 /* {"id","rule","place","reason"}: what is not allowed and what rule says so */
};

enum gate_kind {
	GATE_KIND_REPRODUCE, /* run the given new test at the base commit; verdict says the match */
	GATE_KIND_QUICK,     /* patch: the reproduction test only */
	GATE_KIND_FULL,	     /* patch: reproduction test, then the suite */
	GATE_KIND_N
};

/* One changed file; content NULL deletes it. */
struct gate_change {
	char *path, *content;
	bool executable;
};

struct gate_evaluate {
	uint64_t id;
	int kind; /* enum gate_kind */
	struct objlist changes;
	char *note; /* operator that made it, for the record */
};

struct gate_verdict {
	uint64_t id;
	bool built, passed;	 /* passed: the question of the kind was answered yes */
	char *match;		 /* match_name() for REPRODUCE, and for a test that still fails */
	char *exit;		 /* exit_kind_name() */
	uint64_t tests, failed;	 /* counted */
	struct strlist broken;	 /* tests that passed before and do not now (bounded) */
	json_t *chain;		 /* what was thrown, as in an incident, or NULL */
	char *output;		 /* last part of the output, bounded */
	uint64_t left;		 /* evaluations left in the budget */
};

/* A candidate the agent tried, as it wants the reviewer to know it. */
struct gate_candidate {
	char *operator_name, *file, *summary, *why_not;
	uint64_t line;
	bool plausible;
};

struct gate_submit {
	uint64_t id;
	struct objlist changes;	   /* struct gate_change */
	struct objlist candidates; /* struct gate_candidate */
	char *title, *cause, *change, *test_name; /* derived prose */
};

/* The task, as the agent receives it. */
struct gate_task {
	char *role;	 /* "reproduce" or "patch" */
	char *language;	 /* "javascript", "python", "c" */
	char *framework; /* "tape", "node:test", "pytest", "unittest", "c", "shell" */
	char *repo;	 /* where the source tree is, inside */
	char *module;	 /* how a test names the module under test, from the service file ("../", "jinja2", "cJSON.h") */
	char *test_dir;	 /* where new tests go */
	char *test_path; /* patch: the accepted new test */
	json_t *incident; /* sickbay.incident/1 */
	json_t *options;  /* framework specifics of the service file's new_test, or NULL */
	char *history;	 /* git log text of the module up to the base commit, bounded */
	uint64_t evaluations, parallel, seed;
};

extern const struct jmap gate_change_map[], gate_evaluate_map[], gate_verdict_map[],
	gate_candidate_map[], gate_submit_map[], gate_task_map[];
