/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/* Finds the fix of the toy service in several turns: reads, tries a change that breaks a test, mends it, submits. */
const call = (name, input) => ({ call: name, input });
const edit = (before, after) => call('write', { path: 'price.js', old: before, new: after });
const tools = ['list', 'read', 'search', 'run', 'write', 'evaluate', 'history', 'incident', 'budget', 'submit', 'give_up'];
const submission = {
	title: 'price: no item has no length',
	cause: 'price() reads the length of what may be null.',
	change: 'An item that is not there counts 0.',
};

module.exports = {
	turns: [
		{ expect: { tools, system: 'A gate decides', user: { contains: ['return item.length;', 'price.test.js'] }, result: null },
			say: ['I read the file first.', call('read', { path: 'price.js' })] },
		{ expect: { result: 'return item.length;' }, say: call('search', { pattern: 'price(' }) },
		{ expect: { result: 'test/price.test.js' }, say: edit('return item.length;', 'return item == null ? 0 : item.size;') },
		{ expect: { result: '"in_scope":true' }, say: call('run', { argv: ['node', '-p', "require('./price.js').price(null)"] }) },
		{ expect: { result: { contains: ['"code":0', '"out":"0\\n"'] } }, say: call('evaluate', { kind: 'quick', note: 'zero' }) },
		{ expect: { result: '"passed":true' }, say: call('evaluate', { kind: 'full', note: 'zero' }) },
		{ expect: { result: { contains: ['"passed":false', 'one'] } }, say: [call('budget', {}), call('history', {})] },
		{ expect: { result: { contains: ['"usd"', '"evaluations"'] } }, say: edit('item.size', 'item.length') },
		{ expect: { result: '"in_scope":true' }, say: call('evaluate', { kind: 'full', note: 'the length again' }) },
		{ expect: { result: '"passed":true' }, say: call('submit', submission) },
	],
};
