/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "agent/broker/forge_impl.h"
#include "agent/broker/retry.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/jsonc.h"

/* One call of a forge's API, with what limits of rate and broken connections need. */
#define TRIES 5

DEFINE_CLEANUP(struct jsonc, jsonc_free);
#define AUTO_JSONC CLEANUP(cleanup_jsonc_free)

struct exchange_state {
	struct buf got;
	const char *body;
	size_t at, n;
};

void said_release(struct said *s)
{
	json_decref(s->body);
	*s = (struct said){ 0 };
}

bool said_ok(const struct said *s)
{
	return s->status >= 200 && s->status < 300;
}

const char *said_text(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static int take(void *ctx, struct http_answer *a, const void *data, size_t n)
{
	struct exchange_state *x = ctx;

	(void)a;
	buf_put(&x->got, data, n);
	return x->got.failed ? -1 : 0;
}

static int64_t give(void *ctx, void *to, size_t n)
{
	struct exchange_state *x = ctx;
	const size_t k = x->n - x->at < n ? x->n - x->at : n;

	memcpy(to, x->body + x->at, k);
	x->at += k;
	return (int64_t)k;
}

static void wait_ms(uint64_t ms)
{
	(void)poll(NULL, 0, (int)ms);
}

/* Whether another attempt may help; how long to wait first. A secondary limit is a 403 with
 * Retry-After. */
static bool again(const struct http_answer *a, unsigned attempt, uint64_t *ms)
{
	uint64_t random = 0, said = 0;
	const bool limited = a->status == 429 || (a->status == 403 && a->after[0]);

	if (!a->broken && !limited && a->status < 500 && a->status != 0)
		return false;
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		random = 0;
	*ms = retry_backoff_ms(attempt, random);
	if (a->after[0] && retry_after_ms(a->after, (uint64_t)time(NULL), &said)) {
		if (said > RETRY_AFTER_MS)
			return false;
		*ms = said > *ms ? said : *ms;
	}
	return true;
}

static void read_body(struct said *out, const struct exchange_state *x)
{
	AUTO_JSONC struct jsonc *j = NULL;
	struct err ignored = ERR_INIT;

	if (x->got.n && jsonc_parse("answer", x->got.p, x->got.n, JSONC_STRICT, &j, &ignored) == 0)
		out->body = json_deep_copy(jsonc_root(j));
}

int forge_call(struct asking *k, const char *method, const char *path, json_t *body,
	       struct said *out, struct err *e)
{
	AUTO_JSON json_t *own = body;
	AUTO_FREE char *text = own ? json_dumps(own, JSON_COMPACT) : NULL;
	AUTO_FREE char *url = NULL;
	const struct forge *f = k->f;
	int r = 1;

	*out = (struct said){ 0 };
	if ((own && !text) || asprintf(&url, "%s%s", f->at.api, path) < 0)
		return err_set(e, ENOMEM, "out of memory");
	for (unsigned attempt = 1; r == 1 && attempt <= TRIES; attempt++) {
		struct exchange_state x = { .got = BUF_INIT(FORGE_JSON),
					    .body = text,
					    .n = text ? strlen(text) : 0 };
		const struct http_ask ask = { .url = url,
					      .accept = "application/json",
					      .method = method,
					      .type = "application/json",
					      .header = f->token.line,
					      .proxy = f->at.proxy,
					      .trust = f->trust ? f->trust : f->system,
					      .source = text ? give : NULL,
					      .source_bytes = x.n,
					      .sink = take,
					      .all = true,
					      .ctx = &x };
		struct http_answer a = { 0 };
		uint64_t ms = 0;

		k->end->attempts++;
		if (http_exchange(f->http, &ask, &a, e) < 0) {
			buf_release(&x.got);
			return -e->code;
		}
		if (attempt < TRIES && again(&a, attempt, &ms)) {
			wait_ms(ms);
		} else if (a.status == 0) {
			forge_fail(k, FORGE_UNREACHED, "'%.100s' cannot be reached: %.200s",
				   f->at.name, a.why);
			attempt = TRIES;
		} else {
			out->status = a.status;
			(void)snprintf(out->scopes, sizeof(out->scopes), "%s", a.scopes);
			read_body(out, &x);
			r = 0;
		}
		http_answer_release(&a);
		buf_release(&x.got);
	}
	return r;
}

void forge_status(struct asking *k, const struct said *s, const char *what)
{
	const char *said = said_text(s->body, "message");
	const json_t *first = json_array_get(json_object_get(s->body, "errors"), 0);
	const char *more =
		json_is_string(first) ? json_string_value(first) : said_text(first, "message");

	said = said ? said : said_text(s->body, "error");
	said = said ? said : "nothing more is said";
	more = more ? more : "";
	switch (s->status) {
	case 401:
		forge_fail(k, FORGE_REFUSED,
			   "it does not know the token (401): put a new one in place");
		break;
	case 403:
		forge_fail(k, FORGE_REFUSED, "the token may not %s (403): %.200s", what, said);
		break;
	case 404:
		forge_fail(k, FORGE_UNKNOWN,
			   "'%.100s' is not there, or the token does not see it (404)",
			   k->a->repository);
		break;
	case 429:
		forge_fail(k, FORGE_UNREACHED, "its limit of rate is used up: later");
		break;
	default:
		forge_fail(k, s->status >= 500 ? FORGE_UNREACHED : FORGE_INVALID,
			   "it does not %s (%ld): %.200s %.200s", what, s->status, said, more);
	}
}
