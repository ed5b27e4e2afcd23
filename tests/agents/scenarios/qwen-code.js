/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
const heal = require('./heal.js');

// An MCP server's tools are offered once they were searched for.
const names = ['incident', 'check', 'submit', 'evaluate'].map((t) => 'mcp__sickbay__' + t).join(',');
const [first, second, ...rest] = heal.turns;

module.exports = {
	turns: [
		first,
		{ expect: { result: '"patch"' }, say: [{ call: 'tool_search', input: { query: 'select:' + names } }] },
		{ expect: { result: 'mcp__sickbay__submit', tools: second.expect.tools }, say: second.say },
		...rest,
	],
};
