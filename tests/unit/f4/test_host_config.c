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

TAP_MAIN(TEST(what_is_not_said_has_its_default), TEST(what_is_said_holds),
	 TEST(mistakes_are_named_with_their_place))
