/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "policy/source.h"

/* The policy's own examples: a rule that does not do what its author thinks is found when it is
 * loaded. */

static int ask(const struct policy *p, const struct question *q, struct policy_verdict *v,
	       struct err *e)
{
	const struct {
		const char *what, *arg;
	} one[] = {
		{ "read", q->read },   { "write", q->write }, { "syscall", q->syscall },
		{ "patch", q->patch }, { "add", q->add },     { "delete", q->delete },
		{ "reach", q->reach },
	};

	for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++)
		if (one[i].arg)
			return policy_ask(p, one[i].what, &one[i].arg, 1, v, e);
	return policy_ask(p, "exec", (const char *const *)q->exec.v, q->exec.n, v, e);
}

int policy_run_tests(const struct policy *p, const struct source *s, struct err *e)
{
	for (size_t i = 0; i < s->doc.tests.n; i++) {
		const struct policy_test *const t = OBJ(struct policy_test, s->doc.tests, i);
		struct err why = ERR_INIT;
		struct policy_verdict v;
		char pointer[48];

		(void)snprintf(pointer, sizeof(pointer), "/tests/%zu", i);
		if (ask(p, &t->when, &v, &why) < 0)
			return source_error(s, pointer, e, "test \"%.80s\": %s", t->name, why.msg);
		if (v.decision != t->expect)
			return source_error(
				s, pointer, e, "test \"%.80s\": want %s, got %s (%s%s%s)", t->name,
				policy_decision_name(t->expect), policy_decision_name(v.decision),
				v.rule, v.rule[0] ? " at " : "", v.place);
		if (t->rule && strcmp(t->rule, v.rule) != 0)
			return source_error(s, pointer, e,
					    "test \"%.80s\": want rule %s, got %s (%s)", t->name,
					    t->rule, v.rule[0] ? v.rule : "none", v.place);
	}
	return 0;
}
