/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proto/decode.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/cleanup.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/base/spawn.h"

#define VALUE_MS  60000	 /* the longest that one value may take */
#define STREAM_MS 120000 /* between two entries of an archive */

static const char *const names[] = {
	[DECODE_JSON] = "json",		[DECODE_JSONC] = "jsonc",
	[DECODE_INCIDENT] = "incident", [DECODE_NODE] = "node",
	[DECODE_PYTHON] = "python",	[DECODE_SANITIZER] = "sanitizer",
	[DECODE_RESULTS] = "results",	[DECODE_TAP] = "tap",
	[DECODE_JUNIT] = "junit",	[DECODE_MANIFEST] = "manifest",
	[DECODE_MISSING] = "missing",	[DECODE_OWNERS] = "owners",
	[DECODE_ARCHIVE] = "archive",	[DECODE_REPORTS] = "reports",
	[DECODE_CORE] = "core",		[DECODE_SYMBOLS] = "symbols",
	[DECODE_JOURNALD] = "journald",
};

struct decode {
	enum decode_format format;
	char *name;
	pid_t pid; /* -1 once waited for */
	int sock;
	bool done;
};

const char *decode_format_name(enum decode_format f)
{
	return (size_t)f < DECODE_FORMAT_N ? names[f] : "?";
}

static int start(struct decode *d, int peer, struct err *e)
{
	char path[PATH_MAX];
	char arg0[] = "sickbay-decode";
	char *argv[] = { arg0, NULL };
	const int fds[][2] = { { peer, DECODE_FD } };
	const struct spawn s = { .path = path, .argv = argv, .fds = fds, .n_fds = 1 };

	if (spawn_sibling("sickbay-decode", path, sizeof(path), e) < 0)
		return -e->code;
	return spawn_start(&s, &d->pid, e);
}

static int send_job(const struct decode *d, int in, const json_t *options, struct err *e)
{
	AUTO_JSON json_t *body = json_pack("{s:s, s:s, s:O*}", "format", names[d->format], "name",
					   d->name, "options", options);

	if (!body)
		return err_set(e, EINVAL, "the name of what is decoded is not UTF-8");
	return msg_send(d->sock, DECODE_MSG_JOB, body, NULL, 0, in, e);
}

int decode_open(enum decode_format f, int in, const char *name, const json_t *options,
		struct decode **out, struct err *e)
{
	struct decode *d = malloc(sizeof(*d));
	int pair[2] = { -1, -1 };
	int r;

	if (!d)
		return err_set(e, ENOMEM, "decode '%s': out of memory", name);
	*d = (struct decode){ .format = f, .name = strdup(name), .pid = -1, .sock = -1 };
	if (!d->name)
		r = err_set(e, ENOMEM, "decode '%s': out of memory", name);
	else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		r = err_sys(e, "make a socket pair");
	else {
		d->sock = pair[0];
		r = start(d, pair[1], e);
		(void)close(pair[1]);
		if (r == 0)
			r = send_job(d, in, options, e);
	}
	if (r < 0) {
		decode_close(d);
		return err_wrap(e, "decode '%s'", name);
	}
	*out = d;
	return 0;
}

/* The decoder went away without an answer: say how. */
static int died(struct decode *d, struct err *e)
{
	int status = 0;
	struct err why = ERR_INIT;
	const pid_t pid = d->pid;

	d->pid = -1;
	if (spawn_wait(pid, &status, &why) < 0)
		return err_set(e, EPROTO, "%s: the %s decoder ended without an answer", d->name,
			       names[d->format]);
	if (status == 128 + SIGSYS)
		return err_set(e, EPROTO,
			       "%s: the %s decoder was killed: it made a system call that it has "
			       "no use for",
			       d->name, names[d->format]);
	if (status > 128)
		return err_set(e, EPROTO, "%s: the %s decoder was killed by signal %d (%s)",
			       d->name, names[d->format], status - 128, strsignal(status - 128));
	return err_set(e, EPROTO, "%s: the %s decoder ended without an answer (exit status %d)",
		       d->name, names[d->format], status);
}

/* What the decoder refused, in its own words; they name the input already. */
static int refused(const struct decode *d, const struct msg *m, struct err *e)
{
	const char *text = json_string_value(json_object_get(m->body, "message"));
	const json_int_t code = json_integer_value(json_object_get(m->body, "code"));

	if (!text)
		return err_set(e, EPROTO, "%s: the %s decoder refused without a reason", d->name,
			       names[d->format]);
	return err_set(e, code > 0 && code < 4096 ? (int)code : EINVAL, "%s", text);
}

int decode_next(struct decode *d, struct msg *m, struct err *e)
{
	const int limit = d->format == DECODE_ARCHIVE ? STREAM_MS : VALUE_MS;
	int r;

	if (d->done)
		return 0;
	r = msg_recv(d->sock, limit, m, e);
	if (r == -ETIMEDOUT)
		return err_set(e, ETIMEDOUT, "%s: the %s decoder did not answer within %d s",
			       d->name, names[d->format], limit / 1000);
	if (r < 0 && e->code != ECONNRESET && e->code != EPIPE)
		return err_wrap(e, "%s: the %s decoder", d->name, names[d->format]);
	if (r <= 0)
		return died(d, e);
	if (m->type == DECODE_MSG_ERROR)
		return refused(d, m, e);
	if (m->type == DECODE_MSG_END) {
		d->done = true;
		return 0;
	}
	return 1;
}

void decode_close(struct decode *d)
{
	struct err e = ERR_INIT;
	int status;

	if (!d)
		return;
	if (d->sock >= 0)
		(void)close(d->sock);
	if (d->pid > 0) {
		(void)kill(d->pid, SIGKILL);
		(void)spawn_wait(d->pid, &status, &e);
	}
	free(d->name);
	free(d);
}

DEFINE_CLEANUP(struct decode, decode_close);

int decode_value(enum decode_format f, int in, const char *name, const json_t *options,
		 json_t **out, struct err *e)
{
	CLEANUP(cleanup_decode_close) struct decode *d = NULL;
	AUTO_MSG struct msg m = MSG_INIT;
	int r;

	r = decode_open(f, in, name, options, &d, e);
	if (r < 0 || !d)
		return r;
	r = decode_next(d, &m, e);
	if (r < 0)
		return r;
	if (r == 0 || m.type != DECODE_MSG_VALUE)
		return err_set(e, EPROTO, "%s: the %s decoder gave no value", name, names[f]);
	*out = take_ptr(m.body);
	return 0;
}

/* Seven parameters: the input of decode_value() is two of its own here. */
/* NOLINTNEXTLINE(readability-function-size) */
int decode_text(enum decode_format f, const void *data, size_t n, const char *name,
		const json_t *options, json_t **out, struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("decode", MFD_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "decode '%s': memfd", name);
	if (fd_write_all(fd, data, n, name, e) < 0)
		return -e->code;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "decode '%s': rewind", name);
	return decode_value(f, fd, name, options, out, e);
}
