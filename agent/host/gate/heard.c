/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/host/gate/heard.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/case/calls.h"
#include "agent/host/gate/monitor.h"
#include "agent/host/incident/values.h"
#include "runtime/base/fd.h"
#include "runtime/base/sha256.h"

#define SCHEMA	  "sickbay.heard/1"
#define HEARD_MAX (4u << 20)
#define SAME_MAX  300 /* answers that are kept to one question */

/* The same question of the same role, for the nth time in this run. */
static int make_key(struct monitor *m, const json_t *question, char key[HEARD_KEY])
{
	AUTO_FREE char *text = json_dumps(question, JSON_COMPACT | JSON_SORT_KEYS);
	uint8_t digest[SHA256_LEN];
	char hex[SHA256_HEX];
	json_int_t times;

	if (!text)
		return monitor_no_memory(m);
	sha256_of(text, strlen(text), digest);
	sha256_hex(digest, hex);
	hex[32] = '\0';
	times = json_integer_value(json_object_get(m->heard, hex)) + 1;
	if (!m->heard)
		m->heard = json_object();
	if (json_object_set_new(m->heard, hex, json_integer(times)) < 0)
		return monitor_no_memory(m);
	if (times > SAME_MAX)
		return 0;
	(void)snprintf(key, HEARD_KEY, "heard-%.9s-%s-%lld.json", policy_role_name(m->s->role), hex,
		       (long long)times);
	return 0;
}

/* What cannot be read is not there: it is asked again, which costs no more than time. */
static json_t *read_kept(const struct monitor *m, const char *key)
{
	AUTO_BUF struct buf text = BUF_INIT(HEARD_MAX);
	AUTO_JSON json_t *v = NULL;
	struct err none = ERR_INIT;
	char name[HEARD_KEY + 16];

	(void)snprintf(name, sizeof(name), CALLS_DIR "/%s", key);
	if (file_read_at(case_dir(m->s->kase), name, HEARD_MAX, &text, &none) < 0 || !text.p)
		return NULL;
	v = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	if (record_is(v, SCHEMA, name, &none) < 0)
		return NULL;
	return json_incref(json_object_get(v, "body"));
}

int heard_before(struct monitor *m, json_t *question, char key[HEARD_KEY], json_t **body)
{
	AUTO_JSON json_t *own = question;

	key[0] = '\0';
	*body = NULL;
	if (!m->s->kase)
		return 0;
	if (!own)
		return monitor_no_memory(m);
	if (make_key(m, own, key) < 0)
		return -m->e->code;
	*body = *key ? read_kept(m, key) : NULL;
	if (!*body)
		return 0;
	return audit_note(m->s->world->audit, "gate.again",
			  json_pack("{s:s,s:s}", "role", policy_role_name(m->s->role), "kept", key),
			  m->e) < 0
		       ? -m->e->code
		       : 1;
}

int heard_keep(struct monitor *m, const char *key, const json_t *body)
{
	AUTO_JSON json_t *masked = NULL;
	AUTO_JSON json_t *record = NULL;
	AUTO_FREE char *text = NULL;
	AUTO_CLOSE int at = -1;

	if (!*key)
		return 0;
	masked = m->s->values ? values_mask(m->s->values, body, m->e) : json_deep_copy(body);
	if (!masked)
		return m->e->code ? -m->e->code : monitor_no_memory(m);
	record = json_pack("{s:s,s:O}", "schema", SCHEMA, "body", masked);
	text = record ? json_dumps(record, JSON_INDENT(1) | JSON_ENSURE_ASCII) : NULL;
	if (!text)
		return monitor_no_memory(m);
	if (dir_make_at(case_dir(m->s->kase), CALLS_DIR, 0700, m->e) < 0)
		return -m->e->code;
	at = fd_open_beneath(case_dir(m->s->kase), CALLS_DIR, O_RDONLY | O_DIRECTORY, 0, m->e);
	return at < 0 ? at : file_publish_at(at, key, text, strlen(text), 0600, m->e);
}
