/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "agent/broker/provider.h"
#include "runtime/base/jmap.h"
#include "tests/tap.h"

/* What the tests of the providers share: requests and answers from texts with ' for ". */

static inline json_t *parsed(const char *text)
{
	AUTO_FREE char *copy = strdup(text);
	json_t *v;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	v = json_loads(copy, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	if (!v)
		printf("# the test's own JSON is wrong: %s\n", copy);
	return v;
}

#define CHECK_JSON(got, want)                                                                 \
	do {                                                                                  \
		AUTO_JSON json_t *want_ = parsed(want);                                       \
		const json_t *got_ = (got);                                                   \
		if (!got_ || !json_equal(got_, want_)) {                                      \
			AUTO_FREE char *text_ = got_ ? json_dumps(got_, JSON_COMPACT) : NULL; \
			tap_failures_++;                                                      \
			printf("# %s:%d: got  %s\n", __FILE__, __LINE__,                      \
			       text_ ? text_ : "nothing");                                    \
			printf("# %s:%d: want %s\n", __FILE__, __LINE__, want);               \
		}                                                                             \
	} while (0)

/* The body that is written, or NULL and e. */
static inline json_t *written(int provider, int protocol, bool stream, uint64_t most,
			      const char *body, struct err *e)
{
	AUTO_JSON json_t *in = parsed(body);
	AUTO_BUF struct buf out = BUF_INIT(MODEL_MAX_REQUEST);
	const struct provider_request rq = { .model = "m-1",
					     .protocol = protocol,
					     .stream = stream,
					     .max_output = most,
					     .body = in };

	if (provider_of(provider)->write(&rq, &out, e) < 0)
		return NULL;
	return json_loadb(out.p, out.n, JSON_REJECT_DUPLICATES, NULL);
}

static inline void check_refused(int provider, int protocol, const char *body, const char *why)
{
	struct err e = ERR_INIT;
	AUTO_JSON json_t *got = written(provider, protocol, false, 100, body, &e);

	CHECK(got == NULL);
	CHECK_INT(e.code, EINVAL);
	CHECK_STR(e.msg, why);
}

struct fed {
	int last;	/* of the last event */
	json_t *kept;	/* array of what was passed on */
	json_t *answer; /* of a turn */
	struct model_usage usage;
	bool ended;
	struct err e;
};

static inline void fed_release(struct fed *f)
{
	json_decref(f->kept);
	json_decref(f->answer);
}
#define AUTO_FED CLEANUP(fed_release)

/* Events, each "NAME DATA" ("- DATA" has no name), NULL at the end; at most n of them. */
static inline struct fed feed(int protocol, bool turn, const char *const *events, size_t n)
{
	struct fed f = { .kept = json_array() };
	struct provider_reading *r = NULL;

	CHECK(provider_reading_open(provider_of(protocol), turn, &r, &f.e) == 0);
	for (size_t i = 0; i < n && events[i] && f.last == 0; i++) {
		const char *data = strchr(events[i], ' ') + 1;
		AUTO_FREE char *name = strndup(events[i], (size_t)(data - events[i] - 1));
		AUTO_FREE char *text = strdup(data);
		json_t *kept = NULL;

		for (char *p = text; *p; p++)
			if (*p == '\'')
				*p = '"';
		f.last = provider_event(r, strcmp(name, "-") ? name : NULL, text, strlen(text),
					&kept, &f.e);
		if (kept)
			json_array_append_new(f.kept, kept);
	}
	f.ended = provider_ended(r);
	f.usage = *provider_usage(r);
	if (turn && f.last >= 0)
		f.answer = provider_answer(r, &f.e);
	provider_reading_close(r);
	return f;
}

static inline struct fed feed_body(int protocol, bool turn, const char *body)
{
	struct fed f = { .kept = NULL };
	AUTO_FREE char *text = strdup(body);
	struct provider_reading *r = NULL;

	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	CHECK(provider_reading_open(provider_of(protocol), turn, &r, &f.e) == 0);
	f.last = provider_body(r, text, strlen(text), &f.kept, &f.e);
	f.usage = *provider_usage(r);
	provider_reading_close(r);
	return f;
}

/* Whatever is cut off, the answer is not whole, and nothing but that is wrong. */
static inline void check_truncated(int protocol, const char *const *events, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO_FED struct fed f = feed(protocol, true, events, i);

		CHECK_INT(f.last, 0);
		CHECK(!f.ended);
		CHECK(f.answer == NULL);
		CHECK_STR(f.e.msg, "the answer is not complete");
	}
}

static inline void check_garbage(int protocol, const char *event, const char *why)
{
	const char *const events[] = { event, NULL };
	AUTO_FED struct fed f = feed(protocol, true, events, 1);

	CHECK_INT(f.last, -EBADMSG);
	CHECK_STR(f.e.msg, why);
}
