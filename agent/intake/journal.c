/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/intake/journal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/sys.h"

void journal_init(struct journal *j, uint64_t segment, size_t most)
{
	*j = (struct journal){ .now.fd = -1, .next.fd = -1, .segment = segment };
	j->gathered.max = most;
}

int journal_segment(struct journal *j, uint64_t number, int fd, struct err *e)
{
	AUTO_CLOSE int own = fd;
	struct stat st;

	if (fstat(own, &st) < 0)
		return err_sys(e, "a segment of the journal");
	if (!S_ISREG(st.st_mode))
		return err_set(e, EPROTO, "a segment that is no file");
	if (j->now.fd < 0) {
		j->now.fd = take_fd(&own);
		j->now.number = number;
		j->now.bytes = (uint64_t)st.st_size;
	} else if (j->next.fd < 0) {
		j->next.fd = take_fd(&own);
		j->next.number = number;
		j->next.bytes = (uint64_t)st.st_size;
	} else {
		return err_set(e, EPROTO, "more segments than are needed");
	}
	return 0;
}

int journal_add(struct journal *j, struct intake_record *r, const void *payload, struct err *e)
{
	uint8_t header[INTAKE_HEADER];

	if (r->length + INTAKE_HEADER > j->gathered.max - j->gathered.n)
		return err_set(e, ENOSPC, "too much at once");
	r->number = ++j->records;
	intake_put(r, payload, header);
	buf_put(&j->gathered, header, sizeof(header));
	buf_put(&j->gathered, payload, r->length);
	return buf_check(&j->gathered, "the journal", e);
}

/* The next segment takes over, if there is one. */
static void turn_over(struct journal *j, struct intake_segment *closed)
{
	*closed = (struct intake_segment){ j->now.number, j->now.bytes };
	cleanup_close(&j->now.fd);
	j->now = j->next;
	j->next.fd = -1;
	j->next.number = j->next.bytes = 0;
}

static int write_all(int fd, const char *p, size_t n, struct err *e)
{
	while (n) {
		const int w = sys_write(fd, p, n);

		if (w == -EINTR)
			continue;
		if (w < 0)
			return err_set(e, -w, "write the journal: %s", strerror(-w));
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

static int put(struct journal *j, struct intake_segment *closed, struct err *e)
{
	int r = write_all(j->now.fd, j->gathered.p, j->gathered.n, e);

	if (r < 0) {
		if (sys_ftruncate(j->now.fd, j->now.bytes) < 0)
			turn_over(j, closed);
		return r;
	}
	r = sys_fdatasync(j->now.fd);
	if (r < 0) {
		turn_over(j, closed);
		return err_set(e, -r, "sync the journal: %s", strerror(-r));
	}
	j->now.bytes += j->gathered.n;
	if (j->now.bytes >= j->segment && j->next.fd >= 0)
		turn_over(j, closed);
	return 0;
}

int journal_sync(struct journal *j, struct intake_segment *closed, struct err *e)
{
	int r = 0;

	*closed = (struct intake_segment){ 0 };
	if (j->gathered.n)
		r = j->now.fd >= 0 ? put(j, closed, e)
				   : err_set(e, ENOSPC, "there is no segment to write to");
	buf_reset(&j->gathered);
	return r;
}

void journal_release(struct journal *j)
{
	cleanup_close(&j->now.fd);
	cleanup_close(&j->next.fd);
	buf_release(&j->gathered);
}
