/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/notify.h"
#include "agent/host/cli/cli.h"
#include "agent/host/queue/queue.h"
#include "runtime/base/log.h"
#include "runtime/base/opt.h"
#include "runtime/base/sha256.h"
#include "runtime/proto/broker_notify.h"

/* Sends the notes that wait to the host's webhook, each in the log first. */

struct notify_run {
	struct host_config config;
	char dir[PATH_MAX];
	struct audit *audit;
	struct broker *broker;
	size_t sent;
};

static int open_broker(struct notify_run *r, struct err *e)
{
	struct notify_place place = r->config.notify;
	AUTO_FREE char *secret = NULL;
	struct broker_setup setup = { 0 };
	int k = broker_credential(place.secret, &secret, e);

	if (k < 0)
		return k;
	place.secret = secret;
	setup.notify = jmap_write(notify_place_map, &place);
	k = setup.notify ? broker_open(&setup, &r->broker, e) : err_set(e, ENOMEM, "out of memory");
	json_decref(setup.notify);
	return k;
}

static int in_the_log(struct notify_run *r, const json_t *v, const char *body, struct err *e)
{
	uint8_t digest[SHA256_LEN];
	char hex[SHA256_HEX];

	sha256_of(body, strlen(body), digest);
	sha256_hex(digest, hex);
	return audit_commit(r->audit, "notify",
			    json_pack("{s:O*,s:O*,s:O*,s:s}", "event", json_object_get(v, "event"),
				      "service", json_object_get(v, "service"), "of",
				      json_object_get(v, "case"), "sha256", hex),
			    e);
}

/* 1: it waits for another time; 0: it is done with, one way or the other. */
static int send_one(struct notify_run *r, const char *name, struct err *e)
{
	AUTO_JSON json_t *v = NULL;
	AUTO_FREE char *body = NULL;
	struct notify_end end = { 0 };
	int k = notify_read(r->dir, name, &v, e);

	if (k == -ENOENT || k == -EBADMSG) {
		log_warn("%s", e->msg);
		notify_drop(r->dir, name);
		return 0;
	}
	body = k == 0 ? json_dumps(v, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	if (k == 0 && !body)
		k = err_set(e, ENOMEM, "out of memory");
	if (k == 0)
		k = in_the_log(r, v, body, e);
	if (k == 0)
		k = notify_ask(r->broker, body, &end, e);
	if (k == 0 && end.result != NOTIFY_OK)
		log_warn("the webhook does not take '%s': %s%s",
			 json_string_value(json_object_get(v, "event")),
			 end.message ? end.message : "",
			 end.result == NOTIFY_LATER ? "; later" : ", and is not asked again");
	if (k == 0 && end.result == NOTIFY_LATER)
		k = 1;
	else if (k == 0)
		notify_drop(r->dir, name);
	r->sent += k == 0 && end.result == NOTIFY_OK;
	jmap_release(notify_end_map, &end);
	return k;
}

static int send_all(struct notify_run *r, struct err *e)
{
	struct strlist waiting = { 0 };
	int k = notify_waiting(r->dir, &waiting, e);

	if (k == 0 && waiting.n)
		k = audit_open(r->dir, &r->audit, e);
	if (k == 0 && waiting.n)
		k = open_broker(r, e);
	for (size_t i = 0; k == 0 && i < waiting.n; i++)
		k = send_one(r, waiting.v[i], e);
	strlist_release(&waiting);
	return k;
}

static int notify_send_cmd(int argc, char **argv, struct err *e)
{
	const char *state = NULL, *config = NULL;
	const struct opt opts[] = {
		{ "state", OPT_STR, &state, "DIR", "state directory" },
		{ "config", OPT_STR, &config, "FILE", "the host's configuration" },
		{ 0 },
	};
	struct notify_run r = { 0 };
	int n, k;

	if (opt_parse(opts, false, argc, argv, &n, e) < 0)
		return CLI_USAGE;
	if (n != 0)
		return cli_usage(e, "notify send takes no operands");
	k = queue_host(config, state, &r.config, r.dir, e);
	if (k == 0 && !r.config.notify.url)
		k = err_set(e, ENOENT,
			    "no webhook is configured: name it under \"notify\" "
			    "(sickbay-config(5))");
	if (k == 0)
		k = send_all(&r, e);
	if (k >= 0)
		(void)printf("%zu sent%s\n", r.sent, k == 1 ? ", others wait" : "");
	broker_close(r.broker);
	audit_close(r.audit);
	host_config_release(&r.config);
	return k == 0 ? CLI_OK : CLI_FAILED;
}

int cmd_notify(int argc, char **argv, struct err *e)
{
	static const struct command table[] = {
		{ "send", notify_send_cmd, "[--config FILE] [--state DIR]",
		  "notes that wait, to the host's webhook" },
		{ 0 },
	};

	return cli_dispatch(table, "notify", argc, argv, e);
}
