/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/jmap.h"

/*
 * What an agent inside a replica may say to the gate, and what it hears.  One
 * unix stream socket, inherited as fd GATE_FD; frames of runtime/base/msg.h.
 * The agent speaks first; each request carries an id that its answer repeats,
 * and several may be outstanding.  A request that is not legal in the present
 * stage, or that its table refuses, ends the replica.
 *
 * A body is always the struct named beside the message, read and written by
 * its jmap table; absent strings and lists are left out of it.
 */
#define GATE_FD	     3
#define GATE_VERSION 1

#define GATE_MAX_CHANGES    64
#define GATE_MAX_CONTENT    (1u << 20) /* bytes of one changed file */
#define GATE_MAX_CANDIDATES 256
#define GATE_MAX_OUTPUT	    (64u << 10) /* bytes of a verdict's output */
#define GATE_MAX_NOTES	    100		/* of one agent; one more ends its replica */

enum gate_msg {
	GATE_HELLO = 1, /* struct gate_hello -> GATE_TASK */
	GATE_TASK,	/* struct gate_task */
	GATE_EVALUATE,	/* struct gate_evaluate -> GATE_RESULT or GATE_REFUSED */
	GATE_RESULT,	/* struct gate_verdict */
	GATE_SUBMIT,	/* struct gate_submit -> GATE_DONE or GATE_REFUSED; once accepted */
	GATE_GIVE_UP,	/* struct gate_give_up -> GATE_DONE; once */
	GATE_NOTE,	/* struct gate_note: for the case's record; no answer */
	GATE_DONE,	/* struct gate_done: the agent should exit */
	GATE_REFUSED,	/* struct gate_refusal: what is not allowed and what rule says so */
	GATE_MODEL,	/* struct gate_model -> GATE_EVENT*, GATE_MODEL_END; or GATE_REFUSED */
	GATE_EVENT,	/* struct gate_event: a part of a streamed answer */
	GATE_MODEL_END, /* struct gate_model_end */
	GATE_CANCEL,	/* struct gate_cancel: nobody waits for that call; its end still comes */
	GATE_RUN,	/* struct gate_run -> GATE_RAN or GATE_REFUSED */
	GATE_RAN,	/* struct gate_ran */
	GATE_CHECK,	/* struct gate_check: would these changes be in scope? -> GATE_DONE or
			   GATE_REFUSED */
	GATE_BUDGET,	/* struct gate_budget -> GATE_LEFT */
	GATE_LEFT	/* struct gate_left */
};

enum gate_kind {
	GATE_KIND_REPRODUCE, /* run the given new test at the base commit; verdict says the match */
	GATE_KIND_QUICK,     /* patch: the reproduction test only */
	GATE_KIND_FULL,	     /* patch: reproduction test, then the suite */
	GATE_KIND_N
};
extern const char *const gate_kind_words[]; /* "reproduce", "quick", "full", NULL */

struct gate_hello {
	uint64_t version;
	char *name; /* of the agent program */
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
	bool built, passed;	/* passed: the question of the kind was answered yes */
	char *match;		/* match_name() for REPRODUCE, and for a test that still fails */
	char *exit;		/* exit_kind_name() */
	uint64_t tests, failed; /* counted */
	struct strlist broken;	/* tests that passed before and do not now (bounded) */
	json_t *chain;		/* what was thrown, as in an incident, or NULL */
	char *output;		/* last part of the output, bounded */
	uint64_t left;		/* evaluations left in the budget */
};

/* A candidate the agent tried, as it wants the reviewer to know it. */
struct gate_candidate {
	char *operator_name, *file, *summary, *why_not;
	uint64_t line;
	bool plausible;
};

struct gate_submit {
	uint64_t id;
	bool tree; /* no changes: what the agent leaves in the tree when it ends is submitted */
	struct objlist changes;			  /* struct gate_change */
	struct objlist candidates;		  /* struct gate_candidate */
	char *title, *cause, *change, *test_name; /* derived prose */
	char *input_from; /* a test of a report without an input: where its input is from */
};

struct gate_give_up {
	uint64_t id;
	char *reason;
	bool person; /* without a value of production there is no failure: for a person */
};

struct gate_note {
	char *text;
};

struct gate_done {
	uint64_t id;
};

struct gate_refusal {
	uint64_t id;
	char *rule, *place, *reason;
};

/* A call to a model: see runtime/proto/model.h. The gate fills in nothing that it was not asked. */
struct gate_model {
	uint64_t id;
	int protocol; /* enum model_protocol */
	char *model;  /* as the caller names it; NULL: the first that the service file allows */
	bool stream;
	json_t *body;
};

struct gate_event {
	uint64_t id;
	char *name;
	json_t *data;
};

struct gate_model_end {
	uint64_t id;
	char *kind, *message; /* as in struct broker_end */
	uint64_t status;
	json_t *body, *error;
	json_t *usage; /* struct model_usage */
};

struct gate_cancel {
	uint64_t id;
};

/* One command in a fork of its own, where the changes lie over the base commit; what it leaves is
 * dropped. Decided by the policy's `commands`. */
struct gate_run {
	uint64_t id;
	struct strlist argv;
	char *cwd; /* relative to the repository; NULL: its root */
	struct objlist changes;
	uint64_t timeout_ms; /* 0: the most that the policy allows */
};

struct gate_ran {
	uint64_t id;
	char *exit; /* exit_kind_name() */
	uint64_t code;
	char *out, *err; /* last GATE_MAX_OUTPUT bytes of each, valid UTF-8 */
};

struct gate_check {
	uint64_t id;
	struct objlist changes;
};

struct gate_budget {
	uint64_t id;
};

struct gate_left {
	uint64_t id, evaluations, runs;
	json_t *model; /* {"usd","input","output","turns"} left, NULL: no model */
};

/* The task, as the agent receives it. */
struct gate_task {
	char *role;  /* "reproduce" or "patch" */
	char *agent; /* which of sickbay-agent's own works on it: "built-in" (or NULL), "model" */
	char *language;	 /* "javascript", "python", "c" */
	char *framework; /* "tape", "node:test", "mocha", "jest", "pytest", "unittest", "c", "shell"
			  */
	char *repo;	 /* where the source tree is, inside */
	char *module;	 /* how a test names the module under test, from the service file ("../",
			    "package", "header.h") */
	char *test_dir;	 /* where new tests go */
	char *test_path; /* patch: the accepted new test */
	json_t *incident; /* sickbay.incident/1 */
	json_t *options;  /* framework specifics of the service file's new_test, or NULL */
	char *history;	  /* git log text of the module up to the base commit, bounded */
	uint64_t evaluations, parallel, seed;
	struct strlist
		models; /* ENDPOINT/MODEL, the first is the default; none: no model may be asked */
	char *protocol; /* of the first one's endpoint: what an agent program may speak */
	json_t *conventions; /* what an agent should know of the suite: command, one, new_test */
	json_t *scope; /* what the policy lets it change, as explain says it, for the prompt */
};

extern const struct jmap gate_change_map[], gate_evaluate_map[], gate_verdict_map[],
	gate_candidate_map[], gate_submit_map[], gate_task_map[], gate_hello_map[],
	gate_give_up_map[], gate_note_map[], gate_done_map[], gate_refusal_map[], gate_model_map[],
	gate_event_map[], gate_model_end_map[], gate_cancel_map[], gate_run_map[], gate_ran_map[],
	gate_check_map[], gate_budget_map[], gate_left_map[];

/*
 * The agent's end.  Ids are given out here, counting from 1; not for threads.
 * Calls that wait do so for ever: the host's wall clock ends an agent.
 */
struct gate_client;

/* What came for one evaluation: a verdict, or a refusal when `refused`. */
struct gate_answer {
	uint64_t id;
	bool refused;
	struct gate_verdict verdict;
	struct gate_refusal refusal;
};

/* Says hello on fd (taken over, also on failure) and receives the task. */
int gate_connect(int fd, const char *name, struct gate_client **out, struct gate_task *task,
		 struct err *e);
/* Asks for an evaluation without waiting; req->id is ignored, *id is the one given out. */
int gate_ask(struct gate_client *c, const struct gate_evaluate *req, uint64_t *id, struct err *e);
/* The next answer, in any order: 1 and *out is filled (release it); 0 when nothing is outstanding.
 */
int gate_next(struct gate_client *c, struct gate_answer *out, struct err *e);
/* gate_ask() and the answer to it; others that arrive meanwhile are kept for gate_next(). */
int gate_evaluate(struct gate_client *c, const struct gate_evaluate *req, struct gate_answer *out,
		  struct err *e);
size_t gate_outstanding(const struct gate_client *c);
/* -EPERM when the gate refused it; *why (may be NULL) then says what, and it may be changed and
 * submitted again. */
int gate_submit(struct gate_client *c, const struct gate_submit *s, struct gate_refusal *why,
		struct err *e);
int gate_give_up(struct gate_client *c, const char *reason, struct err *e);
/* The same where only a person, who may see production's values, can go on. */
int gate_needs_person(struct gate_client *c, const char *reason, struct err *e);
int gate_note(struct gate_client *c, const char *text, struct err *e);
/* Each waits for its own answer; -EPERM when the gate refused, and *why (may be NULL) says what;
 * *out is filled on success, release it by its map. Of a model call no event is handed out: how it
 * ended says out->kind. */
int gate_model_call(struct gate_client *c, const struct gate_model *rq, struct gate_model_end *out,
		    struct gate_refusal *why, struct err *e);
int gate_command(struct gate_client *c, const struct gate_run *rq, struct gate_ran *out,
		 struct gate_refusal *why, struct err *e);
/* Would these changes (struct gate_change) be in scope? */
int gate_check(struct gate_client *c, const struct objlist *changes, struct gate_refusal *why,
	       struct err *e);
int gate_budget(struct gate_client *c, struct gate_left *out, struct err *e);
void gate_answer_release(struct gate_answer *a);
void gate_client_close(struct gate_client *c); /* NULL is fine */
