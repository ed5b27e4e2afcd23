/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proto/broker_notify.h"

#include <stddef.h>

#include "runtime/proto/rows.h"

#define PATH_BYTES  4096
#define PROSE_BYTES (60u << 10)
#define ANSWER_MS   120000

static const char *const results[] = { "ok", "refused", "later", NULL };

const struct jmap notify_place_map[] = {
	TEXT(notify_place, url, 1, PATH_BYTES, "where notes are sent"),
	TEXT(notify_place, secret, 1, PATH_BYTES, "file with the key of their signature"),
	TEXT(notify_place, ca, 0, PATH_BYTES, "PEM file of authorities"),
	TEXT(notify_place, proxy, 0, PATH_BYTES, "HTTP proxy"),
	{ 0 },
};

const struct jmap notify_send_map[] = {
	TEXT(notify_send, body, 1, NOTIFY_BODY_MAX, "what is sent"),
	{ 0 },
};

const struct jmap notify_end_map[] = {
	{ .name = "result",
	  .kind = JMAP_ENUM,
	  .offset = offsetof(struct notify_end, result),
	  .required = 1,
	  .words = results,
	  .help = "how it went" },
	TEXT(notify_end, message, 0, PROSE_BYTES, "what happened"),
	{ 0 },
};

int notify_ask(struct broker *b, const char *body, struct notify_end *out, struct err *e)
{
	const struct notify_send s = { .body = (char *)(uintptr_t)body };
	AUTO_JSON json_t *v = jmap_write(notify_send_map, &s);
	AUTO_MSG struct msg m = MSG_INIT;
	int r;

	if (!v)
		return err_set(e, ENOMEM, "out of memory");
	r = msg_send(broker_fd(b), NOTIFY_SEND, v, NULL, 0, -1, e);
	if (r == 0)
		r = msg_recv(broker_fd(b), ANSWER_MS, &m, e);
	if (r <= 0)
		return r < 0 ? err_wrap(e, "notify")
			     : err_set(e, EPIPE, "notify: sickbay-broker ended");
	if (m.type != NOTIFY_END)
		return err_set(e, EPROTO, "notify: an answer of type %u", m.type);
	return jmap_read(notify_end_map, m.body, out, "", e);
}
