/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/opt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/jmap.h"

static const struct opt *find(const struct opt *opts, const char *name, size_t n)
{
	for (; opts->name; opts++)
		if (strlen(opts->name) == n && strncmp(opts->name, name, n) == 0)
			return opts;
	return NULL;
}

static int unknown(const struct opt *opts, const char *name, size_t n, struct err *e)
{
	const char *words[64];
	char got[64];
	size_t k = 0;
	const char *near;

	(void)snprintf(got, sizeof(got), "%.*s", (int)n, name);
	for (; k < 64 && opts[k].name; k++)
		words[k] = opts[k].name;
	near = word_nearest(got, words, k);
	if (near)
		return err_set(e, EINVAL, "unknown option '--%s'; did you mean '--%s'?", got, near);
	return err_set(e, EINVAL, "unknown option '--%s'", got);
}

static int store_u64(const struct opt *o, const char *value, struct err *e)
{
	char *end;

	errno = 0;
	*(uint64_t *)o->out = strtoull(value, &end, 10);
	if (errno || *end || end == value || *value == '-')
		return err_set(e, EINVAL, "option '--%s': '%s' is not a number", o->name, value);
	return 0;
}

static int store(const struct opt *o, const char *value, struct err *e)
{
	struct optlist *l = o->out;

	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)o->out = true;
		return 0;
	case OPT_STR:
		*(const char **)o->out = value;
		return 0;
	case OPT_U64:
		return store_u64(o, value, e);
	case OPT_STRS:
		if (l->n == OPT_LIST_MAX)
			return err_set(e, EINVAL, "option '--%s' is given too often", o->name);
		l->v[l->n++] = value;
		return 0;
	}
	return err_set(e, EINVAL, "option '--%s': bad table", o->name);
}

/* argv[*i] begins with "--"; moves *i past a separate value. */
static int one_option(const struct opt *opts, int argc, char **argv, int *i, struct err *e)
{
	const char *name = argv[*i] + 2;
	const size_t n = strcspn(name, "=");
	const struct opt *o = find(opts, name, n);
	const char *value = name[n] == '=' ? name + n + 1 : NULL;

	if (!o)
		return unknown(opts, name, n, e);
	if (o->kind == OPT_FLAG && value)
		return err_set(e, EINVAL, "option '--%s' takes no value", o->name);
	if (o->kind != OPT_FLAG && !value) {
		if (*i + 1 >= argc)
			return err_set(e, EINVAL, "option '--%s' wants %s", o->name, o->arg);
		value = argv[++*i];
	}
	return store(o, value, e);
}

int opt_parse(const struct opt *opts, bool stop_at_operand, int argc, char **argv, int *n_operands,
	      struct err *e)
{
	bool more = true;
	int kept = 0;

	for (int i = 1; i < argc; i++) {
		if (more && strcmp(argv[i], "--") == 0) {
			more = false;
		} else if (more && strcmp(argv[i], "--help") == 0) {
			(void)printf("%s has %soptions%s\n", argv[0], opts->name ? "" : "no ",
				     opts->name ? ":" : "");
			opt_usage(opts, stdout);
			return err_set(e, ECANCELED, "help was asked for");
		} else if (more && strncmp(argv[i], "--", 2) == 0) {
			const int r = one_option(opts, argc, argv, &i, e);

			if (r < 0)
				return r;
		} else if (more && argv[i][0] == '-' && argv[i][1]) {
			return err_set(e, EINVAL, "unknown option '%s'", argv[i]);
		} else {
			argv[++kept] = argv[i];
			more = more && !stop_at_operand;
		}
	}
	argv[kept + 1] = NULL;
	*n_operands = kept;
	return 0;
}

void opt_usage(const struct opt *opts, FILE *to)
{
	for (; opts->name; opts++) {
		char left[48];

		(void)snprintf(left, sizeof(left), "--%s%s%s", opts->name, opts->arg ? " " : "",
			       opts->arg ? opts->arg : "");
		(void)fprintf(to, "  %-26s %s\n", left, opts->help);
	}
}
