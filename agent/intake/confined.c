/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/intake/confined.h"

#include <sys/syscall.h>

#include "runtime/proto/confine.h"
#include "runtime/proto/intake.h"

int intake_confine(struct err *e)
{
	/* descriptors are handed over: nothing is opened, nothing connected to */
	static const uint32_t calls[] = {
		SYS_accept4,	 SYS_shutdown,	 SYS_setsockopt,  SYS_getsockopt,
		SYS_getsockname, SYS_epoll_wait, SYS_epoll_ctl,	  SYS_fcntl,
		SYS_fdatasync,	 SYS_ftruncate,	 SYS_getpeername,
	};
	const struct confinement c = { .uid = INTAKE_UID,
				       .memory = 2ull << 30,
				       .files = 4096,
				       .file_size = 4ull << 30,
				       .calls = calls,
				       .n_calls = sizeof(calls) / sizeof(calls[0]) };

	return confine(&c, e);
}
