/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/decode/reports.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/base/jsonc.h"
#include "runtime/base/msg.h"
#include "runtime/proto/decode.h"
#include "runtime/proto/intake.h"

#define PIECE_MAX   (64u << 20) /* of the journal, in one job */
#define INFLATE_MAX (16u << 20) /* of one payload */

DEFINE_CLEANUP(struct jsonc, jsonc_free);
#define AUTO_JSONC CLEANUP(cleanup_jsonc_free)

/* ---- findings ---- */

int findings_init(struct findings *f, struct err *e)
{
	*f = (struct findings){ json_array(), json_array(), json_array(), json_object() };
	if (f->reports && f->alerts && f->hooks && f->ignored)
		return 0;
	findings_release(f);
	return err_set(e, ENOMEM, "out of memory");
}

void findings_release(struct findings *f)
{
	json_decref(f->reports);
	json_decref(f->alerts);
	json_decref(f->hooks);
	json_decref(f->ignored);
	*f = (struct findings){ 0 };
}

void findings_ignore(struct findings *f, const char *what)
{
	const json_int_t n = json_integer_value(json_object_get(f->ignored, what));

	if (n || json_object_size(f->ignored) < 64)
		(void)json_object_set_new(f->ignored, what, json_integer(n + 1));
}

int findings_report(struct findings *f, const struct trace *t, json_t *event, json_t *more,
		    struct err *e)
{
	AUTO_JSON json_t *facts = event;
	AUTO_JSON json_t *rest = more;
	json_t *v;

	if (json_array_size(f->reports) >= FINDINGS_REPORTS) {
		findings_ignore(f, "more reports than one payload may have");
		return 0;
	}
	for (size_t i = 0; i < json_array_size(t->chain); i++)
		trace_code_of_message((struct trace *)(uintptr_t)t, json_array_get(t->chain, i));
	v = json_pack("{s:O,s:O,s:O,s:O,s:o}", "chain", t->chain, "loss", t->loss, "context",
		      t->context, "runtime", t->runtime, "event",
		      facts ? json_incref(facts) : json_object());
	if (!v || t->failed || (rest && json_object_update_missing(v, rest) < 0) ||
	    (!json_object_get(v, "calls") && json_object_set_new(v, "calls", json_array()) < 0) ||
	    json_array_append_new(f->reports, v) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return 0;
}

void payload_call(json_t *more, const json_t *call)
{
	const char *text = json_string_value(call);
	const struct source in = { .name = "call" };
	AUTO_JSON json_t *own = NULL;
	struct err why = ERR_INIT;

	if (text && payload_json(&in, text, strlen(text), &own, &why) == 0)
		call = own;
	if (json_is_object(call) && json_is_array(json_object_get(call, "args")) &&
	    json_is_string(json_object_get(call, "export")))
		(void)json_object_set_new(more, "calls", json_pack("[O]", call));
}

int payload_json(const struct source *in, const char *text, size_t n, json_t **out, struct err *e)
{
	AUTO_JSONC struct jsonc *j = NULL;
	const int r = jsonc_parse(in->name, text, n, JSONC_STRICT, &j, e);

	if (r < 0)
		return r;
	*out = json_deep_copy(jsonc_root(j));
	return *out ? 0 : err_set(e, ENOMEM, "%s: out of memory", in->name);
}

/* ---- payloads that need no reader of their own ---- */

/* sickbay.incident/1: checked again by who takes it in. */
int native(const struct source *in, struct findings *out, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	const int r = incident_decode(in, &v, e);

	if (r < 0)
		return r;
	return json_array_append_new(out->reports,
				     json_pack("{s:s,s:O}", "format", "native", "incident", v)) < 0
		       ? err_set(e, ENOMEM, "out of memory")
		       : 0;
}

/* Lines of a log: whichever of the known traces is in it. */
int text_any(const struct source *in, struct findings *out, struct err *e)
{
	static int (*const readers[])(const struct source *in, json_t **out,
				      struct err *e) = { python_decode, sanitizer_decode,
							 node_decode };
	static const char *const names[] = { "python", "sanitizer", "node" };

	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		struct err why = ERR_INIT;
		json_t *v = NULL;

		if (readers[i](in, &v, &why) < 0)
			continue;
		(void)json_object_set_new(v, "format", json_string(names[i]));
		return json_array_append_new(out->reports, v) < 0
			       ? err_set(e, ENOMEM, "out of memory")
			       : 0;
	}
	return source_error(e, in, 1, 1, "found no trace that is known here");
}

static int otlp(const struct source *in, bool logs, struct findings *out, struct err *e)
{
	AUTO_JSON json_t *root = NULL;
	const int r = json_is_true(json_object_get(in->options, "protobuf"))
			      ? otlp_from_protobuf(in, logs, &root, e)
			      : payload_json(in, in->text, in->n, &root, e);

	return r < 0 ? r : otlp_tree(in, root, logs, out, e);
}

int otlp_traces(const struct source *in, struct findings *out, struct err *e)
{
	return otlp(in, false, out, e);
}

int otlp_logs(const struct source *in, struct findings *out, struct err *e)
{
	return otlp(in, true, out, e);
}

/* ---- one record ---- */

static int inflate(const uint8_t *p, size_t n, struct buf *out, struct err *e)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	char piece[16384];
	la_ssize_t got = 0;
	int r = 0;

	if (!a || archive_read_support_format_raw(a) != ARCHIVE_OK ||
	    archive_read_support_filter_gzip(a) != ARCHIVE_OK ||
	    archive_read_support_filter_zstd(a) != ARCHIVE_OK)
		r = err_set(e, ENOMEM, "out of memory");
	else if (archive_read_open_memory(a, p, n) != ARCHIVE_OK ||
		 archive_read_next_header(a, &entry) != ARCHIVE_OK)
		r = err_set(e, EBADMSG, "its content encoding is not what it says");
	while (r == 0 && (got = archive_read_data(a, piece, sizeof(piece))) > 0) {
		buf_put(out, piece, (size_t)got);
		r = out->failed ? err_set(e, EFBIG, "it unpacks to more than %u bytes", INFLATE_MAX)
				: 0;
	}
	if (r == 0 && got < 0)
		r = err_set(e, EBADMSG, "its content encoding is damaged");
	archive_read_free(a);
	return r;
}

static payload_reader *const readers[INTAKE_KIND_N] = {
	[INTAKE_SENTRY] = sentry_envelope,
	[INTAKE_SENTRY_EVENT] = sentry_event,
	[INTAKE_OTLP_TRACES] = otlp_traces,
	[INTAKE_OTLP_LOGS] = otlp_logs,
	[INTAKE_ALERTMANAGER] = alertmanager,
	[INTAKE_NATIVE] = native,
	[INTAKE_TEXT] = text_any,
	[INTAKE_GITHUB] = github_hook,
	[INTAKE_GITLAB] = gitlab_hook,
	[INTAKE_GITEA] = github_hook,
};

static int read_payload(const struct intake_record *r, const uint8_t *payload, struct findings *out,
			struct err *e)
{
	AUTO_BUF struct buf plain = BUF_INIT(INFLATE_MAX);
	AUTO_JSON json_t *options = json_pack("{s:b}", "protobuf", r->protobuf);
	struct source in = { .name = "report", .options = options };
	int k;

	if (r->kind >= INTAKE_KIND_N || r->encoding > INTAKE_ZSTD)
		return err_set(e, EBADMSG, "it is of a kind that is not known");
	if (r->encoding == INTAKE_PLAIN)
		buf_put(&plain, payload, r->length);
	else if (inflate(payload, r->length, &plain, e) < 0)
		return -e->code;
	k = buf_check(&plain, "report", e);
	if (k < 0)
		return k;
	in.text = plain.p ? plain.p : "";
	in.n = plain.n;
	return readers[r->kind](&in, out, e);
}

static json_t *record_value(const struct intake_record *r, const uint8_t *payload, size_t end)
{
	AUTO_FINDINGS struct findings f = { 0 };
	struct err why = ERR_INIT;
	json_t *v = json_pack("{s:I,s:I,s:i,s:s,s:I,s:i}", "number", (json_int_t)r->number,
			      "received", (json_int_t)r->received_ns, "source", r->source, "kind",
			      r->kind < INTAKE_KIND_N ? intake_kind_words[r->kind] : "?", "end",
			      (json_int_t)end, "bytes", (int)r->length);

	if (!v)
		return NULL;
	if (findings_init(&f, &why) == 0 && read_payload(r, payload, &f, &why) == 0) {
		(void)json_object_set(v, "reports", f.reports);
		(void)json_object_set(v, "alerts", f.alerts);
		(void)json_object_set(v, "hooks", f.hooks);
		(void)json_object_set(v, "ignored", f.ignored);
	} else {
		json_t *text = json_string(why.msg);

		(void)json_object_set_new(
			v, "error", text ? text : json_string("it is refused: it is not UTF-8"));
	}
	return v;
}

/* What fits no message is refused as a whole, and the stream goes on. */
static int send_record(int sock, const struct intake_record *r, const uint8_t *payload, size_t end,
		       struct err *e)
{
	AUTO_JSON json_t *v = record_value(r, payload, end);
	AUTO_BUF struct buf trial = BUF_INIT(MSG_MAX);
	struct err why = ERR_INIT;

	if (!v)
		return err_set(e, ENOMEM, "out of memory");
	if (msg_encode(v, &trial, &why) < 0) {
		(void)json_object_del(v, "reports");
		(void)json_object_del(v, "alerts");
		(void)json_object_del(v, "hooks");
		(void)json_object_del(v, "ignored");
		(void)json_object_set_new(v, "error", json_string(why.msg));
	}
	return msg_send(sock, DECODE_MSG_VALUE, v, NULL, 0, -1, e);
}

static json_int_t option(const json_t *options, const char *name)
{
	return json_integer_value(json_object_get(options, name));
}

static int read_piece(int fd, size_t n, struct buf *out, struct err *e)
{
	char part[65536];

	while (n) {
		const ssize_t got = read(fd, part, n < sizeof(part) ? n : sizeof(part));

		if (got < 0)
			return err_sys(e, "read the journal");
		if (got == 0)
			break;
		buf_put(out, part, (size_t)got);
		n -= (size_t)got;
	}
	return buf_check(out, "the journal", e);
}

int reports_decode(int in_fd, int out_sock, const json_t *options, struct err *e)
{
	const json_int_t from = option(options, "from"), to = option(options, "to");
	AUTO_BUF struct buf piece = BUF_INIT(PIECE_MAX);
	AUTO_JSON json_t *end = NULL;
	size_t at = 0;
	int r;

	if (from < 0 || to < from || to - from > (json_int_t)PIECE_MAX)
		return err_set(e, EINVAL, "a piece of the journal has at most %u bytes", PIECE_MAX);
	if (lseek(in_fd, (off_t)from, SEEK_SET) < 0)
		return err_sys(e, "seek in the journal");
	r = read_piece(in_fd, (size_t)(to - from), &piece, e);
	while (r == 0 && at < piece.n) {
		const uint8_t *payload;
		struct intake_record rec;
		const int64_t size =
			intake_get((const uint8_t *)piece.p + at, piece.n - at, &rec, &payload);

		if (size == 0)
			break;
		if (size < 0)
			return err_set(e, EBADMSG, "a damaged record at byte %lld",
				       (long long)from + (long long)at);
		at += (size_t)size;
		r = send_record(out_sock, &rec, payload, (size_t)from + at, e);
	}
	if (r < 0)
		return r;
	end = json_pack("{s:I}", "end", from + (json_int_t)at);
	return end ? msg_send(out_sock, DECODE_MSG_END, end, NULL, 0, -1, e)
		   : err_set(e, ENOMEM, "out of memory");
}
