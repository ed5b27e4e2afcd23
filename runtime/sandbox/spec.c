/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/spec.h"

#define MIB (UINT64_C(1) << 20)

static void fill(uint64_t *v, uint64_t otherwise)
{
	if (*v == 0)
		*v = otherwise;
}

static void fill32(uint32_t *v, uint32_t otherwise)
{
	if (*v == 0)
		*v = otherwise;
}

void spec_defaults(struct sandbox_spec *s)
{
	struct sandbox_limits *l = &s->limits;

	fill(&l->memory, 2048 * MIB);
	fill(&l->disk, 1024 * MIB);
	fill(&l->inodes, 200000);
	fill(&l->output, 32 * MIB);
	fill(&l->wall_ms, UINT64_C(600000));
	fill32(&l->pids, 256);
	fill32(&l->open_files, 1024);
	if (!s->as_root) {
		fill32(&s->uid, 1000);
		fill32(&s->gid, 1000);
	}
	if (!s->name)
		s->name = "replica";
	if (!s->state)
		s->state = "/var/lib/sickbay";
	if (!s->hostname)
		s->hostname = "replica";
	if (!s->cwd)
		s->cwd = "/";
}
