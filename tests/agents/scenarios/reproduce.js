/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/* An agent program that writes the test of the case qs: one that passes is no reproduction, so it writes another. */
const test = (element) => `'use strict';

var test = require('tape');
var qs = require('../');

test('elements of a list that is joined by commas', function (t) {
    t.equal(qs.stringify({ a: [${element}, 'b'] }, { arrayFormat: 'comma', encodeValuesOnly: true }), 'a=,b');
    t.end();
});
`;
const path = 'test/empty-element.js';
const evaluate = (element) => ({ call: 'evaluate', input: { changes: [{ path, content: test(element) }] } });

module.exports = {
	turns: [
		{ expect: { result: null, tools: ['incident', 'evaluate', 'submit'] }, say: ['The report first.', { call: 'incident' }] },
		{ expect: { result: 'stringify' }, say: [evaluate("''")] },
		{ expect: { result: { contains: ['"passed":false', '"match":"none"'] } }, say: ['That is no failure.', evaluate('null')] },
		{ expect: { result: { contains: ['"passed":true', '"match":"exact"'] } },
			say: [{ do: 'write', path: '/srv/shop/node_modules/qs/' + path, content: test('null') }] },
		{ expect: { result: { error: false } }, say: [{ call: 'submit', input: { title: 'An empty element is joined',
			cause: 'The encoder is called for an element that is null.', change: 'Adds a test.', test_name: 'elements of a list' } }] },
		{ expect: { result: 'accepted' }, say: 'The test fails as production did.' },
	],
};
