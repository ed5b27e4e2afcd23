/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/host/case/house.h"
#include "agent/host/case/notify.h"
#include "agent/host/cli/cli.h"
#include "agent/host/cli/worker.h"
#include "agent/host/queue/spool.h"
#include "agent/host/queue/status.h"
#include "agent/host/queue/storm.h"
#include "agent/host/testrun/world.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/opt.h"

/*
 * Theory of operation.  The worker holds nothing that is not on disk.  A turn
 * of its loop takes reports of the spool into their incidents, buries children
 * that ended, and starts one process for each incident that may be repaired
 * and fits: `heal --incident ID`, or `case resume ID` where a kill left a case
 * half done.  That process takes the incident's lease itself, so a person's
 * `heal` beside the worker is no special case.  Children die with the worker;
 * what they leave is cleared by the next start, and their leases are free.
 */
#define NS		 1000000000ull
#define FIGURES_EVERY_NS (15 * NS)
#define LOOK_EVERY_NS	 (5 * NS) /* for what nothing tells us of, as a person's decision */
#define GRACE_NS	 (10 * NS)
#define TURN_MS		 500

static int lock_worker(struct worker *w, struct err *e)
{
	AUTO_CLOSE int at = spool_dir(w->q.state, "spool", e);

	if (at < 0)
		return at;
	w->lock = openat(at, WORKER_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (w->lock < 0)
		return err_sys(e, "open the worker's lock");
	if (flock(w->lock, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, EBUSY, "another worker works on '%s'", w->q.state);
	return 0;
}

/* New reports, pauses and storms wake us up at once. */
static int watch(struct worker *w, struct err *e)
{
	static const char *const dirs[] = { "spool/new", "pause", "storms", "suppressed" };

	w->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->watch < 0)
		return err_sys(e, "inotify");
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		AUTO_FREE char *path = NULL;
		AUTO_CLOSE int made = spool_dir(w->q.state, dirs[i], e);

		if (made < 0)
			return made;
		if (asprintf(&path, "%s/%s", w->q.state, dirs[i]) < 0)
			return err_set(e, ENOMEM, "out of memory");
		if (inotify_add_watch(w->watch, path,
				      IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE |
					      IN_ATTRIB) < 0)
			return err_sys(e, "watch '%s'", path);
	}
	return 0;
}

static int take_signals(struct worker *w, struct err *e)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_sys(e, "block signals");
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return w->signals < 0 ? err_sys(e, "signalfd") : 0;
}

/* What killed processes left, before anything new is begun. */
static int clear_up(struct worker *w, struct err *e)
{
	if (queue_sweep(&w->q, e) < 0 || sandbox_sweep(w->q.state, e) < 0)
		return -e->code;
	return world_sweep(w->q.state, e);
}

static int open_worker(struct worker *w, struct err *e)
{
	const char *state;

	if (host_config_load(w->config_file, &w->config, e) < 0)
		return -e->code;
	state = w->state ? w->state : w->config.state;
	if (dir_make(state, 0700, e) < 0)
		return -e->code;
	if (!realpath(state, w->dir))
		return err_sys(e, "state directory '%s'", state);
	w->q = (struct queue){ .state = w->dir, .config = &w->config };
	if (w->parallel == 0)
		w->parallel = w->config.worker.parallel;
	if (lock_worker(w, e) < 0 || take_signals(w, e) < 0 || watch(w, e) < 0 ||
	    clear_up(w, e) < 0 || notify_begin(w->q.state, w->config.notify.url, e) < 0)
		return -e->code;
	return audit_open(w->q.state, &w->q.audit, e);
}

static void close_worker(struct worker *w)
{
	audit_close(w->q.audit);
	cleanup_close(&w->signals);
	cleanup_close(&w->watch);
	cleanup_close(&w->lock);
	host_config_release(&w->config);
	free(w->notes);
}

static void wait_for_something(struct worker *w)
{
	struct pollfd p[] = { { .fd = w->signals, .events = POLLIN },
			      { .fd = w->watch, .events = POLLIN } };
	struct signalfd_siginfo s;
	char events[4096];

	(void)poll(p, 2, TURN_MS);
	while (read(w->signals, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
		if (s.ssi_signo == SIGCHLD)
			continue;
		w->deadline = w->stop ? 0 : clock_mono_ns() + GRACE_NS; /* a second one: at once */
		w->stop = true;
	}
	while (read(w->watch, events, sizeof(events)) > 0)
		w->look = true;
}

/* A log that could not be written once says so for ever: a new one is opened when there is room. */
static void absorb(struct worker *w)
{
	struct err e = ERR_INIT;
	size_t taken = 0;

	if (!w->q.audit && audit_open(w->q.state, &w->q.audit, &e) < 0) {
		worker_say(w, "spool", e.msg);
		return;
	}
	do {
		if (queue_absorb(&w->q, &taken, &e) < 0) {
			worker_say(w, "spool", e.msg);
			audit_close(w->q.audit);
			w->q.audit = NULL;
			return;
		}
		w->look = w->look || taken;
		if (taken)
			log_info("%zu reports taken", taken);
	} while (taken);
}

/* Room first: what nobody needs goes before repairs have to wait for it. */
static void tidy(struct worker *w)
{
	struct err e = ERR_INIT;

	if (w->q.audit && house_tidy(w->q.state, &w->config, w->q.audit, &e) < 0)
		worker_say(w, "house", e.msg);
}

static void write_figures(struct worker *w, bool now)
{
	AUTO_JSON json_t *st = NULL;
	struct err e = ERR_INIT;

	if (!w->config.prometheus || (!now && clock_mono_ns() < w->next_figures))
		return;
	w->next_figures = clock_mono_ns() + FIGURES_EVERY_NS;
	if (status_collect(&w->q, &st, &e) < 0 || status_write(st, w->config.prometheus, &e) < 0)
		worker_say(w, "figures", e.msg);
}

/* Whether there is nothing left to do, for who does not wait. */
static bool is_done(const struct worker *w)
{
	if (w->n_children || w->poll || w->notifier)
		return false;
	if (w->stop)
		return true;
	return (w->once && w->begun) || ((w->drain || w->once) && w->ready == 0);
}

static void turn(struct worker *w)
{
	w->q.now_ns = clock_real_ns();
	absorb(w);
	worker_reap(w);
	worker_errands(w);
	if (w->stop) {
		worker_end_children(w, w->deadline);
		return;
	}
	if (w->look)
		worker_stop_stormed(w);
	if (w->look || clock_mono_ns() >= w->next_look) {
		w->look = false;
		w->next_look = clock_mono_ns() + LOOK_EVERY_NS;
		tidy(w);
		worker_start(w);
	}
}

static int run(struct worker *w, struct err *e)
{
	log_info("worker: %llu cases at one time on '%s'", (unsigned long long)worker_slots(w),
		 w->q.state);
	w->look = true;
	for (turn(w); !is_done(w); turn(w)) {
		write_figures(w, false);
		wait_for_something(w);
	}
	write_figures(w, true);
	if (sandbox_sweep(w->q.state, e) < 0 || world_sweep(w->q.state, e) < 0)
		return -e->code;
	log_info("worker: ended");
	return 0;
}

int cmd_worker(int argc, char **argv, struct err *e)
{
	struct worker w = { .lock = -1, .signals = -1, .watch = -1 };
	const struct opt opts[] = {
		{ "once", OPT_FLAG, &w.once, NULL, "one repair, then the end" },
		{ "drain", OPT_FLAG, &w.drain, NULL, "all that can be done now, then the end" },
		{ "parallel", OPT_U64, &w.parallel, "N", "cases at one time" },
		{ "state", OPT_STR, &w.state, "DIR", "state directory" },
		{ "config", OPT_STR, &w.config_file, "FILE", "the host's configuration" },
		{ 0 },
	};
	int n, r;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n != 0 || w.parallel > WORKER_MAX)
		return cli_usage(e, "worker takes no operands, and at most %d cases at one time",
				 WORKER_MAX);
	r = open_worker(&w, e);
	if (r == 0)
		r = run(&w, e);
	close_worker(&w);
	return r < 0 || (w.failed && !w.stop) ? CLI_FAILED : CLI_OK;
}
