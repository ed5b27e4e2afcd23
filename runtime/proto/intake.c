/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proto/intake.h"

#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "runtime/proto/broker_forge.h"
#include "runtime/proto/rows.h"

const char *const intake_kind_words[] = {
	"sentry", "sentry-event", "otlp-traces", "otlp-logs", "alertmanager", "native", "text",
	"github", "gitlab",	  "gitea",	 NULL
};

#define COUNT_MAX (1ull << 53)

const struct jmap intake_source_map[] = {
	TEXT(intake_source, name, 1, 64, "name of the source"),
	TEXT(intake_source, token_sha256, 1, 64, "digest of its token"),
	NUMBER(intake_source, rate, 1u << 20, "reports a second"),
	NUMBER(intake_source, burst, 1u << 20, "reports at once"),
	{ 0 },
};

const struct jmap intake_hook_map[] = {
	TEXT(intake_hook, name, 1, 64, "name of the forge"),
	{ .name = "kind",
	  .kind = JMAP_ENUM,
	  .offset = offsetof(struct intake_hook, kind),
	  .required = 1,
	  .words = forge_kind_words,
	  .help = "what it is" },
	TEXT(intake_hook, file, 1, 4096, "file with its secret"),
	NUMBER(intake_hook, place, INTAKE_HOOKS - 1, "among the host's forges"),
	{ 0 },
};

const struct jmap intake_setup_map[] = {
	{ .name = "sources",
	  .kind = JMAP_LIST,
	  .offset = offsetof(struct intake_setup, sources),
	  .required = 1,
	  .max = INTAKE_SOURCES,
	  .sub = intake_source_map,
	  .size = sizeof(struct intake_source),
	  .help = "who may send" },
	NUMBER(intake_setup, max_body, 1u << 30, "bytes of one request"),
	NUMBER(intake_setup, max_memory, 1ull << 40, "bytes of all requests under way"),
	NUMBER(intake_setup, max_backlog, 1ull << 50, "bytes that may wait"),
	NUMBER(intake_setup, segment, 1u << 30, "bytes of a segment"),
	NUMBER(intake_setup, connections, 65536, "connections at one time"),
	NUMBER(intake_setup, timeout_ms, COUNT_MAX, "longest wait for a client"),
	NUMBER(intake_setup, request_ms, COUNT_MAX, "longest time of a request"),
	NUMBER(intake_setup, per_address, 65536, "connections of one address"),
	NUMBER(intake_setup, rate, 1u << 20, "reports a second of one source"),
	NUMBER(intake_setup, burst, 1u << 20, "reports of one source at once"),
	{ 0 },
};

const struct jmap intake_segment_map[] = {
	NUMBER(intake_segment, number, COUNT_MAX, "of the segment"),
	NUMBER(intake_segment, bytes, COUNT_MAX, "of it are on disk"),
	{ 0 },
};

const struct jmap intake_backlog_map[] = {
	NUMBER(intake_backlog, bytes, COUNT_MAX, "not digested yet"),
	{ 0 },
};

const struct jmap intake_durable_map[] = {
	NUMBER(intake_durable, segment, COUNT_MAX, "which one"),
	NUMBER(intake_durable, bytes, COUNT_MAX, "of it are on disk"),
	NUMBER(intake_durable, reports, COUNT_MAX, "accepted"),
	NUMBER(intake_durable, refused_rate, COUNT_MAX, "refused: too many"),
	NUMBER(intake_durable, refused_backlog, COUNT_MAX, "refused: too much waits"),
	NUMBER(intake_durable, refused_token, COUNT_MAX, "refused: no token of a source"),
	NUMBER(intake_durable, refused_other, COUNT_MAX, "refused: not as it should be"),
	NUMBER(intake_durable, slow, COUNT_MAX, "connections that took too long"),
	NUMBER(intake_durable, crowded, COUNT_MAX, "connections that were too many"),
	NUMBER(intake_durable, ignored, COUNT_MAX, "events of forges that say nothing here"),
	{ 0 },
};

/* ---- records ---- */

static uint32_t crc_step(uint32_t crc, const uint8_t *p, size_t n)
{
	static uint32_t table[256];

	if (!table[1])
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t c = i;

			for (int k = 0; k < 8; k++)
				c = c & 1 ? (c >> 1) ^ 0xedb88320u : c >> 1;
			table[i] = c;
		}
	while (n--)
		crc = (crc >> 8) ^ table[(crc ^ *p++) & 0xff];
	return crc;
}

static uint32_t crc_of(const uint8_t *header, const void *payload, size_t n)
{
	uint32_t crc = crc_step(0xffffffffu, header, INTAKE_HEADER - 4);

	return ~crc_step(crc, payload, n);
}

static void put32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static void put64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

void intake_put(const struct intake_record *r, const void *payload, uint8_t header[INTAKE_HEADER])
{
	memset(header, 0, INTAKE_HEADER);
	put32(header, INTAKE_MAGIC);
	put32(header + 4, r->length);
	put64(header + 8, r->number);
	put64(header + 16, r->received_ns);
	header[24] = (uint8_t)(r->source & 0xff);
	header[25] = (uint8_t)(r->source >> 8);
	header[26] = r->kind;
	header[27] = r->encoding;
	header[28] = r->protobuf;
	put32(header + 32, crc_of(header, payload, r->length));
}

int64_t intake_get(const uint8_t *p, size_t n, struct intake_record *out, const uint8_t **payload)
{
	if (n < INTAKE_HEADER)
		return 0;
	if (get32(p) != INTAKE_MAGIC)
		return -EBADMSG;
	*out = (struct intake_record){ .number = get64(p + 8),
				       .received_ns = get64(p + 16),
				       .length = get32(p + 4),
				       .source = (uint16_t)(p[24] | (p[25] << 8)),
				       .kind = p[26],
				       .encoding = p[27],
				       .protobuf = p[28] != 0 };
	if (n - INTAKE_HEADER < out->length)
		return 0;
	if (get32(p + 32) != crc_of(p, p + INTAKE_HEADER, out->length))
		return -EBADMSG;
	*payload = p + INTAKE_HEADER;
	return (int64_t)INTAKE_HEADER + out->length;
}
