/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/request.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "runtime/base/buf.h"
#include "runtime/base/percent.h"

#define URL_MAX	    8192
#define MEMBERS_MAX 64 /* of a query, of headers */

struct request {
	char method[16]; /* lower case */
	char path[URL_MAX];
	json_t *query, *headers; /* objects; empty where there are none */
	json_t *body;		 /* NULL: none */
	bool form;		 /* the body is one, taken apart */
	char type[100];		 /* of the body */
};

static void request_release(struct request *q)
{
	json_decref(q->query);
	json_decref(q->headers);
	json_decref(q->body);
}

/* ---- what was asked ---- */

/* WHATWG URL, application/x-www-form-urlencoded; what is not UTF-8 then stays as it was. */
static json_t *decoded(const char *s, size_t n)
{
	AUTO_BUF struct buf out = BUF_INIT(n + 1);
	json_t *v;

	percent_decode(s, n, true, &out);
	v = json_stringn(out.n ? out.p : "", out.n);
	return v ? v : json_stringn(s, n);
}

/* A name that comes again is a list. */
static int add_member(json_t *to, const json_t *name, json_t *value, struct err *e)
{
	const char *key = json_string_value(name);
	json_t *own = value, *there = key ? json_object_get(to, key) : NULL;
	int bad;

	if (!key || !own)
		bad = -1;
	else if (json_is_array(there))
		bad = json_array_append(there, own);
	else
		bad = json_object_set_new(
			to, key, there ? json_pack("[O,O]", there, own) : json_incref(own));
	json_decref(own);
	if (bad)
		return err_set(e, EINVAL, "/input/http: a member is not UTF-8 text");
	return json_object_size(to) > MEMBERS_MAX
		       ? err_set(e, E2BIG, "/input/http: more than %d members", MEMBERS_MAX)
		       : 0;
}

static int parse_form(const char *text, json_t *to, struct err *e)
{
	for (int r = 0; *text; text += *text == '&') {
		const size_t n = strcspn(text, "&");
		const char *equals = memchr(text, '=', n);
		const size_t k = equals ? (size_t)(equals - text) : n;
		AUTO_JSON json_t *name = decoded(text, k);

		if (n)
			r = add_member(
				to, name,
				decoded(text + k + (equals != NULL), n - k - (equals != NULL)), e);
		if (r < 0)
			return r;
		text += n;
	}
	return 0;
}

/* As SDKs give members: a text, an object, or a list of pairs. */
static int read_members(const json_t *v, json_t *to, struct err *e)
{
	const char *key;
	json_t *member;
	size_t i;
	int r = 0;

	if (json_is_string(v))
		return parse_form(json_string_value(v) + (json_string_value(v)[0] == '?'), to, e);
	json_object_foreach((json_t *)(uintptr_t)v, key, member) {
		AUTO_JSON json_t *name = json_string(key);

		r = r < 0 ? r : add_member(to, name, json_incref(member), e);
	}
	json_array_foreach(v, i, member)
		r = r < 0 ? r
			  : add_member(to, json_array_get(member, 0),
				       json_incref(json_array_get(member, 1)), e);
	return r;
}

static int read_url(const json_t *http, struct request *q, struct err *e)
{
	const char *url = json_string_value(json_object_get(http, "url"));
	const json_t *query = json_object_get(http, "query");
	const char *at, *mark;

	url = url ? url : json_string_value(json_object_get(http, "path"));
	if (!url || strlen(url) >= URL_MAX)
		return err_set(e, EINVAL, "/input/http/url: %s",
			       url ? "it is too long" : "it is missing");
	at = *url == '/' ? NULL : strstr(url, "://"); /* not one within a query */
	at = at ? at + 3 + strcspn(at + 3, "/?#") : url;
	mark = at + strcspn(at, "?#");
	(void)snprintf(q->path, sizeof(q->path), "%s%.*s", *at == '/' ? "" : "/", (int)(mark - at),
		       at);
	if (query && !json_is_null(query))
		return read_members(query, q->query, e);
	if (*mark == '?') {
		AUTO_FREE char *text = strndup(mark + 1, strcspn(mark + 1, "#"));

		return text ? parse_form(text, q->query, e) : err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

/* A text that begins with a dollar sign has another meaning in a script. */
static json_t *escaped(const json_t *v)
{
	const char *key, *text = json_string_value(v);
	json_t *out = NULL, *member;
	size_t i;

	if (text)
		return text[0] == '$' ? json_sprintf("$%s", text)
				      : json_stringn(text, json_string_length(v));
	if (json_is_array(v)) {
		out = json_array();
		json_array_foreach(v, i, member)
			(void)json_array_append_new(out, escaped(member));
	} else if (json_is_object(v)) {
		out = json_object();
		json_object_foreach((json_t *)(uintptr_t)v, key, member)
			(void)json_object_set_new(out, key, escaped(member));
	} else {
		out = json_incref((json_t *)(uintptr_t)v);
	}
	return out;
}

/* An object of one member with such a name is a value of a script: a request's own cannot be said.
 */
static int check_names(const json_t *v, struct err *e)
{
	static const char *const typed[] = { "$undefined", "$number", "$bigint", "$date",
					     "$bytes" };
	const char *key;
	json_t *member;
	size_t i;
	int r = 0;

	for (i = 0; json_object_size(v) == 1 && i < sizeof(typed) / sizeof(typed[0]); i++)
		if (json_object_get(v, typed[i]))
			return err_set(e, EINVAL,
				       "/input/http: an object of '%s' alone is not replayed",
				       typed[i]);
	json_array_foreach(v, i, member)
		r = r < 0 ? r : check_names(member, e);
	json_object_foreach((json_t *)(uintptr_t)v, key, member)
		r = r < 0 ? r : check_names(member, e);
	return r;
}

/* What is between client and server, and who is logged in: nothing that a test could say again. */
static bool is_of_the_way(const char *name)
{
	static const char *const names[] = {
		"accept",	  "accept-encoding",   "baggage",      "connection",
		"content-length", "content-type",      "forwarded",    "host",
		"keep-alive",	  "sentry-trace",      "traceparent",  "tracestate",
		"user-agent",	  "transfer-encoding", "x-request-id",
	};
	static const char *const secrets[] = { "auth",	  "cookie", "token",  "secret",
					       "session", "apikey", "api-key" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		if (strcasestr(name, secrets[i]))
			return true;
	return strncasecmp(name, "x-forwarded-", 12) == 0 || strncasecmp(name, "sec-", 4) == 0;
}

static bool is_token(const char *name)
{
	const size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-");

	return n > 0 && n <= 100 && !name[n];
}

static const char *header(const json_t *headers, const char *wanted)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)headers, key, v)
		if (strcasecmp(key, wanted) == 0)
			return json_string_value(v);
	return NULL;
}

/* Its parameters are of the way: a test's client sets its own. */
static void put_type(struct request *q, const char *type)
{
	const size_t n = type ? strcspn(type, "; \t,") : 0;

	(void)snprintf(q->type, sizeof(q->type), "%.*s",
		       n && isalnum((unsigned char)*type) ? (int)n : 10,
		       n && isalnum((unsigned char)*type) ? type : "text/plain");
}

static int read_body(const json_t *http, const json_t *headers, struct request *q, struct err *e)
{
	static const char form[] = "application/x-www-form-urlencoded", parts[] = "multipart/";
	const char *type = header(headers, "content-type");
	json_t *body = json_object_get(http, "body");

	if (!body || json_is_null(body) || (json_is_string(body) && json_string_length(body) == 0))
		return 0;
	q->form = type && (strncasecmp(type, form, strlen(form)) == 0 ||
			   (strncasecmp(type, parts, strlen(parts)) == 0 && json_is_object(body)));
	if (!q->form) {
		q->body = json_incref(body);
		put_type(q, json_is_string(body) ? type : "application/json");
		return 0;
	}
	put_type(q, form);
	q->body = json_object();
	return q->body ? read_members(body, q->body, e) : err_set(e, ENOMEM, "out of memory");
}

static int read_method(const json_t *http, struct request *q, struct err *e)
{
	static const char *const known[] = { "get",   "head",	"post",	  "put",
					     "patch", "delete", "options" };
	const char *method = json_string_value(json_object_get(http, "method"));
	size_t n;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcasecmp(method ? method : "get", known[i]) != 0)
			continue;
		(void)snprintf(q->method, sizeof(q->method), "%s", known[i]);
		return 0;
	}
	n = strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
	return err_set(e, EINVAL, "/input/http/method: '%.*s' is not replayed",
		       n <= 20 && !method[n] ? (int)n : 0, method);
}

static int escape(json_t **v, struct err *e)
{
	json_t *own;

	if (check_names(*v, e) < 0)
		return -e->code;
	own = escaped(*v);
	json_decref(*v);
	*v = own;
	return own ? 0 : err_set(e, ENOMEM, "out of memory");
}

static int read_request(const json_t *http, struct request *q, struct err *e)
{
	AUTO_JSON json_t *headers = json_object();
	const char *key;
	json_t *v;

	q->query = json_object();
	q->headers = json_object();
	if (!headers || !q->query || !q->headers)
		return err_set(e, ENOMEM, "out of memory");
	if (read_method(http, q, e) < 0 || read_url(http, q, e) < 0 ||
	    read_members(json_object_get(http, "headers"), headers, e) < 0 ||
	    read_body(http, headers, q, e) < 0)
		return -e->code;
	json_object_foreach(headers, key, v)
		if (json_is_string(v) && is_token(key) && !is_of_the_way(key))
			(void)json_object_set(q->headers, key, v);
	if (escape(&q->query, e) < 0 || escape(&q->headers, e) < 0)
		return -e->code;
	return q->body ? escape(&q->body, e) : 0;
}

/* ---- Django: django.test.Client ---- */

static void put_pair(const char *name, const json_t *value, struct buf *out)
{
	AUTO_FREE char *other =
		json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	const char *text = other ? other : json_string_value(value);
	const char *const texts[] = { name, text && *text == '$' ? text + 1 : text };

	for (size_t t = 0; t < 2; t++) {
		buf_puts(out, t ? "=" : out->n ? "&" : "");
		for (const char *p = texts[t]; p && *p; p++)
			if (isalnum((unsigned char)*p) || strchr("-._~", *p))
				buf_putc(out, *p);
			else
				buf_printf(out, "%%%02X", (unsigned char)*p);
	}
}

/* a=b&a=c: of a request whose body has the place of the query; an escaped dollar sign is one. */
static json_t *query_text(const struct request *q)
{
	AUTO_BUF struct buf out = BUF_INIT(4u << 20);
	const char *key;
	json_t *v, *one;
	size_t i;

	json_object_foreach(q->query, key, v) {
		if (!json_is_array(v))
			put_pair(key, v, &out);
		json_array_foreach(v, i, one)
			put_pair(key, one, &out);
	}
	return out.failed ? NULL : json_string(out.p ? out.p : "");
}

/* "Accept-Language" -> HTTP_ACCEPT_LANGUAGE, as CGI names it (RFC 3875, 4.1.18). */
static void put_cgi_headers(json_t *kwargs, const json_t *headers)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)headers, key, v) {
		char name[200] = "HTTP_";

		for (size_t i = 5; key[i - 5] && i < sizeof(name) - 1; i++)
			name[i] =
				key[i - 5] == '-' ? '_' : (char)toupper((unsigned char)key[i - 5]);
		(void)json_object_set(kwargs, name, v);
	}
}

static json_t *django(const struct service_tests *suite, const struct request *q)
{
	const bool asks = strcmp(q->method, "get") == 0 || strcmp(q->method, "head") == 0;
	AUTO_JSON json_t *args = json_array();
	AUTO_JSON json_t *kwargs = json_object();

	(void)suite;
	(void)json_array_append_new(args, json_string(q->path));
	if (asks && json_object_size(q->query))
		(void)json_array_append(args, q->query);
	else if (json_object_size(q->query) &&
		 json_object_set_new(kwargs, "QUERY_STRING", query_text(q)) < 0)
		return NULL;
	if (!asks && q->body) {
		(void)json_array_append(args, q->body);
		if (!q->form)
			(void)json_object_set_new(kwargs, "content_type", json_string(q->type));
	}
	put_cgi_headers(kwargs, q->headers);
	return json_pack("[{s:s,s:s,s:s},{s:s,s:s,s:O,s:O}]", "let", "client", "module",
			 "django.test", "call", "Client", "on", "$client", "call", q->method,
			 "args", args, "kwargs", kwargs);
}

/* ---- Flask: app.test_client() ---- */

static json_t *flask(const struct service_tests *suite, const struct request *q)
{
	const char *app = suite->new_test.http.application;
	const size_t n = strcspn(app, ":");
	const bool is_json = strcmp(q->type, "application/json") == 0 && !json_is_string(q->body);
	AUTO_JSON json_t *kwargs = json_object();

	if (json_object_size(q->query))
		(void)json_object_set(kwargs, "query_string", q->query);
	if (q->body)
		(void)json_object_set(kwargs, is_json ? "json" : "data", q->body);
	if (q->body && !is_json && !q->form)
		(void)json_object_set_new(kwargs, "content_type", json_string(q->type));
	if (json_object_size(q->headers))
		(void)json_object_set(kwargs, "headers", q->headers);
	return json_pack("[{s:s%,s:o,s:{s:b}},{s:s,s:s%,s:o},{s:s,s:s,s:[s],s:O}]", "module", app,
			 n, "call", json_sprintf("%s.config.update", app + n + 1), "kwargs",
			 "TESTING", 1, "let", "client", "module", app, n, "call",
			 json_sprintf("%s.test_client", app + n + 1), "on", "$client", "call",
			 q->method, "args", q->path, "kwargs", kwargs);
}

/* ---- Node.js: a request of the test's own to a listener on the loopback ---- */

/* As Node.js gives them to a handler. */
static json_t *lower_names(const json_t *headers)
{
	json_t *out = json_object(), *v;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)headers, key, v) {
		char name[101] = "";

		for (size_t i = 0; i < sizeof(name) - 1 && key[i]; i++)
			name[i] = (char)tolower((unsigned char)key[i]);
		(void)json_object_set(out, name, v);
	}
	return out;
}

static json_t *node(const struct service_tests *suite, const struct request *q)
{
	const char *app = suite->new_test.http.application, *colon = strchr(app, ':');
	AUTO_JSON json_t *options = json_object();
	AUTO_JSON json_t *headers = lower_names(q->headers);
	AUTO_FREE char *method = strdup(q->method);

	for (char *p = method; p && *p; p++)
		*p = (char)toupper((unsigned char)*p);
	if (json_object_size(q->query))
		(void)json_object_set(options, "query", q->query);
	if (q->body) {
		(void)json_object_set(options, "body", q->body);
		(void)json_object_set_new(headers, "content-type", json_string(q->type));
	}
	if (json_object_size(headers))
		(void)json_object_set(options, "headers", headers);
	return json_pack("[{s:s%,s:s*,s:b,s:[s,s,O]}]", "module", app,
			 colon ? (size_t)(colon - app) : strlen(app), "call",
			 colon ? colon + 1 : NULL, "request", 1, "args", method, q->path, options);
}

/* ---- ---- */

static json_t *(*const clients[HTTP_CLIENT_N])(const struct service_tests *suite,
					       const struct request *q) = {
	[HTTP_DJANGO] = django,
	[HTTP_FLASK] = flask,
	[HTTP_NODE] = node,
};

bool request_check(const struct service_tests *suite)
{
	const char *app = suite->new_test.http.application, *colon = app ? strchr(app, ':') : NULL;

	switch (suite->new_test.http.client) {
	case HTTP_FLASK:
		return colon && colon > app && colon[1];
	case HTTP_NODE:
		return app && *app && (!colon || (colon > app && colon[1]));
	default:
		return !app;
	}
}

int request_replayed(const struct service_tests *suite, const json_t *input, json_t **out,
		     struct err *e)
{
	const json_t *http = json_object_get(input, "http");
	const int client = suite->new_test.http.client;
	struct request q = { 0 };
	int r;

	if (!http || client == HTTP_NONE) {
		*out = json_incref((json_t *)(uintptr_t)input);
		return 0;
	}
	r = read_request(http, &q, e);
	if (r == 0) {
		*out = json_copy((json_t *)(uintptr_t)input);
		if (!*out || json_object_set_new(*out, "script", clients[client](suite, &q)) < 0) {
			json_decref(*out);
			r = err_set(e, ENOMEM, "out of memory");
		}
	}
	request_release(&q);
	return r;
}
