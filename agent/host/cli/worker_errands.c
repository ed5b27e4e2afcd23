/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <sys/wait.h>

#include "agent/host/case/notify.h"
#include "agent/host/cli/worker.h"
#include "agent/host/queue/wake.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"

/*
 * What became of proposals comes back by itself, and who is to be told hears of
 * what happened: `forge poll` and `notify send` as children of the worker, one
 * of each at a time.  What fails in them is a warning: repairs do not wait for
 * it.
 */
#define MS	 1000000ull
#define NOTES_MS 1000ull  /* between two looks for notes, and for what webhooks told of */
#define LATER_MS 60000ull /* where the webhook did not take one, or a forge does not answer */

/* 1: it ended well; 0: it runs, or there is none; -1: it failed. */
static int reap(struct worker *w, pid_t *pid)
{
	int st = 0;

	if (!*pid || waitpid(*pid, &st, WNOHANG) != *pid)
		return 0;
	*pid = 0;
	return w->stop || (WIFEXITED(st) && WEXITSTATUS(st) == 0) ? 1 : -1;
}

static void start(struct worker *w, const char *group, const char *verb, const char *option,
		  pid_t *pid)
{
	struct err e = ERR_INIT;
	const char *argv[9];
	size_t n = 0;

	argv[n++] = "sickbay";
	argv[n++] = group;
	argv[n++] = verb;
	argv[n++] = "--state";
	argv[n++] = w->q.state;
	if (w->config_file) {
		argv[n++] = "--config";
		argv[n++] = w->config_file;
	}
	if (option)
		argv[n++] = option;
	argv[n] = NULL;
	if (worker_run(argv, pid, &e) < 0) {
		*pid = 0;
		worker_say(w, group, e.msg);
	}
}

/* Whether a forge's webhook told of a proposal that nobody has looked at. */
static bool is_woken(struct worker *w)
{
	struct strlist told = { 0 };
	struct err e = ERR_INIT;
	bool some;

	if (clock_mono_ns() < w->next_wake)
		return false;
	w->next_wake = clock_mono_ns() + NOTES_MS * MS;
	if (wake_list(w->q.state, &told, &e) < 0)
		worker_say(w, "forge", e.msg);
	some = told.n != 0;
	strlist_release(&told);
	return some;
}

static void poll_failed(struct worker *w)
{
	const uint64_t ms = w->woken ? LATER_MS : w->config.worker.poll_ms;

	if (w->woken)
		w->next_wake = clock_mono_ns() + ms * MS;
	log_warn("forge poll: not every proposal could be asked for; the next attempt is in %llu s",
		 (unsigned long long)ms / 1000);
}

static void poll_forges(struct worker *w)
{
	const int ended = reap(w, &w->poll);

	w->look = w->look || ended; /* a decision may let something begin */
	if (ended < 0)
		poll_failed(w);
	/* who only drains the queue waits for no person */
	if (w->stop || w->poll || w->drain || w->once || w->config.forges.n == 0)
		return;
	w->woken = clock_mono_ns() < w->next_poll;
	if (!w->woken)
		w->next_poll = clock_mono_ns() + w->config.worker.poll_ms * MS;
	else if (!is_woken(w))
		return;
	start(w, "forge", "poll", w->woken ? "--woken" : NULL, &w->poll);
}

static void send_notes(struct worker *w)
{
	struct strlist waiting = { 0 };
	struct err e = ERR_INIT;

	if (reap(w, &w->notifier) < 0)
		w->next_notes = clock_mono_ns() + LATER_MS * MS;
	if (w->stop || w->notifier || !w->config.notify.url || clock_mono_ns() < w->next_notes)
		return;
	w->next_notes = clock_mono_ns() + NOTES_MS * MS;
	if (notify_waiting(w->q.state, &waiting, &e) < 0)
		worker_say(w, "notify", e.msg);
	else if (waiting.n)
		start(w, "notify", "send", NULL, &w->notifier);
	strlist_release(&waiting);
}

void worker_errands(struct worker *w)
{
	poll_forges(w);
	send_notes(w);
	if (w->stop && w->poll)
		(void)kill(w->poll, SIGTERM);
	if (w->stop && w->notifier)
		(void)kill(w->notifier, SIGTERM);
}
