/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/proof/steps.h"
#include "policy/diff.h"

static int text_at(const struct proof_input *in, int side, struct buf *out, struct err *e)
{
	const struct world *w = in->world;

	return source_read_file(w->store, &w->side[side].source, w->service->run.cwd,
				in->incident->coordinate.file, out, e);
}

/* The line of b that line `at` (from 1) of a became; 0: it was changed or removed. */
static uint64_t moved_to(const struct diff *d, uint64_t at)
{
	size_t b = 0;

	if (at == 0 || at > d->na || d->removed[at - 1])
		return 0;
	for (size_t a = 0; a < at; a++) {
		if (d->removed[a])
			continue;
		while (b < d->nb && d->added[b])
			b++;
		b++;
	}
	return b;
}

int proof_want_at(const struct proof_input *in, int side, struct incident *out, struct err *e)
{
	AUTO_BUF struct buf base = BUF_INIT(0), head = BUF_INIT(0);
	struct coordinate *c = &out->coordinate;
	struct err none = ERR_INIT;
	struct diff d = { 0 };
	int r;

	*out = *in->incident;
	if (side != SIDE_HEAD || !c->file || text_at(in, SIDE_BASE, &base, &none) < 0 ||
	    text_at(in, SIDE_HEAD, &head, &none) < 0 || base.n == 0 || head.n == 0)
		return 0;
	r = diff_lines(base.p, base.n, head.p, head.n, &d, e);
	if (r == 0 && moved_to(&d, c->line)) {
		const uint64_t first = moved_to(&d, c->line_first);
		const uint64_t last = moved_to(&d, c->line_last);

		c->line = moved_to(&d, c->line);
		c->line_first = first && first <= c->line ? first : c->line;
		c->line_last = last >= c->line ? last : c->line;
	}
	diff_release(&d);
	return r;
}
