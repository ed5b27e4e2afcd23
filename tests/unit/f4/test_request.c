/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/request.h"

#include <string.h>

#include "tests/tap.h"

static char *text(int client, const char *application, const char *http, struct err *e)
{
	struct service_tests suite = { 0 };
	AUTO_JSON json_t *input = json_pack("{s:o}", "http", json_loads(http, 0, NULL));
	AUTO_JSON json_t *out = NULL;

	suite.new_test.http.client = client;
	suite.new_test.http.application = (char *)(uintptr_t)application;
	if (request_replayed(&suite, input, &out, e) < 0)
		return NULL;
	CHECK(json_object_get(out, "http") != NULL);
	return json_dumps(json_object_get(out, "script"), JSON_COMPACT);
}

static void is(int client, const char *application, const char *http, const char *want)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *got = text(client, application, http, &e);

	CHECK_STR(got, want);
}

static void a_query_is_taken_apart(void)
{
	is(HTTP_NODE, "app.js",
	   "{\"method\":\"get\",\"url\":\"https://a.example:8443/x/y?a=1&b=%C3%A9+z&a=2&c#top\"}",
	   "[{\"module\":\"app.js\",\"request\":true,\"args\":[\"GET\",\"/x/y\","
	   "{\"query\":{\"a\":[\"1\",\"2\"],\"b\":\"\xc3\xa9 z\",\"c\":\"\"}}]}]");
	is(HTTP_DJANGO, NULL, "{\"url\":\"/x?ignored=1\",\"query\":[[\"a\",\"1\"]]}",
	   "[{\"let\":\"client\",\"module\":\"django.test\",\"call\":\"Client\"},"
	   "{\"on\":\"$client\",\"call\":\"get\",\"args\":[\"/x\",{\"a\":\"1\"}],\"kwargs\":{}}]");
	is(HTTP_NODE, "app.js", "{\"url\":\"/go?to=http://b.example/y\"}",
	   "[{\"module\":\"app.js\",\"request\":true,\"args\":[\"GET\",\"/go\","
	   "{\"query\":{\"to\":\"http://b.example/y\"}}]}]");
	is(HTTP_NODE, "app.js", "{\"url\":\"http://a.example?next=/x\"}",
	   "[{\"module\":\"app.js\",\"request\":true,\"args\":[\"GET\",\"/\","
	   "{\"query\":{\"next\":\"/x\"}}]}]");
	is(HTTP_NODE, "app.js:main", "{\"url\":\"http://a.example\"}",
	   "[{\"module\":\"app.js\",\"call\":\"main\",\"request\":true,\"args\":[\"GET\",\"/"
	   "\",{}]}]");
}

static void a_body_is_what_it_was(void)
{
	is(HTTP_FLASK, "shop.web:app",
	   "{\"method\":\"PUT\",\"url\":\"/x\",\"headers\":{\"Content-Type\":\"application/json\"},"
	   "\"body\":{\"a\":null}}",
	   "[{\"module\":\"shop.web\",\"call\":\"app.config.update\",\"kwargs\":{\"TESTING\":true}}"
	   ","
	   "{\"let\":\"client\",\"module\":\"shop.web\",\"call\":\"app.test_client\"},"
	   "{\"on\":\"$client\",\"call\":\"put\",\"args\":[\"/"
	   "x\"],\"kwargs\":{\"json\":{\"a\":null}}}]");
	is(HTTP_DJANGO, NULL,
	   "{\"method\":\"POST\",\"url\":\"/x?q=a%26b\",\"headers\":[[\"content-type\","
	   "\"application/x-www-form-urlencoded\"]],\"body\":\"a=1&b=\"}",
	   "[{\"let\":\"client\",\"module\":\"django.test\",\"call\":\"Client\"},"
	   "{\"on\":\"$client\",\"call\":\"post\",\"args\":[\"/x\",{\"a\":\"1\",\"b\":\"\"}],"
	   "\"kwargs\":{\"QUERY_STRING\":\"q=a%26b\"}}]");
	is(HTTP_NODE, "app.js",
	   "{\"method\":\"POST\",\"url\":\"/x\",\"headers\":{\"Content-Type\":\"text/"
	   "csv; charset=x\"},\"body\":"
	   "\"a;b\"}",
	   "[{\"module\":\"app.js\",\"request\":true,\"args\":[\"POST\",\"/x\",{\"body\":\"a;b\","
	   "\"headers\":{\"content-type\":\"text/csv\"}}]}]");
}

static void what_a_form_says_again_is_said_again(void)
{
	is(HTTP_DJANGO, NULL,
	   "{\"method\":\"POST\",\"url\":\"/x?a=1&a=%242&$filter=b\",\"headers\":{\"content-type\":"
	   "\"multipart/form-data; boundary=x\"},\"body\":{\"b\":\"2\"}}",
	   "[{\"let\":\"client\",\"module\":\"django.test\",\"call\":\"Client\"},"
	   "{\"on\":\"$client\",\"call\":\"post\",\"args\":[\"/x\",{\"b\":\"2\"}],"
	   "\"kwargs\":{\"QUERY_STRING\":\"a=1&a=%242&%24filter=b\"}}]");
	is(HTTP_DJANGO, NULL,
	   "{\"method\":\"POST\",\"url\":\"/x\",\"query\":{\"n\":7,\"b\":\"$c\"}}",
	   "[{\"let\":\"client\",\"module\":\"django.test\",\"call\":\"Client\"},"
	   "{\"on\":\"$client\",\"call\":\"post\",\"args\":[\"/x\"],"
	   "\"kwargs\":{\"QUERY_STRING\":\"n=7&b=%24c\"}}]");
}

static void a_long_value_is_whole(void)
{
	AUTO_FREE char *http = NULL, *got = NULL, *body = malloc(20001);
	struct err e = ERR_INIT;

	memset(body, '+', 20000);
	body[20000] = '\0';
	CHECK(asprintf(&http,
		       "{\"method\":\"POST\",\"url\":\"/\",\"headers\":{\"content-type\":"
		       "\"application/x-www-form-urlencoded\"},\"body\":\"a=%s\"}",
		       body) > 0);
	got = text(HTTP_NODE, "app.js", http, &e);
	CHECK(got && strlen(got) > 20000);
}

/* Who was logged in, and what proxies said, is nobody's business. */
static void headers_of_the_way_are_left_out(void)
{
	is(HTTP_DJANGO, NULL,
	   "{\"url\":\"/\",\"headers\":{\"Cookie\":\"s=1\",\"Authorization\":\"Bearer "
	   "x\",\"X-Api-Key\":\"k\",\"X-CSRF-Token\":\"t\",\"Proxy-Authorization\":\"p\",\"X-"
	   "Forwarded-"
	   "For\":\"::1\",\"Host\":\"a\",\"Accept-Language\":\"de\",\"bad name\":\"x\"}}",
	   "[{\"let\":\"client\",\"module\":\"django.test\",\"call\":\"Client\"},"
	   "{\"on\":\"$client\",\"call\":\"get\",\"args\":[\"/\"],"
	   "\"kwargs\":{\"HTTP_ACCEPT_LANGUAGE\":\"de\"}}]");
}

static void a_dollar_sign_is_a_dollar_sign(void)
{
	is(HTTP_NODE, "app.js", "{\"url\":\"/?a=$b\",\"method\":\"POST\",\"body\":[\"$c\"]}",
	   "[{\"module\":\"app.js\",\"request\":true,\"args\":[\"POST\",\"/"
	   "\",{\"query\":{\"a\":\"$$b\"},"
	   "\"body\":[\"$$c\"],\"headers\":{\"content-type\":\"application/json\"}}]}]");
}

static void refused(const char *http, const char *why)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *got = text(HTTP_NODE, "app.js", http, &e);

	CHECK(!got);
	CHECK_STR(e.msg, why);
}

static void what_cannot_be_sent_is_named(void)
{
	char many[2000] = "{\"url\":\"/?";

	refused("{\"method\":\"CONNECT\",\"url\":\"/\"}",
		"/input/http/method: 'CONNECT' is not replayed");
	refused("{\"method\":\"M\xc3\xbcller\",\"url\":\"/\"}",
		"/input/http/method: '' is not replayed"); /* what it is is nobody's business */
	refused("{\"method\":\"GET\"}", "/input/http/url: it is missing");
	refused("{\"method\":\"POST\",\"url\":\"/"
		"\",\"body\":{\"at\":[{\"$date\":\"2026-01-01\"}]}}",
		"/input/http: an object of '$date' alone is not replayed");
	for (int i = 0; i < 70; i++)
		(void)snprintf(many + strlen(many), sizeof(many) - strlen(many), "a%d=1&", i);
	(void)snprintf(many + strlen(many), sizeof(many) - strlen(many), "\"}");
	refused(many, "/input/http: more than 64 members");
}

static void other_inputs_stay_as_they_are(void)
{
	struct service_tests suite = { 0 };
	AUTO_JSON json_t *call = json_pack("{s:{s:s}}", "call", "export", "f");
	AUTO_JSON json_t *same = NULL;
	json_t *none = NULL;
	struct err e = ERR_INIT;

	suite.new_test.http.client = HTTP_DJANGO;
	CHECK_INT(request_replayed(&suite, call, &same, &e), 0);
	CHECK(same == call);
	CHECK_INT(request_replayed(&suite, NULL, &none, &e), 0);
	CHECK(!none);
}

static void an_application_is_named_as_its_client_wants_it(void)
{
	static const struct {
		int client;
		const char *application;
		bool good;
	} rows[] = {
		{ HTTP_NONE, NULL, true },	    { HTTP_DJANGO, NULL, true },
		{ HTTP_DJANGO, "a:b", false },	    { HTTP_FLASK, NULL, false },
		{ HTTP_FLASK, "shop.web", false },  { HTTP_FLASK, "shop.web:", false },
		{ HTTP_FLASK, "shop.web:a", true }, { HTTP_NODE, NULL, false },
		{ HTTP_NODE, "app.js", true },	    { HTTP_NODE, ":app", false },
		{ HTTP_NODE, "app.js:app", true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct service_tests suite = { 0 };

		suite.new_test.http.client = rows[i].client;
		suite.new_test.http.application = (char *)(uintptr_t)rows[i].application;
		CHECK_INT(request_check(&suite), rows[i].good);
	}
}

TAP_MAIN(TEST(a_query_is_taken_apart), TEST(a_body_is_what_it_was),
	 TEST(what_a_form_says_again_is_said_again), TEST(a_long_value_is_whole),
	 TEST(headers_of_the_way_are_left_out), TEST(a_dollar_sign_is_a_dollar_sign),
	 TEST(what_cannot_be_sent_is_named), TEST(other_inputs_stay_as_they_are),
	 TEST(an_application_is_named_as_its_client_wants_it))
