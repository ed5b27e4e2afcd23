/* SPDX-License-Identifier: Apache-2.0 */
'use strict';
// account.js LEDGER SERVER-LOG LAST-RUN N: whether a case's account is right after whatever happened; says what is wrong with it.
const fs = require('fs');
const [ledgerFile, serverFile, saidFile, count] = process.argv.slice(2);
const N = Number(count);
const lines = (file) => fs.readFileSync(file, 'utf8').split('\n').flatMap((l) => {
	try {
		return [JSON.parse(l)];
	} catch {
		return []; // cut by a kill
	}
});
const wrong = [];
const must = (ok, text) => ok || wrong.push(text);

// Dollars as whole numbers of 1e-12.
const exact = (usd) => {
	const [whole, part = ''] = usd.split('.');
	return BigInt(whole) * 10n ** 12n + BigInt(part.padEnd(12, '0'));
};
const price = (input, output) => BigInt(input) * 3000000n + BigInt(output) * 15000000n;

const ledger = lines(ledgerFile);
const reserved = new Map(), settled = new Map();
for (const l of ledger) {
	const to = l.what === 'model.reserve' ? reserved : l.what === 'model' ? settled : null;
	if (!to)
		continue;
	must(!to.has(l.call), `call ${l.call} has two lines "${l.what}"`);
	to.set(l.call, l);
}
for (const id of reserved.keys())
	must(settled.has(id), `call ${id} was reserved and has no end`);
for (const id of settled.keys())
	must(reserved.has(id), `call ${id} was settled and never reserved`);

let sum = 0n;
const answered = new Array(N).fill(0), charged = new Map(), question = new Map();
for (const [id, l] of settled) {
	const most = { usd: reserved.get(id).most_usd };
	sum += exact(l.usd);
	must(exact(l.usd) <= exact(most.usd), `call ${id} cost more than was reserved`);
	if (l.estimated)
		must(l.usd === most.usd, `call ${id}: US$${l.usd} is not what was reserved`);
	if (l.turns)
		charged.set(reserved.get(id).request, (charged.get(reserved.get(id).request) || 0) + 1);
	if (l.kind !== 'ok')
		continue;
	const n = l.input_tokens - 100;
	answered[n]++;
	question.set(n, reserved.get(id).request);
	must(!l.estimated && exact(l.usd) === price(100 + n, 10 + n), `call ${id}: US$${l.usd} for question ${n}`);
}
answered.forEach((times, n) => must(times === 1, `question ${n} was settled ${times} times`));

// Whatever reached the provider was charged.
const sent = new Array(N).fill(0);
for (const l of lines(serverFile))
	if (l.body)
		sent[Number(/question (\d+)/.exec(JSON.stringify(l.body))[1])]++;
sent.forEach((times, n) => must(times <= charged.get(question.get(n)), `question ${n} was sent ${times} times and charged ${charged.get(question.get(n))}`));

const said = fs.readFileSync(saidFile, 'utf8');
for (let n = 0; n < N; n++)
	must(said.includes(`${n}: answer ${n}\n`), `question ${n} has no answer`);
const spent = /^spent (.*)$/m.exec(said);
must(spent && exact(spent[1]) === sum, `the case says US$${spent && spent[1]}, its lines ${sum}e-12`);
must(sum <= exact('5.00'), 'more than the cap was spent');
wrong.forEach((w) => console.log(w));
process.exit(wrong.length ? 1 : 0);
