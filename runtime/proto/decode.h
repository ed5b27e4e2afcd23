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
#define DECODE_FD  3	       /* the socket of a decoder process */
#define DECODE_UID 2147352577u /* its user and group: far above those of people and containers */

/*
 * A trace is {"chain": [exceptions, the cause first], "calls": [...], "loss": [{"at","why"}],
 * "context": [{"what","frames"}], "runtime": {...}, "event": {"time","service","release",
 * "environment"}}; exceptions as in an incident, but with production's own paths.
 * Test results are {"tests": [{"id","status","ms"}], "faults": [{"test","chain"}],
 * "values": [...], "ended": bool, "plan": n}; "plan" is absent where none was stated.
 */
enum decode_format {
	/* strict JSON -> one value */
	DECODE_JSON,
	/* with comments -> {"value":..., "where": {POINTER: [line, column]}} */
	DECODE_JSONC,
	/* sickbay.incident/1 -> the value, or with {"places": true} as DECODE_JSONC */
	DECODE_INCIDENT,
	/* reports: text with a trace in it, or JSON lines of an instrumented service -> a trace */
	DECODE_NODE,
	DECODE_PYTHON,
	DECODE_SANITIZER,
	/* reporter lines (NDJSON, sickbay-incident(5)) -> test results */
	DECODE_RESULTS,
	/* {"prefix": "FILE"} makes ids "FILE::name" -> test results without faults and values */
	DECODE_TAP,
	DECODE_JUNIT,
	/* a file of a repository that says what it is, by {"path"} -> findings
	 * (agent/host/case/manifest.h) */
	DECODE_MANIFEST,
	/* what a suite that did not run printed -> {"what","do","line"} of the first thing that it
	 * lacks, or {} */
	DECODE_MISSING,
	/* CODEOWNERS, {"paths"} -> {"owners": ["@name", ...]}, at most 20 */
	DECODE_OWNERS,
	/* lines of `journalctl -o json` -> {"entries": [{"cursor","unit","pid","time_us","text"}],
	 * "malformed": n} */
	DECODE_JOURNALD,
	/* tar (any compression libarchive has), streamed as DECODE_MSG_ENTRY and DECODE_MSG_DATA */
	DECODE_ARCHIVE,
	/* a piece of the intake's journal, {"from","to"} in bytes, streamed: DECODE_MSG_VALUE for
	 * each record (runtime/decode/reports.h), DECODE_MSG_END {"end"} */
	DECODE_REPORTS,
	/* an ELF core of x86-64 -> {"signal": {"name","number"}, "what", "program", "executable":
	 * {"path","build_id"}, "threads", "modules": [{"path","build_id","start"}], "missing":
	 * bytes, "more": bool}; no value of its memory */
	DECODE_CORE,
	/* what sickbay-symbols printed, with the value above as options -> a trace, and in it
	 * "signal" and "objects": [{"build_id","path"}] in the order of the modules */
	DECODE_SYMBOLS,
	DECODE_FORMAT_N
};

/* Message types on the wire. */
enum decode_msg {
	/* to decode: {"format","name","options":{...}} + the input fd */
	DECODE_MSG_JOB = 1,
	/* the one result */
	DECODE_MSG_VALUE,
	/* archive: {"path","type","mode","uid","gid","size","link","mtime"} */
	DECODE_MSG_ENTRY,
	/* archive: blob of the entry before */
	DECODE_MSG_DATA,
	/* {"bytes":n} */
	DECODE_MSG_END,
	/* {"message": "NAME:LINE:COLUMN: reason", "code": errno} */
	DECODE_MSG_ERROR
};

const char *decode_format_name(enum decode_format f);

/* One value from `in` (a file or pipe; borrowed); errors name it `name`; options may be NULL. */
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
