/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/seccomp_plan.h"

#include <seccomp.h>
#include <string.h>

/*
 * From a policy's words to one verdict per call: preset, then allow, then
 * notify, then deny; so deny wins.  What is wrong is said here, with the
 * nearest known word, before anything is built.
 */
#define MAX_WORDS 640

/* Calls that the start needs before the host has the listener. */
static const char *const before_listener[] = { "read",	     "write",	     "close", "exit",
					       "exit_group", "rt_sigreturn", NULL };

static bool listed(const char *const *list, const char *word)
{
	for (; list && *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

const char *seccomp_preset_name(int preset)
{
	static const char *const names[] = { "minimal", "build", "build-net", "debug" };

	return preset >= SECCOMP_MINIMAL && preset <= SECCOMP_DEBUG ? names[preset] : NULL;
}

const char *const *seccomp_groups(void)
{
	static const char *names[64]; /* ends with the NULL that is there from the start */

	for (size_t i = 0; seccomp_group_table[i].name && i + 1 < 64; i++)
		names[i] = seccomp_group_table[i].name;
	return names;
}

static const struct seccomp_group *group_find(const char *name)
{
	for (const struct seccomp_group *g = seccomp_group_table; g->name; g++)
		if (strcmp(g->name, name) == 0)
			return g;
	return NULL;
}

const char *const *seccomp_group(const char *name)
{
	const struct seccomp_group *g = group_find(name);

	return g ? g->calls : NULL;
}

bool seccomp_never(const char *call)
{
	for (const struct seccomp_group *g = seccomp_group_table; g->name; g++)
		if (g->never && listed(g->calls, call))
			return true;
	return false;
}

const char *seccomp_condition(const char *call)
{
	for (const struct seccomp_words *w = seccomp_conditions; w->call; w++)
		if (strcmp(w->call, call) == 0)
			return w->text;
	return NULL;
}

static int unknown_word(const char *word, struct err *e)
{
	const char *words[MAX_WORDS];
	const char *near;
	size_t n = 0;

	for (const struct seccomp_group *g = seccomp_group_table; g->name; g++) {
		if (n < MAX_WORDS)
			words[n++] = g->name;
		for (const char *const *c = g->calls; c && *c && n < MAX_WORDS; c++)
			words[n++] = *c;
	}
	near = word_nearest(word, words, n);
	if (near)
		return err_set(e, ENOENT, "unknown %s '%s'; did you mean '%s'?",
			       *word == '@' ? "group of system calls" : "system call", word, near);
	return err_set(e, ENOENT, "unknown %s '%s'",
		       *word == '@' ? "group of system calls" : "system call", word);
}

/* Calls fn for each call that the word stands for. */
struct walk {
	struct seccomp_plan *plan;
	const struct seccomp_spec *spec;
	int (*fn)(const struct walk *w, const char *call, int nr, struct err *e);
};

static int each_call(const struct walk *w, const char *word, struct err *e)
{
	const char *const one[] = { word, NULL };
	const char *const *calls = *word == '@' ? seccomp_group(word) : one;

	if (!calls)
		return unknown_word(word, e);
	for (; *calls; calls++) {
		const int nr = seccomp_number(*calls);

		if (nr < 0 || nr > SECCOMP_LAST_KNOWN)
			return unknown_word(*calls, e);
		if (w->fn(w, *calls, nr, e) < 0)
			return -e->code;
	}
	return 0;
}

static int each_word(const struct walk *w, const struct strlist *words, const char *key,
		     struct err *e)
{
	for (size_t i = 0; i < words->n; i++)
		if (each_call(w, words->v[i], e) < 0)
			return err_wrap(e, "%s", key);
	return 0;
}

static int preset_call(const struct walk *w, const char *call, int nr, struct err *e)
{
	(void)call;
	(void)e;
	w->plan->verdict[nr] = SECCOMP_ALLOWED;
	return 0;
}

static int allow_call(const struct walk *w, const char *call, int nr, struct err *e)
{
	if (seccomp_never(call))
		return err_set(e, EPERM, "'%s' reaches out of a replica and can never be allowed",
			       call);
	if (listed(seccomp_group("@debug"), call) && w->spec->preset != SECCOMP_DEBUG)
		return err_set(e, EPERM, "'%s' needs the preset 'debug'", call);
	w->plan->verdict[nr] = SECCOMP_ALLOWED;
	return 0;
}

static int notify_call(const struct walk *w, const char *call, int nr, struct err *e)
{
	if (listed(before_listener, call))
		return err_set(e, EINVAL, "'%s' has to work before the host listens", call);
	if (w->plan->verdict[nr] == SECCOMP_REFUSED)
		return err_set(e, EINVAL,
			       "'%s' is refused by the preset '%s', so no call continues", call,
			       seccomp_preset_name(w->spec->preset));
	w->plan->verdict[nr] = SECCOMP_NOTIFIED;
	return 0;
}

static int deny_call(const struct walk *w, const char *call, int nr, struct err *e)
{
	if (listed(seccomp_core, call))
		return err_set(e, EINVAL, "no program can start without '%s'", call);
	w->plan->verdict[nr] = SECCOMP_REFUSED;
	return 0;
}

int seccomp_resolve(const struct seccomp_spec *spec, struct seccomp_plan *out, struct err *e)
{
	struct seccomp_plan plan = { .kill = spec->kill };
	struct walk w = { .plan = &plan, .spec = spec, .fn = preset_call };

	if (!seccomp_preset_name(spec->preset))
		return err_set(e, EINVAL, "unknown preset %d of system calls", spec->preset);
	for (const char *const *g = seccomp_preset_groups[spec->preset]; *g; g++)
		if (each_call(&w, *g, e) < 0)
			return err_wrap(e, "preset '%s'", seccomp_preset_name(spec->preset));
	w.fn = allow_call;
	if (each_word(&w, &spec->allow, "allow", e) < 0)
		return -e->code;
	w.fn = notify_call;
	if (each_word(&w, &spec->notify, "notify", e) < 0)
		return -e->code;
	w.fn = deny_call;
	if (each_word(&w, &spec->deny, "deny", e) < 0)
		return -e->code;
	for (int i = 0; i <= SECCOMP_LAST_KNOWN; i++)
		plan.notify |= plan.verdict[i] == SECCOMP_NOTIFIED;
	*out = plan;
	return 0;
}

int seccomp_check(const struct seccomp_spec *spec, struct err *e)
{
	struct seccomp_plan plan;

	return seccomp_resolve(spec, &plan, e);
}

int seccomp_decide(const struct seccomp_spec *spec, const char *call)
{
	const int nr = seccomp_number(call);
	struct seccomp_plan plan;
	struct err e = ERR_INIT;

	if (nr < 0 || nr > SECCOMP_LAST_KNOWN)
		return -ENOENT;
	if (seccomp_never(call))
		return SECCOMP_NEVER;
	if (seccomp_resolve(spec, &plan, &e) < 0)
		return -e.code;
	if (plan.verdict[nr] == SECCOMP_ALLOWED && seccomp_condition(call))
		return SECCOMP_FILTERED;
	return plan.verdict[nr];
}
