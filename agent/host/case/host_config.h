/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/jmap.h"
#include "runtime/proto/broker_notify.h"

/*
 * /etc/sickbay/sickbay.json: what holds for all services of this host.  The
 * operator's own file (JSON with comments, unknown keys refused); without it
 * everything has the defaults that sickbay-config(5) names.  A key stands here
 * only where something enforces it.
 */
#define HOST_CONFIG_DEFAULT "/etc/sickbay/sickbay.json"

/* A model and what it costs: US dollars for a million tokens, exact decimals ("3.00"). */
struct model_price {
	char *name; /* the provider's */
	char *input, *output;
	char *cached, *cache_write; /* NULL: as input */
	uint64_t max_output;	    /* most tokens of one answer; 0: 8192 */
	uint64_t max_input;	    /* context; 0: 200000 */
};

/* One place where models are; everything but the models goes to the broker as it is. */
struct model_endpoint {
	char *name;
	int protocol; /* enum model_protocol */
	char *url, *credential, *ca, *proxy;
	uint64_t connect_ms, stall_ms, total_ms, retries, parallel;
	bool retries_stated;
	struct objlist models; /* struct model_price */
};

/* Who may send reports, and of which service they are. */
struct intake_from {
	char *name, *token_sha256;
	char *service; /* NULL: as the report says it; then a service file must have that name */
	uint64_t rate, burst;
};

struct host_config {
	uint64_t version;
	char *state;	/* state directory */
	char *services; /* directory of service files, NAME.json each */
	struct {
		uint64_t parallel;    /* cases at one time; 0: as many as the host's limits hold */
		uint64_t case_memory; /* bytes that one case is reckoned with */
		uint64_t attempts;    /* runs of a case that fail before a person is needed */
		uint64_t poll_ms;     /* between two questions what became of proposals */
	} worker;
	struct {
		uint64_t fingerprints; /* new ones of one service or deploy that make a storm */
		uint64_t window_ms;
	} storm;
	struct {
		uint64_t samples; /* reports of one incident that are kept */
	} incidents;
	struct {
		uint64_t raw_ms;  /* how long what production said is kept */
		uint64_t kept_ms; /* how long what `case cancel --keep` kept is kept */
	} retention;
	struct {
		uint64_t bytes;	  /* what the state directory may hold; 0: its file system */
		uint64_t stop;	  /* per cent of it from which no case is begun */
		uint64_t collect; /* per cent from which derived data is collected */
		uint64_t age_ms;  /* what is younger is left alone */
	} quota;
	struct {
		char *witness; /* file or directory that each checkpoint is appended to, or NULL */
		bool bodies;   /* keep what models were asked and answered, by digest */
	} audit;
	struct objlist models; /* struct model_endpoint */
	struct {
		struct strlist listen;	/* ADDRESS:PORT or the absolute path of a socket */
		struct objlist sources; /* struct intake_from */
		uint64_t max_report, max_memory, max_backlog; /* bytes */
		uint64_t connections, timeout_ms, rate, burst;
		uint64_t request_ms;  /* from its first byte to its last */
		uint64_t per_address; /* connections; not counted on loopback and sockets */
	} intake;
	struct objlist forges;	    /* struct forge_place (runtime/proto/broker_forge.h) */
	struct notify_place notify; /* who is told; url NULL: nobody */
	struct objlist registries;  /* struct registry_place (runtime/proto/broker_registry.h) */
	char *prometheus;	    /* where the worker writes its figures, or NULL */
};

/* path NULL: the default file, which may be missing; a file that was named may not. */
int host_config_load(const char *path, struct host_config *out, struct err *e);
void host_config_release(struct host_config *c);
/* Of the places where models are what the file's table cannot say; part of loading. */
int host_config_check_models(const struct host_config *c, struct err *e);
/* The endpoint and the model of ENDPOINT/MODEL; NULL and e: it is not configured. */
const struct model_endpoint *host_config_model(const struct host_config *c, const char *name,
					       const struct model_price **price, struct err *e);
/* The service file of a service by its name: services/NAME.json; free() it. */
char *host_config_service(const struct host_config *c, const char *name);
