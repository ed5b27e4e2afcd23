#!/usr/bin/env node
/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/* proxy.js LOG [STATUS]: an HTTP proxy that knows CONNECT only, and logs whom it was asked for; or refuses. */
const fs = require('fs');
const net = require('net');
const server = require('http').createServer((rq, rs) => {
	fs.appendFileSync(process.argv[2], `${rq.method} ${rq.url}\n`);
	rs.writeHead(405);
	rs.end();
});
server.on('connect', (rq, socket, head) => {
	const [host, port] = rq.url.split(':');
	fs.appendFileSync(process.argv[2], `CONNECT ${rq.url}\n`);
	if (process.argv[3])
		return socket.end(`HTTP/1.1 ${process.argv[3]} No\r\ncontent-length: 0\r\n\r\n`);
	const to = net.connect(port, host, () => {
		socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
		to.write(head);
		to.pipe(socket).pipe(to);
	});
	for (const s of [to, socket])
		s.on('error', () => { to.destroy(); socket.destroy(); });
});
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
