/* SPDX-License-Identifier: Apache-2.0 */
#include <regex.h>
#include <string.h>

#include "policy/glob.h"
#include "policy/source.h"

/* Values that no agent reads: edited in the source layer as it is written, and in text that leaves
 * the gate. */

#define HIDDEN "********"

/* Replaces group 1 where there is one, else the whole match; line by line, so no expression sees
 * more than a line. */
static void mask_line(const regex_t *re, const char *line, struct buf *out, bool *hit)
{
	regmatch_t m[2];
	int flags = 0;

	while (*line && regexec(re, line, 2, m, flags) == 0 && m[0].rm_eo > m[0].rm_so) {
		const regmatch_t *const part = re->re_nsub && m[1].rm_so >= 0 ? &m[1] : &m[0];

		buf_put(out, line, (size_t)part->rm_so);
		buf_puts(out, HIDDEN);
		buf_put(out, line + part->rm_eo, (size_t)(m[0].rm_eo - part->rm_eo));
		line += m[0].rm_eo;
		flags = REG_NOTBOL;
		*hit = true;
	}
	buf_puts(out, line);
}

/* A NUL ends what the expression can see of a line; the rest of it passes as it is. */
static int mask_text(const char *pattern, const char *data, size_t n, struct buf *out, bool *hit,
		     struct err *e)
{
	const char *const end = data + n;
	regex_t re;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_NEWLINE) != 0)
		return err_set(e, EINVAL, "'%.64s' is no regular expression", pattern);
	while (data < end) {
		const char *const nl = memchr(data, '\n', (size_t)(end - data));
		const size_t len = nl ? (size_t)(nl - data) : (size_t)(end - data);
		AUTO_FREE char *line = strndup(data, len);

		if (!line) {
			regfree(&re);
			return err_set(e, ENOMEM, "out of memory");
		}
		mask_line(&re, line, out, hit);
		buf_put(out, data + strlen(line), len - strlen(line));
		if (nl)
			buf_putc(out, '\n');
		data += len + (nl != NULL);
	}
	regfree(&re);
	return buf_check(out, "masked text", e);
}

/* Applies one expression to what *text holds by now. */
static int apply(const char *pattern, struct buf *text, bool *hit, struct err *e)
{
	AUTO_BUF struct buf next = BUF_INIT(text->max);
	int r = mask_text(pattern, text->p ? text->p : "", text->n, &next, hit, e);

	if (r == 0) {
		const struct buf swap = *text;

		*text = next;
		next = swap;
	}
	return r;
}

int policy_mask(const struct policy *p, const char *path, struct buf *text, bool *hit,
		struct err *e)
{
	char subject[4200];
	int r = 0;

	*hit = false;
	(void)snprintf(subject, sizeof(subject), "@repo/%s", path);
	for (size_t i = 0; r == 0 && i < p->n; i++) {
		const struct objlist *const l = &p->v[i]->doc.fs.mask;

		for (size_t k = 0; r == 0 && k < l->n; k++)
			if (glob_match(OBJ(struct mask_rule, *l, k)->path, subject))
				r = apply(OBJ(struct mask_rule, *l, k)->pattern, text, hit, e);
	}
	return r;
}

int policy_redact(const struct policy *p, struct buf *text, bool *hit, struct err *e)
{
	int r = 0;

	*hit = false;
	for (size_t i = 0; r == 0 && i < p->n; i++) {
		const struct objlist *const l = &p->v[i]->doc.env.redact;

		for (size_t k = 0; r == 0 && k < l->n; k++)
			r = apply(OBJ(struct redact_rule, *l, k)->regex, text, hit, e);
	}
	return r;
}
