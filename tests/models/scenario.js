/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/*
 * What a scripted model says, turn by turn.  A scenario file is JSON, or a
 * module that exports the same; README.md describes its members.
 */
const path = require('path');
const clients = require('./clients.js');

const USAGE = { input: 100, output: 20, cached: 0, cache_write: 0, reasoning: 0 };

function load(file) {
	const loaded = require(path.resolve(file));
	const all = Array.isArray(loaded.scenarios) ? loaded.scenarios : [loaded];
	return all.map((s, i) => {
		if (typeof s.turn !== 'function' && !Array.isArray(s.turns))
			throw new Error(`${file}: scenario ${i} has neither "turns" nor a function turn()`);
		return { name: s.name || path.basename(file).replace(/\.[^.]*$/, '') + (i ? '-' + i : ''), k: 0, made: s };
	});
}

// A text, or {"contains"|"equals"|"matches"|"lacks": TEXT or a list of them} (several: all must hold).
function mismatch(what, got, want) {
	const tests = {
		contains: (t) => got.includes(t), lacks: (t) => !got.includes(t),
		equals: (t) => got === t, matches: (t) => new RegExp(t).test(got),
	};
	const short = got.length > 200 ? got.slice(0, 200) + ' ...' : got;
	const wanted = typeof want === 'string' ? { contains: want } : want;
	for (const verb of Object.keys(wanted)) {
		if (!tests[verb])
			throw new Error(`scenario: "${verb}" is no check; known: ${Object.keys(tests).join(', ')}`);
		for (const t of [].concat(wanted[verb]))
			if (!tests[verb](t))
				return `${what} ${verb === 'lacks' ? 'has' : verb === 'equals' ? 'is not' : verb === 'matches' ? 'does not match' : 'lacks'} '${t}': '${short}'`;
	}
	return null;
}

function result(request, want) {
	const last = request.results[request.results.length - 1];
	if (want === null)
		return last ? `a tool result was sent: '${last.text.slice(0, 200)}'` : null;
	if (!last)
		return 'no tool result was sent';
	if (want && want.error !== undefined && last.error !== want.error)
		return `the tool result ${last.error ? 'is' : 'is not'} an error: '${last.text.slice(0, 200)}'`;
	const texts = Object.assign({}, typeof want === 'string' ? { contains: want } : want);
	delete texts.error;
	return mismatch('the tool result', request.results.map((r) => r.text).join('\n'), texts);
}

const offered = (request, name) => clients.offered(request, name) !== undefined;
const checks = {
	result,
	tools: (rq, want) => [].concat(want).map((t) => (offered(rq, t) ? null : `tool '${t}' is not offered`)).find(Boolean),
	no_tools: (rq, want) => [].concat(want).map((t) => (offered(rq, t) ? `tool '${t}' is offered` : null)).find(Boolean),
	system: (rq, want) => mismatch('the system text', rq.system, want),
	user: (rq, want) => mismatch('the user text', rq.user, want),
	body: (rq, want) => mismatch('the body', JSON.stringify(rq.body), want),
	model: (rq, want) => mismatch('the model', String(rq.model), typeof want === 'string' ? { equals: want } : want),
	max_output: (rq, want) => (rq.max_output === want ? null : `max_output is ${rq.max_output}, not ${want}`),
	stream: (rq, want) => (rq.stream === want ? null : `stream is ${rq.stream}`),
	assistant: (rq, want) => (rq.assistant === want ? null : `${rq.assistant} assistant turns were sent, not ${want}`),
};

// Null, or why the request is not the one that the turn is an answer to.
function wrong(request, expect) {
	for (const name of Object.keys(expect || {})) {
		if (!checks[name])
			throw new Error(`scenario: unknown check "${name}"; known: ${Object.keys(checks).join(', ')}`);
		const why = checks[name](request, expect[name]);
		if (why)
			return why;
	}
	return null;
}

const matches = (request, s) => {
	const m = s.made.match;
	if (m === undefined)
		return request.tools.length > 0 || s.made.any === true;
	return typeof m === 'function' ? m(request) : wrong(request, m) === null;
};

const side = { name: 'side-call', k: 0, made: { turns: [{ say: 'PONG' }], loop: true } };

// The scenario of this request: the first that matches; a call without tools is a side call.
function choose(scenarios, request) {
	return scenarios.find((s) => matches(request, s)) || (request.tools.length === 0 ? side : null);
}

function next(s, request) {
	const k = s.made.index === 'assistant' ? request.assistant : s.k++;
	if (typeof s.made.turn === 'function')
		return { k, turn: s.made.turn(request, k) };
	const turns = s.made.turns;
	return { k, turn: turns[s.made.loop ? Math.min(k, turns.length - 1) : k] };
}

// The neutral parts of what a turn says; ids of calls by the counter `id`.
function parts(request, say, id) {
	return [].concat(say === undefined ? [] : say).map((p) => {
		if (typeof p === 'string')
			return { type: 'text', text: p };
		if (p.thinking !== undefined)
			return { type: 'thinking', text: p.thinking, signature: p.signature || 'c2lnbmF0dXJl' };
		if (p.text !== undefined)
			return { type: 'text', text: p.text };
		return Object.assign({ type: 'call', id: id(), signature: p.signature }, clients.call(request, p));
	});
}

function answer(request, turn, id) {
	const said = parts(request, turn.say, id);
	if (turn.bytes)
		said.push({ type: 'text', text: 'x'.repeat(turn.bytes) });
	return {
		parts: said, model: request.model, request,
		stop: turn.stop || (said.some((p) => p.type === 'call') ? 'tool' : 'end'),
		usage: Object.assign({}, USAGE, turn.usage),
	};
}

module.exports = { load, choose, next, wrong, answer };
