/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include "agent/broker/provider.h"
#include "agent/broker/url.h"
#include "runtime/base/msg.h"
#include "runtime/proto/broker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

union any {
	struct broker_setup setup;
	struct broker_call call;
	struct broker_event event;
	struct broker_end end;
	struct broker_cancel cancel;
};

/* A call's request, as each protocol that is spoken would send it: refused with a reason, or JSON.
 */
static void write_requests(const struct broker_call *c)
{
	for (int k = MODEL_TURN + 1; k < MODEL_PROTOCOL_N; k++) {
		const struct provider *p = provider_of(k);
		const struct provider_request rq = { .model = c->model,
						     .protocol = c->protocol,
						     .stream = c->stream,
						     .max_output = c->max_output,
						     .body = c->body };
		AUTO_BUF struct buf out = BUF_INIT(MODEL_MAX_REQUEST);
		AUTO_BUF struct buf path = BUF_INIT(8192);
		AUTO_JSON json_t *back = NULL;
		struct err e = ERR_INIT;

		if (!p || (c->protocol != MODEL_TURN && c->protocol != k))
			continue;
		if (p->path(&rq, &path, &e) < 0 || p->write(&rq, &out, &e) < 0) {
			if (e.code <= 0 || e.msg[0] == '\0')
				__builtin_trap();
			continue;
		}
		if (path.failed || path.p[0] != '/' || strpbrk(path.p, " \r\n\t"))
			__builtin_trap();
		back = out.failed ? NULL : json_loadb(out.p, out.n, 0, NULL);
		if (!out.failed && !json_is_object(back))
			__builtin_trap();
	}
}

static void read_urls(const struct broker_setup *s)
{
	for (size_t i = 0; i < s->endpoints.n; i++) {
		const struct broker_endpoint *p =
			(const struct broker_endpoint *)s->endpoints.v + i;
		struct err e = ERR_INIT;
		struct url u;

		if (url_read(p->url, &u, &e) == 0 && (!u.host[0] || !u.port))
			__builtin_trap();
	}
}

/* What its orchestrator may send it and it may answer: a body refused with its place, or one that
 * is written back as read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct jmap *const maps[] = { broker_setup_map, broker_call_map,
						   broker_event_map, broker_end_map,
						   broker_cancel_map };
	AUTO_JSON json_t *value = NULL;
	AUTO_JSON json_t *back = NULL;
	struct err e = ERR_INIT;
	const struct jmap *map;
	union any one;

	memset(&one, 0, sizeof(one));
	if (size < 1 || msg_decode(data + 1, size - 1, &value, &e) < 0)
		return 0;
	map = maps[data[0] % (sizeof(maps) / sizeof(maps[0]))];
	if (jmap_read(map, value, &one, "", &e) < 0) {
		if (e.code <= 0 || e.msg[0] == '\0')
			__builtin_trap();
	} else {
		if (map == broker_call_map)
			write_requests(&one.call);
		else if (map == broker_setup_map)
			read_urls(&one.setup);
		back = jmap_write(map, &one);
		if (!back)
			__builtin_trap();
	}
	jmap_release(map, &one);
	return 0;
}
