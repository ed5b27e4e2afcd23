/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/proto/model.h"

#include <stddef.h>

const char *const model_protocol_words[] = {
	"turn", "anthropic-messages", "openai-chat", "openai-responses", "google-generate", NULL
};

#define TOKENS_MAX (1ull << 40)
#define TOKENS(field, text)                                                                      \
	{                                                                                        \
		.name = #field, .kind = JMAP_U64, .offset = offsetof(struct model_usage, field), \
		.max = TOKENS_MAX, .help = (text)                                                \
	}

const struct jmap model_usage_map[] = {
	{ .name = "known",
	  .kind = JMAP_BOOL,
	  .offset = offsetof(struct model_usage, known),
	  .help = "the provider said it" },
	TOKENS(input, "tokens read"),
	TOKENS(output, "tokens written"),
	TOKENS(cached, "of those read, from the provider's cache"),
	TOKENS(cache_write, "of those read, written to the provider's cache"),
	TOKENS(reasoning, "of those written, not shown"),
	{ 0 },
};
