/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/cli/report.h"

#include <string.h>
#include <unistd.h>

#include "agent/host/incident/convert.h"

int report_load(const char *path, struct incident *out, struct err *e)
{
	if (strcmp(path, "-") == 0)
		return incident_load(STDIN_FILENO, "standard input", out, e);
	return incident_load_file(path, out, e);
}

int report_convert(const struct report_options *o, const struct service *s, struct incident *out,
		   struct err *e)
{
	struct strpair pairs[64];
	struct strmap map = { .v = pairs };
	struct convert c = { .report = STDIN_FILENO,
			     .report_name = "standard input",
			     .input = o->input,
			     .deploy = o->deploy,
			     .metrics = o->metrics,
			     .service = s->name,
			     .paths = { .paths = &map, .in_app = &s->in_app } };
	const int r = convert_format(o->from, &c.from, e);

	service_strmap(s, &map, 64);
	return r < 0 ? r : incident_convert(&c, out, e);
}

int report_resolve(const struct service *s, struct incident *i, struct err *e)
{
	struct strpair pairs[64];
	struct strmap map = { .v = pairs };
	const struct incident_paths paths = { .paths = &map, .in_app = &s->in_app };
	char print[72];
	int r;

	service_strmap(s, &map, 64);
	r = incident_resolve(i, &paths, e);
	if (r < 0 || i->fingerprint)
		return r;
	incident_fingerprint(i, print);
	i->fingerprint = strdup(print);
	return i->fingerprint ? 0 : err_set(e, ENOMEM, "out of memory");
}
