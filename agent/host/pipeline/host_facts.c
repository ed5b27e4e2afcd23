/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "agent/host/pipeline/stages.h"
#include "runtime/base/sha256.h"
#include "runtime/base/spawn.h"

#ifndef SICKBAY_GRAMMARS /* "NAME VERSION SHA512 ..." as agent/syntax/grammars.mk pins them */
#define SICKBAY_GRAMMARS ""
#endif

static int add_digest(json_t *all, const char *name, const char *path, struct err *e)
{
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	char hex[SHA256_HEX];

	if (!f)
		return err_sys(e, "cannot read the program '%s'", path);
	if (sha256_fd(fileno(f), hex, e) < 0)
		return -e->code;
	if (json_object_set_new(all, name, json_sprintf("sha256:%s", hex)) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return 0;
}

int host_programs(json_t **out, struct err *e)
{
	static const char *const helpers[] = { "sickbay-agent", "sickbay-audit", "sickbay-decode",
					       "sickbay-init" };
	AUTO_JSON json_t *all = json_object();
	char path[PATH_MAX];
	int r;

	if (!all)
		return err_set(e, ENOMEM, "out of memory");
	r = add_digest(all, "sickbay", "/proc/self/exe", e);
	for (size_t i = 0; r == 0 && i < sizeof(helpers) / sizeof(helpers[0]); i++) {
		r = spawn_sibling(helpers[i], path, sizeof(path), e);
		if (r == 0)
			r = add_digest(all, helpers[i], path, e);
	}
	if (r == 0)
		*out = json_incref(all);
	return r;
}

static json_t *grammars(void)
{
	char pins[] = SICKBAY_GRAMMARS;
	json_t *all = json_object();
	char *save = NULL;

	for (char *name = strtok_r(pins, " ", &save); all && name;
	     name = strtok_r(NULL, " ", &save)) {
		const char *version = strtok_r(NULL, " ", &save);
		const char *digest = strtok_r(NULL, " ", &save);

		(void)json_object_set_new(
			all, name, json_pack("{s:s?,s:s?}", "version", version, "sha512", digest));
	}
	return all;
}

int host_facts(json_t **out, struct err *e)
{
	json_t *programs = NULL;
	struct utsname u;
	int r = host_programs(&programs, e);

	if (r < 0)
		return r;
	if (uname(&u) < 0) {
		json_decref(programs);
		return err_sys(e, "uname");
	}
	*out = json_pack("{s:s,s:s,s:s,s:o,s:o}", "kernel", u.release, "machine", u.machine,
			 "version", SICKBAY_VERSION, "programs", programs, "grammars", grammars());
	return *out ? 0 : err_set(e, ENOMEM, "out of memory");
}
