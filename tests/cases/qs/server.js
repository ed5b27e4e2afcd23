'use strict';

/*
 * Production of this case: a small HTTP service that turns JSON filters into a
 * query string.  It logs as an instrumented service does: one JSON line for
 * each error, with the stack and the call that failed.
 *
 *   node server.js PORT      serves on the loopback until it is stopped
 *   node server.js --once    serves, sends itself the request that fails, and ends
 */
const http = require('http');
const qs = require('qs');

const options = { arrayFormat: 'comma', encodeValuesOnly: true };

function log(error, call) {
	const line = {
		time: new Date().toISOString(),
		level: 'error',
		service: 'shop',
		release: 'shop@6.15.1',
		environment: 'production',
		err: { type: error.name, message: error.message, stack: error.stack },
		call,
	};
	process.stderr.write(JSON.stringify(line) + '\n');
}

function answer(body, response) {
	const filter = JSON.parse(body);
	try {
		response.end('/search?' + qs.stringify(filter, options) + '\n');
	} catch (error) {
		log(error, { module: 'qs', export: 'stringify', args: [filter, options] });
		response.statusCode = 500;
		response.end('internal error\n');
	}
}

const server = http.createServer((request, response) => {
	let body = '';
	request.setEncoding('utf8');
	request.on('data', (chunk) => { body += chunk; });
	request.on('end', () => answer(body, response));
});

function sendOnce() {
	const request = http.request({ host: '127.0.0.1', port: server.address().port, method: 'POST' }, (response) => {
		process.stdout.write('HTTP ' + response.statusCode + '\n');
		response.resume();
		response.on('end', () => server.close());
	});
	request.end(JSON.stringify({ a: [null, 'b'] }));
}

if (process.argv[2] === '--once') {
	server.listen(0, '127.0.0.1', sendOnce);
} else {
	server.listen(Number(process.argv[2] || 8080), '127.0.0.1');
}
