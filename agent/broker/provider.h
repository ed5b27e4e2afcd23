/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/base/buf.h"
#include "runtime/proto/model.h"

/*
 * One protocol of one provider: how a request is written and an answer read.
 * Pure functions of their arguments: no network, no clock, no key.  Every byte
 * of an answer is untrusted.  Sources of the formats: the providers' published
 * API references.
 *
 * What a wire request may hold is a table of each protocol (provider_*.c).
 * Members that it does not name are left out.  Refused, by name:
 *   - what the provider would have to fetch: images, documents and files by URL
 *   - what refers to data stored at the provider: files by id, earlier responses, conversations,
 *     cached contents, stored prompts; items and parts of tools that the provider runs itself
 *   - more than one answer to one request (n, candidateCount), and answers made in the background
 * Left out without a word, because agent programs offer them unasked: tools that the provider runs
 * itself (web search, code interpreters, computers, connectors to MCP servers), `store` and
 * `metadata` that only stored answers carry.  Written whatever the body says: the model, whether it
 * is streamed, the most tokens of output (never more than the body asks for), that nothing be
 * stored (Responses), and that a stream ends with its usage (Chat Completions).
 * A turn asks Responses for what the model thought in a form that can be given back; models that do
 * not think refuse that, and are asked by Chat Completions instead.
 */
struct provider_request {
	const char *model;
	int protocol; /* MODEL_TURN or the provider's own */
	bool stream;  /* what is sent; turns are streamed too, so that a stall is seen early */
	uint64_t max_output; /* 0: as the body says */
	const json_t *body;
};

/* What is read of one answer, event by event. */
struct provider_reading;

struct provider {
	int protocol;
	/* The protocol's own path, e.g. "/v1/messages". */
	int (*path)(const struct provider_request *rq, struct buf *out, struct err *e);
	bool version_in_base;	    /* users write a base URL with a path up to the version */
	const char *const *headers; /* NULL-terminated lines "name: value", without the key */
	const char *key_header;	    /* "x-api-key: " or "authorization: Bearer ": the key follows */
	/* The body, from the members of rq->body that the protocol's table names; -EINVAL names the
	 * place of what is missing, refused or of a wrong type. */
	int (*write)(const struct provider_request *rq, struct buf *out, struct err *e);
};
const struct provider *provider_of(int protocol); /* NULL: unknown */
/* Where a request goes: the base URL as users know it, with or without its "/v1", and the path. */
int provider_url(const struct provider *p, const char *base, const struct provider_request *rq,
		 struct buf *out, struct err *e);

/*
 * Reading an answer.  Feed events (of a stream) or the one body (not streamed); then ask.  With
 * `turn` the answer is gathered in turn form, else *kept is each event's data with known members
 * only.
 *
 * -EBADMSG: not this protocol.  -E2BIG: more than MODEL_MAX_EVENT or MODEL_MAX_ANSWER.
 * -EREMOTEIO: the provider says that it failed; its words are in e, provider_error() of the same
 * data has the members.
 */
int provider_reading_open(const struct provider *p, bool turn, struct provider_reading **out,
			  struct err *e);
/* One event's name (may be NULL) and data.  1: this was the last; *kept (a new reference) is NULL
 * for a turn, and for an end mark that is not JSON (pass on an event without data).  0: more should
 * come; *kept is NULL for a turn, and for what is not passed on.  Where events have names, the
 * name is *kept's "type". */
int provider_event(struct provider_reading *r, const char *name, const char *data, size_t n,
		   json_t **kept, struct err *e);
/* Whether the answer is whole: asked when the server ends the stream, for protocols without an end
 * mark. */
bool provider_ended(const struct provider_reading *r);
/* The whole body of an answer that was not streamed; *kept as above, or the turn's answer. */
int provider_body(struct provider_reading *r, const char *data, size_t n, json_t **kept,
		  struct err *e);
/* A provider's error body: known members; never fails: NULL where it is not one. */
json_t *provider_error(const struct provider *p, const char *data, size_t n);
/* The turn's answer; NULL and e when it is not complete. */
json_t *provider_answer(const struct provider_reading *r, struct err *e);
/* `known` once the provider said the last of it; until then what it said so far (Anthropic: the
 * input, when the answer begins). */
const struct model_usage *provider_usage(const struct provider_reading *r);
void provider_reading_close(struct provider_reading *r); /* NULL is fine */
