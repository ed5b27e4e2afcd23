/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/case/mode.h"

#include <string.h>

#include "agent/host/case/service_state.h"
#include "runtime/base/clock.h"

#define MODE_FILE      "mode.json"
#define MODE_SCHEMA    "sickbay.mode/1"
#define CEILING_FILE   "ceiling.json"
#define CEILING_SCHEMA "sickbay.ceiling/1"

static int mode_from_name(const char *name)
{
	for (int m = MODE_OBSERVE; name && m <= MODE_PROPOSE; m++)
		if (strcmp(service_mode_name(m), name) == 0)
			return m;
	return -1;
}

static const char *schema_of(const char *file)
{
	if (strcmp(file, MODE_FILE) == 0)
		return MODE_SCHEMA;
	return strcmp(file, CEILING_FILE) == 0 ? CEILING_SCHEMA : CHECK_SCHEMA;
}

/* The member `key` of a record as a mode; `otherwise` where there is no record yet. */
static int read_mode(const char *state, const char *service, const char *file, const char *key,
		     int otherwise, int *out, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	int r = service_state_read(state, service, file, &v, e), mode;

	if (r == -ENOENT) {
		e->code = 0;
		*out = otherwise;
		return 0;
	}
	if (r == 0)
		r = record_is(v, schema_of(file), file, e);
	if (r < 0)
		return err_wrap(e, "service '%s'", service);
	mode = mode_from_name(json_string_value(json_object_get(v, key)));
	if (mode < 0)
		return err_set(e, EBADMSG, "service '%s': %s has no \"%s\" that is a mode", service,
			       file, key);
	*out = mode;
	return 0;
}

int service_mode_now(const char *state, const struct service *s, int *mode, struct err *e)
{
	int rung = s->mode;
	const int r = read_mode(state, s->name, MODE_FILE, "rung", MODE_PROPOSE, &rung, e);

	if (r == 0)
		*mode = rung < s->mode ? rung : s->mode;
	return r;
}

int service_set_rung(const char *state, const char *service, int rung, const char *why,
		     struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	char now[CLOCK_RFC3339];

	clock_rfc3339(clock_real_ns(), now);
	v = json_pack("{s:s,s:s,s:s,s:s,s:s}", "schema", MODE_SCHEMA, "service", service, "rung",
		      service_mode_name(rung), "why", why, "time", now);
	return v ? service_state_write(state, service, MODE_FILE, v, e)
		 : err_set(e, ENOMEM, "service '%s': out of memory", service);
}

/* A file of its own: a demotion at the same time must not be lost to it. */
int service_note_ceiling(const char *state, const struct service *s, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	int known = -1;
	const int r = read_mode(state, s->name, CEILING_FILE, "ceiling", -1, &known, e);

	if (r < 0 || known == s->mode)
		return r;
	v = json_pack("{s:s,s:s,s:s}", "schema", CEILING_SCHEMA, "service", s->name, "ceiling",
		      service_mode_name(s->mode));
	return v ? service_state_write(state, s->name, CEILING_FILE, v, e)
		 : err_set(e, ENOMEM, "service '%s': out of memory", s->name);
}

/* The ceiling is in the service file: as the last case saw it, or else the last check. */
int service_demote(const char *state, const char *service, const char *why, struct err *e)
{
	int rung = MODE_PROPOSE, ceiling = MODE_PROPOSE;
	int r = read_mode(state, service, CHECK_FILE, "mode", MODE_PROPOSE, &ceiling, e);

	if (r == 0)
		r = read_mode(state, service, CEILING_FILE, "ceiling", ceiling, &ceiling, e);
	if (r == 0)
		r = read_mode(state, service, MODE_FILE, "rung", MODE_PROPOSE, &rung, e);
	if (r < 0)
		return r;
	if (rung > ceiling)
		rung = ceiling;
	return service_set_rung(state, service, rung > MODE_OBSERVE ? rung - 1 : MODE_OBSERVE, why,
				e);
}

int service_checked(const char *state, const struct service *s, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	int r = service_state_read(state, s->name, CHECK_FILE, &v, e);

	if (r == 0)
		r = record_is(v, CHECK_SCHEMA, CHECK_FILE, e);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && json_is_string(json_object_get(v, "passed")))
		return 0;
	return err_set(e, EPERM,
		       "service '%s' %s 'sickbay service check': run 'sickbay service check %s "
		       "--state %s' and put right what it names first",
		       s->name, r == 0 ? "never passed" : "was never seen by", s->file, state);
}
