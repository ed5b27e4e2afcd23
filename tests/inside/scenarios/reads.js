/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
// Reads a line more each time, and nothing else.
exports.turn = (request, k) => ({ say: { call: 'read', input: { path: 'package.json', from: 1 + k } }, usage: { input: 100, output: 10 } });
