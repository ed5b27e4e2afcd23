/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
// ask.js as an agent program in a replica: its verdicts become the reason for which the case ends, in few bytes.
const { spawnSync } = require('child_process');

const { PROTOCOL, SICKBAY_BASE_URL, KEY, MODEL } = process.env;
const run = spawnSync(process.execPath, ['/opt/agent/ask.js', PROTOCOL, SICKBAY_BASE_URL, KEY, MODEL, '/opt/agent/node_modules'],
	{ encoding: 'utf8' });
const lines = run.stdout.split('\n').filter(Boolean);
const bad = lines.filter((l) => !l.startsWith('ok '));
process.stderr.write(run.stderr + lines.join('\n') + `\nthe clients say: ${lines.length - bad.length} ok, ${bad.length} bad ${bad.join('; ')}\n`);
process.exit(3);
