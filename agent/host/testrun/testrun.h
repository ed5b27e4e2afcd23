/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/testrun/world.h"

/*
 * Runs tests in replicas and says what was seen.  Results come from a reporter
 * of a read-only layer over a descriptor that the tests are not told, are
 * parsed by sickbay-decode, and are compared test by test with the baseline.
 */
enum test_what { RUN_SUITE, RUN_ONE, RUN_HARNESS };

struct testrun_job {
	const char *purpose;
	int side, role;
	int what;		 /* enum test_what */
	const char *test_path;	 /* RUN_ONE, RUN_HARNESS: repository path of the file */
	const char *const *argv; /* replaces the service's command when given */
	const struct changes *changes[4];
	size_t n_changes;
	uint64_t wall_ms;  /* 0: the suite's timeout */
	size_t output_max; /* bytes kept of the outputs; 0: a few thousand */
};

struct test_report {
	struct exit_record exit;
	bool built;	/* the build step went well (true where there is none) */
	bool complete;	/* the reporter saw the end of the run */
	char *invalid;	/* why nothing of it counts: a backing service ended in the run; or NULL */
	json_t *status; /* {TEST ID: "pass"|"fail"|"skip"|"todo"}; owned */
	json_t *values; /* [{"id","outcome","digest","type","stack"...}]; owned */
	struct objlist
		chain;	  /* struct exception of the first fault, resolved to repository paths */
	char *fault_test; /* the test it happened in, or NULL */
	size_t tests, passed, failed, skipped;
	char *output; /* the ends of both outputs, made printable */
};
void test_report_release(struct test_report *r);
/* Everything ran, ended well and at least one test passed. */
bool test_report_green(const struct test_report *r);

struct testrun;
int testrun_start(struct world *w, const struct testrun_job *job, struct testrun **out,
		  struct err *e);
struct replica *testrun_replica(struct testrun *t);
/* After replica_step() said that it ended. */
int testrun_report(struct testrun *t, struct test_report *out, struct err *e);
void testrun_close(struct testrun *t);

/* Start, wait, report. Here and in a batch, a run that does not count is done again, and an error
 * when that does not count either. */
int testrun_run(struct world *w, const struct testrun_job *job, struct test_report *out,
		struct err *e);
/*
 * n jobs, at most `parallel` at one time; each report is given to done() as it
 * ends (any order) and released afterwards. done() returning <0 stops.
 */
typedef int testrun_done_fn(void *ctx, size_t index, const struct test_report *r, struct err *e);
int testrun_batch(struct world *w, const struct testrun_job *jobs, size_t n, size_t parallel,
		  testrun_done_fn *done, void *ctx, struct err *e);

/* A raw trace ("node", "python", "sanitizer") as a chain with repository paths; release with
 * exceptions_release(). */
int testrun_trace(const struct world *w, const char *lang, const char *stack, struct objlist *chain,
		  struct err *e);
void exceptions_release(struct objlist *chain);

/* Runs the service's build command on the bare source of a side and freezes the result. Nothing to
 * do without one. */
int testrun_build(struct world *w, int side, struct err *e);
bool testrun_builds(const struct world *w); /* whether there is one */

/* ---- the baseline: what the suite does on a commit before anyone changed it ---- */
struct baseline {
	json_t *status; /* {ID: status} of tests that gave the same result in every run */
	json_t *flaky;	/* {ID: "p of n passed"} and those the service names */
	size_t tests, passed, failed, skipped, runs;
	bool complete;
	uint64_t wall_us, cpu_us, peak_memory; /* medians of the runs; 0: not known */
	char *taken;			       /* when, RFC 3339 */
};
/* What an operator wants to know of the runs themselves; filled also where they gave no baseline.
 */
struct baseline_seen {
	struct exit_record
		exit; /* of the run to show: the first that was not complete, else the first */
	bool built;
	char *output; /* of that run; owned */
	uint64_t peak_memory;
};
/* seen may be NULL. */
int baseline_take(struct world *w, int side, uint64_t runs, struct baseline_seen *seen,
		  struct baseline *out, struct err *e);
/*
 * Baselines are kept in STATE/services/NAME under a digest of all that decides
 * what the suite does: commit, image, toolchain, build, tests, environment,
 * limits.  The key is hex.
 */
int baseline_key(struct world *w, int side, uint64_t runs, char key[65], struct err *e);
int baseline_keep(const struct world *w, const char *key, const struct baseline *b, struct err *e);
/* -ENOENT when none is kept under the key. */
int baseline_kept(const struct world *w, const char *key, struct baseline *out, struct err *e);
json_t *baseline_write(const struct baseline *b);
int baseline_read(const json_t *v, struct baseline *out, struct err *e);
void baseline_release(struct baseline *b);
/* Tests that passed before and do not now (failed, vanished or skipped), sorted; at most `max` are
 * named. */
int baseline_broken(const struct baseline *b, const struct test_report *now, size_t max,
		    struct strlist *out, size_t *count, struct err *e);
