/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/* Heals in four turns, each by what was said before; the third one, the first time that it is asked, never comes to its end. */
const mend = 'sed -i "s/item.name.length/(item?.name ?? \'\').length/" price.js && cat price.js';
const turns = [
	{ say: [{ call: 'incident' }] },
	{ expect: { result: 'TypeError' }, say: [{ call: 'Bash', input: { command: mend } }] },
	{ expect: { result: "(item?.name ?? '').length" }, say: ['Let me see.', { call: 'submit', input: { title: 'Treat a missing name as empty',
		cause: 'An item without a name has no length.', change: 'The length of a missing name is 0.' } }] },
	{ expect: { result: 'accepted' }, say: 'Done.' },
];
let stalled = false;

module.exports = {
	index: 'assistant',
	turn: (request) => {
		const turn = turns[request.assistant];
		if (request.assistant !== 2 || stalled)
			return turn;
		stalled = true;
		return Object.assign({ stall: 'forever' }, turn);
	},
};
