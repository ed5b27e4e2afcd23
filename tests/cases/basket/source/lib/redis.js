'use strict';

/* A client of the few commands that this service needs: one connection a piece of work. */
const net = require('net');

function encode(words) {
	const parts = [`*${words.length}\r\n`];
	for (const word of words) {
		const text = String(word);
		parts.push(`$${Buffer.byteLength(text)}\r\n${text}\r\n`);
	}
	return parts.join('');
}

/* The value that begins at `at`, and where it ends; undefined while it is not complete. */
function decode(data, at) {
	const line = data.indexOf('\r\n', at);
	if (line < 0) { return undefined; }
	const kind = String.fromCharCode(data[at]);
	const head = data.toString('utf8', at + 1, line);
	let end = line + 2;
	if (kind === '+') { return { value: head, end }; }
	if (kind === ':') { return { value: Number(head), end }; }
	if (kind === '-') { return { value: new Error(head), end }; }
	const count = Number(head);
	if (count < 0) { return { value: null, end }; }
	if (kind === '$') {
		if (data.length < end + count + 2) { return undefined; }
		return { value: data.toString('utf8', end, end + count), end: end + count + 2 };
	}
	const list = [];
	for (let i = 0; i < count; i++) {
		const item = decode(data, end);
		if (item === undefined) { return undefined; }
		list.push(item.value);
		end = item.end;
	}
	return { value: list, end };
}

class Connection {
	constructor(socket) {
		this.socket = socket;
		this.data = Buffer.alloc(0);
		this.waiting = [];
		socket.on('data', (chunk) => this.take(chunk));
		socket.on('error', (error) => this.fail(error));
		socket.on('close', () => this.fail(new Error('redis: the connection was closed')));
	}

	take(chunk) {
		this.data = Buffer.concat([this.data, chunk]);
		for (let reply = decode(this.data, 0); reply; reply = decode(this.data, 0)) {
			this.data = this.data.subarray(reply.end);
			const { resolve, reject } = this.waiting.shift();
			if (reply.value instanceof Error) { reject(reply.value); } else { resolve(reply.value); }
		}
	}

	fail(error) {
		for (const { reject } of this.waiting.splice(0)) { reject(error); }
	}

	send(...words) {
		return new Promise((resolve, reject) => {
			this.waiting.push({ resolve, reject });
			this.socket.write(encode(words));
		});
	}
}

async function withRedis(work) {
	const socket = net.connect({
		host: process.env.REDIS_HOST || 'redis',
		port: Number(process.env.REDIS_PORT || 6379),
	});
	try {
		return await work(new Connection(socket));
	} finally {
		socket.destroy();
	}
}

module.exports = { withRedis };
