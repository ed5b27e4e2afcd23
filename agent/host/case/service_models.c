/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/service_models.h"

#include <stdlib.h>

#include "policy/policy.h"
#include "runtime/base/cleanup.h"

static int check_role(const struct service *s, const struct service_agent *a, const char *role,
		      const char *policy, const struct host_config *c, struct err *e)
{
	AUTO_FREE char *path = a->models.n ? service_path(s, policy) : NULL;
	const struct model_price *price;
	struct policy *p = NULL;
	int r = 0;

	if (a->models.n == 0)
		return 0;
	if (!path)
		return err_set(e, ENOMEM, "out of memory");
	r = policy_load(path, &p, e);
	for (size_t i = 0; r == 0 && i < a->models.n; i++) {
		const char *name = a->models.v[i];

		if (!host_config_model(c, name, &price, e))
			r = err_wrap(e, "%s: /agents/%s/models/%zu", s->file, role, i);
		else if (!policy_model_allowed(p, name))
			r = err_set(
				e, EPERM,
				"%s: /agents/%s/models/%zu: the policy '%s' does not allow the "
				"model '%s': name it under /model/allow there, or another model "
				"here",
				s->file, role, i, path, name);
	}
	policy_free(p);
	return r;
}

int service_check_models(const struct service *s, const struct host_config *c, struct err *e)
{
	int r = check_role(s, &s->agents.reproduce, "reproduce", s->policy.reproduce, c, e);

	return r < 0 ? r : check_role(s, &s->agents.patch, "patch", s->policy.patch, c, e);
}
