/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
const test = 'node --test test/ 2>&1 | grep -cE "^not ok|^# fail [1-9]"; true';
const mend = 'sed -i "s/item.name.length/(item?.name ?? \'\').length/" price.js && cat price.js';

// The whole of price.js with another size().
const price = (size) => [{ path: 'price.js', content: `'use strict';

// The price of what is in the basket.
exports.price = function price(items) {
  return items.map(size);
};

function size(item) {
  return ${size};
}

exports.count = function count(items) {
  return items.length;
};
` }];
const tests = (items) => [{ path: 'test/nameless.test.js', content: `'use strict';
const { test } = require('node:test');
const shop = require('../price.js');

test('an item without a name', () => {
  shop.price(${items});
});
` }];
const evaluate = (kind, changes, note) => ({ call: 'evaluate', input: { kind, changes, note } });

exports.scenarios = [
	{ // writes the test: one that passes is no reproduction, and what fails in another way is none
		name: 'reproduce', match: { tools: 'submit', user: 'Write a test' },
		turns: [
			{ expect: { result: null }, say: [{ call: 'incident' }] },
			{ expect: { result: 'TypeError' }, say: [evaluate('reproduce', tests('[]'), 'nothing in it')] },
			{ expect: { result: { contains: ['"passed":false', '"match":"none"'] } }, say: [evaluate('reproduce', tests('null'), 'no basket')] },
			{ expect: { result: { contains: '"passed":false', lacks: '"match":"exact"' } }, say: [evaluate('reproduce', tests("[{ name: null }]"), 'no name')] },
			{ expect: { result: { contains: ['"passed":true', '"match":"exact"'] } }, say: [{ call: 'submit', input: { changes: tests("[{ name: null }]"),
				title: 'A nameless item has no price', cause: 'size() wants a name.', change: 'Adds a test.', test_name: 'an item without a name' } }] },
			{ expect: { result: 'accepted' }, say: 'Done.' },
		],
	},
	{ // asks whether it holds before it changes anything
		name: 'evaluate', match: { tools: 'submit', user: 'Evaluate first' },
		turns: [
			{ expect: { result: null }, say: [evaluate('full', price('item.length'), 'the length of an item')] },
			{ expect: { result: { contains: ['"passed":false', 'price.test.js'] } }, say: [evaluate('full', price("(item?.name ?? '').length"), 'no name, no length')] },
			{ expect: { result: { contains: '"passed":true', lacks: '"passed":false' } }, say: [{ call: 'submit', input: { changes: price("(item?.name ?? '').length"),
				title: 'Treat a missing name as empty', cause: 'An item without a name has no length.', change: 'The length of a missing name is 0.' } }] },
			{ expect: { result: 'accepted' }, say: 'Done.' },
		],
	},
	{ // through the gate's tools: what is to be done, what it may change, whether it holds
		name: 'heal', match: { tools: 'submit' },
		turns: [
			{ expect: { result: null, tools: ['incident', 'evaluate', 'submit'] }, say: [{ call: 'incident' }] },
			{ expect: { result: 'TypeError' }, say: [{ call: 'Bash', input: { command: mend } }] },
			{ expect: { result: "(item?.name ?? '').length" }, say: [{ call: 'Bash', input: { command: test } }] },
			{ expect: { result: '0' }, say: [{ call: 'check', input: { changes: [{ path: 'package.json', content: '{}\n' }] } }] },
			{ expect: { result: { contains: 'refused', error: true } }, say: [{ call: 'submit', input: {
				title: 'Treat a missing name as empty', cause: 'An item without a name has no length.', change: 'The length of a missing name is 0.' } }] },
			{ expect: { result: 'accepted' }, say: 'Done.' },
		],
	},
	{ name: 'talk', match: {}, loop: true, turns: [{ say: 'Again.', usage: { input: 20000, output: 900 } }] },
];
