/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
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

const char *said_text(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

void forge_path(const struct asking *k, const char *repository, char out[FORGE_PATH],
		const char *fmt, ...)
{
	size_t n = (size_t)snprintf(out, FORGE_PATH, "%s", k->b->repository);
	va_list ap;

	for (const char *s = repository; *s && n < FORGE_PATH / 2; s++)
		n += (size_t)snprintf(out + n, FORGE_PATH - n, *s == '/' ? "%s" : "%.1s",
				      *s == '/' ? k->b->slash : s);
	va_start(ap, fmt);
	(void)vsnprintf(out + n, FORGE_PATH - n, fmt, ap);
	va_end(ap);
}

/* ---- answers ---- */

/*
 * 429; 403 with Retry-After, with nothing remaining until a time, or, of a
 * secondary limit of GitHub's, with words alone: it is to be left alone for a
 * minute then.
 */
static bool is_limited(const struct http_answer *a, const json_t *body, uint64_t *ms)
{
	const char *text = said_text(body, "message");
	const uint64_t now = (uint64_t)time(NULL), reset = strtoull(a->reset, NULL, 10);

	*ms = 0;
	if (a->status != 429 && a->status != 403)
		return false;
	if (a->after[0] && retry_after_ms(a->after, now, ms))
		return true;
	if (strcmp(a->remaining, "0") == 0) {
		*ms = reset > now && reset - now < UINT32_MAX ? (reset - now) * 1000 : 0;
		return true;
	}
	if (text && strcasestr(text, "rate limit"))
		*ms = RETRY_AFTER_MS;
	return a->status == 429 || *ms;
}

static void read_answer(struct said *out, const struct http_answer *a,
			const struct exchange_state *x)
{
	AUTO_JSONC struct jsonc *j = NULL;
	struct err ignored = ERR_INIT;

	json_decref(out->body);
	*out = (struct said){ .status = a->status };
	if (x->got.n && !x->got.failed &&
	    jsonc_parse("answer", x->got.p, x->got.n, JSONC_STRICT, &j, &ignored) == 0)
		out->body = json_deep_copy(jsonc_root(j));
	out->limited = is_limited(a, out->body, &out->wait_ms);
	(void)snprintf(out->location, sizeof(out->location), "%.1000s", a->location);
}

/* Whether another attempt may help; how long to wait first. */
static bool again(const struct http_answer *a, const struct said *s, unsigned attempt, bool once,
		  uint64_t *ms)
{
	uint64_t random = 0;

	if (a->tls)
		return false;
	/* what broke off, or failed over there, may have been done */
	if (!s->limited && (once || (!a->broken && a->status < 500 && a->status != 0)))
		return false;
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		random = 0;
	*ms = retry_backoff_ms(attempt, random);
	if (!s->limited && a->after[0])
		(void)retry_after_ms(a->after, (uint64_t)time(NULL), ms);
	*ms = s->wait_ms > *ms ? s->wait_ms : *ms;
	return *ms <= RETRY_AFTER_MS;
}

/* One attempt.  0: an answer came, or none. */
static int attempt(struct asking *k, const struct http_ask *ask, struct exchange_state *x,
		   struct http_answer *a, struct said *out, struct err *e)
{
	k->end->attempts++;
	x->at = 0;
	if (k->f->exchange(k->f->http, ask, a, e) < 0)
		return -e->code;
	if (a->broken) /* what came of it means nothing */
		a->status = 0;
	read_answer(out, a, x);
	(void)snprintf(k->scopes, sizeof(k->scopes), "%s", a->scopes);
	return 0;
}

/* 0: *out has an answer of whatever status; 1: there is none, and end says why. */
static int call(struct asking *k, const struct forge_step *s, const char *text, struct said *out,
		struct err *e)
{
	const struct forge *f = k->f;
	AUTO_FREE char *url = NULL;
	bool more = true;
	int r = 0;

	if (asprintf(&url, "%s%s", f->at.api, s->path) < 0)
		return err_set(e, ENOMEM, "out of memory");
	for (unsigned i = 1; r == 0 && more; i++) {
		struct exchange_state x = { .got = BUF_INIT(FORGE_JSON),
					    .body = text,
					    .n = text ? strlen(text) : 0 };
		const struct http_ask ask = { .url = url,
					      .accept = "application/json",
					      .method = s->method,
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

		r = attempt(k, &ask, &x, &a, out, e);
		more = r == 0 && i < TRIES && again(&a, out, i, s->once, &ms);
		if (more)
			f->wait(ms);
		else if (r == 0 && a.status == 0) {
			forge_fail(k, FORGE_UNREACHED, "'%.100s' cannot be reached: %.200s",
				   f->at.name, a.why);
			r = 1;
		}
		http_answer_release(&a);
		buf_release(&x.got);
	}
	return r;
}

int forge_do(struct asking *k, const struct forge_step *s, json_t **out, struct err *e)
{
	AUTO_JSON json_t *body = s->body;
	AUTO_FREE char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct said said = { 0 };
	int r;

	if (out)
		*out = NULL;
	if (body && !text)
		return err_set(e, ENOMEM, "out of memory");
	r = call(k, s, text, &said, e);
	if (r == 0 && (said.status < 200 || said.status > 299)) {
		if (s->wish && !said.limited && said.status < 500) {
			forge_note(k, "%s refused (%ld)", s->wish, said.status);
		} else {
			forge_status(k, &said, s->what ? s->what : "take what was asked");
			r = 1;
		}
	} else if (r == 0 && out && !said.body && !s->wish) {
		forge_fail(k, FORGE_INVALID,
			   "its answer is no JSON, or more than %u MiB of it: is \"api\" the "
			   "address of its API?",
			   FORGE_JSON >> 20);
		r = 1;
	} else if (r == 0 && out) {
		*out = json_incref(said.body);
	}
	json_decref(said.body);
	return r;
}

/* ---- refusals ---- */

/* "message" is a text, at GitLab also a list or an object of lists; GitHub explains it in "errors".
 */
static void put_reason(const json_t *body, char *out, size_t n)
{
	const json_t *message = json_object_get(body, "message");
	const json_t *first = json_array_get(json_object_get(body, "errors"), 0);
	AUTO_FREE char *lines = json_is_string(message) ? NULL : json_dumps(message, JSON_COMPACT);
	const char *said = json_is_string(message) ? json_string_value(message) : lines;
	const char *more =
		json_is_string(first) ? json_string_value(first) : said_text(first, "message");
	const char *field = said_text(first, "field"), *code = said_text(first, "code");

	said = said ? said : said_text(body, "error");
	said = said ? said : "nothing more is said";
	if (more)
		(void)snprintf(out, n, "%.200s: %.200s", said, more);
	else if (field && code)
		(void)snprintf(out, n, "%.200s: %.60s is %.60s", said, field, code);
	else
		(void)snprintf(out, n, "%.300s", said);
}

void forge_status(struct asking *k, const struct said *s, const char *what)
{
	char said[500];

	put_reason(s->body, said, sizeof(said));
	if (s->limited && s->wait_ms)
		forge_fail(k, FORGE_UNREACHED,
			   "its limit of rate is used up (%ld): later, in %llu s", s->status,
			   (unsigned long long)(s->wait_ms / 1000));
	else if (s->limited)
		forge_fail(k, FORGE_UNREACHED, "its limit of rate is used up (%ld): later",
			   s->status);
	else if (s->status == 401)
		forge_fail(k, FORGE_REFUSED,
			   "it does not know the token (401): put a new one in place");
	else if (s->status == 403)
		forge_fail(k, FORGE_REFUSED, "the token may not %s (403): %s", what, said);
	else if (s->status == 404 || s->status == 410)
		forge_fail(k, FORGE_UNKNOWN,
			   "'%.100s' is not there, or the token does not see it (%ld)",
			   k->a->repository, s->status);
	else if (s->status >= 300 && s->status < 400)
		forge_fail(k, FORGE_INVALID,
			   "it redirects to '%.300s' (%ld), which is not followed: name the "
			   "repository, or \"api\", as it is called now",
			   s->location, s->status);
	else
		forge_fail(k, s->status >= 500 ? FORGE_UNREACHED : FORGE_INVALID,
			   "it does not %s (%ld): %s", what, s->status, said);
}
