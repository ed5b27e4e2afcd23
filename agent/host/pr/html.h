/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "policy/change.h"
#include "runtime/base/buf.h"

/*
 * Pages for people: one file each, which loads nothing and works without its
 * script.  Text of a report, a repository or an agent gets in by one door
 * only: the %s of html(), which escapes; a policy for browsers (CSP) in the
 * page lets no style and no script run but the page's own, by digest.
 */

/* Appends markup that stands in our source; every %s is text, and cut where it is very long. Knows
 * %s %d %u %zu %lld %llu %.NNf
 * %.*s and %%. */
void html(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Text of n bytes, of which `most` are shown, whole characters, and how many were left out. */
void html_cut(struct buf *b, const char *s, size_t n, size_t most);
/* The door: markup characters are escaped; what is not shown as what it is becomes visible. */
void html_text(struct buf *b, const char *s, size_t n);

/* Title and heading are text. */
void html_begin(struct buf *b, const char *title);
void html_end(struct buf *b);
/* Where the page begins with its parts, each with an id: for the keyboard, and for who reads. */
struct html_part {
	const char *id, *title;
};
void html_contents(struct buf *b, const struct html_part *parts, size_t n);
void html_part_begin(struct buf *b, const struct html_part *part);
void html_part_end(struct buf *b);

/* ---- shared by the pages ---- */
const char *html_style(void);  /* the text between <style> and </style> */
const char *html_script(void); /* the same of the script */
/* A table with its caption; columns end with NULL, '#' before one says that it has figures. */
void html_table(struct buf *b, const char *caption, const char *const *columns);
void html_table_end(struct buf *b);
/* A drawing; its label is for who does not see it, what it says stands beneath it. */
void html_drawing(struct buf *b, const char *label, double width, double height);
void html_drawing_end(struct buf *b, const char *says);
/* A difference, line by line; name: what of. */
void html_diff(struct buf *b, const char *name, const struct changes *c);
/* A value of a record as nested lists, as far as there is room; what is left out is counted. */
void html_value(struct buf *b, const json_t *v);
/* "2026-11-22 15:12:32 UTC" of an RFC 3339 date. */
void html_date(struct buf *b, const char *rfc3339);
/* "1.2 s", "3 min 4 s" of microseconds. */
void html_span(struct buf *b, double us);

/* Most items of one list on a page; what is more is counted. */
#define HTML_ITEMS 600
/* The row of a table, or the line of a list, that says how many are left out. */
void html_left_out(struct buf *b, size_t columns, size_t n);

/* Everything that the page of a case is made of; borrowed. */
struct html_case {
	const char *id;
	const json_t *record[7]; /* enum stage; NULL: there is none */
	const json_t *facts;	 /* case_facts() */
	const json_t *policy;	 /* documents of the patch agent's policy, or NULL */
	const json_t *events;	 /* of the log, in order; an array */
	size_t events_left_out;
	const char *log;		    /* what checking the log said, or NULL */
	bool log_holds;			    /* and whether it holds */
	const struct changes *test, *patch; /* NULL: there is none */
};
int html_case(const struct html_case *in, struct buf *out, struct err *e);

/* Parts of it, one file each. */
void html_timeline(const struct html_case *in, struct buf *b);
void html_candidates(const struct html_case *in, struct buf *b);
void html_budget(const struct html_case *in, struct buf *b);
void html_log(const struct html_case *in, struct buf *b);

struct html_stats {
	const char *title; /* of which cases */
	const json_t *facts, *stats;
	const json_t *drift;	/* lines of the ledger of changes by agents */
	const json_t *policies; /* {DIGEST: documents} */
	const json_t *first;	/* {CASE: seconds until it was proposed} */
	size_t drift_left_out;
};
int html_stats(const struct html_stats *in, struct buf *out, struct err *e);
