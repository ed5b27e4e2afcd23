/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/retry.h"
#include "agent/broker/scrub.h"
#include "agent/broker/url.h"
#include "runtime/base/jmap.h"
#include "tests/tap.h"

static void the_wait_grows_is_random_and_is_bounded(void)
{
	CHECK_INT(retry_backoff_ms(1, 0), 0);
	CHECK_INT(retry_backoff_ms(1, 500), 500);
	CHECK_INT(retry_backoff_ms(1, 501), 0);
	CHECK_INT(retry_backoff_ms(2, 1000), 1000);
	CHECK_INT(retry_backoff_ms(3, 2000), 2000);
	for (uint64_t k = 1; k < 100; k++)
		CHECK(retry_backoff_ms(k, UINT64_MAX / k) <= RETRY_MOST_MS);
	CHECK_INT(retry_backoff_ms(UINT64_MAX, 30000), 30000);
}

static void retry_after_is_seconds_or_a_date(void)
{
	uint64_t ms = 7;

	CHECK(retry_after_ms("0", 0, &ms));
	CHECK_INT(ms, 0);
	CHECK(retry_after_ms("120", 0, &ms));
	CHECK_INT(ms, 120000);
	CHECK(retry_after_ms("99999999999999999999999", 0, &ms));
	CHECK(ms > RETRY_AFTER_MS);
	/* 784111777 is the date's second in RFC 9110's own example */
	CHECK(retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", 784111770, &ms));
	CHECK_INT(ms, 7000);
	CHECK(retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", 784111999, &ms));
	CHECK_INT(ms, 0);
	CHECK(!retry_after_ms("", 0, &ms));
	CHECK(!retry_after_ms("-1", 0, &ms));
	CHECK(!retry_after_ms("1.5", 0, &ms));
	CHECK(!retry_after_ms("soon", 0, &ms));
}

static void only_what_may_pass_is_tried_again(void)
{
	CHECK(retry_is_for("rate-limited"));
	CHECK(retry_is_for("overloaded"));
	CHECK(retry_is_for("unreachable"));
	CHECK(retry_is_for("disconnected"));
	CHECK(!retry_is_for("refused"));
	CHECK(!retry_is_for("tls"));
	CHECK(!retry_is_for("garbage"));
	CHECK(!retry_is_for("stalled"));
	CHECK(!retry_is_for("timeout"));
	CHECK(!retry_is_for("ok"));
}

static void a_key_that_is_said_again_goes_no_further(void)
{
	static const char line[] = "x-api-key: K3Y";
	const struct secret s = { .line = line, .key = line + 11, .key_n = 3 };
	const struct secret none = { .line = NULL };
	char text[] = "K3Y, K3Y and K3";
	AUTO_JSON json_t *v = json_pack("{s:[s,{s:s}],s:i,s:s}", "a", "say K3YK3Y!", "b", "K3", "n",
					3, "K3Y!", "x");
	AUTO_JSON json_t *want = json_pack("{s:[s,{s:s}],s:i,s:n}", "a", "say [key][key]!", "b",
					   "K3", "n", 3, SCRUBBED);

	CHECK(scrub_value(v, &none));
	CHECK(scrub_value(v, &s));
	CHECK(json_equal(v, want));
	CHECK(scrub_value(NULL, &s));
	scrub_text(text, &s);
	CHECK_STR(text, "***, *** and K3");
}

static void leads(const char *text, const char *host, int port, bool literal)
{
	struct err e = ERR_INIT;
	struct url u;

	CHECK_INT(url_read(text, &u, &e), 0);
	CHECK_STR(u.host, host);
	CHECK_INT(u.port, port);
	CHECK(u.literal == literal);
}

static void not_taken(const char *text, const char *why)
{
	struct err e = ERR_INIT;
	struct url u;

	CHECK(url_read(text, &u, &e) < 0);
	CHECK_STR(e.msg, why);
}

static void urls_lead_to_verified_servers_or_to_this_host(void)
{
	static const char loopback[] =
		"plain http is sent to loopback addresses (127.0.0.1, [::1]) only: use https";

	leads("https://models.example/v1", "models.example", 443, false);
	leads("https://models.example:8443", "models.example", 8443, false);
	leads("https://192.0.2.7/", "192.0.2.7", 443, true);
	leads("http://127.0.0.1:8000/v1", "127.0.0.1", 8000, true);
	leads("http://[::1]:8000/", "::1", 8000, true);
	not_taken("http://localhost:8000/", loopback);
	not_taken("http://127.0.0.1.example/", loopback);
	not_taken("http://[::ffff:127.0.0.1]/", loopback);
	not_taken("http://192.0.2.7/", loopback);
	not_taken("file:///etc/passwd", "its scheme is not https");
	not_taken("models.example", "it is no URL like https://HOST/");
	not_taken("https://a:b@models.example/", "it must not have a user");
	not_taken("https://models.example/#x", "it must not have a fragment");
	not_taken("https://mod\xc3\xa9ls.example/", "the name of its host is not plain ASCII");
}

TAP_MAIN(TEST(the_wait_grows_is_random_and_is_bounded), TEST(retry_after_is_seconds_or_a_date),
	 TEST(only_what_may_pass_is_tried_again), TEST(a_key_that_is_said_again_goes_no_further),
	 TEST(urls_lead_to_verified_servers_or_to_this_host))
