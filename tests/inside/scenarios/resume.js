/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/* Hears what is never the same twice (the time), then waits long enough to be killed. */
const call = (name, input) => ({ call: name, input });
const node = (script) => call('run', { argv: ['node', '-e', script] });

module.exports = {
	index: 'assistant',
	turns: [
		{ say: node('console.log("now " + process.hrtime.bigint())') },
		{ expect: { result: 'now ' }, say: call('write', { path: 'price.js', old: 'return item.length;', new: 'return item == null ? 0 : item.length;' }) },
		{ expect: { result: '"in_scope":true' }, say: call('evaluate', { kind: 'full' }) },
		{ expect: { result: '"passed":true' }, say: call('budget', {}) },
		{ expect: { result: '"usd"' }, say: node('setTimeout(() => console.log("slept"), 1500)') },
		{ expect: { result: 'slept' }, say: call('submit', { title: 'price: no item has no length', cause: 'c', change: 'd' }) },
	],
};
