/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "runtime/base/err.h"

/*
 * The formats that sickbay-decode reads: one function each, from text in memory
 * to one bounded value.  They never open, write or start anything, and run only
 * after decode_confine().  Refusals read "NAME:LINE:COLUMN: reason".
 */
struct source {
	const char *name; /* as the operator knows it; used in places */
	const char *text; /* n bytes and a NUL that does not count */
	size_t n;
	const json_t *options; /* object or NULL */
};

int json_decode(const struct source *in, json_t **out, struct err *e);
int jsonc_decode(const struct source *in, json_t **out, struct err *e);
int incident_decode(const struct source *in, json_t **out, struct err *e);
int node_decode(const struct source *in, json_t **out, struct err *e);
int python_decode(const struct source *in, json_t **out, struct err *e);
int sanitizer_decode(const struct source *in, json_t **out, struct err *e);
int results_decode(const struct source *in, json_t **out, struct err *e);
int tap_decode(const struct source *in, json_t **out, struct err *e);
int junit_decode(const struct source *in, json_t **out, struct err *e);
/* options: {"path"} in the repository, which says what the file is */
int manifest_decode(const struct source *in, json_t **out, struct err *e);
/* options: {"paths": [...]} of the repository -> {"owners": ["@name", ...]} of those paths */
int owners_decode(const struct source *in, json_t **out, struct err *e);
/* lines of `journalctl -o json` -> {"entries": [{"cursor","unit","pid","time_us","text"}],
 * "malformed": lines that are no entry}; "text" is absent where an entry has none */
int journald_decode(const struct source *in, json_t **out, struct err *e);
int missing_decode(const struct source *in, json_t **out, struct err *e);
/* what sickbay-symbols printed; options: what core_decode() said -> a trace with "signal" and
 * "objects" */
int symbols_decode(const struct source *in, json_t **out, struct err *e);

/* A core is read from its file, for it may be larger than what is held in memory. */
int core_decode(int fd, const char *name, json_t **out, struct err *e);

/* Streams: the entries of an archive as DECODE_MSG_ENTRY and DECODE_MSG_DATA, then DECODE_MSG_END.
 */
int archive_decode(int in_fd, int out_sock, const json_t *options, struct err *e);

/* err_set() with the place in front. */
int source_error(struct err *e, const struct source *in, size_t line, size_t column,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* A member of the options, or the default. */
const char *source_option(const struct source *in, const char *name, const char *otherwise);

/* One job from the socket `sock`, answered on it; 0 also when the answer is an error. */
int job_run(int sock, struct err *e);
