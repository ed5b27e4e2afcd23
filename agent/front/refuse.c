/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/front/front.h"
#include "runtime/proto/model.h"

/* How each protocol names a status. */
static const struct kind {
	int status;
	const char *anthropic, *openai, *google;
} kinds[] = {
	{ 400, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT" },
	{ 401, "authentication_error", "authentication_error", "UNAUTHENTICATED" },
	{ 403, "permission_error", "permission_error", "PERMISSION_DENIED" },
	{ 404, "not_found_error", "invalid_request_error", "NOT_FOUND" },
	{ 413, "request_too_large", "invalid_request_error", "INVALID_ARGUMENT" },
	{ 429, "rate_limit_error", "rate_limit_error", "RESOURCE_EXHAUSTED" },
	{ 503, "overloaded_error", "server_error", "UNAVAILABLE" },
	{ 504, "timeout_error", "server_error", "DEADLINE_EXCEEDED" },
	{ 529, "overloaded_error", "server_error", "UNAVAILABLE" },
};

static const struct kind *kind_of(int status)
{
	static const struct kind client = { 400, "invalid_request_error", "invalid_request_error",
					    "INVALID_ARGUMENT" };
	static const struct kind server = { 500, "api_error", "server_error", "INTERNAL" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].status == status)
			return &kinds[i];
	return status < 500 ? &client : &server;
}

json_t *refuse_body(int protocol, const struct refusal *r)
{
	const struct kind *k = kind_of(r->status);

	switch (protocol) {
	case MODEL_ANTHROPIC:
		return json_pack("{s:s,s:{s:s,s:s,s:s}}", "type", "error", "error", "type",
				 k->anthropic, "message", r->text, "reason", r->name);
	case MODEL_CHAT:
	case MODEL_RESPONSES:
		return json_pack("{s:{s:s,s:s,s:n,s:s,s:s}}", "error", "message", r->text, "type",
				 k->openai, "param", "code", r->name, "reason", r->name);
	case MODEL_GOOGLE:
		return json_pack("{s:{s:i,s:s,s:s,s:s}}", "error", "code", r->status, "message",
				 r->text, "status", k->google, "reason", r->name);
	default:
		return json_pack("{s:{s:s,s:s}}", "error", "message", r->text, "reason", r->name);
	}
}

void refuse(struct front_state *f, struct conn *c, int protocol, const struct refusal *r)
{
	if (!r->known)
		front_note(f, r->name, "a request was refused");
	if (c->state != CONN_BUSY) { /* what follows is not known to be a request */
		c->q.keep = false;
		buf_reset(&c->in);
	}
	answer_json(f, c, r->status, r->again ? "" : "x-should-retry: false\r\n",
		    refuse_body(protocol, r));
}

void refuse_fault(struct front_state *f, struct conn *c, enum http_fault why)
{
	const struct http_fault_row *row = &http_faults[why];
	const struct refusal r = { .status = row->status, .name = row->name, .text = row->text };

	front_note(f, row->name, row->text);
	if (c->state == CONN_HEAD)
		c->q.method[0] = '\0';
	refuse(f, c, front_protocol(f), &r);
}
