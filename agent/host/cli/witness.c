/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/host/case/host_config.h"
#include "agent/host/cli/cli.h"

const char *cli_config; /* NULL: the default */

int cli_witness(char **path, struct err *e)
{
	struct host_config c;
	int r = host_config_load(cli_config, &c, e);

	if (r < 0)
		return r;
	*path = c.audit.witness ? strdup(c.audit.witness) : NULL;
	r = c.audit.witness && !*path ? err_set(e, ENOMEM, "out of memory") : 0;
	host_config_release(&c);
	return r;
}
