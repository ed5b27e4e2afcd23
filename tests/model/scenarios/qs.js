/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/* Finds the fix of the demo's case in several turns: reads where it fails, mends it there, sees that more is wrong, submits. */
const call = (name, input) => ({ call: name, input });
const say = (text, one) => [text, one];

module.exports = {
	turns: [
		{ expect: { user: { contains: ['lib/utils.js', 'stringify'] }, tools: ['read', 'write', 'evaluate', 'submit'] },
			say: say('It fails in encode(), which is given what is null.', call('search', { pattern: 'maybeMap(obj, encoder)' })) },
		{ expect: { result: 'lib/stringify.js' }, say: call('read', { path: 'lib/stringify.js', first: 138, last: 158 }) },
		{ expect: { result: 'obj = utils.maybeMap(obj, encoder);' },
			say: call('write', { path: 'lib/stringify.js', old: 'obj = utils.maybeMap(obj, encoder);', new: 'obj = utils.maybeMap(obj, function (value) { return value.toString(); });' }) },
		{ expect: { result: '"in_scope":true' }, say: call('evaluate', { kind: 'quick', note: 'to a string first' }) },
		{ expect: { result: '"passed":false' },
			say: call('write', { path: 'lib/stringify.js', old: 'function (value) { return value.toString(); }',
				new: 'function (value) {\n                return value === null || typeof value === \'undefined\' ? value : encoder(value);\n            }' }) },
		{ expect: { result: '"in_scope":true' }, say: call('evaluate', { kind: 'full', note: 'nothing is not encoded' }) },
		{ expect: { result: '"passed":true' }, say: call('submit', {
			title: 'stringify: an element that is null is not encoded',
			cause: 'With the comma format each element is encoded before the list is joined; what is null has no characters to encode.',
			change: 'An element that is null or undefined is left as it is, as it is when values are not encoded.' }) },
	],
};
