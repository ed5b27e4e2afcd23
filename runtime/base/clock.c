/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS 1000000000ULL

static uint64_t now(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

uint64_t clock_mono_ns(void)
{
	return now(CLOCK_MONOTONIC);
}

uint64_t clock_real_ns(void)
{
	return now(CLOCK_REALTIME);
}

void clock_rfc3339(uint64_t real_ns, char out[CLOCK_RFC3339])
{
	const time_t s = (time_t)(real_ns / NS);
	struct tm tm;
	char head[22];

	(void)gmtime_r(&s, &tm);
	(void)strftime(head, sizeof(head), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(out, CLOCK_RFC3339, "%.19s.%09uZ", head, (unsigned)(real_ns % NS));
}

static const char *read_fraction(const char *p, uint64_t *ns)
{
	uint64_t unit = NS / 10;

	*ns = 0;
	if (*p != '.')
		return p;
	for (p++; isdigit((unsigned char)*p); p++, unit /= 10)
		*ns += unit * (uint64_t)(*p - '0');
	return p;
}

static int read_offset(const char *p, long *seconds)
{
	int h, m;

	*seconds = 0;
	if ((*p == 'Z' || *p == 'z') && p[1] == '\0')
		return 0;
	if ((*p != '+' && *p != '-') || strlen(p) != 6 || p[3] != ':' ||
	    !isdigit((unsigned char)p[1]) || !isdigit((unsigned char)p[2]) ||
	    !isdigit((unsigned char)p[4]) || !isdigit((unsigned char)p[5]))
		return -EINVAL;
	h = (p[1] - '0') * 10 + (p[2] - '0');
	m = (p[4] - '0') * 10 + (p[5] - '0');
	if (h > 23 || m > 59)
		return -EINVAL;
	*seconds = (h * 3600L + m * 60L) * (*p == '-' ? -1 : 1);
	return 0;
}

int clock_parse_rfc3339(const char *s, uint64_t *real_ns)
{
	struct tm tm = { 0 };
	const char *p = strptime(s, "%Y-%m-%d", &tm);
	uint64_t ns;
	long off;
	time_t t;

	if (!p || (*p != 'T' && *p != 't' && *p != ' '))
		return -EINVAL;
	p = strptime(p + 1, "%H:%M:%S", &tm);
	if (!p)
		return -EINVAL;
	p = read_fraction(p, &ns);
	if (read_offset(p, &off) < 0)
		return -EINVAL;
	t = timegm(&tm) - off;
	if (t < 0)
		return -EINVAL;
	*real_ns = (uint64_t)t * NS + ns;
	return 0;
}
