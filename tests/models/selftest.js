/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
// Asks server.js as clients would, by hand, and prints "ok NAME" or "bad NAME: why" for tests/models/server.sh.
const assert = require('assert');
const { spawn } = require('child_process');
const fs = require('fs');
const http = require('http');
const os = require('os');
const path = require('path');

const place = fs.mkdtempSync(path.join(os.tmpdir(), 'models.'));
const logFile = path.join(place, 'log');

function start(scenario, ...more) {
	const file = path.join(place, 'scenario.json');
	fs.writeFileSync(file, JSON.stringify(scenario));
	fs.writeFileSync(logFile, '');
	const child = spawn(process.execPath, [path.join(__dirname, 'server.js'), '--scenario', file, '--log', logFile, ...more],
		{ stdio: ['ignore', 'pipe', 'inherit'] });
	return new Promise((done) => child.stdout.once('data', (d) => done({ child, port: Number(/listening (\d+)/.exec(d)[1]) })));
}

function stop(server) {
	const gone = new Promise((done) => server.child.once('exit', done));
	server.child.kill();
	return gone;
}

function ask(server, where, body, headers) {
	return new Promise((done) => {
		const rq = http.request({ host: '127.0.0.1', port: server.port, path: where, method: body === undefined ? 'GET' : 'POST', headers: headers || {} }, (res) => {
			let text = '';
			res.on('data', (d) => { text += d; });
			res.on('error', () => done({ status: res.statusCode, text, cut: true, headers: res.headers }));
			res.on('end', () => done({ status: res.statusCode, text, cut: !res.complete, headers: res.headers }));
		});
		rq.on('error', () => done({ status: 0, text: '', cut: true }));
		rq.end(body === undefined ? undefined : JSON.stringify(body));
	});
}

const events = (text) => text.split(/\r?\n\r?\n/).filter((t) => /^data: |\ndata: /.test(t)).map((t) => /(?:^|\n)data: ([^\r\n]*)/.exec(t)[1]);
const log = () => fs.readFileSync(logFile, 'utf8').split('\n').filter(Boolean).map((l) => JSON.parse(l));

// One tool call and its result, as each protocol spells them.
const speak = {
	'anthropic-messages': {
		path: () => '/v1/messages',
		first: (stream) => ({ model: 'm', max_tokens: 9, stream, messages: [{ role: 'user', content: 'heal' }],
			tools: [{ name: 'run', input_schema: { type: 'object' } }] }),
		then: (b, id, text) => Object.assign({}, b, { messages: b.messages.concat(
			{ role: 'assistant', content: [{ type: 'tool_use', id, name: 'run', input: {} }] },
			{ role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: text }] }) }),
		call: (a) => a.content.find((c) => c.type === 'tool_use').id,
		said: (a) => a.content[0].text, used: (a) => [a.usage.input_tokens, a.usage.output_tokens],
		joined: (evs) => evs.filter((e) => e.delta && e.delta.type === 'input_json_delta').map((e) => e.delta.partial_json).join(''),
	},
	'openai-chat': {
		path: () => '/v1/chat/completions',
		first: (stream) => ({ model: 'm', stream, stream_options: { include_usage: true }, messages: [{ role: 'user', content: 'heal' }],
			tools: [{ type: 'function', function: { name: 'run', parameters: {} } }] }),
		then: (b, id, text) => Object.assign({}, b, { messages: b.messages.concat(
			{ role: 'assistant', tool_calls: [{ id, type: 'function', function: { name: 'run', arguments: '{}' } }] },
			{ role: 'tool', tool_call_id: id, content: text }) }),
		call: (a) => a.choices[0].message.tool_calls[0].id,
		said: (a) => a.choices[0].message.content, used: (a) => [a.usage.prompt_tokens, a.usage.completion_tokens],
		joined: (evs) => evs.flatMap((e) => (e.choices[0] && e.choices[0].delta.tool_calls) || []).map((c) => c.function.arguments).join(''),
	},
	'openai-responses': {
		path: () => '/v1/responses',
		first: (stream) => ({ model: 'm', stream, input: [{ role: 'user', content: [{ type: 'input_text', text: 'heal' }] }],
			tools: [{ type: 'function', name: 'run', parameters: {} }] }),
		then: (b, id, text) => Object.assign({}, b, { input: b.input.concat(
			{ type: 'function_call', call_id: id, name: 'run', arguments: '{}' }, { type: 'function_call_output', call_id: id, output: text }) }),
		call: (a) => a.output.find((o) => o.type === 'function_call').call_id,
		said: (a) => a.output[0].content[0].text, used: (a) => [a.usage.input_tokens, a.usage.output_tokens],
		joined: (evs) => evs.filter((e) => e.type === 'response.function_call_arguments.delta').map((e) => e.delta).join(''),
	},
	'google-generate': {
		path: (stream) => '/v1beta/models/m:' + (stream ? 'streamGenerateContent?alt=sse' : 'generateContent'),
		first: () => ({ contents: [{ role: 'user', parts: [{ text: 'heal' }] }], tools: [{ functionDeclarations: [{ name: 'run' }] }] }),
		then: (b, id, text) => Object.assign({}, b, { contents: b.contents.concat(
			{ role: 'model', parts: [{ functionCall: { name: 'run', args: {} } }] },
			{ role: 'user', parts: [{ functionResponse: { id, name: 'run', response: { output: text } } }] }) }),
		call: (a) => a.candidates[0].content.parts.find((p) => p.functionCall).functionCall.id,
		said: (a) => a.candidates[0].content.parts[0].text, used: (a) => [a.usageMetadata.promptTokenCount, a.usageMetadata.candidatesTokenCount],
		joined: (evs) => JSON.stringify(evs.flatMap((e) => e.candidates[0].content.parts).find((p) => p.functionCall).functionCall.args),
	},
};

const two = { name: 'two', turns: [
	{ expect: { user: 'heal', tools: 'run', result: null }, say: ['looking', { call: 'run', input: { command: 'a long enough command' } }] },
	{ expect: { result: 'the truth' }, say: 'found', usage: { input: 7, output: 3 } },
] };

const tests = [];
const test = (name, scenario, run, ...more) => tests.push({ name, scenario, run, more });

for (const protocol of Object.keys(speak)) {
	const s = speak[protocol];
	test(`${protocol}: a call, its result, an answer`, two, async (srv) => {
		const first = JSON.parse((await ask(srv, s.path(false), s.first(false))).text);
		const second = await ask(srv, s.path(false), s.then(s.first(false), s.call(first), 'this is the truth'));
		assert.equal(s.said(JSON.parse(second.text)), 'found');
		assert.deepEqual(s.used(JSON.parse(second.text)), [7, 3]);
		assert.ok(log().every((l) => !l.wrong));
	});
	test(`${protocol}: a streamed call comes in fragments`, two, async (srv) => {
		const r = await ask(srv, s.path(true), s.first(true));
		const evs = events(r.text).filter((d) => d !== '[DONE]').map((d) => JSON.parse(d));
		assert.equal(s.joined(evs), '{"command":"a long enough command"}');
		assert.match(r.headers['content-type'], /event-stream/);
	});
	test(`${protocol}: a wrong result is refused by name, and logged`, two, async (srv) => {
		await ask(srv, s.path(false), s.first(false));
		const r = await ask(srv, s.path(false), s.then(s.first(false), 'id', 'a lie'));
		assert.equal(r.status, 400);
		assert.match(r.text, /scenario 'two' turn 1: the tool result lacks 'the truth': 'a lie'/);
		assert.equal(log().filter((l) => l.wrong).length, 1);
	});
	test(`${protocol}: without its key 401, with it 200`, two, async (srv) => {
		assert.equal((await ask(srv, s.path(false), s.first(false))).status, 401);
		const keys = { 'x-api-key': 'sesame', 'x-goog-api-key': 'sesame', authorization: 'Bearer sesame' };
		assert.equal((await ask(srv, s.path(false), s.first(false), keys)).status, 200);
		assert.ok(!fs.readFileSync(logFile, 'utf8').includes('sesame'));
	}, '--key', 'sesame');
}

const chat = speak['openai-chat'];
const fault = (turn) => ({ turns: [Object.assign({ say: 'a text of some length' }, turn)] });
test('a call without tools is a side call', two, async (srv) => {
	const r = await ask(srv, '/v1/chat/completions', { model: 'm', messages: [] });
	assert.equal(chat.said(JSON.parse(r.text)), 'PONG');
});
test('a scenario that is over says so', { turns: [] }, async (srv) => {
	assert.match((await ask(srv, chat.path(), chat.first(false))).text, /has no more turns/);
});
test('a tool that is not offered is not called, unless exactly that is asked for', { turns: [
	{ say: { call: 'steal' } }, { say: { call: 'steal', exact: true } } ] }, async (srv) => {
	assert.match((await ask(srv, chat.path(), chat.first(false))).text, /tool 'steal' is not offered; offered: run/);
	assert.match((await ask(srv, chat.path(), chat.first(false))).text, /"name":"steal"/);
});
test('429 carries its retry-after', fault({ status: 429, retry_after: 3 }), async (srv) => {
	const r = await ask(srv, chat.path(), chat.first(true));
	assert.deepEqual([r.status, r.headers['retry-after']], [429, '3']);
});
test('a stream is cut after two events', fault({ disconnect: 2 }), async (srv) => {
	const r = await ask(srv, chat.path(), chat.first(true));
	assert.equal(r.cut, true);
	assert.equal(events(r.text).length, 2);
});
test('ten mebibytes are ten mebibytes', fault({ bytes: 10485760 }), async (srv) => {
	assert.ok((await ask(srv, chat.path(), chat.first(true))).text.length > 10485760);
});
test('odd pieces, CRLF and comments make the same events', fault({ chunk: 5, crlf: true, comments: true }), async (srv) => {
	const r = await ask(srv, chat.path(), chat.first(true));
	assert.equal(events(r.text).slice(-1)[0], '[DONE]');
	assert.match(r.text, /: keep-alive\r\n\r\n/);
});
test('a deed is spelled in the tools that are offered', { turns: [{ say: { do: 'shell', command: 'ls' } }] }, async (srv) => {
	const body = Object.assign(chat.first(false), { tools: [{ type: 'function', function: { name: 'exec_command',
		parameters: { type: 'object', properties: { cmd: { type: 'string' } } } } }] });
	assert.match((await ask(srv, chat.path(), body)).text, /"exec_command","arguments":"{\\"cmd\\":\\"ls\\"}"/);
});
test('conversations beside each other are told apart by their length', { index: 'assistant', turns: two.turns }, async (srv) => {
	for (let i = 0; i < 2; i++)
		assert.match((await ask(srv, chat.path(), chat.first(false))).text, /looking/);
	assert.match((await ask(srv, chat.path(), chat.then(chat.first(false), 'c', 'the truth'))).text, /found/);
});
test('models are listed', two, async (srv) => assert.match((await ask(srv, '/v1/models')).text, /scripted-1/));

async function main() {
	for (const t of tests) {
		const server = await start(t.scenario, ...t.more);
		try {
			await t.run(server);
			console.log('ok ' + t.name);
		} catch (e) {
			console.log(`bad ${t.name}: ${String(e.message).split('\n').join(' ')}`);
		}
		await stop(server);
	}
	fs.rmSync(place, { recursive: true });
}
main();
