/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/jmap.h"

/*
 * What `sickbay intake` (root) and sickbay-intake (own uid, no way to any file)
 * say to each other.  The parent makes the listening sockets and opens the
 * journal's segments; the child accepts reports, appends them to the segment it
 * was given and answers a client when they are on disk; it never looks into a
 * payload.  Frames of runtime/base/msg.h over the socket at INTAKE_FD.
 */
#define INTAKE_UID     60805
#define INTAKE_FD      3
#define INTAKE_SOURCES 256
#define INTAKE_HOOKS   16

enum intake_msg {
	INTAKE_SETUP = 1, /* struct intake_setup: the first */
	INTAKE_LISTEN,	  /* {} and a listening socket; one or more */
	INTAKE_HOOK,	  /* struct intake_hook and the file with its secret, open for reading */
	INTAKE_START,	  /* {}: nothing more comes -> INTAKE_READY */
	INTAKE_READY,	  /* {} */
	INTAKE_SEGMENT,	  /* struct intake_segment and a file to append to; used when the one before
			     is full */
	INTAKE_BACKLOG,	  /* struct intake_backlog: what is not digested yet */
	INTAKE_DURABLE,	  /* from the child: struct intake_durable, after each sync */
	INTAKE_FULL,  /* from the child: struct intake_segment, that one gets no more: it is long
			 enough, or could not be synced */
	INTAKE_FAILED /* from the child: {"message"}: it cannot write; it answers 503 */
};

/* What a payload is; from the path that it was sent to. */
enum intake_kind {
	INTAKE_SENTRY,	     /* an envelope: /api/PROJECT/envelope/ */
	INTAKE_SENTRY_EVENT, /* one event: /api/PROJECT/store/ */
	INTAKE_OTLP_TRACES,  /* /v1/traces */
	INTAKE_OTLP_LOGS,    /* /v1/logs */
	INTAKE_ALERTMANAGER, /* /alertmanager */
	INTAKE_NATIVE,	     /* sickbay.incident/1: /v1/incidents */
	INTAKE_TEXT,	     /* lines of a log, read by `sickbay intake --stdin` */
	INTAKE_GITHUB,	     /* webhooks of forges, in the order of enum forge_kind: /forge/NAME */
	INTAKE_GITLAB,
	INTAKE_GITEA,
	INTAKE_KIND_N
};
extern const char *const intake_kind_words[];

enum intake_encoding { INTAKE_PLAIN, INTAKE_GZIP, INTAKE_ZSTD };

struct intake_source {
	char *name;
	char *token_sha256;   /* hex; what a client shows is hashed and compared */
	uint64_t rate, burst; /* reports a second, and at once; 0: the host's */
};

struct intake_setup {
	struct objlist sources; /* struct intake_source; a record names one by its place here */
	uint64_t max_body;	/* bytes of one request */
	uint64_t max_memory;	/* bytes of all requests under way */
	uint64_t max_backlog;	/* bytes that wait to be digested; more is 429 */
	uint64_t segment;	/* bytes of a segment */
	uint64_t connections, timeout_ms;
	uint64_t request_ms;  /* of one request, from its first byte to its last */
	uint64_t per_address; /* connections of one address that is not loopback's */
	uint64_t rate, burst;
};

/* A forge whose webhooks are taken. A record names it by `place` in its `source`. */
struct intake_hook {
	char *name;
	int kind;	/* enum forge_kind */
	char *file;	/* that its secret was opened by, for messages */
	uint64_t place; /* among the host's forges */
};

struct intake_segment {
	uint64_t number;
	uint64_t bytes; /* INTAKE_FULL: of it that are on disk; what is behind them was refused */
};

struct intake_backlog {
	uint64_t bytes;
};

struct intake_durable {
	uint64_t segment, bytes; /* of the segment that are on disk */
	uint64_t reports, refused_rate, refused_backlog, refused_token, refused_other,
		ignored;	/* since the start */
	uint64_t slow, crowded; /* connections: ended for being slow, refused for being too many */
};

extern const struct jmap intake_source_map[], intake_hook_map[], intake_setup_map[],
	intake_segment_map[], intake_backlog_map[], intake_durable_map[];

/*
 * A segment is records one after the other; little endian:
 *     u32 magic | u32 length of the payload | u64 number | u64 received, ns since the epoch |
 *     u16 source | u8 kind | u8 encoding | u8 protobuf | u8[3] zero | u32 CRC-32 of all before and
 *     of the payload | payload
 * (CRC-32 as in IEEE 802.3.)  A record that a crash cut short ends the segment.
 */
#define INTAKE_MAGIC  0x31524253u /* "SBR1" */
#define INTAKE_HEADER 36

struct intake_record {
	uint64_t number, received_ns;
	uint32_t length;
	uint16_t source;
	uint8_t kind, encoding;
	bool protobuf;
};

void intake_put(const struct intake_record *r, const void *payload, uint8_t header[INTAKE_HEADER]);
/* Reads the record at p of n bytes: its whole size; 0: cut short here; <0: damaged. */
int64_t intake_get(const uint8_t *p, size_t n, struct intake_record *out, const uint8_t **payload);
