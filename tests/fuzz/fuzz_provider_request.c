/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include "agent/broker/provider.h"
#include "runtime/base/jmap.h"
#include "runtime/base/jsonc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * A request: a digit that chooses the protocol, 't' (turn) or 'w' (wire), 's' (stream) or 'b', a
 * newline, the body.  A refusal has a place; what is written has what was forced, and is what is
 * written of itself.
 */
#define MOST 77

static json_t *written(const struct provider *p, int protocol, bool stream, const json_t *body)
{
	AUTO_BUF struct buf out = BUF_INIT(4 * MODEL_MAX_REQUEST);
	const struct provider_request rq = { .model = "m",
					     .protocol = protocol,
					     .stream = stream,
					     .max_output = MOST,
					     .body = body };
	struct err e = ERR_INIT;
	json_t *back;

	if (p->write(&rq, &out, &e) < 0) {
		if (e.code != EINVAL || e.msg[0] != '/')
			__builtin_trap();
		return NULL;
	}
	back = json_loadb(out.p, out.n, JSON_REJECT_DUPLICATES, NULL);
	if (!back)
		__builtin_trap();
	return back;
}

static void check_forced(int protocol, bool stream, const json_t *w)
{
	static const char *const limits[] = { [MODEL_ANTHROPIC] = "max_tokens",
					      [MODEL_CHAT] = "max_completion_tokens",
					      [MODEL_RESPONSES] = "max_output_tokens" };
	const json_t *most;

	if (protocol == MODEL_GOOGLE) {
		most = json_object_get(json_object_get(w, "generationConfig"), "maxOutputTokens");
	} else {
		most = json_object_get(w, limits[protocol]);
		if (!most)
			most = json_object_get(w, "max_tokens");
		if (strcmp(json_string_value(json_object_get(w, "model")), "m") != 0 ||
		    json_is_true(json_object_get(w, "stream")) != stream)
			__builtin_trap();
	}
	if (!json_is_integer(most) || json_integer_value(most) < 1 ||
	    json_integer_value(most) > MOST)
		__builtin_trap();
	if (protocol == MODEL_RESPONSES && !json_is_false(json_object_get(w, "store")))
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct jsonc *j = NULL;
	struct err e = ERR_INIT;
	int protocol;
	bool stream;
	json_t *once;
	json_t *twice;

	if (size < 4 || text[0] < '0' || text[0] > '3' ||
	    jsonc_parse("f", text + 4, size - 4, JSONC_STRICT, &j, &e) < 0)
		return 0;
	protocol = MODEL_ANTHROPIC + (text[0] - '0');
	stream = text[2] == 's';
	once = written(provider_of(protocol), text[1] == 't' ? MODEL_TURN : protocol, stream,
		       jsonc_root(j));
	if (once) {
		check_forced(protocol, stream, once);
		if (text[1] != 't') {
			twice = written(provider_of(protocol), protocol, stream, once);
			if (!twice || !json_equal(once, twice))
				__builtin_trap();
			json_decref(twice);
		}
		json_decref(once);
	}
	jsonc_free(j);
	return 0;
}
