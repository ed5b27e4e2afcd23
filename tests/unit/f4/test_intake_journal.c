/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/host/queue/intake_impl.h"
#include "runtime/base/fd.h"
#include "runtime/base/msg.h"
#include "runtime/base/sys.h"
#include "runtime/proto/intake.h"
#include "tests/tap.h"

/* The host's end of the journal, with this test in place of sickbay-intake at the other. */
static struct intake in;
static char top[64];
static int child; /* its end of the socket */

static void open_journal(void)
{
	struct err e = ERR_INIT;
	int pair[2];

	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	memset(&in, 0, sizeof(in));
	in.sock = pair[0];
	child = pair[1];
	in.dir = fd_open_dir(top, &e);
	CHECK(in.dir >= 0);
	CHECK_INT(journal_open(&in, &e), 0);
}

static void close_journal(void)
{
	journal_close(&in);
	cleanup_close(&in.sock);
	cleanup_close(&in.dir);
	cleanup_close(&child);
}

static void begin(void)
{
	(void)snprintf(top, sizeof(top), "/tmp/sickbay-journal.XXXXXX");
	CHECK(mkdtemp(top) != NULL);
	open_journal();
	in.wanted = 1;
}

static void end(void)
{
	struct err e = ERR_INIT;
	AUTO_CLOSE int at = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	close_journal();
	CHECK_INT(tree_remove_at(at, top + strlen("/tmp/"), &e), 0);
}

/* What sickbay-intake is handed: a descriptor, -1: nothing. */
static int handed(void)
{
	AUTO_MSG struct msg m = MSG_INIT;
	struct err e = ERR_INIT;

	if (msg_recv(child, 0, &m, &e) != 1 || m.type != INTAKE_SEGMENT)
		return -1;
	return take_fd(&m.fd);
}

static uint64_t append(int fd, const char *payload)
{
	struct intake_record r = { .length = (uint32_t)strlen(payload), .kind = INTAKE_TEXT };
	uint8_t header[INTAKE_HEADER];

	intake_put(&r, payload, header);
	CHECK_INT(write(fd, header, sizeof(header)), sizeof(header));
	CHECK_INT(write(fd, payload, r.length), r.length);
	return INTAKE_HEADER + r.length;
}

struct part {
	struct segment *seg;
	uint64_t number, from, to;
};

static int piece(struct part *p)
{
	struct err e = ERR_INIT;
	const int r = journal_piece(&in, &p->seg, &p->from, &p->to, &e);

	if (r == 1)
		p->number = p->seg->number;
	return r;
}

static int segments(void)
{
	return (int)in.n_seg;
}

static void test_limit(void)
{
	struct err e = ERR_INIT;
	struct stat st;
	struct part p = { 0 };
	int a, b;

	begin();
	in.wanted = 2;
	CHECK_INT(journal_extend(&in, &e), 0);
	a = handed();
	b = handed();
	CHECK(a >= 0 && b >= 0);
	(void)append(a, "good");
	CHECK_INT(piece(&p), 0); /* it is there, but nobody said that it is on disk */
	journal_durable(&in, 1, INTAKE_HEADER + 4);
	CHECK_INT(piece(&p), 1);
	CHECK(p.number == 1 && p.from == 0 && p.to == INTAKE_HEADER + 4);
	CHECK_INT(journal_done(&in, p.seg, p.to, &e), 0);
	/* a sync that failed: what was refused is not taken in, what was taken in stays */
	(void)append(a, "refused");
	CHECK_INT(piece(&p), 0);
	(void)append(b, "after");
	journal_durable(&in, 2, INTAKE_HEADER + 5);
	CHECK_INT(journal_full(&in, 1, INTAKE_HEADER + 4, &e), 0);
	CHECK_INT(fstat(a, &st), 0);
	CHECK_INT(st.st_size, INTAKE_HEADER + 4);
	CHECK_INT(segments(), 1);
	CHECK_INT(piece(&p), 1);
	CHECK(p.number == 2 && p.from == 0 && p.to == INTAKE_HEADER + 5);
	CHECK_INT(journal_done(&in, p.seg, p.to, &e), 0);
	/* a disk that fails gets no segment after the other */
	CHECK_INT(in.wanted, 1);
	CHECK_INT(journal_extend(&in, &e), 0);
	CHECK_INT(in.wanted, 1);
	in.retry_ns = 0;
	CHECK_INT(journal_extend(&in, &e), 0);
	CHECK_INT(in.wanted, 0);
	/* what was taken in cannot be taken back */
	CHECK_INT(journal_full(&in, 2, 3, &e), -EPROTO);
	CHECK_INT(journal_full(&in, 9, 3, &e), -EPROTO);
	(void)close(a);
	(void)close(b);
	end();
}

/* A service manager that starts it again and again must not fill the journal. */
static void test_starts(void)
{
	struct err e = ERR_INIT;

	begin();
	for (uint64_t k = 0; k < 3; k++) {
		in.wanted = 2;
		CHECK_INT(journal_extend(&in, &e), 0);
		CHECK_INT(segments(), 2);
		close_journal();
		open_journal();
		CHECK_INT(segments(), 0);
	}
	end();
}

static void test_plan(void)
{
	struct err e = ERR_INIT;
	struct part first = { 0 }, again = { 0 };
	uint64_t size;
	int a;

	begin();
	CHECK_INT(journal_extend(&in, &e), 0);
	a = handed();
	size = append(a, "one");
	journal_durable(&in, in.seg[in.n_seg - 1].number, size);
	CHECK_INT(piece(&first), 1);
	/* killed while it is taken in; more had come meanwhile */
	size += append(a, "two");
	close_journal();
	(void)close(a);
	open_journal();
	CHECK_INT(piece(&again), 1);
	CHECK(again.number == first.number && again.from == first.from && again.to == first.to);
	CHECK_INT(journal_done(&in, again.seg, again.to, &e), 0);
	CHECK_INT(piece(&again), 1);
	CHECK(again.from == first.to && again.to == size);
	CHECK_INT(journal_done(&in, again.seg, again.to, &e), 0);
	CHECK_INT(segments(), 0);
	end();
}

#ifdef SYS_FAULTS
static void test_uncut(void)
{
	struct err e = ERR_INIT;
	struct part p = { 0 };
	int a;

	begin();
	CHECK_INT(journal_extend(&in, &e), 0);
	a = handed();
	(void)append(a, "good");
	(void)append(a, "refused");
	sys_fault_arm("ftruncate", 1, EIO);
	CHECK_INT(journal_full(&in, in.seg[in.n_seg - 1].number, INTAKE_HEADER + 4, &e), 0);
	CHECK(sys_fault_hit());
	sys_fault_arm(NULL, 0, 0);
	CHECK_INT(piece(&p), 1);
	CHECK_INT(p.to - p.from, INTAKE_HEADER + 4);
	CHECK_INT(journal_done(&in, p.seg, p.to, &e), 0);
	CHECK_INT(piece(&p), 0);
	(void)close(a);
	end();
}

static void test_not_noted(void)
{
	struct err e = ERR_INIT;
	struct part first = { 0 }, again = { 0 };
	int a;

	begin();
	CHECK_INT(journal_extend(&in, &e), 0);
	a = handed();
	journal_durable(&in, 1, append(a, "one"));
	CHECK_INT(piece(&first), 1);
	for (int nth = 1; nth <= 2; nth++) { /* of the file, of its directory */
		sys_fault_arm("fsync", nth, EIO);
		CHECK(journal_done(&in, first.seg, first.to, &e) < 0);
		sys_fault_arm(NULL, 0, 0);
		journal_durable(&in, 1, first.to + append(a, "more"));
		CHECK_INT(piece(&again), 1);
		CHECK(again.from == first.from && again.to == first.to);
	}
	(void)close(a);
	end();
}

static void test_no_room(void)
{
	struct err e = ERR_INIT;
	int a;

	begin();
	sys_fault_arm("fsync", 1, ENOSPC);
	CHECK_INT(journal_extend(&in, &e), 0);
	sys_fault_arm(NULL, 0, 0);
	CHECK_INT(handed(), -1);
	CHECK_INT(segments(), 0);
	in.retry_ns = 0;
	CHECK_INT(journal_extend(&in, &e), 0);
	a = handed();
	CHECK(a >= 0);
	(void)close(a);
	end();
}

#define WITH_FAULTS                                                               \
	{ "what cannot be cut off is not taken in either", test_uncut },          \
		{ "a piece that could not be noted is taken in again, as it was", \
		  test_not_noted },                                               \
		{ "a disk without room is tried again", test_no_room },
#else
#define WITH_FAULTS
#endif

TAP_MAIN(WITH_FAULTS{ "what is not on disk is not taken in, and is cut off", test_limit },
	 { "after a kill the same piece is taken in again", test_plan },
	 { "starts without a report leave nothing", test_starts })
