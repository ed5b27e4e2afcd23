/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Who brought what, in the records of a case.  A service file may let two
 * agents work on one role (its "strategy"):
 *
 *     4-patch.json  the first candidate at its top ("changes", "title", ..., "agent"); "more": the
 *                   others, of the same shape; "also": agents that brought nothing
 *     5-proof.json  of the candidate that "candidate" names (none: 0); "others": what became of
 *                   the rest, [{"candidate","agent","verdict","says"}]
 *     3-match.json  the test that was taken at its top; "also": agents whose test was not
 *
 * An "agent" is {"author": built-in, command, model or external, "model": ENDPOINT/MODEL,
 * "command": [...], "evaluations", "refusals", "notes", "candidates"}; records of one agent have
 * neither "more" nor "also" nor "others".
 */

/* How many candidates a record of patches has. */
size_t candidate_count(const json_t *patch);
/* One of them, borrowed; NULL where there is none. */
const json_t *candidate_at(const json_t *patch, size_t i);
/* The one that was proven, or is to be: the first, until the proof says otherwise. */
size_t candidate_index(const json_t *proof);
const json_t *candidate_chosen(const json_t *patch, const json_t *proof);

/* What the gate refused to any agent of a record (3 or 4), that of the top first: a new list. */
json_t *candidate_refusals(const json_t *record);
/* The model, or what the agent was: "built-in", "command", "external"; NULL: the record has none.
 */
const char *candidate_author(const json_t *agent);
/* Whether its words are a model's, as far as the host can tell: not derived, not an operator's. */
bool candidate_by_model(const json_t *agent);
