/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/pause.h"
#include "agent/host/case/stop.h"
#include "agent/host/cli/cli.h"

int cli_hold(const char *state, const char *service, struct audit *audit, struct err *e)
{
	const struct stop_watch watch = { state, service, NULL, audit };
	char why[256] = "";
	const int r = pause_active(state, service, why, e);

	if (r < 0)
		return CLI_FAILED;
	if (r == 1) {
		(void)err_set(e, EBUSY, "paused (%s): 'sickbay unpause' lets it go on", why);
		return CLI_CLOSED;
	}
	return stop_begin(&watch, e) < 0 ? CLI_FAILED : CLI_OK;
}

void cli_hold_end(void)
{
	stop_end();
}
