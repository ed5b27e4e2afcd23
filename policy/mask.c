/* SPDX-License-Identifier: Apache-2.0 */
#include <regex.h>
#include <string.h>

#include "policy/glob.h"
#include "policy/source.h"

/* Values that no agent reads: edited in the source layer as it is written, and in text that leaves
 * the gate. */

#define HIDDEN "********"
#define LONGEST_LINE \
	(64u         \
	 << 10) /* a longer line is hidden whole: the matcher's time grows faster than the line */

/* Replaces group 1 where there is one, else the whole match; line by line, so no expression sees
 * more than a line. */
static void mask_line(const regex_t *re, const char *line, struct buf *out, bool *hit)
{
	regmatch_t m[2];
	int flags = 0;

	while (*line && regexec(re, line, 2, m, flags) == 0) {
		const regmatch_t *const part = re->re_nsub && m[1].rm_so >= 0 ? &m[1] : &m[0];
		const bool empty = m[0].rm_eo == m[0].rm_so;

		if (empty && line[m[0].rm_eo] == '\0')
			break;
		buf_put(out, line, (size_t)part->rm_so);
		if (!empty)
			buf_puts(out, HIDDEN);
		/* nothing was matched: one byte passes, and the rest is looked at again */
		buf_put(out, line + part->rm_eo, (size_t)(m[0].rm_eo - part->rm_eo) + empty);
		line += m[0].rm_eo + empty;
		flags = REG_NOTBOL;
		*hit = *hit || !empty;
	}
	buf_puts(out, line);
}

/* A NUL would hide the rest of a line from the expression: such a line is hidden whole, too. */
static int mask_bounded(const regex_t *re, const char *data, size_t n, struct buf *out, bool *hit)
{
	AUTO_FREE char *line = NULL;

	if (n > LONGEST_LINE || memchr(data, 0, n)) {
		buf_puts(out, HIDDEN);
		*hit = true;
		return 0;
	}
	line = strndup(data, n);
	if (!line)
		return -ENOMEM;
	mask_line(re, line, out, hit);
	return 0;
}

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

		if (mask_bounded(&re, data, len, out, hit) < 0) {
			regfree(&re);
			return err_set(e, ENOMEM, "out of memory");
		}
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

int policy_mask_find(const struct source *s, const char *path)
{
	char subject[4200];

	(void)snprintf(subject, sizeof(subject), "@repo/%s", path);
	for (size_t i = 0; i < s->doc.fs.mask.n; i++)
		if (glob_match(OBJ(struct mask_rule, s->doc.fs.mask, i)->path, subject))
			return (int)i;
	return -1;
}

bool policy_masks(const struct policy *p, const char *path)
{
	for (size_t i = 0; i < p->n; i++)
		if (path ? policy_mask_find(p->v[i], path) >= 0 : p->v[i]->doc.fs.mask.n > 0)
			return true;
	return false;
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
