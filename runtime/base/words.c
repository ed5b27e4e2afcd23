/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/jmap.h"

/* Words, quantities and small lists, as files and options spell them. */

#define WORD_MAX 48

/* Levenshtein distance of two short words; anything longer than WORD_MAX counts as far away. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1];
	const size_t n = strlen(a), m = strlen(b);

	if (n > WORD_MAX || m > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= m; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			const unsigned swap = diagonal + (a[i - 1] != b[j - 1]);
			unsigned best = row[j] + 1 < row[j - 1] + 1 ? row[j] + 1 : row[j - 1] + 1;

			diagonal = row[j];
			row[j] = swap < best ? swap : best;
		}
	}
	return row[m];
}

const char *word_nearest(const char *got, const char *const *words, size_t n)
{
	const unsigned limit = strlen(got) < 5 ? 2 : 3;
	const char *best = NULL;
	unsigned least = limit + 1;

	for (size_t i = 0; i < n; i++) {
		const unsigned d = distance(got, words[i]);

		if (d < least) {
			least = d;
			best = words[i];
		}
	}
	return best;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static int quantity(const char *s, const struct unit *units, uint64_t *out)
{
	char *end;
	unsigned long long n;

	if (!isdigit((unsigned char)s[0]))
		return -EINVAL;
	errno = 0;
	n = strtoull(s, &end, 10);
	if (errno)
		return -ERANGE;
	for (; units->name; units++) {
		if (strcmp(end, units->name) != 0)
			continue;
		if (n > (uint64_t)INT64_MAX / units->factor)
			return -ERANGE;
		*out = n * units->factor;
		return 0;
	}
	return -EINVAL;
}

int parse_bytes(const char *s, uint64_t *out)
{
	static const struct unit units[] = {
		{ "B", 1 }, { "KiB", 1 << 10 }, { "MiB", 1 << 20 }, { "GiB", 1 << 30 }, { NULL, 0 }
	};

	return quantity(s, units, out);
}

int parse_duration(const char *s, uint64_t *out)
{
	static const struct unit units[] = { { "ms", 1 },      { "s", 1000 },	  { "m", 60000 },
					     { "h", 3600000 }, { "d", 86400000 }, { NULL, 0 } };

	return quantity(s, units, out);
}

void strlist_release(struct strlist *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	l->v = NULL;
	l->n = 0;
}

int strlist_add(struct strlist *l, const char *s)
{
	char **v = reallocarray(l->v, l->n + 2, sizeof(*v));
	char *copy;

	if (!v)
		return -ENOMEM;
	l->v = v;
	v[l->n] = NULL;
	copy = strdup(s);
	if (!copy)
		return -ENOMEM;
	v[l->n++] = copy;
	v[l->n] = NULL;
	return 0;
}

bool strlist_has(const struct strlist *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], s) == 0)
			return true;
	return false;
}
