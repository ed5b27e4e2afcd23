/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/hold.h"

#include <sys/epoll.h>

#include "runtime/base/clock.h"
#include "runtime/sandbox/sandbox_impl.h"

static struct sandbox *members; /* not closed yet, the newest first */
static struct {
	int fd;
	sandbox_hold_fn *fn;
	void *ctx;
} hold = { .fd = -1 };
static uint64_t held_since, held_ns; /* since: 0 while they run */

void sandbox_set_hold(int fd, sandbox_hold_fn *fn, void *ctx)
{
	hold.fd = fd;
	hold.fn = fn;
	hold.ctx = ctx;
}

void hold_add(struct sandbox *s)
{
	s->next = members;
	members = s;
}

void hold_remove(const struct sandbox *s)
{
	struct sandbox **p = &members;

	while (*p && *p != s)
		p = &(*p)->next;
	if (*p)
		*p = s->next;
}

int hold_fd(void)
{
	return hold.fd;
}

int hold_step(struct err *e)
{
	return hold.fn ? hold.fn(hold.ctx, e) : 0;
}

static int hold_one(struct sandbox *s, bool frozen, struct err *e)
{
	uint64_t stood;

	if (s->ended || s->frozen == frozen)
		return 0;
	if (frozen)
		s->frozen_ns = clock_mono_ns();
	if (sandbox_pause(s, frozen, e) < 0)
		return -e->code;
	s->frozen = frozen;
	if (frozen)
		return 0;
	stood = clock_mono_ns() - s->frozen_ns;
	s->started_ns += stood;
	s->heard_ns += stood;
	return sandbox_arm(s, e);
}

int sandbox_hold_all(bool frozen, struct err *e)
{
	const uint64_t at = clock_mono_ns();
	int r = 0;

	if (frozen && !held_since)
		held_since = at;
	for (struct sandbox *s = members; s; s = s->next) {
		struct err one = ERR_INIT;

		if (hold_one(s, frozen, &one) < 0 && r == 0) {
			*e = one;
			r = err_wrap(e, "replica '%s'", s->name);
		}
	}
	if (!frozen && held_since) {
		held_ns += at - held_since;
		held_since = 0;
	}
	return r;
}

uint64_t sandbox_held_ms(void)
{
	return (held_ns + (held_since ? clock_mono_ns() - held_since : 0)) / 1000000;
}

int sandbox_each(int (*fn)(void *ctx, struct sandbox *s, struct err *e), void *ctx, struct err *e)
{
	int r = 0;

	for (struct sandbox *s = members; r >= 0 && s; s = s->next)
		r = fn(ctx, s, e);
	return r < 0 ? r : 0;
}

const char *sandbox_name(const struct sandbox *s)
{
	return s->name;
}
