/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/broker/call.h"
#include "agent/broker/provider.h"
#include "agent/broker/sse.h"
#include "runtime/base/sha256.h"

enum call_state {
	CALL_WAITS,    /* for a place among its endpoint's */
	CALL_RESOLVES, /* for the addresses of its host */
	CALL_RUNS,
	CALL_BACKS_OFF,
	CALL_ENDED, /* its END was sent: freed at the end of this turn of the loop */
};

#define CALL_HEADERS 8
#define CALL_WHY     512

/* What is known of an attempt's answer. */
struct answer {
	struct provider_reading *reading;
	struct sse sse;
	struct buf body; /* where it is no stream */
	struct sha256 digest;
	struct err why;	  /* of what stopped it here */
	const char *kind; /* NULL: nothing stopped it */
	json_t *kept;	  /* the whole answer, or the provider's own error */
	json_t *error;
	uint64_t bytes, last_ns, after_ms;
	long status;
	bool is_stream, began, whole, paused, has_after;
	char type[64];
};

struct call {
	struct call *next;
	struct loop *loop;
	struct site *site;
	struct broker_call said;
	struct provider_request rq;
	enum call_state state;
	uint64_t begin, since, deadline, wake; /* ns; from begin to deadline is what it may take */
	uint64_t attempts;
	bool passed; /* an event was passed on */
	struct buf url, body;
	char digest[SHA256_HEX];
	CURL *easy;
	struct curl_slist head[CALL_HEADERS], resolve;
	char resolve_text[RESOLVE_HOST + RESOLVE_TEXT + 16];
	char curl_why[CURL_ERROR_SIZE];
	struct answer answer;
};

/* ---- call.c ---- */
/* Ends it with what its last attempt left; message NULL for "ok". */
void call_end(struct call *c, const char *kind, const char *message);

/* ---- attempt.c ---- */
/* Sends the request; the call RUNS. */
int attempt_start(struct call *c, struct err *e);
/* Whether the provider may charge for it: see call.h. */
bool attempt_may_be_billed(const struct call *c, const char *kind);
/* Takes the handle back; what was measured stays in `out` (may be NULL). */
void attempt_stop(struct call *c, struct broker_end *out);
void attempt_release(struct call *c);
/* What an ended transfer came to; the message, for people, in why. */
const char *attempt_judge(struct call *c, CURLcode code, char why[CALL_WHY]);
