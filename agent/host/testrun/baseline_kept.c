/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "agent/host/case/service_state.h"
#include "agent/host/testrun/backing.h"
#include "agent/host/testrun/testrun.h"
#include "runtime/base/sha256.h"

/*
 * A suite that is run again on the same bytes, under the same limits, says the
 * same; what differs from run to run was found by running it several times.  So
 * a baseline is kept under a digest of all that goes into a run, and each thing
 * that changes one of them leads to another key: nothing is ever invalidated.
 */
#define SCHEMA "sickbay.baseline/1"

static json_t *words(const struct strlist *l)
{
	json_t *a = json_array();

	for (size_t i = 0; a && i < l->n; i++)
		(void)json_array_append_new(a, json_string(l->v[i]));
	return a;
}

static json_t *pairs(const struct strmap *m)
{
	json_t *o = json_object();

	for (size_t i = 0; o && i < m->n; i++)
		(void)json_object_set_new(o, m->v[i].key, json_string(m->v[i].value));
	return o;
}

/* The image "host" is named by its skeleton; what lies in /usr changes with the host's packages. */
static json_t *host_packages(const struct world *w)
{
	struct stat st = { 0 };

	if (!w->image.host || stat("/var/lib/dpkg/status", &st) < 0)
		return json_null();
	return json_sprintf("%lld.%09ld %lld", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
			    (long long)st.st_size);
}

static json_t *suite_words(const struct service_tests *t)
{
	return json_pack("{s:s,s:o,s:i,s:I,s:o}", "name", t->name, "command", words(&t->command),
			 "format", t->format, "timeout", (json_int_t)t->timeout_ms, "known_flaky",
			 words(&t->known_flaky));
}

static json_t *conditions(struct world *w, int side, uint64_t runs, json_t *backing)
{
	const struct service *s = w->service;
	struct utsname os = { 0 };

	(void)uname(&os);
	return json_pack("{s:s,s:s,s:s,s:s,s:o,s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:s,s:I,s:O}",
			 "schema", SCHEMA, "commit", w->side[side].source.commit, "root",
			 s->repository.root, "image", w->image.digest, "host", host_packages(w),
			 "kernel", os.release, "toolchain", w->toolchain_id, "reporters",
			 w->reporters_id, "cwd", s->run.cwd, "env", pairs(&s->run.env), "build",
			 words(&s->build.production), "sanitizer", words(&s->build.sanitizer),
			 "tests", suite_words(s->tests.v), "policy",
			 policy_digest(w->policy[ROLE_VERIFY]), "runs", (json_int_t)runs, "backing",
			 backing);
}

int baseline_key(struct world *w, int side, uint64_t runs, char key[65], struct err *e)
{
	AUTO_JSON json_t *backing = backing_conditions(w, side, e);
	AUTO_JSON json_t *v = backing ? conditions(w, side, runs, backing) : NULL;
	AUTO_FREE char *text = v ? json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	uint8_t digest[SHA256_LEN];

	if (!backing)
		return -e->code;
	if (!text)
		return err_set(e, ENOMEM, "baseline: out of memory");
	sha256_of(text, strlen(text), digest);
	sha256_hex(digest, key);
	return 0;
}

static void file_of(const char *key, char file[96])
{
	(void)snprintf(file, 96, "baseline-%s.json", key);
}

int baseline_keep(const struct world *w, const char *key, const struct baseline *b, struct err *e)
{
	AUTO_JSON json_t *v = json_pack("{s:s,s:s,s:o}", "schema", SCHEMA, "key", key, "baseline",
					baseline_write(b));
	char file[96];

	file_of(key, file);
	return v ? service_state_write(w->state, w->service->name, file, v, e)
		 : err_set(e, ENOMEM, "baseline: out of memory");
}

int baseline_kept(const struct world *w, const char *key, struct baseline *out, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	const char *schema;
	char file[96];
	int r;

	file_of(key, file);
	r = service_state_read(w->state, w->service->name, file, &v, e);
	if (r < 0)
		return r;
	schema = json_string_value(json_object_get(v, "schema"));
	if (!schema || strcmp(schema, SCHEMA) != 0)
		return err_set(e, EBADMSG, "service '%s': %s is not a " SCHEMA ": remove it",
			       w->service->name, file);
	return baseline_read(json_object_get(v, "baseline"), out, e);
}
