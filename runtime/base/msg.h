/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"

/*
 * Typed messages between sickbay's own programs.  A frame on the wire is
 *
 *     u32 length of the rest | u16 type | u16 zero | u32 body length | body | blob
 *
 * (little endian).  The body is one value in a binary form so small that its
 * reader can be read in a minute: a tag byte, then
 *     0 null  1 false  2 true  3 i64  4 f64  5 string(u32 n, bytes)
 *     6 array(u32 n, values)  7 object(u32 n, (string, value)*)
 * Strings are UTF-8 without NUL, keys unique, depth and counts bounded: so a
 * peer that was taken over can send wrong values but never malformed ones, and
 * jmap tables then check the values.  The blob is raw bytes (file content).
 * At most one descriptor travels with a frame.
 */
#define MSG_MAX	      (64u << 20) /* one frame */
#define MSG_DEPTH     32	  /* nesting of a body */
#define MSG_MAX_NODES (1u << 20)  /* values in one body */

struct msg {
	uint16_t type;
	json_t *body;	 /* owned; never NULL after msg_recv() */
	struct buf blob; /* owned; empty when there is none */
	int fd;		 /* owned; -1 when there is none */
};

#define MSG_INIT                                    \
	{                                           \
		.fd = -1, .blob = BUF_INIT(MSG_MAX) \
	}

void msg_release(struct msg *m);

/* The codec alone, for tests, fuzzing and records kept in memory. */
int msg_encode(const json_t *body, struct buf *out, struct err *e);
int msg_decode(const void *data, size_t n, json_t **out, struct err *e);

/* One frame appended to out, without a descriptor. */
int msg_frame(uint16_t type, const json_t *body, const void *blob, size_t blob_len, struct buf *out,
	      struct err *e);
/* 1: *out is the frame that data begins with, of *used bytes; 0: it is not whole yet. */
int msg_parse(const void *data, size_t n, struct msg *out, size_t *used, struct err *e);

/* Sends one frame; blob may be NULL, fd may be -1.  Blocks until written. */
int msg_send(int sock, uint16_t type, const json_t *body, const void *blob, size_t blob_len, int fd,
	     struct err *e);
/*
 * Receives one frame.  1: *out is filled (release it); 0: the peer closed
 * between frames; <0: error.  timeout_ms -1 waits for ever; -ETIMEDOUT else.
 */
int msg_recv(int sock, int timeout_ms, struct msg *out, struct err *e);

static inline void cleanup_msg(struct msg *m)
{
	msg_release(m);
}
#define AUTO_MSG CLEANUP(cleanup_msg)
