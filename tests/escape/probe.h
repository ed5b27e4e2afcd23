/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One way out: 0 when it leads through, 1 when it is refused, 77 where there is nothing to try. */
struct probe {
	const char *name;
	int (*run)(const char *arg);
};

extern const struct probe probes[];	   /* files, processes, namespaces, mounts */
extern const struct probe kernel_probes[]; /* sockets, shared memory, rare system calls, entries */

int refused(const char *what); /* with errno */
int through(const char *what);
int judge(long r, const char *what); /* refused when negative */
