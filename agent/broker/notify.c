/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/broker/registry_http.h"
#include "agent/broker/trust.h"
#include "agent/broker/vault.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/sha256.h"
#include "runtime/proto/broker_notify.h"

struct notifier {
	struct notify_place to;
	struct secret secret;
	struct trust *trust; /* NULL: nobody, so https fails */
	struct http *http;
};

void notify_close(struct notifier *n)
{
	if (!n)
		return;
	http_close(n->http);
	trust_close(n->trust);
	jmap_release(notify_place_map, &n->to);
	free(n);
}

int notify_open(const json_t *said, struct vault *v, int resolver, struct notifier **out,
		struct err *e)
{
	struct notifier *n = calloc(1, sizeof(*n));
	struct err why = ERR_INIT;
	int r = n ? jmap_read(notify_place_map, said, &n->to, "/notify", e)
		  : err_set(e, ENOMEM, "out of memory");

	if (r == 0)
		r = http_check_url(n->to.url, true, e);
	if (r == 0)
		r = vault_read(v, "", n->to.secret, &n->secret, e);
	if (r == 0 && trust_open(n->to.ca, &n->trust, &why) < 0 && n->to.ca)
		r = err_set(e, why.code, "%s", why.msg);
	if (r == 0)
		r = http_open(resolver, &n->http, e);
	if (r < 0) {
		notify_close(n);
		return r;
	}
	*out = n;
	return 0;
}

struct body {
	const char *p;
	size_t at, n;
};

static int64_t give(void *ctx, void *to, size_t n)
{
	struct body *b = ctx;
	const size_t k = b->n - b->at < n ? b->n - b->at : n;

	memcpy(to, b->p + b->at, k);
	b->at += k;
	return (int64_t)k;
}

static int ignore(void *ctx, struct http_answer *a, const void *data, size_t n)
{
	(void)ctx;
	(void)a;
	(void)data;
	(void)n;
	return 0;
}

static void sign(const struct notifier *n, const struct body *b, char line[120])
{
	uint8_t mac[SHA256_LEN];
	char hex[SHA256_HEX];

	hmac_sha256(n->secret.key, n->secret.key_n, b->p, b->n, mac);
	sha256_hex(mac, hex);
	(void)snprintf(line, 120, "X-Sickbay-Signature: sha256=%s", hex);
}

static int post(const struct notifier *n, const char *text, struct notify_end *end, struct err *e)
{
	struct body b = { .p = text, .n = strlen(text) };
	struct http_answer a = { 0 };
	char line[120], why[400];
	const struct http_ask ask = { .url = n->to.url,
				      .accept = "*/*",
				      .method = "POST",
				      .type = "application/json",
				      .header = line,
				      .proxy = n->to.proxy,
				      .trust = n->trust,
				      .source = give,
				      .source_bytes = b.n,
				      .sink = ignore,
				      .all = true,
				      .ctx = &b };

	sign(n, &b, line);
	if (http_exchange(n->http, &ask, &a, e) < 0)
		return -e->code;
	if (a.status >= 200 && a.status < 300) {
		end->result = NOTIFY_OK;
	} else {
		end->result = a.status == 0 || a.status >= 500 || a.status == 429 || a.status == 408
				      ? NOTIFY_LATER
				      : NOTIFY_REFUSED;
		(void)snprintf(why, sizeof(why), "%s %ld %.200s",
			       a.status ? "it answered" : "it cannot be reached", a.status, a.why);
		end->message = strdup(why);
	}
	http_answer_release(&a);
	return 0;
}

int notify_serve(struct notifier *n, int sock, struct err *e)
{
	for (;;) {
		AUTO_MSG struct msg m = MSG_INIT;
		AUTO_JSON json_t *body = NULL;
		struct notify_send s = { 0 };
		struct notify_end end = { 0 };
		int r = msg_recv(sock, -1, &m, e);

		if (r <= 0)
			return r;
		r = m.type == NOTIFY_SEND ? jmap_read(notify_send_map, m.body, &s, "", e)
					  : err_set(e, EPROTO, "a message of type %u", m.type);
		if (r == 0)
			r = post(n, s.body, &end, e);
		if (r == 0) {
			body = jmap_write(notify_end_map, &end);
			r = body ? msg_send(sock, NOTIFY_END, body, NULL, 0, -1, e)
				 : err_set(e, ENOMEM, "out of memory");
		}
		jmap_release(notify_send_map, &s);
		jmap_release(notify_end_map, &end);
		if (r < 0)
			return r;
	}
}
