/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/* Tries what does not hold, is told so, and says that it found nothing. */
const call = (name, input) => ({ call: name, input });

module.exports = {
	turns: [
		{ expect: { user: 'return item.length;' }, say: call('read', { path: 'price.js' }) },
		{ expect: { result: 'return item.length;' }, say: call('write', { path: 'price.js', old: 'item.length', new: 'item.size' }) },
		{ expect: { result: '"in_scope":true' }, say: call('evaluate', { kind: 'full', note: 'another member' }) },
		{ expect: { result: '"passed":false' }, say: call('submit', { title: 'price: another member', cause: 'c', change: 'd' }) },
		{ expect: { result: { error: true } }, say: call('give_up', { reason: 'nothing that I tried holds' }) },
	],
};
