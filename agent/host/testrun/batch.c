/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <string.h>

#include "agent/host/testrun/testrun.h"

/* Runs to their end, one or several at a time; one that does not count is done once more. */

static int run_once(struct world *w, const struct testrun_job *job, struct test_report *out,
		    struct err *e)
{
	struct testrun *t = NULL;
	struct exit_record x;
	int r = testrun_start(w, job, &t, e);

	if (r < 0)
		return r;
	r = replica_wait(testrun_replica(t), &x, e);
	if (r >= 0)
		r = testrun_report(t, out, e);
	testrun_close(t);
	return r < 0 ? r : 0;
}

static int not_counted(const struct test_report *r, const char *purpose, struct err *e)
{
	return err_set(e, EHOSTDOWN, "run for %s, twice: %s", purpose, r->invalid);
}

int testrun_run(struct world *w, const struct testrun_job *job, struct test_report *out,
		struct err *e)
{
	struct test_report report;
	int r = run_once(w, job, &report, e);

	if (r == 0 && report.invalid) {
		test_report_release(&report);
		r = run_once(w, job, &report, e);
	}
	if (r == 0 && report.invalid) {
		r = not_counted(&report, job->purpose, e);
		test_report_release(&report);
	}
	if (r == 0)
		*out = report;
	return r;
}

/* ---- several at a time ---- */

#define PARALLEL_MAX 64

struct batch {
	struct world *world;
	const struct testrun_job *jobs;
	testrun_done_fn *done;
	void *ctx;
	struct testrun *slot[PARALLEL_MAX];
	size_t index[PARALLEL_MAX];
	bool again[PARALLEL_MAX]; /* it did not count the first time */
	size_t live;
};

static int start_slot(struct batch *b, size_t i, size_t index, bool again, struct err *e)
{
	const int r = testrun_start(b->world, &b->jobs[index], &b->slot[i], e);

	b->index[i] = index;
	b->again[i] = again;
	b->live += r == 0;
	return r;
}

static int finish_slot(struct batch *b, size_t i, struct err *e)
{
	struct test_report report;
	int r = testrun_report(b->slot[i], &report, e);

	testrun_close(b->slot[i]);
	b->slot[i] = NULL;
	b->live--;
	if (r < 0)
		return r;
	if (!report.invalid)
		r = b->done(b->ctx, b->index[i], &report, e);
	else if (b->again[i])
		r = not_counted(&report, b->jobs[b->index[i]].purpose, e);
	else
		r = start_slot(b, i, b->index[i], true, e);
	test_report_release(&report);
	return r;
}

static int step_batch(struct batch *b, size_t width, struct err *e)
{
	struct pollfd p[PARALLEL_MAX];
	int r = 0;

	for (size_t i = 0; i < width; i++)
		p[i] = (struct pollfd){ .fd = b->slot[i] ? replica_fd(testrun_replica(b->slot[i]))
							 : -1,
					.events = POLLIN };
	if (poll(p, width, -1) < 0 && errno != EINTR)
		return err_sys(e, "wait for replicas");
	for (size_t i = 0; r >= 0 && i < width; i++) {
		if (!b->slot[i] || !p[i].revents)
			continue;
		r = replica_step(testrun_replica(b->slot[i]), e);
		if (r == 1)
			r = finish_slot(b, i, e);
	}
	return r < 0 ? r : 0;
}

int testrun_batch(struct world *w, const struct testrun_job *jobs, size_t n, size_t parallel,
		  testrun_done_fn *done, void *ctx, struct err *e)
{
	const size_t width = parallel > PARALLEL_MAX ? PARALLEL_MAX : parallel ? parallel : 1;
	struct batch b = { .world = w, .jobs = jobs, .done = done, .ctx = ctx };
	size_t next = 0;
	int r = 0;

	while (r == 0 && (next < n || b.live)) {
		for (size_t i = 0; r == 0 && i < width && next < n; i++) {
			if (b.slot[i])
				continue;
			r = start_slot(&b, i, next++, false, e);
		}
		if (r == 0)
			r = step_batch(&b, width, e);
	}
	for (size_t i = 0; i < width; i++)
		testrun_close(b.slot[i]);
	return r;
}
