/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/jmap.h"
#include "runtime/base/msg.h"
#include "runtime/decode/decode_formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * One input through one decoder: a refusal says why, and what is accepted
 * can be sent and comes back the same.
 */
static inline void fuzz_decoder_with(const uint8_t *data, size_t size, const json_t *options,
				     int (*decode)(const struct source *, json_t **, struct err *))
{
	char *text = malloc(size + 1);
	struct source in = { .name = "fuzz", .text = text, .n = size, .options = options };
	AUTO_BUF struct buf wire = BUF_INIT(MSG_MAX);
	AUTO_JSON json_t *value = NULL;
	AUTO_JSON json_t *back = NULL;
	struct err e = ERR_INIT;

	if (!text)
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (decode(&in, &value, &e) < 0) {
		if (e.code <= 0 || e.msg[0] == '\0' || value)
			__builtin_trap();
	} else if (!value || e.code) {
		__builtin_trap();
	} else if (msg_encode(value, &wire, &e) == 0 &&
		   (msg_decode(wire.p, wire.n, &back, &e) < 0 || !json_equal(value, back))) {
		__builtin_trap();
	}
	free(text);
}

static inline void fuzz_decoder(const uint8_t *data, size_t size,
				int (*decode)(const struct source *, json_t **, struct err *))
{
	fuzz_decoder_with(data, size, NULL, decode);
}
