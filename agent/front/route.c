/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "agent/front/front.h"
#include "runtime/proto/model.h"

#define MODELS "/v1beta/models/"

static void get_root(struct front_state *f, struct conn *c)
{
	answer_json(f, c, 200, "", json_pack("{s:s}", "service", "sickbay-front"));
}

static void post_model(struct front_state *f, struct conn *c)
{
	model_post(f, c, NULL, false);
}

/* MODEL:generateContent */
static void post_google(struct front_state *f, struct conn *c)
{
	static const struct refusal events = { .status = 400,
					       .name = "bad-query",
					       .text = "want alt=sse with streamGenerateContent" };
	char *model = c->q.path + strlen(MODELS);
	char *colon = strrchr(model, ':'); /* the route has one */
	const bool stream = strcmp(colon, ":streamGenerateContent") == 0;

	*colon = '\0';
	if (stream && !strstr(c->q.query, "alt=sse"))
		refuse(f, c, MODEL_GOOGLE, &events);
	else
		model_post(f, c, model, stream);
}

static void no_session(struct front_state *f, struct conn *c)
{
	answer_json(f, c, 405, "Allow: POST\r\n", NULL);
}

/* A path that ends in '*' is a prefix, what follows the '*' its end. */
static const struct route {
	const char *method, *path;
	int protocol;	   /* MODEL_TURN: any */
	const char *query; /* parameters that may stand there, between spaces */
	void (*handler)(struct front_state *f, struct conn *c);
} routes[] = {
	{ "POST", "/v1/messages", MODEL_ANTHROPIC, " beta ", post_model },
	{ "POST", "/v1/messages/count_tokens", MODEL_ANTHROPIC, " beta ", model_count },
	{ "POST", "/v1/chat/completions", MODEL_CHAT, "", post_model },
	{ "POST", "/v1/responses", MODEL_RESPONSES, "", post_model },
	{ "POST", MODELS "*:generateContent", MODEL_GOOGLE, " key alt ", post_google },
	{ "POST", MODELS "*:streamGenerateContent", MODEL_GOOGLE, " key alt ", post_google },
	{ "POST", MODELS "*:countTokens", MODEL_GOOGLE, " key ", model_count },
	{ "GET", "/v1/models", MODEL_ANTHROPIC, " limit before_id after_id beta ", model_list },
	{ "GET", "/v1/models", MODEL_CHAT, "", model_list },
	{ "GET", "/v1/models", MODEL_RESPONSES, " client_version ", model_list },
	{ "GET", "/v1beta/models", MODEL_GOOGLE, " key pageSize pageToken ", model_list },
	{ "POST", "/mcp", MODEL_TURN, "", mcp_post },
	{ "GET", "/mcp", MODEL_TURN, "", no_session },
	{ "DELETE", "/mcp", MODEL_TURN, "", no_session },
	{ "GET", "/", MODEL_TURN, "", get_root },
	{ "HEAD", "/", MODEL_TURN, "", get_root },
};

static bool path_fits(const char *pattern, const char *path)
{
	const char *star = strchr(pattern, '*');
	const size_t before = star ? (size_t)(star - pattern) : 0;
	const size_t after = star ? strlen(star + 1) : 0, n = strlen(path);

	if (!star)
		return strcmp(pattern, path) == 0;
	return n > before + after && strncmp(path, pattern, before) == 0 &&
	       strcmp(path + n - after, star + 1) == 0;
}

int front_protocol(const struct front_state *f)
{
	for (int p = MODEL_ANTHROPIC; f->task.models.n && f->task.protocol && p < MODEL_PROTOCOL_N;
	     p++)
		if (strcmp(f->task.protocol, model_protocol_words[p]) == 0)
			return p;
	return MODEL_TURN;
}

static bool query_fits(const struct route *r, const char *query)
{
	while (*query) {
		const size_t n = strcspn(query, "&");
		char name[34] = " ";

		if (strcspn(query, "=&") > 30)
			return false;
		(void)snprintf(name, sizeof(name), " %.*s ", (int)strcspn(query, "=&"), query);
		if (!strstr(r->query, name))
			return false;
		query += n + (query[n] == '&');
	}
	return true;
}

struct found {
	const struct route *route;
	int other; /* protocol of a route that is not this service's, else MODEL_TURN */
	bool path; /* it exists, for another method */
};

static struct found find(const struct front_state *f, const struct conn *c)
{
	const int mine = front_protocol(f);
	struct found out = { .other = MODEL_TURN };

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const struct route *r = &routes[i];

		if (!path_fits(r->path, c->q.path))
			continue;
		if (r->protocol != MODEL_TURN && r->protocol != mine) {
			out.other = out.other == MODEL_TURN ? r->protocol : out.other;
			continue;
		}
		out.path = true;
		if (strcmp(r->method, c->q.method) == 0)
			out.route = r;
	}
	return out;
}

/* Another provider's path: in the shape that its client understands. */
static int refuse_protocol(struct front_state *f, struct conn *c, int other)
{
	const int mine = front_protocol(f);
	char text[200];
	const struct refusal r = { .status = 404, .name = "other-protocol", .text = text };

	if (mine == MODEL_TURN)
		(void)snprintf(text, sizeof(text), "this service allows no model");
	else
		(void)snprintf(text, sizeof(text), "this service's model speaks %s, not %s",
			       model_protocol_words[mine], model_protocol_words[other]);
	refuse(f, c, other, &r);
	return -1;
}

static bool is_loopback(const char *host, size_t n)
{
	if (n && host[0] == '[')
		return n >= 5 && strncmp(host, "[::1]", 5) == 0;
	n = memchr(host, ':', n) ? (size_t)((const char *)memchr(host, ':', n) - host) : n;
	return (n == 9 && strncasecmp(host, "localhost", n) == 0) ||
	       (n > 4 && strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") >= n);
}

static bool origin_fits(const struct http_field *origin)
{
	const char *http = "http://";
	const size_t n = strlen(http);

	return !origin || (origin->value_n > n && strncmp(origin->value, http, n) == 0 &&
			   is_loopback(origin->value + n, origin->value_n - n));
}

static const struct refusal head_refusals[] = {
	{ .status = 505, .name = "bad-version", .text = "want HTTP/1.1" },
	{ .status = 421, .name = "foreign-host", .text = "the Host is no loopback address" },
	{ .status = 403, .name = "foreign-origin", .text = "the Origin is no loopback address" },
	{ .status = 400, .name = "upgrade", .text = "no other protocol is spoken here" },
	{ .status = 417, .name = "bad-expect", .text = "an Expect other than 100-continue" },
	{ .status = 415, .name = "content-encoding", .text = "a compressed body is not read here" },
	{ .status = 415,
	  .name = "bad-content-type",
	  .text = "want Content-Type: application/json" },
};

/* What holds for every request; NULL: all of it does. */
static const struct refusal *check_head(const struct http_request *q)
{
	const struct http_field *host = http_find(q, "host");
	const struct http_field *expect = http_find(q, "expect");
	const struct http_field *encoding = http_find(q, "content-encoding");

	if (q->minor != 1)
		return &head_refusals[0];
	if (!is_loopback(host->value, host->value_n)) /* the parser wants one of 1.1 */
		return &head_refusals[1];
	if (!origin_fits(http_find(q, "origin")))
		return &head_refusals[2];
	if (http_find(q, "upgrade"))
		return &head_refusals[3];
	if (expect && !http_value_is(expect, "100-continue"))
		return &head_refusals[4];
	if (encoding && !http_value_is(encoding, "identity"))
		return &head_refusals[5];
	if ((q->chunked || q->length) &&
	    !http_value_has(http_find(q, "content-type"), "application/json"))
		return &head_refusals[6];
	return NULL;
}

int route_head(struct front_state *f, struct conn *c, const struct http_request *q)
{
	static const struct refusal unknown = { .status = 404,
						.name = "no-route",
						.text = "nothing is served at this path" };
	static const struct refusal method = { .status = 405,
					       .name = "no-method",
					       .text = "this path does not take that method" };
	static const struct refusal query = { .status = 400,
					      .name = "bad-query",
					      .text = "a parameter that is not known here" };
	const struct refusal *bad = check_head(q);

	if (!bad) {
		const struct found found = find(f, c);

		if (!found.route && !found.path && found.other != MODEL_TURN)
			return refuse_protocol(f, c, found.other);
		if (!found.route)
			bad = found.path ? &method : &unknown;
		else if (!query_fits(found.route, c->q.query))
			bad = &query;
	}
	if (bad)
		refuse(f, c, front_protocol(f), bad);
	return bad ? -1 : 0;
}

void route(struct front_state *f, struct conn *c)
{
	const struct found found = find(f, c); /* the head has a route */

	if (found.route)
		found.route->handler(f, c);
}
