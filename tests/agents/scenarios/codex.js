/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
const heal = require('./heal.js');

module.exports = {
	turns: [
		{ expect: { result: null }, say: ['The task first.', heal.task] },
		{ expect: { result: '"patch"', tools: ['incident', 'evaluate', 'submit'] }, say: [heal.incident] },
		{ expect: { result: 'stringify' }, say: [heal.before] },
		{ expect: { result: 'Cannot read' }, say: [heal.cat] },
		{ expect: { result: 'maybeMap(obj, encoder)' }, say: [heal.tryOne] },
		heal.tried,
		{ expect: { result: heal.holds }, say: [heal.script] },
		{ expect: { result: 'written' }, say: [heal.after] },
		{ expect: { result: { contains: '# pass', lacks: ['# fail', 'Cannot read'] } }, say: [heal.check] },
		{ expect: { result: 'refused' }, say: [heal.submit] },
		{ expect: { result: 'accepted' }, say: 'An empty element is not encoded any more.' },
	],
};
