/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
// OpenAI Responses: POST /v1/responses

const { text, fragments, list, spelled } = require('./common.js');
const chat = require('./chat.js');

exports.name = 'openai-responses';
exports.path = /\/responses$/;
exports.key = chat.key;
exports.error = chat.error;
exports.call_id = chat.call_id;

const isOutput = (i) => ['function_call_output', 'custom_tool_call_output', 'local_shell_call_output'].includes(i.type);
const isAnswer = (i) => i.role === 'assistant' || ['function_call', 'custom_tool_call', 'reasoning', 'local_shell_call'].includes(i.type);

// The outputs that stand behind the last thing the model said.
function results(items) {
	const from = items.reduce((last, i, k) => (isAnswer(i) ? k : last), -1);
	return items.slice(from + 1).filter(isOutput)
		.map((i) => ({ id: i.call_id, text: text(i.output), error: false }));
}

// One assistant turn is a run of items that the model said.
const turns = (items) => items.filter((i, k) => isAnswer(i) && !(k > 0 && isAnswer(items[k - 1]))).length;

// A namespace groups tools; a call of one names both.
const offered = (t) => (t.type === 'namespace'
	? list(t.tools).map((i) => ({ name: t.name + '_' + i.name, kind: i.type, schema: i.parameters, of: { namespace: t.name, name: i.name } }))
	: [{ name: t.name || t.type, kind: t.type, schema: t.parameters }]);

exports.read = (body) => {
	const items = typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : list(body.input);
	const of = (...roles) => items.filter((i) => roles.includes(i.role)).map((i) => text(i.content));
	return {
		model: body.model,
		stream: body.stream === true,
		max_output: body.max_output_tokens,
		system: [text(body.instructions)].concat(of('system', 'developer')).join('\n'),
		user: of('user').join('\n'),
		assistant: turns(items),
		results: results(items),
		tools: list(body.tools).flatMap(offered),
		reflect: body,
	};
};

function usage(u) {
	return {
		input_tokens: u.input, input_tokens_details: { cached_tokens: u.cached },
		output_tokens: u.output, output_tokens_details: { reasoning_tokens: u.reasoning },
		total_tokens: u.input + u.output,
	};
}

function item(p, k, a) {
	const id = a.id + String(k).padStart(4, '0');
	if (p.type === 'text')
		return { id: 'msg_' + id, type: 'message', status: 'completed', role: 'assistant',
			content: [{ type: 'output_text', text: p.text, annotations: [], logprobs: [] }] };
	if (p.type === 'thinking')
		return { id: 'rs_' + id, type: 'reasoning', summary: [{ type: 'summary_text', text: p.text }],
			encrypted_content: p.signature };
	const group = a.request.tools.map((t) => (t.name === p.name ? t.of : undefined)).find(Boolean);
	if (p.custom)
		return { id: 'ctc_' + id, type: 'custom_tool_call', status: 'completed', call_id: p.id, name: p.name,
			input: p.input };
	return Object.assign({ id: 'fc_' + id, type: 'function_call', status: 'completed', call_id: p.id, name: p.name,
		arguments: spelled(p) }, group);
}

function response(a, status, output, u) {
	const r = a.request.reflect;
	return {
		id: 'resp_' + a.id, object: 'response', created_at: 1700000000, status, background: false, error: null,
		incomplete_details: status === 'incomplete' ? { reason: a.stop === 'length' ? 'max_output_tokens' : 'content_filter' } : null,
		instructions: r.instructions === undefined ? null : r.instructions,
		max_output_tokens: r.max_output_tokens || null, model: a.model, output,
		parallel_tool_calls: r.parallel_tool_calls !== false, previous_response_id: null,
		reasoning: { effort: null, summary: null }, store: r.store !== false, temperature: 1,
		text: { format: { type: 'text' } }, tool_choice: r.tool_choice || 'auto', tools: list(r.tools), top_p: 1,
		truncation: 'disabled', usage: u, user: null, metadata: {},
	};
}

const ended = (a) => (a.stop === 'length' || a.stop === 'refused' ? 'incomplete' : 'completed');
exports.whole = (a) => response(a, ended(a), a.parts.map((p, k) => item(p, k, a)), usage(a.usage));

function textEvents(put, it, at) {
	const where = { item_id: it.id, output_index: at, content_index: 0 };
	const part = it.content[0];
	put('response.output_item.added', { output_index: at, item: Object.assign({}, it, { status: 'in_progress', content: [] }) });
	put('response.content_part.added', Object.assign({}, where, { part: Object.assign({}, part, { text: '' }) }));
	fragments(part.text).forEach((t) => put('response.output_text.delta', Object.assign({}, where, { delta: t, logprobs: [] })));
	put('response.output_text.done', Object.assign({}, where, { text: part.text, logprobs: [] }));
	put('response.content_part.done', Object.assign({}, where, { part }));
}

function thinkingEvents(put, it, at) {
	const where = { item_id: it.id, output_index: at, summary_index: 0 };
	put('response.output_item.added', { output_index: at, item: Object.assign({}, it, { summary: [] }) });
	put('response.reasoning_summary_part.added', Object.assign({}, where, { part: { type: 'summary_text', text: '' } }));
	fragments(it.summary[0].text).forEach((t) => put('response.reasoning_summary_text.delta', Object.assign({}, where, { delta: t })));
	put('response.reasoning_summary_text.done', Object.assign({}, where, { text: it.summary[0].text }));
	put('response.reasoning_summary_part.done', Object.assign({}, where, { part: it.summary[0] }));
}

function callEvents(put, it, at) {
	const custom = it.type === 'custom_tool_call';
	const name = custom ? 'input' : 'arguments';
	const kind = custom ? 'response.custom_tool_call_input' : 'response.function_call_arguments';
	const where = { item_id: it.id, output_index: at };
	put('response.output_item.added', { output_index: at, item: Object.assign({}, it, { status: 'in_progress', [name]: '' }) });
	fragments(it[name]).forEach((t) => put(kind + '.delta', Object.assign({}, where, { delta: t })));
	put(kind + '.done', Object.assign({}, where, { [name]: it[name] }));
}

exports.events = (a) => {
	const out = [];
	const put = (type, more) => out.push({ event: type, data: Object.assign({ type, sequence_number: out.length }, more) });
	const output = a.parts.map((p, k) => item(p, k, a));
	put('response.created', { response: response(a, 'in_progress', [], null) });
	put('response.in_progress', { response: response(a, 'in_progress', [], null) });
	output.forEach((it, at) => {
		({ message: textEvents, reasoning: thinkingEvents }[it.type] || callEvents)(put, it, at);
		put('response.output_item.done', { output_index: at, item: it });
	});
	put('response.' + ended(a), { response: response(a, ended(a), output, usage(a.usage)) });
	return out;
};
