/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/case/service_state.h"
#include "agent/host/cli/reading.h"
#include "agent/host/queue/journald.h"
#include "runtime/base/log.h"

/*
 * intake read --from journal: what `journalctl -o json` prints.  A unit's traces
 * are reports of the service that --service UNIT=NAME says; without such a word
 * of its own name: shop.service and shop@2.service are 'shop'.  What belongs to no
 * service of this host is passed over.
 */
#define TEXT_MOST (8u << 20) /* an entry may be long: each byte of a binary one is a number */

struct journal_run {
	struct reading *r;
	const struct optlist *services;
	struct journald *j;
	bool skip; /* the rest of a line that was too long */
};

/* "shop.service", "shop@2.service" -> "shop". */
static void plain_name(const char *unit, char out[256])
{
	static const char end[] = ".service";
	size_t n = strlen(unit);

	if (n > strlen(end) && strcmp(unit + n - strlen(end), end) == 0)
		n -= strlen(end);
	if (memchr(unit, '@', n))
		n = strcspn(unit, "@");
	(void)snprintf(out, 256, "%.*s", (int)n, unit);
}

/* As the command line says it: UNIT=NAME of that unit, or NAME of all; else its own name. */
static const char *service_of(const struct journal_run *run, const char *unit, char own[256])
{
	const char *all = NULL;

	plain_name(unit, own);
	for (size_t i = 0; i < run->services->n; i++) {
		const char *const said = run->services->v[i];
		const char *const equals = strchr(said, '=');
		const size_t n = equals ? (size_t)(equals - said) : 0;

		if (!equals)
			all = said;
		else if ((strlen(unit) == n && memcmp(unit, said, n) == 0) ||
			 (strlen(own) == n && memcmp(own, said, n) == 0))
			return equals + 1;
	}
	return all || run->services->n ? all : own;
}

static int take_trace(void *ctx, const struct journald_trace *t, struct err *e)
{
	struct journal_run *const run = ctx;
	char own[256], path[4096];
	const char *name = service_of(run, t->unit, own);
	struct err why = ERR_INIT;
	int k = -1;

	if (name && *name) {
		/* what a journal says is a name, and never a service file of its choice */
		k = name == own ? service_file_named(run->r->q->config->services, own, path, &why)
				: 0;
		if (k == 0)
			k = reading_service(run->r, name == own ? path : name, &why);
		if (k == 0)
			k = reading_submit(run->r, t->from, t->text, t->name, e);
		reading_release(run->r);
	}
	if (k < 0 && !e->code) {
		run->r->left_out++;
		if (run->services->n ||
		    why.code != ENOENT) /* most units of a host are none of its */
			log_warn("a trace of unit '%.100s' is left out: %s", t->unit,
				 why.code ? why.msg : "it is of no service");
		return 0;
	}
	return k;
}

static int take_text(void *ctx, struct buf *text, bool end, struct err *e)
{
	struct journal_run *const run = ctx;
	const char *last = memrchr(text->p, '\n', text->n);
	size_t n = last ? (size_t)(last - text->p) + 1 : 0;
	const size_t from = run->skip && last ? strcspn(text->p, "\n") + 1 : 0;

	if (end && !run->skip)
		n = text->n;
	if (n) {
		run->skip = false;
		if (n > from && journald_read(run->j, text->p + from, n - from, e) < 0)
			return -e->code;
	} else if (text->n > TEXT_MOST - (1u << 20)) {
		log_warn("an entry of more than %zu bytes is left out", text->n);
		run->skip = true;
		n = text->n;
	}
	memmove(text->p, text->p + n, text->n - n);
	text->n -= n;
	return 0;
}

static int idle(void *ctx, bool end, struct err *e)
{
	const struct journal_run *const run = ctx;

	return journald_idle(run->j, end, e);
}

/* A name that is none is the operator's mistake: better said before the first trace. */
static int check_services(struct reading *r, const struct optlist *services, struct err *e)
{
	int k = 0;

	for (size_t i = 0; i < services->n && k == 0; i++) {
		const char *const equals = strchr(services->v[i], '=');

		k = reading_service(r, equals ? equals + 1 : services->v[i], e);
		reading_release(r);
	}
	return k;
}

int read_journal(struct reading *r, const struct optlist *services, const char *cursor_file,
		 struct err *e)
{
	static const struct reading_way way = { take_text, idle };
	struct journal_run run = { .r = r, .services = services };
	int k = check_services(r, services, e);

	if (k == 0)
		k = journald_open(cursor_file, take_trace, &run, &run.j, e);
	if (k == 0)
		k = reading_lines(STDIN_FILENO, TEXT_MOST, &way, &run, e);
	if (run.j && journald_malformed(run.j))
		log_warn("%zu lines were no entries of a journal: it takes what 'journalctl -o "
			 "json' "
			 "prints",
			 journald_malformed(run.j));
	journald_close(run.j);
	return k;
}
