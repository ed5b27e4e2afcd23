/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/candidates.h"

#include <string.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/jmap.h"
#include "tests/tap.h"

static json_t *parse(const char *text)
{
	json_t *v = json_loads(text, 0, NULL);

	CHECK(v != NULL);
	return v;
}

static void a_record_of_one_agent_is_its_own_candidate(void)
{
	AUTO_JSON json_t *patch = parse("{\"changes\":[],\"agent\":{\"author\":\"built-in\"}}");
	AUTO_JSON json_t *proof = parse("{\"verdict\":\"accepted\"}");

	CHECK_INT((int)candidate_count(patch), 1);
	CHECK(candidate_chosen(patch, proof) == patch);
	CHECK(candidate_chosen(patch, NULL) == patch);
	CHECK(candidate_at(patch, 1) == NULL);
}

static void the_proof_says_which_was_chosen(void)
{
	AUTO_JSON json_t *patch = parse("{\"changes\":[1],\"more\":[{\"changes\":[2]}]}");
	AUTO_JSON json_t *proof = parse("{\"candidate\":1}");
	AUTO_JSON json_t *beyond = parse("{\"candidate\":2}");

	CHECK_INT((int)candidate_count(patch), 2);
	CHECK(candidate_chosen(patch, NULL) == patch);
	CHECK(candidate_chosen(patch, proof) == json_array_get(json_object_get(patch, "more"), 0));
	CHECK(candidate_chosen(patch, beyond) == NULL);
}

static void without_changes_there_is_none(void)
{
	AUTO_JSON json_t *none = parse("{\"result\":\"none\",\"agent\":{}}");

	CHECK_INT((int)candidate_count(none), 0);
	CHECK(candidate_chosen(none, NULL) == NULL);
	CHECK(candidate_chosen(NULL, NULL) == NULL);
}

static void refusals_of_every_agent_count(void)
{
	AUTO_JSON json_t *record = parse(
		"{\"agent\":{\"refusals\":[\"a\"]},\"more\":[{\"agent\":{\"refusals\":[\"b\"]}}],"
		"\"also\":[{\"agent\":{\"refusals\":[\"c\",\"d\"]}},{}]}");
	AUTO_JSON json_t *all = candidate_refusals(record);
	AUTO_JSON json_t *none = candidate_refusals(NULL);

	CHECK_INT((int)json_array_size(all), 4);
	CHECK_STR(json_string_value(json_array_get(all, 0)), "a");
	CHECK_STR(json_string_value(json_array_get(all, 3)), "d");
	CHECK_INT((int)json_array_size(none), 0);
}

static void a_model_is_named_before_its_kind(void)
{
	AUTO_JSON json_t *model = parse("{\"author\":\"model\",\"model\":\"here/m\"}");
	AUTO_JSON json_t *own = parse("{\"author\":\"built-in\"}");
	AUTO_JSON json_t *command = parse("{\"author\":\"command\"}");
	AUTO_JSON json_t *other = parse("{\"author\":\"external\"}");

	CHECK_STR(candidate_author(model), "here/m");
	CHECK_STR(candidate_author(own), "built-in");
	CHECK(candidate_by_model(model) && candidate_by_model(other));
	CHECK(!candidate_by_model(own) && !candidate_by_model(command));
	CHECK(candidate_author(NULL) == NULL && !candidate_by_model(NULL));
}

TAP_MAIN({ "a record of one agent is its own candidate",
	   a_record_of_one_agent_is_its_own_candidate },
	 { "the proof says which was chosen", the_proof_says_which_was_chosen },
	 { "without changes there is none", without_changes_there_is_none },
	 { "refusals of every agent count", refusals_of_every_agent_count },
	 { "a model is named before its kind", a_model_is_named_before_its_kind })
