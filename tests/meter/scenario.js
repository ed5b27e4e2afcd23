/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
// The same answer, at the same price, to the same question, whoever asked what before; after a while, so that a kill finds it under way.
exports.any = true;
exports.turn = (request) => {
	const n = Number(/question (\d+)/.exec(JSON.stringify(request.body))[1]);
	return { say: `answer ${n}`, usage: { input: 100 + n, output: 10 + n }, stall: 20, after: 1 };
};
