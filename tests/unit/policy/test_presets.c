/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"
#include "tests/tap.h"

static void every_preset_loads_and_passes_its_own_tests(void)
{
	for (size_t i = 0; policy_preset(i, NULL); i++) {
		struct err e = ERR_INIT;
		struct policy *p = NULL;
		char name[64];

		(void)snprintf(name, sizeof(name), "preset:%s", policy_preset(i, NULL));
		CHECK_INT(policy_load(name, &p, &e), 0);
		CHECK_STR(e.msg, "");
		policy_free(p);
	}
}

static void the_example_loads(void)
{
	struct err e = ERR_INIT;
	struct policy *p = NULL;

	CHECK_INT(policy_load("policy/patch-agent.json", &p, &e), 0);
	CHECK_STR(e.msg, "");
	policy_free(p);
}

TAP_MAIN(TEST(every_preset_loads_and_passes_its_own_tests), TEST(the_example_loads))
