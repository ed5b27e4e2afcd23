/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/broker/provider_try.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void a_turn_becomes_a_request(void)
{
	struct err e = ERR_INIT;
	AUTO_JSON json_t *got =
		written(MODEL_RESPONSES, MODEL_TURN, true, 0,
			"{'system':'be good','max_output':900,'messages':["
			"{'role':'user','content':[{'type':'text','text':'heal'}]},"
			"{'role':'assistant','content':["
			"{'type':'opaque','value':{'type':'reasoning','id':'rs','summary':[],'"
			"encrypted_content':'gAAA'}},"
			"{'type':'opaque','value':{'thoughtSignature':'x'}},{'type':'text','text':'"
			"I look'},"
			"{'type':'call','id':'c1','name':'run','input':{'a':1}}]},"
			"{'role':'user','content':[{'type':'result','id':'c1','text':'r1'}]}],"
			"'tools':[{'name':'run','description':'runs','schema':{'type':'object'}}]}",
			&e);

	CHECK_JSON(got,
		   "{'model':'m-1','stream':true,'store':false,'max_output_tokens':900,'"
		   "instructions':'be good',"
		   "'include':['reasoning.encrypted_content'],"
		   "'tools':[{'type':'function','name':'run','description':'runs','parameters':{'"
		   "type':'object'},'strict':false}],"
		   "'input':[{'type':'message','role':'user','content':'heal'},"
		   "{'type':'reasoning','id':'rs','summary':[],'encrypted_content':'gAAA'},"
		   "{'type':'message','role':'assistant','content':'I look'},"
		   "{'type':'function_call','call_id':'c1','name':'run','arguments':'{\\'a\\':1}'},"
		   "{'type':'function_call_output','call_id':'c1','output':'r1'}]}");
}

static void a_wire_request_keeps_what_is_known(void)
{
	struct err e = ERR_INIT;
	AUTO_JSON json_t *got = written(
		MODEL_RESPONSES, MODEL_RESPONSES, true, 2000,
		"{'model':'theirs','store':true,'stream':true,'metadata':{'a':'b'},'previous_"
		"response_id':null,"
		"'background':false,'client_metadata':{'x':'y'},'instructions':'i','prompt_cache_"
		"key':'k',"
		"'include':['reasoning.encrypted_content','web_search_call.action.sources'],"
		"'reasoning':{'effort':'high','summary':'auto','x':1},'text':{'verbosity':'low'},"
		"'tools':[{'type':'function','name':'f','parameters':{},'strict':false},{'type':'"
		"web_search'},"
		"{'type':'custom','name':'p','format':{'type':'grammar','syntax':'lark','"
		"definition':'d'}},"
		"{'type':'mcp','server_url':'u'},{'type':'local_shell'}],"
		"'input':[{'role':'user','content':[{'type':'input_text','text':'t'}]},"
		"{'type':'custom_tool_call','call_id':'c','name':'p','input':'i'},"
		"{'type':'custom_tool_call_output','call_id':'c','output':'o'},"
		"{'type':'function_call_output','call_id':'d','output':[{'type':'input_text','text'"
		":'o'}]}]}",
		&e);

	CHECK_JSON(got, "{'model':'m-1','store':false,'stream':true,'instructions':'i','prompt_"
			"cache_key':'k',"
			"'max_output_tokens':2000,'include':['reasoning.encrypted_content'],"
			"'reasoning':{'effort':'high','summary':'auto'},'text':{'verbosity':'low'},"
			"'tools':[{'type':'function','name':'f','parameters':{},'strict':false},"
			"{'type':'custom','name':'p','format':{'type':'grammar','syntax':'lark','"
			"definition':'d'}},"
			"{'type':'local_shell'}],"
			"'input':[{'role':'user','content':[{'type':'input_text','text':'t'}]},"
			"{'type':'custom_tool_call','call_id':'c','name':'p','input':'i'},"
			"{'type':'custom_tool_call_output','call_id':'c','output':'o'},"
			"{'type':'function_call_output','call_id':'d','output':[{'type':'input_"
			"text','text':'o'}]}]}");
}

static void what_must_not_reach_a_provider_is_refused_by_name(void)
{
	check_refused(MODEL_RESPONSES, MODEL_RESPONSES, "{'input':'x','previous_response_id':'r'}",
		      "/previous_response_id: nothing is stored at the provider: send it inline");
	check_refused(MODEL_RESPONSES, MODEL_RESPONSES, "{'input':'x','background':true}",
		      "/background: an answer made in the background is stored");
	check_refused(MODEL_RESPONSES, MODEL_RESPONSES,
		      "{'input':[{'role':'user','content':[{'type':'input_image','image_url':'"
		      "https://x/'}]}]}",
		      "/input/0/content/0/image_url: a URL would make the provider fetch it: send "
		      "it inline ('data:...')");
	check_refused(MODEL_RESPONSES, MODEL_RESPONSES,
		      "{'input':[{'role':'user','content':[{'type':'input_file','file_url':'https:/"
		      "/x/'}]}]}",
		      "/input/0/content/0/file_url: a URL would make the provider fetch it: send "
		      "it inline");
	check_refused(MODEL_RESPONSES, MODEL_RESPONSES,
		      "{'input':[{'type':'item_reference','id':'i'}]}",
		      "/input/0: nothing is stored at the provider: send it inline");
	check_refused(MODEL_RESPONSES, MODEL_RESPONSES, "{'input':[{'type':'mcp_call'}]}",
		      "/input/0: a part of a tool that the provider runs itself is not passed on");
}

#define RESPONSE(status, output, rest)                                                          \
	"{'id':'resp_1','object':'response','created_at':1,'status':'" status "','error':null," \
	"'incomplete_details':null,'model':'m','output':[" output "],'leak':1" rest "}"
#define REASONING "{'id':'rs','type':'reasoning','summary':[],'encrypted_content':'gAAA'}"
#define MESSAGE                                                                            \
	"{'id':'msg','type':'message','status':'completed','role':'assistant','content':[" \
	"{'type':'output_text','text':'I look','annotations':[],'logprobs':[]}]}"
#define CALL                                                                                  \
	"{'id':'fc','type':'function_call','status':'completed','call_id':'c1','name':'run'," \
	"'arguments':'{\\'cmd\\':\\'ls\\'}'}"
#define USAGE                                                                       \
	",'usage':{'input_tokens':100,'input_tokens_details':{'cached_tokens':60}," \
	"'output_tokens':20,'output_tokens_details':{'reasoning_tokens':5},'total_tokens':120}"

static const char *const stream[] = {
	"response.created {'type':'response.created','sequence_number':0,'response':" RESPONSE(
		"in_progress", "", ",'usage':null") "}",
	"response.output_item.added "
	"{'type':'response.output_item.added','output_index':0,'item':{'id':'rs','type':'reasoning'"
	",'summary':[]}}",
	"response.output_item.done "
	"{'type':'response.output_item.done','output_index':0,'item':" REASONING "}",
	"response.output_item.added "
	"{'type':'response.output_item.added','output_index':1,'item':{'id':'msg','type':'message',"
	"'status':'in_progress','role':'assistant','content':[]}}",
	"response.output_text.delta "
	"{'type':'response.output_text.delta','item_id':'msg','output_index':1,'content_index':0,'"
	"delta':'I look','logprobs':[],'obfuscation':'aaaa'}",
	"response.output_item.done "
	"{'type':'response.output_item.done','output_index':1,'item':" MESSAGE "}",
	"response.novel {'type':'response.novel','x':[]}",
	"response.function_call_arguments.delta "
	"{'type':'response.function_call_arguments.delta','item_id':'fc','output_index':2,'delta':'"
	"{'}",
	"response.output_item.done "
	"{'type':'response.output_item.done','output_index':2,'item':" CALL "}",
	"response.completed {'type':'response.completed','response':" RESPONSE(
		"completed", REASONING "," MESSAGE "," CALL, USAGE) "}",
	NULL,
};
static const char as_turn[] =
	"{'stop':'tool','content':[{'type':'opaque','value':" REASONING "},"
	"{'type':'text','text':'I "
	"look'},{'type':'call','id':'c1','name':'run','input':{'cmd':'ls'}}]}";

static void a_stream_becomes_a_turn(void)
{
	AUTO_FED struct fed f = feed(MODEL_RESPONSES, true, stream, N(stream));

	CHECK_INT(f.last, 1);
	CHECK_JSON(f.answer, as_turn);
	CHECK(f.usage.known);
	CHECK_INT(f.usage.input, 100);
	CHECK_INT(f.usage.cached, 60);
	CHECK_INT(f.usage.output, 20);
	CHECK_INT(f.usage.reasoning, 5);
	check_truncated(MODEL_RESPONSES, stream, N(stream) - 2);
}

static void items_that_no_event_brought_are_taken_from_the_end(void)
{
	const char *const events[] = { stream[0], stream[9], NULL };
	AUTO_FED struct fed f = feed(MODEL_RESPONSES, true, events, 9);

	CHECK_JSON(f.answer, as_turn);
}

static void a_stream_on_the_wire_keeps_known_members(void)
{
	AUTO_FED struct fed f = feed(MODEL_RESPONSES, false, stream, N(stream));

	CHECK_INT(f.last, 1);
	CHECK_INT(json_array_size(f.kept), N(stream) - 2); /* the novel event is not passed on */
	CHECK_JSON(json_array_get(f.kept, 4), "{'type':'response.output_text.delta','item_id':'msg'"
					      ",'output_index':1,'content_index':0,"
					      "'delta':'I look','logprobs':[]}");
	CHECK_JSON(json_array_get(f.kept, 8),
		   "{'type':'response.completed','response':{'id':'resp_1','object':'response','"
		   "created_at':1,"
		   "'status':'completed','error':null,'incomplete_details':null,'model':'m','"
		   "output':[" REASONING "," MESSAGE "," CALL "]" USAGE "}}");
}

static void a_body_becomes_a_turn_or_stays_a_body(void)
{
	AUTO_FED struct fed turn =
		feed_body(MODEL_RESPONSES, true,
			  RESPONSE("completed", REASONING "," MESSAGE "," CALL, USAGE));
	AUTO_FED struct fed cut =
		feed_body(MODEL_RESPONSES, true,
			  "{'id':'r','status':'incomplete','incomplete_details':{'reason':'max_"
			  "output_tokens'},'output':[" MESSAGE "]}");

	CHECK_JSON(turn.kept, as_turn);
	CHECK_JSON(cut.kept, "{'stop':'length','content':[{'type':'text','text':'I look'}]}");
	CHECK(!cut.usage.known);
}

static void rubbish_is_refused_with_its_place(void)
{
	check_garbage(MODEL_RESPONSES, "- {}", "event '' is of type ''");
	check_garbage(MODEL_RESPONSES, "x {'type':'response.created'}",
		      "event 'x' is of type 'response.created'");
	check_garbage(MODEL_RESPONSES, "- {'type':'response.completed'}",
		      "event 'response.completed' before the answer begins");
	check_garbage(MODEL_RESPONSES, "- {'type':'response.created','response':{'id':1}}",
		      "event 'response.created': /response/id: must be a string");
	check_garbage(MODEL_RESPONSES,
		      "- {'type':'response.created','item':{'type':'web_search_call'}}",
		      "event 'response.created': /item: 'web_search_call' is not a kind that is "
		      "known here");
}

static void check_error(const char *event, const char *want)
{
	AUTO_JSON json_t *data = parsed(event);
	AUTO_FREE char *text = json_dumps(data, 0);
	AUTO_JSON json_t *kept = provider_error(provider_of(MODEL_RESPONSES), text, strlen(text));

	CHECK_JSON(kept, want);
}

static void a_providers_own_error_is_said_in_its_words(void)
{
	const char *const failed[] = {
		stream[0],
		"- "
		"{'type':'response.failed','response':{'id':'r','status':'failed','error':{'code':'"
		"rate_limit_exceeded','message':'slow'}}}",
		NULL
	};
	const char *const error[] = {
		stream[0], "error {'type':'error','code':'server_error','message':'oops'}", NULL
	};
	AUTO_FED struct fed a = feed(MODEL_RESPONSES, false, failed, 9);
	AUTO_FED struct fed b = feed(MODEL_RESPONSES, false, error, 9);

	CHECK_INT(a.last, -EREMOTEIO);
	CHECK_STR(a.e.msg, "the provider says: rate_limit_exceeded: slow");
	CHECK_INT(b.last, -EREMOTEIO);
	CHECK_STR(b.e.msg, "the provider says: server_error: oops");
	check_error(failed[1] + 2, "{'error':{'code':'rate_limit_exceeded','message':'slow'}}");
	check_error(error[1] + 6,
		    "{'error':{'type':'error','code':'server_error','message':'oops'}}");
}

TAP_MAIN(TEST(a_turn_becomes_a_request), TEST(a_wire_request_keeps_what_is_known),
	 TEST(what_must_not_reach_a_provider_is_refused_by_name), TEST(a_stream_becomes_a_turn),
	 TEST(items_that_no_event_brought_are_taken_from_the_end),
	 TEST(a_stream_on_the_wire_keeps_known_members),
	 TEST(a_body_becomes_a_turn_or_stays_a_body), TEST(rubbish_is_refused_with_its_place),
	 TEST(a_providers_own_error_is_said_in_its_words))
