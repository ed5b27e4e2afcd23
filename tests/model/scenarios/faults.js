/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/* A model behind a bad line: what FAULT names happens to each answer; "mixed": each of them to every second one, of a model that finds the fix. */
const faults = {
	stall: { stall: 'forever', after: 2 },
	cut: { disconnect: 3 },
	garbage: { garbage: true },
	huge: { bytes: 10 << 20 },
	busy: { status: 529, message: 'overloaded' },
};
const call = (name, input) => ({ call: name, input });
const mends = [
	call('write', { path: 'price.js', old: 'return item.length;', new: 'return item == null ? 0 : item.length;' }),
	call('evaluate', { kind: 'full', note: 'zero' }),
	call('submit', { title: 'price: no item has no length', cause: 'c', change: 'd' }),
];

const mixed = ['cut', 'busy', 'garbage'];

module.exports = {
	turn: (request, k) => {
		const name = process.env.FAULT;
		if (name !== 'mixed')
			return Object.assign({ say: ['Let me look.', call('read', { path: 'price.js' })] }, faults[name]);
		const say = mends[request.assistant];
		return k % 2 === 0 ? Object.assign({ say: ['Let me look.', say] }, faults[mixed[k / 2]]) : { say };
	},
};
