/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/registry_http.h"

#include <curl/curl.h>
#include <openssl/x509_vfy.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/broker/resolve.h"
#include "agent/broker/trust.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/proto/broker_registry.h"

#define CONNECT_MS    10000L
#define STALL_S	      60L
#define HEADERS_BYTES (64u << 10)

struct http {
	CURLM *multi; /* made before the program is sealed: it needs a socket pair of its own */
	CURL *easy;
	int resolver;
	uint32_t asked;				    /* of the resolver */
	char pin[RESOLVE_HOST + RESOLVE_TEXT + 32]; /* "HOST:PORT:ADDRESSES" of this exchange */
};

struct exchange {
	const struct http_ask *ask;
	struct http_answer *answer;
	CURL *easy;
	size_t headers; /* bytes of them so far */
	bool stopped;	/* by the sink, tick or a bound */
};

DEFINE_CLEANUP(CURLU, curl_url_cleanup);
#define AUTO_CURLU CLEANUP(cleanup_curl_url_cleanup)

int http_open(int resolver, struct http **out, struct err *e)
{
	struct http *h = calloc(1, sizeof(*h));

	if (h) {
		h->multi = curl_multi_init();
		h->easy = curl_easy_init();
	}
	if (!h || !h->multi || !h->easy) {
		http_close(h);
		return err_set(e, ENOMEM, "out of memory");
	}
	h->resolver = resolver;
	*out = h;
	return 0;
}

void http_close(struct http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->easy);
	curl_multi_cleanup(h->multi);
	free(h);
}

void http_answer_release(struct http_answer *a)
{
	buf_release(&a->body);
}

/* ---- header fields ---- */

static void copy_field(char *out, size_t size, const char *value, size_t n, bool join)
{
	const size_t have = join ? strlen(out) : 0;
	const char *sep = have ? ", " : "";

	/* what does not fit is as if it were absent: half a value would mean something else */
	if (have + strlen(sep) + n < size && !memchr(value, '\0', n))
		(void)snprintf(out + have, size - have, "%s%.*s", sep, (int)n, value);
}

static void take_field(struct http_answer *a, const char *name, size_t name_len, const char *value,
		       size_t n)
{
	const struct {
		const char *name;
		char *out;
		size_t size;
	} fields[] = {
		{ "content-type", a->type, sizeof(a->type) },
		{ "docker-content-digest", a->digest, sizeof(a->digest) },
		{ "location", a->location, sizeof(a->location) },
		{ "content-range", a->range, sizeof(a->range) },
		{ "www-authenticate", a->challenge, sizeof(a->challenge) },
		{ "retry-after", a->after, sizeof(a->after) },
		{ "x-oauth-scopes", a->scopes, sizeof(a->scopes) },
		{ "x-ratelimit-remaining", a->remaining, sizeof(a->remaining) },
		{ "x-ratelimit-reset", a->reset, sizeof(a->reset) },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strlen(fields[i].name) == name_len &&
		    strncasecmp(name, fields[i].name, name_len) == 0)
			copy_field(fields[i].out, fields[i].size, value, n,
				   fields[i].out == a->challenge);
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;
	const char *colon = memchr(line, ':', n);
	const char *value, *end = line + n;

	(void)size;
	x->headers += n;
	if (x->headers > HEADERS_BYTES)
		return 0;
	if (n > 5 && strncmp(line, "HTTP/", 5) == 0) { /* another answer begins: forget the last */
		struct http_answer *a = x->answer;

		a->type[0] = a->digest[0] = a->location[0] = '\0';
		a->range[0] = a->challenge[0] = a->after[0] = a->scopes[0] = '\0';
		a->remaining[0] = a->reset[0] = '\0';
	}
	if (!colon)
		return n;
	for (value = colon + 1; value < end && (*value == ' ' || *value == '\t');)
		value++;
	while (end > value && strchr(" \t\r\n", end[-1]))
		end--;
	take_field(x->answer, line, (size_t)(colon - line), value, (size_t)(end - value));
	return n;
}

/* ---- the body ---- */

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;
	struct http_answer *a = x->answer;
	curl_off_t length = -1;

	(void)size;
	if (a->status == 0) {
		(void)curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &a->status);
		(void)curl_easy_getinfo(x->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
		a->length = length < 0 ? UINT64_MAX : (uint64_t)length;
	}
	if ((a->status == 200 || a->status == 206 || x->ask->all) && x->ask->sink) {
		if (x->ask->sink(x->ask->ctx, a, data, n) == 0)
			return n;
	} else if (a->body.n + n <= ANSWER_BODY) {
		buf_put(&a->body, data, n);
		return n;
	}
	x->stopped = true;
	return 0;
}

static size_t on_source(char *to, size_t size, size_t n, void *ctx)
{
	const struct exchange *x = ctx;
	const int64_t got = x->ask->source(x->ask->ctx, to, size * n);

	return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

static int on_tick(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct exchange *x = ctx;

	(void)a, (void)b, (void)c, (void)d;
	x->stopped = x->stopped || (x->ask->tick && x->ask->tick(x->ask->ctx) < 0);
	return x->stopped;
}

/* ---- names of hosts ---- */

/* 1: looked up, and in h->pin; 0: there is nothing to look up, or a proxy does; <0: failed. */
static int look_up(struct http *h, const char *host, const char *port, struct exchange *x,
		   struct err *e)
{
	const uint64_t until = clock_mono_ns() + CONNECT_MS * 1000000ull;
	struct resolve_answer got = { .id = 0 };
	const uint32_t id = ++h->asked;
	int r = resolve_ask(h->resolver, id, host, e);

	while (r == 0 && clock_mono_ns() < until && on_tick(x, 0, 0, 0, 0) == 0) {
		struct pollfd p = { h->resolver, POLLIN, 0 };

		(void)poll(&p, 1, 100);
		r = resolve_take(h->resolver, &got, e);
		if (r > 0 && got.id != id) /* of an exchange that was given up */
			r = 0;
	}
	if (r < 0)
		return r;
	if (r == 0 || !got.addresses[0]) {
		(void)snprintf(x->answer->why, sizeof(x->answer->why),
			       "the name '%.80s' cannot be looked up: %.100s", host,
			       r == 0 ? "no answer" : got.why);
		return err_set(e, EHOSTUNREACH, "%s", x->answer->why);
	}
	(void)snprintf(h->pin, sizeof(h->pin), "%s:%s:%s", host, port, got.addresses);
	return 1;
}

static int pin_host(struct http *h, struct exchange *x, struct err *e)
{
	AUTO_CURLU CURLU *u = curl_url();
	char *host = NULL, *port = NULL;
	int r = 0;

	h->pin[0] = '\0';
	if (!u ||
	    curl_url_set(u, CURLUPART_URL, x->ask->proxy ? x->ask->proxy : x->ask->url, 0) !=
		    CURLUE_OK ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
		r = err_set(e, EBADMSG, "'%.200s' is no URL", x->ask->url);
	else if (*host != '[' && strspn(host, "0123456789.") != strlen(host) &&
		 strcmp(host, "localhost") != 0)
		r = look_up(h, host, port, x, e);
	curl_free(host);
	curl_free(port);
	return r < 0 ? r : 0;
}

/* ---- one exchange ---- */

struct lists {
	struct curl_slist *headers, *pins;
};

static int add_header(struct curl_slist **list, const char *name, const char *value)
{
	char line[1024];
	struct curl_slist *more;

	if (!value)
		return 0;
	(void)snprintf(line, sizeof(line), "%s%s", name, value);
	more = curl_slist_append(*list, line);
	if (more)
		*list = more;
	return more ? 0 : -ENOMEM;
}

static int make_lists(const struct http *h, const struct http_ask *ask, struct lists *out,
		      struct err *e)
{
	int r = add_header(&out->headers, "Accept: ", ask->accept);

	r |= add_header(&out->headers, "Content-Type: ", ask->source ? ask->type : NULL);
	r |= add_header(&out->headers, "", ask->header);
	r |= add_header(&out->headers, "Expect:", ask->source ? "" : NULL);
	if (h->pin[0])
		out->pins = curl_slist_append(NULL, h->pin);
	if (r < 0 || (h->pin[0] && !out->pins))
		return err_set(e, ENOMEM, "out of memory");
	return 0;
}

static void free_lists(struct lists *l)
{
	curl_slist_free_all(l->headers);
	curl_slist_free_all(l->pins);
}

static void set_auth(CURL *c, const struct http_ask *ask)
{
	if (ask->bearer) {
		(void)curl_easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
		(void)curl_easy_setopt(c, CURLOPT_XOAUTH2_BEARER, ask->bearer);
	} else if (ask->basic) {
		(void)curl_easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		(void)curl_easy_setopt(c, CURLOPT_USERPWD, ask->basic);
	}
}

static int set_method(CURL *c, struct exchange *x)
{
	const struct http_ask *ask = x->ask;
	int r = 0;

	if (ask->source) {
		r |= curl_easy_setopt(c, CURLOPT_POST, 1L);
		r |= curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE,
				      (curl_off_t)ask->source_bytes);
		r |= curl_easy_setopt(c, CURLOPT_READFUNCTION, on_source);
		r |= curl_easy_setopt(c, CURLOPT_READDATA, x);
	}
	if (ask->method)
		r |= curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, ask->method);
	return r;
}

/* Only what it must be is set by name: the environment's proxies, netrc and cookies are off. */
static int prepare(struct exchange *x, char why[CURL_ERROR_SIZE], const struct lists *lists,
		   struct err *e)
{
	const struct http_ask *ask = x->ask;
	CURL *c = x->easy;
	char range[32];
	int r = 0;

	curl_easy_reset(c);
	why[0] = '\0';
	r |= curl_easy_setopt(c, CURLOPT_URL, ask->url);
	r |= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	r |= curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	r |= curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	r |= curl_easy_setopt(c, CURLOPT_PROXY, ask->proxy ? ask->proxy : "");
	r |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	r |= curl_easy_setopt(c, CURLOPT_USERAGENT, "sickbay/" SICKBAY_VERSION);
	r |= curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	r |= curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	r |= curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, STALL_S);
	r |= curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	r |= curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	r |= curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
	r |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	r |= curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	r |= curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	r |= curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_tick);
	r |= curl_easy_setopt(c, CURLOPT_XFERINFODATA, x);
	if (lists->headers)
		r |= curl_easy_setopt(c, CURLOPT_HTTPHEADER, lists->headers);
	if (lists->pins)
		r |= curl_easy_setopt(c, CURLOPT_RESOLVE, lists->pins);
	if (ask->from) {
		(void)snprintf(range, sizeof(range), "%llu-", (unsigned long long)ask->from);
		r |= curl_easy_setopt(c, CURLOPT_RANGE, range);
	}
	set_auth(c, ask);
	r |= set_method(c, x);
	if (r)
		return err_set(e, EINVAL, "'%.200s' cannot be asked", ask->url);
	return trust_use(ask->trust, c, e);
}

static bool is_distrust(CURLcode c)
{
	return c == CURLE_PEER_FAILED_VERIFICATION || c == CURLE_SSL_CACERT_BADFILE ||
	       c == CURLE_SSL_ISSUER_ERROR || c == CURLE_SSL_INVALIDCERTSTATUS;
}

/* Nobody who is trusted vouches for the certificate: it may be a good one. */
static bool is_stranger(CURL *easy)
{
	long found = X509_V_OK;

	(void)curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &found);
	return found == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
	       found == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
	       found == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE ||
	       found == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
	       found == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT;
}

/* What curl_easy_perform() does, on a multi handle that is there already. */
static CURLcode run(const struct http *h)
{
	CURLcode code = CURLE_FAILED_INIT;
	int running = 1, left;

	if (curl_multi_add_handle(h->multi, h->easy) != CURLM_OK)
		return code;
	while (curl_multi_perform(h->multi, &running) == CURLM_OK && running > 0)
		(void)curl_multi_poll(h->multi, NULL, 0, 500, NULL);
	for (const CURLMsg *m = curl_multi_info_read(h->multi, &left); m;
	     m = curl_multi_info_read(h->multi, &left))
		if (m->msg == CURLMSG_DONE)
			code = m->data.result;
	(void)curl_multi_remove_handle(h->multi, h->easy);
	return code;
}

static void perform(const struct http *h, struct exchange *x, const char *why)
{
	struct http_answer *a = x->answer;
	const CURLcode code = run(h);

	(void)curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &a->status);
	a->tls = is_distrust(code);
	a->stranger = a->tls && is_stranger(x->easy);
	a->broken = code != CURLE_OK && !x->stopped && !a->tls;
	(void)snprintf(a->why, sizeof(a->why), "%s", why[0] ? why : curl_easy_strerror(code));
}

int http_exchange(struct http *h, const struct http_ask *ask, struct http_answer *out,
		  struct err *e)
{
	struct exchange x = { .ask = ask, .answer = out, .easy = h->easy };
	struct lists lists = { NULL, NULL };
	struct err unknown = ERR_INIT;
	char why[CURL_ERROR_SIZE];
	int r;

	*out = (struct http_answer){ .length = UINT64_MAX, .body = BUF_INIT(ANSWER_BODY) };
	r = pin_host(h, &x, &unknown);
	if (r == -EHOSTUNREACH) {
		out->broken = true;
		return 0;
	}
	if (r < 0)
		return err_set(e, unknown.code, "%s", unknown.msg);
	r = make_lists(h, ask, &lists, e);
	if (r == 0)
		r = prepare(&x, why, &lists, e);
	if (r == 0)
		perform(h, &x, why);
	curl_easy_reset(h->easy); /* the credential is not kept beyond the exchange */
	free_lists(&lists);
	return r;
}

/* ---- addresses ---- */

static int check_parts(CURLU *u, const char *url, bool loopback, struct err *e)
{
	char *scheme = NULL, *host = NULL, *user = NULL;
	bool https = false, http = false, near = false;

	if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
		https = strcmp(scheme, "https") == 0;
		http = strcmp(scheme, "http") == 0;
		near = registry_is_loopback(host);
	}
	(void)curl_url_get(u, CURLUPART_USER, &user, 0);
	curl_free(scheme);
	curl_free(host);
	if (user) {
		curl_free(user);
		return err_set(e, EPERM, "'%.200s' has a user's name in it", url);
	}
	/* what is far away may not send us to what listens on this host */
	if (near && !loopback)
		return err_set(e, EPERM, "'%.200s' is on this host, the registry is not", url);
	if (https || (http && near))
		return 0;
	return err_set(e, EPERM, "'%.200s' is not https; plain http goes to this host only", url);
}

int http_check_url(const char *url, bool loopback, struct err *e)
{
	AUTO_CURLU CURLU *u = curl_url();

	if (!u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK)
		return err_set(e, EBADMSG, "'%.200s' is no URL", url);
	return check_parts(u, url, loopback, e);
}

int http_follow(const char *url, const char *location, bool loopback, char **out, struct err *e)
{
	AUTO_CURLU CURLU *u = curl_url();
	char *whole = NULL;

	if (!u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_set(u, CURLUPART_URL, location, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_URL, &whole, 0) != CURLUE_OK)
		return err_set(e, EBADMSG, "it redirects to '%.200s', which is no URL", location);
	if (check_parts(u, whole, loopback, e) < 0) {
		curl_free(whole);
		return err_wrap(e, "it redirects");
	}
	*out = strdup(whole);
	curl_free(whole);
	return *out ? 0 : err_set(e, ENOMEM, "out of memory");
}
