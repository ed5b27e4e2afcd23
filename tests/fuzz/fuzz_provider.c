/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/broker/provider.h"
#include "runtime/base/jmap.h"
#include "runtime/base/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * An answer: a digit that chooses the protocol, 't' (turn) or 'w' (wire), 's' (stream) or 'b'
 * (body), a newline; then the body, or lines "NAME DATA".  What is read can be sent as a message,
 * a refusal has a text, and a turn's answer can be said again to the provider that gave it.
 */
static void check_refusal(int r, const struct err *e)
{
	if (r >= 0 || e->code != -r || !e->msg[0])
		__builtin_trap();
}

static void check_value(const json_t *v)
{
	AUTO_BUF struct buf wire = BUF_INIT(MSG_MAX);
	struct err e = ERR_INIT;

	if (msg_encode(v, &wire, &e) < 0)
		__builtin_trap();
}

static void say_again(const struct provider *p, const json_t *answer)
{
	AUTO_BUF struct buf out = BUF_INIT(MODEL_MAX_REQUEST);
	AUTO_JSON json_t *body =
		json_pack("{ss, s[{ss, s[]}, {ss, sO}], si}", "system", "", "messages", "role",
			  "user", "content", "role", "assistant", "content",
			  json_object_get(answer, "content"), "max_output", 9);
	const struct provider_request rq = { .model = "m", .protocol = MODEL_TURN, .body = body };
	struct err e = ERR_INIT;

	check_value(answer);
	if (p->write(&rq, &out, &e) < 0)
		__builtin_trap();
}

static void take(const struct provider *p, bool turn, json_t *kept)
{
	if (kept && turn)
		say_again(p, kept);
	else if (kept)
		check_value(kept);
	json_decref(kept);
}

static void events(const struct provider *p, struct provider_reading *r, bool turn, const char *at,
		   size_t n)
{
	struct err e = ERR_INIT;
	int last = 0;

	while (n && last == 0) {
		const char *nl = memchr(at, '\n', n);
		const size_t line = nl ? (size_t)(nl - at) : n;
		const char *space = memchr(at, ' ', line);
		const size_t name = space ? (size_t)(space - at) : 0;
		char *copy = strndup(at, name);
		const size_t skip = space ? name + 1 : 0;
		json_t *kept = NULL;

		last = provider_event(r, name ? copy : NULL, at + skip, line - skip, &kept, &e);
		if (last < 0 && kept)
			__builtin_trap();
		if (last < 0)
			check_refusal(last, &e);
		take(p, false, kept);
		free(copy);
		at += line + (nl != NULL);
		n -= line + (nl != NULL);
	}
	if (turn && last >= 0)
		take(p, true, provider_answer(r, &e));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const struct provider *p;
	struct provider_reading *r = NULL;
	struct err e = ERR_INIT;
	json_t *kept = NULL;
	bool turn;
	int bad;

	if (size < 4 || text[0] < '0' || text[0] > '3')
		return 0;
	p = provider_of(MODEL_ANTHROPIC + (text[0] - '0'));
	turn = text[1] == 't';
	if (provider_reading_open(p, turn, &r, &e) < 0)
		return 0;
	if (text[2] == 's') {
		events(p, r, turn, text + 4, size - 4);
	} else {
		bad = provider_body(r, text + 4, size - 4, &kept, &e);
		if (bad < 0)
			check_refusal(bad, &e);
		take(p, turn, kept);
	}
	if (provider_usage(r)->cached > (1ull << 40))
		__builtin_trap();
	json_decref(provider_error(p, text + 4, size - 4));
	provider_reading_close(r);
	return 0;
}
