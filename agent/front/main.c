/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "agent/front/front.h"
#include "runtime/proto/confine.h"

/*
 * sickbay-front: what an agent program in a replica speaks HTTP to.  Started
 * by front_start(); everything it reads but the gate's messages is untrusted.
 */
static int run(struct err *e)
{
	static const uint32_t calls[] = { SYS_accept4, SYS_shutdown };
	static const struct confinement confinement = {
		.uid = FRONT_UID,
		.memory = 768ul << 20,
		.files = FRONT_LISTEN_FD + FRONT_MAX_LISTEN + FRONT_MAX_CONNS + 8,
		.calls = calls,
		.n_calls = sizeof(calls) / sizeof(calls[0]),
	};
	struct front_state *f = NULL;
	int r = front_open(FRONT_GATE_FD, &f, e);

	if (r == 0)
		r = confine(&confinement, e);
	if (r == 0)
		r = front_run(f, e);
	front_close(f);
	return r;
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("sickbay-front %s\n", SICKBAY_VERSION) < 0;
	if (argc != 1) {
		(void)fprintf(stderr, "sickbay-front: takes no argument; sickbay starts it\n");
		return 2;
	}
	json_object_seed(0); /* opens a file, which is not possible later */
	if (run(&e) < 0) {
		(void)fprintf(stderr, "sickbay-front: %s\n", e.msg);
		return 1;
	}
	return 0;
}
