/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/loop.h"

#include "runtime/base/msg.h"

int loop_run(struct setup *s, int resolver, struct err *e)
{
	int r;

	(void)s, (void)resolver;
	do {
		AUTO_MSG struct msg m = MSG_INIT;

		r = msg_recv(BROKER_FD, -1, &m, e);
	} while (r == 1);
	return r;
}
