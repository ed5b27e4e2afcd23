/* SPDX-License-Identifier: Apache-2.0 */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/service.h"
#include "runtime/base/buf.h"

/*
 * From the release that a report names to a tag or a commit.  The pattern is
 * the operator's, the release is not: it is short, and what comes of it may
 * hold only what names of commits and tags hold.
 */
#define GROUPS	    10
#define RELEASE_MAX 200

static int compile(const char *pattern, regex_t *re, struct err *e)
{
	const int bad = regcomp(re, pattern, REG_EXTENDED);
	char why[128];

	if (!bad)
		return 0;
	(void)regerror(bad, re, why, sizeof(why));
	return err_set(e, EINVAL, "/release/pattern: %s", why);
}

int service_check_release(const struct service *s, struct err *e)
{
	regex_t re;

	if (!s->release.pattern && !s->release.ref)
		return 0;
	if (!s->release.pattern || !s->release.ref)
		return err_set(e, EINVAL, "/release: wants both \"pattern\" and \"ref\"");
	if (compile(s->release.pattern, &re, e) < 0)
		return -e->code;
	regfree(&re);
	return 0;
}

static void put_group(struct buf *out, const char *text, const regmatch_t *m)
{
	if (m->rm_so >= 0)
		buf_put(out, text + m->rm_so, (size_t)(m->rm_eo - m->rm_so));
}

static bool is_name(const char *s)
{
	return *s && *s != '-' &&
	       s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			   "._/+@-")] == '\0';
}

int service_ref_of(const struct service *s, const char *release, char **ref, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(2 * RELEASE_MAX);
	regmatch_t m[GROUPS];
	regex_t re;
	int bad;

	if (!s->release.pattern)
		return err_set(e, ENODATA, "the service file has no \"release\"");
	if (strlen(release) > RELEASE_MAX)
		return err_set(e, EINVAL, "the release is longer than %d bytes", RELEASE_MAX);
	if (compile(s->release.pattern, &re, e) < 0)
		return -e->code;
	bad = regexec(&re, release, GROUPS, m, 0);
	regfree(&re);
	if (bad)
		return err_set(e, ENOENT, "the release '%s' is not one that /release/pattern fits",
			       release);
	for (const char *p = s->release.ref; *p; p++) {
		if (p[0] == '$' && p[1] >= '0' && p[1] <= '9')
			put_group(&out, release, &m[*++p - '0']);
		else
			buf_putc(&out, *p);
	}
	if (buf_check(&out, "the commit's name", e) < 0)
		return -e->code;
	if (!out.p || !is_name(out.p))
		return err_set(e, EINVAL, "the release '%s' gives '%s', which names no commit",
			       release, out.p ? out.p : "");
	*ref = strdup(out.p);
	return *ref ? 0 : err_set(e, ENOMEM, "out of memory");
}
