/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/* Finds the fix in four turns, each by what was said before; the third one, the first time that it is asked, never comes to its end. */
const call = (name, input) => ({ call: name, input });
const turns = [
	{ say: call('read', { path: 'price.js' }) },
	{ expect: { result: 'return item.length;' }, say: call('write', { path: 'price.js', old: 'return item.length;', new: 'return item == null ? 0 : item.length;' }) },
	{ expect: { result: '"in_scope":true' }, say: ['Let me see.', call('evaluate', { kind: 'full', note: 'zero' })] },
	{ expect: { result: '"passed":true' }, say: call('submit', { title: 'price: no item has no length', cause: 'c', change: 'd' }) },
];
let stalled = false;

module.exports = {
	turn: (request) => {
		const turn = turns[request.assistant];
		if (request.assistant !== 2 || stalled)
			return turn;
		stalled = true;
		return Object.assign({ stall: 'forever', after: 3 }, turn);
	},
};
