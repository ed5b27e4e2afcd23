/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/host/case/git.h"
#include "agent/host/case/service.h"
#include "agent/host/case/source.h"
#include "agent/host/incident/incident.h"
#include "images/store.h"
#include "policy/policy.h"
#include "runtime/proto/audit.h"
#include "runtime/sandbox/sandbox.h"

/*
 * All that replicas of one service are made of, opened once for a case: the
 * image's layers, the toolchain, the reporters, the source at the base commit
 * and at the target's head, and the policy of each role.  Replicas made from
 * it differ only in their changes, their command and their role.
 */
enum side { SIDE_BASE, SIDE_HEAD, SIDE_N };

struct world {
	const char *state;
	struct store *store;	       /* borrowed */
	const struct service *service; /* borrowed */
	struct audit *audit;	       /* borrowed */
	struct git *git;
	struct image image;
	struct layer_fds image_layers;
	int toolchain, reporters; /* layer fds; toolchain -1: none */
	char toolchain_id[80], reporters_id[80];
	int agent_toolchain[ROLE_N]; /* layer with the program of a role's agent, -1: none */
	char agent_toolchain_id[ROLE_N][80];
	int agent_program, scratch; /* O_PATH of sickbay-agent; directory for change layers */
	char *scratch_path;
	struct {
		struct source source;
		int layer; /* the source layer */
		int built; /* frozen result of the build, -1: no build command */
	} side[SIDE_N];
	struct policy *policy[ROLE_N];
	struct backing *backing; /* what runs beside the service; NULL: nothing */
	struct policy_places places;
	bool deployed; /* as production builds it, and nothing runs beside it; before the source is
			  set */
	bool no_sandbox; /* a replica could not be built: this host's fault, not the case's */
	struct {
		uint64_t replicas, cpu_us, peak_memory;
	} spent;
};

int world_open(const char *state, struct store *store, const struct service *service,
	       struct audit *audit, struct world *out, struct err *e);
/* Resolves and lays out the sources; builds them once where the service has a build command. */
int world_set_source(struct world *w, int side, const char *commit, struct err *e);
void world_close(struct world *w);
/* Removes the change layers of processes that were killed. */
int world_sweep(const char *state, struct err *e);
/* Frames of the replica to repository paths: production prefixes plus the replica's own. */
int world_resolve(const struct world *w, struct incident *i, struct err *e);

/* A set of changes as a layer on disk, removed by change_layer_drop(). */
struct change_layer {
	int fd;
	char name[40];
};
/* An empty one. */
int scratch_layer_make(struct world *w, struct change_layer *out, struct err *e);
int change_layer_make(struct world *w, const struct changes *c, struct change_layer *out,
		      struct err *e);
void change_layer_drop(struct world *w, struct change_layer *l);

/* One replica: what stands on top of the world. */
struct replica_job {
	const char *purpose; /* for the log: "evaluate", "proof 2", ... */
	int side, role;
	const struct changes *changes[4];
	size_t n_changes; /* later ones lie on top */
	bool unbuilt;	  /* from the bare source even where a built layer exists */
	const char *const *argv;
	const struct sandbox_fd *fds;
	size_t n_fds;
	int results_fd;	  /* > 2: captured for test results */
	uint64_t wall_ms; /* 0: the policy's */
	const struct sandbox_bind *binds;
	size_t n_binds;
	const char *task; /* content of REPLICA_TASK inside, for an agent that is a command */
	const struct strlist *env; /* "NAME=value", over all other settings; NULL: none */
	bool agent;		   /* the role's agent runs there: its toolchain is on top */
	/* See struct sandbox_spec; NULL: nothing is waited for. */
	int (*admit)(void *ctx, const struct sandbox *s, struct err *e);
	void *ctx;
	bool freeze;		 /* sandbox_freeze() follows */
	bool alone;		 /* no backing service beside it: nothing of the service runs */
	struct members *members; /* these run already; borrowed */
};

#define REPLICA_TASK "/opt/sickbay/task.json"

struct replica;
/* Logs the effect, builds the layers, starts. */
int replica_start(struct world *w, const struct replica_job *job, struct replica **out,
		  struct err *e);
struct sandbox *replica_sandbox(struct replica *r);
/* Readable when replica_step() has something to do: the payload's sandbox, or one beside it. */
int replica_fd(const struct replica *r);
/* As sandbox_step() and sandbox_wait(), for all members; a backing service that ends ends the
 * payload too. */
int replica_step(struct replica *r, struct err *e);
int replica_wait(struct replica *r, struct exit_record *out, struct err *e);
/* Why what was seen counts for nothing: a backing service ended before the payload did. NULL: it
 * counts. */
const char *replica_invalid(const struct replica *r);
/* Later settings win: "NAME=value" takes the place of an earlier one. */
int replica_set_env(struct strlist *env, const char *assignment);
/* Ends it, adds to what was spent, logs the exit, removes its layers. NULL is fine. */
void replica_close(struct replica *r);
