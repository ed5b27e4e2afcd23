/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/msg.h"

/*
 * The client end of sickbay-decode, the only parser of untrusted bytes on the
 * host side.  Each call starts one process of it (own uid, empty file system,
 * strict seccomp), hands over one descriptor and receives bounded typed
 * records.  What comes back has been parsed, not believed: callers check it
 * with their jmap tables.
 */
#define DECODE_FD  3	    /* the socket of a decoder process */
#define DECODE_UID 2147352577u /* its user and group: far above every range that people or containers get */

enum decode_format {
	DECODE_JSON,	  /* strict JSON -> one value */
	DECODE_JSONC,	  /* with comments -> {"value":..., "where": {POINTER: [line, column]}} */
	DECODE_INCIDENT,  /* sickbay.incident/1 -> checked value */
	DECODE_NODE,	  /* a Node.js report: trace text with optional JSON lines -> {"chain":[...], "calls":[...], "loss":[...]} */
	DECODE_PYTHON,
	DECODE_SANITIZER,
	DECODE_RESULTS,	  /* reporter lines (NDJSON, format below) -> {"tests":[...], "faults":[...]} */
	DECODE_TAP,
	DECODE_JUNIT,
	DECODE_ARCHIVE,	  /* tar (any compression libarchive has), streamed as DECODE_MSG_ENTRY and DECODE_MSG_DATA */
	DECODE_FORMAT_N
};

enum decode_msg { /* message types on the wire */
	DECODE_MSG_JOB = 1, /* to decode: {"format","limits":{...},"options":{...}} + the input fd */
	DECODE_MSG_VALUE,   /* the one result */
	DECODE_MSG_ENTRY,   /* archive: {"path","type","mode","uid","gid","size","link","mtime"} */
	DECODE_MSG_DATA,    /* archive: blob of the entry before */
	DECODE_MSG_END,	    /* {"bytes":n} */
	DECODE_MSG_ERROR    /* {"message": "NAME:LINE:COLUMN: reason"} */
};

const char *decode_format_name(enum decode_format f);

/* One value from `in` (a file or pipe; borrowed). `name` is used in error places. options may be NULL. */
int decode_value(enum decode_format f, int in, const char *name, const json_t *options,
		 json_t **out, struct err *e);
/* The same from memory. */
int decode_text(enum decode_format f, const void *data, size_t n, const char *name,
		const json_t *options, json_t **out, struct err *e);

struct decode; /* a streaming job (archives) */
int decode_open(enum decode_format f, int in, const char *name, const json_t *options,
		struct decode **out, struct err *e);
/* 1: *m filled (ENTRY or DATA); 0: the end; <0 error. */
int decode_next(struct decode *d, struct msg *m, struct err *e);
void decode_close(struct decode *d);
