/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/audit/scan.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/cleanup.h"

#define WINDOW	     (256u << 10) /* several lines of any length */
#define SEGMENTS_MAX 65536

void segment_name(uint64_t first, char out[SEGMENT_NAME])
{
	(void)snprintf(out, SEGMENT_NAME, "%020llu.ndjson", (unsigned long long)first);
}

static bool is_segment(const char *name, uint64_t *first)
{
	char again[SEGMENT_NAME];
	char *end;

	errno = 0;
	*first = strtoull(name, &end, 10);
	segment_name(*first, again);
	return errno == 0 && strcmp(name, again) == 0;
}

static int by_first(const void *a, const void *b)
{
	const struct scan_segment *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static int add_segment(struct scan *s, const char *name, uint64_t first, struct err *e)
{
	struct scan_segment *more;
	struct stat st;

	if (fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "%s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EBADMSG, "'%s' is not a regular file", name);
	if (s->n_seg == SEGMENTS_MAX)
		return err_set(e, E2BIG, "more than %d segments", SEGMENTS_MAX);
	more = reallocarray(s->seg, s->n_seg + 1, sizeof(*more));
	if (!more)
		return err_set(e, ENOMEM, "out of memory");
	s->seg = more;
	s->seg[s->n_seg++] = (struct scan_segment){ first, (uint64_t)st.st_size };
	return 0;
}

int scan_open(int events, struct scan *s, struct err *e)
{
	CLEANUP(cleanup_closedir) DIR *d = NULL;
	AUTO_CLOSE int fd = openat(events, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *ent;
	uint64_t first;
	int r = 0;

	*s = (struct scan){ .dir = events, .fd = -1 };
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_sys(e, "cannot list the log's segments");
	(void)take_fd(&fd);
	while (r == 0 && (ent = readdir(d)) != NULL)
		if (is_segment(ent->d_name, &first))
			r = add_segment(s, ent->d_name, first, e);
	if (r == 0 && s->n_seg)
		qsort(s->seg, s->n_seg, sizeof(*s->seg), by_first);
	if (r == 0) {
		s->data = malloc(WINDOW);
		if (!s->data)
			r = err_set(e, ENOMEM, "out of memory");
	}
	if (r < 0)
		scan_release(s);
	return r;
}

void scan_release(struct scan *s)
{
	cleanup_close(&s->fd);
	free(s->seg);
	free(s->data);
	*s = (struct scan)SCAN_INIT;
}

void scan_seek(struct scan *s, size_t segment, uint64_t offset)
{
	cleanup_close(&s->fd);
	s->fd = -1;
	s->at = segment;
	s->offset = offset;
	s->data_n = 0;
}

/* Makes the window begin at the next line. */
static int fill(struct scan *s, struct err *e)
{
	const uint64_t left = s->seg[s->at].size - s->offset;
	const size_t want = left < WINDOW ? (size_t)left : WINDOW;
	size_t have = 0;

	if (s->fd < 0) {
		char name[SEGMENT_NAME];

		segment_name(s->seg[s->at].first, name);
		s->fd = openat(s->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (s->fd < 0)
			return err_sys(e, "%s", name);
	}
	while (have < want) {
		const ssize_t r =
			pread(s->fd, s->data + have, want - have, (off_t)(s->offset + have));

		if (r < 0 && errno != EINTR)
			return err_sys(e, "cannot read the log");
		if (r == 0)
			break; /* it shrank: what is there decides */
		have += r > 0 ? (size_t)r : 0;
	}
	s->data_at = s->offset;
	s->data_n = have;
	return 0;
}

static const char *line_in_window(const struct scan *s, size_t *n)
{
	const char *from, *nl;
	uint64_t skip;

	if (s->data_n == 0 || s->offset < s->data_at || s->offset >= s->data_at + s->data_n)
		return NULL;
	skip = s->offset - s->data_at;
	from = s->data + skip;
	nl = memchr(from, '\n', s->data_n - skip);
	if (!nl)
		return NULL;
	*n = (size_t)(nl - from);
	return from;
}

int scan_next(struct scan *s, const char **line, size_t *n, struct err *e)
{
	while (s->at < s->n_seg && s->offset >= s->seg[s->at].size) {
		if (s->at + 1 == s->n_seg)
			return 0;
		scan_seek(s, s->at + 1, 0);
	}
	if (s->n_seg == 0)
		return 0;
	*line = line_in_window(s, n);
	if (!*line) {
		const int r = fill(s, e);

		if (r < 0)
			return r;
		*line = line_in_window(s, n);
	}
	if (!*line || *n > CHAIN_LINE_MAX)
		return err_set(e, EBADMSG, "the line at byte %llu of segment %llu %s",
			       (unsigned long long)s->offset,
			       (unsigned long long)s->seg[s->at].first,
			       *line ? "is too long" : "has no end");
	s->offset += *n + 1;
	return 1;
}
