/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/broker/provider_google.h"

/* Google generateContent: the members that are passed on, of requests and of answers. */

#define STORED	    "nothing is stored at the provider: send it inline"
#define SERVER_SIDE "a part of a tool that the provider runs itself is not passed on"

static const struct keep blob[] = {
	{ .name = "mimeType", .types = KEEP_STR, .required = true },
	{ .name = "data", .types = KEEP_STR, .required = true },
	{ 0 },
};
static const struct keep function_call[] = {
	{ .name = "id", .types = KEEP_STR },
	{ .name = "name", .types = KEEP_STR, .required = true },
	{ .name = "args", .types = KEEP_OBJ },
	{ 0 },
};
static const struct keep function_response[] = {
	{ .name = "id", .types = KEEP_STR },
	{ .name = "name", .types = KEEP_STR, .required = true },
	{ .name = "response", .types = KEEP_OBJ, .required = true },
	{ 0 },
};
static const struct keep part[] = {
	{ .name = "text", .types = KEEP_STR },
	{ .name = "thought", .types = KEEP_BOOL },
	{ .name = "thoughtSignature", .types = KEEP_STR },
	{ .name = "inlineData", .types = KEEP_OBJ, .sub = blob },
	{ .name = "functionCall", .types = KEEP_OBJ, .sub = function_call },
	{ .name = "functionResponse", .types = KEEP_OBJ, .sub = function_response },
	{ .name = "fileData", .refuse = STORED },
	{ .name = "executableCode", .refuse = SERVER_SIDE },
	{ .name = "codeExecutionResult", .refuse = SERVER_SIDE },
	{ 0 },
};
static const struct keep content[] = {
	{ .name = "role", .types = KEEP_STR },
	{ .name = "parts", .types = KEEP_LIST, .each = KEEP_OBJ, .sub = part },
	{ 0 },
};
static const struct keep declaration[] = {
	{ .name = "name", .types = KEEP_STR, .required = true },
	{ .name = "description", .types = KEEP_STR },
	{ .name = "parameters", .types = KEEP_OBJ },
	{ .name = "parametersJsonSchema", .types = KEEP_OBJ },
	{ .name = "response", .types = KEEP_OBJ },
	{ .name = "responseJsonSchema", .types = KEEP_OBJ },
	{ 0 },
};
static const struct keep tool[] = {
	{ .name = "functionDeclarations",
	  .types = KEEP_LIST,
	  .each = KEEP_OBJ,
	  .sub = declaration },
	{ 0 },
};
static const struct keep calling[] = {
	{ .name = "mode", .types = KEEP_STR },
	{ .name = "allowedFunctionNames", .types = KEEP_LIST, .each = KEEP_STR },
	{ 0 },
};
static const struct keep tool_config[] = {
	{ .name = "functionCallingConfig", .types = KEEP_OBJ, .sub = calling },
	{ 0 },
};
static const struct keep safety[] = {
	{ .name = "category", .types = KEEP_STR, .required = true },
	{ .name = "threshold", .types = KEEP_STR, .required = true },
	{ 0 },
};
static const struct keep thinking[] = {
	{ .name = "includeThoughts", .types = KEEP_BOOL },
	{ .name = "thinkingBudget", .types = KEEP_INT },
	{ .name = "thinkingLevel", .types = KEEP_STR },
	{ 0 },
};
static const struct keep config[] = {
	{ .name = "temperature", .types = KEEP_NUM },
	{ .name = "topP", .types = KEEP_NUM },
	{ .name = "topK", .types = KEEP_NUM },
	{ .name = "candidateCount", .types = KEEP_INT },
	{ .name = "maxOutputTokens", .types = KEEP_INT },
	{ .name = "stopSequences", .types = KEEP_LIST, .each = KEEP_STR },
	{ .name = "responseMimeType", .types = KEEP_STR },
	{ .name = "responseSchema", .types = KEEP_OBJ },
	{ .name = "responseJsonSchema", .types = KEEP_OBJ },
	{ .name = "presencePenalty", .types = KEEP_NUM },
	{ .name = "frequencyPenalty", .types = KEEP_NUM },
	{ .name = "seed", .types = KEEP_INT },
	{ .name = "responseLogprobs", .types = KEEP_BOOL },
	{ .name = "logprobs", .types = KEEP_INT },
	{ .name = "mediaResolution", .types = KEEP_STR },
	{ .name = "thinkingConfig", .types = KEEP_OBJ, .sub = thinking },
	{ 0 },
};
const struct keep google_request[] = {
	{ .name = "systemInstruction", .types = KEEP_OBJ, .sub = content },
	{ .name = "tools", .types = KEEP_LIST, .each = KEEP_OBJ, .sub = tool },
	{ .name = "toolConfig", .types = KEEP_OBJ, .sub = tool_config },
	{ .name = "contents",
	  .types = KEEP_LIST,
	  .each = KEEP_OBJ,
	  .required = true,
	  .sub = content },
	{ .name = "safetySettings", .types = KEEP_LIST, .each = KEEP_OBJ, .sub = safety },
	{ .name = "generationConfig", .types = KEEP_OBJ, .sub = config },
	{ .name = "cachedContent", .refuse = STORED },
	{ 0 },
};

static const struct keep rating[] = {
	{ .name = "category", .types = KEEP_STR },
	{ .name = "probability", .types = KEEP_STR },
	{ .name = "blocked", .types = KEEP_BOOL },
	{ 0 },
};
static const struct keep candidate[] = {
	{ .name = "content", .types = KEEP_OBJ, .sub = content },
	{ .name = "finishReason", .types = KEEP_STR },
	{ .name = "finishMessage", .types = KEEP_STR },
	{ .name = "index", .types = KEEP_INT },
	{ .name = "safetyRatings", .types = KEEP_LIST, .each = KEEP_OBJ, .sub = rating },
	{ .name = "tokenCount", .types = KEEP_INT },
	{ .name = "avgLogprobs", .types = KEEP_NUM },
	{ 0 },
};
static const struct keep modality[] = {
	{ .name = "modality", .types = KEEP_STR },
	{ .name = "tokenCount", .types = KEEP_INT },
	{ 0 },
};
static const struct keep usage[] = {
	{ .name = "promptTokenCount", .types = KEEP_INT },
	{ .name = "cachedContentTokenCount", .types = KEEP_INT },
	{ .name = "candidatesTokenCount", .types = KEEP_INT },
	{ .name = "toolUsePromptTokenCount", .types = KEEP_INT },
	{ .name = "thoughtsTokenCount", .types = KEEP_INT },
	{ .name = "totalTokenCount", .types = KEEP_INT },
	{ .name = "promptTokensDetails", .types = KEEP_LIST, .each = KEEP_OBJ, .sub = modality },
	{ .name = "cacheTokensDetails", .types = KEEP_LIST, .each = KEEP_OBJ, .sub = modality },
	{ .name = "candidatesTokensDetails",
	  .types = KEEP_LIST,
	  .each = KEEP_OBJ,
	  .sub = modality },
	{ 0 },
};
static const struct keep feedback[] = {
	{ .name = "blockReason", .types = KEEP_STR },
	{ .name = "safetyRatings", .types = KEEP_LIST, .each = KEEP_OBJ, .sub = rating },
	{ 0 },
};
const struct keep google_answer[] = {
	{ .name = "candidates", .types = KEEP_LIST, .each = KEEP_OBJ, .sub = candidate },
	{ .name = "promptFeedback", .types = KEEP_OBJ, .sub = feedback },
	{ .name = "usageMetadata", .types = KEEP_OBJ, .sub = usage },
	{ .name = "modelVersion", .types = KEEP_STR },
	{ .name = "responseId", .types = KEEP_STR },
	{ .name = "createTime", .types = KEEP_STR },
	{ 0 },
};
static const struct keep error_words[] = {
	{ .name = "code", .types = KEEP_INT },
	{ .name = "message", .types = KEEP_STR, .required = true },
	{ .name = "status", .types = KEEP_STR },
	{ 0 },
};
const struct keep google_error[] = {
	{ .name = "error", .types = KEEP_OBJ, .required = true, .sub = error_words },
	{ 0 },
};
