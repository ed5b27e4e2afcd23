/* compare.js CASE CASE: prints what differs between two cases that should have come out the same, one line each.
 * May differ: what stands under `measured`; `prev`, which follows from it; the checkpoint, and what names it; digests of the
 * texts (which are compared without what names it) and of the ledger. */
'use strict';
const fs = require('fs');
const path = require('path');
const [one, two] = process.argv.slice(2);

const free = new Set(['measured', 'prev', 'texts', 'ledger']);

function differ(a, b, at) {
	if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
		if (a !== b) console.log(`${at}: ${JSON.stringify(a)} and ${JSON.stringify(b)}`.slice(0, 300));
		return;
	}
	for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
		if (!free.has(key)) differ(a[key], b[key], `${at}.${key}`);
}

const list = (dir) => fs.readdirSync(dir, { recursive: true }).map(String).sort();
const names = [list(one), list(two)];
for (const name of new Set(names.flat()))
	if (!names.every((n) => n.includes(name))) console.log(`${name}: only one of them has it`);

/* the text of a pull request without its cost, its evidence and its checkpoint; a patch without what names them */
const texts = {
	'pr.md': (s) => s.replace(/## Cost and scope\n[^\n]*Policy/, '').replace(/evidence sha256:\w+; audit log at \d+ entries, root \w+/, ''),
	'fix.patch': (s) => s.replace(/^From \w+/, '').replace(/Sickbay-(Evidence|Checkpoint): .*/g, ''),
};
for (const name of names[0].filter((n) => names[1].includes(n))) {
	const [a, b] = [one, two].map((dir) => path.join(dir, name));
	if (fs.statSync(a).isDirectory() || name === 'checkpoint.json' || name === 'ledger.ndjson') continue;
	const same = texts[name] || ((s) => s);
	const [x, y] = [a, b].map((file) => same(fs.readFileSync(file, 'utf8')));
	if (/^\d-.*\.json$/.test(name)) differ(JSON.parse(x), JSON.parse(y), name);
	else if (name.endsWith('.json')) differ(JSON.parse(x), JSON.parse(y), name);
	else if (name !== 'service' && x !== y) console.log(`${name}: other bytes`);
}
