/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/proto/broker.h"
#include "runtime/proto/broker_forge.h"

/*
 * One outgoing webhook: the messages of a broker that was set up with `notify`,
 * and the client end.  A body is POSTed as it is, with
 *   X-Sickbay-Signature: sha256=HEX   HMAC-SHA256 (RFC 2104) of the body by the secret
 */
enum notify_msg {
	NOTIFY_SEND = FORGE_END + 16, /* struct notify_send -> NOTIFY_END */
	NOTIFY_END		      /* struct notify_end */
};

/* The host configuration's "notify", and of the setup. */
struct notify_place {
	char *url;    /* https, or http to a loopback address */
	char *secret; /* file with the key of the signature */
	char *ca, *proxy;
};

struct notify_send {
	char *body; /* JSON */
};

enum notify_result {
	NOTIFY_OK,
	NOTIFY_REFUSED, /* it does not want this one: another attempt will not change that */
	NOTIFY_LATER	/* it cannot be reached, or has no time */
};

struct notify_end {
	int result;    /* enum notify_result */
	char *message; /* of a failure */
};

#define NOTIFY_BODY_MAX (32u << 10)
extern const struct jmap notify_place_map[], notify_send_map[], notify_end_map[];

/* Sends one and waits. 0: *out is filled (release it with notify_end_map); <0: the broker is gone.
 */
int notify_ask(struct broker *b, const char *body, struct notify_end *out, struct err *e);
