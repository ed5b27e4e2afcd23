/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <unistd.h>

#include "agent/host/case/service.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "tests/tap.h"

static char dir[] = "/tmp/sickbay-backing.XXXXXX";

/* A service file with this "backing", one member a line, so that places are short. */
static int load(const char *backing, struct service *s, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(1u << 16);
	AUTO_CLOSE int at = -1;
	char path[100];
	int r;

	buf_printf(&text,
		   "{\"version\":1,\"name\":\"shop\",\"language\":\"python\",\"repository\":"
		   "{\"url\":\".\",\"target\":\"main\"},\"image\":{\"production\":\"host\"},"
		   "\"run\":{},\"tests\":[{\"name\":\"t\",\"command\":[\"t\"],\"one\":[\"@test\"],"
		   "\"new_test\":{\"dir\":\"tests\",\"framework\":\"pytest\"}}],\n\"backing\":%s}",
		   backing);
	*e = (struct err)ERR_INIT;
	(void)snprintf(path, sizeof(path), "%s/s.json", dir);
	at = fd_open_dir(dir, e);
	r = at < 0 ? at : file_publish_at(at, "s.json", text.p, text.n, 0600, e);
	if (r == 0)
		r = service_load(path, s, e);
	(void)unlink(path);
	return r;
}

static void members_are_read_in_the_order_of_the_file(void)
{
	const struct service_backing *b;
	const struct service_seed *seed;
	struct service s = { 0 };
	struct err e;

	CHECK_INT(load("{\"zoo\":{\"start\":[\"z\"],\"ready\":{\"tcp\":5432},\"stop\":\"INT\","
		       "\"cpus\":2,"
		       "\"seed\":[{\"run\":[\"m\"],\"in\":\"application\"},{\"run\":[\"p\"],"
		       "\"input\":\"a\"}]},"
		       "\"a-stub\":{\"stub\":\"tax.json\"}}",
		       &s, &e),
		  0);
	if (s.backing.n != 2)
		return;
	CHECK_INT(s.backing.n, 2);
	b = s.backing.v;
	CHECK_STR(b[0].name, "zoo");
	CHECK_STR(b[0].address, "127.0.2.1");
	CHECK_STR(b[0].image, "host");
	CHECK_STR(b[0].cwd, "/srv/zoo");
	CHECK_INT(b[0].stop_signal, SIGINT);
	CHECK_INT(b[0].cpu_milli, 2000);
	CHECK_INT(b[0].user, 1000);
	CHECK_INT(b[0].memory, 512 << 20);
	CHECK_INT(b[0].ready.timeout_ms, 60000);
	seed = b[0].seed.v;
	CHECK_INT(seed[0].in, SEED_APPLICATION);
	CHECK_INT(seed[1].in, SEED_MEMBER);
	CHECK_STR(b[1].name, "a-stub");
	CHECK_STR(b[1].address, "127.0.2.2");
	CHECK_INT(b[1].port, 8080);
	CHECK_INT(b[1].ready.tcp, 8080);
	CHECK_INT(b[1].stop_signal, SIGTERM);
	CHECK(strcmp(b[0].digest, b[1].digest) != 0);
	service_release(&s);
}

static void what_cannot_be_meant_is_an_error_with_its_place(void)
{
	static const struct {
		const char *backing, *why;
	} rows[] = {
		{ "[]", "s.json:2:1: want an object of services by name" },
		{ "{\"Db\":{}}",
		  "s.json:2:12: this is no host name (a-z, 0-9, '-', at most 20 of them)" },
		{ "{\"localhost\":{}}",
		  "s.json:2:12: this is no host name (a-z, 0-9, '-', at most 20 of them)" },
		{ "{\"db\":{}}", "s.json:2:12: neither \"start\" nor \"stub\" says what runs" },
		{ "{\"db\":{\"strat\":[\"x\"]}}",
		  "s.json:2:18: unknown key \"strat\"; did you mean \"start\"?" },
		{ "{\"db\":{\"start\":[\"x\"]}}", "s.json:2:12: want one of \"command\", \"tcp\" "
						  "and \"unix\": how it is known to be "
						  "ready" },
		{ "{\"db\":{\"start\":[\"x\"],\"ready\":{\"tcp\":1,\"unix\":\"/a\"}}}",
		  "s.json:2:32: want one of \"command\", \"tcp\" and \"unix\": how it is known to "
		  "be "
		  "ready" },
		{ "{\"db\":{\"start\":[\"x\"],\"ready\":{\"unix\":\"a/b\"}}}",
		  "s.json:2:41: 'a/b' is not an absolute path" },
		{ "{\"db\":{\"start\":[\"x\"],\"ready\":{\"tcp\":1},\"stop\":\"KILL\"}}",
		  "s.json:2:50: 'KILL' is not one of TERM, INT, QUIT, HUP, USR1, USR2" },
		{ "{\"db\":{\"start\":[\"x\"],\"ready\":{\"tcp\":1},\"cwd\":\"/a/../b\"}}",
		  "s.json:2:50: '/a/../b' is not a plain absolute path" },
		{ "{\"db\":{\"start\":[\"x\"],\"ready\":{\"tcp\":1},\"port\":8080}}",
		  "s.json:2:50: is for a \"stub\"" },
		{ "{\"db\":{\"start\":[\"x\"],\"ready\":{\"tcp\":1},"
		  "\"init\":[{\"run\":[\"y\"],\"in\":\"application\"}]}}",
		  "s.json:2:71: the application cannot run before it" },
		{ "{\"db\":{\"start\":[\"x\"],\"ready\":{\"tcp\":1},"
		  "\"seed\":[{\"run\":[\"y\"],\"in\":\"application\",\"input\":\"f\"}]}}",
		  "s.json:2:90: only a command in the member has one" },
		{ "{\"tax\":{\"stub\":\"a.json\",\"start\":[\"x\"]}}",
		  "s.json:2:19: recorded answers need no \"recipe\", \"init\", \"start\" or "
		  "\"seed\"" },
		{ "{\"tax\":{\"stub\":\"a.json\",\"port\":80}}",
		  "s.json:2:35: 80 is not within 1024..65535" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct service s = { 0 };
		struct err e;
		const char *at;

		CHECK(load(rows[i].backing, &s, &e) < 0);
		at = strstr(e.msg, "s.json");
		CHECK_STR(at ? at : e.msg, rows[i].why);
	}
}

static void no_more_members_than_addresses_are_taken(void)
{
	AUTO_BUF struct buf text = BUF_INIT(1u << 14);
	struct service s = { 0 };
	struct err e;

	buf_puts(&text, "{\"a0\":{\"stub\":\"x\"}");
	for (int i = 1; i < 17; i++)
		buf_printf(&text, ",\"a%d\":{\"stub\":\"x\"}", i);
	buf_puts(&text, "}");
	CHECK(load(text.p, &s, &e) < 0);
	CHECK(strstr(e.msg, ":2:1: more than 16 services"));
}

static void in_a_directory(void)
{
	CHECK(mkdtemp(dir));
}

static void and_nothing_is_left_of_it(void)
{
	CHECK_INT(rmdir(dir), 0);
}

TAP_MAIN(TEST(in_a_directory), TEST(members_are_read_in_the_order_of_the_file),
	 TEST(what_cannot_be_meant_is_an_error_with_its_place),
	 TEST(no_more_members_than_addresses_are_taken), TEST(and_nothing_is_left_of_it))
