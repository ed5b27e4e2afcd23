/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/jmap.h"

/*
 * sickbay.incident/1 as a C struct: what production reported, packed.  Values
 * come from sickbay-decode and are checked here once more by table; nothing
 * here parses text.  Frames are innermost first; the chain is cause first
 * (chain[0] is the root cause, the last is what was raised at the top).
 */
struct frame {
	char *file, *function; /* repository path once mapped; NULL when unknown */
	uint64_t line, column; /* 1-based; 0 unknown */
	bool in_app, inlined, async;
	json_t *vars;	   /* object of typed values, or NULL */
	json_t *vars_lost; /* {NAME: WHY} of those that the reporter did not send as a whole; or
			      NULL */
};

struct exception {
	char *type, *message, *code; /* code: "ENOSPC", "ERR_INVALID_URL", "HTTP_404"; or NULL */
	struct objlist frames;	     /* struct frame */
};

struct coordinate {
	char *type, *file, *function, *rule;
	uint64_t line;
	uint64_t line_first, line_last; /* the range of an inlined frame; else both are `line` */
};

enum incident_kind {
	INCIDENT_EXCEPTION,
	INCIDENT_CRASH,
	INCIDENT_TIMEOUT,
	INCIDENT_LATENCY,
	INCIDENT_ERROR_RATE
};

struct incident {
	char *schema, *id, *service, *fingerprint, *first_seen, *last_seen, *environment;
	int kind; /* enum incident_kind */
	uint64_t count;
	struct {
		char *commit, *previous, *release, *image, *time,
			*known; /* known: how the commit is known */
	} deploy;
	json_t *runtime;      /* object: language, version, ... */
	json_t *metrics;      /* array or NULL */
	struct objlist chain; /* struct exception */
	struct coordinate coordinate;
	json_t *input; /* {"call"|"command"|"http"|"datagram"|"script", "state", "flags"} or NULL */
	json_t *signal, *threads, *source, *breadcrumbs, *raw; /* passed through or NULL */
	struct objlist loss;				       /* struct incident_loss */
	struct strlist personal;
};

struct incident_loss {
	char *at, *why;
};

extern const struct jmap incident_map[], exception_map[], frame_map[], coordinate_map[];

/* From a checked value (decode's DECODE_INCIDENT). */
int incident_read(const json_t *value, struct incident *out, struct err *e);
/* The same from untrusted text, by sickbay-decode; errors read "NAME:LINE:COLUMN: reason". */
int incident_load(int fd, const char *name, struct incident *out, struct err *e);
int incident_load_file(const char *path, struct incident *out, struct err *e);
json_t *incident_write(const struct incident *in);
void incident_release(struct incident *i);

struct incident_paths {		      /* from the service file */
	const struct strmap *paths;   /* production prefix -> repository prefix */
	const struct strlist *in_app; /* globs of repository paths; empty: every mapped path */
};
/* Of two reports of one failure, the one that tells more of what was put in: 2 a call to replay, 1
 * variables of own frames, 0 neither. */
int incident_tells(const struct incident *i);
/* Maps frames to repository paths, decides in_app, picks the coordinate (innermost in-app frame of
 * the root cause). */
int incident_resolve(struct incident *i, const struct incident_paths *p, struct err *e);
/* SHA-256 over type, file and function of the in-app frames of the root cause (lines and messages
 * do not count): "sha256:..." */
void incident_fingerprint(const struct incident *i, char out[72]);
/* SHA-256 (hex) of a service and a fingerprint: what incidents and suppressions are filed by. */
void incident_key(const char *service, const char *fingerprint, char hex[65]);

/* How what a test showed compares with what production reported (DESIGN section 9). */
enum match {
	MATCH_EXACT,
	MATCH_SAME_FUNCTION,
	MATCH_TYPE_ONLY,
	MATCH_DIFFERENT,
	MATCH_NONE,
	MATCH_FLAKY,
	MATCH_N
};
const char *match_name(int m);
/* `seen`: the chain that the test showed, resolved in the same way; empty: MATCH_NONE. */
int match_compare(const struct coordinate *want, const struct objlist *seen_chain,
		  struct coordinate *seen);
/* All runs as one: flaky when some but not all are exact (their number in *exact), else the
 * weakest. */
int match_runs(const int *runs, size_t n, size_t *exact);

/* A chain alone, as a test showed it ("chain" of a fault of DECODE_RESULTS). */
int chain_read(const json_t *chain, struct objlist *out, struct err *e);
void chain_release(struct objlist *chain);
/* Maps its frames and decides in_app, as incident_resolve() does. */
int chain_resolve(struct objlist *chain, const struct incident_paths *p, struct err *e);
/* By the rule that the record then names; fails only for an empty chain or without memory. */
int coordinate_choose(const struct objlist *chain, struct coordinate *out, struct err *e);
