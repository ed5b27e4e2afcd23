/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/base/buf.h"
#include "runtime/proto/model.h"

/*
 * One protocol of one provider: how a request is written and an answer read.
 * Pure functions of their arguments: no network, no clock, no key.  Every byte
 * of an answer is untrusted.  Sources of the formats: the providers' published
 * API references.
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
	/* Path to add to the base URL, and header lines ("name: value") without the key. */
	int (*path)(const struct provider_request *rq, struct buf *out, struct err *e);
	const char *const *headers; /* NULL-terminated */
	const char *key_header;	    /* "x-api-key: " or "authorization: Bearer ": the key follows */
	/* The body, from the members of rq->body that the protocol's table names; -EINVAL names the
	 * place of what is missing or has a wrong type. */
	int (*write)(const struct provider_request *rq, struct buf *out, struct err *e);
};
const struct provider *provider_of(int protocol); /* NULL: unknown */

/*
 * Reading an answer.  Feed events (of a stream) or the one body (not streamed); then ask.  With
 * `turn` the answer is gathered in turn form, else *kept is each event's data with known members
 * only.
 */
int provider_reading_open(const struct provider *p, bool turn, struct provider_reading **out,
			  struct err *e);
/* One event's name (may be NULL) and data; *kept (a new reference; NULL for a turn, and for an end
 * mark) is what may be passed on. -EBADMSG: not this protocol. 1: this was the last event; 0: more
 * should come. */
int provider_event(struct provider_reading *r, const char *name, const char *data, size_t n,
		   json_t **kept, struct err *e);
/* The whole body of an answer that was not streamed; *kept as above, or the turn's answer. */
int provider_body(struct provider_reading *r, const char *data, size_t n, json_t **kept,
		  struct err *e);
/* A provider's error body: known members; never fails: NULL where it is not one. */
json_t *provider_error(const struct provider *p, const char *data, size_t n);
/* The turn's answer so far; NULL and e when it is not complete. */
json_t *provider_answer(const struct provider_reading *r, struct err *e);
const struct model_usage *provider_usage(const struct provider_reading *r);
void provider_reading_close(struct provider_reading *r); /* NULL is fine */
