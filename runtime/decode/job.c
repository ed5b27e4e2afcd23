/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/base/msg.h"
#include "runtime/decode/decode_formats.h"
#include "runtime/decode/reports.h"
#include "runtime/proto/decode.h"

#define MIB (1024u * 1024u)

static const struct format {
	enum decode_format format;
	size_t max; /* bytes of input */
	int (*run)(const struct source *in, json_t **out, struct err *e);
} formats[] = {
	{ DECODE_JSON, 16 * MIB, json_decode },
	{ DECODE_JSONC, 1 * MIB, jsonc_decode },
	{ DECODE_INCIDENT, 8 * MIB, incident_decode },
	{ DECODE_NODE, 16 * MIB, node_decode },
	{ DECODE_PYTHON, 16 * MIB, python_decode },
	{ DECODE_SANITIZER, 16 * MIB, sanitizer_decode },
	{ DECODE_RESULTS, 64 * MIB, results_decode },
	{ DECODE_TAP, 64 * MIB, tap_decode },
	{ DECODE_JUNIT, 64 * MIB, junit_decode },
	{ DECODE_MANIFEST, 16 * MIB, manifest_decode },
	{ DECODE_MISSING, 1 * MIB, missing_decode },
	{ DECODE_OWNERS, MIB / 4, owners_decode },
	{ DECODE_SYMBOLS, 1 * MIB, symbols_decode },
	{ DECODE_JOURNALD, 16 * MIB, journald_decode },
};

struct job {
	char *format, *name;
	json_t *options;
};

static const struct jmap job_map[] = {
	{ .name = "format",
	  .kind = JMAP_STR,
	  .offset = offsetof(struct job, format),
	  .required = 1 },
	{ .name = "name",
	  .kind = JMAP_STR,
	  .offset = offsetof(struct job, name),
	  .required = 1,
	  .max = 4096 },
	{ .name = "options", .kind = JMAP_JSON, .offset = offsetof(struct job, options) },
	{ 0 },
};

static const struct format *format_find(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(decode_format_name(formats[i].format), name) == 0)
			return &formats[i];
	return NULL;
}

static int text_run(const struct job *j, int fd, json_t **out, struct err *e)
{
	const struct format *f = format_find(j->format);
	struct source in = { .name = j->name, .options = j->options };
	AUTO_BUF struct buf text = BUF_INIT(f ? f->max : 0);

	if (!f)
		return err_set(e, EINVAL, "%s: '%s' is not a format that can be decoded", j->name,
			       j->format);
	if (fd_read_all(fd, f->max, j->name, &text, e) < 0)
		return e->code == EFBIG
			       ? err_set(e, EFBIG, "%s: larger than the %zu MiB that %s may have",
					 j->name, f->max / MIB, j->format)
			       : -e->code;
	in.text = text.p ? text.p : "";
	in.n = text.n;
	return f->run(&in, out, e);
}

/* The value, or why it does not fit a message: nested deeper or larger than those may be. */
static int value_send(int sock, const struct job *j, const json_t *value, struct err *e)
{
	const int r = msg_send(sock, DECODE_MSG_VALUE, value, NULL, 0, -1, e);

	return r < 0 ? err_wrap(e, "%s", j->name) : 0;
}

static int job_answer(int sock, const struct job *j, int fd, struct err *e)
{
	AUTO_JSON json_t *value = NULL;
	struct err failed = ERR_INIT;

	if (strcmp(j->format, decode_format_name(DECODE_ARCHIVE)) == 0) {
		if (archive_decode(fd, sock, j->options, &failed) == 0)
			return 0; /* it sent the entries and the end itself */
		(void)err_wrap(&failed, "%s", j->name);
	} else if (strcmp(j->format, decode_format_name(DECODE_REPORTS)) == 0) {
		if (reports_decode(fd, sock, j->options, &failed) == 0)
			return 0;
		(void)err_wrap(&failed, "%s", j->name);
	} else if ((strcmp(j->format, decode_format_name(DECODE_CORE)) == 0
			    ? core_decode(fd, j->name, &value, &failed)
			    : text_run(j, fd, &value, &failed)) == 0 &&
		   value_send(sock, j, value, &failed) == 0) {
		return 0;
	}
	json_decref(value);
	value = json_pack("{s:s, s:i}", "message", failed.msg, "code", failed.code);
	if (!value) /* the reason is not UTF-8: it quotes the input */
		value = json_pack("{s:s, s:i}", "message", "the input is not UTF-8", "code",
				  EILSEQ);
	return msg_send(sock, DECODE_MSG_ERROR, value, NULL, 0, -1, e);
}

int job_run(int sock, struct err *e)
{
	AUTO_MSG struct msg m = MSG_INIT;
	struct job j = { 0 };
	int r = msg_recv(sock, -1, &m, e);

	if (r <= 0)
		return r; /* the orchestrator went away: nothing to do */
	if (m.type != DECODE_MSG_JOB || m.fd < 0)
		return err_set(e, EPROTO, "the first message is not a job with its input");
	r = jmap_read(job_map, m.body, &j, "", e);
	if (r == 0)
		r = job_answer(sock, &j, m.fd, e);
	jmap_release(job_map, &j);
	return r;
}
