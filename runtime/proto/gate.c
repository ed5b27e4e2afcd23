/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proto/gate.h"

#include <stddef.h>
#include <string.h>

#include "runtime/proto/model.h"
#include "runtime/proto/rows.h"

const char *const gate_kind_words[] = { "reproduce", "quick", "full", NULL };

#define LIST(type, field, table, element, must, most, text)                                        \
	{                                                                                          \
		.name = #field, .kind = JMAP_LIST, .offset = offsetof(struct type, field),         \
		.required = (must), .max = (most), .sub = (table), .size = sizeof(struct element), \
		.help = (text)                                                                     \
	}

#define NAME_MAX_BYTES 256
#define PATH_BYTES     4096
#define PROSE_BYTES    (16u << 10)
#define HISTORY_BYTES  (1u << 20)
#define COUNT_MAX      (1ull << 53)

const struct jmap gate_hello_map[] = {
	{ .name = "version",
	  .kind = JMAP_U64,
	  .offset = offsetof(struct gate_hello, version),
	  .required = 1,
	  .min = GATE_VERSION,
	  .max = GATE_VERSION,
	  .help = "version of this protocol" },
	TEXT(gate_hello, name, 1, NAME_MAX_BYTES, "the agent program"),
	{ 0 },
};

const struct jmap gate_change_map[] = {
	TEXT(gate_change, path, 1, PATH_BYTES, "path in the repository"),
	TEXT(gate_change, content, 0, GATE_MAX_CONTENT, "whole new content; absent: deleted"),
	FLAG(gate_change, executable, "mode 0755 instead of 0644"),
	{ 0 },
};

const struct jmap gate_evaluate_map[] = {
	NUMBER(gate_evaluate, id, COUNT_MAX, "repeated by the answer"),
	{ .name = "kind",
	  .kind = JMAP_ENUM,
	  .offset = offsetof(struct gate_evaluate, kind),
	  .required = 1,
	  .words = gate_kind_words,
	  .help = "what is asked" },
	LIST(gate_evaluate, changes, gate_change_map, gate_change, 1, GATE_MAX_CHANGES,
	     "files that differ from the base commit"),
	TEXT(gate_evaluate, note, 0, PROSE_BYTES, "what made this candidate"),
	{ 0 },
};

const struct jmap gate_verdict_map[] = {
	NUMBER(gate_verdict, id, COUNT_MAX, "of the request"),
	FLAG(gate_verdict, built, "the build commands succeeded"),
	FLAG(gate_verdict, passed, "the question was answered yes"),
	TEXT(gate_verdict, match, 0, NAME_MAX_BYTES, "how the failure compares with the report"),
	TEXT(gate_verdict, exit, 0, NAME_MAX_BYTES, "how the run ended"),
	NUMBER(gate_verdict, tests, COUNT_MAX, "results counted"),
	NUMBER(gate_verdict, failed, COUNT_MAX, "of them failed"),
	{ .name = "broken",
	  .kind = JMAP_STRS,
	  .offset = offsetof(struct gate_verdict, broken),
	  .max = 1024,
	  .help = "tests that passed before and do not now" },
	VALUE(gate_verdict, chain, 0, "what was thrown"),
	TEXT(gate_verdict, output, 0, GATE_MAX_OUTPUT, "last part of the output"),
	NUMBER(gate_verdict, left, COUNT_MAX, "evaluations left"),
	{ 0 },
};

const struct jmap gate_candidate_map[] = {
	{ .name = "operator",
	  .kind = JMAP_STR,
	  .offset = offsetof(struct gate_candidate, operator_name),
	  .required = 1,
	  .max = NAME_MAX_BYTES,
	  .help = "operator that made it" },
	TEXT(gate_candidate, file, 0, PATH_BYTES, "file it changes"),
	TEXT(gate_candidate, summary, 0, PROSE_BYTES, "what it changes"),
	TEXT(gate_candidate, why_not, 0, PROSE_BYTES, "why it was not chosen"),
	NUMBER(gate_candidate, line, COUNT_MAX, "line it changes"),
	FLAG(gate_candidate, plausible, "passed the quick check"),
	{ 0 },
};

const struct jmap gate_submit_map[] = {
	NUMBER(gate_submit, id, COUNT_MAX, "repeated by the answer"),
	FLAG(gate_submit, tree, "what the agent leaves in the tree when it ends"),
	LIST(gate_submit, changes, gate_change_map, gate_change, 0, GATE_MAX_CHANGES,
	     "files that differ from the base commit"),
	LIST(gate_submit, candidates, gate_candidate_map, gate_candidate, 0, GATE_MAX_CANDIDATES,
	     "what else was tried"),
	TEXT(gate_submit, title, 0, NAME_MAX_BYTES, "one line"),
	TEXT(gate_submit, cause, 0, PROSE_BYTES, "why it happened"),
	TEXT(gate_submit, change, 0, PROSE_BYTES, "what changes"),
	TEXT(gate_submit, test_name, 0, PATH_BYTES, "path of the new test"),
	TEXT(gate_submit, input_from, 0, NAME_MAX_BYTES,
	     "of an input that the report does not have"),
	{ 0 },
};

const struct jmap gate_give_up_map[] = {
	NUMBER(gate_give_up, id, COUNT_MAX, "repeated by the answer"),
	TEXT(gate_give_up, reason, 1, PROSE_BYTES, "why there is nothing to submit"),
	FLAG(gate_give_up, person, "only a person, who may see production's values, can go on"),
	{ 0 },
};

const struct jmap gate_note_map[] = {
	TEXT(gate_note, text, 1, PROSE_BYTES, "for the record of the case"),
	{ 0 },
};

const struct jmap gate_done_map[] = {
	NUMBER(gate_done, id, COUNT_MAX, "of the request"),
	{ 0 },
};

const struct jmap gate_refusal_map[] = {
	NUMBER(gate_refusal, id, COUNT_MAX, "of the request"),
	TEXT(gate_refusal, rule, 0, PROSE_BYTES, "rule that refuses"),
	TEXT(gate_refusal, place, 0, PATH_BYTES, "file:line:column of the rule"),
	TEXT(gate_refusal, reason, 0, PROSE_BYTES, "what is not allowed"),
	{ 0 },
};

#define COMMAND_ARGS 256

const struct jmap gate_model_map[] = {
	NUMBER(gate_model, id, COUNT_MAX, "repeated by what comes back"),
	{ .name = "protocol",
	  .kind = JMAP_ENUM,
	  .offset = offsetof(struct gate_model, protocol),
	  .required = 1,
	  .words = model_protocol_words,
	  .help = "what the body is" },
	TEXT(gate_model, model, 0, NAME_MAX_BYTES, "the model as the caller names it"),
	FLAG(gate_model, stream, "send events as they come"),
	VALUE(gate_model, body, 1, "the request"),
	{ 0 },
};

const struct jmap gate_event_map[] = {
	NUMBER(gate_event, id, COUNT_MAX, "of the call"),
	TEXT(gate_event, name, 0, NAME_MAX_BYTES, "the event's name on the wire"),
	VALUE(gate_event, data, 0, "the event; absent: the end mark"),
	{ 0 },
};

const struct jmap gate_model_end_map[] = {
	NUMBER(gate_model_end, id, COUNT_MAX, "of the call"),
	TEXT(gate_model_end, kind, 1, NAME_MAX_BYTES, "how it ended"),
	TEXT(gate_model_end, message, 0, PROSE_BYTES, "what went wrong"),
	NUMBER(gate_model_end, status, 999, "HTTP status, 0: none"),
	VALUE(gate_model_end, body, 0, "the whole answer"),
	VALUE(gate_model_end, error, 0, "the provider's own error"),
	VALUE(gate_model_end, usage, 0, "tokens used"),
	{ 0 },
};

const struct jmap gate_cancel_map[] = {
	NUMBER(gate_cancel, id, COUNT_MAX, "of the call"),
	{ 0 },
};

const struct jmap gate_run_map[] = {
	NUMBER(gate_run, id, COUNT_MAX, "repeated by the answer"),
	{ .name = "argv",
	  .kind = JMAP_STRS,
	  .offset = offsetof(struct gate_run, argv),
	  .required = 1,
	  .min = 1,
	  .max = COMMAND_ARGS,
	  .help = "the command" },
	TEXT(gate_run, cwd, 0, PATH_BYTES, "where, beneath the repository"),
	LIST(gate_run, changes, gate_change_map, gate_change, 0, GATE_MAX_CHANGES,
	     "files that differ from the base commit"),
	NUMBER(gate_run, timeout_ms, COUNT_MAX, "longest run"),
	{ 0 },
};

const struct jmap gate_ran_map[] = {
	NUMBER(gate_ran, id, COUNT_MAX, "of the request"),
	TEXT(gate_ran, exit, 1, NAME_MAX_BYTES, "how it ended"),
	NUMBER(gate_ran, code, COUNT_MAX, "exit status or signal"),
	TEXT(gate_ran, out, 0, GATE_MAX_OUTPUT, "last part of its output"),
	TEXT(gate_ran, err, 0, GATE_MAX_OUTPUT, "last part of its errors"),
	{ 0 },
};

const struct jmap gate_check_map[] = {
	NUMBER(gate_check, id, COUNT_MAX, "repeated by the answer"),
	LIST(gate_check, changes, gate_change_map, gate_change, 1, GATE_MAX_CHANGES,
	     "files that differ from the base commit"),
	{ 0 },
};

const struct jmap gate_budget_map[] = {
	NUMBER(gate_budget, id, COUNT_MAX, "repeated by the answer"),
	{ 0 },
};

const struct jmap gate_left_map[] = {
	NUMBER(gate_left, id, COUNT_MAX, "of the request"),
	NUMBER(gate_left, evaluations, COUNT_MAX, "evaluations left"),
	NUMBER(gate_left, runs, COUNT_MAX, "commands left"),
	VALUE(gate_left, model, 0, "what models may still cost"),
	{ 0 },
};

const struct jmap gate_task_map[] = {
	TEXT(gate_task, role, 1, NAME_MAX_BYTES, "reproduce or patch"),
	TEXT(gate_task, agent, 0, NAME_MAX_BYTES, "built-in or model"),
	TEXT(gate_task, language, 1, NAME_MAX_BYTES, "language of the module"),
	TEXT(gate_task, framework, 1, NAME_MAX_BYTES, "test framework"),
	TEXT(gate_task, repo, 1, PATH_BYTES, "where the source tree is"),
	TEXT(gate_task, module, 0, PATH_BYTES, "how a test names the module"),
	TEXT(gate_task, test_dir, 0, PATH_BYTES, "where new tests go"),
	TEXT(gate_task, test_path, 0, PATH_BYTES, "the accepted new test"),
	VALUE(gate_task, incident, 1, "sickbay.incident/1"),
	VALUE(gate_task, options, 0, "framework specifics"),
	TEXT(gate_task, history, 0, HISTORY_BYTES, "git log of the module"),
	NUMBER(gate_task, evaluations, COUNT_MAX, "budget"),
	NUMBER(gate_task, parallel, 1024, "evaluations at one time"),
	NUMBER(gate_task, seed, INT64_MAX, "for every choice at random"),
	{ .name = "models",
	  .kind = JMAP_STRS,
	  .offset = offsetof(struct gate_task, models),
	  .max = 64,
	  .help = "what may be asked, ENDPOINT/MODEL" },
	TEXT(gate_task, protocol, 0, NAME_MAX_BYTES, "of the first one's endpoint"),
	VALUE(gate_task, conventions, 0, "how this suite is run and written"),
	VALUE(gate_task, scope, 0, "what may be changed"),
	{ 0 },
};
