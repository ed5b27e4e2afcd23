/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/candidates.h"

#include <string.h>

size_t candidate_count(const json_t *patch)
{
	return json_object_get(patch, "changes")
		       ? 1 + json_array_size(json_object_get(patch, "more"))
		       : 0;
}

const json_t *candidate_at(const json_t *patch, size_t i)
{
	if (i >= candidate_count(patch))
		return NULL;
	return i ? json_array_get(json_object_get(patch, "more"), i - 1) : patch;
}

size_t candidate_index(const json_t *proof)
{
	const json_int_t i = json_integer_value(json_object_get(proof, "candidate"));

	return i > 0 ? (size_t)i : 0;
}

const json_t *candidate_chosen(const json_t *patch, const json_t *proof)
{
	return candidate_at(patch, candidate_index(proof));
}

static void add_refusals(json_t *to, const json_t *of)
{
	const json_t *agent = json_object_get(of, "agent");

	(void)json_array_extend(to, json_object_get(agent, "refusals"));
}

json_t *candidate_refusals(const json_t *record)
{
	static const char *const lists[] = { "more", "also" };
	json_t *out = json_array();

	if (out)
		add_refusals(out, record);
	for (size_t k = 0; out && k < sizeof(lists) / sizeof(lists[0]); k++) {
		const json_t *list = json_object_get(record, lists[k]);

		for (size_t i = 0; i < json_array_size(list); i++)
			add_refusals(out, json_array_get(list, i));
	}
	return out;
}

const char *candidate_author(const json_t *agent)
{
	const char *model = json_string_value(json_object_get(agent, "model"));

	return model ? model : json_string_value(json_object_get(agent, "author"));
}

bool candidate_by_model(const json_t *agent)
{
	const char *author = json_string_value(json_object_get(agent, "author"));

	return author && (strcmp(author, "model") == 0 || strcmp(author, "external") == 0);
}
