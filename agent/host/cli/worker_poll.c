/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <sys/wait.h>

#include "agent/host/cli/worker.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"

/*
 * What became of proposals comes back by itself: `forge poll` as a child of the
 * worker, now and then, one at a time.  A forge that fails is a warning: repairs
 * do not wait for it.
 */
#define MS 1000000ull

static void reap_poll(struct worker *w)
{
	int st = 0;

	if (!w->poll || waitpid(w->poll, &st, WNOHANG) != w->poll)
		return;
	w->poll = 0;
	w->look = true; /* a decision may let something begin */
	if (!w->stop && (!WIFEXITED(st) || WEXITSTATUS(st) != 0))
		log_warn("forge poll: not every proposal could be asked for; the next attempt is "
			 "in %llu s",
			 (unsigned long long)w->config.worker.poll_ms / 1000);
}

void worker_poll(struct worker *w)
{
	struct err e = ERR_INIT;
	const char *argv[8];
	size_t n = 0;

	reap_poll(w);
	if (w->stop) {
		if (w->poll)
			(void)kill(w->poll, SIGTERM);
		return;
	}
	/* who only drains the queue waits for no person */
	if (w->poll || w->drain || w->once || w->config.forges.n == 0 ||
	    clock_mono_ns() < w->next_poll)
		return;
	w->next_poll = clock_mono_ns() + w->config.worker.poll_ms * MS;
	argv[n++] = "sickbay";
	argv[n++] = "forge";
	argv[n++] = "poll";
	argv[n++] = "--state";
	argv[n++] = w->q.state;
	if (w->config_file) {
		argv[n++] = "--config";
		argv[n++] = w->config_file;
	}
	argv[n] = NULL;
	if (worker_run(argv, &w->poll, &e) < 0) {
		w->poll = 0;
		worker_say(w, "forge poll", e.msg);
	}
}
