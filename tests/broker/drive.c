/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/jsonc.h"
#include "runtime/proto/broker.h"

/*
 * broker-drive FILE: what the orchestrator does with sickbay-broker, for tests.
 * FILE: {"setup": struct broker_setup, "calls": [struct broker_call, ...],
 *        "copies": N (of each call, 1), "cancel_after": N (events; then call 1 is cancelled),
 *        "kill_after": N (events; then the broker is killed), "sleep_ms": N (before reading),
 *        "idle_ms": N (before closing), "peak": true (say the broker's peak memory)}
 * One line of JSON for each message: {"event": ...}, {"end": ...}, last {"peak_kib": N}, {"died":
 * true}.
 */
#define WAIT_MS 60000

struct drive {
	struct broker_setup setup;
	struct objlist calls;
	uint64_t copies, cancel_after, kill_after, sleep_ms, idle_ms;
	bool peak;
};

#define NUMBER(field)                                                                      \
	{                                                                                  \
		.name = #field, .kind = JMAP_U64, .offset = offsetof(struct drive, field), \
		.max = 1u << 20                                                            \
	}

static const struct jmap drive_map[] = {
	{ .name = "setup",
	  .kind = JMAP_OBJECT,
	  .offset = offsetof(struct drive, setup),
	  .sub = broker_setup_map },
	{ .name = "calls",
	  .kind = JMAP_LIST,
	  .offset = offsetof(struct drive, calls),
	  .max = 1024,
	  .sub = broker_call_map,
	  .size = sizeof(struct broker_call) },
	NUMBER(copies),
	NUMBER(cancel_after),
	NUMBER(kill_after),
	NUMBER(sleep_ms),
	NUMBER(idle_ms),
	{ .name = "peak", .kind = JMAP_BOOL, .offset = offsetof(struct drive, peak) },
	{ 0 },
};

static void say(const char *name, json_t *value)
{
	AUTO_JSON json_t *line = json_pack("{s:o}", name, value);
	AUTO_FREE char *text = json_dumps(line, JSON_COMPACT | JSON_SORT_KEYS);

	(void)puts(text ? text : "?");
	(void)fflush(stdout);
}

static void say_peak(const struct broker *b)
{
	AUTO_BUF struct buf text = BUF_INIT(65536);
	struct err e = ERR_INIT;
	const char *at;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/status", broker_pid(b));
	if (file_read_at(AT_FDCWD, path, 65536, &text, &e) < 0)
		return;
	at = strstr(text.p, "VmHWM:");
	say("peak_kib", json_integer(at ? strtol(at + 6, NULL, 10) : -1));
}

static int send_calls(struct broker *b, const struct drive *d, size_t *n, struct err *e)
{
	const uint64_t copies = d->copies ? d->copies : 1;

	for (uint64_t k = 0; k < copies; k++)
		for (size_t i = 0; i < d->calls.n; i++) {
			struct broker_call c = ((struct broker_call *)d->calls.v)[i];

			c.id += k * d->calls.n;
			if (broker_call(b, &c, e) < 0)
				return -e->code;
			(*n)++;
		}
	return 0;
}

static int read_all(struct broker *b, const struct drive *d, size_t left, struct err *e)
{
	uint64_t events = 0;

	while (left) {
		AUTO_MSG struct msg m = MSG_INIT;
		const int r = broker_recv(b, WAIT_MS, &m, e);

		if (r == 0)
			say("died", json_true());
		if (r <= 0)
			return r;
		say(m.type == BROKER_END ? "end" : "event", json_incref(m.body));
		left -= m.type == BROKER_END;
		events += m.type == BROKER_EVENT;
		if (d->kill_after && events == d->kill_after && m.type == BROKER_EVENT)
			(void)kill(broker_pid(b), SIGKILL);
		if (d->cancel_after && events == d->cancel_after && m.type == BROKER_EVENT &&
		    broker_cancel(b, 1, e) < 0)
			return -e->code;
	}
	return 0;
}

static int drive(const struct drive *d, struct err *e)
{
	struct broker *b = NULL;
	size_t left = 0;
	int r = broker_open(&d->setup, &b, e);

	if (r == 0)
		say("broker", json_integer(broker_pid(b)));
	if (r == 0)
		r = send_calls(b, d, &left, e);
	if (r == 0) {
		(void)usleep((useconds_t)d->sleep_ms * 1000);
		r = read_all(b, d, left, e);
	}
	if (r == 0 && d->peak)
		say_peak(b);
	(void)usleep((useconds_t)d->idle_ms * 1000);
	broker_close(b);
	return r;
}

int main(int argc, char **argv)
{
	AUTO_BUF struct buf text = BUF_INIT(16u << 20);
	struct drive d = { 0 };
	struct jsonc *j = NULL;
	struct err e = ERR_INIT;
	int r;

	if (argc != 2)
		return 2;
	(void)signal(SIGPIPE, SIG_IGN);
	r = file_read_at(AT_FDCWD, argv[1], 16u << 20, &text, &e);
	if (r == 0)
		r = jsonc_parse(argv[1], text.p, text.n, JSONC_STRICT, &j, &e);
	if (r == 0)
		r = jmap_read(drive_map, jsonc_root(j), &d, "", &e);
	if (r == 0)
		r = drive(&d, &e);
	if (r < 0)
		(void)fprintf(stderr, "broker-drive: %s\n", e.msg);
	jmap_release(drive_map, &d);
	jsonc_free(j);
	return r < 0;
}
