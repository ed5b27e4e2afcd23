/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/*
 * What a model says to an agent program that heals the case qs: it looks at the place, runs the accepted test, asks the
 * gate what it thinks of two changes, makes the better one, runs the test again and ends.  Each answer waits for the tool
 * result that the one before must have brought.  BASE_FILE has the file that is mended as it was.
 */
const fs = require('fs');
const file = '/srv/shop/node_modules/qs/lib/stringify.js';
const old = 'obj = utils.maybeMap(obj, encoder);';
const mended = 'obj = utils.maybeMap(obj, function (value) {\n                return value === null || typeof value === \'undefined\' ? value : encoder(value);\n            });';
const test = 'node node_modules/.bin/tape test/stringify-null-array-element.js 2>&1 | grep -E "^# (pass|fail)|TypeError" | head -5';

exports.file = file;
exports.task = { do: 'shell', command: 'cd /srv/shop/node_modules/qs && grep -o \'"role": *"[a-z]*"\' "$SICKBAY_TASK" && env | grep -c ^SICKBAY_' };
exports.before = { do: 'shell', command: 'cd /srv/shop/node_modules/qs && ' + test };
exports.after = exports.before;
exports.incident = { call: 'incident', input: {} };
exports.budget = { call: 'budget', input: {} };
const evaluate = (kind, text, note) => ({ call: 'evaluate', input: { kind, note,
	changes: [{ path: 'lib/stringify.js', content: fs.readFileSync(process.env.BASE_FILE, 'utf8').replace(old, text) }] } });
// A change that does not help, and the one that does.
exports.tryOne = evaluate('quick', old + ' // as before', 'a remark');
exports.tryOther = evaluate('quick', mended, 'only what holds something');
exports.tried = { expect: { result: { contains: ['"passed":false', 'TypeError'] } }, say: ['That does not help.', exports.tryOther] };
exports.holds = { contains: '"passed":true', lacks: '"passed":false' };
exports.check = { call: 'check', input: { changes: [{ path: 'package.json', content: '{}\n' }] } };
exports.submit = { call: 'submit', input: {
	title: 'Leave empty elements out of the encoder', cause: 'The encoder was called for elements that are null.',
	change: 'Only elements that hold something are encoded.' } };
exports.read = { do: 'read', path: file };
exports.edit = { do: 'edit', path: file, old, new: mended };
exports.old = old;

// The same with nothing but a shell.
exports.cat = { do: 'shell', command: 'grep -n "maybeMap(obj, encoder)" ' + file };
exports.script = { do: 'shell', command: `node -e '
	const fs = require("fs"), s = fs.readFileSync("${file}", "utf8");
	fs.writeFileSync("${file}", s.replace("${old}", ${JSON.stringify(mended).replace(/'/g, '\\u0027')}));
	console.log("written");'` };

// With tools of its own that read and edit files.
exports.turns = [
	{ expect: { result: null }, say: ['The task first.', exports.task] },
	{ expect: { result: '"patch"', tools: ['incident', 'evaluate', 'submit'] }, say: [exports.incident] },
	{ expect: { result: 'stringify' }, say: [exports.before] },
	{ expect: { result: 'Cannot read' }, say: [exports.read] },
	{ expect: { result: 'utils.maybeMap(obj, encoder)' }, say: [exports.tryOne] },
	exports.tried,
	{ expect: { result: exports.holds }, say: [exports.edit] },
	{ expect: { result: { error: false } }, say: [exports.after] },
	{ expect: { result: { contains: '# pass', lacks: ['# fail', 'Cannot read'] } }, say: [exports.check] },
	{ expect: { result: 'refused' }, say: [exports.submit] },
	{ expect: { result: 'accepted' }, say: 'An empty element is not encoded any more.' },
];
