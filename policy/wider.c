/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/wider.h"

#include <string.h>

#include "policy/wider_impl.h"

int wider_row(const struct comparison *c, struct err *e, const char *what, const char *witness,
	      const char *in_a, const char *in_b)
{
	json_t *row = json_pack("{s:s,s:s,s:s,s:s}", "what", what, "witness", witness, "a", in_a,
				"b", in_b);

	if (!row || json_array_append_new(c->rows, row) < 0)
		return err_set(e, ENOMEM, "comparing policies: out of memory");
	return 0;
}

static void words_of(const struct policy_verdict *v, char *out, size_t size)
{
	(void)snprintf(out, size, "%s by %s at %s", policy_decision_name(v->decision),
		       v->rule[0] ? v->rule : "default", v->place);
}

int wider_verdicts(const struct comparison *c, struct err *e, const char *what, const char *witness,
		   const struct policy_verdict *in_a, const struct policy_verdict *in_b)
{
	char a[448], b[448];

	words_of(in_a, a, sizeof(a));
	words_of(in_b, b, sizeof(b));
	return wider_row(c, e, what, witness, a, b);
}

int wider_rank(const struct policy_verdict *v)
{
	if (v->decision == POLICY_ALLOW)
		return 2;
	return v->decision == POLICY_NOTIFY;
}

static int wider_roles(const struct comparison *c, struct err *e)
{
	int r = 0;

	for (int role = 0; r == 0 && role < ROLE_N; role++)
		if (policy_has_role(c->b, role) && !policy_has_role(c->a, role))
			r = wider_row(c, e, "/roles", policy_role_name(role), "not for this role",
				      "for this role");
	return r;
}

int policy_wider(const struct policy *a, const struct policy *b, json_t **rows, struct err *e)
{
	AUTO_JSON json_t *found = json_array();
	const struct comparison c = { .a = a, .b = b, .rows = found };
	int r = found ? wider_roles(&c, e) : err_set(e, ENOMEM, "out of memory");

	if (r == 0)
		r = wider_paths(&c, e);
	if (r == 0)
		r = wider_commands(&c, e);
	if (r == 0)
		r = wider_values(&c, e);
	if (r == 0)
		*rows = take_ptr(found);
	return r;
}
