/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/broker/provider_try.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void a_turn_becomes_a_request(void)
{
	struct err e = ERR_INIT;
	AUTO_JSON json_t *got = written(
		MODEL_CHAT, MODEL_TURN, true, 50,
		"{'system':'be good','max_output':900,'messages':["
		"{'role':'user','content':[{'type':'text','text':'heal'}]},"
		"{'role':'assistant','content':["
		"{'type':'opaque','value':{'reasoning_content':'hm'}},"
		"{'type':'opaque','value':{'type':'thinking','thinking':'x','signature':'y'}},"
		"{'type':'call','id':'t1','name':'run','input':{'a':1}},"
		"{'type':'call','id':'t2','name':'run','input':{}}]},"
		"{'role':'user','content':[{'type':'result','id':'t1','text':'r1'},"
		"{'type':'result','id':'t2','text':'r2','error':true},{'type':'text','text':'go "
		"on'}]}],"
		"'tools':[{'name':'run','description':'runs','schema':{'type':'object'}}]}",
		&e);

	CHECK_JSON(
		got,
		"{'model':'m-1','stream':true,'stream_options':{'include_usage':true},'max_"
		"completion_tokens':50,"
		"'tools':[{'type':'function','function':{'name':'run','description':'runs','"
		"parameters':{'type':'object'}}}],"
		"'messages':[{'role':'system','content':'be "
		"good'},{'role':'user','content':'heal'},"
		"{'role':'assistant','content':null,'reasoning_content':'hm','tool_calls':["
		"{'id':'t1','type':'function','function':{'name':'run','arguments':'{\\'a\\':1}'}},"
		"{'id':'t2','type':'function','function':{'name':'run','arguments':'{}'}}]},"
		"{'role':'tool','tool_call_id':'t1','content':'r1'},"
		"{'role':'tool','tool_call_id':'t2','content':'r2'},{'role':'user','content':'go "
		"on'}]}");
}

static void a_wire_request_keeps_what_is_known(void)
{
	struct err e = ERR_INIT;
	AUTO_JSON json_t *got = written(
		MODEL_CHAT, MODEL_CHAT, true, 2000,
		"{'model':'theirs','stream':false,'max_tokens':8000,'store':true,'metadata':{'a':'"
		"b'},'n':1,"
		"'stream_options':{'include_usage':false},'temperature':0.5,'parallel_tool_calls':"
		"true,"
		"'tools':[{'type':'function','function':{'name':'f','parameters':{}}},{'type':'web_"
		"search'}],"
		"'messages':[{'role':'system','content':[{'type':'text','text':'s','x':1}]},"
		"{'role':'assistant','content':null,'tool_calls':[{'id':'c','type':'function','"
		"function':{'name':'f','arguments':'{'}}]},"
		"{'role':'tool','tool_call_id':'c','content':'r'},"
		"{'role':'user','content':[{'type':'image_url','image_url':{'url':'data:image/"
		"png;base64,AA=='}}]}]}",
		&e);

	CHECK_JSON(got, "{'model':'m-1','stream':true,'max_tokens':2000,'n':1,'stream_options':{'"
			"include_usage':true},"
			"'temperature':0.5,'parallel_tool_calls':true,"
			"'tools':[{'type':'function','function':{'name':'f','parameters':{}}}],"
			"'messages':[{'role':'system','content':[{'type':'text','text':'s'}]},"
			"{'role':'assistant','content':null,'tool_calls':[{'id':'c','type':'"
			"function','function':{'name':'f','arguments':'{'}}]},"
			"{'role':'tool','tool_call_id':'c','content':'r'},"
			"{'role':'user','content':[{'type':'image_url','image_url':{'url':'data:"
			"image/png;base64,AA=='}}]}]}");
}

static void the_bound_of_output_is_never_more_than_the_body_asks_for(void)
{
	struct err e = ERR_INIT;
	AUTO_JSON json_t *less = written(MODEL_CHAT, MODEL_CHAT, false, 2000,
					 "{'messages':[],'max_completion_tokens':7}", &e);
	AUTO_JSON json_t *none = written(MODEL_CHAT, MODEL_CHAT, false, 0, "{'messages':[]}", &e);
	AUTO_JSON json_t *null =
		written(MODEL_CHAT, MODEL_CHAT, false, 9, "{'messages':[],'max_tokens':null}", &e);

	CHECK_JSON(less, "{'model':'m-1','stream':false,'messages':[],'max_completion_tokens':7}");
	CHECK_JSON(none, "{'model':'m-1','stream':false,'messages':[]}");
	CHECK_JSON(null, "{'model':'m-1','stream':false,'messages':[],'max_completion_tokens':9}");
}

static void what_must_not_reach_a_provider_is_refused_by_name(void)
{
	check_refused(MODEL_CHAT, MODEL_CHAT,
		      "{'messages':[{'role':'user','content':[{'type':'image_url','image_url':{'"
		      "url':'https://x/'}}]}]}",
		      "/messages/0/content/0/image_url/url: a URL would make the provider fetch "
		      "it: send it inline ('data:...')");
	check_refused(
		MODEL_CHAT, MODEL_CHAT,
		"{'messages':[{'role':'user','content':[{'type':'file','file':{'file_id':'f'}}]}]}",
		"/messages/0/content/0/file/file_id: what the provider stored is not passed on: "
		"send it inline");
	check_refused(MODEL_CHAT, MODEL_CHAT, "{'messages':[],'web_search_options':{'a':1}}",
		      "/web_search_options: the provider would search the web");
	check_refused(MODEL_CHAT, MODEL_CHAT, "{'messages':[],'n':2}",
		      "/n: one answer is asked for at a time");
	check_refused(MODEL_CHAT, MODEL_CHAT, "{'messages':[{'role':'user','content':[3]}]}",
		      "/messages/0/content/0: must be an object");
}

#define CHUNK(delta, reason)                                                                       \
	"- "                                                                                       \
	"{'id':'c','object':'chat.completion.chunk','created':1,'model':'m','leak':1,'choices':[{" \
	"'index':0,'delta':" delta ",'finish_reason':" reason "}]}"

static const char *const stream[] = {
	CHUNK("{'role':'assistant','content':''}", "null"),
	CHUNK("{'reasoning_content':'hm '}", "null"),
	CHUNK("{'reasoning_content':'hm'}", "null"),
	CHUNK("{'content':'I '}", "null"),
	CHUNK("{'content':'look'}", "null"),
	CHUNK("{'tool_calls':[{'index':0,'id':'t1','type':'function','function':{'name':'run','"
	      "arguments':''}}]}",
	      "null"),
	CHUNK("{'tool_calls':[{'index':0,'function':{'arguments':'{\\'cmd\\':'}}]}", "null"),
	CHUNK("{'tool_calls':[{'index':1,'id':'','type':'function','function':{'name':'run','"
	      "arguments':'{}'}}]}",
	      "null"),
	CHUNK("{'tool_calls':[{'index':0,'function':{'arguments':'\\'ls\\'}'}}]}", "null"),
	CHUNK("{}", "'tool_calls'"),
	"- "
	"{'id':'c','object':'chat.completion.chunk','created':1,'model':'m','choices':[],'usage':{'"
	"prompt_tokens':100,"
	"'completion_tokens':20,'total_tokens':120,'prompt_tokens_details':{'cached_tokens':60},"
	"'completion_tokens_details':{'reasoning_tokens':5}}}",
	"- [DONE]",
	NULL,
};

static void a_stream_becomes_a_turn(void)
{
	AUTO_FED struct fed f = feed(MODEL_CHAT, true, stream, N(stream));

	CHECK_INT(f.last, 1);
	CHECK_JSON(
		f.answer,
		"{'stop':'tool','content':[{'type':'opaque','value':{'reasoning_content':'hm hm'}},"
		"{'type':'text','text':'I look'},"
		"{'type':'call','id':'t1','name':'run','input':{'cmd':'ls'}},"
		"{'type':'call','id':'call-3','name':'run','input':{}}]}");
	CHECK(f.usage.known);
	CHECK_INT(f.usage.input, 100);
	CHECK_INT(f.usage.cached, 60);
	CHECK_INT(f.usage.output, 20);
	CHECK_INT(f.usage.reasoning, 5);
	check_truncated(MODEL_CHAT, stream, N(stream) - 2);
}

static void a_stream_on_the_wire_keeps_known_members(void)
{
	AUTO_FED struct fed f = feed(MODEL_CHAT, false, stream, N(stream));

	CHECK_INT(f.last, 1);
	CHECK_INT(json_array_size(f.kept), N(stream) - 2); /* the end mark has no data */
	CHECK_JSON(json_array_get(f.kept, 4),
		   "{'id':'c','object':'chat.completion.chunk','created':1,'model':'m',"
		   "'choices':[{'index':0,'delta':{'content':'look'},'finish_reason':null}]}");
}

static void a_body_becomes_a_turn_or_stays_a_body(void)
{
	static const char body[] =
		"{'id':'c','object':'chat.completion','created':1,'model':'m','choices':[{'index':"
		"0,'message':"
		"{'role':'assistant','content':'hi','refusal':null},'logprobs':null,'finish_reason'"
		":'stop'}],"
		"'usage':{'prompt_tokens':1,'completion_tokens':2,'total_tokens':3}}";
	AUTO_FED struct fed turn = feed_body(MODEL_CHAT, true, body);
	AUTO_FED struct fed wire = feed_body(MODEL_CHAT, false, body);

	CHECK_JSON(turn.kept, "{'stop':'end','content':[{'type':'text','text':'hi'}]}");
	CHECK_JSON(wire.kept, body);
	CHECK_INT(turn.usage.output, 2);
}

static void rubbish_is_refused_with_its_place(void)
{
	check_garbage(MODEL_CHAT, "- []", "event: /: must be an object");
	check_garbage(MODEL_CHAT, "- {'choices':{}}", "event: /choices: must be an array");
	check_garbage(MODEL_CHAT, "- [DONE]", "the answer ends before it began");
	check_garbage(MODEL_CHAT,
		      CHUNK("{'tool_calls':[{'index':0,'function':{'arguments':'x'}}]}", "null"),
		      "call 0 of the answer has no name");
	check_garbage(MODEL_CHAT,
		      CHUNK("{'tool_calls':[{'index':-5,'function':{'name':'x'}}]}", "null"),
		      "call -5 of the answer is out of order");
	check_garbage(MODEL_CHAT, "- {'choices':[{'index':1,'delta':{}}]}",
		      "/choices: one was asked for");
}

static void a_providers_own_error_is_said_in_its_words(void)
{
	const char *const events[] = {
		"- {'error':{'message':'busy','type':'server_error','code':503}}", NULL
	};
	AUTO_FED struct fed f = feed(MODEL_CHAT, false, events, 1);
	static const char text[] = "{\"error\":{\"message\":\"no\",\"type\":\"t\",\"param\":null,"
				   "\"code\":null,\"x\":1}}";
	AUTO_JSON json_t *kept = provider_error(provider_of(MODEL_CHAT), text, sizeof(text) - 1);

	CHECK_INT(f.last, -EREMOTEIO);
	CHECK_STR(f.e.msg, "the provider says: server_error: busy");
	CHECK_JSON(kept, "{'error':{'message':'no','type':'t','param':null,'code':null}}");
}

TAP_MAIN(TEST(a_turn_becomes_a_request), TEST(a_wire_request_keeps_what_is_known),
	 TEST(the_bound_of_output_is_never_more_than_the_body_asks_for),
	 TEST(what_must_not_reach_a_provider_is_refused_by_name), TEST(a_stream_becomes_a_turn),
	 TEST(a_stream_on_the_wire_keeps_known_members),
	 TEST(a_body_becomes_a_turn_or_stays_a_body), TEST(rubbish_is_refused_with_its_place),
	 TEST(a_providers_own_error_is_said_in_its_words))
