/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/jmap.h"
#include "runtime/base/msg_stream.h"
#include "tests/tap.h"

static struct msg_stream a, b;

static void meet(void)
{
	int pair[2] = { -1, -1 };

	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	a = (struct msg_stream)MSG_STREAM_INIT(pair[0]);
	b = (struct msg_stream)MSG_STREAM_INIT(pair[1]);
}

static void part(void)
{
	(void)close(a.sock);
	(void)close(b.sock);
	msg_stream_release(&a);
	msg_stream_release(&b);
}

static void put(struct msg_stream *s, uint16_t type, const char *text)
{
	AUTO_JSON json_t *body = json_pack("{s:s}", "text", text);
	struct err e = ERR_INIT;

	CHECK_INT(msg_stream_put(s, type, body, 1u << 20, &e), 0);
}

static int next_type(struct msg_stream *s)
{
	AUTO_MSG struct msg m = MSG_INIT;
	struct err e = ERR_INIT;

	return msg_stream_next(s, &m, &e) == 1 ? m.type : 0;
}

static void a_frame_in_pieces_is_taken_when_it_is_whole(void)
{
	struct err e = ERR_INIT;

	meet();
	put(&a, 7, "one");
	put(&a, 8, "two");
	for (size_t i = 0; i < a.out.n; i++) {
		CHECK_INT(msg_stream_read(&b, &e), -EAGAIN);
		CHECK_INT(send(a.sock, a.out.p + i, 1, 0), 1);
		CHECK_INT(msg_stream_read(&b, &e), 1);
		if (i == a.out.n / 2 - 1)
			CHECK_INT(next_type(&b), 7);
		else if (i == a.out.n - 1)
			CHECK_INT(next_type(&b), 8);
		else
			CHECK_INT(next_type(&b), 0);
	}
	part();
}

static void what_the_socket_does_not_take_waits(void)
{
	static char text[200000];
	struct err e = ERR_INIT;
	unsigned got = 0;

	meet();
	memset(text, 'x', sizeof(text) - 1);
	for (int i = 0; i < 4; i++)
		put(&a, 9, text);
	CHECK_INT(msg_stream_flush(&a, &e), 0);
	CHECK(msg_stream_waiting(&a) > 0);
	while (got < 4) {
		const int r = msg_stream_read(&b, &e);

		CHECK(r == 1 || r == -EAGAIN);
		while (next_type(&b) == 9)
			got++;
		CHECK_INT(msg_stream_flush(&a, &e), 0);
	}
	CHECK_INT(msg_stream_waiting(&a), 0);
	part();
}

static void more_than_may_wait_is_refused_and_spoils_nothing(void)
{
	AUTO_JSON json_t *body = json_pack("{s:s}", "text", "a text that is longer than that");
	struct err e = ERR_INIT;

	meet();
	put(&a, 5, "one");
	CHECK_INT(msg_stream_put(&a, 6, body, msg_stream_waiting(&a) + 10, &e), -E2BIG);
	put(&a, 7, "two");
	e = (struct err)ERR_INIT;
	CHECK_INT(msg_stream_flush(&a, &e), 0);
	CHECK_INT(msg_stream_read(&b, &e), 1);
	CHECK_INT(next_type(&b), 5);
	CHECK_INT(next_type(&b), 7);
	part();
}

static void a_peer_that_goes_within_a_frame_is_told_from_one_that_ended(void)
{
	struct err e = ERR_INIT;

	meet();
	CHECK_INT(shutdown(a.sock, SHUT_WR), 0);
	CHECK_INT(msg_stream_read(&b, &e), 0);
	part();
	meet();
	CHECK_INT(send(a.sock, "\x20", 1, 0), 1);
	CHECK_INT(msg_stream_read(&b, &e), 1);
	CHECK_INT(shutdown(a.sock, SHUT_WR), 0);
	CHECK_INT(msg_stream_read(&b, &e), -EPIPE);
	CHECK_STR(e.msg, "message cut short");
	part();
}

static void a_peer_that_reads_nothing_is_waited_for_no_longer_than_said(void)
{
	static char text[200000];
	struct err e = ERR_INIT;

	meet();
	memset(text, 'x', sizeof(text) - 1);
	put(&a, 4, "small");
	CHECK_INT(msg_stream_drain(&a, 0, &e), 0);
	for (int i = 0; i < 4; i++)
		put(&a, 9, text);
	CHECK_INT(msg_stream_drain(&a, 20, &e), -ETIMEDOUT);
	CHECK_STR(e.msg, "the peer does not read");
	e = (struct err)ERR_INIT;
	CHECK_INT(shutdown(b.sock, SHUT_RDWR), 0);
	CHECK_INT(msg_stream_drain(&a, 20, &e), -EPIPE);
	part();
}

TAP_MAIN(TEST(a_frame_in_pieces_is_taken_when_it_is_whole),
	 TEST(what_the_socket_does_not_take_waits),
	 TEST(more_than_may_wait_is_refused_and_spoils_nothing),
	 TEST(a_peer_that_reads_nothing_is_waited_for_no_longer_than_said),
	 TEST(a_peer_that_goes_within_a_frame_is_told_from_one_that_ended))
