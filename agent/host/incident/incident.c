/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/incident/incident.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/id.h"
#include "runtime/base/sha256.h"
#include "runtime/proto/decode.h"

#define SCHEMA	   "sickbay.incident/1"
#define CHAIN_MAX  64
#define FRAMES_MAX 512
#define NAME_BYTES 4096

static const char *const kinds[] = {
	"exception", "crash", "timeout", "latency", "error-rate", NULL
};

/* One row for each member: F(struct, member, kind, most, help). */
#define F(type, member, k, most, text)                                                 \
	{                                                                              \
		.name = #member, .kind = (k), .offset = offsetof(struct type, member), \
		.max = (most), .help = (text)                                          \
	}

const struct jmap frame_map[] = {
	F(frame, file, JMAP_STR, NAME_BYTES, "path in the repository once mapped"),
	F(frame, function, JMAP_STR, NAME_BYTES, "as the runtime names it"),
	F(frame, line, JMAP_U64, 100000000, "from 1; 0 is unknown"),
	F(frame, column, JMAP_U64, 100000000, "from 1; 0 is unknown"),
	F(frame, in_app, JMAP_BOOL, 0, "belongs to the repository that is healed"),
	F(frame, inlined, JMAP_BOOL, 0, "inlined into the next frame"),
	F(frame, async, JMAP_BOOL, 0, "resumed here, not called from here"),
	F(frame, vars, JMAP_JSON, 0, "variables at the time, by name"),
	F(frame, vars_lost, JMAP_JSON, 0, "those that are not whole, each with why"),
	{ 0 },
};

const struct jmap exception_map[] = {
	{ .name = "type",
	  .kind = JMAP_STR,
	  .offset = offsetof(struct exception, type),
	  .required = 1,
	  .min = 1,
	  .max = 512,
	  .help = "class or kind; never holds values" },
	F(exception, message, JMAP_STR, 1u << 16, "for people: it never counts"),
	F(exception, code, JMAP_STR, 64, "what the system or a protocol refused: ENOSPC, HTTP_404"),
	{ .name = "frames",
	  .kind = JMAP_LIST,
	  .offset = offsetof(struct exception, frames),
	  .max = FRAMES_MAX,
	  .sub = frame_map,
	  .size = sizeof(struct frame),
	  .help = "innermost first" },
	{ 0 },
};

const struct jmap coordinate_map[] = {
	F(coordinate, type, JMAP_STR, 512, "of the exception that the frame belongs to"),
	F(coordinate, file, JMAP_STR, NAME_BYTES, "path in the repository"),
	F(coordinate, function, JMAP_STR, NAME_BYTES, "absent: not compared"),
	F(coordinate, line, JMAP_U64, 100000000, "from 1; 0 is unknown"),
	F(coordinate, line_first, JMAP_U64, 100000000, "of an inlined frame's range"),
	F(coordinate, line_last, JMAP_U64, 100000000, "of an inlined frame's range"),
	F(coordinate, rule, JMAP_STR, 512, "how it was chosen"),
	{ 0 },
};

#define D(member, text)                                                                        \
	{                                                                                      \
		.name = #member, .kind = JMAP_STR,                                             \
		.offset = offsetof(struct incident, deploy.member), .max = 512, .help = (text) \
	}

static const struct jmap deploy_map[] = {
	D(commit, "that production ran, in full"),
	D(previous, "that ran before it, in full"),
	D(release, "name of the release"),
	D(image, "digest of the image"),
	D(time, "of the deployment"),
	D(known, "how the commit is known"),
	{ 0 },
};

static const struct jmap loss_map[] = {
	F(incident_loss, at, JMAP_STR, 512, "what is incomplete"),
	F(incident_loss, why, JMAP_STR, 4096, "what was left out"),
	{ 0 },
};

/* The deploy rows carry offsets of the incident itself: the member starts at 0. */
const struct jmap incident_map[] = {
	{ .name = "schema",
	  .kind = JMAP_STR,
	  .offset = offsetof(struct incident, schema),
	  .required = 1,
	  .max = 64,
	  .help = "\"" SCHEMA "\"" },
	{ .name = "id",
	  .kind = JMAP_STR,
	  .offset = offsetof(struct incident, id),
	  .required = 1,
	  .min = 1,
	  .max = 63,
	  .help = "name of the incident: SERVICE-XXXXXXXX" },
	{ .name = "service",
	  .kind = JMAP_STR,
	  .offset = offsetof(struct incident, service),
	  .required = 1,
	  .min = 1,
	  .max = 63,
	  .help = "what is healed" },
	{ .name = "kind",
	  .kind = JMAP_ENUM,
	  .offset = offsetof(struct incident, kind),
	  .required = 1,
	  .words = kinds,
	  .help = "what was seen" },
	F(incident, fingerprint, JMAP_STR, 80, "one for all reports of the same failure"),
	F(incident, count, JMAP_U64, 0, "reports so far"),
	F(incident, first_seen, JMAP_STR, 64, "RFC 3339"),
	F(incident, last_seen, JMAP_STR, 64, "RFC 3339"),
	F(incident, environment, JMAP_STR, 256, "production, staging ..."),
	{ .name = "deploy",
	  .kind = JMAP_OBJECT,
	  .offset = 0,
	  .sub = deploy_map,
	  .help = "what production ran" },
	F(incident, runtime, JMAP_JSON, 0, "language, version and what else is known"),
	{ .name = "chain",
	  .kind = JMAP_LIST,
	  .offset = offsetof(struct incident, chain),
	  .max = CHAIN_MAX,
	  .sub = exception_map,
	  .size = sizeof(struct exception),
	  .help = "exceptions, the root cause first" },
	{ .name = "coordinate",
	  .kind = JMAP_OBJECT,
	  .offset = offsetof(struct incident, coordinate),
	  .sub = coordinate_map,
	  .help = "where a reproduction has to fail" },
	F(incident, input, JMAP_JSON, 0, "what made it fail"),
	F(incident, signal, JMAP_JSON, 0, "of a crash"),
	F(incident, threads, JMAP_JSON, 0, "other stacks of the report"),
	F(incident, source, JMAP_JSON, 0, "which format the report had"),
	F(incident, breadcrumbs, JMAP_JSON, 0, "what happened before"),
	F(incident, metrics, JMAP_JSON, 0, "of the runtime at the time"),
	F(incident, raw, JMAP_JSON, 0, "the report itself, by digest"),
	{ .name = "loss",
	  .kind = JMAP_LIST,
	  .offset = offsetof(struct incident, loss),
	  .max = 1000,
	  .sub = loss_map,
	  .size = sizeof(struct incident_loss),
	  .help = "what the report said and this record does not" },
	F(incident, personal, JMAP_STRS, 1000, "JSON pointers of personal data in the input"),
	{ 0 },
};

static const struct jmap chain_map[] = {
	{ .name = "chain",
	  .kind = JMAP_LIST,
	  .offset = 0,
	  .max = CHAIN_MAX,
	  .sub = exception_map,
	  .size = sizeof(struct exception) },
	{ 0 },
};

int chain_read(const json_t *chain, struct objlist *out, struct err *e)
{
	AUTO_JSON json_t *wrapped = json_pack("{s:O}", "chain", chain);
	struct objlist l = { 0 };

	if (!wrapped)
		return err_set(e, EINVAL, "/chain: want an array");
	if (jmap_read(chain_map, wrapped, &l, "", e) < 0) {
		chain_release(&l);
		return -e->code;
	}
	*out = l;
	return 0;
}

void chain_release(struct objlist *chain)
{
	jmap_release(chain_map, chain);
}

void incident_release(struct incident *i)
{
	jmap_release(incident_map, i);
	*i = (struct incident){ 0 };
}

json_t *incident_write(const struct incident *in)
{
	return jmap_write(incident_map, in);
}

/* ---- what the table alone cannot check ---- */

static int check_time(const char *at, const char *s, struct err *e)
{
	uint64_t ns;

	if (s && clock_parse_rfc3339(s, &ns) < 0)
		return err_set(e, EINVAL, "%s: '%.64s' is not a time such as 2026-11-22T06:41:00Z",
			       at, s);
	return 0;
}

static int check_commit(const char *at, const char *s, struct err *e)
{
	if (s && !is_object_id(s))
		return err_set(
			e, EINVAL,
			"%s: '%.80s' is not a commit in full (40 or 64 lower-case hex digits)", at,
			s);
	return 0;
}

static int check_kind_of(const char *at, const json_t *v, json_type want, const char *word,
			 struct err *e)
{
	if (v && json_typeof(v) != want)
		return err_set(e, EINVAL, "%s: want %s", at, word);
	return 0;
}

static int check_input(const json_t *input, struct err *e)
{
	static const char *const ways[] = { "call", "command", "http", "datagram", "script" };
	static const char *const more[] = { "state", "flags" };
	const json_t *name;
	const char *key;
	json_t *v;
	size_t n = 0;

	if (!input)
		return 0;
	json_object_foreach((json_t *)(uintptr_t)input, key, v) {
		bool known = false;

		for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
			if (strcmp(key, ways[i]) == 0)
				n++, known = true;
		for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
			known |= strcmp(key, more[i]) == 0;
		if (!known)
			return err_set(e, EINVAL,
				       "/input/%.64s: unknown; want one of call, command, http, "
				       "datagram, script, and perhaps state and flags",
				       key);
	}
	if (n != 1)
		return err_set(e, EINVAL,
			       "/input: want exactly one of call, command, http, datagram, script");
	v = json_object_get(input, "call");
	name = json_object_get(v, "export");
	if (v && (!json_is_array(json_object_get(v, "args")) || (name && !json_is_string(name))))
		return err_set(e, EINVAL,
			       "/input/call: want an array \"args\", and \"export\" as a string");
	return 0;
}

static int check_frames(const struct incident *i, struct err *e)
{
	const struct exception *x = i->chain.v;

	for (size_t c = 0; c < i->chain.n; c++) {
		const struct frame *f = x[c].frames.v;

		for (size_t n = 0; n < x[c].frames.n; n++)
			if (f[n].vars && !json_is_object(f[n].vars))
				return err_set(e, EINVAL,
					       "/chain/%zu/frames/%zu/vars: want an object", c, n);
			else if (f[n].vars_lost && !json_is_object(f[n].vars_lost))
				return err_set(e, EINVAL,
					       "/chain/%zu/frames/%zu/vars_lost: want an object", c,
					       n);
	}
	return 0;
}

static int check(const struct incident *i, struct err *e)
{
	const bool trace = i->kind == INCIDENT_EXCEPTION || i->kind == INCIDENT_CRASH;

	if (strcmp(i->schema, SCHEMA) != 0)
		return err_set(e, EINVAL, "/schema: want \"%s\"", SCHEMA);
	if (!name_is_safe(i->id))
		return err_set(e, EINVAL, "/id: '%.64s' cannot be a name (a-z, 0-9, '.', '_', '-')",
			       i->id);
	if (!name_is_safe(i->service))
		return err_set(e, EINVAL,
			       "/service: '%.64s' cannot be a name (a-z, 0-9, '.', '_', '-')",
			       i->service);
	if (trace && i->chain.n == 0)
		return err_set(e, EINVAL, "/chain: an incident of kind \"%s\" needs one",
			       kinds[i->kind]);
	if (i->coordinate.line_first > i->coordinate.line_last)
		return err_set(e, EINVAL, "/coordinate/line_first: is after line_last");
	if (check_time("/first_seen", i->first_seen, e) < 0 ||
	    check_time("/last_seen", i->last_seen, e) < 0 ||
	    check_time("/deploy/time", i->deploy.time, e) < 0 ||
	    check_commit("/deploy/commit", i->deploy.commit, e) < 0 ||
	    check_commit("/deploy/previous", i->deploy.previous, e) < 0 ||
	    check_kind_of("/runtime", i->runtime, JSON_OBJECT, "an object", e) < 0 ||
	    check_kind_of("/metrics", i->metrics, JSON_ARRAY, "an array", e) < 0 ||
	    check_kind_of("/input", i->input, JSON_OBJECT, "an object", e) < 0 ||
	    check_kind_of("/threads", i->threads, JSON_ARRAY, "an array", e) < 0 ||
	    check_input(i->input, e) < 0)
		return -e->code;
	return check_frames(i, e);
}

int incident_read(const json_t *value, struct incident *out, struct err *e)
{
	struct incident i = { 0 };

	if (jmap_read(incident_map, value, &i, "", e) < 0 || check(&i, e) < 0) {
		incident_release(&i);
		return -e->code;
	}
	*out = i;
	return 0;
}

/* "/a/b: reason" -> "NAME:LINE:COLUMN: reason", with the nearest place above when /a/b has none. */
static void place_error(const char *name, const json_t *where, struct err *e)
{
	char pointer[sizeof(e->msg)], rest[sizeof(e->msg)];
	size_t n = strcspn(e->msg, ":");
	const json_t *at;

	if (e->msg[n] != ':' || (n && e->msg[0] != '/'))
		return;
	memcpy(pointer, e->msg, n);
	pointer[n] = '\0';
	(void)snprintf(rest, sizeof(rest), "%s", e->msg + n + 1 + (e->msg[n + 1] == ' '));
	for (;;) {
		char *cut = strrchr(pointer, '/');

		at = json_object_get(where, pointer);
		if (at || !cut)
			break;
		*cut = '\0';
	}
	(void)err_set(e, e->code, "%s:%lld:%lld: %s", name,
		      (long long)json_integer_value(json_array_get(at, 0)),
		      (long long)json_integer_value(json_array_get(at, 1)), rest);
}

int incident_load(int fd, const char *name, struct incident *out, struct err *e)
{
	AUTO_JSON json_t *options = json_pack("{s:b}", "places", 1);
	AUTO_JSON json_t *both = NULL;
	int r;

	if (!options)
		return err_set(e, ENOMEM, "%s: out of memory", name);
	r = decode_value(DECODE_INCIDENT, fd, name, options, &both, e);
	if (r < 0)
		return r;
	r = incident_read(json_object_get(both, "value"), out, e);
	if (r < 0)
		place_error(name, json_object_get(both, "where"), e);
	return r;
}

int incident_load_file(const char *path, struct incident *out, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	return incident_load(fd, path, out, e);
}

int incident_tells(const struct incident *i)
{
	const struct exception *x = i->chain.v;

	if (json_object_get(i->input, "call") || json_object_get(i->input, "script") ||
	    json_object_get(i->input, "command"))
		return 2;
	for (size_t c = 0; c < i->chain.n; c++) {
		const struct frame *f = x[c].frames.v;

		for (size_t n = 0; n < x[c].frames.n; n++)
			if (f[n].in_app && f[n].vars)
				return 1;
	}
	return 0;
}

static void hash_part(struct sha256 *s, const char *part)
{
	sha256_update(s, part ? part : "", part ? strlen(part) + 1 : 1);
}

void incident_fingerprint(const struct incident *i, char out[72])
{
	const struct exception *x = i->chain.v;
	uint8_t digest[SHA256_LEN];
	char hex[SHA256_HEX];
	struct sha256 s;
	size_t frames = 0;

	sha256_init(&s);
	hash_part(&s, i->coordinate.type);
	for (size_t c = 0; c < i->chain.n && frames == 0;
	     c++) { /* the first that has any: the root cause */
		const struct frame *f = x[c].frames.v;

		for (size_t n = 0; n < x[c].frames.n; n++) {
			if (!f[n].in_app)
				continue;
			if (frames++ == 0)
				hash_part(&s, x[c].type);
			hash_part(&s, f[n].file);
			hash_part(&s, f[n].function);
		}
	}
	if (frames == 0) {
		hash_part(&s, i->coordinate.file);
		hash_part(&s, i->coordinate.function);
	}
	sha256_final(&s, digest);
	sha256_hex(digest, hex);
	(void)snprintf(out, 72, "sha256:%s", hex);
}

void incident_key(const char *service, const char *fingerprint, char hex[65])
{
	uint8_t digest[SHA256_LEN];
	struct sha256 s;

	sha256_init(&s);
	sha256_update(&s, service, strlen(service) + 1);
	sha256_update(&s, fingerprint, strlen(fingerprint));
	sha256_final(&s, digest);
	sha256_hex(digest, hex);
}
