/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/host/queue/intake_impl.h"
#include "agent/host/queue/spool.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/msg.h"
#include "runtime/base/sys.h"
#include "runtime/proto/intake.h"

/* The journal as files: STATE/intake/NUMBER.seg, and how far they are taken in. */
#define DONE_FILE  "done.json"
#define PIECE_MOST (4u << 20) /* small, so that clients are heard in between */

static void name_of(uint64_t number, char out[32])
{
	(void)snprintf(out, 32, "%012" PRIu64 ".seg", number);
}

static int by_number(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

static int add_segment(struct intake *i, uint64_t number, int flags, bool closed, struct err *e)
{
	char name[32];
	int fd;

	if (i->n_seg == SEGMENTS_MAX)
		return err_set(e, ENOSPC, "more than %d segments wait in the journal",
			       SEGMENTS_MAX);
	name_of(number, name);
	fd = openat(i->dir, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(e, "open '%s' of the journal", name);
	i->seg[i->n_seg++] = (struct segment){ .number = number, .fd = fd, .closed = closed };
	if (number >= i->next)
		i->next = number + 1;
	return 0;
}

static int find_segments(struct intake *i, struct err *e)
{
	AUTO_CLOSE int at = openat(i->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(cleanup_closedir) DIR *d = at < 0 ? NULL : fdopendir(at);
	const struct dirent *ent;

	if (!d)
		return err_sys(e, "list the journal");
	(void)take_fd(&at);
	while ((ent = readdir(d))) {
		char *end;
		const uint64_t number = strtoull(ent->d_name, &end, 10);

		if (end != ent->d_name + 12 || strcmp(end, ".seg") != 0)
			continue;
		if (add_segment(i, number, O_RDONLY, true, e) < 0)
			return -e->code;
	}
	qsort(i->seg, i->n_seg, sizeof(i->seg[0]), by_number);
	return 0;
}

static int read_done(struct intake *i, uint64_t *number, uint64_t *bytes, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	int r = spool_read(i->dir, DONE_FILE, INTAKE_SCHEMA, &v, e);

	*number = *bytes = 0;
	if (r == -ENOENT) {
		e->code = 0;
		return 0;
	}
	if (r < 0)
		return r;
	*number = (uint64_t)json_integer_value(json_object_get(v, "segment"));
	*bytes = (uint64_t)json_integer_value(json_object_get(v, "bytes"));
	return 0;
}

static void drop_first(struct intake *i)
{
	char name[32];

	name_of(i->seg[0].number, name);
	(void)close(i->seg[0].fd);
	if (unlinkat(i->dir, name, 0) < 0)
		log_warn("remove '%s' of the journal: %s", name, strerror(errno));
	memmove(i->seg, i->seg + 1, --i->n_seg * sizeof(i->seg[0]));
}

int journal_open(struct intake *i, struct err *e)
{
	uint64_t number, bytes;

	if (read_done(i, &number, &bytes, e) < 0 || find_segments(i, e) < 0)
		return -e->code;
	while (i->n_seg && i->seg[0].number < number)
		drop_first(i);
	if (i->n_seg && i->seg[0].number == number)
		i->seg[0].done = bytes;
	if (i->next <= number)
		i->next = number + 1;
	return 0;
}

int journal_extend(struct intake *i, struct err *e)
{
	const uint64_t number = i->next ? i->next : 1;
	AUTO_JSON json_t *body = json_pack("{s:I}", "number", (json_int_t)number);

	if (!body)
		return err_set(e, ENOMEM, "out of memory");
	if (add_segment(i, number, O_RDWR | O_CREAT | O_EXCL | O_APPEND, false, e) < 0)
		return -e->code;
	if (sys_fsync(i->dir) < 0)
		return err_sys(e, "sync the journal's directory");
	return msg_send(i->sock, INTAKE_SEGMENT, body, NULL, 0, i->seg[i->n_seg - 1].fd, e);
}

void journal_full(struct intake *i, uint64_t number)
{
	for (size_t k = 0; k < i->n_seg; k++)
		if (i->seg[k].number == number)
			i->seg[k].closed = true;
}

static int size_of(const struct segment *s, uint64_t *out, struct err *e)
{
	struct stat st;

	if (fstat(s->fd, &st) < 0)
		return err_sys(e, "the journal");
	*out = (uint64_t)st.st_size;
	return 0;
}

int journal_record_end(const struct segment *s, uint64_t at, uint64_t *end, struct err *e)
{
	uint8_t header[INTAKE_HEADER];
	struct intake_record rec = { 0 };
	const uint8_t *payload;
	uint64_t size = 0;
	ssize_t got;

	if (size_of(s, &size, e) < 0)
		return -e->code;
	got = pread(s->fd, header, sizeof(header), (off_t)at);
	if (got < 0)
		return err_sys(e, "read the journal");
	if (intake_get(header, (size_t)got, &rec, &payload) < 0 || got < INTAKE_HEADER)
		return 0;
	*end = at + INTAKE_HEADER + rec.length;
	return *end <= size;
}

int journal_piece(struct intake *i, struct segment **seg, uint64_t *from, uint64_t *to,
		  struct err *e)
{
	uint64_t size = 0, end = 0;
	int r;

	i->counts.backlog = 0;
	*seg = NULL;
	for (size_t k = 0; k < i->n_seg; k++) {
		if (size_of(&i->seg[k], &size, e) < 0)
			return -e->code;
		if (size <= i->seg[k].done && !i->seg[k].closed)
			break; /* what comes after it is written once it is closed */
		if (size <= i->seg[k].done)
			continue;
		i->counts.backlog += size - i->seg[k].done;
		if (*seg)
			continue;
		*seg = &i->seg[k];
		*from = (*seg)->done;
		*to = size - *from > PIECE_MOST ? *from + PIECE_MOST : size;
	}
	if (!*seg)
		return 0;
	r = journal_record_end(*seg, *from, &end, e);
	if (r == 1 && end > *to)
		*to = end; /* one record at least */
	return r < 0 ? r : 1;
}

int journal_done(struct intake *i, struct segment *seg, uint64_t to, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	uint64_t size = 0;

	seg->done = to;
	v = json_pack("{s:s,s:I,s:I}", "schema", INTAKE_SCHEMA, "segment", (json_int_t)seg->number,
		      "bytes", (json_int_t)to);
	if (spool_write(i->dir, DONE_FILE, json_incref(v), e) < 0)
		return -e->code;
	while (i->n_seg && i->seg[0].closed) {
		if (size_of(&i->seg[0], &size, e) < 0)
			return -e->code;
		if (i->seg[0].done < size)
			break;
		drop_first(i);
	}
	return 0;
}

void journal_close(struct intake *i)
{
	for (size_t k = 0; k < i->n_seg; k++)
		(void)close(i->seg[k].fd);
	i->n_seg = 0;
}
