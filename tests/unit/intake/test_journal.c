/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/intake/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/sys.h"
#include "tests/tap.h"

/* What a crash or a full disk leaves of a segment, and what a reader makes of it. */
static struct journal j;

static int segment(void)
{
	const int fd = memfd_create("segment", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	CHECK(fd >= 0);
	CHECK_INT(fcntl(fd, F_SETFL, O_APPEND), 0);
	return fd;
}

static void add(const char *payload)
{
	struct intake_record r = { .received_ns = 7,
				   .length = (uint32_t)strlen(payload),
				   .source = 258,
				   .kind = INTAKE_TEXT,
				   .encoding = INTAKE_ZSTD,
				   .protobuf = true };
	struct err e = ERR_INIT;

	CHECK_INT(journal_add(&j, &r, payload, &e), 0);
}

static struct intake_segment closed; /* by the last sync */

static int sync_now(void)
{
	struct err e = ERR_INIT;

	return journal_sync(&j, &closed, &e);
}

static size_t written(int fd, uint8_t *to, size_t most)
{
	const ssize_t n = pread(fd, to, most, 0);

	CHECK(n >= 0);
	return n < 0 ? 0 : (size_t)n;
}

static void test_records(void)
{
	const int fd = segment();
	const uint8_t *payload = NULL;
	struct intake_record r = { 0 };
	struct err e = ERR_INIT;
	uint8_t p[256];
	size_t n, damaged = 0, taken = 0;

	journal_init(&j, 1024, 4096);
	CHECK_INT(journal_segment(&j, 1, dup(fd), &e), 0);
	add("first");
	add("x");
	CHECK_INT(sync_now(), 0);
	CHECK_INT(closed.number, 0);
	n = written(fd, p, sizeof(p));
	CHECK_INT(n, 2 * INTAKE_HEADER + 6);
	CHECK_INT(intake_get(p, n, &r, &payload), INTAKE_HEADER + 5);
	CHECK(r.number == 1 && r.received_ns == 7 && r.length == 5 && r.source == 258);
	CHECK(r.kind == INTAKE_TEXT && r.encoding == INTAKE_ZSTD && r.protobuf);
	CHECK(memcmp(payload, "first", 5) == 0);
	/* wherever a crash cut it */
	for (size_t k = 0; k < INTAKE_HEADER + 5; k++)
		taken += intake_get(p, k, &r, &payload) != 0;
	CHECK_INT(taken, 0);
	/* whichever bit is another */
	for (size_t k = 0; k < (INTAKE_HEADER + 5) * 8; k++) {
		p[k / 8] ^= (uint8_t)(1u << (k % 8));
		damaged += intake_get(p, n, &r, &payload) <= 0;
		p[k / 8] ^= (uint8_t)(1u << (k % 8));
	}
	CHECK_INT(damaged, (INTAKE_HEADER + 5) * 8);
	journal_release(&j);
	(void)close(fd);
}

static void test_turns(void)
{
	const int a = segment(), b = segment();
	struct err e = ERR_INIT;
	uint8_t p[256];

	journal_init(&j, 50, 4096);
	CHECK_INT(journal_segment(&j, 8, dup(a), &e), 0);
	add("before there is another one");
	CHECK_INT(sync_now(), 0);
	CHECK_INT(closed.number, 0);
	CHECK_INT(journal_segment(&j, 9, dup(b), &e), 0);
	CHECK(journal_segment(&j, 10, dup(b), &e) < 0);
	add("the last one");
	CHECK_INT(sync_now(), 0);
	CHECK(closed.number == 8 && closed.bytes == 2 * INTAKE_HEADER + 27 + 12);
	add("the next");
	CHECK_INT(sync_now(), 0);
	CHECK_INT(written(a, p, sizeof(p)), 2 * INTAKE_HEADER + 27 + 12);
	CHECK_INT(written(b, p, sizeof(p)), INTAKE_HEADER + 8);
	CHECK_INT(sync_now(), 0); /* nothing to write */
	journal_release(&j);
	(void)close(a);
	(void)close(b);
}

static void test_failures(void)
{
	const int fd = segment();
	struct intake_record large = { .length = 5000 };
	static const char payload[5000];
	struct err e = ERR_INIT;
	uint8_t p[256];

	journal_init(&j, 1024, 4096);
	add("there is none to write to");
	CHECK_INT(sync_now(), -ENOSPC);
	CHECK_INT(journal_segment(&j, 1, dup(fd), &e), 0);
	add("kept");
	CHECK_INT(sync_now(), 0);
	CHECK_INT(journal_add(&j, &large, payload, &e), -ENOSPC);
	/* a disk that takes part of it, as a seal does: the segment is as it was */
	CHECK_INT(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
	add("lost");
	CHECK(sync_now() < 0);
	CHECK_INT(sync_now(), 0);
	CHECK_INT(written(fd, p, sizeof(p)), INTAKE_HEADER + 4);
	journal_release(&j);
	(void)close(fd);
}

#ifdef SYS_FAULTS
/* A call of the system that fails once, on its way through three reports. */
static void fails(const char *call, int code, bool left, const char *second)
{
	const int a = segment(), b = segment();
	struct err e = ERR_INIT;
	const uint8_t *payload = NULL;
	struct intake_record r;
	uint8_t p[512];
	size_t n;

	journal_init(&j, 1024, 4096);
	CHECK_INT(journal_segment(&j, 5, dup(a), &e), 0);
	CHECK_INT(journal_segment(&j, 6, dup(b), &e), 0);
	add("kept");
	CHECK_INT(sync_now(), 0);
	sys_fault_arm(call, 1, code);
	add("refused");
	CHECK_INT(sync_now(), -code);
	CHECK(sys_fault_hit());
	sys_fault_arm(NULL, 0, 0);
	CHECK_INT(closed.number, left ? 5 : 0);
	CHECK_INT(closed.bytes, left ? INTAKE_HEADER + 4 : 0);
	add("sent again");
	CHECK_INT(sync_now(), 0);
	CHECK_INT(j.now.number, left ? 6 : 5);
	CHECK_INT(j.now.bytes, (left ? 0 : INTAKE_HEADER + 4) + INTAKE_HEADER + 10);
	n = written(left ? b : a, p, sizeof(p));
	CHECK(intake_get(p, n, &r, &payload) > 0);
	CHECK(memcmp(payload, second, strlen(second)) == 0);
	journal_release(&j);
	(void)close(a);
	(void)close(b);
}

static void test_faults(void)
{
	fails("write", ENOSPC, false, "kept");
	fails("fdatasync", EIO, true, "sent again");
}

/* Neither written nor cut back: what is behind the limit is the parent's to cut off. */
static void test_cut(void)
{
	const int a = segment(), b = segment();
	struct err e = ERR_INIT;
	uint8_t p[256];

	journal_init(&j, 1024, 4096);
	CHECK_INT(journal_segment(&j, 5, dup(a), &e), 0);
	add("kept");
	CHECK_INT(sync_now(), 0);
	CHECK_INT(fcntl(a, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK), 0);
	sys_fault_arm("ftruncate", 1, EIO);
	add("lost");
	CHECK(sync_now() < 0);
	CHECK(sys_fault_hit());
	sys_fault_arm(NULL, 0, 0);
	CHECK(closed.number == 5 && closed.bytes == INTAKE_HEADER + 4);
	add("there is none to write to");
	CHECK_INT(sync_now(), -ENOSPC);
	CHECK_INT(closed.number, 0);
	CHECK_INT(journal_segment(&j, 6, dup(b), &e), 0);
	add("next");
	CHECK_INT(sync_now(), 0);
	CHECK_INT(written(b, p, sizeof(p)), INTAKE_HEADER + 4);
	journal_release(&j);
	(void)close(a);
	(void)close(b);
}

#define WITH_FAULTS                                                                    \
	{ "a failed write is cut off, a segment that was not synced is left for good", \
	  test_faults },                                                               \
		{ "one that cannot be cut back is left, and said how far it is good", test_cut },
#else
#define WITH_FAULTS
#endif

TAP_MAIN({ "a record is read as it was written, and neither cut nor damaged", test_records },
	 { "the next segment takes over once this one is long enough", test_turns },
	 WITH_FAULTS{ "what could not be written is in no segment", test_failures })
