/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/proto/broker.h"
#include "tests/tap.h"

#define KEY "sk-test-4f1c9a7b20"

static char dir[64];

static char *in(const char *name)
{
	static char path[4][128];
	static unsigned at;
	char *p = path[at++ % 4];

	(void)snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static void put(const char *name, const char *text, mode_t mode)
{
	AUTO_CLOSE int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = ERR_INIT;

	CHECK_INT(file_publish_at(at, name, text, strlen(text), mode, &e), 0);
}

static struct broker_endpoint plain(void)
{
	static char name[] = "here", url[] = "http://127.0.0.1:1/";

	return (struct broker_endpoint){ .name = name, .protocol = MODEL_ANTHROPIC, .url = url };
}

static int try_open(struct broker_endpoint *p, struct err *e)
{
	const struct broker_setup s = { .endpoints = { p, 1 } };
	struct broker *b = NULL;
	const int r = broker_open(&s, &b, e);

	broker_close(b);
	return r;
}

static void refuses(struct broker_endpoint p, const char *text)
{
	struct err e = ERR_INIT;
	const bool said = try_open(&p, &e) < 0 && strstr(e.msg, text) && !strstr(e.msg, KEY);

	if (!said)
		printf("# '%s'\n", e.msg);
	CHECK(said);
}

static void make_folder(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/test-broker.XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
}

static void remove_folder(void)
{
	AUTO_CLOSE int at = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = ERR_INIT;

	CHECK_INT(tree_remove_at(at, dir + strlen("/tmp/"), &e), 0);
}

static void only_key_files_that_nobody_else_can_read_are_taken(void)
{
	struct broker_endpoint p = plain();
	struct err e = ERR_INIT;

	put("key", KEY "\n", 0600);
	put("open", KEY "\n", 0640);
	put("empty", "\n", 0600);
	put("two", KEY "\nmore " KEY "\n", 0600);
	put("whose", KEY "\n", 0600);
	(void)!chown(in("whose"), 12345, 12345);
	(void)!symlink(in("key"), in("link"));
	p.credential = in("key");
	CHECK_STR(try_open(&p, &e) == 0 ? "" : e.msg, "");
	p.credential = in("missing");
	refuses(p, "missing': No such file");
	p.credential = in("open");
	refuses(p, "has mode 0640: others could read it; chmod 600");
	p.credential = in("whose");
	refuses(p, "belongs to user 12345: make it root's");
	p.credential = in("link");
	refuses(p, "is a symbolic link: name the file itself");
	p.credential = dir;
	refuses(p, "is not a regular file");
	p.credential = in("empty");
	refuses(p, "is empty");
	p.credential = in("two");
	refuses(p, "is not one line of visible ASCII (byte 19)");
	p.credential = (char[]){ "key" };
	refuses(p, "key file 'key': give an absolute path");
	p.credential = (char[]){ "credential:model" };
	(void)unsetenv("CREDENTIALS_DIRECTORY");
	refuses(p, "add LoadCredential=model:FILE to the unit");
	(void)setenv("CREDENTIALS_DIRECTORY", dir, 1);
	p.credential = (char[]){ "credential:key" };
	CHECK_STR(try_open(&p, &e) == 0 ? "" : e.msg, "");
	p.credential = (char[]){ "credential:../key" };
	refuses(p, "the name of a credential is a file's name");
	(void)unsetenv("CREDENTIALS_DIRECTORY");
}

static void a_key_is_sent_to_verified_servers_only(void)
{
	struct broker_endpoint p = plain();
	struct err e = ERR_INIT;

	p.url = (char[]){ "http://127.9.8.7:8000/v1" };
	CHECK_STR(try_open(&p, &e) == 0 ? "" : e.msg, "");
	p.url = (char[]){ "http://[::1]:8000/v1" };
	CHECK_STR(try_open(&p, &e) == 0 ? "" : e.msg, "");
	p.url = (char[]){ "http://localhost/" };
	refuses(p, "plain http is sent to loopback addresses (127.0.0.1, [::1]) only: use https");
	p.url = (char[]){ "http://10.0.0.1/" };
	refuses(p, "plain http is sent to loopback addresses");
	p.url = (char[]){ "ftp://127.0.0.1/" };
	refuses(p, "its scheme is not https");
	p.url = (char[]){ "https://me:word@127.0.0.1/" };
	refuses(p, "it must not have a user");
	p = plain();
	p.proxy = (char[]){ "http://127.0.0.1:3128" };
	refuses(p, "plain http is not sent through one");
	p.url = (char[]){ "https://127.0.0.1/" };
	p.proxy = (char[]){ "https://127.0.0.1:3128" };
	refuses(p, "a proxy is http://HOST:PORT");
	p.proxy = NULL;
	put("no.pem", "nothing\n", 0644);
	p.ca = in("no.pem");
	refuses(p, "no.pem' has no certificates that can be read");
}

/* Of /proc/PID/NAME; empty where it cannot be read. */
static bool proc_has(int pid, const char *name, const char *text)
{
	AUTO_BUF struct buf b = BUF_INIT(1u << 20);
	struct err e = ERR_INIT;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return file_read_at(AT_FDCWD, path, 1u << 20, &b, &e) == 0 &&
	       memmem(b.p, b.n, text, strlen(text));
}

static void the_program_gave_up_all_but_its_sockets(void)
{
	struct broker_endpoint p = plain();
	const struct broker_setup s = { .endpoints = { &p, 1 } };
	struct err e = ERR_INIT;
	struct broker *b = NULL;
	int pid;

	p.credential = in("key");
	CHECK(broker_open(&s, &b, &e) == 0);
	if (!b)
		return;
	pid = broker_pid(b);
	CHECK(proc_has(pid, "status", "Uid:\t60803\t60803\t60803\t60803"));
	CHECK(proc_has(pid, "status", "CapEff:\t0000000000000000"));
	CHECK(proc_has(pid, "status", "NoNewPrivs:\t1"));
	CHECK(proc_has(pid, "status", "Threads:\t1"));
#ifndef __SANITIZE_ADDRESS__
	CHECK(proc_has(pid, "status", "Seccomp:\t2"));
#endif
	CHECK(!proc_has(pid, "environ", "sk-test") && !proc_has(pid, "cmdline", "sk-test"));
	CHECK(kill(pid, SIGKILL) == 0);
	{
		AUTO_MSG struct msg m = MSG_INIT;

		CHECK(broker_recv(b, 5000, &m, &e) == 0);
	}
	broker_close(b);
}

static void one_that_does_not_read_is_given_up(void)
{
	const struct timeval soon = { .tv_usec = 200000 };
	struct broker_endpoint p = plain();
	const struct broker_setup s = { .endpoints = { &p, 1 } };
	AUTO_JSON json_t *body = json_pack("{s:o}", "pad", json_stringn("", 0));
	AUTO_MSG struct msg m = MSG_INIT;
	AUTO_FREE char *pad = calloc(1, 1u << 20);
	struct timeval most = { 0 };
	socklen_t n = sizeof(most);
	struct err e = ERR_INIT;
	struct broker *b = NULL;

	CHECK(broker_open(&s, &b, &e) == 0);
	if (!b || !pad || !body)
		return;
	CHECK_INT(getsockopt(broker_fd(b), SOL_SOCKET, SO_SNDTIMEO, &most, &n), 0);
	CHECK_INT(most.tv_sec, 10);
	CHECK_INT(setsockopt(broker_fd(b), SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon)), 0);
	CHECK_INT(kill(broker_pid(b), SIGSTOP), 0);
	memset(pad, 'x', 1u << 20);
	(void)json_object_set_new(body, "pad", json_stringn(pad, 1u << 20));
	CHECK_INT(broker_send(b, BROKER_CALL, body, &e), -ETIMEDOUT);
	CHECK_STR(e.msg, "sickbay-broker: it has read nothing for 10 s: it is given up");
	CHECK_INT(broker_recv(b, 5000, &m, &e), 0);
	broker_close(b); /* stopped as it is */
}

TAP_MAIN(TEST(make_folder), TEST(only_key_files_that_nobody_else_can_read_are_taken),
	 TEST(a_key_is_sent_to_verified_servers_only),
	 TEST(the_program_gave_up_all_but_its_sockets), TEST(one_that_does_not_read_is_given_up),
	 TEST(remove_folder))
