/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/pipeline/agents.h"

#include "agent/host/pipeline/candidate.h"
#include "tests/tap.h"

static char model_name[] = "here/m", *models[] = { model_name, NULL };

static struct service_agent an_agent(int kind, int strategy)
{
	return (struct service_agent){ .kind = kind,
				       .strategy = strategy,
				       .models = { models, 1 },
				       .evaluations = 7,
				       .parallel = 3 };
}

static void a_strategy_is_a_row_of_agents(void)
{
	static const struct {
		int kind, strategy;
		size_t n;
		bool race;
	} rows[] = { { AGENT_BUILT_IN, AGENT_OFFLINE_FIRST, 1, false },
		     { AGENT_COMMAND, AGENT_OFFLINE_FIRST, 1, false },
		     { AGENT_MODEL, AGENT_MODEL_ONLY, 1, false },
		     { AGENT_MODEL, AGENT_OFFLINE_FIRST, 2, false },
		     { AGENT_EXTERNAL, AGENT_RACE, 2, true },
		     { AGENT_EXTERNAL, AGENT_MODEL_ONLY, 1, false } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct service_agent a = an_agent(rows[i].kind, rows[i].strategy);
		struct agent_plan p;

		agents_plan(&a, &p);
		CHECK_INT((int)p.n, (int)rows[i].n);
		CHECK(p.race == rows[i].race);
		CHECK_INT(p.v[p.n - 1].kind, rows[i].kind);
		CHECK_INT(p.v[0].kind, p.n == 2 ? AGENT_BUILT_IN : rows[i].kind);
		CHECK(p.n == 1 || (p.v[0].models.n == 0 && p.v[0].evaluations == 7));
	}
}

static json_t *brought(const char *author, const char *end, const char *why, bool person)
{
	return json_pack("{s:s,s:b,s:s,s:[],s:s,s:{s:s}}", "end", end, "person", (int)person, "why",
			 why, "changes", "title", "t", "agent", "author", author);
}

static void the_gravest_end_is_the_case_s(void)
{
	AUTO_JSON json_t *one = brought("built-in", "out-of-scope", "wants lib/b.js", false);
	AUTO_JSON json_t *two = brought("model", "gave-up", "no idea", false);
	AUTO_JSON json_t *three = brought("model", "failed", "a value", true);
	struct agents_end end = { .outcome = -1, .several = true };

	agents_end_none(&end, two, OUTCOME_NO_FIX);
	CHECK_INT(end.outcome, OUTCOME_NO_FIX);
	agents_end_none(&end, one, OUTCOME_NO_FIX);
	CHECK_INT(end.outcome, OUTCOME_NEEDS_SCOPE);
	CHECK_STR(end.reason, "model: no idea; built-in: wants lib/b.js");
	agents_end_none(&end, three, OUTCOME_NO_FIX);
	CHECK_INT(end.outcome, OUTCOME_NEEDS_SCOPE);
}

static void one_agent_s_reason_stands_alone(void)
{
	AUTO_JSON json_t *one = brought("built-in", "gave-up", "", false);
	struct agents_end end = { .outcome = -1 };

	agents_end_none(&end, one, OUTCOME_NOT_REPRODUCED);
	CHECK_INT(end.outcome, OUTCOME_NOT_REPRODUCED);
	CHECK_STR(end.reason, "the agent gave no reason");
}

static void a_candidate_is_what_a_record_keeps(void)
{
	AUTO_JSON json_t *b = brought("model", "submitted", "", false);
	AUTO_JSON json_t *c = brought_candidate(b);

	CHECK(brought_submitted(b));
	CHECK_INT((int)json_object_size(c), 3);
	CHECK_STR(json_string_value(json_object_get(c, "title")), "t");
}

static struct trial accepted(const char *risk, size_t lines)
{
	return (struct trial){ .outcome = -1,
			       .lines = lines,
			       .record = json_pack("{s:{s:s}}", "risk", "level", risk) };
}

static void the_best_is_the_safest_then_the_smallest(void)
{
	struct trial low = accepted("low", 40), small = accepted("low", 2),
		     high = accepted("high", 1);

	CHECK(candidate_better(&low, &high) && !candidate_better(&high, &low));
	CHECK(candidate_better(&small, &low) && !candidate_better(&low, &small));
	CHECK(!candidate_better(&low, &low)); /* the earlier one stays: the built-in agent's */
	trial_release(&low);
	trial_release(&small);
	trial_release(&high);
}

TAP_MAIN({ "a strategy is a row of agents", a_strategy_is_a_row_of_agents },
	 { "the gravest end is the case s", the_gravest_end_is_the_case_s },
	 { "one agent's reason stands alone", one_agent_s_reason_stands_alone },
	 { "a candidate is what a record keeps", a_candidate_is_what_a_record_keeps },
	 { "the best is the safest then the smallest", the_best_is_the_safest_then_the_smallest })
