/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/host_config.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "tests/tap.h"

static char path[64];

static int load(const char *text, struct host_config *c, struct err *e)
{
	struct err late = ERR_INIT;
	int fd, r;

	(void)snprintf(path, sizeof(path), "/tmp/sickbay-test-XXXXXX");
	fd = mkstemp(path);
	CHECK(fd >= 0);
	CHECK_INT(fd_write_all(fd, text, strlen(text), "a file", &late), 0);
	(void)close(fd);
	r = host_config_load(path, c, e);
	(void)unlink(path);
	return r;
}

static void what_is_not_said_has_its_default(void)
{
	struct host_config c = { 0 };
	struct err e = ERR_INIT;
	char *file;

	CHECK_INT(load("{ \"version\": 1, /* and no more */ }", &c, &e), 0);
	CHECK_STR(c.state, "/var/lib/sickbay");
	CHECK_INT(c.storm.fingerprints, 3);
	CHECK_INT(c.storm.window_ms, 1800000);
	CHECK_INT(c.worker.parallel, 0);
	file = host_config_service(&c, "shop");
	CHECK_STR(file, "/etc/sickbay/services/shop.json");
	free(file);
	host_config_release(&c);
}

static void what_is_said_holds(void)
{
	struct host_config c = { 0 };
	struct err e = ERR_INIT;

	CHECK_INT(load("{ \"version\": 1, \"state\": \"/srv/s\", \"storm\": { \"fingerprints\": 5, "
		       "\"window\": \"1h\" }, \"worker\": { \"case_memory\": \"1GiB\" } }",
		       &c, &e),
		  0);
	CHECK_STR(c.state, "/srv/s");
	CHECK_INT(c.storm.fingerprints, 5);
	CHECK_INT(c.storm.window_ms, 3600000);
	CHECK_INT(c.worker.case_memory, 1 << 30);
	host_config_release(&c);
}

static void mistakes_are_named_with_their_place(void)
{
	struct host_config c = { 0 };
	struct err e = ERR_INIT;

	CHECK(load("{ \"version\": 1,\n  \"strom\": {} }", &c, &e) < 0);
	CHECK(strstr(e.msg, ":2:3: unknown key \"strom\"; did you mean \"storm\"?") != NULL);
	CHECK(load("{ \"version\": 1,\n  \"state\": \"here\" }", &c, &e) < 0);
	CHECK(strstr(e.msg, ":2:3: 'here' is not an absolute path") != NULL);
	CHECK_INT(host_config_load("/nowhere/sickbay.json", &c, &e), -ENOENT);
	CHECK_STR(e.msg, "host configuration: open '/nowhere/sickbay.json': No such file or "
			 "directory");
}

#define MODELS "{\"version\":1,\"models\":[\n"
#define PRICES ",\"models\":[{\"name\":\"m\",\"input\":\"3.00\",\"output\":\"15\"}]}"
#define CHAT   "\"protocol\":\"openai-chat\""

static void models_are_read_with_their_prices(void)
{
	struct host_config c = { 0 };
	struct err e = ERR_INIT;
	const struct model_endpoint *at;
	const struct model_price *price;

	CHECK_INT(load(MODELS "{\"name\":\"a\",\"url\":\"https://models.example/v1\"," CHAT
			      ",\"credential\":\"credential:main\",\"retries\":0" PRICES
			      ",{\"name\":\"b\",\"url\":\"http://[::1]:8080/\"," CHAT PRICES "]}",
		       &c, &e),
		  0);
	CHECK_STR(e.msg, "");
	at = host_config_model(&c, "a/m", &price, &e);
	CHECK(at != NULL);
	CHECK_STR(price->output, "15");
	CHECK_INT(price->max_output, 8192);
	CHECK_INT(at->retries, 0);
	CHECK_INT(at->parallel, 8);
	CHECK(!host_config_model(&c, "c/m", &price, &e));
	CHECK_STR(e.msg, "the model 'c/m' is not in this host's configuration: name its endpoint "
			 "and its prices under \"models\" (sickbay-config(5))");
	host_config_release(&c);
}

static void a_model_that_cannot_be_meant_is_named_with_its_place(void)
{
	static const struct {
		const char *endpoint, *says;
	} rows[] = {
		{ "\"url\":\"http://models.example/\"",
		  ":2:13: 'http://models.example/' is http, and not to a loopback address: keys "
		  "and "
		  "code would be read on their way; use https" },
		{ "\"url\":\"http://127.0.0.1.example/\"", ":2:13: 'http://127.0.0.1.example/' is "
							   "http, and not to a loopback address" },
		{ "\"url\":\"http://localhost:1/\"", "'http://localhost:1/' is http" },
		{ "\"url\":\"ftp://models.example/\"", "is neither https nor http" },
		{ "\"url\":\"https://u:secret@models.example/\"",
		  ":2:13: 'the URL' has a user, a query, a fragment" },
		{ "\"url\":\"https://models.example:70000/\"", "names no host and port" },
		{ "\"url\":\"https://models.example\",\"credential\":\"sk-verysecret\"",
		  ":2:44: 'what is said' is neither the absolute path of a file with the key nor "
		  "credential:NAME" },
		{ "\"url\":\"https://models.example\",\"credential\":\"credential:../x\"",
		  "names no credential of the unit" },
		{ "\"url\":\"https://models.example\",\"ca\":\"here\"",
		  "'here' is not an absolute path" },
		{ "\"url\":\"https://models.example\",\"proxy\":\"https://proxy.example:1\"",
		  "is not http://HOST:PORT" },
		{ "\"url\":\"https://models.example\",\"retreis\":1",
		  "unknown key \"retreis\"; did you mean \"retries\"?" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct host_config c = { 0 };
		struct err e = ERR_INIT;
		char text[1000];

		(void)snprintf(text, sizeof(text), MODELS "{\"name\":\"a\",%s," CHAT PRICES "]}",
			       rows[i].endpoint);
		CHECK(load(text, &c, &e) < 0);
		if (!strstr(e.msg, rows[i].says))
			CHECK_STR(e.msg, rows[i].says);
		CHECK(!strstr(e.msg, "secret"));
	}
}

static void a_price_is_an_exact_amount(void)
{
	static const char *const prices[] = { "3,00", "-1", "0.0000001", "1e3", "$3" };

	for (size_t i = 0; i < sizeof(prices) / sizeof(prices[0]); i++) {
		struct host_config c = { 0 };
		struct err e = ERR_INIT;
		char text[1000], says[200];

		(void)snprintf(text, sizeof(text),
			       MODELS
			       "{\"name\":\"a\",\"url\":\"https://m.example\"," CHAT
			       ",\"models\":[\n{\"name\":\"m\",\"output\":\"1\",\"input\":\"%s\""
			       "}]}]}",
			       prices[i]);
		(void)snprintf(says, sizeof(says),
			       ":3:26: '%s' is no price such as \"3.00\" (US dollars for a million "
			       "tokens, at most six decimals)",
			       prices[i]);
		CHECK(load(text, &c, &e) < 0);
		if (!strstr(e.msg, says))
			CHECK_STR(e.msg, says);
	}
}

TAP_MAIN(TEST(models_are_read_with_their_prices),
	 TEST(a_model_that_cannot_be_meant_is_named_with_its_place),
	 TEST(a_price_is_an_exact_amount), TEST(what_is_not_said_has_its_default),
	 TEST(what_is_said_holds), TEST(mistakes_are_named_with_their_place))
