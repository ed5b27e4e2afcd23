/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/case/service_state.h"
#include "agent/host/cli/cli.h"
#include "agent/host/cli/reading.h"
#include "agent/host/cli/report.h"
#include "agent/host/queue/lines.h"
#include "agent/host/queue/queue.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "runtime/base/opt.h"

/* intake read: the traces in a log on standard input, as a pipeline of logs gives it. */
#define IDLE_MS 500

/* What cannot be read is no reason to stop reading. */
int reading_submit(struct reading *r, const char *from, const struct buf *text, const char *name,
		   struct err *e)
{
	struct incident i = { 0 };
	const struct queue_report report = { .service = r->service->name,
					     .service_file = r->file,
					     .incident = &i };
	struct err why = ERR_INIT;
	int k = report_of_text(from, r->service, r->q->state, text, &i, &why);

	if (k < 0) {
		r->left_out++;
		log_warn("a trace is left out: %s", why.msg);
		return why.code == ENOMEM ? err_set(e, ENOMEM, "out of memory") : 0;
	}
	r->q->now_ns = clock_real_ns();
	k = report_resolve(r->service, &i, e);
	if (k == 0)
		k = name ? queue_enqueue_as(r->q, &report, name, e)
			 : queue_enqueue(r->q, &report, e);
	incident_release(&i);
	r->taken += k == 0;
	return k;
}

int reading_lines(int fd, size_t most, const struct reading_way *way, void *ctx, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(most);
	char part[65536];
	int r = 0;

	while (r == 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t got;

		if (poll(&p, 1, IDLE_MS) == 0) {
			r = way->idle(ctx, false, e);
			continue;
		}
		got = read(fd, part, sizeof(part));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, "read standard input");
		buf_put(&text, part, (size_t)got);
		if (buf_check(&text, "standard input", e) < 0)
			return -e->code;
		if (text.n)
			r = way->take(ctx, &text, got == 0, e);
		if (got == 0)
			break;
	}
	return r == 0 ? way->idle(ctx, true, e) : r;
}

struct submit_lines {
	const char *from;
	struct reading r;
	struct lines lines;
};

static int submit_piece(struct submit_lines *s, struct err *e)
{
	return reading_submit(&s->r, s->from, &s->lines.piece, NULL, e);
}

static int take_lines(void *ctx, struct buf *text, bool end, struct err *e)
{
	struct submit_lines *const s = ctx;
	size_t at = 0;

	while (at < text->n) {
		const char *nl = memchr(text->p + at, '\n', text->n - at);
		size_t n = nl ? (size_t)(nl - text->p) - at : text->n - at;

		if (!nl && !end && text->n - at < text->max / 2)
			break;
		if (lines_add(&s->lines, text->p + at,
			      n && text->p[at + n - 1] == '\r' ? n - 1 : n) &&
		    submit_piece(s, e) < 0)
			return -e->code;
		at += n + (nl != NULL);
	}
	memmove(text->p, text->p + at, text->n - at);
	text->n -= at;
	return 0;
}

static int idle_lines(void *ctx, bool end, struct err *e)
{
	struct submit_lines *const s = ctx;

	(void)end;
	return lines_idle(&s->lines) ? submit_piece(s, e) : 0;
}

static int read_log(struct reading *r, const char *from, const char *service, struct err *e)
{
	static const struct reading_way way = { take_lines, idle_lines };
	struct submit_lines s = { .from = from, .r = *r };
	int k, form = 0;

	while (strcmp(from, lines_words[form]) != 0)
		form++;
	lines_init(&s.lines, form);
	k = reading_service(&s.r, service, e);
	if (k == 0)
		k = reading_lines(STDIN_FILENO, 2u << 20, &way, &s, e);
	lines_release(&s.lines);
	reading_release(&s.r);
	*r = s.r;
	return k;
}

int reading_service(struct reading *r, const char *name, struct err *e)
{
	char path[4096], file[PATH_MAX];

	if (service_file_of(r->q->config->services, name, path, e) < 0 ||
	    service_load(path, r->service, e) < 0)
		return -e->code;
	if (!realpath(path, file))
		return err_sys(e, "resolve '%s'", path);
	r->file = strdup(file);
	return r->file ? 0 : err_set(e, ENOMEM, "out of memory");
}

void reading_release(struct reading *r)
{
	service_release(r->service);
	free(r->file);
	r->file = NULL;
}

static bool is_form(const char *from)
{
	for (int f = 0; f < LINES_N; f++)
		if (strcmp(from, lines_words[f]) == 0)
			return true;
	return false;
}

int cmd_intake_read(int argc, char **argv, struct err *e)
{
	struct host_config config = { 0 };
	struct queue q = { .config = &config };
	struct service svc = { 0 };
	struct reading r = { .q = &q, .service = &svc };
	struct optlist services = { 0 };
	const char *from = NULL, *state = NULL, *config_file = NULL, *cursor = NULL;
	const struct opt opts[] = {
		{ "from", OPT_STR, &from, "FORMAT", "node, python, sanitizer or journal" },
		{ "service", OPT_STRS, &services, "NAME|FILE",
		  "the service that writes the log; of a journal also UNIT=NAME" },
		{ "cursor-file", OPT_STR, &cursor, "FILE", "of a journal: as far as it was read" },
		{ "state", OPT_STR, &state, "DIR", "state directory" },
		{ "config", OPT_STR, &config_file, "FILE", "the host's configuration" },
		{ 0 },
	};
	char dir[PATH_MAX];
	bool journal;
	int n, k = -1;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	journal = from && strcmp(from, "journal") == 0;
	if (n != 0 || !from || (!journal && (!is_form(from) || services.n != 1 || cursor)))
		return cli_usage(e, "intake read wants --from node|python|sanitizer and "
				    "--service NAME|FILE, or --from journal; the log comes on "
				    "standard input");
	q.state = dir;
	if (queue_host(config_file, state, &config, dir, e) == 0)
		k = journal ? read_journal(&r, &services, cursor, e)
			    : read_log(&r, from, services.v[0], e);
	if (k == 0)
		(void)printf("%zu reports taken, %zu left out\n", r.taken, r.left_out);
	host_config_release(&config);
	return k < 0 ? CLI_FAILED : CLI_OK;
}
