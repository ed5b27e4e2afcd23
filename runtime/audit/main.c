/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "runtime/audit/filter.h"
#include "runtime/audit/serve.h"
#include "runtime/base/cleanup.h"
#include "runtime/base/log.h"
#include "runtime/proto/audit.h"

/*
 * sickbay-audit COMMAND [ARG ...]: started by sickbay with the log's
 * directory as descriptor 4, under the log's own uid.
 */
struct verb {
	const char *name;
	int min, max; /* operands */
	int (*run)(char **args, struct err *e);
};

static int run_serve(char **args, struct err *e)
{
	(void)args;
	return serve(AUDIT_FD_SOCKET, AUDIT_FD_DIR, e);
}

static const struct verb verbs[] = {
	{ "serve", 0, 0, run_serve },
};

static const struct verb *find(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct verb *v = argc > 1 ? find(argv[1]) : NULL;
	struct err e = ERR_INIT;
	int r;

	log_set("sickbay-audit", LOG_WARN);
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("sickbay-audit %s\n", SICKBAY_VERSION) < 0;
	if (!v || argc - 2 < v->min || argc - 2 > v->max) {
		log_warn("this program is run by sickbay; see 'sickbay audit --help'");
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	r = filter_apply(&e);
	if (r == 0)
		r = v->run(argv + 2, &e);
	if (r < 0)
		log_warn("%s", e.msg);
	return r < 0 ? 2 : r;
}
