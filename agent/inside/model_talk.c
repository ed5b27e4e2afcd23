/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/inside/model_impl.h"

/* The conversation with a model: a list of messages that only grows, within a bound. */
#define CONVERSATION_MAX (192u << 10) /* bytes; results beyond it are left out, oldest first */
#define RECENT		 8	      /* messages whose results stay */

int talk_add(json_t *messages, const char *role, json_t *content, struct err *e)
{
	json_t *m = json_pack("{s:s,s:o}", "role", role, "content", content);

	return json_array_append_new(messages, m) < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

int talk_say(json_t *messages, const char *text, struct err *e)
{
	const size_t n = json_array_size(messages);
	json_t *last = json_array_get(messages, n - 1);
	json_t *part =
		json_pack("{s:s,s:o}", "type", "text", "text", tool_text(text, strlen(text)));

	if (strcmp(json_string_value(json_object_get(last, "role")), "user") == 0)
		return json_array_append_new(json_object_get(last, "content"), part) < 0
			       ? err_set(e, ENOMEM, "out of memory")
			       : 0;
	return talk_add(messages, "user", json_pack("[o]", part), e);
}

static size_t size_of(const json_t *v)
{
	return json_dumpb(v, NULL, 0, JSON_COMPACT);
}

static const char left_out[] = "{\"left_out\": \"an old result, to save room: call again\"}";

int talk_fit(json_t *messages, struct err *e)
{
	const size_t n = json_array_size(messages);
	size_t size = size_of(messages);

	if (size <= CONVERSATION_MAX)
		return 0;
	for (size_t i = 0; i + RECENT < n && size > CONVERSATION_MAX / 2; i++) {
		json_t *content = json_object_get(json_array_get(messages, i), "content"), *part;
		size_t k;

		json_array_foreach(content, k, part) {
			const char *text = json_string_value(json_object_get(part, "text"));

			if (strcmp(json_string_value(json_object_get(part, "type")), "result") !=
				    0 ||
			    !text || strlen(text) <= sizeof(left_out))
				continue;
			size -= strlen(text) - sizeof(left_out);
			if (json_object_set_new(part, "text", json_string(left_out)) < 0)
				return err_set(e, ENOMEM, "out of memory");
		}
	}
	return 0;
}
