/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "policy/source.h"
#include "runtime/sandbox/seccomp.h"

/* The sources' lists of system calls as one filter, and each list against the filter that would be
 * built. */

/* What one source alone would build.  One that names no preset bounds nothing by it. */
static struct seccomp_spec spec_of(const struct source *s)
{
	const struct doc_syscalls *const c = &s->doc.syscalls;

	return (struct seccomp_spec){
		.preset = c->has_preset ? c->preset : SECCOMP_DEBUG,
		.allow = c->allow,
		.deny = c->deny,
	};
}

static bool passes(const struct seccomp_spec *spec, const char *call)
{
	const int v = seccomp_decide(spec, call);

	return v == SECCOMP_ALLOWED || v == SECCOMP_FILTERED || v == SECCOMP_NOTIFIED;
}

static bool passes_everywhere(const struct policy *p, const char *call)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct seccomp_spec spec = spec_of(p->v[i]);

		if (p->v[i]->doc.has_syscalls && !passes(&spec, call))
			return false;
	}
	return true;
}

/* Adds the calls that a name or a group stands for, each once, where every source lets them pass.
 */
static int add_calls(const struct policy *p, struct strlist *to, const char *name)
{
	const char *const single[] = { name, NULL };
	const char *const *calls = name[0] == '@' ? seccomp_group(name) : single;

	for (; calls && *calls; calls++) {
		if (!passes_everywhere(p, *calls) || strlist_has(to, *calls))
			continue;
		if (strlist_add(to, *calls) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_all(const struct policy *p, struct strlist *to, const struct strlist *from,
		   bool as_written)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < from->n; i++) {
		if (!as_written)
			r = add_calls(p, to, from->v[i]);
		else if (!strlist_has(to, from->v[i]))
			r = strlist_add(to, from->v[i]);
	}
	return r;
}

int policy_seccomp(const struct policy *p, struct seccomp_spec *out, struct err *e)
{
	int action = 1, r = 0;

	memset(out, 0, sizeof(*out));
	out->preset = SECCOMP_MINIMAL;
	(void)STRICT(p, int, syscalls.preset, syscalls.has_preset, &out->preset);
	(void)STRICT(p, int, syscalls.action, syscalls.has_action, &action);
	out->kill = action == 0;
	for (size_t i = 0; r == 0 && i < p->n; i++) {
		const struct doc_syscalls *const c = &p->v[i]->doc.syscalls;

		r = add_all(p, &out->allow, &c->allow, false);
		if (r == 0)
			r = add_all(p, &out->deny, &c->deny, true);
		if (r == 0)
			r = add_all(p, &out->notify, &c->notify, false);
	}
	if (r < 0) {
		policy_seccomp_release(out);
		return err_set(e, ENOMEM, "out of memory");
	}
	return 0;
}

void policy_seccomp_release(struct seccomp_spec *s)
{
	strlist_release(&s->allow);
	strlist_release(&s->deny);
	strlist_release(&s->notify);
}

/* ---- check ---- */

static bool names_call(const char *entry, const char *call)
{
	const char *const *members;

	if (entry[0] != '@')
		return strcmp(entry, call) == 0;
	for (members = seccomp_group(entry); members && *members; members++)
		if (strcmp(*members, call) == 0)
			return true;
	return false;
}

/* A call of `entry` that the same source denies; NULL: none. */
static const char *denied_too(const struct doc_syscalls *c, const char *entry)
{
	const char *const single[] = { entry, NULL };

	for (size_t i = 0; i < c->deny.n; i++) {
		const char *const *calls = entry[0] == '@' ? seccomp_group(entry) : single;

		for (; calls && *calls; calls++)
			if (names_call(c->deny.v[i], *calls))
				return *calls;
	}
	return NULL;
}

static int check_list(const struct policy *p, const struct source *s, const char *key,
		      struct err *e)
{
	const struct doc_syscalls *const c = &s->doc.syscalls;
	const bool notify = strcmp(key, "notify") == 0, deny = strcmp(key, "deny") == 0;
	const struct strlist *const l = notify ? &c->notify : deny ? &c->deny : &c->allow;
	int preset = SECCOMP_MINIMAL;

	(void)STRICT(p, int, syscalls.preset, syscalls.has_preset, &preset);
	for (size_t i = 0; i < l->n; i++) {
		struct strlist one = { .v = &l->v[i], .n = 1 };
		struct seccomp_spec spec = { .preset = preset };
		struct err why = ERR_INIT;
		char pointer[64];

		if (notify) {
			spec.allow = c->allow;
			spec.deny = c->deny;
			spec.notify = one;
		} else if (deny) {
			spec.deny = one;
		} else {
			spec.allow = one;
		}
		(void)snprintf(pointer, sizeof(pointer), "/syscalls/%s/%zu", key, i);
		if (notify && denied_too(c, l->v[i]))
			return source_error(
				s, pointer, e,
				"'%s' is denied here too: deny wins, so nothing is left "
				"to notify",
				denied_too(c, l->v[i]));
		if (seccomp_check(&spec, &why) == 0)
			continue;
		return source_error(s, pointer, e, "%s", why.msg);
	}
	return 0;
}

int policy_check_syscalls(const struct policy *p, struct err *e)
{
	static const char *const keys[] = { "allow", "deny", "notify" };

	for (size_t k = 0; k < 3; k++) {
		const int r = check_list(p, p->v[0], keys[k], e);

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- questions ---- */

static bool find_call(const struct policy *p, const char *key, const char *call, int decision,
		      struct policy_verdict *out)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct doc_syscalls *const c = &p->v[i]->doc.syscalls;
		const struct strlist *const l = strcmp(key, "deny") == 0     ? &c->deny
						: strcmp(key, "notify") == 0 ? &c->notify
									     : &c->allow;

		for (size_t k = 0; k < l->n; k++) {
			char pointer[64];

			if (!names_call(l->v[k], call))
				continue;
			(void)snprintf(pointer, sizeof(pointer), "/syscalls/%s/%zu", key, k);
			verdict_set(out, decision, p->v[i], pointer, "");
			return true;
		}
	}
	return false;
}

/* The rule behind the filter's answer: a list that names the call, else the preset in force. */
static void find_rule(const struct policy *p, int verdict, const char *call,
		      struct policy_verdict *out)
{
	const int decision = verdict == SECCOMP_NOTIFIED ? POLICY_NOTIFY
			     : verdict == SECCOMP_ALLOWED || verdict == SECCOMP_FILTERED
				     ? POLICY_ALLOW
				     : POLICY_DENY;
	const char *const key = decision == POLICY_DENY	    ? "deny"
				: decision == POLICY_NOTIFY ? "notify"
							    : "allow";
	const struct source *s;
	int preset = SECCOMP_MINIMAL;

	if (find_call(p, key, call, decision, out))
		return;
	s = STRICT(p, int, syscalls.preset, syscalls.has_preset, &preset);
	verdict_set(out, decision, s, "/syscalls/preset", "");
	(void)snprintf(out->reason, sizeof(out->reason), "preset \"%s\" %s it",
		       seccomp_preset_name(preset), decision == POLICY_DENY ? "refuses" : "has");
	if (!s)
		out->rule[0] = '\0';
}

int syscall_ask(const struct policy *p, const char *call, struct policy_verdict *out, struct err *e)
{
	struct seccomp_spec spec;
	const char *condition;
	int r = policy_seccomp(p, &spec, e);

	if (r < 0)
		return r;
	r = seccomp_decide(&spec, call);
	policy_seccomp_release(&spec);
	if (r < 0)
		return err_set(e, EINVAL, "'%.64s' is not a system call", call);
	find_rule(p, r, call, out);
	condition = r == SECCOMP_FILTERED ? seccomp_condition(call) : NULL;
	if (condition)
		(void)snprintf(out->reason, sizeof(out->reason), "%s", condition);
	else if (r == SECCOMP_NEVER && out->reason[0] == '\0')
		(void)snprintf(out->reason, sizeof(out->reason), "refused whatever a policy says");
	return 0;
}
