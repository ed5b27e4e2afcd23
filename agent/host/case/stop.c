/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/stop.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "agent/host/case/pause.h"
#include "images/layer.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/log.h"
#include "runtime/sandbox/hold.h"

#define LOOK_MS	   250
#define CANCEL	   "cancel"
#define SCHEMA	   "sickbay.cancel/1"
#define KEPT_BYTES (4ull << 30) /* of one replica */
#define KEPT_FILES 500000u

static struct {
	struct stop_watch w;
	int timer;
	bool on, cancelled, kept;
} now = { .timer = -1 };

static struct {
	void (*f)(void *ctx);
	void *ctx;
} outside;

void stop_on_hold(void (*f)(void *ctx), void *ctx)
{
	outside.f = f;
	outside.ctx = ctx;
}

static void end_outside(void)
{
	if (outside.f)
		outside.f(outside.ctx);
}

/* ---- cancel ---- */

int stop_ask(struct kase *k, const struct stop_request *req, struct err *e)
{
	AUTO_JSON json_t *v =
		json_pack("{s:s,s:s,s:b,s:o}", "schema", SCHEMA, "reason", req->reason, "keep",
			  req->keep, "login_uid", audit_login_uid());
	AUTO_FREE char *text = v ? json_dumps(v, JSON_INDENT(1) | JSON_ENSURE_ASCII) : NULL;

	if (!text)
		return err_set(e, EINVAL, "cancel: the reason is not UTF-8");
	return case_write(k, CANCEL, text, strlen(text), e);
}

static json_t *request_of(const struct kase *k)
{
	AUTO_BUF struct buf text = BUF_INIT(65536);
	struct err ignored = ERR_INIT;

	if (faccessat(case_dir(k), CANCEL, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return NULL;
	if (file_read_at(case_dir(k), CANCEL, 65536, &text, &ignored) < 0)
		return json_object();
	json_t *v = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);

	return v ? v : json_object();
}

int stop_asked(const struct kase *k, char reason[256])
{
	AUTO_JSON json_t *v = request_of(k);
	const char *why = json_string_value(json_object_get(v, "reason"));

	if (v)
		(void)snprintf(reason, 256, "%s", why ? why : "cancelled by the operator");
	return v != NULL;
}

/* ---- what is kept ---- */

static int open_kept(const char *state, const char *id, bool make, struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int at = -1;

	if (asprintf(&path, "%s/kept", state) < 0)
		return err_set(e, ENOMEM, "out of memory");
	if (make && dir_make(path, 0700, e) < 0)
		return -e->code;
	at = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (at < 0)
		return err_sys(e, "'%s'", path);
	if (!id)
		return take_fd(&at);
	if (make && dir_make_at(at, id, 0700, e) < 0)
		return -e->code;
	return fd_open_beneath(at, id, O_RDONLY | O_DIRECTORY, 0, e);
}

static int keep_one(void *ctx, struct sandbox *s, struct err *e)
{
	const struct tree_copy how = { .limits = { KEPT_BYTES, KEPT_FILES }, .overlay = true };
	const int at = *(const int *)ctx;
	AUTO_CLOSE int upper = -1;
	AUTO_CLOSE int to = -1;
	int r;

	if (sandbox_exit(s)->kind != EXIT_RUNNING)
		return 0;
	r = sandbox_kill(s, e);
	if (r == 0)
		r = sandbox_freeze(s, &upper, e);
	if (r == 0)
		r = dir_make_at(at, sandbox_name(s), 0700, e);
	if (r == 0) {
		to = fd_open_beneath(at, sandbox_name(s), O_RDONLY | O_DIRECTORY, 0, e);
		r = to < 0 ? to : layer_copy_tree(to, upper, sandbox_name(s), &how, NULL, e);
	}
	if (r < 0) { /* the others may be kept all the same */
		log_warn("%s: cannot be kept: %s", sandbox_name(s), e->msg);
		*e = (struct err)ERR_INIT;
	}
	return 0;
}

/* Once, and before those who wait for the replicas hear of it. */
static int keep_all(struct err *e)
{
	AUTO_CLOSE int at = -1;
	int r;

	if (now.kept)
		return 0;
	now.kept = true;
	r = audit_commit(now.w.audit, "case.keep", json_pack("{s:s}", "into", case_id(now.w.kase)),
			 e);
	at = r < 0 ? r : open_kept(now.w.state, case_id(now.w.kase), true, e);
	return at < 0 ? at : sandbox_each(keep_one, &at, e);
}

static int cancel(struct err *e)
{
	AUTO_JSON json_t *v = request_of(now.w.kase);
	struct err late = ERR_INIT;

	now.cancelled = true;
	end_outside();
	if (json_is_true(json_object_get(v, "keep")) && keep_all(&late) < 0)
		log_warn("nothing is kept: %s", late.msg);
	return err_set(e, ECANCELED, "case '%s' was cancelled", case_id(now.w.kase));
}

int kept_discard(const char *state, const char *id, struct err *e)
{
	AUTO_CLOSE int at = open_kept(state, NULL, false, e);

	if (at == -ENOENT || (at >= 0 && faccessat(at, id, F_OK, AT_SYMLINK_NOFOLLOW) < 0))
		return err_set(e, ENOENT, "nothing was kept of case '%s'", id);
	return at < 0 ? at : tree_remove_at(at, id, e);
}

json_t *kept_show(const char *state, const char *id)
{
	struct err none = ERR_INIT;
	int at = open_kept(state, id, false, &none);
	CLEANUP(cleanup_closedir) DIR *d = at < 0 ? NULL : fdopendir(at);
	json_t *names = d ? json_array() : NULL;
	const struct dirent *ent;

	while (d && (ent = readdir(d)))
		if (ent->d_name[0] != '.')
			(void)json_array_append_new(names, json_string(ent->d_name));
	return names ? json_pack("{s:o,s:o}", "replicas", names, "path",
				 json_sprintf("%s/kept/%s", state, id))
		     : NULL;
}

/* ---- pause ---- */

/* 1 while it is paused; what cannot be seen is taken for a pause. */
static int paused(char why[PAUSE_WHY])
{
	struct err e = ERR_INIT;
	const int r = pause_active(now.w.state, now.w.service, why, &e);

	if (r < 0)
		(void)snprintf(why, PAUSE_WHY, "%.200s", e.msg);
	return r != 0;
}

static bool asked_to_end(void)
{
	return now.w.kase &&
	       faccessat(case_dir(now.w.kase), CANCEL, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Replicas that would not freeze at once are asked again each time. */
static void stand_still(const char *why)
{
	char again[PAUSE_WHY];
	bool told = false;

	log_progress_end();
	log_info("paused: %s", why);
	end_outside();
	do {
		struct err e = ERR_INIT;

		if (sandbox_hold_all(true, &e) < 0 && !told) {
			log_warn("%s", e.msg);
			told = true;
		}
		(void)poll(NULL, 0, LOOK_MS);
	} while (!asked_to_end() && paused(again));
}

static int wait_out(const char *why, struct err *e)
{
	const uint64_t begun = clock_mono_ns();
	int r;

	stand_still(why);
	if (asked_to_end())
		return cancel(e);
	r = audit_note(now.w.audit, "pause.over",
		       json_pack("{s:s*,s:I}", "service", now.w.service, "held_us",
				 (json_int_t)((clock_mono_ns() - begun) / 1000)),
		       e);
	if (r == 0)
		r = sandbox_hold_all(false, e);
	if (r == 0)
		log_info("no longer paused");
	return r;
}

int stop_point(struct err *e)
{
	char why[PAUSE_WHY];

	if (!now.on)
		return 0;
	if (now.cancelled || asked_to_end())
		return cancel(e);
	return paused(why) ? wait_out(why, e) : 0;
}

static int look(void *ctx, struct err *e)
{
	uint64_t ticks;

	(void)ctx;
	(void)!read(now.timer, &ticks, sizeof(ticks));
	return stop_point(e);
}

int stop_begin(const struct stop_watch *w, struct err *e)
{
	const struct itimerspec each = { .it_interval.tv_nsec = LOOK_MS * 1000000L,
					 .it_value.tv_nsec = LOOK_MS * 1000000L };
	AUTO_CLOSE int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (timer < 0 || timerfd_settime(timer, 0, &each, NULL) < 0)
		return err_sys(e, "make the timer that looks for a pause");
	now.w = *w;
	now.timer = take_fd(&timer);
	now.on = true;
	now.cancelled = now.kept = false;
	sandbox_set_hold(now.timer, look, NULL);
	return 0;
}

void stop_end(void)
{
	if (!now.on)
		return;
	sandbox_set_hold(-1, NULL, NULL);
	cleanup_close(&now.timer);
	now.timer = -1;
	now.on = false;
}
