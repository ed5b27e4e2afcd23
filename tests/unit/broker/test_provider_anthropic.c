/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/broker/provider_try.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void a_turn_becomes_a_request(void)
{
	struct err e = ERR_INIT;
	AUTO_JSON json_t *got = written(
		MODEL_ANTHROPIC, MODEL_TURN, true, 50,
		"{'system':'be good','max_output':900,'messages':["
		"{'role':'user','content':[{'type':'text','text':'heal'}]},"
		"{'role':'assistant','content':["
		"{'type':'opaque','value':{'type':'thinking','thinking':'hm','signature':'c2ln'}},"
		"{'type':'opaque','value':{'reasoning_content':'of another provider'}},"
		"{'type':'text','text':''},"
		"{'type':'call','id':'t1','name':'run','input':{'a':[1,{'b':null}]}}]},"
		"{'role':'user','content':[{'type':'result','id':'t1','text':'no','error':true}]}],"
		"'tools':[{'name':'run','description':'runs','schema':{'type':'object'}}]}",
		&e);

	CHECK_JSON(
		got,
		"{'model':'m-1','max_tokens':50,'stream':true,"
		"'system':[{'type':'text','text':'be good','cache_control':{'type':'ephemeral'}}],"
		"'tools':[{'name':'run','description':'runs','input_schema':{'type':'object'}}],"
		"'messages':["
		"{'role':'user','content':[{'type':'text','text':'heal'}]},"
		"{'role':'assistant','content':["
		"{'type':'thinking','thinking':'hm','signature':'c2ln'},"
		"{'type':'tool_use','id':'t1','name':'run','input':{'a':[1,{'b':null}]}}]},"
		"{'role':'user','content':[{'type':'tool_result','tool_use_id':'t1','content':'no',"
		"'is_error':true,'cache_control':{'type':'ephemeral'}}]}]}");
	CHECK_INT(e.code, 0);
}

static void a_wire_request_keeps_what_is_known(void)
{
	struct err e = ERR_INIT;
	AUTO_JSON json_t *got =
		written(MODEL_ANTHROPIC, MODEL_ANTHROPIC, true, 2000,
			"{'model':'theirs','max_tokens':32000,'stream':false,'unknown':{'x':1},"
			"'system':[{'type':'text','text':'s','cache_control':{'type':'ephemeral','"
			"ttl':'1h','scope':'global'}}],"
			"'thinking':{'type':'enabled','budget_tokens':31999},'metadata':{'user_id':"
			"'u','more':1},"
			"'tools':[{'type':'web_search_20250305','name':'web_search'},"
			"{'name':'Bash','description':'d','input_schema':{'type':'object'},'eager_"
			"input_streaming':true}],"
			"'tool_choice':{'type':'auto','disable_parallel_tool_use':true},"
			"'context_management':{'edits':[]},'mcp_servers':[],'container':null,"
			"'messages':[{'role':'user','content':'plain'},{'role':'user','content':["
			"{'type':'image','source':{'type':'base64','media_type':'image/"
			"png','data':'AA=='}},"
			"{'type':'tool_result','tool_use_id':'t','content':[{'type':'text','text':'"
			"r'}]}]}]}",
			&e);

	CHECK_JSON(got,
		   "{'model':'m-1','max_tokens':2000,'stream':true,"
		   "'system':[{'type':'text','text':'s','cache_control':{'type':'ephemeral','ttl':'"
		   "1h'}}],"
		   "'thinking':{'type':'enabled','budget_tokens':1999},'metadata':{'user_id':'u'},"
		   "'tools':[{'name':'Bash','description':'d','input_schema':{'type':'object'}}],"
		   "'tool_choice':{'type':'auto','disable_parallel_tool_use':true},"
		   "'messages':[{'role':'user','content':'plain'},{'role':'user','content':["
		   "{'type':'image','source':{'type':'base64','media_type':'image/"
		   "png','data':'AA=='}},"
		   "{'type':'tool_result','tool_use_id':'t','content':[{'type':'text','text':'r'}]}"
		   "]}]}");
}

#define CONTENT(block) "{'messages':[{'role':'user','content':[" block "]}]}"

static void what_must_not_reach_a_provider_is_refused_by_name(void)
{
	check_refused(MODEL_ANTHROPIC, MODEL_ANTHROPIC,
		      CONTENT("{'type':'image','source':{'type':'url','url':'x'}}"),
		      "/messages/0/content/0/source: a URL would make the provider fetch it: send "
		      "it inline");
	check_refused(MODEL_ANTHROPIC, MODEL_ANTHROPIC,
		      CONTENT("{'type':'document','source':{'type':'file','file_id':'f'}}"),
		      "/messages/0/content/0/source: a file that the provider stored is not passed "
		      "on: send it inline");
	check_refused(MODEL_ANTHROPIC, MODEL_ANTHROPIC, CONTENT("{'type':'mcp_tool_use'}"),
		      "/messages/0/content/0: a part of a tool that the provider runs itself is "
		      "not passed on");
	check_refused(MODEL_ANTHROPIC, MODEL_ANTHROPIC,
		      "{'messages':[],'mcp_servers':[{'url':'x'}]}",
		      "/mcp_servers: the provider would connect to other servers");
	check_refused(MODEL_ANTHROPIC, MODEL_ANTHROPIC, CONTENT("{'type':'novel'}"),
		      "/messages/0/content/0: 'novel' is not a kind that is known here");
}

static void wrong_types_are_refused_with_their_place(void)
{
	check_refused(MODEL_ANTHROPIC, MODEL_ANTHROPIC, "{}", "/messages: is missing");
	check_refused(MODEL_ANTHROPIC, MODEL_ANTHROPIC,
		      "{'messages':[{'role':'user','content':7}]}",
		      "/messages/0/content: must be a string or an array");
	check_refused(MODEL_ANTHROPIC, MODEL_ANTHROPIC, "[]", "/: must be an object");
	check_refused(MODEL_ANTHROPIC, MODEL_TURN, "{'system':'','messages':[]}",
		      "/messages: at least one is needed");
	check_refused(MODEL_ANTHROPIC, MODEL_TURN,
		      "{'system':'','messages':[{'role':'system','content':[]}]}",
		      "/messages/0/role: must be 'user' or 'assistant'");
	check_refused(MODEL_ANTHROPIC, MODEL_TURN,
		      "{'system':'','messages':[{'role':'user','content':[{'type':'call','id':'','"
		      "name':'','input':3}]}]}",
		      "/messages/0/content/0/input: must be an object");
	check_refused(MODEL_ANTHROPIC, MODEL_TURN,
		      "{'system':'','messages':[{'role':'user','content':[]}],"
		      "'tools':[{'name':'a b','description':'','schema':{}}]}",
		      "/tools/0/name: must be 1 to 64 letters, digits, '_' or '-'");
}

static const char *const stream[] = {
	"message_start "
	"{'type':'message_start','message':{'id':'msg_1','type':'message','role':'assistant',"
	"'model':'m','content':[],'stop_reason':null,'stop_sequence':null,'leak':1,'usage':{'input_"
	"tokens':10,"
	"'cache_creation_input_tokens':200,'cache_read_input_tokens':3000,'output_tokens':1}}}",
	"content_block_start "
	"{'type':'content_block_start','index':0,'content_block':{'type':'thinking','thinking':'','"
	"signature':''}}",
	"ping {'type':'ping'}",
	"content_block_delta "
	"{'type':'content_block_delta','index':0,'delta':{'type':'thinking_delta','thinking':'let "
	"'}}",
	"content_block_delta "
	"{'type':'content_block_delta','index':0,'delta':{'type':'thinking_delta','thinking':'me'}"
	"}",
	"content_block_delta "
	"{'type':'content_block_delta','index':0,'delta':{'type':'signature_delta','signature':'"
	"c2ln'}}",
	"content_block_stop {'type':'content_block_stop','index':0}",
	"content_block_start "
	"{'type':'content_block_start','index':1,'content_block':{'type':'text','text':''}}",
	"content_block_delta "
	"{'type':'content_block_delta','index':1,'delta':{'type':'text_delta','text':'I '}}",
	"content_block_delta "
	"{'type':'content_block_delta','index':1,'delta':{'type':'text_delta','text':'look'}}",
	"content_block_stop {'type':'content_block_stop','index':1}",
	"novel {'type':'novel','x':1}",
	"content_block_start "
	"{'type':'content_block_start','index':2,'content_block':{'type':'tool_use','id':'t1','"
	"name':'run','input':{}}}",
	"content_block_delta "
	"{'type':'content_block_delta','index':2,'delta':{'type':'input_json_delta','partial_json':"
	"''}}",
	"content_block_delta "
	"{'type':'content_block_delta','index':2,'delta':{'type':'input_json_delta','partial_json':"
	"'{\\'cmd\\':'}}",
	"content_block_delta "
	"{'type':'content_block_delta','index':2,'delta':{'type':'input_json_delta','partial_json':"
	"'\\'ls\\'}'}}",
	"content_block_stop {'type':'content_block_stop','index':2}",
	"message_delta "
	"{'type':'message_delta','delta':{'stop_reason':'tool_use','stop_sequence':null},'usage':{'"
	"output_tokens':42}}",
	"message_stop {'type':'message_stop'}",
	NULL,
};

static void a_stream_becomes_a_turn(void)
{
	AUTO_FED struct fed f = feed(MODEL_ANTHROPIC, true, stream, N(stream));

	CHECK_INT(f.last, 1);
	CHECK_JSON(f.answer, "{'stop':'tool','content':["
			     "{'type':'opaque','value':{'type':'thinking','thinking':'let "
			     "me','signature':'c2ln'}},"
			     "{'type':'text','text':'I look'},"
			     "{'type':'call','id':'t1','name':'run','input':{'cmd':'ls'}}]}");
	CHECK(f.usage.known);
	CHECK_INT(f.usage.input, 3210);
	CHECK_INT(f.usage.cached, 3000);
	CHECK_INT(f.usage.cache_write, 200);
	CHECK_INT(f.usage.output, 42);
	CHECK_INT(json_array_size(f.kept), 0);
}

static void a_stream_on_the_wire_keeps_known_members(void)
{
	AUTO_FED struct fed f = feed(MODEL_ANTHROPIC, false, stream, N(stream));

	CHECK_INT(f.last, 1);
	CHECK_INT(json_array_size(f.kept), N(stream) - 2); /* the novel event is not passed on */
	CHECK_JSON(json_array_get(f.kept, 0), "{'type':'message_start','message':{'id':'msg_1','"
					      "type':'message','role':'assistant',"
					      "'model':'m','content':[],'stop_reason':null,'stop_"
					      "sequence':null,'usage':{'input_tokens':10,"
					      "'cache_creation_input_tokens':200,'cache_read_input_"
					      "tokens':3000,'output_tokens':1}}}");
	CHECK_INT(f.usage.output, 42);
}

static void a_cut_stream_is_not_whole_and_its_input_is_known(void)
{
	AUTO_FED struct fed f = feed(MODEL_ANTHROPIC, true, stream, 3);

	CHECK_INT(f.usage.input, 3210);
	CHECK(!f.usage.known);
	check_truncated(MODEL_ANTHROPIC, stream, N(stream) - 2);
}

static void an_input_that_is_no_json_is_a_call_that_says_so(void)
{
	const char *const events[] = {
		stream[0],
		"content_block_start "
		"{'type':'content_block_start','index':0,'content_block':{'type':'tool_use','id':'"
		"t','name':'n','input':{}}}",
		"content_block_delta "
		"{'type':'content_block_delta','index':0,'delta':{'type':'input_json_delta','"
		"partial_json':'{oops'}}",
		"content_block_stop {'type':'content_block_stop','index':0}",
		stream[17],
		stream[18],
		NULL,
	};
	AUTO_FED struct fed f = feed(MODEL_ANTHROPIC, true, events, N(events));
	const json_t *call;

	CHECK_INT(f.last, 1);
	call = json_array_get(json_object_get(f.answer, "content"), 0);
	CHECK_STR(json_string_value(json_object_get(call, "invalid")),
		  "arguments:1:5: string or '}' expected near 'oops'");
	CHECK_INT(json_object_size(json_object_get(call, "input")), 0);
}

/* What a model said has to come back in the next request, deeper than where it stood. */
static void an_input_that_nests_too_deep_is_a_call_that_says_so(void)
{
	AUTO_BUF struct buf body = BUF_INIT(4096);
	const json_t *call;

	buf_puts(&body,
		 "{'id':'','type':'','role':'','model':'','usage':{},'stop_reason':'tool_use',"
		 "'content':[{'type':'tool_use','id':'t','name':'n','input':");
	for (int i = 0; i < 18; i++)
		buf_puts(&body, "{'a':");
	buf_puts(&body, "1");
	for (int i = 0; i < 18; i++)
		buf_puts(&body, "}");
	buf_puts(&body, "}]}");
	AUTO_FED struct fed f = feed_body(MODEL_ANTHROPIC, true, body.p);

	call = json_array_get(json_object_get(f.kept, "content"), 0);
	CHECK_STR(json_string_value(json_object_get(call, "invalid")),
		  "arguments: nested too deep");
	CHECK_INT(json_object_size(json_object_get(call, "input")), 0);
}

static void a_body_becomes_a_turn_or_stays_a_body(void)
{
	static const char body[] =
		"{'id':'m','type':'message','role':'assistant','model':'x','secret':1,'content':["
		"{'type':'text','text':'hi','citations':null},{'type':'tool_use','id':'t','name':'"
		"n','input':{'a':1}}],"
		"'stop_reason':'max_tokens','stop_sequence':null,'usage':{'input_tokens':5,'output_"
		"tokens':6}}";
	AUTO_FED struct fed turn = feed_body(MODEL_ANTHROPIC, true, body);
	AUTO_FED struct fed wire = feed_body(MODEL_ANTHROPIC, false, body);

	CHECK_JSON(turn.kept, "{'stop':'length','content':[{'type':'text','text':'hi'},"
			      "{'type':'call','id':'t','name':'n','input':{'a':1}}]}");
	CHECK_JSON(wire.kept,
		   "{'id':'m','type':'message','role':'assistant','model':'x','content':["
		   "{'type':'text','text':'hi','citations':null},{'type':'tool_use','id':'t','name'"
		   ":'n','input':{'a':1}}],"
		   "'stop_reason':'max_tokens','stop_sequence':null,'usage':{'input_tokens':5,'"
		   "output_tokens':6}}");
	CHECK_INT(wire.usage.input, 5);
	CHECK(wire.usage.known);
}

static void rubbish_is_refused_with_its_place(void)
{
	check_garbage(MODEL_ANTHROPIC, "- <html>", "event:1:1: '[' or '{' expected near '<'");
	check_garbage(MODEL_ANTHROPIC, "- {'type':'ping','type':'ping'}",
		      "event:1:21: duplicate object key near '\"type\"'");
	check_garbage(MODEL_ANTHROPIC, "ping {'type':'message_stop'}",
		      "event 'ping' is of type 'message_stop'");
	check_garbage(MODEL_ANTHROPIC, "message_stop {'type':'message_stop'}",
		      "event 'message_stop' before the answer begins");
	check_garbage(MODEL_ANTHROPIC, "message_start {'type':'message_start','message':3}",
		      "event 'message_start': /message: must be an object");
	check_garbage(MODEL_ANTHROPIC,
		      "message_start "
		      "{'type':'message_start','message':{'id':'','type':'','role':'','model':'','"
		      "usage':{},"
		      "'content':[{'type':'server_tool_use'}]}}",
		      "event 'message_start': /message/content/0: 'server_tool_use' is not a kind "
		      "that is known here");
}

static void parts_come_in_order(void)
{
	const char *const never[] = { stream[0], stream[3], NULL };
	const char *const twice[] = { stream[0], stream[0], NULL };
	const char *const after[] = { stream[0], stream[17], stream[18], stream[2], NULL };
	AUTO_FED struct fed a = feed(MODEL_ANTHROPIC, true, never, 9);
	AUTO_FED struct fed b = feed(MODEL_ANTHROPIC, false, twice, 9);
	AUTO_FED struct fed c = feed(MODEL_ANTHROPIC, false, after, 9);

	CHECK_STR(a.e.msg, "part 0 of the answer goes on but never began");
	CHECK_STR(b.e.msg, "the answer begins twice");
	CHECK_INT(c.last, 1);
}

static void a_providers_own_error_is_said_in_its_words(void)
{
	static const char text[] = "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
				   "\"message\":\"Overloaded\",\"x\":1},\"request_id\":\"r\"}";
	const char *const events[] = {
		stream[0],
		"error {'type':'error','error':{'type':'overloaded_error','message':'Overloaded'}}",
		NULL
	};
	AUTO_FED struct fed f = feed(MODEL_ANTHROPIC, false, events, 9);
	AUTO_JSON json_t *kept =
		provider_error(provider_of(MODEL_ANTHROPIC), text, sizeof(text) - 1);

	CHECK_INT(f.last, -EREMOTEIO);
	CHECK_STR(f.e.msg, "the provider says: overloaded_error: Overloaded");
	CHECK_JSON(kept, "{'type':'error','error':{'type':'overloaded_error','message':'Overloaded'"
			 "},'request_id':'r'}");
	CHECK(provider_error(provider_of(MODEL_ANTHROPIC), "<html>", 6) == NULL);
}

static void depth_and_size_are_bounded(void)
{
	struct err e = ERR_INIT;
	AUTO_BUF struct buf deep = BUF_INIT(4096);
	AUTO_FREE char *big = malloc(MODEL_MAX_EVENT + 1);
	struct provider_reading *r = NULL;
	json_t *kept = NULL;

	buf_puts(&deep, "{'messages':[{'role':'user','content':[{'type':'tool_use','id':'','name':'"
			"','input':");
	for (int i = 0; i < 40; i++)
		buf_puts(&deep, "{'a':");
	buf_puts(&deep, "1");
	for (int i = 0; i < 40; i++)
		buf_puts(&deep, "}");
	buf_puts(&deep, "}]}]}");
	check_refused(MODEL_ANTHROPIC, MODEL_ANTHROPIC, deep.p,
		      "/messages/0/content/0/input: nested deeper than 24");
	memset(big, ' ', MODEL_MAX_EVENT + 1);
	CHECK(provider_reading_open(provider_of(MODEL_ANTHROPIC), true, &r, &e) == 0);
	CHECK_INT(provider_event(r, NULL, big, MODEL_MAX_EVENT + 1, &kept, &e), -E2BIG);
	CHECK_STR(e.msg, "event: 1048577 bytes, at most 1048576 are read");
	provider_reading_close(r);
}

TAP_MAIN(TEST(a_turn_becomes_a_request), TEST(a_wire_request_keeps_what_is_known),
	 TEST(what_must_not_reach_a_provider_is_refused_by_name),
	 TEST(wrong_types_are_refused_with_their_place), TEST(a_stream_becomes_a_turn),
	 TEST(a_stream_on_the_wire_keeps_known_members),
	 TEST(a_cut_stream_is_not_whole_and_its_input_is_known),
	 TEST(an_input_that_is_no_json_is_a_call_that_says_so),
	 TEST(an_input_that_nests_too_deep_is_a_call_that_says_so),
	 TEST(a_body_becomes_a_turn_or_stays_a_body), TEST(rubbish_is_refused_with_its_place),
	 TEST(parts_come_in_order), TEST(a_providers_own_error_is_said_in_its_words),
	 TEST(depth_and_size_are_bounded))
