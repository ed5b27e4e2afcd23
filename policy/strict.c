/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/source.h"

/* The least value that any source states: a number, a place on a scale from strict to permissive.
 */

static const void *stated(const struct source *s, size_t at, size_t has)
{
	const char *const doc = (const char *)&s->doc;

	return *(const bool *)(doc + has) ? doc + at : NULL;
}

const struct source *strict_int(const struct policy *p, size_t at, size_t has, int *out)
{
	const struct source *who = NULL;

	for (size_t i = 0; i < p->n; i++) {
		const int *const v = stated(p->v[i], at, has);

		if (!v || (who && *v >= *out))
			continue;
		*out = *v;
		who = p->v[i];
	}
	return who;
}

const struct source *strict_u64(const struct policy *p, size_t at, size_t has, uint64_t *out)
{
	const struct source *who = NULL;

	for (size_t i = 0; i < p->n; i++) {
		const uint64_t *const v = stated(p->v[i], at, has);

		if (!v || (who && *v >= *out))
			continue;
		*out = *v;
		who = p->v[i];
	}
	return who;
}

const struct source *strict_bool(const struct policy *p, size_t at, size_t has, bool *out)
{
	const struct source *who = NULL;

	for (size_t i = 0; i < p->n; i++) {
		const bool *const v = stated(p->v[i], at, has);

		if (!v || (who && (*v || !*out)))
			continue;
		*out = *v;
		who = p->v[i];
	}
	return who;
}
