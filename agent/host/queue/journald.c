/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/queue/journald.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/base/log.h"
#include "runtime/base/sha256.h"
#include "runtime/proto/decode.h"

#define STREAMS	 128	     /* units and processes that are followed; the quietest makes room */
#define QUIET_US 2000000u    /* of the journal's time, after which a trace is whole */
#define SAVE_NS	 1000000000u /* between two writes of a cursor without a report */
#define NAME_LEN 48	     /* "s" HEX(40) ".json" */
#define FILE_MAX (1u << 20)

/* One entry of a stream, by what stood before it in the journal. */
struct mark {
	uint64_t number;
	char *before; /* cursor of the entry before; NULL: where reading began */
};

struct stream {
	char *unit, *pid;
	struct lines lines[LINES_N];	/* each form is looked for */
	char name[LINES_N][NAME_LEN];	/* of the trace that is being read */
	uint64_t begun[LINES_N];	/* number of the entry with its first frame */
	struct mark mark[LINES_BEFORE]; /* of its last entries, of all that a trace may need */
	size_t n_marks;
	uint64_t last_us;
	uint64_t used; /* number of its last entry */
};

struct report_name {
	uint64_t number; /* of the entry that it began with */
	char name[NAME_LEN];
};

struct journald {
	const char *file;
	journald_take *take;
	void *ctx;
	struct stream stream[STREAMS];
	size_t n_streams;
	uint64_t number; /* of the newest entry */
	uint64_t newest_us;
	char *last;	    /* its cursor */
	char *saved;	    /* as the file has it */
	struct objlist was; /* struct report_name: as the file had them */
	struct objlist taken;
	bool caught_up; /* what was to be met again was, as far as it will be */
	bool changed;
	uint64_t saved_ns;
	size_t malformed;
};

struct entry {
	char *cursor, *unit, *pid, *text;
	uint64_t time_us;
};

#define WORD(field, must, most)                                                            \
	{                                                                                  \
		.name = #field, .kind = JMAP_STR, .offset = offsetof(struct entry, field), \
		.required = (must), .max = (most)                                          \
	}
static const struct jmap entry_map[] = {
	WORD(cursor, 1, 512),
	WORD(unit, 0, 256),
	WORD(pid, 0, 256),
	WORD(text, 0, 8u << 20),
	{ .name = "time_us", .kind = JMAP_U64, .offset = offsetof(struct entry, time_us) },
	{ 0 },
};

static int no_memory(struct err *e)
{
	return err_set(e, ENOMEM, "out of memory");
}

/* ---- names of reports ---- */

static int names_add(struct objlist *l, uint64_t number, const char *name, struct err *e)
{
	struct report_name *v = realloc(l->v, (l->n + 1) * sizeof(*v));

	if (!v)
		return no_memory(e);
	l->v = v;
	v[l->n] = (struct report_name){ .number = number };
	(void)snprintf(v[l->n].name, NAME_LEN, "%s", name);
	l->n++;
	return 0;
}

/* Those that began before a number are done with. */
static void names_drop(struct objlist *l, uint64_t number)
{
	struct report_name *const v = l->v;
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++)
		if (v[i].number >= number)
			v[kept++] = v[i];
	l->n = kept;
}

static bool names_have(const struct objlist *l, const char *name)
{
	const struct report_name *const v = l->v;

	for (size_t i = 0; i < l->n; i++)
		if (strcmp(v[i].name, name) == 0)
			return true;
	return false;
}

/* By the entry that a trace began with, and the how-manieth it is of that. */
static void name_of(const char *cursor, int form, unsigned count, char out[NAME_LEN])
{
	char text[600], hex[SHA256_HEX];
	uint8_t digest[SHA256_LEN];
	const int n = snprintf(text, sizeof(text), "%s %d %u", cursor, form, count);

	sha256_of(text, n < 0 ? 0 : (size_t)n, digest);
	sha256_hex(digest, hex);
	(void)snprintf(out, NAME_LEN, "s%.40s.json", hex);
}

/* ---- the cursor ---- */

static int load(struct journald *j, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(FILE_MAX);
	char *line, *rest;
	int r = file_read_at(AT_FDCWD, j->file, FILE_MAX, &text, e);

	if (r == -ENOENT) {
		*e = (struct err)ERR_INIT;
		return 0;
	}
	if (r == 0)
		buf_putc(&text, '\0');
	if (r < 0 || buf_check(&text, j->file, e) < 0)
		return -e->code;
	line = strtok_r(text.p, "\n", &rest);
	if (!line)
		return 0;
	j->saved = strdup(line);
	j->last = strdup(line);
	if (!j->saved || !j->last)
		return no_memory(e);
	while (r == 0 && (line = strtok_r(NULL, "\n", &rest)))
		r = strlen(line) < NAME_LEN
			    ? names_add(&j->was, UINT64_MAX, line, e)
			    : err_set(e, EBADMSG, "'%s' is no cursor file of ours", j->file);
	return r;
}

/* What stands before all that is not whole yet. */
static const char *safe_cursor(const struct journald *j, uint64_t *number)
{
	const struct mark *first = NULL;

	for (size_t i = 0; i < j->n_streams; i++)
		if (j->stream[i].n_marks && (!first || j->stream[i].mark[0].number < first->number))
			first = &j->stream[i].mark[0];
	*number = first ? first->number : j->number + 1;
	return first ? first->before : j->last;
}

static int publish(const struct journald *j, const struct buf *text, struct err *e)
{
	AUTO_FREE char *name = strdup(j->file);
	AUTO_FREE char *folder = strdup(j->file);
	AUTO_CLOSE int dir = -1;

	if (!name || !folder)
		return no_memory(e);
	dir = fd_open_dir(dirname(folder), e);
	return dir < 0 ? dir : file_publish_at(dir, basename(name), text->p, text->n, 0600, e);
}

static int save(struct journald *j, bool now, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(FILE_MAX);
	uint64_t number;
	const char *cursor = safe_cursor(j, &number);
	AUTO_FREE char *copy = NULL;
	const struct objlist *const lists[] = { &j->taken, &j->was };
	const size_t n_lists = j->caught_up ? 1 : 2;

	names_drop(&j->taken, number);
	if (!j->file || !cursor || (!j->changed && j->saved && strcmp(cursor, j->saved) == 0) ||
	    (!now && !j->changed && clock_mono_ns() - j->saved_ns < SAVE_NS))
		return 0;
	buf_printf(&text, "%s\n", cursor);
	for (size_t k = 0; k < n_lists; k++)
		for (size_t i = 0; i < lists[k]->n; i++)
			buf_printf(&text, "%s\n", ((struct report_name *)lists[k]->v)[i].name);
	copy = strdup(cursor);
	if (!copy || buf_check(&text, j->file, e) < 0)
		return copy ? -e->code : no_memory(e);
	if (publish(j, &text, e) < 0)
		return -e->code;
	free(j->saved);
	j->saved = take_ptr(copy);
	j->saved_ns = clock_mono_ns();
	j->changed = false;
	return 0;
}

/* ---- streams ---- */

static void marks_drop(struct stream *s, size_t k)
{
	for (size_t i = 0; i < k; i++)
		free(s->mark[i].before);
	s->n_marks -= k;
	memmove(s->mark, s->mark + k, s->n_marks * sizeof(s->mark[0]));
}

static bool is_inside(const struct stream *s)
{
	for (int f = 0; f < LINES_N; f++)
		if (s->lines[f].inside)
			return true;
	return false;
}

static int submit(struct journald *j, struct stream *s, int form, struct err *e)
{
	const struct journald_trace t = { .unit = s->unit,
					  .from = lines_words[form],
					  .text = &s->lines[form].piece,
					  .name = s->name[form] };

	j->changed = true;
	if (!names_have(&j->was, t.name) && j->take(j->ctx, &t, e) < 0)
		return -e->code;
	return names_add(&j->taken, s->begun[form], t.name, e);
}

/* It was quiet: what was begun is whole, and nothing before it is needed any more. */
static int settle(struct journald *j, struct stream *s, struct err *e)
{
	for (int f = 0; f < LINES_N; f++)
		if (lines_idle(&s->lines[f]) && submit(j, s, f, e) < 0)
			return -e->code;
	marks_drop(s, s->n_marks);
	return 0;
}

static void stream_release(struct stream *s)
{
	marks_drop(s, s->n_marks);
	for (int f = 0; f < LINES_N; f++)
		lines_release(&s->lines[f]);
	free(s->unit);
	free(s->pid);
	*s = (struct stream){ 0 };
}

static int make_room(struct journald *j, struct err *e)
{
	struct stream *quietest = &j->stream[0];

	for (size_t i = 1; i < j->n_streams; i++)
		if (j->stream[i].used < quietest->used)
			quietest = &j->stream[i];
	if (settle(j, quietest, e) < 0)
		return -e->code;
	stream_release(quietest);
	*quietest = j->stream[--j->n_streams];
	return 0;
}

/* NULL and e: it cannot be followed. */
static struct stream *find(struct journald *j, const struct entry *from, struct err *e)
{
	const char *unit = from->unit ? from->unit : "", *pid = from->pid ? from->pid : "";
	struct stream *s;

	for (size_t i = 0; i < j->n_streams; i++)
		if (strcmp(j->stream[i].unit, unit) == 0 && strcmp(j->stream[i].pid, pid) == 0)
			return &j->stream[i];
	if (j->n_streams == STREAMS && make_room(j, e) < 0)
		return NULL;
	s = &j->stream[j->n_streams];
	*s = (struct stream){ .unit = strdup(unit), .pid = strdup(pid) };
	if (!s->unit || !s->pid) {
		stream_release(s);
		(void)no_memory(e);
		return NULL;
	}
	for (int f = 0; f < LINES_N; f++)
		lines_init(&s->lines[f], f);
	j->n_streams++;
	return s;
}

static int note_mark(const struct journald *j, struct stream *s, struct err *e)
{
	struct mark m = { .number = j->number };

	if (s->n_marks == LINES_BEFORE) {
		if (is_inside(s))
			return 0; /* the first is the one that counts */
		marks_drop(s, 1);
	}
	if (j->last) {
		m.before = strdup(j->last);
		if (!m.before)
			return no_memory(e);
	}
	s->mark[s->n_marks++] = m;
	return 0;
}

/* ---- entries ---- */

/* The line of an entry: what it begins, and what it ends. */
static int add_line(struct journald *j, struct stream *s, const char *cursor, const char *line,
		    size_t n, unsigned *begun, struct err *e)
{
	for (int f = 0; f < LINES_N; f++) {
		const bool before = s->lines[f].inside;
		bool whole;

		/* an event of JSON is one, whatever is looked for */
		if (f != LINES_NODE && n && line[0] == '{')
			continue;
		whole = lines_add(&s->lines[f], line, n);
		if (!before && (whole || s->lines[f].inside)) {
			name_of(cursor, f, (*begun)++, s->name[f]);
			s->begun[f] = j->number;
		}
		if (!whole)
			continue;
		if (submit(j, s, f, e) < 0)
			return -e->code;
		if (!is_inside(s) && s->n_marks > 1)
			marks_drop(s, s->n_marks - 1); /* this entry may head the next one */
	}
	return 0;
}

static int add_text(struct journald *j, const struct entry *from, const char *at, struct err *e)
{
	struct stream *const s = find(j, from, e);
	unsigned begun = 0;

	if (!s)
		return -e->code;
	/* its own clock: a pause of the reader is none of the service */
	if (from->time_us > s->last_us + QUIET_US && settle(j, s, e) < 0)
		return -e->code;
	if (note_mark(j, s, e) < 0)
		return -e->code;
	s->last_us = from->time_us;
	s->used = j->number;
	while (*at) {
		const size_t n = strcspn(at, "\n");

		if (add_line(j, s, from->cursor, at, n, &begun, e) < 0)
			return -e->code;
		at += n + (at[n] != '\0');
	}
	return 0;
}

static int add_entry(struct journald *j, const json_t *v, struct err *e)
{
	struct entry from = { 0 };
	int r = jmap_read(entry_map, v, &from, "", e);

	if (r == 0) {
		j->number++;
		if (from.time_us > j->newest_us)
			j->newest_us = from.time_us;
		r = from.text ? add_text(j, &from, from.text, e) : 0;
	}
	if (r == 0) {
		free(j->last);
		j->last = take_ptr(from.cursor);
	}
	jmap_release(entry_map, &from);
	return r;
}

int journald_read(struct journald *j, const char *lines, size_t n, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	const json_t *entries, *one;
	struct err why = ERR_INIT;
	size_t i;

	if (decode_text(DECODE_JOURNALD, lines, n, "the journal", NULL, &v, &why) < 0) {
		/* to end would be to meet it again */
		if (why.code == ENOMEM)
			return no_memory(e);
		log_warn("%zu bytes of the journal are left out: %s", n, why.msg);
		return 0;
	}
	j->malformed += (size_t)json_integer_value(json_object_get(v, "malformed"));
	entries = json_object_get(v, "entries");
	json_array_foreach(entries, i, one)
		if (add_entry(j, one, e) < 0)
			return -e->code;
	for (size_t k = 0; k < j->n_streams; k++)
		if (j->stream[k].last_us + QUIET_US < j->newest_us &&
		    settle(j, &j->stream[k], e) < 0)
			return -e->code;
	return save(j, false, e);
}

int journald_idle(struct journald *j, bool end, struct err *e)
{
	const uint64_t now_us = clock_real_ns() / 1000;

	for (size_t k = 0; k < j->n_streams; k++) {
		struct stream *const s = &j->stream[k];

		if ((!end || !j->file || s->last_us + QUIET_US < now_us) && settle(j, s, e) < 0)
			return -e->code;
	}
	j->caught_up = j->caught_up || j->number;
	return save(j, true, e);
}

size_t journald_malformed(const struct journald *j)
{
	return j->malformed;
}

int journald_open(const char *file, journald_take *take, void *ctx, struct journald **out,
		  struct err *e)
{
	struct journald *const j = calloc(1, sizeof(*j));

	if (!j)
		return no_memory(e);
	j->file = file;
	j->take = take;
	j->ctx = ctx;
	if (file && load(j, e) < 0) {
		journald_close(j);
		return -e->code;
	}
	*out = j;
	return 0;
}

void journald_close(struct journald *j)
{
	if (!j)
		return;
	for (size_t k = 0; k < j->n_streams; k++)
		stream_release(&j->stream[k]);
	free(j->was.v);
	free(j->taken.v);
	free(j->last);
	free(j->saved);
	free(j);
}
