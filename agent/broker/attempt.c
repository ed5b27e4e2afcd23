/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "agent/broker/call_impl.h"
#include "agent/broker/retry.h"
#include "agent/broker/scrub.h"
#include "runtime/base/clock.h"

#define ERROR_BODY (64u << 10)

/* ---- what comes ---- */

static int stop(struct call *c, const char *kind)
{
	c->answer.kind = kind;
	return -1;
}

/* The words of a failed event or body, as a kind. */
static int stop_for(struct call *c, int code)
{
	return stop(c, code == E2BIG || code == EMSGSIZE ? "too-large"
		       : code == EREMOTEIO		 ? "overloaded"
							 : "garbage");
}

static void pass_on(struct call *c, const char *name, json_t *kept)
{
	const char *type = json_string_value(json_object_get(kept, "type"));
	struct broker_event ev = { .id = c->said.id, .data = kept };
	char word[SSE_NAME];

	if (!scrub_value(kept, &c->site->at->secret)) {
		(void)err_set(&c->loop->failed, ENOMEM, "out of memory");
		return;
	}
	if (name) { /* of the table that it was kept by, not of the server */
		(void)snprintf(word, sizeof(word), "%s", type ? type : "message");
		ev.name = word;
	}
	c->passed = true;
	loop_send(c->loop, BROKER_EVENT, jmap_write(broker_event_map, &ev));
}

static int on_sse(void *arg, const char *name, const char *data, size_t n, struct err *e)
{
	struct call *c = arg;
	struct answer *a = &c->answer;
	AUTO_JSON json_t *kept = NULL;
	int r;

	if (a->whole)
		return 0;
	r = provider_event(a->reading, name, data, n, &kept, e);
	if (r < 0) {
		if (e->code == EREMOTEIO)
			a->error = provider_error(c->site->at->provider, data, n);
		return r;
	}
	a->whole = r == 1;
	if (c->rq.protocol != MODEL_TURN && (kept || a->whole))
		pass_on(c, name, kept);
	return 0;
}

static int take(struct call *c, const char *p, size_t n)
{
	struct answer *a = &c->answer;

	if (a->is_stream) {
		if (sse_feed(&a->sse, p, n, on_sse, c, &a->why) < 0)
			return stop_for(c, a->why.code);
		return 0;
	}
	buf_put(&a->body, p, n);
	if (!a->body.failed)
		return 0;
	if (a->status / 100 != 2) /* of an error as much as fits */
		return 0;
	(void)buf_check(&a->body, "answer", &a->why);
	return stop(c, "too-large");
}

static void begin_answer(struct call *c)
{
	struct answer *a = &c->answer;

	(void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &a->status);
	a->began = a->status / 100 == 2;
	a->is_stream = a->began && strncasecmp(a->type, "text/event-stream", 17) == 0;
	a->body.max = a->began ? MODEL_MAX_ANSWER : ERROR_BODY;
}

static size_t on_data(char *p, size_t size, size_t n, void *arg)
{
	struct call *c = arg;
	struct answer *a = &c->answer;

	n *= size;
	if (loop_is_full(c->loop)) {
		a->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (a->bytes == 0)
		begin_answer(c);
	a->last_ns = clock_mono_ns();
	a->bytes += n;
	sha256_update(&a->digest, p, n);
	if (a->bytes > MODEL_MAX_ANSWER) {
		(void)err_set(&a->why, E2BIG, "its answer is larger than %u bytes",
			      MODEL_MAX_ANSWER);
		return stop(c, "too-large") == 0;
	}
	return take(c, p, n) < 0 ? 0 : n;
}

/* "name: value\r\n" where the name is wanted; the value without blanks around it. */
static bool is_header(const char *p, size_t n, const char *name, char *out, size_t room)
{
	const size_t k = strlen(name);

	if (n <= k || strncasecmp(p, name, k) != 0 || p[k] != ':')
		return false;
	p += k + 1;
	n -= k + 1;
	while (n && (*p == ' ' || *p == '\t'))
		p++, n--;
	while (n && (p[n - 1] <= ' '))
		n--;
	if (n >= room || memchr(p, '\0', n))
		return false;
	memcpy(out, p, n);
	out[n] = '\0';
	return true;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct call *c = arg;
	struct answer *a = &c->answer;
	char value[64];

	n *= size;
	a->last_ns = clock_mono_ns();
	if (is_header(p, n, "content-type", value, sizeof(value)))
		memcpy(a->type, value, sizeof(value));
	else if (is_header(p, n, "retry-after", value, sizeof(value)))
		a->has_after = retry_after_ms(value, clock_real_ns() / 1000000000u, &a->after_ms);
	return n;
}

/* ---- what is sent ---- */

static void add_header(struct call *c, size_t *n, const char *line)
{
	/* libcurl reads these lines in place: the key stays in the vault */
	c->head[*n].data = (char *)(uintptr_t)line;
	c->head[*n].next = NULL;
	if (*n)
		c->head[*n - 1].next = &c->head[*n];
	(*n)++;
}

static void set_headers(struct call *c)
{
	const struct endpoint *at = c->site->at;
	size_t n = 0;

	add_header(c, &n, "content-type: application/json");
	add_header(c, &n, "expect:");
	if (at->secret.line)
		add_header(c, &n, at->secret.line);
	for (const char *const *h = at->provider->headers; h && *h && n < CALL_HEADERS; h++)
		if (strncasecmp(*h, "content-type:", 13) != 0)
			add_header(c, &n, *h);
}

/* The address of what is connected to: the proxy, where there is one. */
static void set_address(struct call *c)
{
	const struct endpoint *at = c->site->at;
	const struct url *to = at->said->proxy ? &at->proxy : &at->url;

	if (to->literal)
		return;
	(void)snprintf(c->resolve_text, sizeof(c->resolve_text), "%s:%u:%s", to->host, to->port,
		       c->site->addresses);
	c->resolve = (struct curl_slist){ .data = c->resolve_text };
}

static CURLcode set_request(struct call *c)
{
	const struct broker_endpoint *said = c->site->at->said;
	CURLcode r[] = {
		curl_easy_setopt(c->easy, CURLOPT_URL, c->url.p),
		curl_easy_setopt(c->easy, CURLOPT_POST, 1L),
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.n),
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, c->body.p),
		curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->head),
		curl_easy_setopt(c->easy, CURLOPT_USERAGENT, "sickbay/" SICKBAY_VERSION),
		curl_easy_setopt(c->easy, CURLOPT_RESOLVE, c->resolve.data ? &c->resolve : NULL),
		curl_easy_setopt(c->easy, CURLOPT_PROXY, said->proxy ? said->proxy : ""),
		curl_easy_setopt(c->easy, CURLOPT_NOPROXY, ""),
		curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)said->connect_ms),
	};

	for (size_t i = 0; i < sizeof(r) / sizeof(r[0]); i++)
		if (r[i] != CURLE_OK)
			return r[i];
	return CURLE_OK;
}

static CURLcode set_manner(struct call *c)
{
	CURLcode r[] = {
		curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https"),
		curl_easy_setopt(c->easy, CURLOPT_FOLLOWLOCATION, 0L),
		curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS),
		curl_easy_setopt(c->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L),
		curl_easy_setopt(c->easy, CURLOPT_DNS_CACHE_TIMEOUT, -1L),
		curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L),
		curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_data),
		curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c),
		curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_header),
		curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c),
		curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c),
		curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->curl_why),
	};

	for (size_t i = 0; i < sizeof(r) / sizeof(r[0]); i++)
		if (r[i] != CURLE_OK)
			return r[i];
	return CURLE_OK;
}

int attempt_start(struct call *c, struct err *e)
{
	struct answer *a = &c->answer;
	CURLcode r;

	attempt_release(c);
	c->attempts++;
	c->curl_why[0] = '\0';
	sse_init(&a->sse, MODEL_MAX_EVENT);
	sha256_init(&a->digest);
	a->last_ns = c->since = clock_mono_ns();
	if (provider_reading_open(c->site->at->provider, c->rq.protocol == MODEL_TURN, &a->reading,
				  e) < 0)
		return -e->code;
	c->easy = curl_easy_init();
	if (!c->easy)
		return err_set(e, ENOMEM, "out of memory");
	set_headers(c);
	set_address(c);
	r = set_request(c);
	if (r == CURLE_OK)
		r = set_manner(c);
	if (r != CURLE_OK)
		return err_set(e, EIO, "libcurl: %s", curl_easy_strerror(r));
	if (trust_use(c->site->at->trust, c->easy, e) < 0 ||
	    pool_add(c->site->pool, c->easy, e) < 0)
		return -e->code;
	c->state = CALL_RUNS;
	return 0;
}

/* ---- what it came to ---- */

bool attempt_may_be_billed(const struct call *c, const char *kind)
{
	const struct answer *a = &c->answer;
	curl_off_t sent = 0;

	if (a->began)
		return true;
	if (a->status || !c->easy || strcmp(kind, "unreachable") == 0 || strcmp(kind, "tls") == 0)
		return false;
	(void)curl_easy_getinfo(c->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	if (sent < (curl_off_t)c->body.n)
		return false;
	/* a provider that streams begins at once: what did not begin was not charged */
	return strcmp(kind, "disconnected") != 0 || !c->rq.stream;
}

static uint64_t measured(CURL *easy, CURLINFO what)
{
	curl_off_t us = 0;

	return curl_easy_getinfo(easy, what, &us) == CURLE_OK && us > 0 ? (uint64_t)us : 0;
}

void attempt_stop(struct call *c, struct broker_end *out)
{
	if (!c->easy)
		return;
	if (out) {
		out->connect_us = measured(c->easy, CURLINFO_APPCONNECT_TIME_T);
		if (!out->connect_us)
			out->connect_us = measured(c->easy, CURLINFO_CONNECT_TIME_T);
		out->first_us = measured(c->easy, CURLINFO_STARTTRANSFER_TIME_T);
		out->total_us = (clock_mono_ns() - c->since) / 1000;
	}
	pool_remove(c->site->pool, c->easy);
	curl_easy_cleanup(c->easy);
	c->easy = NULL;
}

void attempt_release(struct call *c)
{
	struct answer *a = &c->answer;

	attempt_stop(c, NULL);
	provider_reading_close(a->reading);
	sse_release(&a->sse);
	buf_release(&a->body);
	json_decref(a->kept);
	json_decref(a->error);
	memset(a, 0, sizeof(*a));
}

static const char *judge_transfer(const struct call *c, CURLcode code, char why[CALL_WHY])
{
	const char *said = c->curl_why[0] ? c->curl_why : curl_easy_strerror(code);
	long proxy = 0;

	(void)snprintf(why, CALL_WHY, "%s", said);
	(void)curl_easy_getinfo(c->easy, CURLINFO_HTTP_CONNECTCODE, &proxy);
	if (proxy && proxy / 100 != 2) {
		(void)snprintf(why, CALL_WHY, "the proxy does not connect: HTTP %ld", proxy);
		return "unreachable";
	}
	switch ((int)code) {
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_PROXY:
		return "unreachable";
	case CURLE_OPERATION_TIMEDOUT:
		(void)snprintf(why, CALL_WHY, "no connection within %llu ms",
			       (unsigned long long)c->site->at->said->connect_ms);
		return "unreachable";
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return "tls";
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_OUT_OF_MEMORY: /* so are header fields beyond its bounds */
		return "garbage";
	default:
		return "disconnected";
	}
}

/* The first text called "message" in a provider's error. */
static const char *message_of(const json_t *error)
{
	const json_t *in = json_object_get(error, "error");
	const char *text = json_string_value(json_object_get(in ? in : error, "message"));

	return text ? text : json_string_value(in);
}

static const char *judge_status(struct call *c, char why[CALL_WHY])
{
	struct answer *a = &c->answer;
	const char *text;

	a->error = provider_error(c->site->at->provider, a->body.p ? a->body.p : "", a->body.n);
	text = message_of(a->error);
	(void)snprintf(
		why, CALL_WHY, "HTTP %ld%s%.200s%s", a->status, text ? ": " : "", text ? text : "",
		a->status / 100 == 3 ? " (a redirect is not followed: configure where it leads)"
		: a->status == 401   ? " (it does not take the configured key)"
				     : "");
	if (a->has_after && a->after_ms > RETRY_AFTER_MS)
		(void)snprintf(why + strlen(why), CALL_WHY - strlen(why),
			       " (try again after %llu s)",
			       (unsigned long long)(a->after_ms / 1000));
	if (a->status == 429)
		return "rate-limited";
	return a->status >= 500 ? "overloaded" : "refused";
}

static const char *judge_stream(struct call *c, char why[CALL_WHY])
{
	struct answer *a = &c->answer;

	if (sse_end(&a->sse, on_sse, c, &a->why) < 0) {
		(void)stop_for(c, a->why.code);
		(void)snprintf(why, CALL_WHY, "%s", a->why.msg);
		return a->kind;
	}
	if (!a->whole && !provider_ended(a->reading)) {
		(void)snprintf(why, CALL_WHY, "the answer ended before it was whole");
		return "disconnected";
	}
	if (c->rq.protocol != MODEL_TURN)
		return MODEL_OK;
	a->kept = provider_answer(a->reading, &a->why);
	if (a->kept)
		return MODEL_OK;
	(void)snprintf(why, CALL_WHY, "%s", a->why.msg);
	return "garbage";
}

static const char *judge_body(struct call *c, char why[CALL_WHY])
{
	struct answer *a = &c->answer;

	if (c->rq.protocol != MODEL_TURN && c->said.stream) {
		(void)snprintf(why, CALL_WHY, "a stream was asked for and '%s' came",
			       a->type[0] ? a->type : "nothing");
		return "garbage";
	}
	if (provider_body(a->reading, a->body.p ? a->body.p : "", a->body.n, &a->kept, &a->why) <
	    0) {
		(void)stop_for(c, a->why.code);
		(void)snprintf(why, CALL_WHY, "%s", a->why.msg);
		return a->kind;
	}
	return MODEL_OK;
}

const char *attempt_judge(struct call *c, CURLcode code, char why[CALL_WHY])
{
	struct answer *a = &c->answer;

	why[0] = '\0';
	if (a->kind) {
		(void)snprintf(why, CALL_WHY, "%s", a->why.msg);
		return a->kind;
	}
	if (code != CURLE_OK && !(a->is_stream && a->whole))
		return judge_transfer(c, code, why);
	(void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &a->status);
	if (a->status / 100 != 2)
		return judge_status(c, why);
	if (a->bytes == 0)
		begin_answer(c);
	return a->is_stream ? judge_stream(c, why) : judge_body(c, why);
}
