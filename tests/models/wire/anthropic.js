/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
// Anthropic Messages: POST /v1/messages

const { text, fragments, list, spelled } = require('./common.js');

exports.name = 'anthropic-messages';
exports.path = /\/messages$/;
exports.key = (headers) => headers['x-api-key'] || (headers.authorization || '').replace(/^Bearer /, '');

// Since the last assistant turn: a program may put a reminder of its own after them.
function results(messages) {
	const said = messages.map((m) => m.role).lastIndexOf('assistant');
	return messages.slice(said + 1).flatMap((m) => list(m.content)).filter((b) => b.type === 'tool_result')
		.map((b) => ({ id: b.tool_use_id, text: text(b.content), error: b.is_error === true }));
}

exports.read = (body) => {
	const messages = list(body.messages);
	return {
		model: body.model,
		stream: body.stream === true,
		max_output: body.max_tokens,
		system: text(body.system),
		user: messages.filter((m) => m.role === 'user').map((m) => text(m.content)).join('\n'),
		assistant: messages.filter((m) => m.role === 'assistant').length,
		results: results(messages),
		tools: list(body.tools).map((t) => ({ name: t.name, schema: t.input_schema })),
	};
};

const stops = { end: 'end_turn', tool: 'tool_use', length: 'max_tokens', refused: 'refusal' };

function usage(u) {
	return {
		input_tokens: u.input - u.cached - u.cache_write,
		cache_creation_input_tokens: u.cache_write,
		cache_read_input_tokens: u.cached,
		cache_creation: { ephemeral_5m_input_tokens: u.cache_write, ephemeral_1h_input_tokens: 0 },
		output_tokens: u.output,
		service_tier: 'standard',
	};
}

function block(p) {
	if (p.type === 'text')
		return { type: 'text', text: p.text };
	if (p.type === 'thinking')
		return { type: 'thinking', thinking: p.text, signature: p.signature };
	return { type: 'tool_use', id: p.id, name: p.name, input: p.input };
}

exports.call_id = (k) => 'toolu_' + String(k).padStart(24, '0');

exports.whole = (a) => ({
	id: 'msg_' + a.id, type: 'message', role: 'assistant', model: a.model,
	content: a.parts.map(block), stop_reason: stops[a.stop], stop_sequence: null, usage: usage(a.usage),
});

function deltas(p) {
	if (p.type === 'text')
		return fragments(p.text).map((t) => ({ type: 'text_delta', text: t }));
	if (p.type === 'thinking')
		return fragments(p.text).map((t) => ({ type: 'thinking_delta', thinking: t }))
			.concat([{ type: 'signature_delta', signature: p.signature }]);
	return [''].concat(fragments(spelled(p))).map((t) => ({ type: 'input_json_delta', partial_json: t }));
}

const empty = { text: { type: 'text', text: '' }, thinking: { type: 'thinking', thinking: '', signature: '' } };

exports.events = (a) => {
	const out = [];
	const put = (data) => out.push({ event: data.type, data });
	put({ type: 'message_start', message: {
		id: 'msg_' + a.id, type: 'message', role: 'assistant', model: a.model, content: [],
		stop_reason: null, stop_sequence: null, usage: Object.assign(usage(a.usage), { output_tokens: 1 }),
	} });
	a.parts.forEach((p, index) => {
		put({ type: 'content_block_start', index,
			content_block: empty[p.type] || { type: 'tool_use', id: p.id, name: p.name, input: {} } });
		if (index === 0)
			put({ type: 'ping' });
		deltas(p).forEach((delta) => put({ type: 'content_block_delta', index, delta }));
		put({ type: 'content_block_stop', index });
	});
	put({ type: 'message_delta', delta: { stop_reason: stops[a.stop], stop_sequence: null },
		usage: { output_tokens: a.usage.output } });
	put({ type: 'message_stop' });
	return out;
};

const kinds = { 400: 'invalid_request_error', 401: 'authentication_error', 403: 'permission_error',
	404: 'not_found_error', 413: 'request_too_large', 429: 'rate_limit_error', 500: 'api_error', 529: 'overloaded_error' };

exports.error = (status, message) => ({
	type: 'error', error: { type: kinds[status] || 'api_error', message }, request_id: 'req_' + status,
});
