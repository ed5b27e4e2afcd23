/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/cli/worker.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/host/case/case.h"
#include "agent/host/queue/storm.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/spawn.h"

#define NS	   1000000000ull
#define RETRY_NS   (5 * NS)  /* what was refused: sooner when something changes */
#define BACKOFF_NS (30 * NS) /* what failed; twice as long each time */
#define REFUSED	   3	     /* of `heal` and `case resume`: nothing was done */

static struct worker_note *note_of(struct worker *w, const char *id)
{
	struct worker_note *v;

	for (size_t i = 0; i < w->n_notes; i++)
		if (strcmp(w->notes[i].id, id) == 0)
			return &w->notes[i];
	v = realloc(w->notes, (w->n_notes + 1) * sizeof(*v));
	if (!v)
		return NULL;
	w->notes = v;
	v[w->n_notes] = (struct worker_note){ 0 };
	(void)snprintf(v[w->n_notes].id, sizeof(v->id), "%s", id);
	return &v[w->n_notes++];
}

void worker_say(struct worker *w, const char *what, const char *text)
{
	struct worker_note *n = note_of(w, what);

	if (n && strcmp(n->said, text) == 0)
		return;
	if (n)
		(void)snprintf(n->said, sizeof(n->said), "%s", text);
	log_info("%s: %s", what, text);
}

static uint64_t memory_available(void)
{
	AUTO_BUF struct buf text = BUF_INIT(65536);
	struct err none = ERR_INIT;
	const char *at;

	if (file_read_at(AT_FDCWD, "/proc/meminfo", 65535, &text, &none) < 0)
		return UINT64_MAX;
	at = strstr(text.p, "MemAvailable:");
	return at ? strtoull(at + strlen("MemAvailable:"), NULL, 10) * 1024 : UINT64_MAX;
}

uint64_t worker_slots(const struct worker *w)
{
	const uint64_t fit = memory_available() / w->config.worker.case_memory;
	uint64_t n = w->parallel;
	cpu_set_t set;

	if (n == 0 && sched_getaffinity(0, sizeof(set), &set) == 0)
		n = (uint64_t)CPU_COUNT(&set);
	if (n > w->n_children + fit) /* those at work have theirs already */
		n = w->n_children + fit;
	n = n > WORKER_MAX ? WORKER_MAX : n;
	return n ? n : 1;
}

static bool is_ours(const struct worker *w, const char *id)
{
	for (size_t i = 0; i < w->n_children; i++)
		if (strcmp(w->child[i].incident, id) == 0)
			return true;
	return false;
}

int worker_run(const char *const *argv, pid_t *pid, struct err *e)
{
	char self[PATH_MAX];
	const ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	/* exec's table is not const; nothing writes to it */
	const struct spawn s = { .path = self, .argv = (char *const *)(uintptr_t)argv };

	if (n < 0)
		return err_sys(e, "read /proc/self/exe");
	self[n] = '\0';
	return spawn_start(&s, pid, e);
}

/* Begins the incident's repair, or goes on with the case that it has. */
static int start_child(struct worker *w, const struct group *g, const char *kase, struct err *e)
{
	struct worker_child *c = &w->child[w->n_children];
	const char *config = w->config_file;
	const char *argv[16];
	size_t n = 0;
	int r;

	argv[n++] = "sickbay";
	argv[n++] = kase ? "case" : "heal";
	argv[n++] = kase ? "resume" : "--incident";
	argv[n++] = kase ? kase : g->id;
	if (!kase) {
		argv[n++] = "--service";
		argv[n++] = g->service_file;
	}
	argv[n++] = "--state";
	argv[n++] = w->q.state;
	if (config) {
		argv[n++] = "--config";
		argv[n++] = config;
	}
	argv[n++] = "--json";
	argv[n] = NULL;
	*c = (struct worker_child){ 0 };
	(void)snprintf(c->incident, sizeof(c->incident), "%s", g->id);
	(void)snprintf(c->service, sizeof(c->service), "%s", g->service);
	r = worker_run(argv, &c->pid, e);
	if (r < 0)
		return r;
	w->n_children++;
	w->begun++;
	log_info("%s: %s%s", g->id, kase ? "going on with case " : "repair begins",
		 kase ? kase : "");
	return 0;
}

struct candidate {
	struct group group;
	bool interrupted;
	const char *kase;
};

struct candidates {
	struct candidate *v;
	size_t n;
};

/* What is half done first, then the oldest. */
static int by_turn(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->interrupted != y->interrupted)
		return x->interrupted ? -1 : 1;
	return strcmp(x->group.created, y->group.created);
}

static void consider(struct worker *w, const char *id, struct candidates *all)
{
	struct candidate c = { 0 }, *v;
	struct err e = ERR_INIT;
	int state;

	if (is_ours(w, id))
		return;
	if (group_load(w->q.state, id, &c.group, &e) < 0) {
		if (e.code != ENOENT)
			worker_say(w, id, e.msg);
		return;
	}
	state = group_state(&w->q, &c.group, &c.kase);
	c.interrupted = state == GROUP_INTERRUPTED;
	w->failed = w->failed || state == GROUP_FAILED;
	v = state == GROUP_QUEUED || c.interrupted ? realloc(all->v, (all->n + 1) * sizeof(*v))
						   : NULL;
	if (!v) {
		group_release(&c.group);
		return;
	}
	all->v = v;
	v[all->n++] = c;
}

static int check(struct worker *w, const struct group *g, char why[QUEUE_WHY], struct err *e)
{
	struct service s = { 0 };
	int r = service_load(g->service_file, &s, e);

	if (r == 0) {
		r = queue_check(&w->q, &s, g, why, e);
		service_release(&s);
	}
	return r;
}

/* 1 when it was started, or could have been. */
static int try_one(struct worker *w, const struct candidate *c, uint64_t slots)
{
	struct worker_note *n = note_of(w, c->group.id);
	char why[QUEUE_WHY] = "";
	struct err e = ERR_INIT;
	int r;

	if (n && n->retry > clock_mono_ns())
		return !w->drain && !w->once ? 0 : n->retry <= clock_mono_ns() + RETRY_NS;
	r = check(w, &c->group, why, &e);
	if (r != QUEUE_GO) {
		worker_say(w, c->group.id, r < 0 ? e.msg : why);
		return 0;
	}
	if (w->n_children >= slots || (w->once && w->begun))
		return 1;
	if (start_child(w, &c->group, c->interrupted ? c->kase : NULL, &e) < 0) {
		worker_say(w, c->group.id, e.msg);
		return 0;
	}
	return 1;
}

void worker_start(struct worker *w)
{
	struct candidates all = { 0 };
	struct strlist ids = { 0 };
	struct err e = ERR_INIT;
	const uint64_t slots = worker_slots(w);

	w->ready = 0;
	if (group_list(w->q.state, &ids, &e) < 0)
		worker_say(w, "incidents", e.msg);
	for (size_t i = 0; i < ids.n; i++)
		consider(w, ids.v[i], &all);
	strlist_release(&ids);
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_turn);
	for (size_t i = 0; i < all.n; i++) {
		/* who is full need not ask whether the others might */
		if (w->n_children >= slots)
			w->ready++;
		else
			w->ready += (size_t)try_one(w, &all.v[i], slots);
		group_release(&all.v[i].group);
	}
	free(all.v);
}

static void say_end(const struct group *g, const char *id, struct kase *k)
{
	AUTO_JSON json_t *end = NULL;
	struct err none = ERR_INIT;
	const char *outcome = NULL, *reason = NULL;

	if (case_record(k, STAGE_OUTCOME, &end, &none) == 0) {
		outcome = json_string_value(json_object_get(end, "outcome"));
		reason = json_string_value(json_object_get(end, "reason"));
	}
	log_info("%s: case %s: %s: %s", g->id, id, outcome ? outcome : "?", reason ? reason : "");
}

/* Something ended: what it held may begin. */
static void let_others_try(struct worker *w)
{
	for (size_t i = 0; i < w->n_notes; i++)
		if (w->notes[i].refused)
			w->notes[i].retry = 0;
}

static void ran(struct worker *w, const struct worker_child *c, int status)
{
	struct worker_note *n = note_of(w, c->incident);
	struct group g = { 0 };
	struct err e = ERR_INIT;
	struct kase *k = NULL;
	const char *id;
	bool failed;
	int state;

	if (group_load(w->q.state, c->incident, &g, &e) < 0) {
		worker_say(w, c->incident, e.msg);
		return;
	}
	state = group_state(&w->q, &g, &id);
	failed = state != GROUP_ENDED && !c->stopping && status != REFUSED;
	if (state == GROUP_ENDED && id && case_open(w->q.state, id, false, &k, &e) == 0)
		say_end(&g, id, k);
	case_close(k);
	if (failed)
		log_warn("%s: run %llu of %llu failed, exit status %d", g.id,
			 (unsigned long long)g.failures + 1,
			 (unsigned long long)w->config.worker.attempts, status);
	if (!c->stopping && queue_ran(&w->q, g.id, failed, &e) < 0)
		worker_say(w, c->incident, e.msg);
	if (n && state != GROUP_ENDED) {
		n->refused = !failed;
		n->retry = clock_mono_ns() + (n->refused ? RETRY_NS
					      : w->drain ? 0
							 : BACKOFF_NS << (g.failures & 15));
	}
	if (status != REFUSED || state == GROUP_ENDED)
		let_others_try(w);
	group_release(&g);
}

void worker_reap(struct worker *w)
{
	for (size_t i = 0; i < w->n_children;) {
		const struct worker_child c = w->child[i];
		int st = 0;

		if (waitpid(c.pid, &st, WNOHANG) != c.pid) {
			i++;
			continue;
		}
		w->child[i] = w->child[--w->n_children];
		ran(w, &c, WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st));
		w->look = true;
	}
}

void worker_stop_stormed(struct worker *w)
{
	for (size_t i = 0; i < w->n_children; i++) {
		struct worker_child *c = &w->child[i];
		struct group g = { 0 };
		struct err e = ERR_INIT;
		char why[256];

		if (c->stopping || group_load(w->q.state, c->incident, &g, &e) < 0)
			continue;
		if (storm_holds(w->q.state, &g, why, &e) == 1) {
			worker_say(w, c->incident, why);
			c->stopping = true;
			(void)kill(c->pid, SIGTERM);
		}
		group_release(&g);
	}
}

void worker_end_children(struct worker *w, uint64_t deadline)
{
	const bool late = clock_mono_ns() >= deadline;

	for (size_t i = 0; i < w->n_children; i++) {
		struct worker_child *c = &w->child[i];

		if (late && !c->killed) {
			c->killed = true;
			(void)kill(c->pid, SIGKILL);
		} else if (!c->stopping) {
			(void)kill(c->pid, SIGTERM);
		}
		c->stopping = true;
	}
}
