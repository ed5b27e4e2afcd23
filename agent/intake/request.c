/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/intake/server_impl.h"

void request_refuse(struct request *q, unsigned status, const char *reason, uint64_t retry)
{
	if (q->status)
		return;
	q->status = status;
	q->reason = reason;
	q->retry = retry;
}

/* ---- a request's head ---- */

static const char *header(void *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static int find_source(struct server *s, struct MHD_Connection *c)
{
	const char *const sentry = header(c, "X-Sentry-Auth");
	const char *const bearer = header(c, "Authorization");
	const char *const query =
		MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "sentry_key");
	const char *token = NULL;
	size_t n = 0;

	if (sentry)
		token = route_sentry_key(sentry, &n);
	if (!token && bearer)
		token = route_bearer(bearer, &n);
	if (!token && query) {
		token = query;
		n = strlen(query);
	}
	return token ? route_source(&s->s.setup, token, n) : -1;
}

static void check_allowance(struct server *s, struct request *q)
{
	const struct intake_setup *const set = &s->s.setup;
	const struct intake_source *const from =
		q->hook < 0 ? (const struct intake_source *)set->sources.v + q->source : NULL;
	const uint64_t rate = from && from->rate ? from->rate : set->rate;
	const uint64_t burst = from && from->burst ? from->burst : set->burst;
	struct bucket *const b = &s->buckets[from ? q->source : INTAKE_SOURCES + q->hook];
	uint64_t wait;

	if (s->backlog + s->written > set->max_backlog) {
		s->counts.refused_backlog++;
		request_refuse(q, MHD_HTTP_TOO_MANY_REQUESTS,
			       "too many reports wait to be looked at: try again later",
			       RETRY_BACKLOG);
		return;
	}
	wait = rate ? bucket_take(b, rate, burst, now_ms()) : 0;
	if (wait) {
		s->counts.refused_rate++;
		request_refuse(q, MHD_HTTP_TOO_MANY_REQUESTS,
			       "this source sends more than it is allowed to", wait);
	}
}

/* What a body could not change any more. */
static void hook_head(struct server *s, struct request *q)
{
	const struct hook *const h = s->s.hooks[q->hook];
	const char *type = header(q->connection, "Content-Type");

	if (!route_is_json(type)) {
		s->counts.refused_other++;
		request_refuse(q, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
			       "choose application/json as the webhook's content type", 0);
	} else if (!hook_shows_proof(h, header, q->connection)) {
		s->counts.refused_token++;
		request_refuse(q, MHD_HTTP_UNAUTHORIZED,
			       "it is not signed: give the webhook the secret of this host", 0);
	}
	q->source = (int)hook_place(h);
}

void request_hook(struct server *s, struct request *q)
{
	const struct hook *const h = s->s.hooks[q->hook];

	if (!hook_is_genuine(h, header, q->connection, q->body.p, q->body.n)) {
		s->counts.refused_token++;
		request_refuse(q, MHD_HTTP_UNAUTHORIZED,
			       "its signature does not belong to this body and secret", 0);
		return;
	}
	check_allowance(s, q); /* only now: others shall not use it up */
	if (q->status)
		return;
	q->reason = hook_ignores(h, header, q->connection);
	if (q->reason) {
		s->counts.ignored++;
		q->status = MHD_HTTP_OK;
	}
}

void request_head(struct server *s, struct request *q, const char *url, const char *method)
{
	const char *const length = header(q->connection, "Content-Length");

	q->hook = hook_find(s->s.hooks, s->s.n_hooks, url);
	q->kind = q->hook < 0 ? route_kind(url) : hook_kind(s->s.hooks[q->hook]);
	if (q->kind < 0)
		request_refuse(q, MHD_HTTP_NOT_FOUND,
			       strncmp(url, HOOK_PATH, strlen(HOOK_PATH)) == 0
				       ? "no forge of this name sends webhooks here"
				       : "no reports are taken at this path",
			       0);
	else if (strcmp(method, "POST") != 0)
		request_refuse(q, MHD_HTTP_METHOD_NOT_ALLOWED, "reports are sent with POST", 0);
	if (length && strtoull(length, NULL, 10) > s->s.setup.max_body)
		request_refuse(q, MHD_HTTP_CONTENT_TOO_LARGE,
			       "the report is larger than is allowed", 0);
	q->encoding = route_encoding(header(q->connection, "Content-Encoding"));
	if (q->encoding < 0)
		request_refuse(q, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
			       "its content encoding is none of identity, gzip and zstd", 0);
	q->protobuf = route_is_protobuf(header(q->connection, "Content-Type"));
	if (q->status) {
		s->counts.refused_other++;
		return;
	}
	if (q->hook >= 0) {
		hook_head(s, q);
		return;
	}
	q->source = find_source(s, q->connection);
	if (q->source < 0) {
		s->counts.refused_token++;
		request_refuse(q, MHD_HTTP_UNAUTHORIZED, "it shows no token of a source", 0);
		return;
	}
	check_allowance(s, q);
}

/* ---- its body ---- */

/* Of a webhook nobody knows who sends it before it is whole: those shall not keep out reports,
 * whose tokens were seen. */
static void count_memory(struct server *s, const struct request *q, size_t before)
{
	s->memory += q->body.cap - before;
	if (q->hook >= 0)
		s->unproven += q->body.cap - before;
}

void request_drop(struct server *s, struct request *q)
{
	const size_t before = q->body.cap;

	buf_release(&q->body);
	count_memory(s, q, before);
}

void request_body(struct server *s, struct request *q, const char *data, size_t n)
{
	const struct intake_setup *const set = &s->s.setup;
	const size_t before = q->body.cap;

	if (q->status)
		return; /* read and dropped, so that the client sees the answer */
	if (q->body.n + n > set->max_body) {
		s->counts.refused_other++;
		request_refuse(q, MHD_HTTP_CONTENT_TOO_LARGE,
			       "the report is larger than is allowed", 0);
	} else if (s->memory + n > set->max_memory ||
		   (q->hook >= 0 && s->unproven + n > set->max_memory / UNPROVEN_SHARE)) {
		s->counts.refused_backlog++;
		request_refuse(q, MHD_HTTP_TOO_MANY_REQUESTS,
			       "too many reports are being received: try again later", 1);
	} else {
		buf_put(&q->body, data, n);
		if (q->body.failed)
			request_refuse(q, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory is left", 1);
	}
	count_memory(s, q, before);
	if (q->status)
		request_drop(s, q);
}

/* ---- answers ---- */

enum MHD_Result request_answer(struct request *q)
{
	char text[256], seconds[24];
	struct MHD_Response *r;
	enum MHD_Result ok;
	const bool fine = q->status == MHD_HTTP_OK;
	const bool empty = fine && q->protobuf; /* an empty message is what OTLP answers */
	const int n = q->reason ? snprintf(text, sizeof(text), "{\"%s\":\"%s\"}",
					   fine ? "ignored" : "detail", q->reason)
				: snprintf(text, sizeof(text), "{}");

	r = MHD_create_response_from_buffer(empty ? 0 : (size_t)n, text, MHD_RESPMEM_MUST_COPY);
	if (!r)
		return MHD_NO;
	(void)MHD_add_response_header(r, "Content-Type",
				      empty ? "application/x-protobuf" : "application/json");
	if (q->retry) {
		(void)snprintf(seconds, sizeof(seconds), "%llu", (unsigned long long)q->retry);
		(void)MHD_add_response_header(r, "Retry-After", seconds);
	}
	if (q->status == MHD_HTTP_UNAUTHORIZED && q->hook < 0)
		(void)MHD_add_response_header(r, "WWW-Authenticate", "Bearer");
	if (q->status == MHD_HTTP_CONTENT_TOO_LARGE)
		(void)MHD_add_response_header(r, "Connection", "close");
	ok = MHD_queue_response(q->connection, q->status, r);
	MHD_destroy_response(r);
	q->answered = true;
	return ok;
}
