/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/broker/provider_try.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void the_path_names_the_model_and_nothing_else(void)
{
	AUTO_BUF struct buf out = BUF_INIT(256);
	struct err e = ERR_INIT;
	const struct provider_request rq = { .model = "../x?y", .stream = true };
	const struct provider_request plain = { .model = "gemini-2.5-pro" };

	CHECK_INT(provider_of(MODEL_GOOGLE)->path(&rq, &out, &e), 0);
	CHECK_STR(out.p, "/v1beta/models/..%2Fx%3Fy:streamGenerateContent?alt=sse");
	buf_reset(&out);
	CHECK_INT(provider_of(MODEL_GOOGLE)->path(&plain, &out, &e), 0);
	CHECK_STR(out.p, "/v1beta/models/gemini-2.5-pro:generateContent");
}

static void check_url(int protocol, const char *base, const char *want)
{
	AUTO_BUF struct buf out = BUF_INIT(512);
	struct err e = ERR_INIT;
	const struct provider_request rq = { .model = "m" };

	CHECK_INT(provider_url(provider_of(protocol), base, &rq, &out, &e), 0);
	CHECK_STR(out.p, want);
}

static void a_base_url_may_say_the_version_or_not(void)
{
	check_url(MODEL_CHAT, "https://a.example", "https://a.example/v1/chat/completions");
	check_url(MODEL_CHAT, "https://a.example/", "https://a.example/v1/chat/completions");
	check_url(MODEL_CHAT, "https://a.example/v1", "https://a.example/v1/chat/completions");
	check_url(MODEL_CHAT, "https://a.example/paas/v4/",
		  "https://a.example/paas/v4/chat/completions");
	check_url(MODEL_CHAT, "https://a.example/v1beta/openai",
		  "https://a.example/v1beta/openai/chat/completions");
	check_url(MODEL_RESPONSES, "http://127.0.0.1:8/v1", "http://127.0.0.1:8/v1/responses");
	check_url(MODEL_ANTHROPIC, "https://a.example/anthropic",
		  "https://a.example/anthropic/v1/messages");
	check_url(MODEL_ANTHROPIC, "https://a.example/v1", "https://a.example/v1/messages");
	check_url(MODEL_GOOGLE, "https://a.example",
		  "https://a.example/v1beta/models/m:generateContent");
	check_url(MODEL_GOOGLE, "https://a.example/v1",
		  "https://a.example/v1/models/m:generateContent");
}

static void a_turn_becomes_a_request(void)
{
	struct err e = ERR_INIT;
	AUTO_JSON json_t *got =
		written(MODEL_GOOGLE, MODEL_TURN, true, 50,
			"{'system':'be good','max_output':900,'messages':["
			"{'role':'user','content':[{'type':'text','text':'heal'}]},"
			"{'role':'assistant','content':[{'type':'text','text':'I look'},"
			"{'type':'opaque','value':{'thoughtSignature':'c2ln'}},"
			"{'type':'call','id':'own-call-1','name':'run','input':{'a':1}},"
			"{'type':'call','id':'theirs','name':'stop','input':{}}]},"
			"{'role':'user','content':[{'type':'result','id':'own-call-1','text':'r1'},"
			"{'type':'result','id':'theirs','text':'r2','error':true}]}],"
			"'tools':[{'name':'run','description':'runs','schema':{'type':'object'}}]}",
			&e);

	CHECK_JSON(
		got,
		"{'generationConfig':{'maxOutputTokens':50},'systemInstruction':{'parts':[{'text':'"
		"be good'}]},"
		"'tools':[{'functionDeclarations':[{'name':'run','description':'runs','"
		"parametersJsonSchema':{'type':'object'}}]}],"
		"'contents':[{'role':'user','parts':[{'text':'heal'}]},"
		"{'role':'model','parts':[{'text':'I look'},"
		"{'functionCall':{'name':'run','args':{'a':1}},'thoughtSignature':'c2ln'},"
		"{'functionCall':{'id':'theirs','name':'stop','args':{}}}]},"
		"{'role':'user','parts':[{'functionResponse':{'name':'run','response':{'output':'"
		"r1'}}},"
		"{'functionResponse':{'id':'theirs','name':'stop','response':{'error':'r2'}}}]}]}");
	check_refused(MODEL_GOOGLE, MODEL_TURN,
		      "{'system':'','messages':[{'role':'user','content':[{'type':'result','id':'x'"
		      ",'text':''}]}]}",
		      "/messages/0: a result of 'x', which was not called");
}

static void a_wire_request_keeps_what_is_known(void)
{
	struct err e = ERR_INIT;
	AUTO_JSON json_t *got =
		written(MODEL_GOOGLE, MODEL_GOOGLE, true, 2000,
			"{'contents':[{'role':'user','parts':[{'text':'t','x':1},{'inlineData':{'"
			"mimeType':'image/png','data':'AA=='}}]},"
			"{'role':'model','parts':[{'functionCall':{'name':'f','args':{}},'"
			"thoughtSignature':'s'}]}],"
			"'tools':[{'googleSearch':{}},{'functionDeclarations':[{'name':'f','"
			"parameters':{}}],'codeExecution':{}}],"
			"'toolConfig':{'functionCallingConfig':{'mode':'AUTO'}},'labels':{'a':'b'},"
			"'generationConfig':{'temperature':1,'maxOutputTokens':65536,'"
			"thinkingConfig':{'includeThoughts':true,'thinkingBudget':-1}}}",
			&e);

	CHECK_JSON(got, "{'contents':[{'role':'user','parts':[{'text':'t'},{'inlineData':{'"
			"mimeType':'image/png','data':'AA=='}}]},"
			"{'role':'model','parts':[{'functionCall':{'name':'f','args':{}},'"
			"thoughtSignature':'s'}]}],"
			"'tools':[{'functionDeclarations':[{'name':'f','parameters':{}}]}],"
			"'toolConfig':{'functionCallingConfig':{'mode':'AUTO'}},"
			"'generationConfig':{'temperature':1,'maxOutputTokens':2000,'"
			"thinkingConfig':{'includeThoughts':true,'thinkingBudget':-1}}}");
}

static void what_must_not_reach_a_provider_is_refused_by_name(void)
{
	check_refused(
		MODEL_GOOGLE, MODEL_GOOGLE,
		"{'contents':[{'parts':[{'fileData':{'fileUri':'u'}}]}]}",
		"/contents/0/parts/0/fileData: nothing is stored at the provider: send it inline");
	check_refused(MODEL_GOOGLE, MODEL_GOOGLE, "{'contents':[],'cachedContent':'c'}",
		      "/cachedContent: nothing is stored at the provider: send it inline");
	check_refused(MODEL_GOOGLE, MODEL_GOOGLE,
		      "{'contents':[],'generationConfig':{'candidateCount':2}}",
		      "/generationConfig/candidateCount: one answer is asked for at a time");
}

#define PIECE(part, more)                                                                          \
	"- {'candidates':[{'content':{'parts':[" part "],'role':'model'},'index':0" more "}],"     \
	"'usageMetadata':{'promptTokenCount':100,'candidatesTokenCount':15,'thoughtsTokenCount':"  \
	"5,"                                                                                       \
	"'cachedContentTokenCount':60,'totalTokenCount':120},'modelVersion':'m','responseId':'r'," \
	"'leak':1}"

static const char *const stream[] = {
	PIECE("{'text':'hm','thought':true}", ""),
	PIECE("{'text':'I '}", ""),
	PIECE("{'text':'look'}", ""),
	PIECE("{'functionCall':{'name':'run','args':{'cmd':'ls'}},'thoughtSignature':'c2ln'},{'"
	      "functionCall':{'id':'x','name':'stop'}}",
	      ""),
	PIECE("{'text':''}", ",'finishReason':'STOP'"),
	NULL,
};

static void a_stream_becomes_a_turn(void)
{
	AUTO_FED struct fed f = feed(MODEL_GOOGLE, true, stream, N(stream));

	CHECK_INT(f.last, 0);
	CHECK(f.ended);
	CHECK_JSON(f.answer, "{'stop':'tool','content':[{'type':'text','text':'I look'},"
			     "{'type':'opaque','value':{'thoughtSignature':'c2ln'}},"
			     "{'type':'call','id':'own-call-2','name':'run','input':{'cmd':'ls'}},"
			     "{'type':'call','id':'x','name':'stop','input':{}}]}");
	CHECK(f.usage.known);
	CHECK_INT(f.usage.input, 100);
	CHECK_INT(f.usage.cached, 60);
	CHECK_INT(f.usage.output, 20);
	CHECK_INT(f.usage.reasoning, 5);
	check_truncated(MODEL_GOOGLE, stream, N(stream) - 2);
}

static void a_stream_on_the_wire_keeps_known_members(void)
{
	AUTO_FED struct fed f = feed(MODEL_GOOGLE, false, stream, N(stream));

	CHECK_INT(json_array_size(f.kept), N(stream) - 1);
	CHECK_JSON(json_array_get(f.kept, 1),
		   "{'candidates':[{'content':{'parts':[{'text':'I '}],'role':'model'},'index':0}],"
		   "'usageMetadata':{'promptTokenCount':100,'candidatesTokenCount':15,'"
		   "thoughtsTokenCount':5,"
		   "'cachedContentTokenCount':60,'totalTokenCount':120},'modelVersion':'m','"
		   "responseId':'r'}");
}

static void a_body_becomes_a_turn_and_a_block_is_a_refusal(void)
{
	AUTO_FED struct fed turn = feed_body(MODEL_GOOGLE, true,
					     "{'candidates':[{'content':{'parts':[{'text':'hi'}]},'"
					     "finishReason':'MAX_TOKENS'}]}");
	AUTO_FED struct fed blocked = feed_body(MODEL_GOOGLE, true,
						"{'promptFeedback':{'blockReason':'SAFETY'},'"
						"usageMetadata':{'promptTokenCount':3}}");

	CHECK_JSON(turn.kept, "{'stop':'length','content':[{'type':'text','text':'hi'}]}");
	CHECK_JSON(blocked.kept, "{'stop':'refused','content':[]}");
	CHECK_INT(blocked.usage.input, 3);
	CHECK(blocked.usage.known);
}

static void rubbish_is_refused_with_its_place(void)
{
	check_garbage(MODEL_GOOGLE, "- [1]", "event: /: must be an object");
	check_garbage(MODEL_GOOGLE,
		      "- {'candidates':[{'content':{'parts':[{'functionCall':{}}]}}]}",
		      "event: /candidates/0/content/parts/0/functionCall/name: is missing");
	check_garbage(MODEL_GOOGLE, "- {'candidates':[{},{}]}", "/candidates: one was asked for");
	check_garbage(MODEL_GOOGLE,
		      "- {'candidates':[{'content':{'parts':[{'fileData':{'a':1}}]}}]}",
		      "event: /candidates/0/content/parts/0/fileData: nothing is stored at the "
		      "provider: send it inline");
}

static void a_providers_own_error_is_said_in_its_words(void)
{
	const char *const events[] = {
		"- {'error':{'code':429,'message':'slow','status':'RESOURCE_EXHAUSTED'}}", NULL
	};
	AUTO_FED struct fed f = feed(MODEL_GOOGLE, false, events, 1);

	CHECK_INT(f.last, -EREMOTEIO);
	CHECK_STR(f.e.msg, "the provider says: RESOURCE_EXHAUSTED: slow");
}

TAP_MAIN(TEST(the_path_names_the_model_and_nothing_else),
	 TEST(a_base_url_may_say_the_version_or_not), TEST(a_turn_becomes_a_request),
	 TEST(a_wire_request_keeps_what_is_known),
	 TEST(what_must_not_reach_a_provider_is_refused_by_name), TEST(a_stream_becomes_a_turn),
	 TEST(a_stream_on_the_wire_keeps_known_members),
	 TEST(a_body_becomes_a_turn_and_a_block_is_a_refusal),
	 TEST(rubbish_is_refused_with_its_place), TEST(a_providers_own_error_is_said_in_its_words))
