/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inside/member.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/msg.h"
#include "runtime/proto/member.h"
#include "tests/tap.h"

/* The keeper in a process of its own, as in a member; the test is the host. */
struct kept {
	pid_t pid;
	int sock;
	char why[400]; /* of the last answer; "" when it went well, "gone" when there was none */
};

static struct kept keep(void)
{
	struct kept k = { 0 };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	(void)fflush(stdout);
	k.pid = fork();
	if (k.pid == 0) {
		struct err e = ERR_INIT;
		int status = 0;

		(void)close(pair[0]);
		if (!freopen("/dev/null", "w", stderr))
			_exit(98);
		(void)member_loop(pair[1], &status, &e);
		_exit(e.code ? 99 : status);
	}
	(void)close(pair[1]);
	k.sock = pair[0];
	return k;
}

static const char *ask(struct kept *k, uint16_t type, json_t *body, const char *input)
{
	AUTO_MSG struct msg answer = MSG_INIT;
	AUTO_JSON json_t *own = body;
	struct member_result result = { 0 };
	struct err e = ERR_INIT;

	(void)snprintf(k->why, sizeof(k->why), "gone");
	if (msg_send(k->sock, type, own, input, input ? strlen(input) : 0, -1, &e) == 0 &&
	    msg_recv(k->sock, 20000, &answer, &e) == 1 && answer.type == MEMBER_RESULT &&
	    jmap_read(member_result_map, answer.body, &result, "", &e) == 0)
		(void)snprintf(k->why, sizeof(k->why), "%s", result.ok ? "" : result.why);
	jmap_release(member_result_map, &result);
	return k->why;
}

static json_t *shell(const char *text)
{
	return json_pack("{s:[sss],s:i}", "argv", "sh", "-c", text, "timeout_ms", 10000);
}

static json_t *stop(int signal, int timeout_ms)
{
	return json_pack("{s:i,s:i}", "signal", signal, "timeout_ms", timeout_ms);
}

static int end(struct kept *k)
{
	int status = -1;

	(void)close(k->sock);
	(void)waitpid(k->pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void a_command_is_run_to_its_end(void)
{
	struct kept k = keep();

	CHECK_STR(ask(&k, MEMBER_RUN, shell("exit 0"), NULL), "");
	CHECK_STR(ask(&k, MEMBER_RUN, shell("exit 7"), NULL), "'sh' ended with status 7");
	CHECK_STR(ask(&k, MEMBER_RUN, shell("kill -9 $$"), NULL), "'sh' ended with status 137");
	CHECK_STR(ask(&k, MEMBER_RUN, shell("test \"$(cat)\" = seed"), "seed"), "");
	CHECK_STR(ask(&k, MEMBER_RUN, shell("test -z \"$(cat)\""), NULL), "");
	CHECK_STR(ask(&k, MEMBER_RUN,
		      json_pack("{s:[s],s:i}", "argv", "not-there", "timeout_ms", 9000), NULL),
		  "'not-there' ended with status 127");
	CHECK_STR(ask(&k, MEMBER_RUN,
		      json_pack("{s:[ss],s:i}", "argv", "sleep", "60", "timeout_ms", 50), NULL),
		  "'sleep' took too long");
	CHECK_INT(end(&k), 0);
}

static void it_is_ready_when_a_command_or_a_socket_says_so(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
	const int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof(in);
	struct kept k = keep();

	CHECK_STR(ask(&k, MEMBER_PROBE,
		      json_pack("{s:[s],s:i,s:i}", "argv", "true", "interval_ms", 10, "timeout_ms",
				9000),
		      NULL),
		  "");
	CHECK_STR(ask(&k, MEMBER_PROBE,
		      json_pack("{s:[s],s:i,s:i}", "argv", "false", "interval_ms", 10, "timeout_ms",
				200),
		      NULL),
		  "'false' ended with status 1");
	CHECK_STR(ask(&k, MEMBER_PROBE,
		      json_pack("{s:s,s:i,s:i}", "path", "/nowhere/socket", "interval_ms", 10,
				"timeout_ms", 50),
		      NULL),
		  "connect to '/nowhere/socket': No such file or directory");
	CHECK(s >= 0 && bind(s, (void *)&in, n) == 0 && getsockname(s, (void *)&in, &n) == 0);
	CHECK(strstr(ask(&k, MEMBER_PROBE,
			 json_pack("{s:s,s:i,s:i,s:i}", "address", "127.0.0.1", "port",
				   ntohs(in.sin_port), "interval_ms", 10, "timeout_ms", 50),
			 NULL),
		     "Connection refused"));
	CHECK(listen(s, 4) == 0);
	CHECK_STR(ask(&k, MEMBER_PROBE,
		      json_pack("{s:s,s:i,s:i,s:i}", "address", "127.0.0.1", "port",
				ntohs(in.sin_port), "interval_ms", 10, "timeout_ms", 9000),
		      NULL),
		  "");
	(void)close(s);
	CHECK_INT(end(&k), 0);
}

static void the_program_is_stopped_by_its_signal(void)
{
	struct kept k = keep();

	CHECK_STR(ask(&k, MEMBER_START, shell("trap 'exit 0' USR1; while :; do sleep 0.02; done"),
		      NULL),
		  "");
	CHECK_STR(ask(&k, MEMBER_RUN, shell("sleep 0.2"), NULL), "");
	CHECK_STR(ask(&k, MEMBER_STOP, stop(SIGUSR1, 9000), NULL), "");
	CHECK_INT(end(&k), 0);
}

static void one_that_does_not_stop_is_told_from_one_that_does(void)
{
	struct kept k = keep();

	CHECK_STR(ask(&k, MEMBER_START, shell("trap '' TERM; while :; do sleep 0.02; done"), NULL),
		  "");
	CHECK_STR(ask(&k, MEMBER_RUN, shell("sleep 0.2"), NULL), "");
	CHECK_STR(ask(&k, MEMBER_STOP, stop(SIGTERM, 100), NULL),
		  "it still runs after its stop signal");
	CHECK_STR(ask(&k, MEMBER_STOP, stop(SIGKILL, 9000), NULL), "");
	CHECK_INT(end(&k), 0);
}

static void its_end_is_the_end_of_the_member(void)
{
	struct kept k = keep();

	CHECK_STR(ask(&k, MEMBER_START, shell("sleep 0.2; exit 7"), NULL), "");
	CHECK_STR(ask(&k, MEMBER_PROBE,
		      json_pack("{s:[s],s:i,s:i}", "argv", "false", "interval_ms", 10, "timeout_ms",
				9000),
		      NULL),
		  "gone");
	CHECK_INT(end(&k), 7);
}

static void a_second_program_or_a_malformed_question_ends_it(void)
{
	struct kept k = keep();

	CHECK_STR(ask(&k, MEMBER_START, shell("exec sleep 0.3"), NULL), "");
	CHECK_STR(ask(&k, MEMBER_START, shell("exec sleep 0.3"), NULL), "gone");
	CHECK_INT(end(&k), 99);
	k = keep();
	CHECK_STR(ask(&k, MEMBER_STOP, stop(0, 1), NULL), "gone");
	CHECK_INT(end(&k), 99);
	k = keep();
	CHECK_STR(ask(&k, 77, json_object(), NULL), "gone");
	CHECK_INT(end(&k), 99);
}

TAP_MAIN(TEST(a_command_is_run_to_its_end), TEST(it_is_ready_when_a_command_or_a_socket_says_so),
	 TEST(the_program_is_stopped_by_its_signal),
	 TEST(one_that_does_not_stop_is_told_from_one_that_does),
	 TEST(its_end_is_the_end_of_the_member),
	 TEST(a_second_program_or_a_malformed_question_ends_it))
