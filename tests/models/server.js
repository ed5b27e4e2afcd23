#!/usr/bin/env node
/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/*
 * A scripted model behind the providers' real protocols, for tests: it plays a
 * scenario turn by turn and goes on only where the request is the one that the
 * scenario waits for.  It needs no package; README.md says how it is used.
 */
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const scenario = require('./scenario.js');

const wires = ['anthropic', 'chat', 'responses', 'google'].map((n) => require(`./wire/${n}.js`));
const MODELS = ['scripted-1', 'scripted-2'];
const BODY_MAX = 64 << 20;

function usageError(why) {
	process.stderr.write(`server.js: ${why}\nusage: server.js --scenario FILE [--port N] [--log FILE] [--key KEY]\n`);
	process.exit(2);
}

function options(argv) {
	const o = { port: '0' };
	for (let i = 2; i < argv.length; i++) {
		const name = argv[i].replace(/^--/, '');
		if (!['scenario', 'port', 'log', 'key'].includes(name) || i + 1 >= argv.length)
			usageError(`unknown or incomplete option '${argv[i]}'`);
		o[name] = argv[++i];
	}
	if (!o.scenario)
		usageError('--scenario is needed');
	return o;
}

const opt = options(process.argv);
const scenarios = scenario.load(opt.scenario);
const logFile = opt.log ? fs.openSync(opt.log, 'a') : -1;
const digest = (s) => 'sha256:' + crypto.createHash('sha256').update(s).digest('hex');
let requests = 0, calls = 0, answers = 0;

function log(entry) {
	if (logFile >= 0)
		fs.writeSync(logFile, JSON.stringify(entry) + '\n');
}

// Headers as they came, a key replaced by its digest.
function shownHeaders(headers) {
	const out = Object.assign({}, headers);
	for (const name of ['x-api-key', 'x-goog-api-key'])
		if (out[name] !== undefined)
			out[name] = digest(out[name]);
	if (out.authorization !== undefined)
		out.authorization = out.authorization.replace(/^Bearer (.*)$/, (_, k) => 'Bearer ' + digest(k));
	return out;
}

function sendJson(res, status, value, headers) {
	const body = Buffer.from(JSON.stringify(value));
	res.writeHead(status, Object.assign({ 'content-type': 'application/json', 'content-length': body.length }, headers));
	res.end(body);
}

// The bytes of an answer in pieces, one for each event; with how the turn spoils them.
function pieces(wire, request, a, turn) {
	if (turn.garbage !== undefined) {
		const rubbish = typeof turn.garbage === 'string' ? turn.garbage : '{"choices": [{"del\u0000 <html>}';
		return [request.stream ? `data: ${rubbish}\n\n` : rubbish];
	}
	if (!request.stream)
		return [JSON.stringify(Object.assign(wire.whole(a), turn.extra))];
	const eol = turn.crlf ? '\r\n' : '\n';
	return wire.events(a, request).map((e) => {
		const data = e.text !== undefined ? e.text : JSON.stringify(Object.assign({}, e.data, turn.extra));
		const comment = turn.comments ? ': keep-alive' + eol + eol : '';
		return comment + (e.event ? 'event: ' + e.event + eol : '') + 'data: ' + data + eol + eol;
	});
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Returns when the bytes are the kernel's, or will never be.
const write = (res, data) => new Promise((done) => {
	if (res.destroyed)
		done();
	else
		res.write(data, () => done());
});

async function play(res, all, turn) {
	const stallAt = turn.after === undefined ? 0 : turn.after;
	for (let i = 0; i < all.length && !res.destroyed; i++) {
		if (turn.disconnect === i)
			return void res.destroy();
		if (turn.stall !== undefined && i === stallAt) {
			if (turn.stall === 'forever')
				return;
			await sleep(turn.stall);
		}
		const bytes = Buffer.from(all[i]);
		const step = turn.chunk || (turn.trickle !== undefined ? 7 : bytes.length) || 1;
		for (let at = 0; at < bytes.length && !res.destroyed; at += step) {
			await write(res, bytes.subarray(at, at + step));
			if (turn.trickle !== undefined)
				await sleep(turn.trickle);
		}
	}
	if (turn.disconnect !== undefined)
		res.destroy();
	else
		res.end();
}

// A turn that is not an answer: a status, raw bytes, or nothing at all.
function refuses(res, wire, turn) {
	if (turn.raw) {
		res.writeHead(turn.raw.status || 200, turn.raw.headers || {});
		res.end(turn.raw.body || '');
	} else if (turn.reset) {
		res.socket.destroy();
	} else if (turn.status) {
		const headers = turn.retry_after === undefined ? {} : { 'retry-after': String(turn.retry_after) };
		sendJson(res, turn.status, wire.error(turn.status, turn.message || `scripted status ${turn.status}`), headers);
	} else {
		return false;
	}
	return true;
}

// {entry, turn, request} of a call; entry.wrong says why the scenario does not go on.
function decide(wire, url, body, entry) {
	const request = Object.assign(wire.read(body, url.pathname), { body, protocol: wire.name, headers: entry.headers });
	const chosen = scenario.choose(scenarios, request);
	const out = { request };
	Object.assign(entry, { protocol: wire.name, model: request.model, stream: request.stream,
		tools: request.tools.map((t) => t.name), results: request.results });
	if (!chosen) {
		entry.wrong = 'no scenario matches this request';
		return out;
	}
	try {
		const { k, turn } = scenario.next(chosen, request);
		Object.assign(entry, { scenario: chosen.name, turn: k });
		const why = turn ? scenario.wrong(request, turn.expect) : 'the scenario has no more turns';
		if (why)
			entry.wrong = `scenario '${chosen.name}' turn ${k}: ${why}`;
		else
			Object.assign(out, { turn, answer: scenario.answer(request, turn, () => wire.call_id(++calls)) });
	} catch (e) {
		entry.wrong = `scenario '${chosen.name}': ${e.message}`;
	}
	return out;
}

function complete(req, res, wire, url, body, entry) {
	const { request, turn, answer } = decide(wire, url, body, entry);
	entry.status = entry.wrong ? 400 : (turn.status || (turn.raw && turn.raw.status) || 200);
	log(entry);
	res.on('close', () => log({ seq: entry.seq, end: res.writableFinished ? 'sent' : 'cut' }));
	if (entry.wrong)
		return void sendJson(res, 400, wire.error(400, entry.wrong));
	if (refuses(res, wire, turn))
		return;
	answer.id = String(++answers).padStart(12, '0');
	const head = { 'content-type': request.stream ? 'text/event-stream; charset=utf-8' : 'application/json', 'request-id': 'req_' + answer.id };
	res.writeHead(200, head);
	play(res, pieces(wire, request, answer, turn), turn);
}

// What providers offer beside: lists of models and counts of tokens.
function other(req, res, url, entry, body) {
	const p = url.pathname;
	let value = null;
	if (req.method === 'GET' && /\/v1beta\/models$/.test(p))
		value = { models: MODELS.map((name) => ({ name: 'models/' + name, supportedGenerationMethods: ['generateContent'] })) };
	else if (req.method === 'GET' && /\/models$/.test(p))
		value = { object: 'list', data: MODELS.map((id) => ({ id, object: 'model', type: 'model', display_name: id,
			created: 1700000000, created_at: '2026-01-01T00:00:00Z', owned_by: 'tests' })), has_more: false,
			first_id: MODELS[0], last_id: MODELS[1] };
	else if (req.method === 'POST' && /\/count_tokens$/.test(p))
		value = { input_tokens: Math.ceil(body.length / 4) };
	else if (req.method === 'POST' && /:countTokens$/.test(p))
		value = { totalTokens: Math.ceil(body.length / 4) };
	entry.status = value || (req.method === 'HEAD' && p === '/') ? 200 : 404;
	log(entry);
	if (req.method === 'HEAD')
		return void res.writeHead(entry.status).end();
	sendJson(res, entry.status, value || wires[1].error(404, `no such path: ${req.method} ${p}`));
}

function keyIsWrong(wire, req, url) {
	return opt.key !== undefined && wire.key(req.headers, url.searchParams) !== opt.key;
}

function handle(req, res, text) {
	const url = new URL(req.url, 'http://loopback');
	const wire = req.method === 'POST' ? wires.find((w) => w.path.test(url.pathname)) : undefined;
	const entry = { seq: ++requests, method: req.method, path: url.pathname + url.search.replace(/key=[^&]*/, 'key='),
		headers: shownHeaders(req.headers) };
	let body;
	if (!wire)
		return other(req, res, url, entry, text);
	if (keyIsWrong(wire, req, url)) {
		log(Object.assign(entry, { status: 401, wrong: 'the key is missing or wrong' }));
		return void sendJson(res, 401, wire.error(401, 'the key is missing or wrong'));
	}
	try {
		body = JSON.parse(text);
	} catch (e) {
		log(Object.assign(entry, { status: 400, wrong: 'the body is not JSON: ' + e.message }));
		return void sendJson(res, 400, wire.error(400, 'the body is not JSON'));
	}
	entry.body = body;
	complete(req, res, wire, url, body, entry);
}

function listen() {
	const serve = (req, res) => {
		const got = [];
		let size = 0;
		req.on('data', (d) => {
			size += d.length;
			if (size > BODY_MAX)
				req.destroy();
			got.push(d);
		});
		req.on('error', () => {});
		res.on('error', () => {});
		req.on('end', () => handle(req, res, Buffer.concat(got).toString()));
	};
	const server = http.createServer(serve);
	server.requestTimeout = 0;
	server.keepAliveTimeout = 60000;
	server.listen(Number(opt.port), '127.0.0.1', () => process.stdout.write(`listening ${server.address().port}\n`));
}

listen();
