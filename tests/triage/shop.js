'use strict';
// What a service meets that is, or is not, a fault of its code: `node shop.js NAME` ends with the report that the
// runtime prints.  record.sh keeps them.
const fs = require('fs'), net = require('net'), http = require('http'), https = require('https');

const fails = {
	disk() { fs.writeFileSync('/dev/full', 'an order'); },
	descriptors() { for (let i = 0; ; i++) fs.openSync(__filename, 'r'); },
	worker() {
		const { Worker } = require('worker_threads');
		return new Promise((_, reject) => new Worker('const a = []; for (;;) a.push({ a: [1, 2, 3] })',
			{ eval: true, resourceLimits: { maxOldGenerationSizeMb: 8 } }).on('error', reject));
	},
	peer() { net.connect(1, '127.0.0.1'); },
	async fetch() { await fetch('http://127.0.0.1:9998/stock'); },
	async wrapped() {
		try {
			await fetch('http://127.0.0.1:9998/stock');
		} catch (cause) {
			throw new Error('the stock is not known', { cause });
		}
	},
	logged() {
		net.connect(1, '127.0.0.1').on('error', (e) => {
			console.log(JSON.stringify({ level: 'error', service: 'shop', time: '2026-11-22T11:20:00Z',
				err: { type: e.name, message: e.message, stack: e.stack, code: e.code } }));
		});
	},
	timeout() { net.connect(80, process.env.BLACKHOLE); },
	async resolver() { await require('dns').promises.lookup('stock.invalid'); },
	certificate() { https.get(process.env.TLS_PEER); },
	address() { http.createServer().listen(9); net.createServer().listen(9); },
	denied() { process.setgid(65534); process.setuid(65534); fs.readFileSync('/etc/shadow'); },
	status() { throw require('http-errors')(404, 'no such order'); },
	body() {
		const req = new (require('stream').Readable)({ read() { this.push('{"order": '); this.push(null); } });
		Object.assign(req, { headers: { 'content-type': 'application/json', 'content-length': '10' }, method: 'POST' });
		require('body-parser').json()(req, {}, (e) => { throw e; });
	},
	validation() { const { z } = require('zod'); z.object({ order: z.number() }).parse({ order: 'x' }); },
	forbidden() {
		class ForbiddenError extends Error {
			constructor(m) { super(m); this.name = 'ForbiddenError'; }
		}
		throw new ForbiddenError('not your order');
	},
	peerFailed() { return ask('/503'); },
	peerRefused() { return ask('/404'); },
	package() { require('qs').stringify({ a: [null, 'b'] }, { arrayFormat: 'comma', encodeValuesOnly: true }); },
	own() { const order = null; return order.lines; },
	parse() { return JSON.parse('{"order": '); },
	door() { return fs.readFileSync(undefined); },
	missing() { return fs.readFileSync('/srv/shop/prices.json'); },
	deep() { const f = (n) => f(n + 1); return f(0); },
	nowhere() { fs.promises.readFile('/srv/shop/none').then(); },
};

async function ask(path) {
	await require('axios').get(process.env.PEER + path).catch((e) => {
		delete e.config, delete e.request, delete e.response; // pages of it
		throw e;
	});
}
function answer(name) { return fails[name](); }
answer(process.argv[2]);
