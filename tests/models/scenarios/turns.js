/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
// By the name of the model: a conversation with a tool, written in several ways, and the ways in which an answer fails.
const conversation = (more) => [
	Object.assign({ expect: { system: 'Be exact.', user: 'How heavy', result: null, max_output: 64, stream: true }, say: [
		{ thinking: 'A stone has to be weighed.', signature: 'c2lnbmF0dXJl' }, 'I weigh it.',
		{ call: 'weigh', input: { what: 'the stone — 石', deep: [{ n: 1.5, none: null }] }, signature: 'dGhvdWdodA==' } ],
	usage: { input: 100, output: 20, cached: 60, reasoning: 5 } }, more),
	Object.assign({ expect: { result: { equals: '42 stone' } }, say: 'It weighs 42 stone.', usage: { input: 200, output: 10, cached: 160 } }, more),
];
const once = (name, ...turns) => ({ name, match: { model: name }, loop: true, turns });
const said = { say: 'a text of several fragments, so that there is a middle' };

exports.scenarios = [
	{ name: 'weigh', match: { model: 'weigh' }, index: 'assistant', turns: conversation({}) },
	{ name: 'odd', match: { model: 'odd' }, index: 'assistant', turns: conversation({ chunk: 3, crlf: true, comments: true, extra: { novel: { a: 1 } } }) },
	once('cut', Object.assign({ disconnect: 2 }, said)),
	once('garbage', { garbage: true }),
	once('huge', { bytes: 10485760 }),
	once('stall', Object.assign({ stall: 'forever', after: 2 }, said)),
	{ name: 'busy', match: { model: 'busy' }, turns: [{ status: 429, retry_after: 0 }, { status: 503 }, said, { status: 400, message: 'no such thing' }] },
	once('spoilt', { say: [{ call: 'weigh', raw: '{"what": ' }] }),
	once('short', Object.assign({ stop: 'length' }, said)),
	once('never', Object.assign({ stop: 'refused' }, said)),
];
