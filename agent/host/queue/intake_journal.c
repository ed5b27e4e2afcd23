/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/host/queue/intake_impl.h"
#include "agent/host/queue/spool.h"
#include "runtime/base/clock.h"
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
	AUTO_CLOSE int fd = -1;
	struct stat st;
	char name[32];

	if (i->n_seg == SEGMENTS_MAX)
		return err_set(e, ENOSPC, "more than %d segments wait in the journal",
			       SEGMENTS_MAX);
	name_of(number, name);
	fd = openat(i->dir, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open '%s' of the journal", name);
	i->seg[i->n_seg++] = (struct segment){ .number = number,
					       .limit = (uint64_t)st.st_size,
					       .fd = take_fd(&fd),
					       .closed = closed };
	if (number >= i->next)
		i->next = number + 1;
	return 0;
}

typedef int each_segment(void *ctx, int dir, uint64_t number, struct err *e);

static int list_segments(int dir, each_segment *take, void *ctx, struct err *e)
{
	AUTO_CLOSE int at = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(cleanup_closedir) DIR *d = at < 0 ? NULL : fdopendir(at);
	const struct dirent *ent;
	int r = 0;

	if (!d)
		return err_sys(e, "list the journal");
	(void)take_fd(&at);
	while (r == 0 && (ent = readdir(d))) {
		char *end;
		const uint64_t number = strtoull(ent->d_name, &end, 10);

		if (end == ent->d_name + 12 && strcmp(end, ".seg") == 0)
			r = take(ctx, dir, number, e);
	}
	return r;
}

static int open_one(void *ctx, int dir, uint64_t number, struct err *e)
{
	(void)dir;
	return add_segment(ctx, number, O_RDONLY, true, e);
}

static int find_segments(struct intake *i, struct err *e)
{
	if (list_segments(i->dir, open_one, i, e) < 0)
		return -e->code;
	qsort(i->seg, i->n_seg, sizeof(i->seg[0]), by_number);
	return 0;
}

static uint64_t get(const json_t *v, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(v, name));
}

static int read_done(int dir, uint64_t *number, uint64_t *bytes, struct piece_plan *plan,
		     struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	int r = spool_read(dir, DONE_FILE, INTAKE_SCHEMA, &v, e);

	*number = *bytes = 0;
	if (r == -ENOENT) {
		e->code = 0;
		return 0;
	}
	if (r < 0)
		return r;
	*number = get(v, "segment");
	*bytes = get(v, "bytes");
	plan->segment = get(v, "next_segment");
	plan->to = get(v, "next_to");
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

static void drop_done(struct intake *i)
{
	while (i->n_seg && i->seg[0].closed && i->seg[0].done >= i->seg[0].limit)
		drop_first(i);
}

int journal_open(struct intake *i, struct err *e)
{
	uint64_t number, bytes;

	if (read_done(i->dir, &number, &bytes, &i->plan, e) < 0 || find_segments(i, e) < 0)
		return -e->code;
	while (i->n_seg && i->seg[0].number < number)
		drop_first(i);
	if (i->n_seg && i->seg[0].number == number)
		i->seg[0].done = bytes;
	if (i->next <= number)
		i->next = number + 1;
	drop_done(i); /* of a run in which nothing came, too */
	return 0;
}

bool journal_is_pressed(const struct err *e)
{
	return e->code == ENOSPC || e->code == EDQUOT || e->code == EIO;
}

static int extend(struct intake *i, struct err *e)
{
	const uint64_t number = i->next ? i->next : 1;
	AUTO_JSON json_t *body = json_pack("{s:I}", "number", (json_int_t)number);
	int r;

	if (!body)
		return err_set(e, ENOMEM, "out of memory");
	if (add_segment(i, number, O_RDWR | O_CREAT | O_EXCL | O_APPEND, false, e) < 0)
		return -e->code;
	r = sys_fsync(i->dir);
	if (r < 0) { /* its name may be lost with a crash, and all in it */
		cleanup_close(&i->seg[--i->n_seg].fd);
		return err_set(e, -r, "sync the journal's directory: %s", strerror(-r));
	}
	return msg_send(i->sock, INTAKE_SEGMENT, body, NULL, 0, i->seg[i->n_seg - 1].fd, e);
}

int journal_extend(struct intake *i, struct err *e)
{
	while (i->wanted && clock_mono_ns() >= i->retry_ns) {
		if (extend(i, e) == 0) {
			i->wanted--;
			continue;
		}
		if (!journal_is_pressed(e))
			return -e->code;
		log_warn("%s: it is tried again", e->msg);
		*e = (struct err)ERR_INIT;
		i->retry_ns = clock_mono_ns() + JOURNAL_RETRY_NS;
	}
	return 0;
}

static struct segment *find(struct intake *i, uint64_t number)
{
	for (size_t k = 0; k < i->n_seg; k++)
		if (i->seg[k].number == number)
			return &i->seg[k];
	return NULL;
}

void journal_durable(struct intake *i, uint64_t number, uint64_t bytes)
{
	struct segment *const s = find(i, number);

	if (s && !s->closed && bytes > s->limit)
		s->limit = bytes;
}

/* What is behind the limit was refused to its senders, who send it again: after a restart it would
 * be there twice. */
static int cut(const struct segment *s, struct err *e)
{
	struct stat st;
	int r;

	if (fstat(s->fd, &st) < 0)
		return err_sys(e, "the journal");
	if ((uint64_t)st.st_size <= s->limit)
		return 0;
	r = sys_ftruncate(s->fd, s->limit);
	if (r < 0)
		log_warn("cut the journal's segment %" PRIu64 " to %" PRIu64 " bytes: %s",
			 s->number, s->limit, strerror(-r));
	return 1;
}

int journal_full(struct intake *i, uint64_t number, uint64_t bytes, struct err *e)
{
	struct segment *const s = find(i, number);
	int r;

	if (!s || s->closed || bytes < s->limit)
		return err_set(e, EPROTO,
			       "segment %" PRIu64 " cannot be full with %" PRIu64 " bytes", number,
			       bytes);
	s->limit = bytes;
	s->closed = true;
	i->wanted++;
	r = cut(s, e);
	if (r > 0) /* it was left because the disk fails: not one after the other */
		i->retry_ns = clock_mono_ns() + JOURNAL_RETRY_NS;
	drop_done(i);
	return r < 0 ? r : 0;
}

int journal_record_end(const struct segment *s, uint64_t at, uint64_t *end, struct err *e)
{
	uint8_t header[INTAKE_HEADER];
	struct intake_record rec = { 0 };
	const uint8_t *payload;
	ssize_t got;

	got = pread(s->fd, header, sizeof(header), (off_t)at);
	if (got < 0)
		return err_sys(e, "read the journal");
	if (intake_get(header, (size_t)got, &rec, &payload) < 0 || got < INTAKE_HEADER)
		return 0;
	*end = at + INTAKE_HEADER + rec.length;
	return *end <= s->limit;
}

/* The first segment that has something; what waits in all is summed up. */
static struct segment *next_segment(struct intake *i)
{
	struct segment *first = NULL;

	i->counts.backlog = 0;
	for (size_t k = 0; k < i->n_seg; k++) {
		struct segment *const s = &i->seg[k];

		if (s->limit > s->done) {
			i->counts.backlog += s->limit - s->done;
			first = first ? first : s;
		} else if (!s->closed && !first) {
			break; /* what comes after it is written once it is closed */
		}
	}
	return first;
}

/* Where the next piece ends: one whole record at least, where there is one. */
static int plan(struct intake *i, const struct segment *s, struct err *e)
{
	uint64_t end = 0;
	int r;

	if (!s) {
		i->plan = (struct piece_plan){ 0 };
		return 0;
	}
	i->plan = (struct piece_plan){ s->number, s->limit };
	if (s->limit - s->done > PIECE_MOST)
		i->plan.to = s->done + PIECE_MOST;
	r = journal_record_end(s, s->done, &end, e);
	if (r == 1 && end > i->plan.to)
		i->plan.to = end;
	return r < 0 ? r : 0;
}

static int note_done(struct intake *i, uint64_t number, uint64_t bytes, struct err *e)
{
	return spool_write(i->dir, DONE_FILE,
			   json_pack("{s:s,s:I,s:I,s:I,s:I}", "schema", INTAKE_SCHEMA, "segment",
				     (json_int_t)number, "bytes", (json_int_t)bytes, "next_segment",
				     (json_int_t)i->plan.segment, "next_to",
				     (json_int_t)i->plan.to),
			   e);
}

int journal_piece(struct intake *i, struct segment **seg, uint64_t *from, uint64_t *to,
		  struct err *e)
{
	struct segment *const s = next_segment(i);

	if (!s)
		return 0;
	if (i->plan.segment != s->number || i->plan.to <= s->done || i->plan.to > s->limit) {
		if (plan(i, s, e) < 0 || note_done(i, s->number, s->done, e) < 0) {
			i->plan = (struct piece_plan){ 0 };
			return -e->code;
		}
	}
	*seg = s;
	*from = s->done;
	*to = i->plan.to;
	return 1;
}

int journal_done(struct intake *i, struct segment *seg, uint64_t to, struct err *e)
{
	const uint64_t number = seg->number, before = seg->done;
	int r;

	seg->done = to;
	r = plan(i, next_segment(i), e);
	if (r == 0)
		r = note_done(i, number, to, e);
	if (r < 0) { /* it is taken in again, as it was */
		seg->done = before;
		i->plan = (struct piece_plan){ number, to };
		return r;
	}
	drop_done(i);
	return 0;
}

void journal_close(struct intake *i)
{
	for (size_t k = 0; k < i->n_seg; k++)
		(void)close(i->seg[k].fd);
	i->n_seg = 0;
}

/* ---- from outside ---- */

struct waits {
	uint64_t number, done, bytes;
};

static int add_waiting(void *ctx, int dir, uint64_t number, struct err *e)
{
	struct waits *const w = ctx;
	struct stat st;
	char name[32];

	(void)e;
	name_of(number, name);
	if (number < w->number || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* it has just been taken in */
	w->bytes += (uint64_t)st.st_size;
	if (number == w->number)
		w->bytes -= w->done < (uint64_t)st.st_size ? w->done : (uint64_t)st.st_size;
	return 0;
}

int intake_waits(const char *state, bool *serves, uint64_t *bytes, struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = -1;
	struct piece_plan plan;
	struct waits w = { 0 };

	if (asprintf(&path, "%s/" INTAKE_DIR, state) < 0)
		return err_set(e, ENOMEM, "out of memory");
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 && errno != ENOENT)
		return err_sys(e, "'%s'", path);
	if (dir >= 0 && (read_done(dir, &w.number, &w.done, &plan, e) < 0 ||
			 list_segments(dir, add_waiting, &w, e) < 0))
		return -e->code;
	*serves = dir >= 0 && flock(dir, LOCK_SH | LOCK_NB) < 0;
	*bytes = w.bytes;
	return 0;
}
