/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/queue/report.h"

#include <string.h>

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
