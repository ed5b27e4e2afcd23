/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "runtime/base/msg.h"

/*
 * Frames over a socket that never blocks, for a loop that has more to do: what
 * is not whole yet is kept, and what does not fit is sent later.  Descriptors do
 * not travel.  Owns its two buffers, not the socket.
 */
struct msg_stream {
	int sock;
	struct buf in, out;
	size_t taken, sent; /* of in, of out */
};

#define MSG_STREAM_INIT(socket)                                                     \
	{                                                                           \
		.sock = (socket), .in = BUF_INIT(MSG_MAX + 16), .out = BUF_INIT(0), \
	}

/* Reads what is there, at most one frame's worth: 1: something; 0: the peer closed; -EAGAIN, with e
 * untouched: nothing. */
int msg_stream_read(struct msg_stream *s, struct err *e);
/* 1: *out is the next whole frame (release it); 0: there is none. */
int msg_stream_next(struct msg_stream *s, struct msg *out, struct err *e);
/* Adds a frame to what is to be sent; -E2BIG beyond `most` bytes that wait. */
int msg_stream_put(struct msg_stream *s, uint16_t type, const json_t *body, size_t most,
		   struct err *e);
/* Sends what the socket takes now. -EPIPE: the peer is gone. */
int msg_stream_flush(struct msg_stream *s, struct err *e);
/* Sends all of it; -ETIMEDOUT: after so long the peer had not read enough. */
int msg_stream_drain(struct msg_stream *s, int timeout_ms, struct err *e);
size_t msg_stream_waiting(const struct msg_stream *s); /* bytes to be sent */
void msg_stream_release(struct msg_stream *s);
