/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/queue/queue.h"

/*
 * How many reports a service sends, minute by minute, and whether that has
 * changed.  The method is the cumulative sum for counts: J. M. Lucas, "Counted
 * Data CUSUM's", Technometrics 27 (1985), with the fast initial response of
 * Lucas and Crosier (1982) left out.  For a Poisson count with mean m0 that is
 * to be told from m1 = 2 m0 (at least m0 + 1):
 *     k = (m1 - m0) / ln(m1 / m0),   S = max(0, S + count - k),   spike: S > h
 * with h = ln(RATE_QUIET) / ln(m1 / m0): S times ln(m1 / m0) is the log likelihood ratio, so by
 * Wald's bound an even rate is taken for a spike about once in RATE_QUIET minutes.
 * m0 is the mean of the RATE_BASE minutes before; those in which S stood above h / 2 are left out.
 */
#define RATE_BASE  60 /* minutes of the baseline */
#define RATE_MIN   20 /* minutes that are needed before anything is said */
#define RATE_QUIET 1e6

struct rate {
	uint64_t minute; /* of the newest count, since the epoch */
	uint64_t now;	 /* its count so far */
	uint64_t base[RATE_BASE];
	uint64_t n_base; /* whole minutes in base, newest last */
	double sum;	 /* S after the last whole minute */
	bool spike;	 /* S was above h then */
	uint64_t last;	 /* the count of the last whole minute */
	uint64_t since;	 /* the minute with which the spike began; 0: there is none */
};

/* The mean of the baseline; 0 while there are too few minutes. */
double rate_mean(const struct rate *r);
/* Adds a whole minute's count. */
void rate_minute(struct rate *r, uint64_t count);
/* Counts at a time; minutes without any count as 0. True when a spike began with it. */
bool rate_add(struct rate *r, uint64_t minute, uint64_t count);

/* The same for a service, by when its reports were received (not when they were looked at: a
 * backlog is no spike), kept in memory and in STATE/services/NAME/rate.json; a spike that begins is
 * an event of the log (intake.spike). */
int rate_count(const struct queue *q, const char *service, uint64_t received_ns, uint64_t count,
	       struct err *e);
/* Counts nothing: minutes without a report are over, too.  Writes what has not been written for a
 * few seconds, at the end all.  Not while reports wait that were received before.  1: a spike
 * began. */
int rate_tick(const struct queue *q, bool end, struct err *e);
/* As it is on disk; -ENOENT: nothing is known. */
int rate_load(const char *state, const char *service, struct rate *out, struct err *e);
/* The services whose rate is known, as they are at a time: [{"service","last_minute","usual",
 * "spike","since"}]; "usual" is a minute's mean, null while it is not known, "since" null where no
 * spike runs. */
int rate_list(const char *state, uint64_t now_ns, json_t **out, struct err *e);
