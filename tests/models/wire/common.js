/* SPDX-License-Identifier: Apache-2.0 */
'use strict';

const list = (v) => (Array.isArray(v) ? v : []);
exports.list = list;

// The text of a string, of one part or of a list of parts, whatever the protocol calls them.
function text(v) {
	if (typeof v === 'string')
		return v;
	if (Array.isArray(v))
		return v.map(text).filter(Boolean).join('\n');
	if (v && typeof v === 'object' && typeof v.text === 'string')
		return v.text;
	if (v && typeof v === 'object' && v.parts)
		return text(v.parts);
	return '';
}
exports.text = text;

// The fragments in which a text is streamed: twelve characters each, never more than 64 of them, no
// character split.
exports.fragments = (s) => {
	const all = Array.from(s);
	const size = Math.max(12, Math.ceil(all.length / 64));
	const out = [];
	for (let i = 0; i < all.length; i += size)
		out.push(all.slice(i, i + size).join(''));
	return out;
};

// The arguments of a call as text: what the scenario says as it is, where it does ("raw").
exports.spelled = (p) => (p.raw !== undefined ? p.raw : JSON.stringify(p.input));
