/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/host/pipeline/stages.h"
#include "runtime/base/sha256.h"
#include "runtime/base/spawn.h"

#ifndef SICKBAY_GRAMMARS /* "NAME VERSION SHA512 ..." as agent/syntax/grammars.mk pins them */
#define SICKBAY_GRAMMARS ""
#endif

static int digest_of(const char *path, char out[HOST_DIGEST], struct err *e)
{
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	char hex[SHA256_HEX];

	if (!f)
		return err_sys(e, "cannot read the program '%s'", path);
	if (sha256_fd(fileno(f), hex, e) < 0)
		return -e->code;
	(void)snprintf(out, HOST_DIGEST, "sha256:%s", hex);
	return 0;
}

int host_program(char out[HOST_DIGEST], struct err *e)
{
	const char *self = "/proc/self/exe";

	if (access(self, F_OK) < 0) /* whoever checks an export may have no /proc */
		self = (const char *)(uintptr_t)getauxval(AT_EXECFN);
	return digest_of(self ? self : "", out, e);
}

static int add_digest(json_t *all, const char *name, const char *path, struct err *e)
{
	char digest[HOST_DIGEST];
	const int r = path ? digest_of(path, digest, e) : host_program(digest, e);

	if (r < 0)
		return r;
	return json_object_set_new(all, name, json_string(digest)) < 0
		       ? err_set(e, ENOMEM, "out of memory")
		       : 0;
}

int host_programs(json_t **out, struct err *e)
{
	static const char *const helpers[] = { "sickbay-agent",	 "sickbay-audit", "sickbay-broker",
					       "sickbay-decode", "sickbay-front", "sickbay-init" };
	AUTO_JSON json_t *all = json_object();
	char path[PATH_MAX];
	int r;

	if (!all)
		return err_set(e, ENOMEM, "out of memory");
	r = add_digest(all, "sickbay", NULL, e);
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
