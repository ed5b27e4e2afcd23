/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "agent/host/case/service.h"

/*
 * What sickbay itself keeps of a service: small JSON records in
 * STATE/services/NAME, replaced atomically, and the operator's service files
 * by name.  Nothing here is ever written by a replica.
 */
#define SERVICES_DEFAULT "/etc/sickbay/services"

/* NAME|FILE as operators say it: what has a '/' or ends in .json is a file, else services/NAME.json
 * (services NULL: SERVICES_DEFAULT). */
int service_file_of(const char *services, const char *name, char path[4096], struct err *e);
/* The same of what was not an operator's to say: a name, never a file. -ENOENT: it is none. */
int service_file_named(const char *services, const char *name, char path[4096], struct err *e);
/* Names of the service files in that directory, sorted; none when there is no directory. */
int service_names(const char *services, struct strlist *out, struct err *e);

/* Names of the services that something is kept of, sorted. */
int service_states(const char *state, struct strlist *out, struct err *e);
/* One record; *out is a new reference. -ENOENT when there is none. */
int service_state_read(const char *state, const char *service, const char *file, json_t **out,
		       struct err *e);
/* Adds nothing: the value says its own "schema". v is borrowed. */
int service_state_write(const char *state, const char *service, const char *file, const json_t *v,
			struct err *e);
