/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/broker/provider.h"
#include "agent/broker/provider_keep.h"
#include "runtime/base/cleanup.h"

/* What the protocols share: see provider.h for what they promise.  Used by provider*.c only. */

#define PROVIDER_MAX_PARTS 512

/* One part of an answer that is being put together, in turn form. */
struct gathered {
	int64_t key;  /* what the protocol calls it by: its index */
	json_t *part; /* owned: a PART (model.h) without the text or input that is still coming */
	const char *member; /* of the part (of an opaque part: of its value) that the text is for */
	struct buf text;    /* what came so far; of a call: its input as JSON */
	bool done;
};

struct provider_reading {
	const struct provider_ops *ops;
	bool turn;
	bool started, ended;
	size_t n; /* bytes fed */
	struct model_usage usage;
	const char *stop; /* a word of model.h, NULL: not said */
	struct gathered *parts;
	size_t n_parts;
};

struct provider_ops {
	struct provider pub;
	const char *end_mark; /* data that is no JSON and ends a stream; NULL: none */
	bool no_end_mark;     /* the server just ends the stream: whole once the answer said why it
				 ended */
	const struct keep *error; /* members of an error body */
	/* 0 or 1, as provider_event(); `data` is the event. */
	int (*event)(struct provider_reading *r, const char *name, const json_t *data,
		     json_t **kept, struct err *e);
	int (*whole)(struct provider_reading *r, const json_t *data, json_t **kept, struct err *e);
};
extern const struct provider_ops provider_anthropic, provider_chat, provider_responses,
	provider_google;

/* Text -> value: strict JSON, bounded. `what` begins the places of errors. -EBADMSG, -E2BIG. */
int provider_parse(const char *what, const char *data, size_t n, size_t max, json_t **out,
		   struct err *e);
/* value -> bytes. */
int provider_dump(const json_t *v, struct buf *out, struct err *e);
/* -EREMOTEIO in the provider's own words, from an object with "message" and "type". */
int provider_failed(const json_t *error, struct err *e);

/* The members of a turn's request, checked: its tree has what model.h says and nothing else. */
int turn_check(const json_t *body, json_t **out, struct err *e);
/* The request in the provider's form, its known members only: from a turn, or as it came. */
int request_body(const struct provider_request *rq,
		 int (*from_turn)(const json_t *turn, json_t **out, struct err *e),
		 const struct keep *known, json_t **out, struct err *e);
/* The known members of an answer or of a piece of one (`what` begins the places of errors); a
 * provider's error in its place is -EREMOTEIO. */
int answer_kept(const struct keep *known, const char *what, const json_t *data, json_t **kept,
		struct err *e);
/* A provider's word for why an answer ended, as a word of model.h; the last row has none. */
struct stop_word {
	const char *theirs, *ours;
};
const char *stop_of(const struct stop_word *words, const char *reason);
/* The smaller of both; 0 means none. */
uint64_t smaller_limit(uint64_t a, uint64_t b);
/* A token count of a usage object: 0 where it is missing or no count. */
uint64_t usage_count(const json_t *usage, const char *name);
/* The same, of "outer": {"name"}. */
uint64_t usage_sub(const json_t *usage, const char *outer, const char *name);

/* Gathering.  `part` is consumed; `member` NULL: of a call, or what comes is not a text.  -E2BIG,
 * -EBADMSG, -ENOMEM. */
int gather_begin(struct provider_reading *r, int64_t key, json_t *part, const char *member,
		 struct err *e);
json_t *gather_part(const struct provider_reading *r, int64_t key); /* NULL: none is under way */
int gather_add(struct provider_reading *r, int64_t key, const char *text, size_t n, struct err *e);
/* No more comes for this key (which may be used again), or with gather_end_all() for any. */
int gather_end(struct provider_reading *r, int64_t key, struct err *e);
int gather_end_all(struct provider_reading *r, struct err *e);
bool gather_has_call(const struct provider_reading *r);
/* A part that came whole; consumed. */
int gather_whole(struct provider_reading *r, json_t *part, struct err *e);
/* PARTs, new references. */
json_t *part_text(const char *text);
json_t *part_call(const char *id, const char *name, const json_t *input); /* input NULL: comes */
json_t *part_opaque(json_t *value);					  /* consumed */
/* The input of a call from its JSON text, into the part; where that is none, {} and "invalid". */
int part_input(json_t *part, const char *text, size_t n, struct err *e);
