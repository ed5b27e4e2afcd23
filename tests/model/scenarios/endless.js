/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/* Reads, and reads, and reads: each answer is paid for. */
const paths = ['price.js', 'test/price.test.js', 'package.json'];

module.exports = {
	turn: (request, k) => ({
		say: { call: 'read', input: { path: paths[k % paths.length], first: 1 + k } },
		usage: { input: 9000, cached: 4000, output: 900, reasoning: 100 },
	}),
};
