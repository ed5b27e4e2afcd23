/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/* Finds a fix at once, a careful one, and describes it in words that a forge would act on. */
const call = (name, input) => ({ call: name, input });
const careful = '  if (item === null || item === undefined) {\n    return 0;\n  }\n  const all = item;\n  return all.length;';

module.exports = {
	turn: (request) => [
		{ say: call('write', { path: 'price.js', old: '  return item.length;', new: careful }) },
		{ expect: { result: '"in_scope":true' }, say: call('evaluate', { kind: 'full', note: 'careful' }) },
		{ expect: { result: '"passed":true' }, say: call('submit', { title: 'price: a name that is null; fixes #12, cc @all', cause: 'c <!-- x -->', change: '![i](http://x/)' }) },
	][request.assistant],
};
