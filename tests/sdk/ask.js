/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/*
 * The official clients, unmodified, against whatever speaks their protocol at a base URL:
 *     node ask.js PROTOCOL BASE KEY MODEL [PACKAGES]
 * prints "ok NAME" or "bad NAME: why".  The model behind it is tests/models/scenarios/sdk.json: it calls the tool
 * "weigh", waits for its result, and answers with it; what is said else is "PONG".
 */
const assert = require('assert');
const path = require('path');

const [protocol, base, key, model, packages] = process.argv.slice(2);
const load = (name) => require(path.join(packages || path.join(__dirname, 'node_modules'), name));
const schema = { type: 'object', properties: { what: { type: 'string' } }, required: ['what'] };
const ASK = 'How heavy is the stone?';
const SAID = 'It weighs 42 stone.';
const WEIGHT = '42 stone';
const LIMIT = 512;

async function collect(stream) {
	const out = [];
	for await (const event of stream)
		out.push(event);
	return out;
}

const anthropic = {
	client() {
		const { Anthropic } = load('@anthropic-ai/sdk');
		return new Anthropic({ baseURL: base, apiKey: key, maxRetries: 0 });
	},
	tests: {
		async 'messages: a text'(c) {
			const m = await c.messages.create({ model, max_tokens: LIMIT, messages: [{ role: 'user', content: 'PING' }] });
			assert.equal(m.content[0].text, 'PONG');
			assert.equal(m.stop_reason, 'end_turn');
			assert.deepEqual([m.usage.input_tokens, m.usage.output_tokens], [100, 20]);
		},
		async 'messages, streamed: a text'(c) {
			const s = c.messages.stream({ model, max_tokens: LIMIT, messages: [{ role: 'user', content: 'PING' }] });
			let text = '';
			s.on('text', (t) => { text += t; });
			const m = await s.finalMessage();
			assert.equal(text, 'PONG');
			assert.deepEqual([m.usage.input_tokens, m.usage.output_tokens], [100, 20]);
		},
		async 'messages, streamed: every event in its order'(c) {
			const events = await collect(await c.messages.create({ model, max_tokens: LIMIT, stream: true, messages: [{ role: 'user', content: 'PING' }] }));
			assert.deepEqual(events.map((e) => e.type).filter((t) => t !== 'ping'), ['message_start', 'content_block_start',
				'content_block_delta', 'content_block_stop', 'message_delta', 'message_stop']);
		},
		'messages: a tool is called and its result given': (c) => anthropic.loop((rq) => c.messages.create(rq)),
		'messages, streamed: a tool is called and its result given': (c) => anthropic.loop((rq) => c.messages.stream(rq).finalMessage()),
		async 'messages: a refusal has its status and kind'(c) {
			const e = await c.messages.create({ model, max_tokens: LIMIT, messages: [{ role: 'user', content: [{ type: 'nonsense' }] }],
				tools: [{ name: 'unknown', input_schema: schema }] }).catch((x) => x);
			assert.ok([400, 403].includes(e.status), `status ${e.status}`);
			assert.match(e.error.error.type, /invalid_request_error|permission_error/);
		},
	},
	async loop(ask) {
		const messages = [{ role: 'user', content: ASK }];
		const rq = { model, max_tokens: LIMIT, messages, tools: [{ name: 'weigh', description: 'weighs', input_schema: schema }],
			thinking: { type: 'enabled', budget_tokens: 1024 } };
		const first = await ask(rq);
		const call = first.content.find((b) => b.type === 'tool_use');
		assert.equal(first.stop_reason, 'tool_use');
		assert.deepEqual(first.content.map((b) => b.type), ['thinking', 'text', 'tool_use']);
		assert.deepEqual(call.input, { what: 'the stone' });
		messages.push({ role: 'assistant', content: first.content },
			{ role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: WEIGHT }] });
		const second = await ask(rq);
		assert.equal(second.content[0].text, SAID);
	},
};

const openai = () => {
	const { OpenAI } = load('openai');
	return new OpenAI({ baseURL: base + '/v1', apiKey: key, maxRetries: 0 });
};

const chat = {
	client: openai,
	tests: {
		async 'chat: a text'(c) {
			const r = await c.chat.completions.create({ model, messages: [{ role: 'user', content: 'PING' }] });
			assert.equal(r.choices[0].message.content, 'PONG');
			assert.equal(r.choices[0].finish_reason, 'stop');
			assert.deepEqual([r.usage.prompt_tokens, r.usage.completion_tokens], [100, 20]);
		},
		async 'chat, streamed: a text, its end and its usage'(c) {
			const chunks = await collect(await c.chat.completions.create({ model, stream: true, stream_options: { include_usage: true },
				messages: [{ role: 'user', content: 'PING' }] }));
			assert.equal(chunks.map((k) => (k.choices[0] && k.choices[0].delta.content) || '').join(''), 'PONG');
			assert.equal(chunks[chunks.length - 1].usage.completion_tokens, 20);
		},
		'chat: a tool is called and its result given': (c) => chat.loop(async (rq) => (await c.chat.completions.create(rq)).choices[0].message),
		'chat, streamed: a tool is called and its result given': (c) => chat.loop(async (rq) =>
			(await c.chat.completions.stream(rq).finalChatCompletion()).choices[0].message),
		async 'chat: a refusal has its status'(c) {
			const e = await c.chat.completions.create({ model, n: 3, messages: [{ role: 'user', content: ASK }],
				tools: [{ type: 'function', function: { name: 'unknown', parameters: schema } }] }).catch((x) => x);
			assert.ok([400, 403].includes(e.status), `status ${e.status}`);
		},
	},
	async loop(ask) {
		const messages = [{ role: 'system', content: 'Be exact.' }, { role: 'user', content: ASK }];
		const rq = { model, messages, tools: [{ type: 'function', function: { name: 'weigh', description: 'weighs', parameters: schema } }] };
		const first = await ask(rq);
		assert.deepEqual(JSON.parse(first.tool_calls[0].function.arguments), { what: 'the stone' });
		messages.push({ role: 'assistant', content: first.content, tool_calls: first.tool_calls },
			{ role: 'tool', tool_call_id: first.tool_calls[0].id, content: WEIGHT });
		assert.equal((await ask(rq)).content, SAID);
	},
};

const responses = {
	client: openai,
	tests: {
		async 'responses: a text'(c) {
			const r = await c.responses.create({ model, input: 'PING' });
			assert.equal(r.output_text, 'PONG');
			assert.equal(r.status, 'completed');
			assert.deepEqual([r.usage.input_tokens, r.usage.output_tokens], [100, 20]);
		},
		async 'responses, streamed: a text'(c) {
			const events = await collect(await c.responses.create({ model, input: 'PING', stream: true }));
			assert.equal(events.filter((e) => e.type === 'response.output_text.delta').map((e) => e.delta).join(''), 'PONG');
			assert.equal(events[events.length - 1].type, 'response.completed');
		},
		'responses: a tool is called and its result given': (c) => responses.loop((rq) => c.responses.create(rq)),
		'responses, streamed: a tool is called and its result given': (c) => responses.loop((rq) => c.responses.stream(rq).finalResponse()),
		async 'responses: a refusal has its status'(c) {
			const e = await c.responses.create({ model, input: [{ type: 'item_reference', id: 'x' }],
				tools: [{ type: 'function', name: 'unknown', parameters: schema }] }).catch((x) => x);
			assert.ok([400, 403].includes(e.status), `status ${e.status}`);
		},
	},
	async loop(ask) {
		const input = [{ role: 'user', content: ASK }];
		const rq = { model, input, store: false, include: ['reasoning.encrypted_content'],
			tools: [{ type: 'function', name: 'weigh', description: 'weighs', parameters: schema, strict: false }] };
		const first = await ask(rq);
		const call = first.output.find((i) => i.type === 'function_call');
		assert.deepEqual(first.output.map((i) => i.type), ['reasoning', 'message', 'function_call']);
		assert.deepEqual(JSON.parse(call.arguments), { what: 'the stone' });
		input.push(...first.output.map(({ parsed_arguments: _, ...i }) => i),
			{ type: 'function_call_output', call_id: call.call_id, output: WEIGHT });
		assert.equal((await ask(rq)).output_text, SAID);
	},
};

const google = {
	client() {
		const { GoogleGenAI } = load('@google/genai');
		return new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: base } });
	},
	tests: {
		async 'generateContent: a text'(c) {
			const r = await c.models.generateContent({ model, contents: 'PING' });
			assert.equal(r.text, 'PONG');
			assert.deepEqual([r.usageMetadata.promptTokenCount, r.usageMetadata.candidatesTokenCount], [100, 20]);
		},
		async 'generateContent, streamed: a text'(c) {
			const chunks = await collect(await c.models.generateContentStream({ model, contents: 'PING' }));
			assert.equal(chunks.map((k) => k.text || '').join(''), 'PONG');
		},
		'generateContent: a tool is called and its result given': (c) => google.loop((rq) => c.models.generateContent(rq)),
		'generateContent, streamed: a tool is called and its result given': (c) => google.loop(async (rq) => {
			const chunks = await collect(await c.models.generateContentStream(rq));
			const parts = chunks.flatMap((k) => k.candidates[0].content.parts);
			return { candidates: [{ content: { role: 'model', parts } }], functionCalls: parts.filter((p) => p.functionCall).map((p) => p.functionCall),
				text: parts.filter((p) => p.text && !p.thought).map((p) => p.text).join('') };
		}),
	},
	async loop(ask) {
		const contents = [{ role: 'user', parts: [{ text: ASK }] }];
		const rq = { model, contents, config: { maxOutputTokens: LIMIT, tools: [{ functionDeclarations: [{ name: 'weigh', description: 'weighs', parametersJsonSchema: schema }] }] } };
		const first = await ask(rq);
		const call = first.functionCalls[0];
		assert.deepEqual(call.args, { what: 'the stone' });
		contents.push(first.candidates[0].content, { role: 'user',
			parts: [{ functionResponse: { id: call.id, name: call.name, response: { output: WEIGHT } } }] });
		assert.equal((await ask(rq)).text, SAID);
	},
};

const all = { 'anthropic-messages': anthropic, 'openai-chat': chat, 'openai-responses': responses, 'google-generate': google };

async function main() {
	const client = all[protocol].client();
	for (const name of Object.keys(all[protocol].tests)) {
		try {
			await all[protocol].tests[name](client);
			console.log('ok ' + name);
		} catch (e) {
			console.log(`bad ${name}: ${String(e.message).split('\n').join(' ')}`);
		}
	}
}
main();
