/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "agent/host/gate/model_impl.h"

/*
 * What goes to a provider is looked through string by string, keys and ids
 * included: what the policy's redaction rules match and what production said
 * is masked.  A whole string that is a word of the protocols is no secret of
 * anybody, and without it a request could not be read any more.
 */
struct mask {
	const struct model_looking *at;
	size_t masked;
	struct err *e;
};

/* Sorted. */
static const char *const protocol_words[] = {
	"additionalProperties",
	"any",
	"args",
	"argument",
	"arguments",
	"array",
	"assistant",
	"auto",
	"bash",
	"boolean",
	"cache_control",
	"call",
	"call_id",
	"content",
	"contents",
	"custom",
	"default",
	"description",
	"developer",
	"effort",
	"enum",
	"ephemeral",
	"error",
	"false",
	"format",
	"function",
	"functionCall",
	"functionDeclarations",
	"functionResponse",
	"function_call",
	"function_call_output",
	"generationConfig",
	"high",
	"id",
	"image",
	"include",
	"input",
	"input_schema",
	"input_text",
	"instructions",
	"integer",
	"is_error",
	"items",
	"json_schema",
	"low",
	"max_completion_tokens",
	"max_output",
	"max_output_tokens",
	"max_tokens",
	"maximum",
	"medium",
	"message",
	"messages",
	"metadata",
	"minimum",
	"model",
	"name",
	"none",
	"null",
	"number",
	"object",
	"opaque",
	"output",
	"output_text",
	"parallel_tool_calls",
	"parameters",
	"parts",
	"properties",
	"reasoning",
	"required",
	"response",
	"result",
	"role",
	"schema",
	"signature",
	"source",
	"store",
	"stream",
	"strict",
	"string",
	"summary",
	"system",
	"systemInstruction",
	"temperature",
	"text",
	"thinking",
	"tool",
	"tool_call_id",
	"tool_calls",
	"tool_choice",
	"tool_result",
	"tool_use",
	"tool_use_id",
	"tools",
	"top_p",
	"true",
	"type",
	"user",
	"value",
};

static int by_word(const void *a, const void *b)
{
	return strcmp(a, *(const char *const *)b);
}

static bool is_protocol_word(const char *s)
{
	return bsearch(s, protocol_words, sizeof(protocol_words) / sizeof(protocol_words[0]),
		       sizeof(protocol_words[0]), by_word) != NULL;
}

/* Where the digest of a string is, if nothing was found in it before; NULL: no memory of it. */
static uint8_t *place_of(const struct mask *m, const uint8_t digest[SHA256_LEN])
{
	struct model_clean *c = m->at->clean;

	if (!c)
		return NULL;
	if (c->of != m->at->p) {
		memset(c, 0, sizeof(*c));
		c->of = m->at->p;
	}
	return c->digest[(digest[0] | (size_t)digest[1] << 8) % MODEL_CLEAN];
}

static json_t *look_through(struct mask *m, const char *s, size_t n)
{
	AUTO_BUF struct buf text = BUF_INIT(MODEL_MAX_REQUEST);
	AUTO_BUF struct buf out = BUF_INIT(MODEL_MAX_REQUEST);
	const struct buf *end = &text;
	size_t found = 0;
	bool hit = false;
	json_t *v;

	buf_put(&text, s, n);
	if (buf_check(&text, "a string of the request", m->e) < 0 ||
	    policy_redact(m->at->p, &text, &hit, m->e) < 0)
		return NULL;
	if (m->at->values) {
		if (redact_mask(m->at->values, true, text.p ? text.p : "", text.n, &out, &found,
				m->e) < 0)
			return NULL;
		end = &out;
	}
	m->masked += found + hit;
	v = json_stringn(end->p ? end->p : "", end->n);
	if (!v)
		(void)err_set(m->e, EILSEQ, "a masked string is not UTF-8");
	return v;
}

static json_t *mask_text(struct mask *m, const char *s, size_t n)
{
	const size_t before = m->masked;
	uint8_t digest[SHA256_LEN];
	uint8_t *place;
	json_t *v;

	sha256_of(s, n, digest);
	place = place_of(m, digest);
	if (place && memcmp(place, digest, SHA256_LEN) == 0)
		return json_stringn(s, n);
	v = look_through(m, s, n);
	if (v && place && m->masked == before)
		memcpy(place, digest, SHA256_LEN);
	return v;
}

/* A number of production, as what a tool is given; a request's own numbers were checked. */
static json_t *mask_number(struct mask *m, const json_t *v)
{
	AUTO_FREE char *text = json_dumps(v, JSON_ENCODE_ANY);
	struct redact_hit hit;
	const int k = text && m->at->values
			      ? redact_find(m->at->values, true, text, strlen(text), &hit, m->e)
			      : 0;

	if (k < 0 || !text)
		return NULL;
	m->masked += (size_t)k;
	return k ? json_string(REDACT_MASK) : json_deep_copy(v);
}

static json_t *mask_value(struct mask *m, const json_t *v, unsigned depth);

static json_t *mask_object(struct mask *m, const json_t *v, unsigned depth)
{
	AUTO_JSON json_t *copy = json_object();
	const char *key;
	json_t *member;

	json_object_foreach((json_t *)(uintptr_t)v, key, member) {
		AUTO_JSON json_t *name =
			is_protocol_word(key) ? json_string(key) : mask_text(m, key, strlen(key));
		json_t *value = name ? mask_value(m, member, depth + 1) : NULL;

		if (!value || json_object_set_new(copy, json_string_value(name), value) < 0)
			return NULL;
	}
	return take_ptr(copy);
}

static json_t *mask_array(struct mask *m, const json_t *v, unsigned depth)
{
	AUTO_JSON json_t *copy = json_array();
	json_t *member;
	size_t i;

	json_array_foreach(v, i, member) {
		json_t *value = mask_value(m, member, depth + 1);

		if (!value || json_array_append_new(copy, value) < 0)
			return NULL;
	}
	return take_ptr(copy);
}

static json_t *mask_value(struct mask *m, const json_t *v, unsigned depth)
{
	if (json_is_string(v))
		return is_protocol_word(json_string_value(v))
			       ? json_deep_copy(v)
			       : mask_text(m, json_string_value(v), json_string_length(v));
	if (json_is_object(v))
		return mask_object(m, v, depth);
	if (json_is_array(v))
		return mask_array(m, v, depth);
	if (json_is_number(v) && depth > 3) /* deeper than any setting of a request */
		return mask_number(m, v);
	return json_deep_copy(v);
}

json_t *model_mask(const struct model_looking *at, const json_t *body, size_t *masked,
		   struct err *e)
{
	struct mask m = { .at = at, .e = e };
	json_t *out = mask_value(&m, body, 1);

	*masked = m.masked;
	if (!out && !e->code)
		(void)err_set(e, ENOMEM, "out of memory");
	return out;
}
