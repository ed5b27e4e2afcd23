/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/audit/serve.h"

#include "runtime/audit/auditlog.h"
#include "runtime/base/jmap.h"
#include "runtime/base/log.h"
#include "runtime/base/msg.h"
#include "runtime/proto/audit.h"

DEFINE_CLEANUP(struct auditlog, auditlog_close);

struct append {
	json_t *events;
	bool sync;
};

static const struct jmap append_map[] = {
	{ "events", JMAP_JSON, offsetof(struct append, events), .required = 1 },
	{ "sync", JMAP_BOOL, offsetof(struct append, sync), .required = 1 },
	{ 0 },
};

static int reply(int sock, uint16_t type, json_t *body, struct err *e)
{
	AUTO_JSON json_t *owned = body;

	if (!owned)
		return err_set(e, ENOMEM, "out of memory");
	return msg_send(sock, type, owned, NULL, 0, -1, e);
}

int serve_append(struct auditlog *l, const struct msg *m, bool may_sync, json_t **answer,
		 bool *sync, struct err *e)
{
	struct append a = { 0 };
	uint64_t first = 0;
	int r = jmap_read(append_map, m->body, &a, "", e);

	if (r == 0 && !json_is_array(a.events))
		r = err_set(e, EINVAL, "'events' must be an array");
	if (r == 0)
		r = auditlog_append(l, a.events, a.sync && may_sync, &first, e);
	jmap_release(append_map, &a);
	if (r < 0)
		return r;
	*sync = a.sync;
	*answer =
		json_pack("{s:I,s:I}", "seq", (json_int_t)first, "size", (json_int_t)l->tree.size);
	return *answer ? 0 : err_set(e, ENOMEM, "out of memory");
}

typedef int sign_fn(struct auditlog *l, struct checkpoint *out, struct buf *note, struct err *e);

static int handle_sign(struct auditlog *l, sign_fn *sign, json_t **answer, struct err *e)
{
	AUTO_BUF struct buf note = BUF_INIT(NOTE_MAX);
	struct checkpoint c;
	char root[SHA256_HEX];
	const int r = sign(l, &c, &note, e);

	if (r < 0)
		return r;
	sha256_hex(c.root, root);
	*answer = json_pack("{s:I,s:s,s:s,s:s,s:I,s:b,s:s*}", "size", (json_int_t)c.size, "root",
			    root, "note", note.p, "origin", l->signer.key.name, "epoch",
			    (json_int_t)l->epoch, "witnessed",
			    (int)(l->witness >= 0 && !l->unwitnessed.code), "unwitnessed",
			    l->unwitnessed.code ? l->unwitnessed.msg : NULL);
	return 0;
}

/* What the peer asked for wrongly, or what the disk refused, is its answer; the service goes on. */
int serve_request(struct auditlog *l, int sock, const struct msg *m, struct err *e)
{
	struct err why = ERR_INIT;
	json_t *answer = NULL;
	bool sync;

	switch ((enum audit_msg)m->type) {
	case AUDIT_MSG_APPEND:
		if (serve_append(l, m, true, &answer, &sync, &why) == 0)
			return reply(sock, AUDIT_MSG_DONE, answer, e);
		break;
	case AUDIT_MSG_CHECKPOINT:
		if (handle_sign(l, auditlog_checkpoint, &answer, &why) == 0)
			return reply(sock, AUDIT_MSG_NOTE, answer, e);
		break;
	case AUDIT_MSG_ROTATE:
		if (handle_sign(l, auditlog_rotate, &answer, &why) == 0)
			return reply(sock, AUDIT_MSG_NOTE, answer, e);
		break;
	case AUDIT_MSG_DONE:
	case AUDIT_MSG_NOTE:
	case AUDIT_MSG_ERROR:
	default:
		return err_set(e, EPROTO, "message %u is no request", m->type);
	}
	return serve_refusal(sock, &why);
}

int serve_refusal(int sock, const struct err *why)
{
	struct err unheard = ERR_INIT;

	return reply(sock, AUDIT_MSG_ERROR, json_pack("{s:s}", "message", why->msg), &unheard);
}

int serve_sign(struct auditlog *l, struct err *e)
{
	AUTO_BUF struct buf note = BUF_INIT(NOTE_MAX);
	struct checkpoint c;

	int r;

	if (l->failed || l->tree.size == l->newest.size)
		return 0;
	r = auditlog_checkpoint(l, &c, &note, e);
	if (r == 0 && l->unwitnessed.code)
		log_warn("the checkpoint of %llu records is not kept by the witness: %s",
			 (unsigned long long)c.size, l->unwitnessed.msg);
	return r;
}

int serve(int sock, int dir, int witness, struct err *e)
{
	CLEANUP(cleanup_auditlog_close) struct auditlog *l = NULL;
	int r = auditlog_open(dir, &l, e);

	if (r < 0)
		return serve_refusal(sock, e) < 0 ? r : 1; /* the peer says it */
	l->witness = witness;
	do {
		AUTO_MSG struct msg m = MSG_INIT;

		r = msg_recv(sock, -1, &m, e);
		if (r == 1) {
			const int done = serve_request(l, sock, &m, e);

			r = done < 0 ? done : 1;
		}
	} while (r == 1);
	return r < 0 ? r : serve_sign(l, e);
}
