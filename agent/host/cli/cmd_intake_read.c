/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/case/service_state.h"
#include "agent/host/cli/cli.h"
#include "agent/host/cli/report.h"
#include "agent/host/queue/lines.h"
#include "agent/host/queue/queue.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "runtime/base/opt.h"

/* intake read: the traces in a log on standard input, as a pipeline of logs gives it. */
#define IDLE_MS 500

struct submit_lines {
	const char *from;
	const struct service *service;
	const char *file;
	struct queue *q;
	struct lines lines;
	size_t taken, left_out;
};

/* What cannot be read is no reason to stop reading. */
static int submit_piece(struct submit_lines *s, struct err *e)
{
	struct incident i = { 0 };
	const struct queue_report r = { .service = s->service->name,
					.service_file = s->file,
					.incident = &i };
	struct err why = ERR_INIT;
	int k = report_of_text(s->from, s->service, s->q->state, &s->lines.piece, &i, &why);

	if (k < 0) {
		s->left_out++;
		log_warn("a trace is left out: %s", why.msg);
		return why.code == ENOMEM ? err_set(e, ENOMEM, "out of memory") : 0;
	}
	s->q->now_ns = clock_real_ns();
	k = report_resolve(s->service, &i, e);
	if (k == 0)
		k = queue_enqueue(s->q, &r, e);
	incident_release(&i);
	s->taken += k == 0;
	return k;
}

static int take_lines(struct submit_lines *s, struct buf *text, bool end, struct err *e)
{
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

static int read_lines(struct submit_lines *s, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(2u << 20);
	char part[65536];
	int r = 0;

	while (r == 0) {
		struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
		ssize_t got;

		if (poll(&p, 1, IDLE_MS) == 0) {
			if (lines_idle(&s->lines))
				r = submit_piece(s, e);
			continue;
		}
		got = read(STDIN_FILENO, part, sizeof(part));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, "read standard input");
		buf_put(&text, part, (size_t)got);
		if (text.n)
			r = take_lines(s, &text, got == 0, e);
		if (got == 0)
			break;
	}
	if (r == 0 && lines_idle(&s->lines))
		r = submit_piece(s, e);
	return r;
}

int cmd_intake_read(int argc, char **argv, struct err *e)
{
	static const char *const forms[LINES_N] = { "python", "node", "sanitizer" };
	struct host_config config = { 0 };
	struct queue q = { .config = &config };
	struct submit_lines s = { .q = &q };
	const char *service = NULL, *state = NULL, *config_file = NULL;
	const struct opt opts[] = {
		{ "from", OPT_STR, &s.from, "FORMAT", "node, python or sanitizer" },
		{ "service", OPT_STR, &service, "NAME|FILE", "the service that writes the log" },
		{ "state", OPT_STR, &state, "DIR", "state directory" },
		{ "config", OPT_STR, &config_file, "FILE", "the host's configuration" },
		{ 0 },
	};
	struct service svc = { 0 };
	char path[4096], file[PATH_MAX], dir[PATH_MAX];
	int n, k = -1, form = 0;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	while (s.from && form < LINES_N && strcmp(s.from, forms[form]) != 0)
		form++;
	if (n != 0 || !s.from || !service || form == LINES_N)
		return cli_usage(e, "intake read wants --from node|python|sanitizer and "
				    "--service NAME|FILE; the log comes on standard input");
	lines_init(&s.lines, form);
	q.state = dir;
	if (queue_host(config_file, state, &config, dir, e) == 0 &&
	    service_file_of(config.services, service, path, e) == 0 &&
	    service_load(path, &svc, e) == 0) {
		s.service = &svc;
		s.file = realpath(path, file);
		k = s.file ? read_lines(&s, e) : err_sys(e, "resolve '%s'", path);
	}
	if (k == 0)
		(void)printf("%zu reports taken, %zu left out\n", s.taken, s.left_out);
	lines_release(&s.lines);
	service_release(&svc);
	host_config_release(&config);
	return k < 0 ? CLI_FAILED : CLI_OK;
}
