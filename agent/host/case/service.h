/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/jmap.h"

/*
 * A service file: where and how one service runs and is tested.  The
 * operator's own file (JSON with comments, unknown keys refused); paths in it
 * are relative to the file's directory unless absolute.
 */
enum service_mode { MODE_OBSERVE, MODE_REPRODUCE, MODE_PROPOSE };
enum test_format { TESTS_REPORTER, TESTS_TAP };
enum agent_kind {
	AGENT_BUILT_IN, /* deterministic, offline */
	AGENT_COMMAND,	/* a program of the replica: reads the task, changes the tree */
	AGENT_MODEL,	/* the built-in tool loop that asks a model */
	AGENT_EXTERNAL	/* a program that brings its own loop: model traffic and MCP by the front */
};
enum agent_strategy { AGENT_OFFLINE_FIRST, AGENT_MODEL_ONLY, AGENT_RACE };

struct service_path { /* production prefix -> repository prefix, both may end in / */
	char *production, *repository;
};

/* What sends a test's request: the client that a framework has for its tests. */
enum http_client { HTTP_NONE, HTTP_DJANGO, HTTP_FLASK, HTTP_NODE, HTTP_CLIENT_N };

/* How one suite runs.  In `one`, an argument "@test" becomes the test's path. */
struct service_tests {
	char *name;
	struct strlist command; /* the whole suite */
	struct strlist one;	/* one test file */
	struct strlist check; /* the same, as a person runs it by hand; shown in the pull request */
	struct strlist
		harness; /* builds and runs one program that is no test; default by language */
	int format;	 /* enum test_format */
	uint64_t timeout_ms;
	struct strlist known_flaky;
	struct {
		char *dir, *framework, *module;
		json_t *options; /* framework specifics, passed to the agent */
		struct {
			int client;	   /* enum http_client */
			char *application; /* MODULE:NAME; MODULE alone where that is it (node) */
		} http;			   /* how a test sends a request */
	} new_test;
};

/* A command that fills a backing service before its state is frozen. */
enum seed_place { SEED_MEMBER, SEED_APPLICATION };
struct service_seed {
	struct strlist run;
	int in;	     /* enum seed_place */
	char *input; /* a file that it reads on standard input; "repository:FILE" is the commit's */
	uint64_t timeout_ms;
};

/* How a backing service is known to take requests: one of the three. */
struct service_ready {
	struct strlist command; /* run in the member; exits with 0 */
	uint64_t tcp;		/* a port that takes connections */
	char *path;		/* a unix socket that does */
	uint64_t interval_ms, timeout_ms;
};

/* A program beside the service, in a member of the replica of its own. */
struct service_backing {
	char *name;	  /* its host name */
	char address[16]; /* on the replica's loopback */
	char *image, *recipe;
	char *stub;    /* recorded HTTP answers instead of a program */
	uint64_t port; /* of the stub */
	struct strmap env;
	char *cwd; /* given to its user */
	uint64_t user;
	struct objlist init; /* struct service_seed: before its first start */
	struct strlist start;
	char *stop; /* name of a signal */
	int stop_signal;
	uint64_t stop_timeout_ms;
	struct service_ready ready;
	struct objlist seed; /* struct service_seed: once it is ready */
	uint64_t memory, disk, pids, cpu_milli;
	char *digest; /* of its part of the file */
};

struct service_agent {
	int kind;     /* enum agent_kind */
	int strategy; /* enum agent_strategy: beside MODEL and EXTERNAL, what the built-in one does
		       */
	struct strlist command;
	struct strlist
		models;	 /* ENDPOINT/MODEL of the host's configuration; the first is the default */
	char *toolchain; /* EXTERNAL: recipe of `image prepare` that holds the agent's program */
	struct strmap env; /* EXTERNAL: added to its environment; @base, @key, @model, @mcp, @task
			      stand for what the replica has */
	uint64_t evaluations, parallel;
};

struct service {
	char *file; /* where it was read from */
	char *dir;  /* its directory */
	uint64_t version;
	char *name, *language;
	int mode; /* enum service_mode */
	struct {
		char *url, *root,
			*target; /* root: the sub-directory that is healed, "" for all of it */
	} repository;
	struct {
		char *pattern, *ref;
	} release;
	struct objlist paths; /* struct service_path */
	struct strlist in_app;
	struct {
		char *production;
	} image;
	struct {
		char *recipe; /* of `image prepare`; NULL: none */
	} toolchain;
	struct {
		char *cwd; /* where the repository lies inside the replica */
		struct strmap env;
		struct strlist start; /* the service itself, for the demo and part 2 */
	} run;
	struct {
		struct strlist production,
			sanitizer; /* build commands, one argv each; run in cwd */
	} build;
	struct objlist tests;	/* struct service_tests; the first one gets the new test */
	json_t *backing_json;	/* {NAME: ...} as the file has it */
	struct objlist backing; /* struct service_backing, in the file's order */
	struct {
		struct service_agent reproduce, patch;
	} agents;
	struct {
		char *reproduce, *patch, *verify; /* "preset:NAME" or a file */
	} policy;
	struct {
		uint64_t repeat, variants,
			baseline; /* N of N; held-out inputs; runs of the suite at the base */
	} proof;
	struct {
		uint64_t open, open_fingerprint,
			open_file; /* most open pull requests: of it, of an incident, of a file */
	} limits;
	struct {
		uint64_t window_days, per_file,
			per_module; /* proposals by agents that a file, a directory takes */
	} drift;
	struct {
		char *name; /* of the host's configuration; NULL: branches stay where they are */
		char *repository; /* OWNER/NAME: where the pull request is opened */
		char *fork;	  /* OWNER/NAME: where the branch is pushed */
		struct strlist labels, reviewers;
		int draft; /* 0: always; 1: where the repository takes drafts */
	} forge;
	struct {
		uint64_t share,	   /* percent of proposals that a person looks at in depth */
			untouched; /* merges in a row without an edit that raise it */
	} audit;
};

int service_load(const char *path, struct service *out, struct err *e);
void service_release(struct service *s);
/* The path of `name` relative to the service file's directory; presets pass through. free() it. */
char *service_path(const struct service *s, const char *name);
const char *service_mode_name(int mode);
const char *service_agent_name(int kind); /* "built-in", ... */
/* The production prefixes as a map of at most max borrowed pairs in map->v. */
void service_strmap(const struct service *s, struct strmap *map, size_t max);
/* Reads "backing" into the list; errors name their place. */
int service_read_backing(struct service *s, struct err *e);
void service_release_backing(struct service *s);
/* -EINVAL where "release" cannot be meant. */
int service_check_release(const struct service *s, struct err *e);
/* The tag or commit of a release as a report names it: *ref, to be freed. */
int service_ref_of(const struct service *s, const char *release, char **ref, struct err *e);
