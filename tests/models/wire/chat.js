/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
// OpenAI Chat Completions: POST /v1/chat/completions

const { text, fragments, list, spelled } = require('./common.js');

exports.name = 'openai-chat';
exports.path = /\/chat\/completions$/;
exports.key = (headers) => (headers.authorization || '').replace(/^Bearer /, '');

// The results since the last assistant message: a call each.
function results(messages) {
	const from = messages.map((m) => m.role).lastIndexOf('assistant');
	return messages.slice(from + 1).filter((m) => m.role === 'tool')
		.map((m) => ({ id: m.tool_call_id, text: text(m.content), error: false }));
}

exports.read = (body) => {
	const messages = list(body.messages);
	const of = (...roles) => messages.filter((m) => roles.includes(m.role));
	return {
		model: body.model,
		stream: body.stream === true,
		usage_wanted: !!(body.stream_options && body.stream_options.include_usage),
		max_output: body.max_completion_tokens || body.max_tokens,
		system: of('system', 'developer').map((m) => text(m.content)).join('\n'),
		user: of('user').map((m) => text(m.content)).join('\n'),
		assistant: of('assistant').length,
		results: results(messages),
		tools: list(body.tools).filter((t) => t.type === 'function')
			.map((t) => ({ name: t.function.name, schema: t.function.parameters })),
	};
};

const stops = { end: 'stop', tool: 'tool_calls', length: 'length', refused: 'content_filter' };
const CREATED = 1700000000;

function usage(u) {
	return {
		prompt_tokens: u.input, completion_tokens: u.output, total_tokens: u.input + u.output,
		prompt_tokens_details: { cached_tokens: u.cached, audio_tokens: 0 },
		completion_tokens_details: { reasoning_tokens: u.reasoning, audio_tokens: 0,
			accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
	};
}

exports.call_id = (k) => 'call_' + String(k).padStart(24, '0');
const of = (a, type) => a.parts.filter((p) => p.type === type);

exports.whole = (a) => {
	const said = of(a, 'text').map((p) => p.text).join('');
	const thought = of(a, 'thinking').map((p) => p.text).join('');
	const calls = of(a, 'call');
	const message = { role: 'assistant', content: of(a, 'text').length ? said : null, refusal: null, annotations: [] };
	if (thought)
		message.reasoning_content = thought;
	if (calls.length)
		message.tool_calls = calls.map((p) => ({ id: p.id, type: 'function',
			function: { name: p.name, arguments: spelled(p) } }));
	return {
		id: 'chatcmpl-' + a.id, object: 'chat.completion', created: CREATED, model: a.model,
		choices: [{ index: 0, message, logprobs: null, finish_reason: stops[a.stop] }],
		usage: usage(a.usage), service_tier: 'default', system_fingerprint: 'fp_scripted',
	};
};

exports.events = (a, request) => {
	const out = [];
	const put = (choices, more) => out.push({ data: Object.assign({
		id: 'chatcmpl-' + a.id, object: 'chat.completion.chunk', created: CREATED, model: a.model,
		service_tier: 'default', system_fingerprint: 'fp_scripted', choices,
	}, request.usage_wanted ? { usage: null } : {}, more) });
	const delta = (d) => put([{ index: 0, delta: d, logprobs: null, finish_reason: null }]);
	delta({ role: 'assistant', content: '', refusal: null });
	of(a, 'thinking').forEach((p) => fragments(p.text).forEach((t) => delta({ reasoning_content: t })));
	of(a, 'text').forEach((p) => fragments(p.text).forEach((t) => delta({ content: t })));
	of(a, 'call').forEach((p, index) => {
		delta({ tool_calls: [{ index, id: p.id, type: 'function', function: { name: p.name, arguments: '' } }] });
		fragments(spelled(p)).forEach((t) => delta({ tool_calls: [{ index, function: { arguments: t } }] }));
	});
	put([{ index: 0, delta: {}, logprobs: null, finish_reason: stops[a.stop] }]);
	if (request.usage_wanted)
		put([], { usage: usage(a.usage) });
	out.push({ text: '[DONE]' });
	return out;
};

const kinds = { 400: 'invalid_request_error', 401: 'invalid_request_error', 403: 'invalid_request_error',
	404: 'invalid_request_error', 429: 'rate_limit_exceeded' };
const codes = { 401: 'invalid_api_key', 429: 'rate_limit_exceeded' };

exports.error = (status, message) => ({
	error: { message, type: kinds[status] || 'server_error', param: null, code: codes[status] || null },
});
