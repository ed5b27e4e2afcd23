/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/queue/hook.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/host/case/case.h"
#include "agent/host/case/decide.h"
#include "agent/host/queue/wake.h"
#include "runtime/proto/broker_forge.h"

#define LINE_MAX_CASES 10000 /* of one incident */

struct told {
	char *repository, *branch;
	uint64_t number;
};

#define AT(field) .offset = offsetof(struct told, field)
static const struct jmap told_map[] = {
	{ .name = "repository", .kind = JMAP_STR, AT(repository), .required = 1, .max = 256 },
	{ .name = "number", .kind = JMAP_U64, AT(number), .required = 1, .min = 1 },
	{ .name = "branch", .kind = JMAP_STR, AT(branch), .required = 1, .max = 256 },
	{ 0 },
};

static int no(char why[QUEUE_WHY], const char *text)
{
	(void)snprintf(why, QUEUE_WHY, "%s", text);
	return 0;
}

static const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

/* Forges do not mind the case of a repository's name, and write it as its owner did. */
static bool is_its(const json_t *pull, const struct forge_place *f, const struct told *t)
{
	return strcmp(text_of(pull, "forge"), f->name) == 0 &&
	       strcasecmp(text_of(pull, "repository"), t->repository) == 0 &&
	       json_integer_value(json_object_get(pull, "number")) == (json_int_t)t->number;
}

/* 1: its proposal is the one that was told of, and nobody decided on it. */
static int is_open(const struct kase *k, const struct forge_place *f, const struct told *t,
		   char why[QUEUE_WHY])
{
	AUTO_JSON json_t *record = NULL;
	struct err none = ERR_INIT;

	if (case_record(k, STAGE_PULLREQ, &record, &none) < 0 ||
	    !is_its(json_object_get(json_object_get(record, "measured"), "pull_request"), f, t))
		return no(why, "it is not the pull request of the case that its branch names");
	return case_is_decided(k) ? no(why, "its case is decided") : 1;
}

static int wake(const struct queue *q, const struct forge_place *f, const struct told *t,
		const char *kase, struct err *e)
{
	AUTO_JSON json_t *what =
		json_pack("{s:s,s:s,s:I,s:s}", "forge", f->name, "repository", t->repository,
			  "number", (json_int_t)t->number, "case", kase);

	if (!what)
		return err_set(e, ENOMEM, "out of memory");
	if (q->audit && audit_note(q->audit, "forge.webhook", json_incref(what), e) < 0)
		return -e->code;
	return wake_put(q->state, kase, json_incref(what), e);
}

/* INCIDENT-N becomes INCIDENT-(N+1): a refreshed case keeps the pull request, and its branch. */
static bool next_case(char id[64])
{
	char *const dash = strrchr(id, '-');
	char *end;
	unsigned long n;

	if (!dash || !dash[1])
		return false;
	n = strtoul(dash + 1, &end, 10);
	if (*end || n == 0 || n > LINE_MAX_CASES)
		return false;
	return snprintf(dash, 64 - (size_t)(dash - id), "-%lu", n + 1) < (int)(64 - (dash - id));
}

/* The branch is named after the first case of a line; the last one is undecided. */
static int find(const struct queue *q, const struct forge_place *f, const struct told *t,
		char why[QUEUE_WHY], struct err *e)
{
	struct err none = ERR_INIT;
	struct kase *k = NULL;
	char id[64] = "";
	int r = 0;

	(void)no(why, "its branch names no case of this host");
	if (!forge_branch_is_good(t->branch))
		return 0;
	(void)snprintf(id, sizeof(id), "%s", t->branch + strlen(FORGE_BRANCH));
	do {
		if (case_open(q->state, id, false, &k, &none) < 0)
			return r;
		r = is_open(k, f, t, why);
		case_close(k);
	} while (r == 0 && next_case(id));
	return r == 1 && wake(q, f, t, id, e) < 0 ? -e->code : r;
}

int hook_take(const struct queue *q, size_t place, const char *kind, const json_t *found,
	      char why[QUEUE_WHY], struct err *e)
{
	const struct forge_place *f = q->config->forges.v;
	struct err wrong = ERR_INIT;
	struct told t = { 0 };
	int r;

	if (place >= q->config->forges.n || strcmp(forge_kind_words[f[place].kind], kind) != 0)
		return no(why, "its forge is no longer in the host's configuration");
	r = jmap_read(told_map, found, &t, "", &wrong) < 0
		    ? no(why, "it is not as sickbay-decode has it")
		    : find(q, &f[place], &t, why, e);
	jmap_release(told_map, &t);
	return r;
}
