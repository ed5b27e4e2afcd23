/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/host/case/request.h"
#include "agent/host/gate/leak.h"
#include "agent/host/gate/monitor.h"

/* The task as an agent receives it: what an agent that asks a model must know besides is how the
 * suite is run and what of the policy its changes and commands are held against. */

static json_t *words(const struct strlist *l)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < l->n; i++)
		if (json_array_append_new(list, json_string(l->v[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *conventions(const struct service *svc)
{
	const struct service_tests *suite = svc->tests.v;

	return json_pack("{s:s,s:o,s:o,s:{s:s,s:s,s:s*}}", "suite", suite->name, "command",
			 words(&suite->command), "one", words(&suite->one), "new_test", "dir",
			 suite->new_test.dir, "framework", suite->new_test.framework, "module",
			 suite->new_test.module);
}

/* "/code/deny/12" is one of the list "/code/deny". */
static size_t group_length(const char *rule)
{
	const char *last = strrchr(rule, '/');

	return last && last[1] && strspn(last + 1, "0123456789") == strlen(last + 1)
		       ? (size_t)(last - rule)
		       : 0;
}

static int put_rule(json_t *to, const char *rule, const json_t *value)
{
	const size_t n = group_length(rule);
	json_t *path = json_object_get(value, "path");
	json_t *list;
	char group[128];

	if (n == 0)
		return json_object_set(to, rule + 1, (json_t *)(uintptr_t)value);
	(void)snprintf(group, sizeof(group), "%.*s", (int)(n - 1), rule + 1);
	list = json_object_get(to, group);
	if (!list && json_object_set_new(to, group, list = json_array()) < 0)
		return -1;
	return json_array_append(list, path ? path : (json_t *)(uintptr_t)value);
}

static bool is_told(const char *rule)
{
	return strncmp(rule, "/code/", 6) == 0 || strncmp(rule, "/commands", 9) == 0;
}

/* Where a file of the operator's lies on the host is no matter of the replica's. */
static const char *name_of(const json_t *source)
{
	const char *name = json_string_value(json_object_get(source, "source"));
	const char *slash = name ? strrchr(name, '/') : NULL;

	return slash ? slash + 1 : name ? name : "";
}

/* Each source as {"source", "code/deny": [PATH...], "code/max_files": N...}; all of them hold. */
static json_t *scope(const struct policy *p)
{
	AUTO_JSON json_t *explained = policy_explain_json(p);
	AUTO_JSON json_t *list = json_array();
	json_t *source, *rule;
	size_t i, k;

	json_array_foreach(json_object_get(explained, "sources"), i, source) {
		json_t *one = json_pack("{s:s}", "source", name_of(source));

		if (!one || json_array_append_new(list, one) < 0)
			return NULL;
		json_array_foreach(json_object_get(source, "rules"), k, rule) {
			const char *name = json_string_value(json_object_get(rule, "rule"));

			if (is_told(name) &&
			    put_rule(one, name, json_object_get(rule, "value")) < 0)
				return NULL;
		}
	}
	return explained && list ? json_incref(list) : NULL;
}

/* Why a request cannot be replayed stands beside it: there may be a call to rebuild. */
static int put_request(const struct service_tests *suite, json_t *incident, struct err *e)
{
	json_t *input = json_object_get(incident, "input");
	AUTO_JSON json_t *replayed = NULL;
	struct err why = ERR_INIT;
	int r = request_replayed(suite, input, &replayed, &why);

	if (r == -EINVAL || r == -E2BIG) {
		replayed = json_copy(input); /* the incident shares its input */
		r = json_object_set_new(replayed, "http_lost", json_string(why.msg));
	}
	if (r == 0 && replayed)
		r = json_object_set(incident, "input", replayed);
	return r < 0 ? err_set(e, ENOMEM, "%s", why.code ? why.msg : "out of memory") : 0;
}

json_t *monitor_task(const struct monitor *m)
{
	const struct gate_session *s = m->s;
	const struct service *svc = s->world->service;
	const struct service_tests *suite = svc->tests.v;
	static const char *const own[] = { [AGENT_BUILT_IN] = "built-in",
					   [AGENT_COMMAND] = NULL,
					   [AGENT_MODEL] = "model",
					   [AGENT_EXTERNAL] = NULL };
	AUTO_JSON json_t *incident = leak_incident(s->values, s->role, s->incident, m->e);
	AUTO_JSON json_t *suites = conventions(svc);
	AUTO_JSON json_t *rules = scope(s->world->policy[s->role]);
	struct gate_task t = {
		.role = (char *)(uintptr_t)policy_role_name(s->role),
		.agent = (char *)(uintptr_t)own[s->agent->kind],
		.language = svc->language,
		.framework = suite->new_test.framework,
		.repo = svc->run.cwd,
		.module = suite->new_test.module,
		.test_dir = suite->new_test.dir,
		.test_path = (char *)(uintptr_t)s->test_path,
		.incident = incident,
		.options = suite->new_test.options,
		.history = (char *)(uintptr_t)s->history,
		.evaluations = monitor_evaluations_left(m),
		.parallel = s->agent->parallel,
		.seed = 1,
		.conventions = suites,
		.scope = rules,
	};

	if (incident && s->role == ROLE_REPRODUCE && put_request(suite, incident, m->e) < 0)
		return NULL;
	if (s->models) {
		t.models = s->agent->models;
		t.protocol = (char *)(uintptr_t)model_protocol(s->models, &t.models);
	}
	return incident && suites && rules ? jmap_write(gate_task_map, &t) : NULL;
}
