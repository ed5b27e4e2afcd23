/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/queue/queue.h"

/*
 * The host's side of the intake: it makes the listening sockets, opens the
 * journal's segments in STATE/intake for sickbay-intake to append to, and takes
 * what is in them, a piece at a time, through sickbay-decode into the spool.
 * How far that went is STATE/intake/done.json, written after the spool: a kill
 * in between takes a piece in twice under the same names, never not at all.
 */
#define INTAKE_DIR	     "intake"
#define INTAKE_SCHEMA	     "sickbay.intake/1"
#define INTAKE_SEGMENT_BYTES (64u << 20)

struct intake;

struct intake_counts {
	uint64_t accepted, refused_rate, refused_backlog, refused_token, refused_other, slow,
		crowded, other_events;		    /* by sickbay-intake, since it started */
	uint64_t reports, alerts, ignored, refused; /* taken out of the journal, since the start */
	uint64_t looks;				    /* proposals that a forge told of, likewise */
	uint64_t backlog;			    /* bytes that wait */
};

/* Starts sickbay-intake and waits until it serves. listen NULL: the configuration's. */
int intake_open(const struct queue *q, const struct strlist *listen, struct intake **out,
		struct err *e);
/* The address that the i-th socket got ("127.0.0.1:9418", a path); NULL past the last. */
const char *intake_address(const struct intake *i, size_t n);
int intake_fd(const struct intake *i); /* readable when intake_hear() has something */
/* One message of sickbay-intake; -EPIPE: it ended. */
int intake_hear(struct intake *i, struct err *e);
/* Takes in one piece: 1; 0: nothing waits. */
int intake_digest(struct intake *i, struct err *e);
void intake_counts(const struct intake *i, struct intake_counts *out);
/* Ends sickbay-intake; what is in the journal stays for the next time. NULL is fine. */
void intake_close(struct intake *i);

/* From the state directory alone: whether an intake serves it, and the bytes of its journal that
 * wait to be taken in. */
int intake_waits(const char *state, bool *serves, uint64_t *bytes, struct err *e);

/* A new token: 43 letters and digits (256 bits), and its digest in hex. */
void intake_token(char token[44], char digest[65]);
