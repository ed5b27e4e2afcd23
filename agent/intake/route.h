/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/proto/intake.h"

/*
 * What a request is and who sends it, from its path and headers alone.
 * Sources of the formats: Sentry's developer documentation (envelopes, the
 * authentication header), the OTLP specification (paths, content types),
 * Alertmanager's webhook, RFC 6750 (bearer tokens).
 */
/* The kind that a path stands for; -1: none. A query string is not part of it. */
int route_kind(const char *path);
/* The token in an X-Sentry-Auth header ("Sentry sentry_key=KEY, ..."): its place and length; NULL.
 */
const char *route_sentry_key(const char *header, size_t *n);
/* The token in "Bearer TOKEN". */
const char *route_bearer(const char *header, size_t *n);
/* "gzip", "identity" ...: enum intake_encoding, -1: none that is read here. NULL: plain. */
int route_encoding(const char *header);
/* Whether a content type is JSON. */
bool route_is_json(const char *content_type);
/* Whether a content type is protobuf's. */
bool route_is_protobuf(const char *content_type);
/* The source whose token this is, compared in constant time; -1: none. */
int route_source(const struct intake_setup *s, const char *token, size_t n);

/* A source's allowance: `rate` a second, `burst` at once (token bucket). */
struct bucket {
	uint64_t level; /* thousandths of a report */
	uint64_t at_ms;
};
/* 0: taken; else the whole seconds after which it is worth another try. */
uint64_t bucket_take(struct bucket *b, uint64_t rate, uint64_t burst, uint64_t now_ms);
