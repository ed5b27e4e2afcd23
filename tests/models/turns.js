/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/*
 * The scripted model behind sickbay-broker, in turns, by one protocol: node turns.js BROKER-DRIVE PORT KEYFILE DIR PROTOCOL prints
 * "ok NAME" or "bad NAME: why".  The scenario is scenarios/turns.js.
 */
const assert = require('assert');
const { spawnSync } = require('child_process');
const fs = require('fs');

const [drive, port, credential, dir, protocol] = process.argv.slice(2);
const text = (t) => ({ type: 'text', text: t });
const ASKED = [{ role: 'user', content: [text('How heavy is the stone?')] }];

// What the broker ended one call with.
function call(model, messages, tools) {
	const ask = { setup: { endpoints: [{ name: 'here', protocol, url: `http://127.0.0.1:${port}`, credential, connect_ms: 5000,
		retries: 3, stall_ms: model === 'stall' ? 500 : 20000, total_ms: 30000 }] },
	calls: [{ id: 1, endpoint: 'here', model, protocol: 'turn', stream: false, max_output: 64,
		body: { system: 'Be exact.', messages, tools: tools || [{ name: 'weigh', description: 'weighs', schema: { type: 'object' } }], max_output: 900 } }] };
	fs.writeFileSync(dir + '/turn.json', JSON.stringify(ask));
	const run = spawnSync(drive, [dir + '/turn.json'], { encoding: 'utf8', timeout: 60000 });
	const line = run.stdout.split('\n').find((l) => l.startsWith('{"end"'));
	assert.ok(line, run.stdout + run.stderr);
	return JSON.parse(line).end;
}

const used = (u) => [u.known, u.input, u.cached, u.output];

function converse(model) {
	const first = call(model, ASKED);
	assert.equal(first.kind, 'ok', JSON.stringify(first));
	assert.equal(first.body.stop, 'tool');
	assert.deepEqual(used(first.usage), [true, 100, 60, 20]);
	const made = first.body.content.find((p) => p.type === 'call');
	assert.deepEqual(made.input, { what: 'the stone — 石', deep: [{ n: 1.5, none: null }] });
	assert.equal(first.body.content.filter((p) => p.type === 'text').map((p) => p.text).join(), 'I weigh it.');
	const opaque = first.body.content.filter((p) => p.type === 'opaque');
	assert.match(JSON.stringify(opaque), /c2lnbmF0dXJl|dGhvdWdodA==|A stone has to be weighed/);
	const second = call(model, ASKED.concat({ role: 'assistant', content: first.body.content },
		{ role: 'user', content: [{ type: 'result', id: made.id, text: '42 stone', error: false }] }));
	assert.equal(second.kind, 'ok', JSON.stringify(second));
	assert.deepEqual(second.body, { stop: 'end', content: [text('It weighs 42 stone.')] });
	assert.deepEqual(used(second.usage), [true, 200, 160, 10]);
	return opaque;
}

// What the provider gave for itself stands in the second request as it came.
function given_back(model, opaque) {
	const lines = fs.readFileSync(dir + '/log', 'utf8').split('\n').filter(Boolean).map((l) => JSON.parse(l));
	const sent = lines.filter((l) => l.protocol === protocol && l.model === model && l.body);
	const last = JSON.stringify(sent[sent.length - 1].body);
	for (const v of Object.values(opaque[0].value).filter((x) => typeof x === 'string'))
		assert.ok(last.includes(JSON.stringify(v)), `${v} is not in ${last}`);
	assert.ok(!lines.some((l) => l.wrong && l.model === model), 'the model was asked otherwise');
}

const tests = {
	'a tool is called, its result given, and thought given back': () => given_back('weigh', converse('weigh')),
	'the same, oddly written': () => given_back('odd', converse('odd')),
	'an answer that breaks off is told so': () => assert.equal(call('cut', ASKED).kind, 'disconnected'),
	'what is no answer is garbage': () => assert.equal(call('garbage', ASKED).kind, 'garbage'),
	'ten MiB are too large': () => assert.equal(call('huge', ASKED).kind, 'too-large'),
	'silence is a stall': () => assert.equal(call('stall', ASKED).kind, 'stalled'),
	'who is busy is asked again': () => {
		const end = call('busy', ASKED);
		assert.deepEqual([end.kind, end.attempts], ['ok', 3]);
		assert.equal(end.body.stop, 'end');
	},
	'a refusal is told in the words of the provider': () => {
		const end = call('busy', ASKED);
		assert.equal(end.kind, 'refused');
		assert.match(end.message, /no such thing/);
	},
	'arguments that are no JSON are a call that says so': () => {
		if (protocol === 'google-generate') // has no texts that could be none
			return;
		const made = call('spoilt', ASKED).body.content[0];
		assert.deepEqual([made.type, made.input, made.name], ['call', {}, 'weigh']);
		assert.match(made.invalid, /^arguments:1:/);
	},
	'an answer that was cut at its length, or refused, is not the end': () => {
		assert.equal(call('short', ASKED).body.stop, 'length');
		assert.equal(call('never', ASKED).body.stop, 'refused');
	},
};

for (const name of Object.keys(tests))
	try {
		tests[name]();
		console.log(`ok ${protocol}: ${name}`);
	} catch (e) {
		console.log(`bad ${protocol}: ${name}: ${String(e.message).split('\n').join(' ')}`);
	}
