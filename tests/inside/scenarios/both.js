/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/* Both agents ask: one finds a test that matches at the second try, the other a fix at the first. */
const call = (name, input) => ({ call: name, input });
const test = (line) => call('write', { path: 'test/null.test.js',
	content: `'use strict';\nconst { test } = require('node:test');\nconst shop = require('../price.js');\n\ntest('no item', () => {\n  ${line}\n});\n` });

module.exports = {
	scenarios: [
		{ name: 'reproduce', match: { system: 'write one new test' }, turns: [
			{ expect: { user: { contains: ['A test of the suite', 'return item.length;'] } }, say: call('write', { path: 'price.js', content: '' }) },
			{ expect: { result: { contains: ['"refused"', "a new test file in 'test'"] } }, say: call('evaluate', {}) },
			{ expect: { result: 'nothing is changed' }, say: test('shop.first(null);') },
			{ expect: { result: '"in_scope":true' }, say: call('evaluate', { note: 'first of nothing' }) },
			{ expect: { result: '"passed":false' }, say: call('submit', { title: 't', cause: 'c', change: 'd' }) },
			{ expect: { result: 'only that can be submitted' }, say: test('shop.price(null);') },
			{ expect: { result: '"in_scope":true' }, say: call('evaluate', { note: 'price of nothing' }) },
			{ expect: { result: { contains: ['"passed":true', '"match":"exact"'] } }, say: call('submit', { title: 'a price of nothing',
				cause: 'price() is called without an item.', change: 'Adds a test.', test_name: 'no item' }) },
		] },
		{ name: 'patch', match: { system: 'change the program' }, turns: [
			{ expect: { user: 'shop.price(null);' }, say: call('write', { path: 'price.js', old: 'return item.length;', new: 'return item == null ? 0 : item.length;' }) },
			{ expect: { result: '"in_scope":true' }, say: call('evaluate', { kind: 'full' }) },
			{ expect: { result: '"passed":true' }, say: call('submit', { title: 'price: no item has no length', cause: 'c', change: 'd' }) },
		] },
	],
};
