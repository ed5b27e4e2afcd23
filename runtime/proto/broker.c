/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proto/broker.h"

#include <stddef.h>

#include "runtime/proto/rows.h"

#define NAME_BYTES  256
#define WORD_BYTES  64
#define PATH_BYTES  4096
#define PROSE_BYTES (16u << 10)
#define COUNT_MAX   (1ull << 53)

#define PROTOCOL(type, text)                                                                      \
	{                                                                                         \
		.name = "protocol", .kind = JMAP_ENUM, .offset = offsetof(struct type, protocol), \
		.required = 1, .words = model_protocol_words, .help = (text)                      \
	}

const struct jmap broker_endpoint_map[] = {
	TEXT(broker_endpoint, name, 1, WORD_BYTES, "name of the endpoint"),
	PROTOCOL(broker_endpoint, "what it speaks"),
	TEXT(broker_endpoint, url, 1, PATH_BYTES, "base URL"),
	TEXT(broker_endpoint, credential, 0, PATH_BYTES, "file with its key"),
	TEXT(broker_endpoint, ca, 0, PATH_BYTES, "file with certificates that are trusted"),
	TEXT(broker_endpoint, proxy, 0, PATH_BYTES, "HTTP proxy"),
	NUMBER(broker_endpoint, connect_ms, COUNT_MAX, "longest wait for a connection"),
	NUMBER(broker_endpoint, stall_ms, COUNT_MAX, "longest wait for a byte"),
	NUMBER(broker_endpoint, total_ms, COUNT_MAX, "longest call"),
	NUMBER(broker_endpoint, retries, 100, "most attempts after the first"),
	NUMBER(broker_endpoint, parallel, 1024, "calls at one time"),
	{ 0 },
};

const struct jmap broker_setup_map[] = {
	{ .name = "endpoints",
	  .kind = JMAP_LIST,
	  .offset = offsetof(struct broker_setup, endpoints),
	  .max = 64,
	  .sub = broker_endpoint_map,
	  .size = sizeof(struct broker_endpoint),
	  .help = "where models are" },
	VALUE(broker_setup, registries, 0, "where images are"),
	VALUE(broker_setup, forges, 0, "where pull requests are"),
	VALUE(broker_setup, notify, 0, "who is told"),
	{ 0 },
};

const struct jmap broker_call_map[] = {
	NUMBER(broker_call, id, COUNT_MAX, "repeated by what comes back"),
	TEXT(broker_call, endpoint, 1, WORD_BYTES, "name of the endpoint"),
	TEXT(broker_call, model, 1, NAME_BYTES, "the provider's name of the model"),
	PROTOCOL(broker_call, "what the body is"),
	FLAG(broker_call, stream, "send events as they come"),
	NUMBER(broker_call, max_output, COUNT_MAX, "most tokens written"),
	NUMBER(broker_call, total_ms, COUNT_MAX, "most time from now on"),
	VALUE(broker_call, body, 1, "the request"),
	{ 0 },
};

const struct jmap broker_event_map[] = {
	NUMBER(broker_event, id, COUNT_MAX, "of the call"),
	TEXT(broker_event, name, 0, WORD_BYTES, "the event's name on the wire"),
	VALUE(broker_event, data, 0, "kept members; absent: the end mark"),
	{ 0 },
};

const struct jmap broker_end_map[] = {
	NUMBER(broker_end, id, COUNT_MAX, "of the call"),
	TEXT(broker_end, kind, 1, WORD_BYTES, "how it ended"),
	TEXT(broker_end, message, 0, PROSE_BYTES, "what went wrong"),
	NUMBER(broker_end, status, 999, "HTTP status of the last attempt"),
	VALUE(broker_end, body, 0, "the whole answer"),
	VALUE(broker_end, error, 0, "the provider's own error"),
	{ .name = "usage",
	  .kind = JMAP_OBJECT,
	  .offset = offsetof(struct broker_end, usage),
	  .sub = model_usage_map,
	  .help = "what the provider says was used" },
	FLAG(broker_end, billed, "an attempt reached the point where a provider charges"),
	NUMBER(broker_end, attempts, COUNT_MAX, "attempts"),
	NUMBER(broker_end, bytes_out, COUNT_MAX, "bytes of the request's body"),
	NUMBER(broker_end, bytes_in, COUNT_MAX, "bytes of the answer's body"),
	NUMBER(broker_end, connect_us, COUNT_MAX, "until connected"),
	NUMBER(broker_end, first_us, COUNT_MAX, "until the first byte"),
	NUMBER(broker_end, total_us, COUNT_MAX, "until the end"),
	TEXT(broker_end, request_sha256, 0, WORD_BYTES, "of the bytes sent"),
	TEXT(broker_end, answer_sha256, 0, WORD_BYTES, "of the bytes received"),
	{ 0 },
};

const struct jmap broker_cancel_map[] = {
	NUMBER(broker_cancel, id, COUNT_MAX, "of the call"),
	{ 0 },
};
