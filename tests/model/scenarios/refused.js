/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/* Mends both places, where one would do for the test. */
const call = (name, input) => ({ call: name, input });
const mend = (old, is) => call('write', { path: 'price.js', old, new: is });

module.exports = {
	turns: [
		{ say: mend('item.name.length', "(item.name ?? '').length") },
		{ expect: { result: '"in_scope":true' }, say: mend('item.unit === undefined ? 0 : item.unit.length', "(item.unit ?? '').length") },
		{ expect: { result: '"in_scope":true' }, say: call('evaluate', { kind: 'full', note: 'both' }) },
		{ expect: { result: '"passed":true' }, say: call('submit', { title: 'price: what is missing has no length',
			cause: 'price() took the length of what may be missing.', change: 'A missing name or unit counts as empty.' }) },
	],
};
