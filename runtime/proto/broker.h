/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/jmap.h"
#include "runtime/base/msg.h"
#include "runtime/proto/model.h"

/*
 * The client end of sickbay-broker, the only program that connects out and the
 * only holder of keys (DESIGN section 3).  It starts as root with the setup,
 * opens the key files and certificates that this names, becomes BROKER_UID,
 * confines itself and answers BROKER_READY.  Any number of calls may be under
 * way; each is known by the id its caller chose.  What comes back was parsed
 * by the broker and is written anew: values to be checked, never bytes of a
 * server.  A broker that dies ends every call with "broker-died"; the caller
 * opens another.
 */
#define BROKER_UID 60803
#define BROKER_FD  3

enum broker_msg {
	BROKER_SETUP = 1, /* struct broker_setup -> BROKER_READY, or BROKER_FAILED and its end */
	BROKER_READY,	  /* {} */
	BROKER_FAILED,	  /* {"message"} */
	BROKER_CALL,	  /* struct broker_call -> BROKER_EVENT*, BROKER_END */
	BROKER_EVENT,	  /* struct broker_event: of a wire call that streams */
	BROKER_END,	  /* struct broker_end: once for each call */
	BROKER_CANCEL,	  /* struct broker_cancel -> its BROKER_END */
	BROKER_REGISTRY	  /* first number of the registry's messages: see broker_registry.h */
};

/* One place where models are. */
struct broker_endpoint {
	char *name;
	int protocol; /* enum model_protocol, not MODEL_TURN */
	char *url; /* base, without the protocol's own path: https, or http to a loopback address */
	char *credential; /* absolute path of a file with the key (a regular file of root's that
			     nobody else can read), or credential:NAME; NULL: none is sent */
	char *ca;	  /* PEM file instead of the system's; NULL: the system's */
	char *proxy;	  /* http://HOST:PORT; NULL: none, whatever the environment says */
	uint64_t connect_ms, stall_ms, total_ms; /* no byte for stall_ms ends a call as "stalled" */
	uint64_t retries;			 /* most attempts after the first */
	uint64_t parallel;			 /* calls at one time; more wait */
};

struct broker_setup {
	struct objlist endpoints; /* struct broker_endpoint */
	json_t *registries;	  /* see broker_registry.h; NULL: none */
	json_t *forges;		  /* see broker_forge.h; NULL: none */
	json_t *notify;		  /* see broker_notify.h; NULL: none */
};

struct broker_call {
	uint64_t id;
	char *endpoint, *model;
	int protocol;	     /* MODEL_TURN, or the endpoint's own */
	bool stream;	     /* of a wire call: send BROKER_EVENTs */
	uint64_t max_output; /* tokens; written into the request whatever its body says; 0: as it
				says */
	uint64_t total_ms;   /* the call ends by then, whatever the endpoint's own; 0: that one */
	json_t *body;
};

struct broker_event {
	uint64_t id;
	char *name;   /* the event's name on the wire, NULL where it has none */
	json_t *data; /* kept members only; NULL: the end mark of protocols that have one */
};

struct broker_end {
	uint64_t id;
	char *kind;	 /* MODEL_OK, or what went wrong: see model.h */
	char *message;	 /* of a failure: what happened, with no byte of a key */
	uint64_t status; /* HTTP status of the last attempt, 0: none */
	json_t *body; /* the whole answer: a turn's answer, or of a wire call that did not stream */
	json_t *error; /* of a wire call that was refused: the provider's own error, kept members */
	struct model_usage usage; /* of all attempts that may be billed */
	bool billed; /* whether any attempt reached the point where a provider charges */
	uint64_t attempts, bytes_out, bytes_in;
	uint64_t connect_us, first_us, total_us; /* of the last attempt, from its start */
	char *request_sha256, *answer_sha256;	 /* of the bytes sent and received */
};

struct broker_cancel {
	uint64_t id;
};

extern const struct jmap broker_setup_map[], broker_endpoint_map[], broker_call_map[],
	broker_event_map[], broker_end_map[], broker_cancel_map[];

struct broker;

/* Starts sickbay-broker and waits until it is ready. */
int broker_open(const struct broker_setup *s, struct broker **out, struct err *e);
int broker_pid(const struct broker *b); /* of the program */
int broker_fd(const struct broker *b);	/* readable when broker_recv() has something */
int broker_call(struct broker *b, const struct broker_call *c, struct err *e);
int broker_cancel(struct broker *b, uint64_t id, struct err *e);
/* Any of its messages; blocks until it took it.  -ETIMEDOUT: it does not read, for ten seconds; it
 * is given up, and broker_recv() says that it died. */
int broker_send(struct broker *b, uint16_t type, const json_t *body, struct err *e);
/* The path of a key file as the broker wants it: credential:NAME is the service manager's. */
int broker_credential(const char *said, char **out, struct err *e);
/* 1: *out is one BROKER_EVENT or BROKER_END (release it with msg_release()); 0: it died or was
 * closed; -ETIMEDOUT, and what came of a message so far is kept. */
int broker_recv(struct broker *b, int timeout_ms, struct msg *out, struct err *e);
/* Ends every call and the program, and waits for it. NULL is fine. */
void broker_close(struct broker *b);
