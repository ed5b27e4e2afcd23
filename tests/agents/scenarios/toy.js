/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
const test = 'node --test test/ 2>&1 | grep -cE "^not ok|^# fail [1-9]"; true';
const mend = 'sed -i "s/item.name.length/(item?.name ?? \'\').length/" price.js && cat price.js';

exports.scenarios = [
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
