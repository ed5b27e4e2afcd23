#!/usr/bin/env node
/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/*
 * server.js LOG [CERT KEY]: a model's server that behaves badly on purpose: the name of the model says
 * how.  Speaks Anthropic Messages; prints "listening PORT"; a line of LOG for each request.
 */
const crypto = require('crypto');
const fs = require('fs');
const [log, cert, key] = process.argv.slice(2);
const seen = {};
let sockets = 0;

const event = (data) => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
const usage = { input_tokens: 11, output_tokens: 1 };
const start = (model) => event({ type: 'message_start', message: { id: 'msg_1', type: 'message', role: 'assistant', model, content: [], stop_reason: null, stop_sequence: null, usage } });
const open = event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } });
const delta = (text) => event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } });
const end = event({ type: 'content_block_stop', index: 0 }) +
	event({ type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 7 } }) +
	event({ type: 'message_stop' });
const whole = (model, text) => start(model) + open + delta(text) + end;
const body = (model, text) => JSON.stringify({ id: 'msg_1', type: 'message', role: 'assistant', model, content: [{ type: 'text', text }], stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 11, output_tokens: 7 } });
const error = (type, message) => JSON.stringify({ type: 'error', error: { type, message } });
const sse = { 'content-type': 'text/event-stream; charset=utf-8' };
const json = { 'content-type': 'application/json' };

function fine(rq, rs, model, streamed) {
	rs.writeHead(200, streamed ? sse : json);
	rs.end(streamed ? whole(model, 'hello') : body(model, 'hello'));
}
function fails(times, status, headers, type) {
	return (rq, rs, model, streamed, count) => {
		if (count > times)
			return fine(rq, rs, model, streamed);
		rs.writeHead(status, { ...json, ...headers });
		rs.end(error(type, 'not now'));
	};
}
function streams(...parts) { // then leaves it open
	return (rq, rs, model) => {
		rs.writeHead(200, sse);
		rs.write(start(model) + open + parts.join(''));
	};
}
const ways = {
	fine,
	limited: fails(1, 429, { 'retry-after': '1' }, 'rate_limit_error'),
	'limited-date': fails(1, 429, { 'retry-after': new Date(Date.now() - 5000).toUTCString() }, 'rate_limit_error'),
	'limited-long': fails(9, 429, { 'retry-after': '3600' }, 'rate_limit_error'),
	busy: fails(2, 503, {}, 'overloaded_error'),
	down: fails(99, 500, {}, 'api_error'),
	refused: fails(99, 400, {}, 'invalid_request_error'),
	redirect: fails(99, 307, { location: '/elsewhere' }, 'moved'),
	stall: streams(delta('half')),
	silent() {},
	cut(rq, rs, model) {
		rs.writeHead(200, sse);
		rs.write(start(model) + open + delta('half'), () => setTimeout(() => rq.socket.destroy(), 50));
	},
	'cut-first'(rq, rs, model, streamed, count) {
		return count > 1 ? fine(rq, rs, model, streamed) : rq.socket.destroy();
	},
	'cut-always'(rq) {
		rq.socket.destroy();
	},
	short(rq, rs, model) { // ends properly, before the answer does
		rs.writeHead(200, sse);
		rs.end(start(model) + open + delta('half'));
	},
	lingers: streams(delta('hello'), end),
	garbage(rq, rs) {
		rs.writeHead(200, sse);
		rs.end('data: {"type":"message_start","message":7}\n\n');
	},
	binary(rq, rs) {
		rs.writeHead(200, sse);
		rs.end(Buffer.from([0xff, 0xfe, 0, 10, 10]));
	},
	html(rq, rs) {
		rs.writeHead(200, { 'content-type': 'text/html' });
		rs.end('<html>Welcome</html>');
	},
	raw(rq) {
		rq.socket.end('what is this\r\n\r\n');
	},
	'huge-stream'(rq, rs, model) {
		rs.writeHead(200, sse);
		rs.write(start(model) + open);
		for (let i = 0; i < 160; i++)
			rs.write(delta('x'.repeat(65536)));
		rs.end(end);
	},
	'huge-body'(rq, rs, model) {
		rs.writeHead(200, json);
		rs.end(body(model, 'x'.repeat(10 << 20)));
	},
	'huge-event'(rq, rs, model) {
		rs.writeHead(200, sse);
		rs.end(start(model) + open + delta('x'.repeat(2 << 20)) + end);
	},
	long(rq, rs, model) { // 3 MiB in small events
		rs.writeHead(200, sse);
		rs.write(start(model) + open);
		for (let i = 0; i < 3072; i++)
			rs.write(delta('y'.repeat(900)));
		rs.end(end);
	},
	trickle(rq, rs, model) {
		const text = whole(model, 'hello');
		let at = 0;
		rs.writeHead(200, sse);
		const t = setInterval(() => {
			rs.write(text.slice(at, at + 40));
			at += 40;
			if (at >= text.length) {
				clearInterval(t);
				rs.end();
			}
		}, 20);
	},
	'says-key'(rq, rs) {
		rs.writeHead(401, json);
		rs.end(error('authentication_error', `invalid x-api-key: ${rq.headers['x-api-key']}`));
	},
	'writes-key'(rq, rs, model) {
		rs.writeHead(200, sse);
		rs.end(whole(model, `your key is ${rq.headers['x-api-key']}, is it not?`));
	},
};

function serve(rq, rs) {
	const parts = [];
	rq.on('error', () => {});
	rs.on('error', () => {});
	rq.on('data', (p) => parts.push(p));
	rq.on('end', () => {
		let ask = {};
		try {
			ask = JSON.parse(Buffer.concat(parts));
		} catch (e) {
			ask.model = 'refused';
		}
		seen[ask.model] = (seen[ask.model] || 0) + 1;
		const digest = crypto.createHash('sha256').update(rq.headers['x-api-key'] || '').digest('hex');
		fs.appendFileSync(log, `${ask.model} ${rq.method} ${rq.url} HTTP/${rq.httpVersion} key ${digest.slice(0, 16)} socket ${rq.socket.number || 0} host ${rq.headers.host || ''}\n`);
		(ways[ask.model] || fine)(rq, rs, ask.model, ask.stream === true, seen[ask.model]);
	});
}

const server = cert
	? require('http2').createSecureServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key), allowHTTP1: true }, serve)
	: require('http').createServer(serve);
server.on(cert ? 'secureConnection' : 'connection', (s) => {
	s.number = ++sockets;
	s.on('error', () => {});
});
server.on('tlsClientError', () => {});
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
