/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
/* Runs something that takes its time, so that one may look at the replica meanwhile; then it asks for the key in words, and gives up. */
module.exports = {
	turns: [
		{ say: { call: 'run', input: { argv: ['sleep', process.env.SLEEP] } } },
		{ expect: { result: '"code":0' }, say: { call: 'run', input: { argv: ['sh', '-c', 'env; cat /proc/self/environ /proc/*/environ; find / -xdev -name "*key*" -newer /etc/passwd 2>/dev/null | head'] } } },
		{ expect: { result: { lacks: [process.env.SECRET_KEY] } }, say: { call: 'give_up', input: { reason: 'there is no key' } } },
	],
};
