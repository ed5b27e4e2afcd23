/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/intake/journal.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"

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

static int write_all(int fd, const char *p, size_t n, struct err *e)
{
	while (n) {
		const ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return err_sys(e, "write the journal");
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* The next segment takes over once this one is long enough. */
static bool turn_over(struct journal *j, uint64_t *closed)
{
	if (j->now.bytes < j->segment || j->next.fd < 0)
		return false;
	*closed = j->now.number;
	(void)close(j->now.fd);
	j->now = j->next;
	j->next.fd = -1;
	return true;
}

int journal_sync(struct journal *j, bool *full, uint64_t *closed, struct err *e)
{
	int r = 0;

	*full = false;
	if (j->gathered.n == 0)
		return 0;
	if (j->now.fd < 0)
		r = err_set(e, ENOSPC, "there is no segment to write to");
	if (r == 0)
		r = write_all(j->now.fd, j->gathered.p, j->gathered.n, e);
	if (r == 0 && fdatasync(j->now.fd) < 0)
		r = err_sys(e, "sync the journal");
	if (r == 0)
		j->now.bytes += j->gathered.n;
	else if (j->now.fd >= 0 && ftruncate(j->now.fd, (off_t)j->now.bytes) < 0)
		(void)err_wrap(e, "and it cannot be cut back");
	buf_reset(&j->gathered);
	if (r == 0)
		*full = turn_over(j, closed);
	return r;
}

void journal_release(struct journal *j)
{
	cleanup_close(&j->now.fd);
	cleanup_close(&j->next.fd);
	buf_release(&j->gathered);
}
