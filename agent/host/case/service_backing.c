/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/service.h"
#include "runtime/base/id.h"
#include "runtime/base/sha256.h"

/*
 * The key "backing" of a service file.  Members are named by their keys, get
 * an address each in the order of the file, and whatever else the table cannot
 * say is checked here, so that a replica never meets it.
 */
#define MEMBERS_MAX    16
#define MIB	       (UINT64_C(1) << 20)
#define SEED_TIMEOUT   300000
#define READY_INTERVAL 50
#define READY_TIMEOUT  60000
#define STOP_TIMEOUT   30000
#define STUB_PORT      8080
#define MEMBER_UID     1000

#define AT(field)	.offset = offsetof(struct service_backing, field)
#define SEED_AT(field)	.offset = offsetof(struct service_seed, field)
#define READY_AT(field) .offset = offsetof(struct service_ready, field)

static const char *const places[] = { "member", "application", NULL };

/* clang-format off */
static const struct jmap seed_map[] = {
	{ .name = "run", .kind = JMAP_STRS, SEED_AT(run), .required = 1, .min = 1, .max = 100, .help = "the command" },
	{ .name = "in", .kind = JMAP_ENUM, SEED_AT(in), .words = places, .help = "where it runs" },
	{ .name = "input", .kind = JMAP_STR, SEED_AT(input), .min = 1, .max = 4000, .help = "file that it reads on standard input" },
	{ .name = "timeout", .kind = JMAP_DURATION, SEED_AT(timeout_ms), .min = 1000, .max = 3600000, .help = "longest run of it" },
	{ 0 },
};
static const struct jmap ready_map[] = {
	{ .name = "command", .kind = JMAP_STRS, READY_AT(command), .max = 100, .help = "run in the member; exits with 0 once it is ready" },
	{ .name = "tcp", .kind = JMAP_U64, READY_AT(tcp), .min = 1, .max = 65535, .help = "port that takes connections once it is ready" },
	{ .name = "unix", .kind = JMAP_STR, READY_AT(path), .min = 2, .max = 107, .help = "unix socket of the member that takes connections once it is ready" },
	{ .name = "interval", .kind = JMAP_DURATION, READY_AT(interval_ms), .min = 1, .max = 60000, .help = "between two questions" },
	{ .name = "timeout", .kind = JMAP_DURATION, READY_AT(timeout_ms), .min = 100, .max = 3600000, .help = "until it counts as failed" },
	{ 0 },
};
static const struct jmap backing_map[] = {
	{ .name = "image", .kind = JMAP_STR, AT(image), .min = 1, .max = 200, .help = "name of an imported image, or \"host\"" },
	{ .name = "recipe", .kind = JMAP_STR, AT(recipe), .min = 1, .max = 4000, .help = "recipe of the layer that has its packages" },
	{ .name = "stub", .kind = JMAP_STR, AT(stub), .min = 1, .max = 4000, .help = "file of recorded HTTP answers" },
	{ .name = "port", .kind = JMAP_U64, AT(port), .min = 1024, .max = 65535, .help = "of the stub" },
	{ .name = "env", .kind = JMAP_MAP, AT(env), .max = 100, .help = "its environment" },
	{ .name = "cwd", .kind = JMAP_STR, AT(cwd), .min = 2, .max = 400, .help = "its working directory, which it may write to" },
	{ .name = "user", .kind = JMAP_U64, AT(user), .min = 1, .max = 65533, .help = "user id that it runs as" },
	{ .name = "init", .kind = JMAP_LIST, AT(init), .max = 20, .sub = seed_map, .size = sizeof(struct service_seed), .help = "commands before its first start" },
	{ .name = "start", .kind = JMAP_STRS, AT(start), .max = 100, .help = "starts it, in the foreground" },
	{ .name = "stop", .kind = JMAP_STR, AT(stop), .max = 10, .help = "signal that stops it cleanly" },
	{ .name = "stop_timeout", .kind = JMAP_DURATION, AT(stop_timeout_ms), .min = 100, .max = 600000, .help = "longest wait for that" },
	{ .name = "ready", .kind = JMAP_OBJECT, AT(ready), .sub = ready_map, .help = "how it is known to be ready" },
	{ .name = "seed", .kind = JMAP_LIST, AT(seed), .max = 50, .sub = seed_map, .size = sizeof(struct service_seed), .help = "commands that fill it, once it is ready" },
	{ .name = "memory", .kind = JMAP_BYTES, AT(memory), .min = 16 * MIB, .help = "memory limit" },
	{ .name = "disk", .kind = JMAP_BYTES, AT(disk), .min = MIB, .help = "limit of what it writes" },
	{ .name = "pids", .kind = JMAP_U64, AT(pids), .min = 4, .max = 32768, .help = "limit of processes and threads" },
	{ .name = "cpus", .kind = JMAP_U64, AT(cpu_milli), .min = 1, .max = 1024, .help = "limit of processors" },
	{ 0 },
};
/* clang-format on */

static const struct {
	const char *name;
	int number;
} signals[] = {
	{ "TERM", SIGTERM }, { "INT", SIGINT },	  { "QUIT", SIGQUIT },
	{ "HUP", SIGHUP },   { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 },
};

static int text_or(char **field, const char *value)
{
	if (!*field)
		*field = strdup(value);
	return *field ? 0 : -ENOMEM;
}

static void number_or(uint64_t *field, uint64_t value)
{
	if (*field == 0)
		*field = value;
}

static void fill_seeds(struct objlist *l)
{
	struct service_seed *s = l->v;

	for (size_t i = 0; i < l->n; i++)
		number_or(&s[i].timeout_ms, SEED_TIMEOUT);
}

static int fill(struct service_backing *b, size_t index, struct err *e)
{
	char cwd[128];
	int r;

	(void)snprintf(cwd, sizeof(cwd), "/srv/%s", b->name);
	(void)snprintf(b->address, sizeof(b->address), "127.0.2.%zu", index + 1);
	r = text_or(&b->image, "host");
	r = r ? r : text_or(&b->cwd, cwd);
	r = r ? r : text_or(&b->stop, "TERM");
	number_or(&b->user, MEMBER_UID);
	number_or(&b->stop_timeout_ms, STOP_TIMEOUT);
	number_or(&b->ready.interval_ms, READY_INTERVAL);
	number_or(&b->ready.timeout_ms, READY_TIMEOUT);
	number_or(&b->memory, 512 * MIB);
	number_or(&b->disk, 512 * MIB);
	number_or(&b->pids, 128);
	b->cpu_milli *= 1000;
	fill_seeds(&b->init);
	fill_seeds(&b->seed);
	if (b->stub) {
		number_or(&b->port, STUB_PORT);
		number_or(&b->ready.tcp, b->port);
	}
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (r == 0 && strcmp(b->stop, signals[i].name) == 0)
			b->stop_signal = signals[i].number;
	return r < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

/* A host name of one label, which is also part of a replica's name. */
static bool is_label(const char *s)
{
	const size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n > 0 && n <= 20 && s[n] == '\0' && isalnum((unsigned char)s[0]) &&
	       s[n - 1] != '-' && strcmp(s, "localhost") != 0;
}

static int check_stub(const struct service_backing *b, const char *at, struct err *e)
{
	if (b->recipe || b->start.n || b->init.n || b->seed.n)
		return err_set(
			e, EINVAL,
			"%s/stub: recorded answers need no \"recipe\", \"init\", \"start\" or "
			"\"seed\"",
			at);
	return 0;
}

static int check_program(const struct service_backing *b, const char *at, struct err *e)
{
	const struct service_seed *init = b->init.v;
	const int ways = (b->ready.command.n > 0) + (b->ready.tcp > 0) + (b->ready.path != NULL);

	if (b->port)
		return err_set(e, EINVAL, "%s/port: is for a \"stub\"", at);
	if (b->start.n == 0)
		return err_set(e, EINVAL, "%s: neither \"start\" nor \"stub\" says what runs", at);
	if (ways != 1)
		return err_set(
			e, EINVAL,
			"%s%s: want one of \"command\", \"tcp\" and \"unix\": how it is known "
			"to be ready",
			at, ways ? "/ready" : "");
	for (size_t i = 0; i < b->init.n; i++)
		if (init[i].in != SEED_MEMBER)
			return err_set(e, EINVAL,
				       "%s/init/%zu/in: the application cannot run before it", at,
				       i);
	return 0;
}

static int check(const struct service_backing *b, const char *at, struct err *e)
{
	const struct service_seed *seed = b->seed.v;

	if (b->cwd[0] != '/' || !path_is_clean(b->cwd + 1))
		return err_set(e, EINVAL, "%s/cwd: '%s' is not a plain absolute path", at, b->cwd);
	if (!b->stop_signal)
		return err_set(e, EINVAL,
			       "%s/stop: '%s' is not one of TERM, INT, QUIT, HUP, USR1, USR2", at,
			       b->stop);
	if (b->ready.path && b->ready.path[0] != '/')
		return err_set(e, EINVAL, "%s/ready/unix: '%s' is not an absolute path", at,
			       b->ready.path);
	for (size_t i = 0; i < b->seed.n; i++)
		if (seed[i].in == SEED_APPLICATION && seed[i].input)
			return err_set(e, EINVAL,
				       "%s/seed/%zu/input: only a command in the member has one",
				       at, i);
	return b->stub ? check_stub(b, at, e) : check_program(b, at, e);
}

static int digest(struct service_backing *b, const json_t *v, struct err *e)
{
	AUTO_FREE char *text = json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS);
	uint8_t raw[SHA256_LEN];

	b->digest = malloc(SHA256_HEX);
	if (!text || !b->digest)
		return err_set(e, ENOMEM, "out of memory");
	sha256_of(text, strlen(text), raw);
	sha256_hex(raw, b->digest);
	return 0;
}

static int read_one(struct service_backing *b, size_t index, const char *name, const json_t *v,
		    struct err *e)
{
	char at[100];
	int r;

	(void)snprintf(at, sizeof(at), "/backing/%.60s", name);
	if (!is_label(name))
		return err_set(e, EINVAL,
			       "%s: this is no host name (a-z, 0-9, '-', at most 20 of them)", at);
	b->name = strdup(name);
	if (!b->name)
		return err_set(e, ENOMEM, "out of memory");
	r = jmap_read(backing_map, v, b, at, e);
	if (r == 0)
		r = fill(b, index, e);
	if (r == 0)
		r = check(b, at, e);
	return r < 0 ? r : digest(b, v, e);
}

int service_read_backing(struct service *s, struct err *e)
{
	struct service_backing *list;
	const char *name;
	size_t at = 0;
	json_t *v;
	int r = 0;

	if (!s->backing_json)
		return 0;
	if (!json_is_object(s->backing_json))
		return err_set(e, EINVAL, "/backing: want an object of services by name");
	if (json_object_size(s->backing_json) > MEMBERS_MAX)
		return err_set(e, EINVAL, "/backing: more than %d services", MEMBERS_MAX);
	list = calloc(json_object_size(s->backing_json) + 1, sizeof(*list));
	if (!list)
		return err_set(e, ENOMEM, "out of memory");
	s->backing.v = list;
	json_object_foreach(s->backing_json, name, v) {
		s->backing.n = r == 0 ? at + 1 : s->backing.n;
		if (r == 0)
			r = read_one(&list[at], at, name, v, e);
		at++;
	}
	return r;
}

void service_release_backing(struct service *s)
{
	struct service_backing *list = s->backing.v;

	for (size_t i = 0; i < s->backing.n; i++) {
		jmap_release(backing_map, &list[i]);
		free(list[i].name);
		free(list[i].digest);
	}
	free(list);
	s->backing = (struct objlist){ 0 };
}
