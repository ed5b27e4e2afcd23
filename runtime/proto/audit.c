/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proto/audit.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "runtime/base/fd.h"
#include "runtime/base/jmap.h"
#include "runtime/base/log.h"
#include "runtime/base/msg.h"
#include "runtime/base/spawn.h"

#define QUEUE_MAX  512 /* events that wait for the next sync; more are sent on without one */
#define ARGV_BYTES (16u << 10) /* of the operator's command; the rest is counted */
#define ANSWER_MS  60000

struct audit {
	int sock;
	pid_t pid;  /* 0: of the resident log, which is not ours to wait for */
	bool asked; /* a sync was begun and its answer not yet read */
	char *case_id;
	json_t *queue;
	struct err failed; /* once the log could not be written, nothing is done any more */
};

int audit_dir(const char *state, struct err *e)
{
	AUTO_CLOSE int parent = -1;
	AUTO_CLOSE int dir = -1;
	struct stat st;
	int r;

	r = dir_make(state, 0755, e);
	if (r < 0)
		return r;
	parent = fd_open_dir(state, e);
	if (parent < 0)
		return parent;
	r = dir_make_at(parent, "audit", 0700, e);
	if (r < 0)
		return r;
	dir = fd_open_beneath(parent, "audit", O_RDONLY | O_DIRECTORY, 0, e);
	if (dir < 0)
		return dir;
	if (fstat(dir, &st) < 0)
		return err_sys(e, "'%s/audit'", state);
	if (geteuid() == 0 && st.st_uid == 0 && fchown(dir, AUDIT_UID, AUDIT_UID) < 0)
		return err_sys(e, "cannot give '%s/audit' to the log's user", state);
	if (geteuid() == 0 && st.st_uid != 0 && st.st_uid != AUDIT_UID)
		return err_set(e, EPERM, "'%s/audit' belongs to user %u, not to the log's (%d)",
			       state, (unsigned)st.st_uid, AUDIT_UID);
	return take_fd(&dir);
}

/* Through the directory's descriptor: a socket's address has room for 108 bytes only. */
void audit_door(int dir, struct sockaddr_un *at)
{
	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(at->sun_path, sizeof(at->sun_path), "/proc/self/fd/%d/" AUDIT_DOOR, dir);
}

static audit_witness_fn *find_witness;

void audit_witness_by(audit_witness_fn *f)
{
	find_witness = f;
}

int audit_witness_open(struct err *e)
{
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = -1;
	int fd;

	if (!find_witness || find_witness(&path, e) < 0 || !path)
		return -1;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = dir < 0 ? open(path, flags, 0644) : openat(dir, AUDIT_WITNESS_FILE, flags, 0644);
	if (fd < 0)
		(void)err_sys(e, "the witness '%s'", path);
	return fd;
}

static int start(struct audit *a, int dir, struct err *e)
{
	char path[PATH_MAX];
	char name[] = "sickbay-audit", verb[] = "serve", option[] = "--witness";
	char *argv[] = { name, verb, NULL, NULL };
	struct err why = ERR_INIT;
	AUTO_CLOSE int witness = audit_witness_open(&why);
	int pair[2], r;

	if (why.code) /* what depends on it is refused when it asks for a checkpoint */
		log_warn("%s", why.msg);
	r = spawn_sibling("sickbay-audit", path, sizeof(path), e);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "cannot make a socket pair");
	const int fds[][2] = { { pair[1], AUDIT_FD_SOCKET },
			       { dir, AUDIT_FD_DIR },
			       { witness, AUDIT_FD_WITNESS } };
	const uid_t uid = geteuid() == 0 ? AUDIT_UID : 0;
	const struct spawn s = { .path = path,
				 .argv = argv,
				 .uid = uid,
				 .gid = uid,
				 .fds = fds,
				 .n_fds = witness < 0 ? 2 : 3 };

	if (witness >= 0)
		argv[2] = option;

	a->sock = pair[0];
	r = spawn_start(&s, &a->pid, e);
	(void)close(pair[1]);
	return r;
}

/* 1: connected; 0: nobody listens. The resident log is root's or ours. */
static int connect_resident(struct audit *a, const char *state, struct err *e)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	AUTO_CLOSE int sock = -1;
	AUTO_CLOSE int dir = fd_open_dir(state, e);
	struct sockaddr_un at;

	if (dir < 0)
		return dir;
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return err_sys(e, "cannot make a socket");
	audit_door(dir, &at);
	if (connect(sock, (const struct sockaddr *)&at, sizeof(at)) < 0)
		return 0;
	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ||
	    (peer.uid != 0 && peer.uid != geteuid()))
		return err_set(e, EPERM, "'%s/%s' is served by a stranger", state, AUDIT_DOOR);
	a->sock = take_fd(&sock);
	return 1;
}

json_t *audit_login_uid(void)
{
	AUTO_BUF struct buf b = BUF_INIT(32);
	struct err ignored = ERR_INIT;
	char *end;
	unsigned long uid;

	if (file_read_at(AT_FDCWD, "/proc/self/loginuid", 31, &b, &ignored) < 0 || b.n == 0)
		return json_string("unset");
	uid = strtoul(b.p, &end, 10);
	return end == b.p || uid >= UINT32_MAX ? json_string("unset")
					       : json_integer((json_int_t)uid);
}

/* The arguments that fit; what is not UTF-8 is shown as what it is. */
static json_t *argv_list(const struct buf *cmdline)
{
	json_t *list = json_array();
	const char *p = cmdline->p;
	const char *end = p ? p + cmdline->n : p;
	int left_out = 0;

	for (; p && p < end; p += strlen(p) + 1) {
		if (p - cmdline->p > (ptrdiff_t)ARGV_BYTES ||
		    end - p > (ptrdiff_t)(4 * ARGV_BYTES) || strlen(p) > ARGV_BYTES) {
			left_out++;
			continue;
		}
		json_t *word = json_string(p);

		if (json_array_append_new(list, word ? word : json_string("(not UTF-8)")) < 0)
			break;
	}
	if (left_out)
		(void)json_array_append_new(list, json_sprintf("(%d more)", left_out));
	return list;
}

static int note_operator(struct audit *a, struct err *e)
{
	AUTO_BUF struct buf cmdline = BUF_INIT(4u << 20);
	json_t *fields;
	int r;

	r = file_read_at(AT_FDCWD, "/proc/self/cmdline", 4u << 20, &cmdline, e);
	if (r < 0)
		return r;
	fields = json_pack("{s:o,s:i,s:o}", "login_uid", audit_login_uid(), "uid", (int)getuid(),
			   "argv", argv_list(&cmdline));
	return audit_note(a, "operator.command", fields, e);
}

int audit_open(const char *state, struct audit **out, struct err *e)
{
	AUTO_CLOSE int dir = audit_dir(state, e);
	struct audit *a;
	int r;

	if (dir < 0)
		return err_wrap(e, "audit log");
	a = calloc(1, sizeof(*a));
	if (!a)
		return err_set(e, ENOMEM, "out of memory");
	a->sock = -1;
	a->queue = json_array();
	r = a->queue ? connect_resident(a, state, e) : err_set(e, ENOMEM, "out of memory");
	if (r == 0)
		r = start(a, dir, e);
	else if (r > 0)
		r = 0;
	if (r == 0)
		r = note_operator(a, e);
	if (r < 0) {
		audit_close(a);
		return err_wrap(e, "audit log");
	}
	*out = a;
	return 0;
}

void audit_set_case(struct audit *a, const char *case_id)
{
	free(a->case_id);
	a->case_id = case_id ? strdup(case_id) : NULL;
	if (case_id && !a->case_id) /* an event without its case would be a wrong event */
		(void)err_set(&a->failed, ENOMEM, "audit log: out of memory");
}

static int refusal(const json_t *body, struct err *e)
{
	const char *why = json_string_value(json_object_get(body, "message"));

	return err_set(e, EIO, "%s", why ? why : "refused");
}

/* A refusal of the log is final, since what it said is unknown. */
static int lost(struct audit *a, struct err *e)
{
	(void)err_wrap(e, "audit log");
	a->failed = *e;
	return -e->code;
}

static int hear(struct audit *a, struct msg *m, struct err *e)
{
	int r = msg_recv(a->sock, ANSWER_MS, m, e);

	if (r == 0)
		r = err_set(e, EPIPE, "sickbay-audit ended");
	if (r == 1 && m->type == AUDIT_MSG_ERROR)
		r = refusal(m->body, e);
	return r < 0 ? lost(a, e) : 0;
}

static int say(struct audit *a, uint16_t type, const json_t *body, struct err *e)
{
	AUTO_MSG struct msg m = MSG_INIT;
	const int r = msg_send(a->sock, type, body, NULL, 0, -1, e);

	if (r == 0)
		return 0;
	/* a peer that gave up before the request has said why */
	return e->code == EPIPE ? hear(a, &m, e) < 0 ? -e->code : err_set(e, EPROTO, "audit log")
				: lost(a, e);
}

int audit_sync_end(struct audit *a, struct err *e)
{
	AUTO_MSG struct msg m = MSG_INIT;
	int r;

	if (a->failed.code) {
		*e = a->failed;
		return -e->code;
	}
	if (!a->asked)
		return 0;
	a->asked = false;
	r = hear(a, &m, e);
	if (r == 0 && m.type != AUDIT_MSG_DONE)
		r = err_set(e, EPROTO, "audit log: unexpected answer %u", m.type);
	return r;
}

static int begin(struct audit *a, bool sync, struct err *e)
{
	AUTO_JSON json_t *body = json_pack("{s:O,s:b}", "events", a->queue, "sync", (int)sync);
	int r = audit_sync_end(a, e); /* one question at a time */

	if (r == 0 && !body)
		r = err_set(e, ENOMEM, "audit log: out of memory");
	if (r == 0)
		r = say(a, AUDIT_MSG_APPEND, body, e);
	if (r == 0) {
		(void)json_array_clear(a->queue);
		a->asked = true;
	}
	return r;
}

int audit_sync_begin(struct audit *a, struct err *e)
{
	return begin(a, true, e);
}

int audit_send(struct audit *a, struct err *e)
{
	return begin(a, false, e);
}

static int send_queue(struct audit *a, bool sync, struct err *e)
{
	const int r = begin(a, sync, e);

	return r < 0 ? r : audit_sync_end(a, e);
}

/* {"type", "case", FIELDS...}: the order in which the log wants them. */
static int queue(struct audit *a, const char *type, json_t *fields, struct err *e)
{
	AUTO_JSON json_t *owned = fields;
	AUTO_JSON json_t *event = json_pack("{s:s}", "type", type);

	if (a->failed.code) {
		*e = a->failed;
		return -e->code;
	}
	if (!owned || !event)
		return err_set(e, ENOMEM, "audit log: out of memory");
	if (a->case_id && !json_object_get(owned, "case") &&
	    json_object_set_new(event, "case", json_string(a->case_id)) < 0)
		return err_set(e, ENOMEM, "audit log: out of memory");
	if (json_object_update(event, owned) < 0 || json_array_append(a->queue, event) < 0)
		return err_set(e, ENOMEM, "audit log: out of memory");
	return 0;
}

int audit_effect(struct audit *a, const char *type, json_t *fields, struct err *e)
{
	return queue(a, type, fields, e);
}

int audit_note(struct audit *a, const char *type, json_t *fields, struct err *e)
{
	const int r = queue(a, type, fields, e);

	return r == 0 && json_array_size(a->queue) >= QUEUE_MAX ? send_queue(a, false, e) : r;
}

int audit_sync(struct audit *a, struct err *e)
{
	return send_queue(a, true, e);
}

int audit_commit(struct audit *a, const char *type, json_t *fields, struct err *e)
{
	const int r = audit_effect(a, type, fields, e);

	return r < 0 ? r : audit_sync(a, e);
}

/* What the log answered; where a witness is configured, it must have the checkpoint. */
static int take_note(const struct msg *m, struct audit_checkpoint *out, struct err *e)
{
	const char *root = NULL, *note = NULL, *why = NULL;
	json_int_t size = 0, epoch = 0;
	AUTO_FREE char *witness = NULL;
	int witnessed = 0;
	bool refused;

	if (m->type != AUDIT_MSG_NOTE ||
	    json_unpack(m->body, "{s:I,s:s,s:s,s:I,s:b,s?s}", "size", &size, "root", &root, "note",
			&note, "epoch", &epoch, "witnessed", &witnessed, "unwitnessed", &why) < 0 ||
	    strlen(root) >= sizeof(out->root))
		return err_set(e, EPROTO, "audit log: unexpected answer %u", m->type);
	if (find_witness && find_witness(&witness, e) < 0)
		return -e->code;
	*out = (struct audit_checkpoint){ .size = (uint64_t)size, .epoch = (size_t)epoch };
	memcpy(out->root, root, strlen(root) + 1);
	out->note = strdup(note);
	refused = why || (witness && !witnessed);
	if (refused &&
	    asprintf(&out->unwitnessed, "%s%s%s", witness ? witness : "", witness ? ": " : "",
		     why ? why : "the log that runs was started without it") < 0)
		out->unwitnessed = NULL;
	if (!out->note || (refused && !out->unwitnessed)) {
		audit_checkpoint_release(out);
		return err_set(e, ENOMEM, "audit log: out of memory");
	}
	return 0;
}

static int ask_for_note(struct audit *a, uint16_t type, struct audit_checkpoint *out, struct err *e)
{
	AUTO_MSG struct msg m = MSG_INIT;
	AUTO_JSON json_t *body = json_object();
	int r = audit_sync(a, e);

	if (r == 0)
		r = say(a, type, body, e);
	if (r == 0)
		r = hear(a, &m, e);
	return r < 0 ? r : take_note(&m, out, e);
}

int audit_checkpoint(struct audit *a, struct audit_checkpoint *out, struct err *e)
{
	return ask_for_note(a, AUDIT_MSG_CHECKPOINT, out, e);
}

int audit_rotate(struct audit *a, struct audit_checkpoint *out, struct err *e)
{
	return ask_for_note(a, AUDIT_MSG_ROTATE, out, e);
}

void audit_checkpoint_release(struct audit_checkpoint *c)
{
	free(c->note);
	free(c->unwitnessed);
	c->note = c->unwitnessed = NULL;
}

void audit_close(struct audit *a)
{
	struct err ignored = ERR_INIT;
	int status;

	if (!a)
		return;
	/* what a resident log was told is signed with the rest; it need not be waited for */
	if (a->sock >= 0 && !a->failed.code && json_array_size(a->queue))
		(void)begin(a, a->pid > 0, &ignored);
	if (a->sock >= 0)
		(void)audit_sync_end(a, &ignored);
	cleanup_close(&a->sock);
	if (a->pid > 0)
		(void)spawn_wait(a->pid, &status, &ignored);
	json_decref(a->queue);
	free(a->case_id);
	free(a);
}
