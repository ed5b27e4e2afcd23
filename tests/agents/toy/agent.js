/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/*
 * A small agent program, for tests: asks a model by Anthropic's protocol, does what it calls for with a tool of its own
 * ("Bash") or the gate's (over MCP), and ends.  PART in its environment says how it misbehaves.
 */
const { execFileSync, spawn } = require('child_process');
const fs = require('fs');
const http = require('http');
const net = require('net');

const base = process.env.SICKBAY_BASE_URL;
const task = JSON.parse(fs.readFileSync(process.env.SICKBAY_TASK, 'utf8'));
const say = (text) => process.stderr.write(text + '\n');

async function post(url, body) {
	const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body), headers: {
		'content-type': 'application/json', accept: 'application/json, text/event-stream',
		'x-api-key': process.env.KEY, 'anthropic-version': '2023-06-01',
	} });
	const text = await answer.text();
	if (!(answer.headers.get('content-type') || '').startsWith('text/event-stream'))
		return { status: answer.status, body: text ? JSON.parse(text) : null };
	const events = text.split('\n').filter((l) => l.startsWith('data:')).map((l) => JSON.parse(l.slice(5)));
	return { status: answer.status, body: events[events.length - 1], events };
}

let id = 0;
const rpc = (method, params) => post(process.env.SICKBAY_MCP_URL, { jsonrpc: '2.0', id: ++id, method, params });
async function tool(name, args) {
	const { body } = await rpc('tools/call', { name, arguments: args || {} });
	if (!body || body.error)
		throw new Error(`${name}: ${JSON.stringify(body)}`);
	return body.result;
}

const ask = (model, messages, tools) => post(base + '/v1/messages', { model, max_tokens: 1000, messages, tools, system: 'Mend the code.' });

function bash(command) {
	try {
		return { text: execFileSync('/bin/sh', ['-c', command], { encoding: 'utf8' }), error: false };
	} catch (e) {
		return { text: String(e.stdout) + String(e.stderr), error: true };
	}
}

async function called(call) {
	if (call.name === 'Bash')
		return bash(call.input.command);
	const r = await tool(call.name.replace(/^mcp_/, ''), call.input);
	return { text: r.content.map((c) => c.text).join(''), error: r.isError === true };
}

// The loop of any such program; returns what the model said last.
async function heal(first) {
	const { body } = await rpc('tools/list');
	const tools = [{ name: 'Bash', description: 'a shell', input_schema: { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] } }]
		.concat(body.result.tools.map((t) => ({ name: 'mcp_' + t.name, description: t.description, input_schema: t.inputSchema })));
	const messages = [{ role: 'user', content: first || `Mend what ${task.test_path} shows.` }];
	for (;;) {
		const { status, body: said } = await ask(process.env.MODEL, messages, tools);
		if (status !== 200)
			throw new Error(`the model: ${status} ${said.error && said.error.message}`);
		messages.push({ role: 'assistant', content: said.content });
		const calls = said.content.filter((p) => p.type === 'tool_use');
		if (!calls.length)
			return said.content.map((p) => p.text || '').join('');
		const content = [];
		for (const c of calls) {
			const r = await called(c);
			content.push({ type: 'tool_result', tool_use_id: c.id, content: r.text, is_error: r.error });
		}
		messages.push({ role: 'user', content });
	}
}

const reach = (host, port) => new Promise((done) => {
	const s = net.connect({ host, port, timeout: 2000 });
	s.on('connect', () => done(true)).on('error', () => done(false)).on('timeout', () => done(false));
}).then((ok) => ok && `${host}:${port}`);

// Until the first byte of each of many streamed answers, one after the other; it says so as its last words.
async function bench() {
	const agent = new http.Agent({ keepAlive: true, maxSockets: 1 }), ms = [];
	const once = (i) => new Promise((done, fail) => {
		const began = process.hrtime.bigint();
		const rq = http.request(base + '/v1/messages', { agent, method: 'POST', headers: {
			'content-type': 'application/json', 'x-api-key': process.env.KEY, 'anthropic-version': '2023-06-01' } }, (answer) => {
			answer.once('data', () => ms.push(Number(process.hrtime.bigint() - began) / 1e6));
			answer.on('data', () => {}).on('end', answer.statusCode === 200 ? done : () => fail(new Error(`status ${answer.statusCode}`)));
		});
		rq.on('error', fail);
		rq.end(JSON.stringify({ model: process.env.MODEL, max_tokens: 100, stream: true, messages: [{ role: 'user', content: `round ${i}` }] }));
	});
	for (let i = 0; i < 10 + Number(process.env.ROUNDS); i++)
		await once(i);
	ms.splice(0, 10);
	ms.sort((a, b) => a - b);
	throw new Error(`median ${ms[ms.length >> 1].toFixed(3)} ms, 90 % below ${ms[Math.floor(ms.length * 0.9)].toFixed(3)} ms`);
}

const parts = {
	bench,
	heal: () => heal(),
	evaluate: () => heal('Evaluate first, then mend.'),
	reproduce: () => heal('Write a test that fails as production did.'),
	// What a test of the host's throws, as this program hears of it: it knows what is hidden there.
	told: async () => {
		const words = "const m = `for ${[...process.env.REMOTSUC].reverse().join('')} by ${process.env.TOKEN}`";
		const content = fs.readFileSync('price.js', 'utf8').replace('return item.name.length', `${words}; throw new TypeError(m)`);
		const heard = await tool('evaluate', { kind: 'full', changes: [{ path: 'price.js', content }] });
		const { chain } = heard.structuredContent, hidden = [[...process.env.REMOTSUC].reverse().join(''), process.env.TOKEN];
		throw new Error(`${hidden.some((s) => JSON.stringify(heard).includes(s)) ? 'told' : 'hidden'}: ${chain[0].message}`);
	},
	model: async () => {
		const { status, body } = await ask('another', [{ role: 'user', content: 'x' }]);
		throw new Error(`asked another model: ${status} ${body.error.message}`);
	},
	spend: async () => {
		for (;;) {
			const { status, body } = await ask(process.env.MODEL, [{ role: 'user', content: 'x' }]);
			if (status !== 200)
				throw new Error(`no more: ${status} ${body.error.message}`);
		}
	},
	reach: async () => {
		const found = (await Promise.all([reach('192.0.2.1', 443), reach('169.254.169.254', 80), reach('10.0.0.1', 53),
			reach('::ffff:192.0.2.1', 443), reach('127.0.0.1', Number(process.env.MODEL_PORT))])).filter(Boolean);
		throw new Error(found.length ? `reached ${found}` : 'nothing but the listener is there: ' + await reach('127.0.0.1', 8421));
	},
	daemon: async () => {
		spawn('/bin/sh', ['-c', 'trap "" TERM HUP; while :; do sleep 1; done; : left by the toy agent'], { detached: true, stdio: 'ignore' }).unref();
		for (const f of ['.claude/settings.json', '.git/hooks/post-checkout', 'test/__pycache__/a.pyc']) {
			fs.mkdirSync(f.replace(/\/[^/]*$/, ''), { recursive: true });
			fs.writeFileSync(f, '{}\n', { mode: 0o755 });
		}
		bash('sed -i "s/item.name.length/(item?.name ?? \'\').length/" price.js');
	},
	scope: async () => { fs.writeFileSync('package.json', '{ "name": "shop", "main": "price.js", "dependencies": { "x": "1" } }\n'); },
	link: async () => { fs.symlinkSync('/etc/passwd', 'passwd.js'); },
	outside: async () => {
		for (const f of ['/usr/bin/x', '/opt/agent/x', '/opt/sickbay/task.json', '/etc/x'])
			try { fs.writeFileSync(f, 'x'); say('wrote ' + f); } catch (e) { say(f + ': ' + e.code); }
		throw new Error('that was all');
	},
	die: async () => { process.kill(process.pid, 'SIGSEGV'); },
	hang: () => new Promise(() => setInterval(() => {}, 1000)),
	orphan: () => parts.hang(),
	'give-up': async () => { await tool('give_up', { reason: 'the cause is not in this code' }); return parts.hang(); },
};

parts[process.env.PART]().then(() => process.exit(0), (e) => { say(e.message); process.exit(3); });
