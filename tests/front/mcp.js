/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/*
 * The protocol's official client, unmodified, against an MCP server:
 *     node mcp.js http URL PACKAGES | node mcp.js stdio PROGRAM URL PACKAGES
 * prints "ok NAME" or "bad NAME: why".  What answers is front-relay.
 */
const assert = require('assert');
const path = require('path');

const args = process.argv.slice(2);
const kind = args.shift();
const packages = args.pop();
const load = (name) => require(path.join(packages, '@modelcontextprotocol/sdk/dist/cjs', name));
const { Client } = load('client/index.js');

function transport() {
	if (kind === 'http')
		return new (load('client/streamableHttp.js').StreamableHTTPClientTransport)(new URL(args[0]));
	return new (load('client/stdio.js').StdioClientTransport)({ command: args[0], args: ['--mcp', args[1]] });
}

const change = (p) => ({ changes: [{ path: p, content: 'x' }] });

const tests = {
	async 'the tools are listed'(c) {
		const names = (await c.listTools()).tools.map((t) => t.name).sort();
		assert.deepEqual(names, ['budget', 'check', 'evaluate', 'give_up', 'history', 'incident', 'note', 'run',
			'scope', 'submit']);
	},
	async 'the incident is told'(c) {
		const r = await c.callTool({ name: 'incident' });
		assert.equal(r.structuredContent.schema, 'sickbay.incident/1');
	},
	async 'a change is evaluated'(c) {
		const r = await c.callTool({ name: 'evaluate', arguments: change('lib/a.js') });
		assert.deepEqual([r.structuredContent.passed, r.structuredContent.left], [true, 8]);
	},
	async 'several calls at a time are each answered'(c) {
		const r = await Promise.all(Array.from({ length: 10 }, () => c.callTool({ name: 'budget' })));
		assert.ok(r.every((x) => x.structuredContent.evaluations === 9));
	},
	async 'a command is run'(c) {
		const r = await c.callTool({ name: 'run', arguments: { argv: ['npm', 'test'] } });
		assert.equal(r.structuredContent.out, 'fine\n');
	},
	async 'a refusal names rule and place, and what is allowed'(c) {
		const r = await c.callTool({ name: 'check', arguments: change('.ci/run') });
		assert.ok(r.isError);
		assert.match(r.content[0].text, /^refused: hidden files.*rule write, policy.json:1:1.*Allowed instead/);
	},
	async 'a wrong argument is named'(c) {
		const e = await c.callTool({ name: 'run', arguments: { argv: 'npm test' } }).catch((x) => x);
		assert.equal(e.code, -32602);
		assert.match(e.message, /\/argv/);
	},
	async 'the tree is submitted, once'(c) {
		const r = await c.callTool({ name: 'submit', arguments: { title: 'a fix' } });
		assert.equal(r.structuredContent.accepted, true);
		assert.ok((await c.callTool({ name: 'give_up', arguments: { reason: 'no' } })).isError);
	},
};

async function main() {
	const client = new Client({ name: 'mcp.js', version: '1' });
	await client.connect(transport());
	for (const name of Object.keys(tests))
		await tests[name](client).then(() => console.log(`ok ${kind}: ${name}`),
			(e) => console.log(`bad ${kind}: ${name}: ${e.message.split('\n')[0]}`));
	await client.close();
}

main().catch((e) => { console.log(`bad ${kind}: it connects: ${e.message}`); process.exitCode = 1; });
