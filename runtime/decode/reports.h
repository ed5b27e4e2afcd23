/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/decode/trace.h"

/*
 * What producers send to the intake, payload by payload.  Each reader adds what
 * it finds to *out: reports with a trace, alerts, and the names of what it left
 * out.  Bounds: what goes past one is counted as left out, never an error.
 */
struct findings {
	json_t *reports; /* a trace each, see sickbay-decode's client: and "format", "id", "input",
			    "breadcrumbs" where there are */
	json_t *alerts; /* {"name","status","service","kind","starts","ends","fingerprint","labels",
			   "summary"} */
	json_t *hooks;	/* {"repository","number","branch"} of a pull request that somebody ended */
	json_t *ignored; /* {NAME: count}: "session", "transaction", "message without exception" ...
			  */
};
#define FINDINGS_REPORTS 256 /* of one payload */

int findings_init(struct findings *f, struct err *e);
void findings_release(struct findings *f);
void findings_ignore(struct findings *f, const char *what);

static inline void cleanup_findings(struct findings *f)
{
	findings_release(f);
}
#define AUTO_FINDINGS CLEANUP(cleanup_findings)

/* A report of a trace; takes over nothing of t; `more` (stolen, may be NULL) is an object of
 * further members. */
int findings_report(struct findings *f, const struct trace *t, json_t *event, json_t *more,
		    struct err *e);

typedef int payload_reader(const struct source *in, struct findings *out, struct err *e);
payload_reader sentry_envelope, sentry_event, otlp_traces, otlp_logs, alertmanager, native,
	text_any, github_hook, gitlab_hook;
/* OTLP as protobuf, to the tree that its JSON would be. */
int otlp_from_protobuf(const struct source *in, bool logs, json_t **out, struct err *e);
int otlp_tree(const struct source *in, const json_t *root, bool logs, struct findings *out,
	      struct err *e);
/* The call that a service itself put into its report, {"module","export","args":[...]} or that as
 * JSON text (reporters cut what is nested): added to `more` where it has that shape. */
void payload_call(json_t *more, const json_t *call);
/* Strict JSON. */
int payload_json(const struct source *in, const char *text, size_t n, json_t **out, struct err *e);

/* The journal's records between two offsets ("from", "to" of the options), one DECODE_MSG_VALUE
 * each: {"number","received","source","kind","end","reports","alerts","hooks","ignored"} or with
 * "error" instead of the last four; then DECODE_MSG_END {"end"}. */
int reports_decode(int in_fd, int out_sock, const json_t *options, struct err *e);
