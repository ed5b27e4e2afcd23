/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/calls.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/host/case/bodies.h"
#include "agent/host/case/ledger.h"
#include "runtime/base/fd.h"
#include "tests/tap.h"

static char dir[64];
static struct kase *k;
static struct calls *c;

static void begin(void)
{
	struct err e = ERR_INIT;

	(void)snprintf(dir, sizeof(dir), "/tmp/sickbay-test-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	CHECK_INT(case_create(dir, "x", &k, &e), 0);
	CHECK_INT(calls_open(k, &c, &e), 0);
	CHECK_STR(e.msg, "");
}

static void again(void)
{
	struct err e = ERR_INIT;

	calls_close(c);
	case_close(k);
	CHECK_INT(case_open(dir, "x-1", true, &k, &e), 0);
	CHECK_INT(calls_open(k, &c, &e), 0);
	CHECK_STR(e.msg, "");
}

static void end(void)
{
	struct err e = ERR_INIT;

	calls_close(c);
	case_close(k);
	CHECK_INT(chdir("/tmp"), 0);
	CHECK_INT(tree_remove_at(AT_FDCWD, dir + strlen("/tmp/"), &e), 0);
}

static const struct call_most most = { .role = "patch",
				       .model = "main/m",
				       .request = "sha256:1",
				       .input = 1000,
				       .output = 100,
				       .usd = 4500000000 };

static void reserve(char id[CALL_ID])
{
	struct err e = ERR_INIT;

	CHECK_INT(calls_next(c, id, &e), 0);
	CHECK_INT(calls_reserve(c, id, &most, &e), 0);
	CHECK_STR(e.msg, "");
}

static const char *usd(void)
{
	static char out[MONEY_TEXT];
	AUTO_JSON json_t *v = NULL;
	struct err e = ERR_INIT;

	CHECK_INT(case_spent(k, &v, &e), 0);
	(void)snprintf(out, sizeof(out), "%s", ledger_text(v, "usd_exact"));
	return out;
}

static const struct call_cost cost = {
	.kind = "ok", .billed = true, .input = 900, .output = 20, .usd = 3000000000
};

static void what_is_reserved_counts_until_it_is_settled(void)
{
	struct err e = ERR_INIT;
	char id[CALL_ID];

	begin();
	reserve(id);
	CHECK_STR(id, "0001");
	CHECK_STR(usd(), "0.0045");
	CHECK_INT(calls_sum(c, "patch").turns, 1);
	CHECK_INT(calls_settle(c, id, &most, &cost, NULL, &e), 0);
	CHECK_STR(usd(), "0.003");
	CHECK_INT(calls_sum(c, "patch").input, 900);
	CHECK_INT(calls_sum(c, "reproduce").turns, 0);
	again();
	CHECK_STR(usd(), "0.003");
	CHECK_INT(calls_sum(c, "patch").output, 20);
	reserve(id);
	CHECK_STR(id, "0002");
	end();
}

static void what_never_ended_is_charged_as_reserved_and_once(void)
{
	char id[CALL_ID];

	begin();
	reserve(id);
	again();
	CHECK_STR(usd(), "0.0045");
	CHECK_INT(calls_sum(c, "patch").turns, 1);
	again();
	CHECK_STR(usd(), "0.0045");
	CHECK_INT(calls_sum(c, "patch").input, 1000);
	end();
}

static void what_was_kept_before_the_kill_is_charged_as_it_was_answered(void)
{
	static const char kept[] =
		"{\"schema\":\"sickbay.model.call/1\",\"line\":{\"what\":\"model\","
		"\"call\":\"0001\",\"role\":\"patch\",\"usd\":\"0.001\",\"turns\":1}}";
	struct err e = ERR_INIT;
	char id[CALL_ID];

	begin();
	reserve(id);
	CHECK_INT(case_write(k, "calls/0001.json", kept, sizeof(kept) - 1, &e), 0);
	again();
	CHECK_STR(usd(), "0.001");
	again();
	CHECK_STR(usd(), "0.001");
	end();
}

static void a_line_that_was_cut_counts_for_nothing(void)
{
	static const char cut[] = "{\"what\":\"model.reserve\",\"call\":\"00";
	struct err e = ERR_INIT;
	char id[CALL_ID];
	int fd;

	begin();
	reserve(id);
	CHECK_INT(calls_settle(c, id, &most, &cost, NULL, &e), 0);
	fd = openat(case_dir(k), "ledger.ndjson", O_WRONLY | O_APPEND | O_CLOEXEC);
	CHECK_INT(fd_write_all(fd, cut, sizeof(cut) - 1, "l", &e), 0);
	(void)close(fd);
	again();
	CHECK_STR(usd(), "0.003");
	reserve(id);
	CHECK_STR(id, "0002");
	CHECK_STR(usd(), "0.0075");
	end();
}

static void an_answer_is_taken_by_another_run_and_once(void)
{
	struct err e = ERR_INIT;
	char id[CALL_ID];
	int status = -1;
	pid_t child;

	begin();
	reserve(id);
	CHECK_INT(calls_settle(c, id, &most, &cost, json_pack("{s:i}", "a", 7), &e), 0);
	again();
	CHECK(calls_take(c, "patch", "sha256:1") == NULL); /* its own */
	(void)fflush(stdout);
	calls_close(c);
	c = NULL;
	child = fork();
	if (child == 0) {
		bool ok = calls_open(k, &c, &e) == 0 && !calls_take(c, "patch", "sha256:2") &&
			  !calls_take(c, "reproduce", "sha256:1");
		json_t *v = calls_take(c, "patch", "sha256:1");

		ok = ok && v && strcmp(ledger_text(v, "call"), "0001") == 0;
		ok = ok &&
		     json_integer_value(json_object_get(json_object_get(v, "kept"), "a")) == 7;
		_exit(ok && !calls_take(c, "patch", "sha256:1") ? 0 : 1);
	}
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
	CHECK_INT(faccessat(case_dir(k), "calls/0001.json", F_OK, 0), 0);
	CHECK_INT(calls_forget(k, &e), 0);
	CHECK(faccessat(case_dir(k), "calls", F_OK, 0) < 0);
	end();
}

static void bodies_are_found_by_their_digest_and_expire(void)
{
	struct err e = ERR_INIT;
	struct stat st;
	size_t n = 9;

	begin();
	CHECK_INT(bodies_expire(dir, 0, &n, &e), 0);
	CHECK_INT(n, 0);
	CHECK_INT(bodies_put(dir, "abc", 3, &e), 0);
	CHECK_INT(bodies_put(dir, "abc", 3, &e), 0);
	CHECK_INT(chdir(dir), 0);
	CHECK_INT(stat("bodies/ba/7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		       &st),
		  0);
	CHECK_INT(st.st_mode & 07777, 0600);
	CHECK_INT(stat("bodies", &st), 0);
	CHECK_INT(st.st_mode & 07777, 0700);
	CHECK_INT(chdir("/"), 0);
	CHECK_INT(bodies_expire(dir, 60000, &n, &e), 0);
	CHECK_INT(n, 0);
	CHECK_INT(bodies_expire(dir, 0, &n, &e), 0);
	CHECK_INT(n, 1);
	end();
}

TAP_MAIN(TEST(what_is_reserved_counts_until_it_is_settled),
	 TEST(what_never_ended_is_charged_as_reserved_and_once),
	 TEST(what_was_kept_before_the_kill_is_charged_as_it_was_answered),
	 TEST(a_line_that_was_cut_counts_for_nothing),
	 TEST(an_answer_is_taken_by_another_run_and_once),
	 TEST(bodies_are_found_by_their_digest_and_expire))
